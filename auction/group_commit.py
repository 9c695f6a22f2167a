"""The group commit of a node: batches of judged bids of all lots, each written by one statement on a connection of its own.

    the version still fits    answers and state go out
    another node was first    the lot is read anew and judged again; for the next second it is locked before judging,
                              since two nodes that only compare versions let one of them starve
    a request was decided     the statement fails whole; such requests get their first answers, the rest goes again
    the connection is lost    the outcome is unknown: whatever had been committed is found as decided, the rest
                              goes again
    a constraint refuses      lots are tried one by one; one that fails alone is refused as busy, loudly

Nothing here is ever cancelled or timed out while a statement runs: a cancelled COMMIT may have committed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

import asyncpg
import structlog
from msgspec import Struct

from auction import store
from auction.batch import Answer, Judged, Room, judge_batch, key_of, same_request, settle, turned_away
from auction.budgets import BudgetKey, Purse
from auction.facts import Bid, Refusal
from auction.store import CONNECTION_LOST

if TYPE_CHECKING:
    from asyncpg import Record
    from asyncpg.pool import PoolConnectionProxy
    from asyncpg.prepared_stmt import PreparedStatement

    from migrations.database import Connection, Pool

T = TypeVar("T")
_log = structlog.get_logger()

HOT_SECONDS = 1.0
MOST_RACES = 50
"""A batch that the database has turned back so often does not meet another node: something in it is wrong."""
RECONNECT_SECONDS = (0.05, 2.0)
LOST_RACE = (asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError, asyncpg.SerializationError)


class Work(Struct):
    """What one batch has to do for one lot: judge these bids, then at `tick_at` see whether its phase has ended."""

    bids: list[Bid]
    tick_at: datetime | None = None


class Rooms:
    """The lots this node knows, the most lately used kept. A room is a guess that the version check confirms."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._rooms: dict[int, Room] = {}

    def get(self, lot_id: int) -> Room | None:
        room = self._rooms.pop(lot_id, None)
        if room is not None:
            self._rooms[lot_id] = room
        return room

    def keep(self, room: Room) -> Room:
        """Remember a room as read; the newer of two versions wins, and goes on with the recent events of the older one
        where they join without a gap. Of equal ones the known room stays: a batch that is being committed moves it on.
        """
        known = self._rooms.pop(room.lot.id, None)
        if known is not None and known.standing.version >= room.standing.version:
            room = known
        elif known is not None and known.standing.seq + len(room.recent) == room.standing.seq:
            known.recent.extend(room.recent)
            room.recent = known.recent
        self._rooms[room.lot.id] = room
        if len(self._rooms) > self._bound:
            del self._rooms[next(iter(self._rooms))]
        return room

    def forget(self, lot_id: int) -> None:
        self._rooms.pop(lot_id, None)


