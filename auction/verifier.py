#!/usr/bin/env python3
"""Check the public log of a lot, and a bidder's receipt, without the house: python verify.py LOG [--receipt FILE] [--key HEX]

Needs Python 3.11 and the package `cryptography`. It holds every byte of the log to the house's signatures and to the
chain of hashes, and works out winner and price once more by the published rule. Exit status: 0 genuine, 1 not, 2 misused.
"""

import argparse
import json
import sys
from datetime import datetime
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class NotGenuine(Exception):
    """What does not hold, as a sentence."""


def hold(holds, sentence):
    """Every claim of the log passes here."""
    if not holds:
        raise NotGenuine(sentence)


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def check_signature(kind, body, signature, key, what):
    try:
        hold(bytes.fromhex(signature).hex() == signature, f"the signature of {what} is not written as it must be")
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(
            bytes.fromhex(signature), f"gavelhouse {kind} v1\n".encode() + body
        )
    except (InvalidSignature, ValueError):
        raise NotGenuine(f"the signature of {what} is not that of the key {key}") from None


def check_statement(kind, statement, key, what):
    hold(statement.get("key") == key, f"{what} is signed by another key")
    unsigned = {name: value for name, value in statement.items() if name != "signature"}
    check_signature(kind, canonical(unsigned), statement["signature"], key, what)


def root_of(entries):
    """The Merkle tree hash of RFC 6962, section 2.1."""
    level = [sha256(b"\x00" + entry).digest() for entry in entries]
    while len(level) > 1:
        pairs = [sha256(b"\x01" + a + b).digest() for a, b in zip(level[::2], level[1::2], strict=False)]
        level = [*pairs, level[-1]] if len(level) % 2 else pairs
    return level[0].hex()


def read_log(data, pinned):
    """The lot's terms, its events and their hashes, every byte held to a signature."""
    hold(data.endswith(b"\n"), "the file does not end where the house ended it")
    *lines, last = data[:-1].split(b"\n")
    hold(len(lines) > 2, "the file holds no log")
    head, trailer = json.loads(lines[0]), json.loads(last)
    hold(
        canonical(trailer) == last and canonical(head) == lines[0], "the first or last line is not as the house writes"
    )
    hold((head["file"], head["version"]) == ("gavelhouse-log", 1), "this is no log of version 1")
    key = trailer["key"]
    hold(head["key"] == key and pinned in (None, key), f"the log is signed by {key}, not by the key you gave")
    check_signature("log", b"\n".join(lines) + b"\n", trailer["signature"], key, "the file")
    terms, rows = json.loads(lines[1]), [json.loads(line) for line in lines[2:]]
    events = [row for row in rows if "kind" in row]
    heads = rows[len(events) :]
    bodies = lines[2 : 2 + len(events)]
    hashes, former = [], sha256(lines[1]).digest()
    for seq, (event, body) in enumerate(zip(events, bodies, strict=True), 1):
        hold(event["seq"] == seq and event["lot"] == terms["lot"] == head["lot"], f"event {seq} is not in its place")
        former = sha256(former + body).digest()
        hashes.append(former.hex())
    for signed in heads:
        check_statement("head", signed, signed["key"], f"the head of event {signed['seq']}")
        hold(signed["lot"] == head["lot"], "a head is that of another lot")
        hold(signed["head"] == hashes[signed["seq"] - 1], f"event {signed['seq']} is not the one whose head was signed")
    finals = [signed for signed in heads if "root" in signed]
    if events[-1]["outcome"] is not None:
        hold(finals, "the lot is closed, but its final head is not signed yet: fetch the log again in a moment")
        hold(finals[-1]["seq"] == len(events), "something comes after the final head")
        hold(finals[-1]["root"] == root_of(bodies), "the root is not that of these events")
    return terms, events, hashes, key


def instant(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def check_receipt(receipt, key, events, hashes):
    check_statement("receipt", receipt, key, "the receipt")
    hold(receipt["hash"] in hashes, "the receipt's event is not in this log: something has been left out or rewritten")
    event = events[hashes.index(receipt["hash"])]
    hold(receipt.get("seq", event["seq"]) == event["seq"], "the receipt names another place in the log")
    if receipt["event"] and receipt["answer"] == "accepted":
        hold(event["kind"] == "bid" and event["at"] == receipt["at"], "the event is not the bid of the receipt")


# Rules by format: each takes the terms and the events, holds them to the rule, and answers with (winner, price).


RULES = {}  # type: ignore[var-annotated]


def verify(data, pinned=None, receipts=()):
    """What the log comes to. Raises NotGenuine."""
    try:
        terms, events, hashes, key = read_log(data, pinned)
        form = terms["rule"].get("format", "english")
        hold(form in RULES, f"this program does not know the format {form}")
        winner, price = RULES[form](terms, events)
        last = events[-1]
        hold((last["leader"], last["price_minor"]) == (winner, price), f"by the rule it is {winner} at {price}")
        for receipt in receipts:
            check_receipt(receipt, key, events, hashes)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, UnicodeDecodeError) as error:
        raise NotGenuine(f"the file is damaged ({type(error).__name__}: {error})") from error
    return {
        "lot": terms["lot"],
        "format": form,
        "events": len(events),
        "outcome": last["outcome"],
        "winner": winner,
        "price_minor": price,
        "currency": terms["currency"],
        "key": key,
    }


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="verify.py", description=__doc__.splitlines()[0])
    parser.add_argument("log")
    parser.add_argument("--receipt", action="append", default=[])
    parser.add_argument("--key", help="the house's public key, as you noted it")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    try:
        data = open(given.log, "rb").read()
        receipts = [json.load(open(name, "rb")) for name in given.receipt]
    except (OSError, ValueError) as error:
        print(f"verify.py: {error}", file=sys.stderr)
        return 2
    try:
        found = verify(data, given.key, receipts)
    except NotGenuine as fault:
        print(json.dumps({"genuine": False, "fault": str(fault)}) if given.json else f"NOT GENUINE: {fault}")
        return 1
    if given.json:
        print(json.dumps({"genuine": True, **found}))
    else:
        print("GENUINE\n" + "\n".join(f"  {name}: {value}" for name, value in found.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
