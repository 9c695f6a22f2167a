"""The market's clock: posts whose time is up lapse, new ones are held against the saved searches, parties are told.

It knows only rows, each claimed by one node: killed at any line or running twice, each thing still happens once.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog
from asyncpg import PostgresError

from auction.store import CONNECTION_LOST
from market.trading import posts, saved_searches

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from migrations.database import Pool

SLEEP_SECONDS = 1.0

_log = structlog.get_logger("gavelhouse")


class MarketClock:
    """`run` it once in the house's task group."""

    def __init__(self, pool: Pool, now: Callable[[], datetime]) -> None:
        self._pool = pool
        self._now = now

    async def run(self) -> None:
        """Do what is due, for ever."""
        while True:
            try:
                await self.do_due()
            except (*CONNECTION_LOST, PostgresError) as error:
                _log.warning("the market's clock could not look", error=repr(error))
            await asyncio.sleep(SLEEP_SECONDS)

    async def do_due(self) -> None:
        """Everything that is due now, each batch in a transaction of its own."""
        now = self._now()
        async with self._pool.acquire() as conn:
            while True:
                async with conn.transaction():
                    lapsed = await posts.lapse_due(conn, now)
                async with conn.transaction():
                    asked = await saved_searches.ask_searches(conn, now)
                    for kind in asked.appeared_in:
                        await posts.tell_kind(conn, kind, now)
                async with conn.transaction():
                    told = await saved_searches.tell_parties(conn, now)
                if not (lapsed or asked.posts or told):
                    return
