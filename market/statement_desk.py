"""Statements at the desk: taken from a file or from the bank, entries decided by an operator, each act with its audit line.

Knows no page and no wire.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from escrow import claims_store, originals, statements
from escrow.bank_inbox import NoticeConflictError
from escrow.facts import BankNotice, NoticeKind, Outcome
from escrow.matching import MatchKind
from escrow.originals import Original
from escrow.statements import EntryRow, StatementRefusal, Taken
from market import audit

if TYPE_CHECKING:
    from escrow.bank_client import BankClient
    from escrow.desk import EscrowDesk
    from escrow.payouts import Centre
    from migrations.database import Connection


MOST_DAYS = 31


class FetchRefusal(StrEnum):
    """Why days can't be fetched from the bank; the sentence is `market_refusal.<value>`."""

    DAY_TO_COME = "day_to_come"
    TOO_MANY_DAYS = "too_many_days"
    NO_SUCH_STATEMENT = "no_such_statement"


class FetchRefused(Exception):
    """`day` is the latest possible one, the first asked for, or the one that the bank has no statement of."""

    def __init__(self, refusal: FetchRefusal, day: date) -> None:
        super().__init__(f"{refusal}: {day}")
        self.refusal = refusal
        self.day = day


async def take(
    conn: Connection, body: bytes, centre: Centre, source: str, operator_id: int, now: datetime
) -> list[Taken]:
    """Take a statement file in. Raises StatementError and StatementRefused; then nothing of it was taken."""
    return await take_several(conn, [body], centre, source, operator_id, now)


async def fetch(bank: BankClient, first: date, last: date, currency: str, now: datetime) -> list[bytes]:
    """The bank's statements of these days. Raises BankError, and FetchRefused with the day that it is about."""
    today = now.astimezone(UTC).date()
    if last > today:
        raise FetchRefused(FetchRefusal.DAY_TO_COME, today)
    if not first <= last < first + timedelta(days=MOST_DAYS):
        raise FetchRefused(FetchRefusal.TOO_MANY_DAYS, first)
    bodies = []
    for day in (first + timedelta(days=n) for n in range((last - first).days + 1)):
        body = await bank.statement(day, currency)
        if body is None:
            raise FetchRefused(FetchRefusal.NO_SUCH_STATEMENT, day)
        bodies.append(body)
    return bodies


async def take_several(
    conn: Connection, bodies: list[bytes], centre: Centre, source: str, operator_id: int, now: datetime
) -> list[Taken]:
    """Take several files in, all or none. Raises as `take` does."""
    taken = await statements.take_files(conn, bodies, centre.accounts, source, operator_id, now)
    for one in taken:
        if not one.again:
            detail = {"statement": one.statement_id, "entries": one.entries, "source": source}
            await audit.record(conn, operator_id, "statement.taken", f"statement:{one.id}", None, detail, now)
    return taken


async def match(
    conn: Connection, entry_id: int, kind: MatchKind, row_id: str, operator_id: int, note: str, now: datetime
) -> EntryRow | StatementRefusal:
    """An operator confirms what an entry is."""
    done = await statements.confirm_match(conn, entry_id, kind, row_id, operator_id, note, now)
    return await _told(conn, done, "entry.matched", operator_id, note, now)


async def explain(
    conn: Connection, entry_id: int, operator_id: int, note: str, now: datetime
) -> EntryRow | StatementRefusal:
    """An operator says what an entry is that is no row of ours."""
    done = await statements.explain(conn, entry_id, operator_id, note, now)
    return await _told(conn, done, "entry.explained", operator_id, note, now)


async def take_in(
    conn: Connection, desk: EscrowDesk, entry_id: int, operator_id: int, note: str, now: datetime
) -> EntryRow | StatementRefusal:
    """The money of a credit came and the bank's notice never did: it is received as if it had."""
    notice = await statements.notice_of(conn, entry_id)
    if isinstance(notice, StatementRefusal):
        return notice
    if not note.strip():
        return StatementRefusal.NOTE_MISSING
    try:
        async with conn.transaction():
            await desk.inbox.receive(conn, notice, now)
    except NoticeConflictError:
        return StatementRefusal.ALREADY_MATCHED
    done = await statements.confirm_match(conn, entry_id, MatchKind.NOTICE, notice.bank_id, operator_id, note, now)
    return await _told(conn, done, "entry.taken_in", operator_id, note, now)


async def reverse(
    conn: Connection,
    desk: EscrowDesk,
    entry_id: int,
    kind: MatchKind,
    row_id: str,
    operator_id: int,
    note: str,
    now: datetime,
) -> EntryRow | StatementRefusal:
    """An operator says which movement a reversed entry undoes; the book undoes it, as if the bank itself had told."""
    if not note.strip():
        return StatementRefusal.NOTE_MISSING
    found = await originals.original_to_post(conn, entry_id, kind, row_id)
    if isinstance(found, StatementRefusal):
        return found
    notice = _notice_of_reversal(*found)
    try:
        async with conn.transaction():
            matched = await _post_reversal(conn, desk, notice, found[1], operator_id, now)
            done = await statements.confirm_match(conn, entry_id, *matched, operator_id, note, now)
            if isinstance(done, StatementRefusal):
                raise _NotPosted(done)
    except NoticeConflictError:
        return StatementRefusal.ALREADY_MATCHED
    except _NotPosted as refused:
        return refused.why
    return await _told(conn, done, "entry.reversed", operator_id, note, now)


class _NotPosted(Exception):
    """Nothing of the reversal stands."""

    def __init__(self, why: StatementRefusal) -> None:
        super().__init__(why)
        self.why = why


def _notice_of_reversal(entry: EntryRow, original: Original) -> BankNotice:
    """What the bank would have sent, under the id of its entry: a late one changes nothing."""
    is_payout = original.kind is MatchKind.PAYOUT
    return BankNotice(
        bank_id=entry.bank_id,
        kind=NoticeKind.PAYOUT_RETURNED if is_payout else NoticeKind.TRANSFER_REVERSED,
        currency=entry.currency,
        amount_minor=entry.amount_minor,
        reference=original.end_to_end_id if is_payout else original.bank_id,
        booked_at=entry.booked_at,
        reason="reversed",
    )


async def _post_reversal(
    conn: Connection, desk: EscrowDesk, notice: BankNotice, original: Original, operator_id: int, now: datetime
) -> tuple[MatchKind, str]:
    """What the entry then is: the notice of the reversal, or the return of the payout."""
    if original.party_id == operator_id:
        raise _NotPosted(StatementRefusal.OWN_MONEY)
    received = await desk.inbox.receive(conn, notice, now)
    if received.again or received.outcome is Outcome.IGNORED:
        raise _NotPosted(StatementRefusal.NOT_REVERSIBLE)
    if operator_id in await claims_store.hit_by(conn, notice.bank_id):
        raise _NotPosted(StatementRefusal.OWN_MONEY)
    if received.outcome is Outcome.TRANSFER_REVERSED:
        return MatchKind.REVERSAL, notice.bank_id
    if received.outcome is Outcome.PAYOUT_RETURNED:
        return MatchKind.PAYOUT_RETURN, original.id
    return MatchKind.NOTICE, notice.bank_id


async def _told(
    conn: Connection, done: EntryRow | StatementRefusal, act: str, operator_id: int, note: str, now: datetime
) -> EntryRow | StatementRefusal:
    if isinstance(done, EntryRow):
        detail = {"currency": done.currency, "amount_minor": done.amount_minor, "matched": done.matched_id}
        await audit.record(conn, operator_id, act, f"entry:{done.id}", note.strip() or None, detail, now)
    return done
