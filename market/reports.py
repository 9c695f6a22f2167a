"""What the house has earned, by market, month and seller; and the journal of the book, page by page, for the accountants."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec
from msgspec import Struct

from market.csv_cells import csv_lines
from market.currencies import EXPONENTS, decimal_text
from market.fees import Market, market_of
from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Connection, Pool

_queries = load_queries("market", "reports")
JOURNAL_PAGE = 1000
JOURNAL_COLUMNS = (
    "id", "at", "kind", "subject", "actor", "debit", "credit", "currency", "amount", "amount_minor", "reverses",
)  # fmt: skip


class Earned(Struct, frozen=True, kw_only=True):
    """What the house took in a month of a seller's deals in one market; `market` None: not of a lot."""

    market: Market | None
    month: str
    seller_id: int
    seller_name: str
    currency: str
    commission_minor: int
    fees_minor: int
    forfeits_minor: int
    deals: int

    @property
    def sum_minor(self) -> int:
        return self.commission_minor + self.fees_minor + self.forfeits_minor


class JournalRow(Struct, frozen=True, kw_only=True):
    """One posting. `id` is for ever the same; `seq` is its place in the book."""

    seq: int
    op: UUID
    n: int
    at: datetime
    kind: str
    subject: str
    actor: str
    debit: str
    credit: str
    currency: str
    amount_minor: int
    reverses_op: UUID | None
    reverses_n: int | None

    @property
    def id(self) -> str:
        return f"{self.op}.{self.n}"

    @property
    def reverses(self) -> str | None:
        return None if self.reverses_op is None else f"{self.reverses_op}.{self.reverses_n}"


async def earned(
    conn: Connection, since: datetime, until: datetime, *, market: Market | None = None, seller_id: int | None = None
) -> list[Earned]:
    """Newest month first; the formats of a market are added up."""
    sums: dict[tuple[str, str, int, str], Earned] = {}
    for row in await conn.fetch(_queries.fees_by, since, until, seller_id):
        values = dict(row)
        name = values.pop("format")
        one = msgspec.convert(
            {
                **{key: 0 if value is None else value for key, value in values.items()},
                "market": None if name == "other" else Market.TRADING if name == "trading" else market_of(name),
            },
            Earned,
        )
        if market is not None and one.market is not market:
            continue
        key = (one.month, one.market or "", one.seller_id, one.currency)
        sums[key] = one if key not in sums else _added(sums[key], one)
    return list(sums.values())


def _added(one: Earned, other: Earned) -> Earned:
    return msgspec.structs.replace(
        one,
        commission_minor=one.commission_minor + other.commission_minor,
        fees_minor=one.fees_minor + other.fees_minor,
        forfeits_minor=one.forfeits_minor + other.forfeits_minor,
        deals=one.deals + other.deals,
    )


async def journal(
    conn: Connection, since: datetime, until: datetime, after: int, limit: int, now: datetime
) -> list[JournalRow]:
    """Postings in [since, until) beyond `after`, in the book's order; the last row's `seq` is where to go on."""
    rows = await conn.fetch(_queries.journal, since, until, now, after, limit)
    return [msgspec.convert(dict(row), JournalRow) for row in rows]


async def journal_csv(pool: Pool, since: datetime, until: datetime, now: datetime) -> AsyncIterator[str]:
    """The same as CSV, page after page, so that a year of it never lies in memory. Column names are the same in any language."""
    yield csv_lines([JOURNAL_COLUMNS], first=True)
    after = 0
    while True:
        async with pool.acquire() as conn:
            rows = await journal(conn, since, until, after, JOURNAL_PAGE, now)
        if rows:
            yield csv_lines([_cells(row) for row in rows])
        if len(rows) < JOURNAL_PAGE:
            return
        after = rows[-1].seq


def _cells(row: JournalRow) -> tuple[object, ...]:
    return (
        row.id,
        row.at.isoformat().replace("+00:00", "Z"),
        row.kind,
        row.subject,
        row.actor,
        row.debit,
        row.credit,
        row.currency,
        decimal_text(row.amount_minor, EXPONENTS[row.currency]),
        row.amount_minor,
        row.reverses,
    )
