"""A file of many posts taken in: set-based, all or none, and as single posts would have been."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from market.trading import importing, posts, saved_searches, store
from market.trading.csv_export import own_csv
from market.trading.csv_posts import read_file
from market.trading.facts import PostRefusal, Side
from market.trading.filters import PostFilters
from tests.trading.market import NOW, party, posted
from tests.trading.test_csv_posts import HEADINGS

if TYPE_CHECKING:
    from migrations.database import Connection


async def test_what_a_file_brings_is_what_single_posts_would_have_been(conn: Connection) -> None:
    one, other = await party(conn, "One"), await party(conn, "Other")
    categories = await store.categories(conn)
    await posted(conn, one, latitude=-31_230_400, longitude=121_000_000, all_or_none=True)
    await posted(conn, one, side=Side.DEMAND, price_minor=None, description_en='Two\nlines, "quoted"', minimum=5)
    await posted(
        conn,
        one,
        currency="KWD",
        price_minor=1_050,
        category="green_tea",
        attributes={"grade": "special", "organic": False},
    )
    await posted(conn, one, anonymous=True)
    mine = await store.posts_of_party(conn, one, NOW, limit=10)
    later = NOW + timedelta(hours=3)
    read = read_file(own_csv(mine, categories, NOW).encode(), categories, HEADINGS, NOW)
    assert read.is_good, read.faulty
    assert await importing.take_in(conn, other, read, categories, later) == 4
    rows = []
    for who in (one, other):
        asked = "select * from market.post where party_id = $1 order by currency, price_minor, anonymous, all_or_none"
        rows.append([dict(row) for row in await conn.fetch(asked, who)])
    aside = {"id", "party_id", "valid_until", "posted_at", "updated_at", "shown_at", "listed_at", "moved_at"}
    for old, new in zip(*rows, strict=True):
        assert {name: new[name] for name in old if name not in aside} == {
            name: old[name] for name in old if name not in aside
        }
        assert new["posted_at"] == new["updated_at"] == new["moved_at"] == later
        assert new["valid_until"] == posts.valid_until(new["shown_at"], 30)
        # Its named companions of the same file would tell whose it is.
        assert (new["shown_at"] > later) == new["anonymous"]


async def test_a_file_that_would_be_too_much_or_is_not_allowed_brings_nothing(
    conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await party(conn, "Owner")
    categories = await store.categories(conn)
    mine = [await posted(conn, owner) for _ in range(2)]
    read = read_file(own_csv(mine, categories, NOW).encode(), categories, HEADINGS, NOW)
    monkeypatch.setattr(posts, "MOST_OPEN_POSTS", 3)
    assert await importing.take_in(conn, owner, read, categories, NOW) is PostRefusal.TOO_MANY_POSTS
    monkeypatch.setattr(posts, "MOST_OPEN_POSTS", 4)
    assert await importing.take_in(conn, owner, read, categories, NOW) == 2
    await conn.execute("update market.party set barred_at = now(), barred_reason = 'x' where id = $1", owner)
    assert await importing.take_in(conn, owner, read, categories, NOW) is PostRefusal.POST_BARRED


async def test_all_of_a_file_is_told_of_at_once_and_lapses_at_once(
    conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, buyer = await party(conn, "Owner"), await party(conn, "Buyer")
    await saved_searches.save(conn, party_id=buyer, name="all", filters=PostFilters(), alerts=True, now=NOW)
    monkeypatch.setattr(saved_searches, "ASK_AT_ONCE", 2)
    for _ in range(5):
        await posted(conn, owner)
    rounds = []
    while (asked := await saved_searches.ask_searches(conn, NOW)).posts:
        rounds.append(asked.posts)
    assert rounds == [2, 2, 1]
    assert await saved_searches.tell_parties(conn, NOW) == 1
    assert (
        await conn.fetchval("select (params ->> 'count')::integer from market.notice where party_id = $1", buyer) == 5
    )
    monkeypatch.setattr(posts, "LAPSED_AT_ONCE", 3)
    end = NOW + timedelta(days=31)
    assert [await posts.lapse_due(conn, end) for _ in range(3)] == [3, 2, 0]
    assert await conn.fetchval("select count(*) from market.post where ended_at = $1 and state = 'lapsed'", end) == 5
