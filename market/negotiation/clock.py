"""The clock of offers between traders: both sides are told of one that ran out. It was dead at its instant already.

It knows only rows: killed at any line or running twice, each offer is told once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

import structlog
from asyncpg import PostgresError

from auction.store import CONNECTION_LOST
from market.negotiation import store

if TYPE_CHECKING:
    from market.negotiation.desk import NegotiationDesk
    from migrations.database import Pool

LONGEST_SLEEP_SECONDS = 10.0
"""The clock may hear of a new offer this late, which is less than any offer's validity."""

_log = structlog.get_logger("gavelhouse")


class NegotiationClock:
    """`run` it once in the house's task group; `now` is the node's time."""

    def __init__(self, pool: Pool, desk: NegotiationDesk, now: Callable[[], datetime]) -> None:
        self._pool = pool
        self._desk = desk
        self._now = now

    async def run(self) -> None:
        """Tell what has run out, for ever."""
        while True:
            wait = LONGEST_SLEEP_SECONDS
            try:
                next_at = await self.lapse_due()
                if next_at is not None:
                    wait = min(wait, max(0.0, (next_at - self._now()).total_seconds()))
            except (*CONNECTION_LOST, PostgresError) as error:
                _log.warning("negotiations not looked at", error=repr(error))
            await asyncio.sleep(max(wait, 0.05))

    async def lapse_due(self) -> datetime | None:
        """Tell each offer that has run out, in a transaction of its own; when the next one runs out."""
        async with self._pool.acquire() as conn:
            while True:
                async with conn.transaction():
                    if not await self._desk.lapse_one(conn, self._now()):
                        break
            return await store.next_lapse_at(conn)
