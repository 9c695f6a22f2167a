"""Bank statements taken in: once each, only ours, only if their balances join on; their entries matched to the book.

Taking a statement posts nothing: the book moves by the bank's notices. What the statement shows and the book lacks stays
open until an operator matches it, explains it, or takes it in as the notice that never came.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from itertools import groupby
from typing import TYPE_CHECKING

import asyncpg
import msgspec
from msgspec import Struct

from escrow import payments_store
from escrow.camt053 import Statement, StatementEntry, read_statements
from escrow.facts import BankNotice, NoticeKind
from escrow.matching import Candidate, MatchKind, Movement, Suggestion, exact_matches, suggestions
from escrow.store import read, read_one
from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Connection

_queries = load_queries("escrow", "statements")
MATCHED_AT_ONCE = 5_000
_A_MOMENT = timedelta(hours=1)
AHEAD = timedelta(days=1)
"""A bank's day may end in another zone; what is further ahead than this is no statement."""


class StatementRefusal(StrEnum):
    """Why a readable statement or a match is refused; its sentence is `escrow_refusal.<value>`."""

    OTHER_ACCOUNT = "statement_other_account"
    IN_THE_FUTURE = "statement_in_the_future"
    CHANGED = "statement_changed"
    DAYS_MISSING = "statement_days_missing"
    OPENING_DIFFERS = "statement_opening_differs"
    CLOSING_DIFFERS = "statement_closing_differs"
    UNKNOWN_ENTRY = "unknown_entry"
    ENTRY_DECIDED = "entry_decided"
    NO_SUCH_ROW = "no_such_row"
    SUM_DIFFERS = "sum_differs"
    ALREADY_MATCHED = "already_matched"
    NOT_A_CREDIT = "not_a_credit"
    TOLD_OTHERWISE = "told_otherwise"
    NOTE_MISSING = "note_missing"
    IS_A_REVERSAL = "is_a_reversal"
    NOT_A_REVERSAL = "not_a_reversal"
    NO_SUCH_ORIGINAL = "no_such_original"
    NOT_REVERSIBLE = "not_reversible"
    OWN_MONEY = "own_money"


TOLD_BY_OTHER_PAPERS = ("CARD", "PAYOUT")
"""Codes of credits that are booked when the card settlement or the payout's return itself is told; never as a transfer."""


class MissingDays(Struct, frozen=True, kw_only=True):
    """The days (UTC, both included) between a statement and what stands; `wanted` are they and the statement's own."""

    currency: str
    first: date
    last: date
    wanted: tuple[date, date]


class StatementRefused(Exception):
    """A statement of a file is refused, and with it the whole file; `detail` is the figure that would be right, `missing`
    the days that lie between it and what stands, if that is why.
    """

    def __init__(
        self, refusal: StatementRefusal, statement_id: str, detail: str = "", missing: MissingDays | None = None
    ) -> None:
        super().__init__(f"{refusal}: {statement_id} {detail}")
        self.refusal = refusal
        self.statement_id = statement_id
        self.detail = detail
        self.missing = missing


class Taken(Struct, frozen=True, kw_only=True):
    """What came of one statement. `again`: the very file was taken before, and nothing was done now."""

    id: int
    statement_id: str
    currency: str
    entries: int
    fresh: int
    again: bool = False


class TakenRow(Struct, frozen=True, kw_only=True):
    """A statement as it stands."""

    id: int
    account: str
    statement_id: str
    part: int
    currency: str
    from_at: datetime
    to_at: datetime
    opening_minor: int
    closing_minor: int
    credits_minor: int
    debits_minor: int
    entries: int
    open_entries: int
    source: str
    taken_by: int
    taken_at: datetime
    total: int


