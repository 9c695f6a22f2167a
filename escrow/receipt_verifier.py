"""Check a receipt for a posting without the house: python verify_receipt.py RECEIPT [--key HEX]
Needs Python 3.11 and `cryptography`. The house's signatures, each line against the entry, the entry against the signed
head of the book. Exit: 0 genuine, 1 not.
"""

import argparse
import json
import sys
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

KIND = "gavelhouse.posting_receipt.v1"
MEMBERS = {"kind", "party", "entry", "lines", "n", "path", "book", "key", "signature"}


def hold(holds, sentence):
    if not holds:
        raise ValueError(sentence)


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def once(pairs):
    members = dict(pairs)
    hold(len(members) == len(pairs), "a member stands there twice")
    return members


def check_signature(kind, signed, key):
    hold(signed["key"] == key, f"the {kind} is signed by {signed['key']}, another key than it should be")
    body = f"gavelhouse {kind} v1\n".encode() + canonical({k: v for k, v in signed.items() if k != "signature"})
    hold(signed["signature"].islower(), f"the signature of the {kind} is not written as the house writes it")
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(bytes.fromhex(signed["signature"]), body)
    except Exception:
        raise ValueError(f"the signature of the {kind} is not that of its key") from None


def node(left, right):
    return sha256(b"\x01" + left + right).digest()


def root_from(leaf, index, size, path):
    """The root that the path leads to (RFC 9162, 2.1.3.2)."""
    hold(0 <= index < size, "the book has no such entry")
    here, last, reached = index, size - 1, leaf
    for neighbour in path:
        hold(last > 0, "the path is too long")
        if here & 1 or here == last:
            reached = node(neighbour, reached)
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            reached = node(reached, neighbour)
        here, last = here >> 1, last >> 1
    hold(last == 0, "the path is too short")
    return reached


def verify(data, key=None):
    """What the receipt shows; ValueError with a sentence if anything in it is not genuine. `key`: the house's, if known."""
    receipt = json.loads(data, object_pairs_hook=once)
    hold(isinstance(receipt, dict) and receipt.get("kind") == KIND, "this is no receipt for a posting")
    hold(set(receipt) == MEMBERS, "a member is missing or one too many")
    hold(canonical(receipt) == data.strip(), "the file is not written as the house writes it")
    key = key or receipt["key"]
    check_signature("posting receipt", receipt, key)
    check_signature("book", receipt["book"], key)
    entry, book = receipt["entry"], receipt["book"]
    numbers = [line["n"] for line in receipt["lines"]]
    hold(numbers == sorted(set(numbers)), "the lines are not in their order")
    for line in receipt["lines"]:
        shown = canonical({name: value for name, value in line.items() if name != "salt"})
        hold(1 <= line["n"] <= len(entry["lines"]), f"the entry has no line {line['n']}")
        digest = sha256(bytes.fromhex(line["salt"]) + shown).hexdigest()
        hold(digest == entry["lines"][line["n"] - 1], f"line {line['n']} is not that of the entry")
    leaf = sha256(b"\x00" + canonical(entry)).digest()
    root = root_from(leaf, receipt["n"], book["size"], [bytes.fromhex(one) for one in receipt["path"]])
    hold(root.hex() == book["root"], "the entry is not in the book that the house signed")
    moved = "; ".join(f"{x['debit']} → {x['credit']} {x['currency']} {x['amount_minor']}" for x in receipt["lines"])
    return {
        "posting": entry["op"],
        "kind": entry["kind"],
        "subject": entry["subject"],
        "at": entry["at"],
        "lines": moved or "none of yours",
        "entry": f"{receipt['n'] + 1} of {book['size']}",
        "book signed at": book["at"],
        "key": key,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("--key", help="the house's public key as you noted it")
    given = parser.parse_args()
    try:
        with open(given.file, "rb") as file:
            found = verify(file.read(), given.key)
    except Exception as fault:
        print("NOT GENUINE:", fault)
        return 1
    print("GENUINE")
    for name, value in found.items():
        print(f"  {name}: {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