class GroupCommit:
    """Settles batches, one at a time. `answered` and `moved` are called after each commit, never before."""

    def __init__(
        self,
        pool: Pool,
        rooms: Rooms,
        answered: Callable[[Sequence[Answer]], None],
        moved: Callable[[Room], None],
    ) -> None:
        self._pool = pool
        self._rooms = rooms
        self._answered = answered
        self._moved = moved
        self._conn: PoolConnectionProxy[Record] | None = None
        self._statement: PreparedStatement[Record] | None = None
        self._hot_until: dict[int, float] = {}
        self._is_giving_up = False
        self._may_be_decided = False
        self.lost_races = 0

    async def settle(self, batch: dict[int, Work]) -> None:
        """Decide every bid of the batch. Returns when each has been answered; survives the loss of the database."""
        pause, longest = RECONNECT_SECONDS
        races = 0
        while batch:
            try:
                await self._attempt(batch)
            except LOST_RACE as error:
                races += 1
                if isinstance(error, asyncpg.UniqueViolationError) and error.constraint_name == "bid_pk":
                    self._may_be_decided = True
                else:
                    self._lose_race(batch)
                if races >= MOST_RACES:
                    await self._isolate(batch, error)
            except CONNECTION_LOST as error:
                if isinstance(error, ValueError):  # asyncpg could not encode a value, and calls it an interface error
                    await self._isolate(batch, error)
                    continue
                _log.warning("database_lost", error=repr(error), lots=len(batch))
                await self._reconnect_after(pause, batch)
                if self._is_giving_up:
                    raise
                pause = min(longest, pause * 2)
            except asyncpg.PostgresError as error:
                await self._isolate(batch, error)

    def give_up(self) -> None:
        """From now on a lost database ends `settle` with its error: the node is stopping, and clients will ask again."""
        self._is_giving_up = True

    async def close(self) -> None:
        """Give the connection back."""
        conn, self._conn, self._statement = self._conn, None, None
        if conn is not None:
            with suppress(*CONNECTION_LOST):
                await self._pool.release(conn)

    async def _attempt(self, batch: dict[int, Work]) -> None:
        conn, statement = await self._connected()
        if self._may_be_decided:
            await self._answer_decided(conn, batch)
            self._may_be_decided = False
        now = time.monotonic()
        hot = sorted(lot_id for lot_id in batch if self._hot_until.get(lot_id, 0.0) > now)
        await self._read_missing(conn, batch)
        budgeted = self._budgeted(batch)
        if not hot and not budgeted:
            judged, held = await self._judge_and_write(statement, batch, {})
        else:
            async with conn.transaction():
                # Budgets before standings, everywhere: so nobody waits in a ring.
                purses = await store.lock_purses(conn, budgeted) if budgeted else {}
                for lot_id, version in (await store.lock_versions(conn, hot)).items():
                    if (room := self._rooms.get(lot_id)) is not None and room.standing.version != version:
                        self._rooms.forget(lot_id)
                await self._read_missing(conn, batch)
                if not self._budgeted(batch) <= budgeted:
                    return  # Somebody has set himself a budget just now; with his locked, once more.
                judged, held = await self._judge_and_write(statement, batch, purses)
        self._conclude(batch, judged, held)

    async def _judge_and_write(
        self, statement: PreparedStatement[Record], batch: dict[int, Work], purses: Mapping[BudgetKey, Purse]
    ) -> tuple[list[Judged], set[int]]:
        judged = []
        # In key order, so that two nodes lock the standings they share in the same order.
        for lot_id in sorted(batch):
            room = self._rooms.get(lot_id)
            if room is None:
                continue
            try:
                own = {
                    party_id: purses[key]
                    for party_id, sale_id in room.sale_of.items()
                    if (key := (sale_id, party_id)) in purses
                }
                judged.append(judge_batch(room, batch[lot_id].bids, batch[lot_id].tick_at, own))
            except Exception:
                # A mistake in the rules must not stop the house: this lot's bids are refused, all others go on.
                _log.exception("judging_failed", lot=lot_id)
                self._turn_away(batch, lot_id, Refusal.BUSY)
        if not judged:
            return [], set()
        return judged, await store.commit_batch(statement, judged)

    def _budgeted(self, batch: dict[int, Work]) -> set[BudgetKey]:
        """Whose budgets the bids of this batch have to keep to."""
        found: set[BudgetKey] = set()
        for lot_id, work in batch.items():
            room = self._rooms.get(lot_id)
            if room is not None and room.sale_of:
                found |= {
                    (sale, bid.party_id) for bid in work.bids if (sale := room.sale_of.get(bid.party_id)) is not None
                }
        return found

    def _conclude(self, batch: dict[int, Work], judged: list[Judged], held: set[int]) -> None:
        for result in judged:
            lot_id = result.room.lot.id
            if lot_id in held:
                settle(result)
                del batch[lot_id]
                self._answered(result.answers)
                if result.is_changed:
                    self._moved(result.room)
            else:
                self._lose_race([lot_id])

    async def _answer_decided(self, conn: Connection, batch: dict[int, Work]) -> None:
        """Give requests that were decided before their first answer, and take them out of the work."""
        keys = [key_of(bid) for work in batch.values() for bid in work.bids]
        first = await store.first_answers(conn, keys) if keys else {}
        decided = [lot_id for lot_id, work in batch.items() if any(key_of(bid) in first for bid in work.bids)]
        # Whoever decided them moved the lots on, and this node's watchers have not been told.
        for lot_id in decided:
            self._rooms.forget(lot_id)
        await self._read_missing(conn, batch)
        for lot_id in decided:
            work = batch[lot_id]
            repeats = [bid for bid in work.bids if key_of(bid) in first]
            work.bids = [bid for bid in work.bids if key_of(bid) not in first]
            self._answered([repeated(bid, first[key_of(bid)]) for bid in repeats])
            if not work.bids and work.tick_at is None:
                del batch[lot_id]

    async def _read_missing(self, conn: Connection, batch: dict[int, Work]) -> None:
        missing = [lot_id for lot_id in batch if self._rooms.get(lot_id) is None]
        if not missing:
            return
        found = await store.rooms(conn, missing)
        for room in found.values():
            # Another node may have changed it, and this node's watchers have not been shown that yet.
            self._moved(self._rooms.keep(room))
        for lot_id in missing:
            if lot_id not in found:
                self._turn_away(batch, lot_id, Refusal.UNKNOWN_LOT)

    def _lose_race(self, lot_ids: Sequence[int] | dict[int, Work]) -> None:
        hot_until = time.monotonic() + HOT_SECONDS
        self.lost_races += len(lot_ids)
        for lot_id in lot_ids:
            self._rooms.forget(lot_id)
            self._hot_until[lot_id] = hot_until
        if len(self._hot_until) > 1000:
            self._hot_until = {key: until for key, until in self._hot_until.items() if until > hot_until - HOT_SECONDS}

    async def _isolate(self, batch: dict[int, Work], error: Exception) -> None:
        """The database refused what the rules allowed. Find the lot by trying each alone, and let the others pass."""
        for lot_id in list(batch):
            self._rooms.forget(lot_id)
            alone = {lot_id: batch.pop(lot_id)}
            self._may_be_decided = True
            try:
                await self._attempt(alone)
            except Exception as again:
                # Only what the server itself refused, or what could not be sent, is known to have had no effect.
                if not isinstance(again, (asyncpg.PostgresError, ValueError)):
                    batch.update(alone)
                    return
                if isinstance(again, CONNECTION_LOST) and not isinstance(again, ValueError):
                    batch.update(alone)
                    return
                _log.error("batch_refused", lot=lot_id, error=repr(again), first=repr(error))
                self._turn_away(alone, lot_id, Refusal.BUSY)
            batch.update(alone)

    def _turn_away(self, batch: dict[int, Work], lot_id: int, refusal: Refusal) -> None:
        self._rooms.forget(lot_id)
        self._answered([turned_away(bid, refusal) for bid in batch.pop(lot_id).bids])

    async def _connected(self) -> tuple[PoolConnectionProxy[Record], PreparedStatement[Record]]:
        if self._conn is None or self._statement is None:
            conn = await self._pool.acquire()
            try:
                self._statement = await store.prepare_batch(conn)
            except BaseException:
                with suppress(*CONNECTION_LOST):
                    await self._pool.release(conn)
                raise
            self._conn = conn
        return self._conn, self._statement

    async def _reconnect_after(self, pause: float, batch: dict[int, Work]) -> None:
        self._may_be_decided = True
        for lot_id in batch:
            self._rooms.forget(lot_id)
        conn, self._conn, self._statement = self._conn, None, None
        if conn is not None:
            # The pool may have noticed first, and then has nothing to take back.
            with suppress(*CONNECTION_LOST):
                conn.terminate()
            with suppress(*CONNECTION_LOST):
                await self._pool.release(conn)
        await asyncio.sleep(pause)


def repeated(bid: Bid, first: Answer) -> Answer:
    """What a repeat of a decided request is told: the first answer, or that its id was used for something else."""
    return first if same_request(bid, first) else turned_away(bid, Refusal.ID_REUSED, first.told_seq)


async def uncancelled(work: Coroutine[object, object, T]) -> T:
    """Await `work` to its end even if the waiter is cancelled meanwhile; the cancellation is raised afterwards."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if (error := task.exception()) is not None:
            _log.warning("work_failed_while_stopping", error=repr(error))
        raise