class EntryRow(Struct, frozen=True, kw_only=True):
    """An entry as it stands, with what it was matched to."""

    id: int
    statement: int
    statement_id: str
    account: str
    bank_id: str
    currency: str
    direction: str
    amount_minor: int
    booked_at: datetime
    end_to_end_id: str
    reference: str
    other_holder: str
    other_number: str
    code: str
    return_reason: str | None
    is_reversal: bool
    original_id: str
    state: str
    matched_kind: MatchKind | None
    matched_id: str | None
    matched_by: int | None
    matched_at: datetime | None
    note: str | None
    total: int

    @property
    def is_credit(self) -> bool:
        return self.direction == "credit"

    @property
    def movement(self) -> Movement:
        return Movement(
            id=self.id,
            bank_id=self.bank_id,
            end_to_end_id=self.end_to_end_id,
            is_credit=self.is_credit,
            currency=self.currency,
            amount_minor=self.amount_minor,
            at=self.booked_at,
            reference=self.reference,
            holder=self.other_holder,
            number=self.other_number,
            is_reversal=self.is_reversal,
            original_id=self.original_id,
        )


class Reconciled(Struct, frozen=True, kw_only=True):
    """Book and bank of one currency. Only-in-the-book are postings that no statement shows yet, only-at-the-bank the rest."""

    currency: str
    book_minor: int
    statement: int | None
    statement_id: str | None
    statement_to: datetime | None
    closing_minor: int | None
    book_only_minor: int
    book_only_rows: int
    bank_only_minor: int
    bank_only_rows: int

    @property
    def unexplained_minor(self) -> int:
        """What neither side can account for; 0, or something is badly wrong. Without a statement nothing is compared."""
        if self.closing_minor is None:
            return 0
        return (self.book_minor - self.book_only_minor) - (self.closing_minor - self.bank_only_minor)


async def take_file(
    conn: Connection, body: bytes, accounts: Mapping[str, str], source: str, taken_by: int, now: datetime
) -> list[Taken]:
    """Take every statement of a file, all or none, and match what can be. `accounts`: the house's number by currency.
    Raises StatementError for a file that can't be read, StatementRefused for one that does not fit.
    """
    return await take_files(conn, [body], accounts, source, taken_by, now)


async def take_files(
    conn: Connection, bodies: Sequence[bytes], accounts: Mapping[str, str], source: str, taken_by: int, now: datetime
) -> list[Taken]:
    """Take every statement of several files, all or none, as `take_file` does."""
    exponents = await payments_store.currency_exponents(conn)
    told = [(statement, body) for body in bodies for statement in read_statements(body, exponents)]
    taken: list[Taken] = []
    named: set[tuple[str, str]] = set()
    for statement, body in await _in_joining_order(conn, told):
        digest = sha256(body).digest()
        if accounts.get(statement.currency) != statement.account:
            raise StatementRefused(StatementRefusal.OTHER_ACCOUNT, statement.statement_id, statement.account)
        if statement.from_at > now + AHEAD:
            raise StatementRefused(
                StatementRefusal.IN_THE_FUTURE, statement.statement_id, statement.from_at.isoformat()
            )
        if (statement.account, statement.statement_id) in named:
            raise StatementRefused(StatementRefusal.CHANGED, statement.statement_id)
        named.add((statement.account, statement.statement_id))
        taken.append(await _take(conn, statement, body, digest, source, taken_by, now))
    await match_open(conn, now)
    return taken


async def _take(
    conn: Connection, statement: Statement, body: bytes, digest: bytes, source: str, taken_by: int, now: datetime
) -> Taken:
    account, statement_id, count = statement.account, statement.statement_id, len(statement.entries)
    await conn.fetchval(_queries.lock_account, account)
    same = await conn.fetchval(_queries.same_file, account, statement_id, digest)
    if same is not None:
        return Taken(
            id=same, statement_id=statement_id, currency=statement.currency, entries=count, fresh=0, again=True
        )
    statement = await _told_apart(conn, statement)
    before = await conn.fetchrow(_queries.last_part, account, statement_id)
    await _joins_on(conn, statement, None if before is None else before["opening_minor"])
    fresh = await _fresh(conn, statement)
    if before is not None and not fresh and before["closing_minor"] == statement.closing_minor:
        # Written anew by the bank, at another time of day, with nothing else in it.
        return Taken(
            id=before["id"], statement_id=statement_id, currency=statement.currency, entries=count, fresh=0, again=True
        )
    row_id: int = await conn.fetchval(
        _queries.insert_statement,
        account,
        statement_id,
        1 if before is None else before["part"] + 1,
        statement.currency,
        statement.from_at,
        statement.to_at,
        statement.opening_minor,
        statement.closing_minor,
        statement.credits_minor,
        statement.debits_minor,
        count,
        digest,
        body,
        source,
        taken_by,
        now,
    )
    await _insert_entries(conn, row_id, statement, fresh)
    return Taken(id=row_id, statement_id=statement_id, currency=statement.currency, entries=count, fresh=len(fresh))


