"""The clock of a hammer's documents: what a deal has to say is made from its rows, soon after the close and outside of it.

Each deal is due in a row that is claimed and goes with its documents in one transaction: killed at any line or run on several
nodes, each document is made once. A deal whose documents can't be made waits, and the others go on. Who looks at a deal's
documents first has them made at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from asyncpg import PostgresError

from auction.store import CONNECTION_LOST
from market import deals_store
from market.documents import deal_papers, store
from market.documents.deal_papers import Papers

if TYPE_CHECKING:
    from market.documents.records import Party
    from migrations.database import Connection, Pool

LOOK_SECONDS = 1.0
AT_ONCE = 10
BREATH_SECONDS = 0.02
"""Between two handfuls: the documents of a thousand lots that close together are not to hold up the bids on others."""
_LONGEST_WAIT = timedelta(hours=6)
_log = structlog.get_logger("gavelhouse")


class PapersClock:
    """`run` it once in the house's task group."""

    def __init__(self, pool: Pool, now: Callable[[], datetime], house: Party) -> None:
        self._pool = pool
        self._now = now
        self._house = house

    async def run(self) -> None:
        """Make what is due, for ever."""
        while True:
            wait = LOOK_SECONDS
            try:
                if await self.make_due() == AT_ONCE:
                    wait = BREATH_SECONDS
            except (*CONNECTION_LOST, PostgresError) as error:
                _log.warning("documents not made", error=repr(error))
            await asyncio.sleep(wait)

    async def make_due(self) -> int:
        """A handful of deals; how many there were."""
        async with self._pool.acquire() as conn:
            if not await store.any_due(conn, self._now()):
                return 0
            async with conn.transaction():
                return await make_due(conn, self._house, self._now())


async def make_due(conn: Connection, house: Party, now: datetime) -> int:
    """The documents of a handful of deals that are due, in the caller's transaction; how many deals there were."""
    due = await store.claim_due(conn, now, AT_ONCE)
    for each in due:
        if not await _could_make(conn, house, each.case_id, each.sends, now):
            wait = min(timedelta(seconds=2 ** min(each.tries, 20)), _LONGEST_WAIT)
            await store.postpone_due(conn, each.case_id, now + wait)
    return len(due)


async def make_at_need(conn: Connection, house: Party, case_id: int, now: datetime) -> None:
    """What the deal of this case has still to say, before somebody reads it; a transaction of its own. What can't be made is
    left to the clock, and whoever reads sees the rest.
    """
    origin_id = await deals_store.root_of_case(conn, case_id)
    if await store.is_due(conn, origin_id):
        async with conn.transaction():
            sends = await store.wait_for_due_of(conn, origin_id)
            if sends is not None:
                await _could_make(conn, house, origin_id, sends, now)


async def _could_make(conn: Connection, house: Party, case_id: int, sends: bool, now: datetime) -> bool:
    try:
        async with conn.transaction():
            await _make_all(conn, house, case_id, sends, now)
    except CONNECTION_LOST:
        raise
    except Exception:  # One deal that can't be told is no reason to tell no other.
        _log.exception("a deal's documents could not be made", deal=case_id)
        return False
    return True


async def _make_all(conn: Connection, house: Party, case_id: int, sends: bool, now: datetime) -> None:
    await deal_papers.whole(conn, Papers(house=house, now=now, sends=sends), case_id)
    await store.documents_made(conn, case_id)
