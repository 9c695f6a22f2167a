"""What nodes tell each other through the database: whom a transaction has admitted, and which lots have moved on.

Hints only. An admission is told by the transaction that makes it and heard at its commit; a move is told a moment after
the batch that made it, outside its commit, several in one statement. What is lost with a connection is made up for by the
next version check, and by reading what is shown anew when the connection is back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from secrets import token_hex
from typing import TYPE_CHECKING

import asyncpg
import structlog

from auction import store

if TYPE_CHECKING:
    from migrations.database import Pool

PAUSE_AFTER_FAULT_SECONDS = 1.0
MOVES_TOLD_EVERY_SECONDS = 0.1

_log = structlog.get_logger()


class Listener:
    """Hears one channel for ever, on a connection of its own. `act` is awaited after one or more notes were taken, and at
    the beginning of each connection, when some may have been missed.
    """

    def __init__(
        self, pool: Pool, channel: str, note: Callable[[str], None], act: Callable[[bool], Awaitable[None]]
    ) -> None:
        """`note(payload)` is called for each; `act(begins)` is told whether the connection has just been made."""
        self._pool = pool
        self._channel = channel
        self._note = note
        self._act = act
        self._woken = asyncio.Event()

    async def run(self) -> None:
        """Listen; when the connection is lost, on another."""
        while True:
            try:
                await self._listen()
            except (*store.CONNECTION_LOST, asyncpg.PostgresError) as error:
                _log.warning("news_not_heard", channel=self._channel, error=repr(error))
            await asyncio.sleep(PAUSE_AFTER_FAULT_SECONDS)

    async def _listen(self) -> None:
        async with self._pool.acquire() as conn:
            conn.add_termination_listener(self._wake)
            await conn.add_listener(self._channel, self._hear)
            try:
                await self._act(True)
                while not conn.is_closed():
                    await self._woken.wait()
                    self._woken.clear()
                    await self._act(False)
            finally:
                conn.remove_termination_listener(self._wake)
                if not conn.is_closed():
                    await conn.remove_listener(self._channel, self._hear)

    def _wake(self, *_: object) -> None:
        self._woken.set()

    def _hear(self, *news: object) -> None:
        self._note(str(news[-1]))
        self._woken.set()


class AuctionNews:
    """The news of one node. `admitted` is awaited with a lot and the parties whose admission to it has changed, `moved`
    with a lot and the version that another node has brought it to, `began` whenever some news may have been missed.
    """

    def __init__(
        self,
        pool: Pool,
        admitted: Callable[[int, Collection[int]], Awaitable[None]],
        moved: Callable[[int, int], Awaitable[None]],
        began: Callable[[], Awaitable[None]],
    ) -> None:
        self._pool = pool
        self._began = began
        self._admitted = admitted
        self._moved = moved
        self._node = token_hex(4)
        self._admissions: dict[int, set[int]] = {}
        self._moves: dict[int, int] = {}
        self._to_tell: dict[int, int] = {}
        self._something_to_tell = asyncio.Event()
        self._listener = Listener(pool, store.NEWS_CHANNEL, self._note, self._act)

    def tell_of_move(self, lot_id: int, version: int) -> None:
        """This node has brought the lot to this version; the others hear of it soon."""
        self._to_tell[lot_id] = version
        self._something_to_tell.set()

    async def listen(self) -> None:
        """Hear the others, for ever."""
        await self._listener.run()

    async def tell(self) -> None:
        """Tell the others, for ever; a burst of moves of one lot is one piece of news."""
        while True:
            await self._something_to_tell.wait()
            await asyncio.sleep(MOVES_TOLD_EVERY_SECONDS)
            self._something_to_tell.clear()
            told, self._to_tell = self._to_tell, {}
            try:
                async with self._pool.acquire() as conn:
                    await store.tell_of_moves(conn, told, self._node)
            except (*store.CONNECTION_LOST, asyncpg.PostgresError) as error:
                _log.warning("moves_not_told", lots=len(told), error=repr(error))
                self._to_tell = told | self._to_tell
                self._something_to_tell.set()
                await asyncio.sleep(PAUSE_AFTER_FAULT_SECONDS)

    def _note(self, payload: str) -> None:
        what, lot_id, of, *node = payload.split()
        if what == "admission":
            self._admissions.setdefault(int(lot_id), set()).add(int(of))
        elif node != [self._node]:
            self._moves[int(lot_id)] = max(int(of), self._moves.get(int(lot_id), 0))

    async def _act(self, begins: bool) -> None:
        if begins:
            await self._began()
        # A burst of admissions to one lot is one reading of it.
        admissions, self._admissions = self._admissions, {}
        for lot_id, party_ids in admissions.items():
            await self._admitted(lot_id, party_ids)
        moves, self._moves = self._moves, {}
        for lot_id, version in moves.items():
            await self._moved(lot_id, version)