async def _in_joining_order(conn: Connection, told: Sequence[tuple[Statement, bytes]]) -> list[tuple[Statement, bytes]]:
    """Each after what it joins on to: forwards, but what is older than all that stands backwards from there."""
    ordered: list[tuple[Statement, bytes]] = []
    in_time = sorted(told, key=lambda one: (one[0].account, one[0].from_at))
    for _, group in groupby(in_time, key=lambda one: one[0].account):
        several = list(group)
        since = await conn.fetchval(_queries.stands_since, several[0][0].account)
        older = [one for one in several if since is not None and one[0].from_at < since]
        ordered += [*reversed(older), *several[len(older) :]]
    return ordered


async def _joins_on(conn: Connection, statement: Statement, opening_before: int | None) -> None:
    """It opens as it did before, as the statement before it closed, and closes as the next one opens. Over days of which
    there is no statement it need not, as long as it joins on at its other side.
    """
    account, statement_id = statement.account, statement.statement_id
    if opening_before is not None and opening_before != statement.opening_minor:
        raise StatementRefused(StatementRefusal.CHANGED, statement_id, str(opening_before))
    earlier = await conn.fetchrow(_queries.neighbour_before, account, statement_id, statement.from_at)
    later = await conn.fetchrow(_queries.neighbour_after, account, statement_id, statement.from_at)
    before = None if earlier is None else _missing(statement, earlier["to_at"], statement.from_at)
    after = None if later is None else _missing(statement, statement.to_at, later["from_at"])
    joins_before, joins_after = earlier is not None and before is None, later is not None and after is None
    if earlier is not None and earlier["closing_minor"] != statement.opening_minor and not (before and joins_after):
        figure = f"{earlier['statement_id']}: {earlier['closing_minor']}"
        raise _does_not_join(StatementRefusal.OPENING_DIFFERS, statement_id, figure, before)
    if later is not None and later["opening_minor"] != statement.closing_minor and not (after and joins_before):
        figure = f"{later['statement_id']}: {later['opening_minor']}"
        raise _does_not_join(StatementRefusal.CLOSING_DIFFERS, statement_id, figure, after)


def _does_not_join(
    refusal: StatementRefusal, statement_id: str, figure: str, missing: MissingDays | None
) -> StatementRefused:
    if missing is None:
        return StatementRefused(refusal, statement_id, figure)
    return StatementRefused(
        StatementRefusal.DAYS_MISSING, statement_id, f"{missing.first} – {missing.last}", missing=missing
    )


def _missing(statement: Statement, end: datetime, start: datetime) -> MissingDays | None:
    """The whole days between an end and the next start, if there are any; a bank's day may end a second before midnight."""
    first, last = (end + _A_MOMENT).astimezone(UTC).date(), (start - _A_MOMENT).astimezone(UTC).date()
    if first > last:
        return None
    own = (statement.from_at + _A_MOMENT).astimezone(UTC).date()
    own_last = (statement.to_at - _A_MOMENT).astimezone(UTC).date()
    return MissingDays(
        currency=statement.currency, first=first, last=last, wanted=(min(first, own), max(last, own_last))
    )


