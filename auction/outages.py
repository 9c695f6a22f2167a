"""Time lost in an outage is given back: a sign of life in the database, and the credit once it has been silent.

Each node beats once a second, in one row for the whole house. Where a beat can be committed, a bid can; a silence means
that nobody could bid, whether no node ran or the database was away. The first beat after it gives the time back in the
same transaction, so it is given once, however many nodes start and wherever one of them crashes. Knows no lot's rule.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg
import structlog

from auction import desk, store
from auction.group_commit import uncancelled

if TYPE_CHECKING:
    from auction.node_time import NodeTime
    from migrations.database import Connection, Pool

BEAT_SECONDS = 1.0
SILENCE = timedelta(seconds=3)
"""A longer one is an outage. Other nodes beat on while one is started anew, so that is none."""

_log = structlog.get_logger()


class OutageError(Exception):
    """The house has been silent and the time not been given back yet: nothing may be closed before it is."""


class Outages:
    """The sign of life of one node. `credited` is awaited with each lot that got time back, after the commit."""

    def __init__(self, pool: Pool, node_time: NodeTime, credited: Callable[[int], Awaitable[None]]) -> None:
        self._pool = pool
        self._node_time = node_time
        self._credited = credited
        self._beaten_at: datetime | None = None

    async def beat(self) -> None:
        """Leave a sign of life; if the house has been silent, give the time back first. Raises asyncpg's and OS errors."""
        now = self._node_time.now()
        credited: list[int] = []
        async with self._pool.acquire() as conn:
            if not await store.beat(conn, now, SILENCE):
                async with conn.transaction():
                    credited = await give_back(conn, now)
        self._beaten_at = now
        for lot_id in credited:
            await self._credited(lot_id)

    def refuse_if_silent(self) -> None:
        """Last in the closing transaction: raises OutageError if this node could not beat lately, so that a lot gets its
        time before it could be closed. The closing is tried again, and the next beat makes the outage good.
        """
        if self._beaten_at is None or self._node_time.now() - self._beaten_at > SILENCE:
            raise OutageError

    async def run(self) -> None:
        """Beat for ever. A database that does not answer only makes a silence."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            try:
                await uncancelled(self.beat())
            except (*store.CONNECTION_LOST, asyncpg.PostgresError) as error:
                _log.warning("no_sign_of_life", error=repr(error))


async def give_back(conn: Connection, now: datetime) -> list[int]:
    """If nobody has left a sign of life for long, give the lots that were due the time lost until `now`; which ones.

    A step of the caller's transaction. Whoever comes second waits for the first, and finds nothing left to give.
    """
    stopped_at = await store.lock_heartbeat(conn)
    await store.set_heartbeat(conn, now)
    if stopped_at is None or now - stopped_at <= SILENCE:
        return []
    due = await store.due_by(conn, now)
    credited = [lot_id for lot_id in due if await desk.credit_outage(conn, lot_id, stopped_at, now)]
    _log.warning("outage_over", stopped_at=stopped_at.isoformat(), until=now.isoformat(), lots_credited=len(credited))
    return credited
