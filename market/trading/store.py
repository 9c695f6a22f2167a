"""Categories and posts in and out of the database: one typed function a query, and no decisions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from market.trading.facts import Category, Post, PostContent, PostState
from migrations.queries import load_queries

if TYPE_CHECKING:
    from asyncpg import Record
    from msgspec import Raw

    from migrations.database import Connection

_queries = load_queries("market", "trading")


async def categories(conn: Connection) -> list[Category]:
    """All of them, groups first."""
    return [category_of(row) for row in await conn.fetch(_queries.categories)]


async def category(conn: Connection, code: str) -> Category | None:
    """One of them."""
    row = await conn.fetchrow(_queries.category, code)
    return None if row is None else category_of(row)


async def lock_category(conn: Connection, code: str) -> Category | None:
    """One, locked until the transaction ends."""
    row = await conn.fetchrow(_queries.lock_category, code)
    return None if row is None else category_of(row)


async def insert_category(conn: Connection, category: Category) -> Category | None:
    """A new one, or None if its code is taken."""
    row = await conn.fetchrow(
        _queries.insert_category,
        category.code,
        category.parent,
        category.position,
        category.name_en,
        category.name_zh,
        category.unit,
        msgspec.to_builtins(category.attributes),
    )
    return None if row is None else category_of(row)


async def update_category(conn: Connection, category: Category) -> Category:
    """Write it over."""
    row = await conn.fetchrow(
        _queries.update_category,
        category.code,
        category.position,
        category.name_en,
        category.name_zh,
        category.unit,
        msgspec.to_builtins(category.attributes),
        category.retired_at,
    )
    assert row is not None
    return category_of(row)


async def category_is_used(conn: Connection, code: str) -> bool:
    """Whether anything was ever posted in it."""
    return bool(await conn.fetchval(_queries.category_is_used, code))


async def insert_post(
    conn: Connection,
    party_id: int,
    content: PostContent,
    words: str,
    valid_until: datetime,
    shown_at: datetime,
    now: datetime,
) -> Post:
    """A new post."""
    row = await conn.fetchrow(
        _queries.insert_post,
        party_id,
        content.side.value,
        content.category,
        *_said(content, words),
        content.anonymous,
        valid_until,
        now,
        shown_at,
    )
    return post_of(row)


async def insert_posts(conn: Connection, party_id: int, rows: Raw, now: datetime) -> None:
    """Many new posts: `market.trading.importing.NewPost` as JSON."""
    await conn.execute(_queries.insert_posts, party_id, rows, now)


async def update_post(
    conn: Connection, post_id: int, content: PostContent, words: str, valid_until: datetime, now: datetime
) -> Post:
    """Write the edit. Side, category and whether it is anonymous stay as they were."""
    return post_of(await conn.fetchrow(_queries.update_post, post_id, *_said(content, words), valid_until, now))


async def post_by_id(conn: Connection, post_id: int) -> Post | None:
    """The post as it stands."""
    row = await conn.fetchrow(_queries.post_by_id, post_id)
    return None if row is None else post_of(row)


async def lock_post(conn: Connection, post_id: int) -> Post | None:
    """The post, locked until the transaction ends."""
    row = await conn.fetchrow(_queries.lock_post, post_id)
    return None if row is None else post_of(row)


async def lock_posts(conn: Connection, post_ids: Sequence[int]) -> list[Post]:
    """Those of the posts that there are, locked until the transaction ends."""
    return [post_of(row) for row in await conn.fetch(_queries.lock_posts, list(post_ids))]


async def posts_of_party(
    conn: Connection, party_id: int, now: datetime, standing: str = "", *, limit: int, skip: int = 0
) -> list[Post]:
    """The party's own, the newest first; only those that stand so at `now` if `standing` is given."""
    rows = await conn.fetch(_queries.posts_of_party, party_id, standing or None, now, limit, skip)
    return [post_of(row) for row in rows]


async def count_posts_of_party(conn: Connection, party_id: int, now: datetime, standing: str = "") -> int:
    """How many of them there are."""
    return int(await conn.fetchval(_queries.count_posts_of_party, party_id, standing or None, now))


async def kinds_of_party(conn: Connection, party_id: int) -> set[str]:
    """The kinds of goods in which the party has ever posted."""
    return {row["category"] for row in await conn.fetch(_queries.kinds_of_party, party_id)}


