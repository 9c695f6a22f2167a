"""The close of a day: the book's figures frozen in one text, hashed, chained to the close before, and signed by the house.

The business day runs until it is closed: what is posted afterwards belongs to the next one, so nothing falls between two
days. Knows no key: the caller gives what signs.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING

import asyncpg
import msgspec
from msgspec import Struct

from escrow import books, statements
from migrations.queries import load_queries

if TYPE_CHECKING:
    from asyncpg import Record

    from migrations.database import Connection

_queries = load_queries("escrow", "day_close")
KIND = "gavelhouse.day_close.v1"
SIGNED_AS = "day close"


class CloseRefusal(StrEnum):
    """Why a day is not closed, in the order in which it is tested; its sentence is `escrow_refusal.<value>`."""

    DAY_NOT_BEGUN = "day_not_begun"
    DAY_CLOSED = "day_closed"
    DAY_BEFORE_LAST_CLOSE = "day_before_last_close"
    FAULTS_NEED_A_REASON = "faults_need_a_reason"


class AccountFigure(Struct, frozen=True, kw_only=True):
    """All accounts of a kind in a currency: as the day before left them, and now. Credit positive."""

    kind: str
    currency: str
    accounts: int
    opening_minor: int
    balance_minor: int

    @property
    def moved_minor(self) -> int:
        return self.balance_minor - self.opening_minor


class CountFigure(Struct, frozen=True, kw_only=True):
    state: str
    currency: str
    count: int
    amount_minor: int


class BankFigure(Struct, frozen=True, kw_only=True):
    """Book against bank in a currency, by the latest statement."""

    currency: str
    book_minor: int
    statement_id: str | None
    statement_to: datetime | None
    closing_minor: int | None
    book_only_minor: int
    bank_only_minor: int
    unexplained_minor: int


class Fault(Struct, frozen=True, kw_only=True):
    """What is not as it should be: `book` (in the book's own words), `unexplained` or `no_statement` of a currency."""

    code: str
    detail: str


class Figures(Struct, frozen=True, kw_only=True):
    """A day's figures; their canonical JSON is what is hashed and signed."""

    kind: str = KIND
    day: date
    previous_day: date | None
    previous_sha256: str | None
    closed_by: int
    closed_at: datetime
    reason: str
    operations: int
    accounts: tuple[AccountFigure, ...]
    cases: tuple[CountFigure, ...]
    payouts: tuple[CountFigure, ...]
    quarantine: tuple[CountFigure, ...]
    entries: tuple[CountFigure, ...]
    bank: tuple[BankFigure, ...]
    faults: tuple[Fault, ...]


class DayClose(Struct, frozen=True, kw_only=True):
    """A closed day as it stands in the database."""

    day: date
    body: str
    sha256: bytes
    key: str
    signature: str
    figures: Figures


class CloseRow(Struct, frozen=True, kw_only=True):
    day: date
    sha256: bytes
    faults: int
    reason: str | None
    closed_by: int
    closed_at: datetime
    total: int


async def figures(conn: Connection, day: date, closed_by: int, reason: str, now: datetime) -> Figures:
    """What a close now would say."""
    before = await last_close(conn)
    opened = {} if before is None else {(one.kind, one.currency): one.balance_minor for one in before.figures.accounts}
    row = await conn.fetchrow(_queries.figures)
    assert row is not None
    bank = tuple(_bank(one) for one in await statements.reconciliation(conn))
    return Figures(
        day=day,
        previous_day=None if before is None else before.day,
        previous_sha256=None if before is None else before.sha256.hex(),
        closed_by=closed_by,
        closed_at=now,
        reason=reason.strip(),
        operations=row["operations"],
        accounts=tuple(
            AccountFigure(opening_minor=opened.get((one["kind"], one["currency"]), 0), **one) for one in row["accounts"]
        ),
        cases=_counts(row, "cases"),
        payouts=_counts(row, "payouts"),
        quarantine=_counts(row, "quarantine"),
        entries=_counts(row, "entries"),
        bank=bank,
        faults=(
            *(Fault(code="book", detail=fault) for fault in await books.faults(conn)),
            *(Fault(code="unexplained", detail=one.currency) for one in bank if one.unexplained_minor),
            *(Fault(code="no_statement", detail=one.currency) for one in bank if _lacks_statement(one, day)),
        ),
    )


async def close_day(
    conn: Connection,
    day: date,
    closed_by: int,
    reason: str,
    sign: Callable[[bytes], str],
    key: str,
    now: datetime,
) -> DayClose | CloseRefusal:
    """Close a day, once. With faults only for a reason, which is signed with the rest."""
    await conn.fetchval(_queries.lock_closing)
    if day > now.astimezone(UTC).date():
        return CloseRefusal.DAY_NOT_BEGUN
    before = await last_close(conn)
    if before is not None and day <= before.day:
        return CloseRefusal.DAY_CLOSED if await close_of(conn, day) else CloseRefusal.DAY_BEFORE_LAST_CLOSE
    made = await figures(conn, day, closed_by, reason, now)
    if made.faults and not made.reason:
        return CloseRefusal.FAULTS_NEED_A_REASON
    body = canonical(made)
    try:
        async with conn.transaction():
            await conn.execute(
                _queries.insert_close,
                day,
                made.previous_day,
                None if before is None else before.sha256,
                body,
                sha256(body.encode()).digest(),
                key,
                sign(body.encode()),
                len(made.faults),
                made.reason or None,
                closed_by,
                now,
            )
    except asyncpg.UniqueViolationError:
        return CloseRefusal.DAY_CLOSED
    closed = await close_of(conn, day)
    assert closed is not None, "it was written a moment ago"
    return closed


def canonical(made: Figures) -> str:
    """The one spelling of a day's figures."""
    return msgspec.json.encode(made, order="deterministic").decode()


async def last_close(conn: Connection) -> DayClose | None:
    return _read(await conn.fetchrow(_queries.last_close))


async def close_of(conn: Connection, day: date) -> DayClose | None:
    """The close of this day, if it was closed."""
    return _read(await conn.fetchrow(_queries.close_of, day))


async def closes(conn: Connection, limit: int, offset: int) -> list[CloseRow]:
    """Latest first."""
    return [msgspec.convert(dict(row), CloseRow) for row in await conn.fetch(_queries.closes, limit, offset)]


def _read(row: Record | None) -> DayClose | None:
    if row is None:
        return None
    return DayClose(
        day=row["day"],
        body=row["body"],
        sha256=row["sha256"],
        key=row["key"],
        signature=row["signature"],
        figures=msgspec.json.decode(row["body"].encode(), type=Figures),
    )


def _counts(row: Record, name: str) -> tuple[CountFigure, ...]:
    return tuple(CountFigure(**one) for one in row[name])


def _bank(one: statements.Reconciled) -> BankFigure:
    return BankFigure(
        currency=one.currency,
        book_minor=one.book_minor,
        statement_id=one.statement_id,
        statement_to=one.statement_to,
        closing_minor=one.closing_minor,
        book_only_minor=one.book_only_minor,
        bank_only_minor=one.bank_only_minor,
        unexplained_minor=one.unexplained_minor,
    )


def _lacks_statement(one: BankFigure, day: date) -> bool:
    """Money lies at the bank in this currency, and no statement reaches into the day."""
    begins_at = datetime.combine(day, time(), UTC)
    return one.book_minor != 0 and (one.statement_to is None or one.statement_to <= begins_at)
