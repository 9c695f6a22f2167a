"""Prints of trades: the one door through which a trade enters the published market data. Names nobody.

A match prints each fill, a negotiation its acceptance, in the transaction that makes it; a contract that lapses unsigned
strikes its print, so that nobody moves a price by trades that he never means to keep.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from market import live_topics
from migrations.queries import load_queries

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from migrations.database import Connection

Source = Literal["match", "acceptance", "documents"]

_queries = load_queries("market", "trading")


async def record(
    conn: Connection,
    *,
    source: Source,
    ref: int,
    category: str,
    term: str,
    currency: str,
    price_minor: int,
    quantity: int,
    now: datetime,
) -> None:
    """A trade of `quantity` at `price_minor` a unit. `source` and `ref` say which fill or acceptance it is; once is enough."""
    made = await conn.fetchval(_queries.print_trade, source, ref, category, term, currency, price_minor, quantity, now)
    if made is not None:
        await live_topics.announce(conn, f"market:{category}", live_topics.instant_version(now))


class Trade(Struct, frozen=True, kw_only=True):
    """One of many trades; `ref` says which fill it is."""

    ref: int
    price_minor: int
    quantity: int


async def record_many(
    conn: Connection,
    *,
    source: Source,
    category: str,
    term: str,
    currency: str,
    trades: Sequence[Trade],
    now: datetime,
) -> None:
    """Trades of one kind of goods, in one statement."""
    refs, prices, quantities = zip(*((one.ref, one.price_minor, one.quantity) for one in trades), strict=True)
    await conn.execute(_queries.print_trades, source, category, term, currency, now, refs, prices, quantities)
    await live_topics.announce(conn, f"market:{category}", live_topics.instant_version(now))


async def strike(conn: Connection, *, source: Source, ref: int, now: datetime) -> None:
    """The trade counts no more. Does nothing where there is no such print."""
    category: str | None = await conn.fetchval(_queries.strike_print, source, ref, now)
    if category is not None:
        await live_topics.announce(conn, f"market:{category}", live_topics.instant_version(now))
