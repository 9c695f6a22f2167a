"""The boards' clock: call auctions clear when their time comes, orders end with the validity of their posts.

It knows only rows: killed at any line or running on many nodes, each session clears once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
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
PAUSE_AFTER_FAULT_SECONDS = 1.0
LAPSES_EVERY_SECONDS = 60.0

_log = structlog.get_logger("gavelhouse")


class BoardClock:
    """`run` it once in the house's task group."""

    def __init__(self, pool: Pool, now: Callable[[], datetime], config: Config, signer: Signer) -> None:
        self._pool, self._now, self._config, self._signer = pool, now, config, signer
        self._lapsed_at: datetime | None = None

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
            await asyncio.sleep(max(wait, 0.02))

    async def clear_due(self) -> datetime | None:
        """Clear every board whose time has come, each in a transaction of its own; when the next one is due. One that
        fails is told of loudly, keeps no other waiting, and is tried again the next time.
        """
        failed: list[int] = []
        async with self._pool.acquire() as conn:
            while True:
                board_id: int | None = None
                try:
                    async with conn.transaction():
                        board_id = await store.claim_due(conn, self._now(), failed)
                        if board_id is None:
                            break
                        await desk.clear_board(conn, board_id, self._now(), self._config, self._signer)
                except CONNECTION_LOST:
                    raise
                except Exception as error:
                    if board_id is None:
                        raise
                    failed.append(board_id)
                    _log.error("a board did not clear", board=board_id, error=repr(error))
            next_at = await store.next_due(conn)
        return None if failed else next_at

    async def lapse(self) -> None:
        """End orders whose posts have run out, on boards where nobody acts."""
        now = self._now()
        if self._lapsed_at is not None and (now - self._lapsed_at).total_seconds() < LAPSES_EVERY_SECONDS:
            return
        async with self._pool.acquire() as conn:
            for board_id in await store.boards_with_due_orders(conn, now):
                async with conn.transaction():
                    await desk.lapse(conn, board_id, now)
        self._lapsed_at = now