async def _told_apart(conn: Connection, statement: Statement) -> Statement:
    """Reversals that bear the id of what they undo, booked on a day before, get a name of their own."""
    ids = [entry.bank_id for entry in statement.entries if entry.is_reversal]
    known = {
        row["bank_id"]: row["direction"] for row in await conn.fetch(_queries.known_entries, statement.account, ids)
    }

    def named(entry: StatementEntry) -> StatementEntry:
        undoes = entry.is_reversal and known.get(entry.bank_id, _direction(entry)) != _direction(entry)
        return entry.told_apart() if undoes else entry

    return msgspec.structs.replace(statement, entries=tuple(named(entry) for entry in statement.entries))


async def _fresh(conn: Connection, statement: Statement) -> list[StatementEntry]:
    """The entries that are new. Those that stood before must be there still, and say the same."""
    ids = [entry.bank_id for entry in statement.entries]
    known = {row["bank_id"]: row for row in await conn.fetch(_queries.known_entries, statement.account, ids)}
    under = await conn.fetch(_queries.entries_under, statement.account, statement.statement_id)
    gone = {row["bank_id"] for row in under} - set(ids)
    if gone:
        raise StatementRefused(StatementRefusal.CHANGED, statement.statement_id, min(gone))
    for entry in statement.entries:
        row = known.get(entry.bank_id)
        if row is not None and (row["direction"], row["amount_minor"]) != (_direction(entry), entry.amount_minor):
            raise StatementRefused(StatementRefusal.CHANGED, statement.statement_id, entry.bank_id)
    elsewhere = known.keys() - {row["bank_id"] for row in under}
    if elsewhere:
        raise StatementRefused(StatementRefusal.CHANGED, statement.statement_id, min(elsewhere))
    return [entry for entry in statement.entries if entry.bank_id not in known]


async def _insert_entries(
    conn: Connection, row_id: int, statement: Statement, entries: Sequence[StatementEntry]
) -> None:
    await conn.fetch(
        _queries.insert_entries,
        row_id,
        statement.account,
        statement.currency,
        [entry.bank_id for entry in entries],
        [_direction(entry) for entry in entries],
        [entry.amount_minor for entry in entries],
        [entry.booked_at for entry in entries],
        [entry.end_to_end_id for entry in entries],
        [entry.reference for entry in entries],
        [entry.other_holder for entry in entries],
        [entry.other_number for entry in entries],
        [entry.code for entry in entries],
        [entry.return_reason for entry in entries],
        [entry.is_reversal for entry in entries],
        [entry.original_id for entry in entries],
    )


def _direction(entry: StatementEntry) -> str:
    return "credit" if entry.is_credit else "debit"


async def match_open(conn: Connection, now: datetime) -> int:
    """Match every open entry that certainly is a row of ours; how many were."""
    opened = [read(row, EntryRow) for row in await conn.fetch(_queries.lock_open_entries, MATCHED_AT_ONCE)]
    if not opened:
        return 0
    found = exact_matches([entry.movement for entry in opened], await _candidates(conn, opened))
    if found:
        await conn.execute(
            _queries.match_entries,
            list(found),
            [one.kind for one in found.values()],
            [one.id for one in found.values()],
            None,
            now,
            None,
        )
    return len(found)


async def suggestions_for(conn: Connection, entries: Sequence[EntryRow]) -> dict[int, tuple[Suggestion, ...]]:
    """For each open entry the rows that it may be, likeliest first."""
    waiting = [entry for entry in entries if entry.state == "open"]
    rows = await _candidates(conn, waiting) if waiting else []
    return {entry.id: suggestions(entry.movement, rows) for entry in waiting}


async def confirm_match(
    conn: Connection, entry_id: int, kind: MatchKind, row_id: str, operator_id: int, note: str, now: datetime
) -> EntryRow | StatementRefusal:
    """An operator says which row an entry is. The sum must agree, and nobody else may have matched either meanwhile."""
    entry = await locked(conn, entry_id)
    if isinstance(entry, StatementRefusal):
        return entry
    rows = await _candidates(conn, [entry])
    row = next((one for one in rows if (one.kind, one.id) == (kind, row_id)), None)
    if row is None or (row.is_credit, row.currency) != (entry.is_credit, entry.currency):
        return StatementRefusal.NO_SUCH_ROW
    if row.amount_minor != entry.amount_minor:
        return StatementRefusal.SUM_DIFFERS
    try:
        async with conn.transaction():
            await conn.execute(
                _queries.match_entries, [entry_id], [kind], [row_id], operator_id, now, note.strip() or None
            )
    except asyncpg.UniqueViolationError:
        return StatementRefusal.ALREADY_MATCHED
    return await _again(conn, entry_id)