async def count_open_of_party(conn: Connection, party_id: int, now: datetime) -> int:
    """How many of the party's posts are open."""
    return int(await conn.fetchval(_queries.count_open_of_party, party_id, now))


async def last_named_post(conn: Connection, party_id: int, since: datetime) -> datetime | None:
    """When the party last put its name to a post, if that was after `since`."""
    at: datetime | None = await conn.fetchval(_queries.last_named_post, party_id, since)
    return at


async def keep_version(conn: Connection, post: Post) -> None:
    """Keep what the post says, before it is changed."""
    content = msgspec.convert(post, PostContent, from_attributes=True)
    await conn.execute(_queries.keep_version, post.id, post.version, msgspec.to_builtins(content), post.updated_at)


async def versions_of(conn: Connection, post_id: int) -> list[tuple[int, PostContent, datetime]]:
    """What the post has said before, the oldest first."""
    rows = await conn.fetch(_queries.versions_of, post_id)
    return [(row["version"], msgspec.convert(row["content"], PostContent), row["written_at"]) for row in rows]


async def end_post(conn: Connection, post_id: int, state: PostState, now: datetime) -> Post | None:
    """It is open no longer; None if it was not."""
    row = await conn.fetchrow(_queries.end_post, post_id, state.value, now)
    return None if row is None else post_of(row)


async def take(conn: Connection, post_id: int, quantity: int, now: datetime) -> Post | None:
    """The post with so much more taken of it; None if so much is not open."""
    row = await conn.fetchrow(_queries.take, post_id, quantity, now)
    return None if row is None else post_of(row)


async def take_many(conn: Connection, units: Mapping[int, int], now: datetime, leaving: Collection[int]) -> list[int]:
    """Take of many posts, which the caller has locked; those that could give so much. `leaving` leave their board."""
    rows = await conn.fetch(
        _queries.take_many, list(units), list(units.values()), now, [one in leaving for one in units]
    )
    return [row["id"] for row in rows]


async def lock_post_ids(conn: Connection, post_ids: Sequence[int]) -> None:
    """Posts, locked until the transaction ends, and not read."""
    await conn.execute(_queries.lock_post_ids, list(post_ids))


async def give_back(conn: Connection, post_id: int, quantity: int, now: datetime) -> Post | None:
    """The post with so much less taken of it; None if so much was never taken."""
    row = await conn.fetchrow(_queries.give_back, post_id, quantity, now)
    return None if row is None else post_of(row)


async def set_on_board(conn: Connection, post_id: int, on_board: bool) -> Post:
    """An order of it stands on a board, or no longer."""
    return post_of(await conn.fetchrow(_queries.set_on_board, post_id, on_board))


async def put_on_boards(conn: Connection, post_ids: Sequence[int], on_board: bool) -> None:
    """Orders of these posts stand on a board, or no longer."""
    await conn.execute(_queries.put_on_boards, list(post_ids), on_board)


async def lapse_posts(conn: Connection, now: datetime, limit: int) -> list[str]:
    """End open posts whose time is up, without those that another node has in hand; the category of each."""
    return [row["category"] for row in await conn.fetch(_queries.lapse_posts, now, limit)]


async def next_lapse(conn: Connection) -> datetime | None:
    """When the next post's time is up."""
    at: datetime | None = await conn.fetchval(_queries.next_lapse)
    return at


async def is_barred(conn: Connection, party_id: int) -> bool:
    """Whether the party may put nothing new on the market."""
    return bool(await conn.fetchval(_queries.is_barred, party_id))


def category_of(row: Record) -> Category:
    """A row of the table as a value."""
    return msgspec.convert(dict(row), Category)


def post_of(row: Record | None) -> Post:
    """A row of the table as a value."""
    assert row is not None, "the query returns the row that it writes"
    return msgspec.convert(dict(row), Post)


def _said(content: PostContent, words: str) -> tuple[Any, ...]:
    return (
        content.title_zh,
        content.title_en,
        content.description_zh,
        content.description_en,
        content.attributes,
        words,
        content.quantity,
        content.all_or_none,
        content.minimum,
        content.price_minor,
        content.currency,
        content.country,
        content.place,
        content.latitude,
        content.longitude,
        content.delivery_from,
        content.delivery_to,
        content.term,
    )
