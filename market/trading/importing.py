"""A file of many posts taken in: read in a thread beside the event loop, written in batches, in the caller's one transaction.

The thread gives way every millisecond, so that bids never wait for a file; and there is one, so that files wait for each other.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

import msgspec
from asyncpg import UniqueViolationError
from msgspec import Raw, Struct

from market.passphrases import TooBusy
from market.trading import csv_posts, posts, store
from market.trading.csv_posts import ReadFile
from market.trading.facts import Category, PostContent, PostRefusal

if TYPE_CHECKING:
    from migrations.database import Connection

MOST_WAITING = 4
AT_ONCE = 200
GIVE_WAY_SECONDS = 0.00005

T = TypeVar("T")

# Threads start on first use.
_reading_room = ThreadPoolExecutor(max_workers=1, thread_name_prefix="posts")
_waiting = 0


class NewPost(Struct, frozen=True, kw_only=True):
    """A row of the table as the database's JSON reads it; `content` is spread over its columns."""

    content: PostContent
    words: str
    valid_until: datetime
    shown_at: datetime


def give_way() -> None:
    """Let the event loop have the interpreter. A sleep of nothing would not: this thread would be the quickest to ask again."""
    time.sleep(GIVE_WAY_SECONDS)


async def off_loop(work: Callable[[], T]) -> T:
    """What `work` makes in the one thread. Raises TooBusy when many wait for it: each may hold a connection meanwhile."""
    global _waiting  # noqa: PLW0603  (only the event loop's thread touches it)
    if _waiting >= MOST_WAITING:
        raise TooBusy
    _waiting += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_reading_room, work)
    finally:
        _waiting -= 1


async def read_off_loop(
    data: bytes, categories: Sequence[Category], headings: Mapping[str, str], now: datetime, party_name: str
) -> ReadFile:
    """`csv_posts.read_file` in the thread."""
    return await off_loop(
        lambda: csv_posts.read_file(data, categories, headings, now, party_name=party_name, rest=give_way)
    )


async def take_in(
    conn: Connection, party_id: int, read: ReadFile, categories: Sequence[Category], now: datetime
) -> int | PostRefusal:
    """Every line of a good file becomes a post, or none does: the caller rolls back on a refusal. Anonymous ones appear apart
    from those of the file that bear the name.
    """
    said = [(line.content, line.valid_days) for line in read.lines if line.content is not None]
    assert len(said) == len(read.lines), "a good file's lines can be read"
    refusal = await posts.may_post(conn, party_id, len(said), now)
    if refusal is not None:
        return refusal
    named = any(not content.anonymous for content, _ in said) or await posts.named_lately(conn, party_id, now)
    batches = await off_loop(lambda: _batches(said, categories, now, named))
    for batch in batches:
        await _write(conn, party_id, batch, now)
    for kind in sorted({content.category for content, _ in said if not (content.anonymous and named)}):
        await posts.tell_kind(conn, kind, now)
    return len(said)


async def _write(conn: Connection, party_id: int, batch: bytes, now: datetime) -> None:
    try:
        async with conn.transaction():
            await store.insert_posts(conn, party_id, Raw(batch), now)
    except UniqueViolationError:
        # Once in a million batches two of its posts draw the same number.
        await store.insert_posts(conn, party_id, Raw(batch), now)


def _batches(
    said: Sequence[tuple[PostContent, int]], categories: Sequence[Category], now: datetime, named: bool
) -> list[bytes]:
    """The rows of the table as JSON, so many at once that neither side of the wire is long about it."""
    batches, by_code = [], {each.code: each for each in categories}
    for start in range(0, len(said), AT_ONCE):
        rows = []
        for content, valid_days in said[start : start + AT_ONCE]:
            shown_at = posts.later(now) if content.anonymous and named else now
            until = posts.valid_until(shown_at, valid_days)
            words = posts.words_in(content, by_code)
            rows.append(NewPost(content=content, words=words, valid_until=until, shown_at=shown_at))
        batches.append(msgspec.json.encode(rows))
        give_way()
    return batches
