"""The clock that draws up the contracts of what boards have traded: woken at the commit of a match on any node.

It knows only rows, each claimed by one node: killed at any line or running on many nodes, each fill makes one contract.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from itertools import count
from typing import TYPE_CHECKING

import structlog
from asyncpg import PostgresError

from auction.store import CONNECTION_LOST
from market.matching import fill_contracts, store

if TYPE_CHECKING:
    from market.config import Config
    from migrations.database import Connection, Pool

CHANNEL = "market_fills"
"""What the database says when a fill is written (`market.fill_is_to_be_drawn`)."""
AT_ONCE = 20
"""Contracts of one transaction: a tenth of a second at the most, after which others have their turn."""
LONGEST_SLEEP_SECONDS = 10.0
PAUSE_AFTER_FAULT_SECONDS = 1.0

_log = structlog.get_logger("gavelhouse")


class ContractClock:
    """`run` it once in the house's task group; it keeps one connection."""

    def __init__(self, pool: Pool, now: Callable[[], datetime], config: Config) -> None:
        self._pool, self._now, self._config = pool, now, config
        self._woken = asyncio.Event()

    async def run(self) -> None:
        """Draw what is due, for ever; when the connection is lost, on another."""
        while True:
            try:
                async with self._pool.acquire() as conn:
                    await self._listen(conn)
            except (*CONNECTION_LOST, PostgresError) as error:
                _log.warning("contracts of fills not drawn", error=repr(error))
            await asyncio.sleep(PAUSE_AFTER_FAULT_SECONDS)

    async def _listen(self, conn: Connection) -> None:
        conn.add_termination_listener(self._wake)
        await conn.add_listener(CHANNEL, self._wake)
        try:
            while not conn.is_closed():
                self._woken.clear()
                wait = await self.draw_due(conn)
                try:
                    async with asyncio.timeout(wait):
                        await self._woken.wait()
                except TimeoutError:
                    pass
        finally:
            conn.remove_termination_listener(self._wake)
            if not conn.is_closed():
                await conn.remove_listener(CHANNEL, self._wake)

    async def draw_due(self, conn: Connection) -> float:
        """Draw all that is due, a few in each transaction; how many seconds until more can be, as far as is known."""
        for n in count():
            async with conn.transaction():
                looked_at = await fill_contracts.draw_some(conn, self._now(), self._config, AT_ONCE, oldest=bool(n % 2))
            if not looked_at:
                break
        next_at = await store.next_try(conn)
        if next_at is None:
            return LONGEST_SLEEP_SECONDS
        return min(LONGEST_SLEEP_SECONDS, max((next_at - self._now()).total_seconds(), 0.05))

    def _wake(self, *_: object) -> None:
        self._woken.set()
