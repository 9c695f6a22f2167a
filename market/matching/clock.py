"""The boards' clock: call auctions clear when their time comes, orders end with the validity of their posts.

It knows only rows: killed at any line or running on many nodes, each session clears once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from asyncpg import PostgresError

from auction.store import CONNECTION_LOST
from market.matching import desk, store

if TYPE_CHECKING:
    from auction.signing import Signer
    from market.config import Config
    from migrations.database import Pool

LONGEST_SLEEP_SECONDS = 2.0
"""A board that is made or opened again is seen within this."""
SHORTEST_SLEEP_SECONDS = 0.05
PAUSE_AFTER_FAULT_SECONDS = 1.0
LAPSES_EVERY_SECONDS = 60.0
AT_ONCE = 2
"""Boards that one node clears beside each other: a large one keeps no small one waiting."""
LONGEST_WAIT_FOR_OTHERS_SECONDS = 10
LONGEST_REST_SECONDS = 300

_log = structlog.get_logger("gavelhouse")


class BoardClock:
    """`run` it in the house's task group, as often as boards are to clear beside each other on this node."""

    def __init__(self, pool: Pool, now: Callable[[], datetime], config: Config, signer: Signer) -> None:
        self._pool, self._now, self._config, self._signer = pool, now, config, signer
        self._lapsed_at: datetime | None = None
        self._failing: dict[int, tuple[int, datetime]] = {}
        """Boards that did not clear: how often, and when they are tried again."""

    async def run(self) -> None:
        """Clear what is due, for ever."""
        while True:
            wait = LONGEST_SLEEP_SECONDS
            try:
                await self.lapse()
                next_at = await self.clear_due()
                if next_at is not None:
                    wait = min(wait, (next_at - self._now()).total_seconds())
            except (*CONNECTION_LOST, PostgresError) as error:
                _log.warning("the boards' clock could not clear", error=repr(error))
                wait = PAUSE_AFTER_FAULT_SECONDS
            # What is due by now and was not cleared, another is at.
            await asyncio.sleep(max(wait, SHORTEST_SLEEP_SECONDS))

    async def clear_due(self) -> datetime | None:
        """Clear every board whose time has come, each in a transaction of its own; when the next one is due. One that
        fails is told of loudly, keeps no other waiting, and is tried again, the less often the more often it failed.
        """
        async with self._pool.acquire() as conn:
            while True:
                board_id: int | None = None
                try:
                    async with conn.transaction():
                        board_id = await store.claim_due(conn, self._now(), self._resting())
                        if board_id is None:
                            break
                        await store.wait_at_most(conn, LONGEST_WAIT_FOR_OTHERS_SECONDS)
                        await desk.clear_board(conn, board_id, self._now(), self._config, self._signer)
                    self._failing.pop(board_id, None)
                except CONNECTION_LOST:
                    raise
                except Exception as error:
                    if board_id is None:
                        raise
                    self._failed(board_id, error)
            return await store.next_due(conn, self._resting())

    def _failed(self, board_id: int, error: Exception) -> None:
        times = self._failing.get(board_id, (0, None))[0] + 1
        rest = timedelta(seconds=min(2**times, LONGEST_REST_SECONDS))
        self._failing[board_id] = (times, self._now() + rest)
        _log.error("a board did not clear", board=board_id, times=times, error=repr(error))

    def _resting(self) -> list[int]:
        now = self._now()
        return [board_id for board_id, (_, until) in self._failing.items() if now < until]

    async def lapse(self) -> None:
        """End orders whose posts have run out, on boards where nobody acts."""
        now = self._now()
        if self._lapsed_at is not None and (now - self._lapsed_at).total_seconds() < LAPSES_EVERY_SECONDS:
            return
        self._lapsed_at = now
        async with self._pool.acquire() as conn:
            for board_id in await store.boards_with_due_orders(conn, now):
                async with conn.transaction():
                    await store.wait_at_most(conn, LONGEST_WAIT_FOR_OTHERS_SECONDS)
                    await desk.lapse(conn, board_id, now)
