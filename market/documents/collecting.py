"""The clock of the partners' folders: what a partner's system lays into its folder is received as if it had been posted.

A file is read when it stood still between two looks, and is put away when its answer lies in `out`. Whoever is killed
between receiving and putting away receives it again, which has the same answer and no second effect.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

import structlog
from asyncpg import PostgresError

from auction.store import CONNECTION_LOST
from market.documents import store, ubl
from market.documents.edifact_reader import read
from market.documents.folders import Folders, Seen
from market.documents.receiving import Desk, Received, receive
from market.documents.store import Format
from market.documents.webhooks import UnreachableError

if TYPE_CHECKING:
    from migrations.database import Pool

LOOK_SECONDS = 2.0
_log = structlog.get_logger("gavelhouse")


class Collector:
    """`run` it once in the house's task group."""

    def __init__(self, pool: Pool, now: Callable[[], datetime], folders: Folders, desk: Desk) -> None:
        self._pool = pool
        self._now = now
        self._folders = folders
        self._desk = desk
        self._seen: set[tuple[int, Seen]] = set()
        self._unreadable: set[tuple[int, Seen]] = set()

    async def run(self) -> None:
        """Look for ever."""
        while self._folders.is_kept:
            try:
                await self.look()
            except (*CONNECTION_LOST, PostgresError) as error:
                _log.warning("the partners' folders could not be looked at", error=repr(error))
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> int:
        """Read what stands as it stood at the last look; how many files that was."""
        async with self._pool.acquire() as conn:
            parties = await store.parties_with_folders(conn)
        before, self._seen = self._seen, set()
        taken = 0
        for party_id in parties:
            try:
                found = await asyncio.to_thread(self._folders.look, party_id)
            except OSError as error:
                _log.warning("a partner's folder can't be read", party=party_id, error=repr(error))
                continue
            self._seen |= {(party_id, each) for each in found}
            for each in found:
                if (party_id, each) in before and (party_id, each) not in self._unreadable:
                    taken += await self._collected(party_id, each)
        self._unreadable &= self._seen
        return taken

    async def _collected(self, party_id: int, seen: Seen) -> bool:
        """One file, from which nothing may stop the others."""
        try:
            return await self._collect(party_id, seen)
        except (
            *CONNECTION_LOST,
            PostgresError,
            UnreachableError,
        ) as error:  # OSError too: his own folder may be amiss.
            _log.warning("a partner's file waits", party=party_id, file=seen.name, error=repr(error))
        except Exception:
            self._unreadable.add((party_id, seen))
            _log.exception("a partner's file could not be received", party=party_id, file=seen.name)
        return False

    async def _collect(self, party_id: int, seen: Seen) -> bool:
        content = await asyncio.to_thread(self._folders.take, party_id, seen)
        if content is None:
            return False
        form = Format.UBL if content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<" else Format.EDIFACT
        async with self._pool.acquire() as conn, conn.transaction():
            done = await receive(conn, self._desk, party_id, form, content, self._now())
        if done.answer:
            await asyncio.to_thread(self._folders.put, party_id, _name_of(done), done.answer)
        words = "" if done.answer else "\n".join(self._desk.sentence(flaw) for flaw in done.flaws)
        await asyncio.to_thread(self._folders.put_away, party_id, seen.name, accepted=done.accepted, words=words)
        return True


def _name_of(done: Received) -> str:
    """An answer by its own control reference, or its ID."""
    if done.format is Format.UBL:
        record = ubl.read(done.answer)
        return f"answer-{getattr(record, 'number', '0')}.xml"
    envelope = read(done.answer).envelope
    assert envelope is not None, "what the house wrote it can read"
    return f"answer-{envelope.reference}.edi"
