"""The API's published market data: every kind of goods at a glance, one in full, and the open feed of new posts."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from market.api.operations import Call, operation
from market.api.posts import Code, PostShape, public_shape
from market.api.shapes import CurrencyTraded, MinorOut
from market.pages.market_data import published, wire_of
from market.problems import Problem, ProblemError
from market.trading import market_data, store


class LevelShape(Struct, kw_only=True):
    price_minor: MinorOut
    quantity: int
    posts: int


class AsksShape(Struct, kw_only=True):
    quantity: int
    posts: int


class TradeShape(Struct, kw_only=True):
    """A trade, told to the minute. Names nobody."""

    at: datetime
    term: str
    price_minor: MinorOut
    quantity: int


class IndexShape(Struct, kw_only=True):
    """The volume-weighted mean price of a day (UTC), rounded to the minor unit."""

    day: date
    index_minor: MinorOut
    high_minor: MinorOut
    low_minor: MinorOut
    volume: int
    trades: int


class MarketDataShape(Struct, kw_only=True):
    """One kind of goods in one currency: the book by price levels, the last trades, the index of each day."""

    category: str
    name_en: str
    name_zh: str
    unit: str
    currency: str
    currencies: list[str]
    at: datetime
    supply: list[LevelShape]
    demand: list[LevelShape]
    supply_without_price: AsksShape
    demand_without_price: AsksShape
    trades: list[TradeShape]
    index: list[IndexShape]


class GlanceShape(Struct, kw_only=True):
    category: str
    supply: int
    demand: int
    supply_posts: int
    demand_posts: int
    currency: str | None
    price_minor: MinorOut | None
    traded_at: datetime | None
    change_bp: int | None


class Glances(Struct, kw_only=True):
    items: list[GlanceShape]


class MarketDataQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    currency: CurrencyTraded | None = None


class FeedQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    category: Code | None = None
    limit: Annotated[int, Meta(ge=1, le=100)] = 50


class Feed(Struct, kw_only=True):
    """The newest posts; the same as Atom at `/market/feed.atom`."""

    items: list[PostShape]


@operation("GET", "/market/data", tag="market")
async def market_glance(call: Call) -> Glances:
    """Every kind of goods at a glance."""
    rows = await market_data.glance(call.conn, call.now)
    return Glances(
        items=[
            GlanceShape(
                category=each.code,
                supply=each.supply,
                demand=each.demand,
                supply_posts=each.supply_posts,
                demand_posts=each.demand_posts,
                currency=each.currency,
                price_minor=None if each.price_minor is None else str(each.price_minor),
                traded_at=each.traded_at,
                change_bp=each.change_bp,
            )
            for each in rows
        ]
    )


@operation("GET", "/market/data/{category:str}", tag="market")
async def market_data_of(call: Call, category: str, query: MarketDataQuery) -> MarketDataShape:
    """One kind of goods in full, in the currency asked for or the most used one."""
    shown = await published(call.conn, category, query.currency or "", call.now)
    if shown is None:
        raise ProblemError(Problem.NOT_FOUND)
    return msgspec.convert(msgspec.to_builtins(wire_of(shown)), MarketDataShape)


@operation("GET", "/market/feed", tag="market")
async def market_feed(call: Call, query: FeedQuery) -> Feed:
    """The newest posts, for everybody."""
    known = {each.code for each in await store.categories(call.conn)}
    if query.category is not None and query.category not in known:
        raise ProblemError(Problem.NOT_FOUND)
    rows = await market_data.newest_posts(call.conn, call.now, query.category, query.limit)
    return Feed(items=[public_shape(call, each) for each in rows])
