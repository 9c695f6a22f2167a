"""Placing bids: the one queue of this node before Postgres, the arbiter.

Bids of all lots wait here while one batch is being committed, then go together in the next (`group_commit`). The end of
a lot stands in the same queue as its bids. Answers and states leave only after the commit. Every queue is bounded, and
a full one refuses as BUSY. Knows nothing of sockets or requests: a door hands in a stamped bid and gets an answer.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import count
from typing import TYPE_CHECKING

import asyncpg
import structlog
from msgspec import Struct
from msgspec.structs import replace

from auction import store
from auction.batch import Answer, BidKey, Room, content_of, key_of, turned_away
from auction.books import Books
from auction.closings import Closings, OnHammer, close_lot, retry_at, wakes_at
from auction.facts import Bid, Refusal
from auction.formats import format_of
from auction.group_commit import GroupCommit, Rooms, Work, repeated, uncancelled
from auction.limits import Limits, Shares, TokenBuckets
from auction.news import AuctionNews
from auction.outages import OutageError, Outages
from auction.public import PublicState, public_state
from auction.store import CONNECTION_LOST

if TYPE_CHECKING:
    from auction.hub import Hub
    from auction.node_time import NodeTime
    from migrations.database import Pool

Done = Callable[[Answer], None]
_log = structlog.get_logger()

CLOSERS = 2
LOOK_ROUND_SECONDS = 15.0
REMEMBERED_BOOKS = 256
LARGEST_STORED = 2**63 - 1
_DECIDED_AT_DOOR = frozenset({Refusal.UNKNOWN_LOT, Refusal.ID_REUSED, Refusal.TOO_FAST, Refusal.BUSY})


class _Waiting(Struct):
    """A bid in the queue or in the batch, and everybody who wants its answer (a repeat joins the first)."""

    bid: Bid
    done: list[Done]


class _Tick(Struct):
    """The end of a phase, in its place among the bids."""


class Bidding:
    """The bidding of one node. `run` it once in the house's task group; `stop` it before the pool is closed."""

    def __init__(
        self,
        pool: Pool,
        node_time: NodeTime,
        hub: Hub,
        on_hammer: OnHammer,
        limits: Limits | None = None,
        *,
        lives_now: bool = True,
    ) -> None:
        """`lives_now` False: a story is played at another time, so no sign of life is left, no outage made good, and nobody is listened to."""
        self.pool = pool
        self._node_time = node_time
        self._hub = hub
        self._on_hammer = on_hammer
        self.limits = limits or Limits()
        self._buckets = TokenBuckets(self.limits.bids_per_second, self.limits.burst)
        self.rooms = Rooms(self.limits.remembered_lots)
        self.books = Books(self.rooms.get, REMEMBERED_BOOKS)
        self._commit = GroupCommit(pool, self.rooms, self._answered, self._moved)
        self.closings = Closings(node_time, self._fall_due)
        self._outages = Outages(pool, node_time, self.refresh) if lives_now else None
        self._news = (
            AuctionNews(pool, self._admissions_changed, self._moved_elsewhere, self._catch_up) if lives_now else None
        )
        self.on_admissions: Callable[[Room, Collection[int]], None] = lambda room, party_ids: None
        """Called with a lot and the parties that were just admitted to it or removed, wherever that was done."""
        self.moved_listeners: list[Callable[[Room], None]] = []
        """Each is called after each change of a lot that this node has seen, for what is shown to one party alone."""
        self._shown: dict[int, PublicState] = {}
        self._queues: dict[int, deque[_Waiting | _Tick]] = {}
        self._queued = 0
        self._waiting: dict[BidKey, _Waiting] = {}
        self._shares = Shares(self.limits.burst)
        self._answers: dict[BidKey, Answer] = {}
        self._receiving: dict[int, dict[int, datetime]] = {}
        self._tickets = count()
        self._draining: dict[int, asyncio.TimerHandle] = {}
        self._work = asyncio.Event()
        self._to_close: asyncio.Queue[int] = asyncio.Queue()
        self._closing: set[int] = set()
        self._failed_closings: dict[int, int] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._is_stopping = False
        self.epoch = 0
        self.answered: Counter[str] = Counter()
        """How many bids were accepted, and how many refused by each refusal, since the start."""
        self.batches = 0
        self.commit_seconds = 0.0

    # Life

    async def run(self, task_group: asyncio.TaskGroup) -> None:
        """Give lots the time back in which no node ran, read which are open, then start the batcher and the closers in
        `task_group`. Lots still overdue are closed.
        """
        if self._outages is not None:
            await self._outages.beat()
        async with self.pool.acquire() as conn:
            self.epoch = await store.epoch(conn)
            for lot_id, ends_at in await store.open_ends(conn):
                self.closings.schedule(lot_id, ends_at)
        self._tasks = [task_group.create_task(self._commit_batches(), name="batcher")]
        self._tasks += [task_group.create_task(self._close_lots(), name="closer") for _ in range(CLOSERS)]
        if self._news is not None:
            self._tasks.append(task_group.create_task(self._news.listen(), name="news of other nodes"))
            self._tasks.append(task_group.create_task(self._news.tell(), name="news for other nodes"))
        if self._outages is not None:
            self._tasks.append(task_group.create_task(self._outages.run(), name="sign of life"))
            self._tasks.append(task_group.create_task(self._look_round(), name="what nobody told"))

    async def stop(self) -> None:
        """Take no more bids, decide those that wait, end the tasks. What could not be decided stays unknown to its bidder,
        who will ask again.
        """
        self._is_stopping = True
        self.closings.stop()
        self._commit.give_up()
        self._work.set()
        for task in self._tasks[1:]:
            task.cancel()
        await asyncio.wait(self._tasks) if self._tasks else None
        await self._commit.close()

    @property
    def ready(self) -> bool:
        """Whether the tasks run, no closing has failed, and no lot has been due for more than five seconds."""
        alive = bool(self._tasks) and not any(task.done() for task in self._tasks)
        return alive and not self._failed_closings and self.closings.lag_seconds < 5.0

    # The door

    async def submit(self, bid: Bid) -> Answer:
        """Place a bid and wait for its answer, which comes after the commit. Cancelling the wait cancels nothing else."""
        return await self.place(bid)

    def place(self, bid: Bid) -> asyncio.Future[Answer]:
        """Put a bid into its lot's queue before returning; the future holds its answer after the commit."""
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.offer(bid, lambda answer: None if answered.done() else answered.set_result(answer))
        return answered

    def offer(self, bid: Bid, done: Done) -> None:
        """Place a bid; `done` is called with its answer, at once if it is known or the bid is turned away."""
        key = key_of(bid)
        if (known := self._answers.get(key)) is not None:
            return done(repeated(bid, known))
        if (waiting := self._waiting.get(key)) is not None:
            if content_of(bid) != content_of(waiting.bid):
                return done(turned_away(bid, Refusal.ID_REUSED))
            return waiting.done.append(done)
        if (refusal := self._turned_away_by(bid)) is not None:
            return done(turned_away(bid, refusal))
        waiting = _Waiting(bid, [done])
        self._waiting[key] = waiting
        self._shares.take(bid.lot_id, bid.party_id)
        self._queue_of(bid.lot_id).append(waiting)
        self._queued += 1
        self._work.set()
        return None

    def ask(self, key: BidKey, done: Done) -> bool:
        """Call `done` with the answer to an earlier request if this node knows it or is deciding it; else False."""
        if (known := self._answers.get(key)) is not None:
            done(known)
            return True
        if (waiting := self._waiting.get(key)) is not None:
            waiting.done.append(done)
            return True
        return False

    @contextmanager
    def receiving(self, lot_id: int, stamped_at: datetime) -> Iterator[None]:
        """A bid for the lot has been stamped but is not in the queue yet: the lot's end waits for it, up to the bound."""
        ticket = next(self._tickets)
        self._receiving.setdefault(lot_id, {})[ticket] = stamped_at
        try:
            yield
        finally:
            tickets = self._receiving[lot_id]
            del tickets[ticket]
            if not tickets:
                del self._receiving[lot_id]
                if (timer := self._draining.pop(lot_id, None)) is not None:
                    timer.cancel()
                    self._tick(lot_id)

    def _turned_away_by(self, bid: Bid) -> Refusal | None:
        if not 0 < bid.lot_id <= LARGEST_STORED:
            return Refusal.UNKNOWN_LOT
        if not -LARGEST_STORED <= bid.amount_minor <= LARGEST_STORED:
            return Refusal.OVER_CAP
        if self._shares.is_used_up(bid.lot_id, bid.party_id) or not self._buckets.take(bid.party_id, time.monotonic()):
            return Refusal.TOO_FAST
        queue = self._queues.get(bid.lot_id)
        full = self._queued >= self.limits.queue_total or (queue and len(queue) >= self.limits.queue_per_lot)
        return Refusal.BUSY if full or self._is_stopping else None

    def _queue_of(self, lot_id: int) -> deque[_Waiting | _Tick]:
        queue = self._queues.get(lot_id)
        if queue is None:
            queue = self._queues[lot_id] = deque()
        return queue

    # What a lot looks like

    def now(self) -> datetime:
        """This node's time."""
        return self._node_time.now()

    async def room(self, lot_id: int) -> Room | None:
        """What this node knows of a lot, read from the database if it knows nothing yet."""
        if (known := self.rooms.get(lot_id)) is not None:
            return known
        async with self.pool.acquire() as conn:
            found = (await store.rooms(conn, [lot_id])).get(lot_id)
        return None if found is None else self.rooms.keep(found)

    def state(self, room: Room) -> PublicState:
        """The public state of a lot as this node knows it, now."""
        state = public_state(room.lot, room.standing, room.paddles, self.epoch, self._node_time.now())
        if state.outcome is None and format_of(room.lot).price_moves(room.lot) == "hidden":
            # From the first look on, so that not even the first hidden bid shows by a frame that says nothing new.
            self._shown.setdefault(room.lot.id, replace(state, server_at=room.lot.starts_at))
        return state

    async def refresh(self, lot_id: int) -> None:
        """Somebody else (the desk) has changed the lot: read it anew, schedule it anew, show it to its watchers."""
        async with self.pool.acquire() as conn:
            found = (await store.rooms(conn, [lot_id])).get(lot_id)
        if found is not None:
            self._moved(self.rooms.keep(found))

    async def _admissions_changed(self, lot_id: int, party_ids: Collection[int]) -> None:
        await self.refresh(lot_id)
        if (room := self.rooms.get(lot_id)) is not None:
            self.on_admissions(room, party_ids)

    async def _moved_elsewhere(self, lot_id: int, version: int) -> None:
        """Another node has moved a lot on: if this one shows it, it shows it anew."""
        known = self.rooms.get(lot_id)
        if known is not None and known.standing.version < version:
            await self.refresh(lot_id)

    async def _catch_up(self) -> None:
        """Show anew whatever somebody watches here and another node has moved on without this one's hearing of it."""
        rooms = {lot_id: self.rooms.get(lot_id) for lot_id in self._hub.watched()}
        shown = [lot_id for lot_id, room in rooms.items() if room is None or room.standing.outcome is None]
        if shown:
            async with self.pool.acquire() as conn:
                stored = await store.versions(conn, shown)
            for lot_id, version in stored.items():
                await self._moved_elsewhere(lot_id, version)

    def _moved(self, room: Room) -> None:
        lot_id, at = room.lot.id, wakes_at(room)
        if self._failed_closings and (at is None or at > self._node_time.now()):
            self._failed_closings.pop(lot_id, None)  # It is no longer to be closed now.
        if at is None:
            self.closings.forget(lot_id)
        elif lot_id not in self._closing and lot_id not in self._failed_closings:
            self.closings.schedule(lot_id, at)  # (A closing that has failed is tried again in its own time.)
        if self._news is not None:
            self._news.tell_of_move(lot_id, room.standing.version)
        for moved in self.moved_listeners:
            moved(room)
        if format_of(room.lot).price_moves(room.lot) != "hidden" or self._shows_anew(room):
            self._hub.publish(lot_id, room.standing.seq, lambda: self.state(room))

    def _shows_anew(self, room: Room) -> bool:
        """Whether a lot that hides its bids looks different to everybody now: when a hidden bid comes must not show."""
        before = self._shown.get(room.lot.id)
        shown = replace(self.state(room), server_at=room.lot.starts_at)
        if before == shown:
            return False
        if room.standing.outcome is None:
            self._shown[room.lot.id] = shown
        else:
            self._shown.pop(room.lot.id, None)
        return True

    def _answered(self, answers: Sequence[Answer]) -> None:
        for answer in answers:
            self.answered[answer.refusal or "accepted"] += 1
            key = key_of(answer)
            if answer.refusal not in _DECIDED_AT_DOOR:
                self._answers[key] = answer
            if (waiting := self._waiting.pop(key, None)) is None:
                continue
            self._shares.give_back(waiting.bid.lot_id, waiting.bid.party_id)
            for done in waiting.done:
                _tell(done, answer)
        while len(self._answers) > self.limits.remembered_answers:
            del self._answers[next(iter(self._answers))]

    # The batcher

    async def _commit_batches(self) -> None:
        while not (self._is_stopping and not self._queued):
            await self._work.wait()
            self._work.clear()
            while batch := self._take():
                ticked = [lot_id for lot_id, work in batch.items() if work.tick_at is not None]
                started = time.monotonic()
                try:
                    await uncancelled(self._commit.settle(batch))
                except CONNECTION_LOST:
                    if self._is_stopping:
                        return
                    raise
                self.batches += 1
                self.commit_seconds += time.monotonic() - started
                for lot_id in ticked:
                    self._after_tick(lot_id)
                # A loop that always finds work must still let sockets and timers run.
                await asyncio.sleep(0)

    def _take(self) -> dict[int, Work]:
        """The next batch: from each lot an equal share at least, so that a hot lot does not keep a quiet one waiting."""
        ready = [lot_id for lot_id in self._queues if lot_id not in self._closing]
        share = max(1, self.limits.batch // max(1, len(ready)))
        batch: dict[int, Work] = {}
        left = self.limits.batch
        for lot_id in ready:
            if left <= 0:
                break
            queue = self._queues.pop(lot_id)
            work = batch[lot_id] = Work([])
            self._fill(work, queue, min(share, left))
            left -= len(work.bids) + 1
            if queue:
                self._queues[lot_id] = queue
                self._work.set()
        return batch

    def _fill(self, work: Work, queue: deque[_Waiting | _Tick], most: int) -> None:
        while queue and len(work.bids) < most:
            item = queue.popleft()
            if isinstance(item, _Tick):
                work.tick_at = self._node_time.now()
                return
            self._queued -= 1
            work.bids.append(item.bid)

    # Ends

    def _fall_due(self, lot_id: int) -> None:
        """The end of a phase has passed. Bids stamped before it that are still being received go first."""
        in_flight = self._receiving.get(lot_id)
        if not in_flight or self._is_stopping:
            return self._tick(lot_id)
        loop = asyncio.get_running_loop()
        self._draining[lot_id] = loop.call_later(self.limits.drain_seconds, self._cut_drain, lot_id)
        return None

    def _cut_drain(self, lot_id: int) -> None:
        self._draining.pop(lot_id, None)
        _log.warning("drain_cut", lot=lot_id, in_flight=len(self._receiving.get(lot_id, ())))
        self._tick(lot_id)

    def _tick(self, lot_id: int) -> None:
        if not self._is_stopping:
            self._queue_of(lot_id).append(_Tick())
            self._work.set()

    def _after_tick(self, lot_id: int) -> None:
        """All bids before the end have been judged: if the last phase is over, the lot is closed before any later bid."""
        room = self.rooms.get(lot_id)
        if room is None:
            # Another node was first, or the lot is unknown. A lot that is still open is looked at again.
            self.closings.schedule(lot_id, retry_at(self._node_time.now(), 1))
        elif format_of(room.lot).is_due(room.lot, room.standing, self._node_time.now()):
            self._closing.add(lot_id)
            self._to_close.put_nowait(lot_id)
        elif (at := wakes_at(room)) is not None:
            self.closings.schedule(lot_id, at)

    async def _look_round(self) -> None:
        """Schedule open lots of whose opening or resuming this node was not told, and show what it was not told of: the
        telling failed after the commit, or whoever was to tell was killed.
        """
        while True:
            await asyncio.sleep(LOOK_ROUND_SECONDS)
            try:
                await self._catch_up()
                async with self.pool.acquire() as conn:
                    ends = await store.open_ends(conn)
            except (*CONNECTION_LOST, asyncpg.PostgresError) as error:
                _log.warning("ends_not_read", error=repr(error))
                continue
            for lot_id, ends_at in ends:
                if lot_id not in self.closings and lot_id not in self._closing:
                    self.closings.schedule(lot_id, ends_at)

    async def _close_lots(self) -> None:
        while True:
            lot_id = await self._to_close.get()
            try:
                await uncancelled(self._close(lot_id))
            finally:
                self._closing.discard(lot_id)
                self._work.set()

    async def _close(self, lot_id: int) -> None:
        """Close one lot; a failure (of the trading centre's part, too) rolls all of it back and is tried again, loudly."""
        now = self._node_time.now()
        try:
            async with self.pool.acquire() as conn, conn.transaction():
                room = await close_lot(conn, lot_id, now, self._on_hammer)
                if self._outages is not None:
                    self._outages.refuse_if_silent()
        except Exception as error:
            failures = self._failed_closings[lot_id] = self._failed_closings.get(lot_id, 0) + 1
            log = _log.warning if isinstance(error, (*CONNECTION_LOST, OutageError)) else _log.exception
            log("closing_failed", lot=lot_id, failures=failures, error=repr(error))
            self.closings.schedule(lot_id, retry_at(self._node_time.now(), failures))
            return
        self._failed_closings.pop(lot_id, None)
        self._closing.discard(lot_id)
        if room is not None:
            self._moved(self.rooms.keep(room))


def _tell(done: Done, answer: Answer) -> None:
    """One door that fails to pass its answer on must not keep the others from theirs."""
    try:
        done(answer)
    except Exception:
        _log.exception("answer_not_delivered")
