"""The clock of offers: what is not taken up in time lapses, and a deposit that waited for it is free.

It knows only rows: killed at any line or running twice, each offer still ends once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

import structlog
from asyncpg import PostgresError

from auction.store import CONNECTION_LOST
from market.second_chance import lapse_one, next_lapse_at

if TYPE_CHECKING:
    from migrations.database import Pool

LONGEST_SLEEP_SECONDS = 30.0
"""Offers stand for days, so the clock may hear of a new one this late."""

_log = structlog.get_logger("gavelhouse")


class SecondChanceClock:
    """`run` it once in the house's task group; `now` is the node's time."""

    def __init__(self, pool: Pool, now: Callable[[], datetime]) -> None:
        self._pool = pool
        self._now = now

    async def run(self) -> None:
        """End what has run out, for ever."""
        while True:
            wait = LONGEST_SLEEP_SECONDS
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
                    if not await lapse_one(conn, self._now()):
                        break
            return await next_lapse_at(conn)
