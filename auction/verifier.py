#!/usr/bin/env python3
"""Check a lot's public log, and receipts, without the house: python verify.py LOG [--receipt FILE] [--key HEX] [--json]

Needs Python 3.11 and `cryptography`. Every byte is held to the house's signatures and to the chain of hashes; then the lot
is played again by its published rule, and winner and price must come out. Exit: 0 genuine, 1 not, 2 a file can't be read.
"""

import argparse
import json
import sys
from datetime import datetime, timedelta
from fractions import Fraction
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

STANDING = "phase ends_at paused_at price_minor leader bids extensions outcome reserve".split()


class NotGenuine(Exception):
    """What does not hold, as a sentence."""


def hold(holds, sentence):
    if not holds:
        raise NotGenuine(sentence)


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def check_signature(kind, body, signature, key):
    try:
        given = bytes.fromhex(signature)
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(given, f"gavelhouse {kind} v1\n".encode() + body)
    except Exception:
        raise NotGenuine(f"a {kind} does not bear the signature of the key {key}") from None
    hold(given.hex() == signature, f"the signature of a {kind} is not written in small hexadecimal")


def check_statement(kind, signed, keys):
    hold(signed["key"] in keys, f"a {kind} is signed by the key {signed['key']}, which is not the log's")
    unsigned = {name: value for name, value in signed.items() if name != "signature"}
    check_signature(kind, canonical(unsigned), signed["signature"], signed["key"])


def root_of(entries):  # the Merkle tree hash of RFC 6962, section 2.1
    level = [sha256(b"\x00" + entry).digest() for entry in entries]
    while len(level) > 1:
        pairs = [sha256(b"\x01" + a + b).digest() for a, b in zip(level[::2], level[1::2], strict=False)]
        level = [*pairs, level[-1]] if len(level) % 2 else pairs
    return level[0].hex()


def read_log(data, pinned):
    """The lot's terms, its events, their hashes and the house's keys; every byte is held to a signature."""
    *lines, last = data.removesuffix(b"\n").split(b"\n")
    head, end = json.loads(lines[0]), json.loads(last)
    hold(canonical(end) == last and data.endswith(b"}\n") and canonical(head) == lines[0], "the frame is not the house's")
    hold(head["key"] == end["key"] and pinned in (None, end["key"]), f"the log is signed by {end['key']}, another key")
    check_signature("log", b"\n".join(lines) + b"\n", end["signature"], end["key"])
    hold((head["file"], head["version"]) == ("gavelhouse-log", 1), "this is no log of version 1")
    terms, rows = json.loads(lines[1]), [json.loads(line) for line in lines[2:]]
    events, heads = [row for row in rows if "kind" in row], [row for row in rows if "kind" not in row]
    bodies, hashes, link = lines[2 : 2 + len(events)], [], sha256(lines[1])
    for seq, (event, body) in enumerate(zip(events, bodies, strict=True), 1):
        hold(event["seq"] == seq and event["lot"] == terms["lot"] == head["lot"], f"event {seq} is not in its place")
        link = sha256(link.digest() + body)
        hashes.append(link.hexdigest())
    for signed in heads:
        check_statement("head", signed, [signed["key"]])
        in_place = signed["lot"] == terms["lot"] and signed["seq"] > 0 and hashes[signed["seq"] - 1] == signed["head"]
        hold(in_place, f"the house has signed another event {signed['seq']}")
        is_final = signed["seq"] == len(events) and signed.get("root") == root_of(bodies)
        hold("root" not in signed or is_final, "the final head is not that of these events")
    closed = events[-1]["outcome"] is not None
    hold(not closed or "root" in heads[-1], "the final head is not signed yet: fetch the log again in a moment")
    return terms, events, hashes, {end["key"], *(signed["key"] for signed in heads)}


def check_receipt(receipt, keys, lot, events, hashes):
    check_statement("receipt", receipt, keys)
    hold(receipt["lot"] == lot.id, "the receipt is for another lot")
    sums, said = [int(receipt[name]) for name in ("amount_minor", "maximum_minor") if name in receipt], events
    if "hash" in receipt:
        hold(receipt["hash"] in hashes, "the receipt's event is not in the log: something was left out or rewritten")
        said = [events[hashes.index(receipt["hash"])]]
        hold(receipt.get("seq", said[0]["seq"]) == said[0]["seq"], "the receipt names another place in the log")
    if receipt["answer"] == "accepted" and receipt["event"]:
        own = [e for e in said if e["kind"] == "bid" and e["at"] == instant(receipt["at"])]
        made = [(line["paddle"], line["amount_minor"], None) for e in own for line in e["lines"] if not line["automatic"]]
        made += [(e["detail"]["paddle"], 0, e["detail"].get("commitment")) for e in own if "paddle" in e["detail"]]
        is_plain = "amount_minor" in receipt and not isinstance(lot, Dutch)
        commitment = receipt.get("details", {}).get("commitment")
        found = any(
            paddle == receipt["paddle"] and committed == commitment and (made_at in sums if is_plain else not sums or made_at <= sums[0])
            for paddle, made_at, committed in made
        )
        hold(found, "the receipt's bid is not in the log as the house confirmed it")


def instant(text):
    return text and datetime.fromisoformat(text.replace("Z", "+00:00"))


def commitment(*parts):
    return sha256("|".join(map(str, ("gavelhouse.sealed.v1", *parts))).encode()).hexdigest()
