"""Published market data for everybody: every kind of goods at a glance, one of them in full, files, and the open feed."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from xml.etree.ElementTree import Element, SubElement, tostring

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from market.csv_cells import csv_text
from market.currencies import EXPONENTS, decimal_text
from market.house import house_of
from market.live_topics import instant_version
from market.pages.trading import grouped, shared, texts
from market.problems import Problem, ProblemError
from market.rendering import language_of, render, wire_time
from market.trading import market_data, store
from market.trading.facts import CURRENCIES, Category
from market.trading.index_chart import index_chart
from market.trading.public import alias

if TYPE_CHECKING:
    from collections.abc import Sequence

    from market.trading.market_data import Book, IndexDay, Trade
    from market.trading.search import PublicPost
    from migrations.database import Connection

FEED_POSTS = 50
ATOM = "http://www.w3.org/2005/Atom"
WORDS_VARY = "Accept-Language, Cookie"
"""What has words in it is not the same for all who ask for its address."""


class Shown(Struct, frozen=True, kw_only=True):
    """All that is published of one kind of goods in one currency."""

    category: Category
    categories: list[Category]
    currency: str
    currencies: list[str]
    book: Book
    trades: list[Trade]
    days: list[IndexDay]
    at: datetime


async def overview(request: Request) -> Response:
    """Every kind of goods at a glance."""
    house, now = house_of(request), house_of(request).node_time.now()
    async with house.pool.acquire() as conn:
        categories = await store.categories(conn)
        rows = {row.code: row for row in await market_data.glance(conn, now)}
    context = {**shared(request, categories), "rows": rows, "groups": grouped(categories), "at": now}
    return render(request, "trading/data.html", context)


async def category_data(request: Request) -> Response:
    """One kind of goods: the book, the last trades, the index and its history."""
    shown = await _shown(request)
    context = {
        **shared(request, shown.categories),
        "shown": shown,
        "chart": index_chart(shown.days),
        "days": list(reversed(shown.days)),
        "version": instant_version(shown.at),
        "deepest": max([level.to_here for side in (shown.book.supply, shown.book.demand) for level in side], default=1),
    }
    return render(request, "trading/data_category.html", context)


async def category_json(request: Request) -> Response:
    """The same for programs."""
    shown = await _shown(request)
    return Response(msgspec.json.encode(wire_of(shown)), media_type="application/json", headers=_OPEN)


async def category_csv(request: Request) -> Response:
    """The index of each day as CSV."""
    shown, text = await _shown(request), texts(request)
    exponent = EXPONENTS[shown.currency]
    header = [
        text(f"index_csv.{column}")
        for column in ("day", "index", "high", "low", "volume", "trades", "currency", "unit")
    ]
    unit = text(f"unit.{shown.category.unit}")
    rows = [
        [
            each.day.isoformat(),
            *(decimal_text(minor, exponent) for minor in (each.index_minor, each.high_minor, each.low_minor)),
            each.volume,
            each.trades,
            shown.currency,
            unit,
        ]
        for each in shown.days
    ]
    name = f"{shown.category.code}-{shown.currency}.csv"
    headers = {**_OPEN, "Content-Disposition": f'attachment; filename="{name}"', "Vary": WORDS_VARY}
    return Response(csv_text(header, rows), media_type="text/csv", headers=headers)


async def feed_atom(request: Request) -> Response:
    """The newest posts as an Atom feed (RFC 4287)."""
    house, now, lang, text = house_of(request), house_of(request).node_time.now(), language_of(request), texts(request)
    async with house.pool.acquire() as conn:
        categories = {each.code: each for each in await store.categories(conn)}
        asked = request.query_params.get("category", "")
        if asked and asked not in categories:
            raise ProblemError(Problem.NOT_FOUND)
        rows = await market_data.newest_posts(conn, now, asked or None, FEED_POSTS)
    origin = house.config.origin
    # Each kind of goods has a feed of its own, in each language.
    itself = f"{origin}/market/feed.atom?{urlencode({'category': asked, 'lang': lang} if asked else {'lang': lang})}"
    about = f" · {categories[asked].name(lang)}" if asked else ""
    feed = Element("feed", {"xmlns": ATOM, "xml:lang": "zh-CN" if lang == "zh" else "en"})
    _add(feed, "id", itself)
    _add(feed, "title", f"{text('site.name')} · {text('trading.title')}{about}")
    _add(feed, "updated", wire_time(max((row.listed_at for row in rows), default=now)))
    SubElement(feed, "link", {"rel": "self", "type": "application/atom+xml", "href": itself})
    for row in rows:
        feed.append(_entry(row, categories[row.category], origin, lang, house.config.secret_key, request))
    body = b'<?xml version="1.0" encoding="utf-8"?>\n' + tostring(feed, encoding="utf-8")
    return Response(body, media_type="application/atom+xml", headers={**_OPEN, "Vary": WORDS_VARY})


_OPEN = {
    "Cache-Control": "public, max-age=5",
    "Access-Control-Allow-Origin": "*",
}
"""Published for everybody, so that pages of others may read it, too. It is the same whoever asks."""


def _entry(row: PublicPost, category: Category, origin: str, lang: str, secret_key: str, request: Request) -> Element:
    text = texts(request)
    entry = Element("entry")
    _add(entry, "id", f"{origin}/market/posts/{row.id}")
    side = text(f"post_side.{row.side.value}")
    _add(entry, "title", f"{side}: {row.title(lang)}")
    _add(entry, "updated", wire_time(row.listed_at))
    SubElement(entry, "link", {"rel": "alternate", "href": f"{origin}/market/posts/{row.id}"})
    SubElement(entry, "category", {"term": row.category, "label": category.name(lang)})
    author = SubElement(entry, "author")
    _add(author, "name", row.party_name or text("trading.alias", alias=alias(secret_key, row.id)))
    exponent = EXPONENTS[row.currency]
    asked = (
        text("trading.ask") if row.price_minor is None else f"{row.currency} {decimal_text(row.price_minor, exponent)}"
    )
    unit = text(f"unit.{category.unit}")
    _add(
        entry,
        "summary",
        f"{row.open_quantity:,} {unit} · {asked} · {row.term} {row.place} · {row.delivery_from} – {row.delivery_to}",
    )
    return entry


def _add(parent: Element, name: str, text: str) -> None:
    SubElement(parent, name).text = "".join(sign for sign in text if sign >= " " and sign not in "\ufffe\uffff")


def wire_of(shown: Shown) -> dict[str, Any]:
    """What is published, with sums as strings of minor units."""

    def side(levels: Sequence[market_data.Level]) -> list[dict[str, Any]]:
        return [
            {"price_minor": str(each.price_minor), "quantity": each.quantity, "posts": each.posts} for each in levels
        ]

    return {
        "category": shown.category.code,
        "name_en": shown.category.name_en,
        "name_zh": shown.category.name_zh,
        "unit": shown.category.unit,
        "currency": shown.currency,
        "currencies": shown.currencies,
        "at": shown.at,
        "supply": side(shown.book.supply),
        "demand": side(shown.book.demand),
        "supply_without_price": shown.book.supply_without_price,
        "demand_without_price": shown.book.demand_without_price,
        "trades": [
            {"at": each.traded_at, "term": each.term, "price_minor": str(each.price_minor), "quantity": each.quantity}
            for each in shown.trades
        ],
        "index": [
            {
                "day": each.day,
                "index_minor": str(each.index_minor),
                "high_minor": str(each.high_minor),
                "low_minor": str(each.low_minor),
                "volume": each.volume,
                "trades": each.trades,
            }
            for each in shown.days
        ],
    }


async def _shown(request: Request) -> Shown:
    house = house_of(request)
    async with house.pool.acquire() as conn:
        code, wish = request.path_params["category"], request.query_params.get("currency", "").upper()
        if wish and wish not in CURRENCIES:
            raise ProblemError(Problem.MALFORMED, fault=f"currency is one of {', '.join(CURRENCIES)}")
        shown = await published(conn, code, wish, house.node_time.now())
    if shown is None:
        raise ProblemError(Problem.NOT_FOUND)
    return shown


async def published(conn: Connection, code: str, wish: str, now: datetime) -> Shown | None:
    """All of it in one reading; None where there is no such kind of goods."""
    categories = await store.categories(conn)
    category = next((each for each in categories if each.code == code and not each.is_group), None)
    if category is None:
        return None
    used = await market_data.currencies_of(conn, code, now)
    currency = wish or (used[0] if used else CURRENCIES[0])
    return Shown(
        category=category,
        categories=categories,
        currency=currency,
        currencies=used if currency in used else [*used, currency],
        book=await market_data.book(conn, code, currency, now),
        trades=await market_data.last_trades(conn, code, currency, now),
        days=await market_data.index_days(conn, code, currency, now),
        at=now,
    )


routes = [
    Route("/market/data", overview, name="market_data"),
    Route("/market/data/{category}.json", category_json, name="market_data_json"),
    Route("/market/data/{category}.csv", category_csv, name="market_data_csv"),
    Route("/market/data/{category}", category_data, name="market_data_category"),
    Route("/market/feed.atom", feed_atom, name="market_feed"),
]
