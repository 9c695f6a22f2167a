"""The books as an operator reads them: trial balance, cases by state, money that waits for a person, and a check that
the ledger agrees with what it stands for.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct

from escrow.facts import State
from escrow.store import read
from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Connection

_ledger = load_queries("escrow", "ledger")
_books = load_queries("escrow", "books")


class TrialRow(Struct, frozen=True, kw_only=True):
    """The sum of all accounts of one kind; per currency, debits equal credits."""

    kind: str
    currency: str
    debit_minor: int
    credit_minor: int


class StateRow(Struct, frozen=True, kw_only=True):
    state: State
    currency: str
    count: int
    held_minor: int


class StuckRow(Struct, frozen=True, kw_only=True):
    """Money that waits for a person: `what` it is (quarantine, payout_returned, receivable …), `why` a reason, a state or the
    bank's own words, `since` when.
    """

    what: str
    id: int
    currency: str
    amount_minor: int
    since: datetime
    why: str
    case_id: int | None = None
    total: int = 0


class ReleaseRow(Struct, frozen=True, kw_only=True):
    """A case in inspection; it is released at `due_at` if the buyer says nothing."""

    id: int
    currency: str
    held_minor: int
    price_minor: int
    state_since: datetime
    due_at: datetime
    total: int


class ClaimRow(Struct, frozen=True, kw_only=True):
    """A disputed case; `due_at` is the next deadline, `hard_stop_at` the last."""

    id: int
    currency: str
    held_minor: int
    amount_minor: int
    state: State
    reason: str
    opened_at: datetime
    handler_id: int | None
    arbiter_id: int | None
    due_at: datetime
    hard_stop_at: datetime
    total: int


class AgeRow(Struct, frozen=True, kw_only=True):
    """What has waited for so long: bucket 0 is up to a day, 1 to a week, 2 to thirty days, 3 longer."""

    what: str
    currency: str
    bucket: int
    count: int
    amount_minor: int


class DayHeld(Struct, frozen=True, kw_only=True):
    """What lay in escrow at the end of a day (UTC)."""

    day: date
    held_minor: int


BUCKETS = 4
STUCK = (
    "quarantine",
    "payout_waiting",
    "payout_held",
    "payout_returned",
    "payout_unanswered",
    "payout_file",
    "receivable",
    "chargeback",
    "statement_entry",
    "card_difference",
)
"""What can be stuck, as `stuck_money` names it."""


async def trial_balance(conn: Connection) -> list[TrialRow]:
    """Every kind of account by currency."""
    return [read(row, TrialRow) for row in await conn.fetch(_ledger.trial_balance)]


async def cases_by_state(conn: Connection) -> list[StateRow]:
    """How many cases stand where, and what is held for them."""
    return [read(row, StateRow) for row in await conn.fetch(_books.cases_by_state)]


async def stuck_money(
    conn: Connection,
    now: datetime | None = None,
    *,
    what: str | None = None,
    currency: str | None = None,
    older_than_days: int = 0,
    by_sum: bool = False,
    limit: int = 200,
    offset: int = 0,
) -> list[StuckRow]:
    """The operator's queue, oldest or largest first. Without `now` nothing is late only because time has passed."""
    sort = "sum" if by_sum else "age"
    rows = await conn.fetch(_books.stuck_money, now, what, currency, older_than_days, sort, limit, offset)
    return [read(row, StuckRow) for row in rows]


async def to_release(conn: Connection, currency: str | None, limit: int, offset: int) -> list[ReleaseRow]:
    """Cases in inspection, the next release first."""
    return [read(row, ReleaseRow) for row in await conn.fetch(_books.to_release, currency, limit, offset)]


async def claims_by_deadline(conn: Connection, currency: str | None, limit: int, offset: int) -> list[ClaimRow]:
    """Disputed cases, the next deadline first."""
    return [read(row, ClaimRow) for row in await conn.fetch(_books.claims_by_deadline, currency, limit, offset)]


async def ageing(conn: Connection, now: datetime) -> list[AgeRow]:
    """Quarantine, returned payouts and open entries of statements by age, each currency."""
    return [read(row, AgeRow) for row in await conn.fetch(_books.ageing, now)]


async def escrow_over_time(conn: Connection, now: datetime, days: int) -> dict[str, list[DayHeld]]:
    """What lay in escrow at the end of each of the last days and now, each currency: what is held now, less what moved since."""
    first = now.astimezone(UTC).date() - timedelta(days=days - 1)
    since = datetime.combine(first, time(), UTC)
    moved: dict[tuple[str, date], int] = {
        (row["currency"], row["day"]): row["moved_minor"] for row in await conn.fetch(_books.escrow_by_day, since)
    }
    series = {}
    for row in await conn.fetch(_books.escrow_held):
        held, points = row["held_minor"], []
        for day in (first + timedelta(days=back) for back in reversed(range(days))):
            points.append(DayHeld(day=day, held_minor=held))
            held -= moved.get((row["currency"], day), 0)
        series[row["currency"]] = points[::-1]
    return series


async def faults(conn: Connection) -> list[str]:
    """What does not agree, in words for a log; empty when the book is right."""
    return [row["fault"] for row in await conn.fetch(_books.faults)]
