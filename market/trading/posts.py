"""From what a party says to a post on the market: write, change, withdraw, take, lapse.

Each function is one transaction of the caller's: lock, judge, save, tell. A refusal is a value. What a post may say is
judged by `market.trading.rules`.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from market import live_topics
from market.trading import store
from market.trading.facts import Category, Post, PostContent, PostRefusal, PostState
from market.trading.rules import words_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from migrations.database import Connection

MOST_OPEN_POSTS = 20_000
NAMED_TOO_LATELY = timedelta(hours=1)
LEAST_WAIT_MINUTES, MOST_WAIT_MINUTES = 5, 60
LAPSED_AT_ONCE = 1_000


async def create(
    conn: Connection,
    *,
    party_id: int,
    content: PostContent,
    valid_days: int,
    categories: Sequence[Category],
    now: datetime,
) -> Post | PostRefusal:
    """A new post. The content has been found without fault by `market.trading.rules`."""
    refusal = await may_post(conn, party_id, 1, now)
    if refusal is not None:
        return refusal
    shown_at = later(now) if content.anonymous and await named_lately(conn, party_id, now) else now
    until = valid_until(shown_at, valid_days)
    post = await store.insert_post(conn, party_id, content, _words(content, categories), until, shown_at, now)
    await tell(conn, post, now)
    return post


async def may_post(conn: Connection, party_id: int, count: int, now: datetime) -> PostRefusal | None:
    """Why the party may not put so many more on the market."""
    if await store.is_barred(conn, party_id):
        return PostRefusal.POST_BARRED
    open_posts = await store.count_open_of_party(conn, party_id, now)
    return PostRefusal.TOO_MANY_POSTS if open_posts + count > MOST_OPEN_POSTS else None


async def edit(
    conn: Connection,
    *,
    post_id: int,
    party_id: int,
    version: int,
    content: PostContent,
    valid_days: int | None,
    categories: Sequence[Category],
    now: datetime,
) -> Post | PostRefusal:
    """Write the edit over version `version`; what was said before is kept. Side, category and anonymity stay as they were.

    Not while an order of it stands on a board: those who were matched against it read what it says.
    """
    post = await own(conn, post_id, party_id)
    if post is None:
        return PostRefusal.NO_SUCH_POST
    if not post.is_open(now):
        return PostRefusal.POST_GONE
    if post.on_board:
        return PostRefusal.POST_ON_A_BOARD
    if post.version != version:
        return PostRefusal.STALE_VERSION
    if content.quantity < post.taken:
        return PostRefusal.BELOW_TAKEN
    await store.keep_version(conn, post)
    until = post.valid_until if valid_days is None else valid_until(now, valid_days)
    changed = await store.update_post(conn, post_id, content, _words(content, categories), until, now)
    await tell(conn, changed, now)
    return changed


async def withdraw(conn: Connection, *, post_id: int, party_id: int, now: datetime) -> Post | PostRefusal:
    """Take the rest of the post off the market. What has been taken of it stays traded."""
    post = await own(conn, post_id, party_id)
    if post is None:
        return PostRefusal.NO_SUCH_POST
    if post.on_board:
        return PostRefusal.POST_ON_A_BOARD
    if post.state is not PostState.OPEN:
        return PostRefusal.POST_GONE
    ended = await store.end_post(conn, post_id, PostState.WITHDRAWN, now)
    assert ended is not None, "it is locked and open"
    await tell(conn, ended, now)
    return ended


def valid_until(shown_at: datetime, valid_days: int) -> datetime:
    """Whole hours, so that posts that came in together are not known by the second at which they lapse."""
    hour = shown_at.replace(minute=0, second=0, microsecond=0)
    return hour + timedelta(hours=1, days=valid_days)


async def take(conn: Connection, post_id: int, quantity: int, now: datetime) -> bool:
    """Take `quantity` of what is open, in the transaction of the fill or the acceptance; False if so much is not open now.

    Whole lots and minimum lots are the caller's to keep (`Post.smallest_take`): one order may be filled by several others.
    """
    post = await store.take(conn, post_id, quantity, now)
    if post is None:
        return False
    await tell(conn, post, now)
    return True


async def take_many(conn: Connection, units: Mapping[int, int], now: datetime, leaving: Collection[int]) -> set[int]:
    """What `take` does, of many posts in one statement for trades that are printed beside it; `leaving` leave their board.
    Those that could not give so much, of which nothing was taken.
    """
    await store.lock_post_ids(conn, list(units))
    return set(units).difference(await store.take_many(conn, units, now, leaving))


async def give_back(conn: Connection, post_id: int, quantity: int, now: datetime) -> bool:
    """Undo a `take` whose contract never came into force. A post that has ended meanwhile stays ended."""
    post = await store.give_back(conn, post_id, quantity, now)
    if post is None:
        return False
    await tell(conn, post, now)
    return True


async def put_on_board(conn: Connection, post_id: int, party_id: int, now: datetime) -> Post | PostRefusal:
    """An order of the post is about to stand on a board: until `off_board` it is neither changed nor withdrawn."""
    post = await own(conn, post_id, party_id)
    if post is None:
        return PostRefusal.NO_SUCH_POST
    if not post.is_open(now):
        return PostRefusal.POST_GONE
    if post.on_board:
        return PostRefusal.POST_ON_A_BOARD
    return await store.set_on_board(conn, post_id, True)


async def lock_many(conn: Connection, post_ids: Sequence[int]) -> dict[int, Post]:
    """Many posts by their numbers, locked until the transaction ends: for boards that take many orders at once."""
    return {post.id: post for post in await store.lock_posts(conn, post_ids)}


async def put_many_on_board(conn: Connection, post_ids: Sequence[int]) -> None:
    """What `put_on_board` does, for posts that the caller has locked and judged by `fit_for_board`."""
    await store.put_on_boards(conn, post_ids, True)


def fit_for_board(post: Post | None, party_id: int, now: datetime) -> PostRefusal | None:
    """Why an order of the post can't stand on a board, as `put_on_board` judges."""
    if post is None or post.party_id != party_id:
        return PostRefusal.NO_SUCH_POST
    if not post.is_open(now):
        return PostRefusal.POST_GONE
    if now < post.shown_at:
        return PostRefusal.POST_NOT_LISTED_YET
    return PostRefusal.POST_ON_A_BOARD if post.on_board else None


