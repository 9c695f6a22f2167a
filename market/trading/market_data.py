"""Published market data: the book by price levels, the last trades, an index a day, and a glance at every kind of goods.

Made of posts that the public can see and of prints of trades, and of nothing else; no level, trade or figure carries whose
it is. Trades are told to the minute. The index of a day (UTC) is its volume-weighted mean price, rounded half away from
zero to the minor unit.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from market.trading.search import PublicPost
from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Connection

LEVELS = 10
LAST_TRADES = 50
HISTORY = timedelta(days=180)

_queries = load_queries("market", "trading")


class Level(Struct, frozen=True, kw_only=True):
    """All that is open at one price."""

    price_minor: int
    quantity: int
    posts: int
    to_here: int = 0
    """This level and the better ones together."""


class Asks(Struct, frozen=True, kw_only=True):
    """What is open without a price."""

    quantity: int = 0
    posts: int = 0


class Book(Struct, frozen=True, kw_only=True):
    """Supply from the lowest price up, demand from the highest down."""

    supply: list[Level]
    demand: list[Level]
    supply_without_price: Asks
    demand_without_price: Asks


class Trade(Struct, frozen=True, kw_only=True):
    traded_at: datetime
    term: str
    currency: str
    price_minor: int
    quantity: int


class IndexDay(Struct, frozen=True, kw_only=True):
    day: date
    index_minor: int
    volume: int
    trades: int
    high_minor: int
    low_minor: int


class Glance(Struct, frozen=True, kw_only=True):
    """One kind of goods. `before_minor`: the index of the last day with trades before that of the last trade."""

    code: str
    supply: int
    demand: int
    supply_posts: int
    demand_posts: int
    currency: str | None = None
    price_minor: int | None = None
    traded_at: datetime | None = None
    before_minor: int | None = None

    @property
    def change_bp(self) -> int | None:
        """The last price against the index before, in basis points, rounded towards zero."""
        if self.price_minor is None or not self.before_minor:
            return None
        change = self.price_minor - self.before_minor
        return (1 if change > 0 else -1) * (abs(change) * 10_000 // self.before_minor)


async def book(
    conn: Connection, category: str, currency: str, now: datetime, *, term: str | None = None, levels: int = LEVELS
) -> Book:
    """The best levels of both sides."""
    sides: dict[str, list[Level]] = {"supply": [], "demand": []}
    for row in await conn.fetch(_queries.book_levels, category, currency, now, term):
        so_far = sides[row["side"]]
        to_here = row["quantity"] + (so_far[-1].to_here if so_far else 0)
        so_far.append(
            Level(price_minor=row["price_minor"], quantity=row["quantity"], posts=row["posts"], to_here=to_here)
        )
    asks = {
        row["side"]: Asks(quantity=row["quantity"], posts=row["posts"])
        for row in await conn.fetch(_queries.book_asks, category, currency, now, term)
    }
    return Book(
        supply=sides["supply"][:levels],
        demand=sides["demand"][:levels],
        supply_without_price=asks.get("supply", Asks()),
        demand_without_price=asks.get("demand", Asks()),
    )


async def last_trades(
    conn: Connection, category: str, currency: str, now: datetime, limit: int = LAST_TRADES
) -> list[Trade]:
    """The newest first."""
    rows = await conn.fetch(_queries.last_trades, category, currency, now, limit)
    return [msgspec.convert(dict(row), Trade) for row in rows]


async def index_days(
    conn: Connection, category: str, currency: str, now: datetime, back: timedelta = HISTORY
) -> list[IndexDay]:
    """Each day with trades, the oldest first."""
    rows = await conn.fetch(_queries.index_days, category, currency, now - back, now)
    return [msgspec.convert(dict(row), IndexDay) for row in rows]


async def currencies_of(conn: Connection, category: str, now: datetime) -> list[str]:
    """Those in which it is traded or posted, the most used first."""
    return [row["currency"] for row in await conn.fetch(_queries.traded_currencies, category, now)]


async def glance(conn: Connection, now: datetime) -> list[Glance]:
    """Every kind of goods."""
    return [msgspec.convert(dict(row), Glance) for row in await conn.fetch(_queries.market_glance, now)]


async def newest_posts(conn: Connection, now: datetime, category: str | None, limit: int) -> list[PublicPost]:
    """For the open feed."""
    rows = await conn.fetch(_queries.newest_posts, now, category, limit)
    return [msgspec.convert(dict(row), PublicPost) for row in rows]
