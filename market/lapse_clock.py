"""The clock of offers that stand until an instant: what is not taken up by then lapses, and whoever waited for it is told.

It knows only rows: killed at any line or running twice, each offer ends once. What an offer is and what comes of its end,
`lapse_one` knows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING

import structlog
from asyncpg import PostgresError

from auction.store import CONNECTION_LOST

if TYPE_CHECKING:
    from migrations.database import Connection, Pool

    LapseOne = Callable[[Connection, datetime], Awaitable[bool]]
    NextLapse = Callable[[Connection], Awaitable[datetime | None]]

_log = structlog.get_logger("gavelhouse")


class LapseClock:
    """`run` it once in the house's task group; `now` is the node's time. It may hear of a new offer `longest_sleep_seconds`
    late, which is less than any of them stands.
    """

    def __init__(
        self,
        pool: Pool,
        now: Callable[[], datetime],
        lapse_one: LapseOne,
        next_lapse_at: NextLapse,
        *,
        longest_sleep_seconds: float,
    ) -> None:
        self._pool = pool
        self._now = now
        self._lapse_one = lapse_one
        self._next_lapse_at = next_lapse_at
        self._longest_sleep_seconds = longest_sleep_seconds

    async def run(self) -> None:
        """End what has run out, for ever."""
        while True:
            wait = self._longest_sleep_seconds
            try:
                next_at = await self.lapse_due()
                if next_at is not None:
                    wait = min(wait, max(0.0, (next_at - self._now()).total_seconds()))
            except (*CONNECTION_LOST, PostgresError) as error:
                _log.warning("offers not looked at", error=repr(error))
            await asyncio.sleep(max(wait, 0.05))

    async def lapse_due(self) -> datetime | None:
        """End each offer whose time is up, in a transaction of its own; when the next one runs out."""
        async with self._pool.acquire() as conn:
            while True:
                async with conn.transaction():
                    if not await self._lapse_one(conn, self._now()):
                        break
            return await self._next_lapse_at(conn)
