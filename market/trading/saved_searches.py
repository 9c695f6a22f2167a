"""Searches that a party has saved, and the notices of new posts that fit them.

A post asks to be told of in the row that makes it; `market.trading.clock` then asks the searches, by the same function of
the database that the page asks. What fits becomes a row; one notice a search and minute tells of all that came meanwhile.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct

from market import notices
from market.trading import store
from market.trading.filter_reading import filters_from_query
from market.trading.search import wire
from migrations.queries import load_queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from market.trading.facts import Category
    from market.trading.filters import PostFilters
    from migrations.database import Connection

MOST_SEARCHES = 50
LONGEST_NAME = 80
ASK_AT_ONCE = 1_000
"""Posts of one round of asking: each round plans every search anew, and each post is looked at by every search."""
TELL_AT_ONCE = 200
WANTED_AT_ONCE = 50
BETWEEN_NOTICES = timedelta(minutes=1)

_queries = load_queries("market", "trading")


class SearchRefusal(StrEnum):
    """In the order tested; the sentence is `market_refusal.<value>`."""

    TOO_MANY_SEARCHES = "too_many_searches"
    NO_SUCH_SEARCH = "no_such_search"


class SavedSearch(Struct, frozen=True, kw_only=True):
    """A party's search. `query` is the filters as the address of the page has them."""

    id: int
    name: str
    query: str
    alerts: bool
    created_at: datetime
    told_at: datetime | None


async def save(
    conn: Connection, *, party_id: int, name: str, filters: PostFilters, alerts: bool, now: datetime
) -> SavedSearch | SearchRefusal:
    """Keep the search under a name; the same search again only changes its name."""
    if int(await conn.fetchval(_queries.count_searches, party_id)) >= MOST_SEARCHES:
        return SearchRefusal.TOO_MANY_SEARCHES
    query = filters.query(with_order=False)
    title = " ".join(name.replace("\x00", "").split())[:LONGEST_NAME] or query[:LONGEST_NAME] or "*"
    category = filters.category or None
    row = await conn.fetchrow(
        _queries.insert_search, party_id, title, query, filters.side or None, category, alerts, now
    )
    assert row is not None
    return msgspec.convert(dict(row), SavedSearch)


async def searches_of(conn: Connection, party_id: int) -> list[SavedSearch]:
    """The party's own."""
    return [msgspec.convert(dict(row), SavedSearch) for row in await conn.fetch(_queries.searches_of, party_id)]


async def set_alerts(conn: Connection, *, search_id: int, party_id: int, alerts: bool) -> SavedSearch | SearchRefusal:
    """Whether notices come."""
    row = await conn.fetchrow(_queries.set_search_alerts, search_id, party_id, alerts)
    return SearchRefusal.NO_SUCH_SEARCH if row is None else msgspec.convert(dict(row), SavedSearch)


async def forget(conn: Connection, *, search_id: int, party_id: int) -> SearchRefusal | None:
    """The search is kept no longer."""
    gone = await conn.fetchval(_queries.forget_search, search_id, party_id)
    return SearchRefusal.NO_SUCH_SEARCH if gone is None else None


class Asked(Struct, frozen=True, kw_only=True):
    """One round of asking: how many posts it was about, and the categories in which one appeared later than it came in."""

    posts: int
    appeared_in: list[str]


async def ask_searches(conn: Connection, now: datetime) -> Asked:
    """Ask the searches about posts that are new to the public."""
    posts = await conn.fetch(_queries.posts_to_tell, now, ASK_AT_ONCE)
    if not posts:
        return Asked(posts=0, appeared_in=[])
    ids = [row["id"] for row in posts]
    categories = await store.categories(conn)
    kinds = {row["category"] for row in posts}
    groups = {each.parent for each in categories if each.code in kinds and each.parent is not None}
    sides = sorted({row["side"] for row in posts})
    asked = await conn.fetch(_queries.searches_to_ask, sides, sorted(kinds | groups))
    for start in range(0, len(asked), WANTED_AT_ONCE):
        some = asked[start : start + WANTED_AT_ONCE]
        wanted = [wanted_of(row["query"], categories) for row in some]
        await conn.execute(_queries.keep_hits, [row["id"] for row in some], wanted, ids, now)
    await conn.execute(_queries.mark_told, ids, now)
    return Asked(posts=len(posts), appeared_in=sorted({row["category"] for row in posts if row["came_later"]}))


async def tell_parties(conn: Connection, now: datetime) -> int:
    """One notice to each search with something new that has been left in peace for a minute; how many. One transaction."""
    due = await conn.fetch(_queries.searches_with_news, now - BETWEEN_NOTICES, TELL_AT_ONCE)
    for row in due:
        told = await conn.execute(_queries.tell_hits, row["id"], now)
        count = int(told.rpartition(" ")[2])
        kind = "search_found_one" if count == 1 else "search_found_other"
        link = f"/market?{row['query']}" if row["query"] else "/market"
        await notices.notify(conn, [row["party_id"]], kind, {"name": row["name"], "count": count}, link, now)
        await conn.execute(_queries.mark_search_told, row["id"], now)
    return len(due)


def wanted_of(query: str, categories: Sequence[Category]) -> dict[str, object]:
    """What a saved search asks the database."""
    return wire(filters_from_query(dict(parse_qsl(query)), categories).wanted(categories))
