"""News of access: a session ended, a token revoked, roles changed, a party disabled. Told by the database at the commit.

Whoever did it, on another node or at the command line, the party's sockets on this node close at once. The triggers that
tell are in migration 0010; the periodic re-check of `auction.live` is what remains if they are not heard.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from auction.news import Listener

if TYPE_CHECKING:
    from auction.live import Live
    from migrations.database import Pool

CHANNEL = "market_access"


class SessionNews:
    """`run` it once in the house's task group, on a connection of its own; the caller cancels it at the end."""

    def __init__(self, pool: Pool, live: Live) -> None:
        self._live = live
        self._ended: set[int] = set()
        self._changed: set[int] = set()
        self._listener = Listener(pool, CHANNEL, self._note, self._act)

    async def run(self) -> None:
        """Listen for ever; when the connection is lost, on another, and ask again about everybody."""
        await self._listener.run()

    async def _act(self, begins: bool) -> None:
        if begins:
            await self._live.recheck_all()
        ended, self._ended = self._ended, set()
        changed, self._changed = self._changed, set()
        for party_id in changed:
            self._live.hub.close_party(party_id)
        for party_id in ended - changed:
            await self._live.recheck(party_id)

    def _note(self, payload: str) -> None:
        what, _, party_id = payload.partition(" ")
        (self._changed if what == "changed" else self._ended).add(int(party_id))
