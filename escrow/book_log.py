"""The bytes of the sealed book: what an operation's entry says, and how a party is shown its own lines of it. Pure.

An entry names the operation and holds a salted hash of each of its lines, so that a receipt can show some of the lines and
keep the others to itself. All of it is canonical JSON: sorted keys, no spaces.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from msgspec import Struct

SALT_BYTES = 16
SELLERS_OWN = ("commission", "fees")
"""What leaves an escrow for the house: the seller pays it, the buyer need not know it."""


class Line(Struct, frozen=True, kw_only=True):
    """One transfer of an operation. The owners are the parties of the two accounts; of a case's own account both parties."""

    n: int
    debit: str
    credit: str
    currency: str
    amount_minor: int
    owners: tuple[int, ...]
    buyer_id: int | None = None
    seller_id: int | None = None


class Recorded(Struct, frozen=True, kw_only=True):
    """An operation as it stands in the ledger, with all its lines in order."""

    op: UUID
    kind: str
    subject: str
    at: datetime
    lines: tuple[Line, ...]


def canonical(value: Any) -> bytes:
    """The one spelling of a value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def shown_line(line: Line) -> dict[str, Any]:
    """A line as a receipt shows it; amounts are strings of minor units."""
    return {
        "n": line.n,
        "debit": line.debit,
        "credit": line.credit,
        "currency": line.currency,
        "amount_minor": str(line.amount_minor),
    }


def line_salt(salt: bytes, n: int) -> bytes:
    """The salt of line `n`: it follows from the entry's, and tells nothing of another line's."""
    return sha256(salt + n.to_bytes(2, "big")).digest()


def line_hash(line: Line, salt: bytes) -> bytes:
    """What the entry holds in place of the line."""
    return sha256(line_salt(salt, line.n) + canonical(shown_line(line))).digest()


def entry_of(recorded: Recorded, salt: bytes) -> dict[str, Any]:
    """The entry of an operation; its canonical bytes are the leaf of the tree."""
    return {
        "at": recorded.at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "kind": recorded.kind,
        "lines": [line_hash(line, salt).hex() for line in recorded.lines],
        "op": str(recorded.op),
        "subject": recorded.subject,
    }


def lines_for(recorded: Recorded, party_id: int) -> Sequence[Line]:
    """The lines that this party may read: those of its own accounts, what comes into its case, and a seller's own fees."""
    return [line for line in recorded.lines if _may_read(line, party_id)]


def concerns(recorded: Recorded, party_id: int) -> bool:
    """Whether the operation is this party's at all, even if none of its lines is."""
    return any(party_id in (*line.owners, line.buyer_id, line.seller_id) for line in recorded.lines)


def _may_read(line: Line, party_id: int) -> bool:
    if party_id in line.owners:
        return True
    if party_id == line.seller_id:
        return line.credit.startswith("escrow:") or line.credit in SELLERS_OWN
    return party_id == line.buyer_id and line.credit.startswith("escrow:")
