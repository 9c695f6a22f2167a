"""News of access: a session ended, a token revoked, roles changed, a party disabled. Told by the database at the commit.

Whoever did it, on another node or at the command line, the party's sockets on this node close at once. The triggers that
tell are in migration 0010; the periodic re-check of `auction.live` is what remains if they are not heard.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog
from asyncpg import PostgresError

from auction.store import CONNECTION_LOST

if TYPE_CHECKING:
    from auction.live import Live
    from migrations.database import Pool

CHANNEL = "market_access"
PAUSE_AFTER_FAULT_SECONDS = 1.0
log = structlog.get_logger("gavelhouse")


class SessionNews:
    """`run` it once in the house's task group, on a connection of its own; the caller cancels it at the end."""

    def __init__(self, pool: Pool, live: Live) -> None:
        self._pool = pool
        self._live = live
        self._ended: set[int] = set()
        self._changed: set[int] = set()
        self._woken = asyncio.Event()

    async def run(self) -> None:
        """Listen for ever; when the connection is lost, on another, and ask again about everybody."""
        while True:
            try:
                await self._listen()
            except (*CONNECTION_LOST, PostgresError) as error:
                log.warning("access not heard", error=repr(error))
            await asyncio.sleep(PAUSE_AFTER_FAULT_SECONDS)

    async def _listen(self) -> None:
        async with self._pool.acquire() as conn:
            conn.add_termination_listener(self._wake)
            await conn.add_listener(CHANNEL, self._note)
            try:
                await self._live.recheck_all()
                while not conn.is_closed():
                    await self._woken.wait()
                    self._woken.clear()
                    await self._act()
            finally:
                conn.remove_termination_listener(self._wake)
                if not conn.is_closed():
                    await conn.remove_listener(CHANNEL, self._note)

    async def _act(self) -> None:
        ended, self._ended = self._ended, set()
        changed, self._changed = self._changed, set()
        for party_id in changed:
            self._live.hub.close_party(party_id)
        for party_id in ended - changed:
            await self._live.recheck(party_id)

    def _wake(self, *_: object) -> None:
        self._woken.set()

    def _note(self, *news: object) -> None:
        what, _, party_id = str(news[-1]).partition(" ")
        (self._changed if what == "changed" else self._ended).add(int(party_id))
        self._woken.set()
