"""News of admissions: whoever admits a party says so in the same transaction, and every node hears of it at the commit.

The bank's money admits a bidder in a transaction that no page of this node waits for. Without the news the node would
learn of it only at the next version check. News that is lost with its connection is made up for there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import TYPE_CHECKING

import asyncpg
import structlog

from auction import store

if TYPE_CHECKING:
    from migrations.database import Pool

PAUSE_AFTER_FAULT_SECONDS = 1.0

_log = structlog.get_logger()


class AdmissionNews:
    """`heard` is awaited with a lot and the parties whose admission to it has changed, after the commit."""

    def __init__(self, pool: Pool, heard: Callable[[int, Collection[int]], Awaitable[None]]) -> None:
        self._pool = pool
        self._heard = heard
        self._noted: dict[int, set[int]] = {}
        self._woken = asyncio.Event()

    async def run(self) -> None:
        """Listen for ever, on one connection; when it is lost, on another."""
        while True:
            try:
                await self._listen()
            except (*store.CONNECTION_LOST, asyncpg.PostgresError) as error:
                _log.warning("admissions_not_heard", error=repr(error))
            await asyncio.sleep(PAUSE_AFTER_FAULT_SECONDS)

    async def _listen(self) -> None:
        async with self._pool.acquire() as conn:
            conn.add_termination_listener(self._wake)
            await conn.add_listener(store.ADMISSION_CHANNEL, self._note)
            try:
                while not conn.is_closed():
                    await self._woken.wait()
                    self._woken.clear()
                    # A burst of admissions to one lot is one reading of it.
                    noted, self._noted = self._noted, {}
                    for lot_id, party_ids in noted.items():
                        await self._heard(lot_id, party_ids)
            finally:
                conn.remove_termination_listener(self._wake)
                if not conn.is_closed():
                    await conn.remove_listener(store.ADMISSION_CHANNEL, self._note)

    def _wake(self, *_: object) -> None:
        self._woken.set()

    def _note(self, *news: object) -> None:
        lot_id, party_id = map(int, str(news[-1]).split())
        self._noted.setdefault(lot_id, set()).add(party_id)
        self._woken.set()