async def explain(
    conn: Connection, entry_id: int, operator_id: int, note: str, now: datetime
) -> EntryRow | StatementRefusal:
    """An operator says in words what an entry is that is no row of ours, such as the bank's own charge."""
    entry = await locked(conn, entry_id)
    if isinstance(entry, StatementRefusal):
        return entry
    if not note.strip():
        return StatementRefusal.NOTE_MISSING
    await conn.execute(_queries.explain_entry, entry_id, operator_id, now, note.strip())
    return await _again(conn, entry_id)


async def notice_of(conn: Connection, entry_id: int) -> BankNotice | StatementRefusal:
    """The notice that the bank should have sent of a credit: the same id, so that a late one changes nothing."""
    entry = await locked(conn, entry_id)
    if isinstance(entry, StatementRefusal):
        return entry
    if not entry.is_credit:
        return StatementRefusal.NOT_A_CREDIT
    if entry.is_reversal:
        return StatementRefusal.IS_A_REVERSAL
    if entry.code in TOLD_BY_OTHER_PAPERS or entry.return_reason is not None:
        return StatementRefusal.TOLD_OTHERWISE
    return BankNotice(
        bank_id=entry.bank_id,
        kind=NoticeKind.TRANSFER_RECEIVED,
        currency=entry.currency,
        amount_minor=entry.amount_minor,
        reference=entry.reference,
        booked_at=entry.booked_at,
        sender_holder=entry.other_holder,
        sender_number=entry.other_number,
    )


async def statements(conn: Connection, currency: str | None, limit: int, offset: int) -> list[TakenRow]:
    """Latest period first."""
    return [read(row, TakenRow) for row in await conn.fetch(_queries.statements, currency, limit, offset)]


async def statement_file(conn: Connection, statement: int) -> tuple[str, bytes] | None:
    """The bank's name of a statement, and the file as it came."""
    row = await conn.fetchrow(_queries.statement_file, statement)
    return None if row is None else (f"{row['statement_id']}-{row['part']}", row["body"])


async def entries(
    conn: Connection, *, state: str | None, currency: str | None, statement: int | None, limit: int, offset: int
) -> list[EntryRow]:
    """Oldest first."""
    rows = await conn.fetch(_queries.entries, state, currency, statement, limit, offset)
    return [read(row, EntryRow) for row in rows]


async def entry_by_id(conn: Connection, entry_id: int) -> EntryRow | None:
    return read_one(await conn.fetchrow(_queries.entry_by_id, entry_id), EntryRow)


async def reconciliation(conn: Connection) -> list[Reconciled]:
    """Book against bank, each currency in which money ever lay at the bank."""
    return [read(row, Reconciled) for row in await conn.fetch(_queries.reconciliation)]


async def locked(conn: Connection, entry_id: int) -> EntryRow | StatementRefusal:
    """An open entry, locked."""
    entry = read_one(await conn.fetchrow(_queries.lock_entry, entry_id), EntryRow)
    if entry is None:
        return StatementRefusal.UNKNOWN_ENTRY
    return entry if entry.state == "open" else StatementRefusal.ENTRY_DECIDED


async def _again(conn: Connection, entry_id: int) -> EntryRow:
    entry = await entry_by_id(conn, entry_id)
    assert entry is not None, "it was locked a moment ago"
    return entry


async def _candidates(conn: Connection, opened: Iterable[EntryRow]) -> list[Candidate]:
    waiting = list(opened)
    rows = await conn.fetch(
        _queries.candidates,
        sorted({entry.amount_minor for entry in waiting}),
        [entry.bank_id for entry in waiting],
        [entry.end_to_end_id for entry in waiting if entry.end_to_end_id],
    )
    return [read(row, Candidate) for row in rows]
