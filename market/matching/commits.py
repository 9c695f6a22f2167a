"""Acts on boards from all over the node, each board's in one transaction together: while one commits, the next ones gather.

a post can't keep its order    nothing of the batch was written; it is done again, looking at every post first
the board is held by another   for a moment everybody is told that it is busy, instead of waiting with a connection each
anything else goes wrong       the acts are done one by one, so that one that fails does so alone
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING

import structlog

from market.matching import desk
from market.matching.acts import Act, Answer
from market.matching.batch import Shelf
from market.matching.board_facts import BoardRefusal
from market.matching.settling import UnkeptError

if TYPE_CHECKING:
    from migrations.database import Connection, Pool

MOST_WAITING = 10_000
"""Acts that wait on one board; more are turned away."""
MOST_AT_ONCE = 500
MOST_SHELVES = 64
BUSY_SECONDS = 1.0

_log = structlog.get_logger("gavelhouse")
_Waiting = tuple[Act, "asyncio.Future[Answer]"]


class BoardCommits:
    """One a node. The first of those who wait does the work of all; nothing here runs on its own."""

    def __init__(self, pool: Pool, now: Callable[[], datetime]) -> None:
        self._pool, self._now = pool, now
        self._waiting: dict[int, deque[_Waiting]] = defaultdict(deque)
        self._locks: dict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._shelves: dict[int, Shelf] = {}
        self._busy_until: dict[int, float] = {}

    async def do(self, board_id: int, act: Act) -> Answer:
        """The answer, once it is committed. Raises what the database says."""
        waiting = self._waiting[board_id]
        if len(waiting) >= MOST_WAITING or self._is_busy(board_id):
            return BoardRefusal.BOARD_BUSY
        done: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        waiting.append((act, done))
        async with self._locks[board_id]:
            while not done.done():
                batch = [waiting.popleft() for _ in range(min(len(waiting), MOST_AT_ONCE))]
                try:
                    await self._commit(board_id, batch)
                except BaseException:
                    # Whoever asked for this batch is leaving, or it failed in a way of its own: the others do it anew.
                    waiting.extendleft(reversed([one for one in batch if not one[1].done() and one[1] is not done]))
                    raise
        return await done

    async def do_within(self, conn: Connection, board_id: int, acts: Sequence[Act]) -> list[Answer]:
        """The same in a transaction of the caller's, who may yet give it up; so no book is remembered of it."""
        if self._is_busy(board_id):
            return [BoardRefusal.BOARD_BUSY] * len(acts)
        try:
            answers, _ = await desk.act(conn, board_id, acts, self._now(), looking_at_posts=True)
        except desk.BoardBusyError:
            return self._found_busy(board_id, len(acts))
        return answers

    def _is_busy(self, board_id: int) -> bool:
        return monotonic() < self._busy_until.get(board_id, 0.0)

    def _found_busy(self, board_id: int, acts: int) -> list[Answer]:
        self._busy_until[board_id] = monotonic() + BUSY_SECONDS
        return [BoardRefusal.BOARD_BUSY] * acts

    async def _commit(self, board_id: int, batch: list[_Waiting]) -> None:
        acts = [act for act, _ in batch]
        try:
            answers = await self._written(board_id, acts, looking_at_posts=False)
        except UnkeptError as error:
            _log.warning("an order's post could not keep it", board=board_id, error=str(error))
            answers = await self._written(board_id, acts, looking_at_posts=True)
        except Exception as error:
            if len(batch) == 1:
                raise
            _log.warning("acts on a board are done one by one", board=board_id, error=repr(error))
            await self._one_by_one(board_id, batch)
            return
        for (_, done), answer in zip(batch, answers, strict=True):
            done.set_result(answer)

    async def _one_by_one(self, board_id: int, batch: list[_Waiting]) -> None:
        for act, done in batch:
            try:
                (answer,) = await self._written(board_id, [act], looking_at_posts=True)
            except Exception as error:
                done.set_exception(error)
            else:
                done.set_result(answer)

    async def _written(self, board_id: int, acts: list[Act], *, looking_at_posts: bool) -> list[Answer]:
        shelf = self._shelves.pop(board_id, None)
        try:
            async with self._pool.acquire() as conn, conn.transaction():
                answers, shelf = await desk.act(
                    conn, board_id, acts, self._now(), shelf, looking_at_posts=looking_at_posts
                )
        except desk.BoardBusyError:
            return self._found_busy(board_id, len(acts))
        if shelf is not None:
            if len(self._shelves) >= MOST_SHELVES:
                self._shelves.pop(next(iter(self._shelves)))
            self._shelves[board_id] = shelf
        return answers
