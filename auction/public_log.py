"""The files that anyone can check without the house: the public log of a lot, and a bidder's receipt. Pure.

The log, lines of JSON:

    {"file":"gavelhouse-log", …}    the lot, the house's key
    terms                           the exact bytes from whose sha256 the chain begins
    events                          the exact bytes of each, in order of seq
    signed heads                    while it was open, and at the close with the Merkle root
    {"key":…,"signature":…}         over every byte above

So no byte can change unseen: events and terms are held by the chain to the signed heads, all else by the last line.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from auction.proofs_store import OwnEvent
from auction.signing import Signer, time_text

LOG_FILE = "gavelhouse-log"


def log_file(lot_id: int, terms: bytes, bodies: Sequence[bytes], heads: Sequence[str], signer: Signer) -> bytes:
    """The whole public log as a file."""
    head = json.dumps({"file": LOG_FILE, "key": signer.public_hex, "lot": lot_id, "version": 1}, sort_keys=True)
    lines = [head.replace(", ", ",").replace(": ", ":").encode(), terms, *bodies, *(one.encode() for one in heads)]
    signed = b"\n".join(lines) + b"\n"
    last = json.dumps({"key": signer.public_hex, "signature": signer.sign_bytes("log", signed)}, separators=(",", ":"))
    return signed + last.encode() + b"\n"


def receipt(client_bid_id: str, own: OwnEvent, signer: Signer, *, hides_bids: bool) -> dict[str, Any]:
    """What the house has answered to a bid, signed: the instant that decided, and the place in the log. While bids are
    hidden the place is not told: its number would count the bids before it, and so would its hash, since whoever knows all
    that was hashed but the others' bids can try whether there were any.
    """
    statement: dict[str, Any] = {
        "answer": "accepted" if own.refusal is None else "refused",
        "at": time_text(own.stamped_at),
        "bid": client_bid_id,
        "event": own.is_own,
        "lot": own.lot_id,
        "paddle": own.paddle,
    }
    if not hides_bids:
        statement |= {"hash": own.hash.hex(), "seq": own.seq}
    if own.amount_minor:
        statement["maximum_minor" if own.is_maximum else "amount_minor"] = str(own.amount_minor)
    if own.details is not None:
        statement["details"] = json.loads(own.details)
    if own.refusal is not None:
        statement["refusal"] = own.refusal
    return signer.sign("receipt", statement)
