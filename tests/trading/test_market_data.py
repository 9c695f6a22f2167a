"""Published market data: levels, trades and the index against plain reckoning, and that they name nobody."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

import msgspec
import pytest

from market.pages.market_data import published, wire_of
from market.trading import market_data, posts, prints
from market.trading.facts import Side
from market.trading.index_chart import PRICE_BASE, TOP, VOLUME_BASE, WIDTH, index_chart
from migrations.database import Role, connect
from tests.trading.market import NOW, party, posted

if TYPE_CHECKING:
    from migrations.database import Address, Connection

DAY = timedelta(days=1)


@pytest.fixture
async def conn(module_database: Address) -> AsyncIterator[Connection]:
    conn = await connect(module_database, Role.APP)
    around = conn.transaction()
    await around.start()
    try:
        yield conn
    finally:
        await around.rollback()
        await conn.close()


async def test_the_book_adds_what_is_open_at_each_price_the_best_first(conn: Connection) -> None:
    owner = await party(conn, "Owner")
    first = await posted(conn, owner, price_minor=100, quantity=10)
    await posted(conn, owner, price_minor=100, quantity=5)
    await posted(conn, owner, price_minor=90, quantity=7)
    await posted(conn, owner, price_minor=None, quantity=3)
    await posted(conn, owner, side=Side.DEMAND, price_minor=80, quantity=4)
    await posted(conn, owner, side=Side.DEMAND, price_minor=85, quantity=6)
    await posted(conn, owner, currency="USD", price_minor=1)
    gone = await posted(conn, owner, price_minor=50, quantity=10)
    await posts.take(conn, first.id, 4, NOW)
    await posts.take(conn, gone.id, 10, NOW)
    book = await market_data.book(conn, "hot_rolled_coil", "CNY", NOW)
    assert [(each.price_minor, each.quantity, each.posts, each.to_here) for each in book.supply] == [
        (90, 7, 1, 7),
        (100, 11, 2, 18),
    ]
    assert [(each.price_minor, each.to_here) for each in book.demand] == [(85, 6), (80, 10)]
    assert (book.supply_without_price.quantity, book.supply_without_price.posts) == (3, 1)
    assert len((await market_data.book(conn, "hot_rolled_coil", "CNY", NOW, levels=1)).supply) == 1


async def test_the_index_is_the_volume_weighted_mean_of_a_day_without_what_was_struck(conn: Connection) -> None:
    dice = random.Random(3)
    days: dict[int, list[tuple[int, int]]] = {}
    for ref in range(1, 41):
        ago, price, quantity = dice.randrange(5), dice.randrange(1, 10**6), dice.randrange(1, 10**4)
        await prints.record(
            conn, source="match", ref=ref, category="urea", term="FOB", currency="CNY", price_minor=price,
            quantity=quantity, now=NOW - ago * DAY,
        )  # fmt: skip
        if ref % 8:
            days.setdefault(ago, []).append((price, quantity))
        else:
            await prints.strike(conn, source="match", ref=ref, now=NOW)
    # Told twice, it is one trade.
    await prints.record(
        conn, source="match", ref=1, category="urea", term="FOB", currency="CNY", price_minor=1, quantity=1, now=NOW
    )
    rows = await market_data.index_days(conn, "urea", "CNY", NOW + DAY)
    assert len(rows) == len(days)
    for row in rows:
        trades = days[(NOW.date() - row.day).days]
        mean = Decimal(sum(p * q for p, q in trades)) / sum(q for _, q in trades)
        assert row.index_minor == int(mean.quantize(Decimal(1), ROUND_HALF_UP))
        assert (row.volume, row.trades) == (sum(q for _, q in trades), len(trades))
        assert (row.high_minor, row.low_minor) == (max(trades)[0], min(trades)[0])
    last = await market_data.last_trades(conn, "urea", "CNY", NOW)
    assert all(each.traded_at.second == each.traded_at.microsecond == 0 for each in last)
    glance = {each.code: each for each in await market_data.glance(conn, NOW)}
    assert glance["urea"].price_minor == last[0].price_minor and glance["rice"].price_minor is None
    before = rows[-2].index_minor
    assert glance["urea"].change_bp == int(Decimal(last[0].price_minor - before) * 10_000 / before)


async def test_what_is_published_names_nobody(conn: Connection) -> None:
    owner = await party(conn, "Very Shy Metals")
    post = await posted(conn, owner, anonymous=True)
    await prints.record(
        conn, source="match", ref=987_654_321, category=post.category, term="FOB", currency="CNY",
        price_minor=5, quantity=5, now=NOW,
    )  # fmt: skip
    shown = await published(conn, post.category, "", NOW)
    assert shown is not None
    wire = msgspec.json.encode(wire_of(shown)).decode()
    for secret in ("Shy", str(post.id), "987654321", "match", "party"):
        assert secret not in wire
    assert await published(conn, "metals", "", NOW) is None and await published(conn, "none", "", NOW) is None


def test_the_chart_lies_within_its_frame_and_places_days_by_the_calendar() -> None:
    figures = {"trades": 1, "high_minor": 1, "low_minor": 1}
    days = [
        market_data.IndexDay(day=(NOW + each * DAY).date(), index_minor=100 + each % 3, volume=each + 1, **figures)
        for each in (0, 1, 7, 30)
    ]
    chart = index_chart(days)
    assert chart is not None and index_chart(days[:1]) is None
    assert all(0 <= x <= WIDTH and TOP <= y <= PRICE_BASE for x, y in chart.dots)
    assert all(bar.y + bar.height == pytest.approx(VOLUME_BASE, abs=0.02) for bar in chart.bars)
    (first, second, _, last) = (x for x, _ in chart.dots)
    assert (last - first) / (second - first) == pytest.approx(30, rel=0.01)
