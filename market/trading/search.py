"""The search of the market. Reads only, and only what everybody may know: the database never hands out whose an anonymous
post is, nor the instant at which any came in.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from market.trading.facts import PostContent
from market.trading.filters import MOST_COUNTED, PAGE_SIZE, PostFilters
from migrations.queries import load_queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from market.trading.facts import Category
    from migrations.database import Connection

_queries = load_queries("market", "trading")


class PublicPost(PostContent, frozen=True, kw_only=True):
    """A post as everybody may see it. `party_name` is None for an anonymous one; there is no point on the map."""

    id: int
    version: int
    open_quantity: int
    valid_until: datetime
    listed_at: datetime
    """The hour in which it appeared."""
    party_name: str | None


class Found(Struct, frozen=True, kw_only=True):
    """One page of what fits. `total` is counted up to MOST_COUNTED; `more` says that there are more."""

    rows: list[PublicPost]
    total: int
    more: bool
    page: int
    pages: int


async def find(
    conn: Connection, filters: PostFilters, categories: Sequence[Category], now: datetime, page_size: int = PAGE_SIZE
) -> Found:
    """The page that the filters ask for."""
    wanted, skip = wire(filters.wanted(categories)), (filters.page - 1) * page_size
    found = await conn.fetch(_queries.find_posts, wanted, now, filters.sort, page_size, skip, MOST_COUNTED)
    # A full count stands on every row; past the last of them one row of the first page tells it.
    counted = found or (
        await conn.fetch(_queries.find_posts, wanted, now, filters.sort, 1, 0, MOST_COUNTED) if skip else []
    )
    total = counted[0]["total"] if counted else 0
    return Found(
        rows=[msgspec.convert(dict(row), PublicPost) for row in found],
        total=min(total, MOST_COUNTED),
        more=total > MOST_COUNTED,
        page=filters.page,
        pages=max(1, -(-min(total, MOST_COUNTED) // page_size), filters.page if found else 1),
    )


async def all_found(
    conn: Connection, filters: PostFilters, categories: Sequence[Category], now: datetime, most: int
) -> list[PublicPost]:
    """Everything that fits, in order, at most so many."""
    found = await conn.fetch(
        _queries.find_posts, wire(filters.wanted(categories)), now, filters.sort, most, 0, MOST_COUNTED
    )
    return [msgspec.convert(dict(row), PublicPost) for row in found]


async def public_post(conn: Connection, post_id: int) -> PublicPost | None:
    """One post as everybody may see it, from the moment that it is shown."""
    row = await conn.fetchrow(_queries.public_post, post_id)
    return None if row is None else msgspec.convert(dict(row), PublicPost)


async def party_names(conn: Connection, post_ids: Sequence[int]) -> dict[int, str]:
    """Who has put his name to these posts; anonymous ones are not among them."""
    return {row["id"]: row["party_name"] for row in await conn.fetch(_queries.party_names, list(post_ids))}


def wire(wanted: dict[str, object]) -> dict[str, object]:
    """Dates as the database's JSON has them."""
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in wanted.items()}