async def off_board(conn: Connection, post_id: int) -> Post:
    """Its order is filled, withdrawn or lapsed."""
    return await store.set_on_board(conn, post_id, False)


async def off_boards(conn: Connection, post_ids: Sequence[int]) -> None:
    """The orders of these posts are withdrawn or lapsed."""
    await store.lock_post_ids(conn, post_ids)
    await store.put_on_boards(conn, post_ids, False)


async def post_by_id(conn: Connection, post_id: int) -> Post | None:
    """The post as it stands, with what the public may not see: choose what you show."""
    return await store.post_by_id(conn, post_id)


async def lock(conn: Connection, post_id: int) -> Post | None:
    """The same, locked until the transaction ends."""
    return await store.lock_post(conn, post_id)


async def own(conn: Connection, post_id: int, party_id: int) -> Post | None:
    """The post, locked, if it is this party's; another's is answered like none at all."""
    post = await store.lock_post(conn, post_id)
    return post if post is not None and post.party_id == party_id else None


async def lapse_due(conn: Connection, now: datetime) -> int:
    """End the posts whose time is up; how many there were."""
    kinds = await store.lapse_posts(conn, now, LAPSED_AT_ONCE)
    for kind in sorted(set(kinds)):
        await tell_kind(conn, kind, now)
    return len(kinds)


async def tell(conn: Connection, post: Post, now: datetime) -> None:
    """Whoever watches the market of its category hears that it has moved: not of a post that is still to appear, for that
    something came in just now would tell with whom.
    """
    if now >= post.shown_at:
        await tell_kind(conn, post.category, now)


async def tell_kind(conn: Connection, category: str, now: datetime) -> None:
    """The market of these goods has moved."""
    await live_topics.announce(conn, f"market:{category}", live_topics.instant_version(now))


async def named_lately(conn: Connection, party_id: int, now: datetime) -> bool:
    """Whether the party has put its name to a post so lately that an anonymous one must wait."""
    return await store.last_named_post(conn, party_id, now - NAMED_TOO_LATELY) is not None


def later(now: datetime) -> datetime:
    """When the public sees an anonymous post by a party that has just put its name to another: after a while that nobody can
    foretell, else the two would be seen to come from one hand.
    """
    seconds = 60 * (MOST_WAIT_MINUTES - LEAST_WAIT_MINUTES)
    return now + timedelta(seconds=60 * LEAST_WAIT_MINUTES + secrets.randbelow(seconds))


def words_in(content: PostContent, by_code: Mapping[str, Category]) -> str:
    """What the search finds the post by beside its own texts."""
    category = by_code[content.category]
    return words_of(content, category, by_code.get(category.parent or ""))


def _words(content: PostContent, categories: Sequence[Category]) -> str:
    return words_in(content, {each.code: each for each in categories})
