"""What a reversed entry of a statement undoes: found by the bank's id, the end-to-end id or the reference, or else named as
one of those that it may be, for an operator to choose. Nothing is posted here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from escrow import store
from escrow.matching import MatchKind
from escrow.references import find_reference
from escrow.statements import AHEAD, EntryRow, StatementRefusal, locked
from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Connection

_queries = load_queries("escrow", "statements")
MOST_ORIGINALS = 20


class Original(Struct, frozen=True, kw_only=True):
    """A movement that a reversed entry may undo: a transfer by the bank's id, or a payout by its number, and whose that
    was. `surely`: both sides know the same id or reference, and nothing else fits as well.
    """

    kind: MatchKind
    id: str
    bank_id: str
    end_to_end_id: str
    at: datetime
    reference: str
    holder: str
    number: str
    case_id: int | None
    party_id: int | None = None
    surely: bool = False


async def originals_of(conn: Connection, entries: Sequence[EntryRow]) -> dict[int, tuple[Original, ...]]:
    """For each open reversed entry what it may undo, of the same sum and currency, the surest and latest first."""
    waiting = [entry for entry in entries if entry.state == "open" and entry.is_reversal]
    return {entry.id: await _originals(conn, entry) for entry in waiting}


async def _originals(conn: Connection, entry: EntryRow) -> tuple[Original, ...]:
    sum_of = (entry.currency, entry.amount_minor, entry.booked_at + AHEAD, MOST_ORIGINALS)
    if entry.is_credit:
        rows = await conn.fetch(_queries.payouts_to_reverse, *sum_of, entry.end_to_end_id)
    else:
        reference = (find_reference(entry.reference) or "").replace("-", "")
        named_by = (entry.original_id, entry.end_to_end_id, reference)
        rows = await conn.fetch(_queries.transfers_to_reverse, *sum_of, *named_by)
    found = [await _with_case(conn, Original(**{**dict(row), "kind": MatchKind(row["kind"])})) for row in rows]
    named = [one for one in found if _is_named(entry, one)]
    if len(named) != 1:
        return tuple(sorted(found, key=lambda one: one not in named))
    sure = msgspec.structs.replace(named[0], surely=True)
    return (sure, *(one for one in found if one is not named[0]))


async def _with_case(conn: Connection, one: Original) -> Original:
    """With the deal that its reference names, if it names one."""
    reference = find_reference(one.reference)
    if one.case_id is not None or reference is None:
        return one
    return msgspec.structs.replace(one, case_id=await store.case_named(conn, reference))


def _is_named(entry: EntryRow, one: Original) -> bool:
    if entry.original_id and one.bank_id:
        return entry.original_id == one.bank_id
    if entry.end_to_end_id and one.end_to_end_id:
        return entry.end_to_end_id == one.end_to_end_id
    reference = find_reference(entry.reference)
    return reference is not None and reference == find_reference(one.reference)


async def original_to_post(
    conn: Connection, entry_id: int, kind: MatchKind, original_id: str
) -> tuple[EntryRow, Original] | StatementRefusal:
    """The open reversed entry, locked, and what it is said to undo."""
    entry = await locked(conn, entry_id)
    if isinstance(entry, StatementRefusal):
        return entry
    if not entry.is_reversal:
        return StatementRefusal.NOT_A_REVERSAL
    found = await _originals(conn, entry)
    one = next((each for each in found if (each.kind, each.id) == (kind, original_id)), None)
    return StatementRefusal.NO_SUCH_ORIGINAL if one is None else (entry, one)
