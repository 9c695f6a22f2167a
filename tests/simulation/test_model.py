"""The modelled database against the real one: the same calls of `auction.store` and `auction.desk` on both, with the same
answers, the same refusals by name, and the same rows in the end.

A drawn sequence is played by two connections that take turns; where one has to wait for the other's lock, it does so in
both worlds.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg
import pytest
from msgspec.structs import asdict, replace

from auction import desk, store
from auction.batch import Judged, judge_batch
from auction.chain import encode_canonical
from auction.facts import Bid, EnglishRule, Lot, StepBand
from tests.simulation import lots
from tests.simulation.model_database import ModelPool, Server
from tests.simulation.model_tables import HEARTBEAT
from tests.simulation.virtual_loop import VirtualLoop
from tests.simulation.virtual_time import virtual_time

if TYPE_CHECKING:
    from migrations.database import Pool

START = datetime(2026, 1, 1, tzinfo=UTC)
PARTIES = (11, 12, 13)
LOTS = (1, 2, 3, 4, 5, 6)
FORMATS = {1: "english", 2: "english", 3: "dutch", 4: "sealed", 5: "uniform", 6: "reverse"}
STEPS = 70
Script = Callable[[Any, Callable[[asyncio.Task[Any]], Awaitable[None]]], Awaitable[list[Any]]]


def a_lot(lot_id: int) -> Lot:
    if (name := FORMATS[lot_id]) != "english":
        return lots.a_lot(random.Random(lot_id), lot_id, name, START + timedelta(seconds=20), START)
    rule = EnglishRule(
        start_price_minor=100, steps=(StepBand(increment_minor=10),), timed_seconds=60, extension_seconds=20
    )
    return Lot(
        id=lot_id, seller_id=1, currency="CNY", currency_exponent=2, rule=rule, starts_at=START, reserve_minor=500
    )


class Drawn:
    """A sequence of calls drawn from a seed. Judges with what it has read, old or new, as a node does."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.rooms: dict[int, Any] = {}
        self.bids: list[Bid] = []
        self.now = START

    async def play(self, pool: Any, settled: Callable[[asyncio.Task[Any]], Awaitable[None]]) -> list[Any]:
        said: list[Any] = []
        async with pool.acquire() as conn:
            for lot_id in LOTS:
                await desk.open_lot(conn, a_lot(lot_id), START)
        async with pool.acquire() as here, pool.acquire() as there:
            for conn in (here, there):
                await store.prepare_batch(conn)
            for _ in range(STEPS):
                self.now += timedelta(seconds=self.chance.randrange(3))
                if self.chance.random() < 0.3:
                    said.append(await self._both(here, there, settled))
                else:
                    said.append(await self._one(here, self._draw()))
            said.append(await everything(here))
        return said

    async def _one(self, conn: Any, act: Callable[[Any], Awaitable[Any]]) -> Any:
        """One act in a transaction of its own; sometimes it is rolled back."""
        fails = self.chance.random() < 0.1
        try:
            async with conn.transaction():
                result = await act(conn)
                if fails:
                    raise LookupError("rolled back")
        except asyncpg.PostgresError as error:
            return type(error).__name__, getattr(error, "constraint_name", None)
        except LookupError as error:
            return str(error)
        return plain(result)

    async def _both(self, here: Any, there: Any, settled: Callable[[asyncio.Task[Any]], Awaitable[None]]) -> Any:
        """One connection is in the middle of a transaction when the other acts; then it commits or not."""
        first, second = self._draw(), self._draw()
        commits = self.chance.random() < 0.7
        open_one = here.transaction()
        await (open_one.start() if hasattr(open_one, "start") else open_one.__aenter__())
        try:
            said = plain(await first(here))
        except asyncpg.PostgresError as error:
            said, commits = (type(error).__name__, getattr(error, "constraint_name", None)), False
        waiting = asyncio.ensure_future(self._alone(there, second))
        await settled(waiting)
        blocked = not waiting.done()
        if hasattr(open_one, "start"):
            await (open_one.commit() if commits else open_one.rollback())
        elif commits:
            await open_one.__aexit__(None, None, None)
        else:
            await open_one.__aexit__(LookupError, LookupError(), None)
        return said, blocked, commits, await waiting

    async def _alone(self, conn: Any, act: Callable[[Any], Awaitable[Any]]) -> Any:
        try:
            return plain(await act(conn))
        except asyncpg.PostgresError as error:
            return type(error).__name__, getattr(error, "constraint_name", None)

    def _draw(self) -> Callable[[Any], Awaitable[Any]]:
        chance, now = self.chance, self.now
        lot_id, party_id = chance.choice(LOTS), chance.choice(PARTIES)
        number = chance.randrange(1000)
        acts: list[Callable[[Any], Awaitable[Any]]] = [
            lambda conn: self._read(conn, [lot_id, chance.choice(LOTS)]),
            lambda conn: self._commit(conn, number),
            lambda conn: self._commit(conn, number),
            lambda conn: self._commit(conn, number),
            lambda conn: self._commit(conn, number),
            lambda conn: desk.admit(conn, lot_id=lot_id, party_id=party_id, now=now),
            lambda conn: desk.remove_admission(conn, lot_id=lot_id, party_id=party_id, now=now),
            lambda conn: desk.pause(conn, lot_id, now) if number % 4 == 0 else desk.resume(conn, lot_id, now),
            lambda conn: desk.extend(conn, lot_id, now + timedelta(seconds=number), now),
            lambda conn: desk.lower_reserve(conn, lot_id, 100 + number // 2, now),
            lambda conn: store.insert_admission(conn, lot_id, party_id, 100 + number % 3, now),
            lambda conn: store.lock_versions(conn, list(LOTS[: 1 + number % 6])),
            lambda conn: store.versions(conn, list(LOTS[number % 6 :])),
            lambda conn: store.first_answers(conn, [(bid.party_id, bid.client_bid_id.int) for bid in self.bids[-4:]]),
            lambda conn: store.beat(conn, now, timedelta(seconds=5)),
            lambda conn: store.set_heartbeat(conn, now),
            lambda conn: store.due_by(conn, now),
            store.open_ends,
            lambda conn: store.own_position(conn, lot_id, party_id),
            lambda conn: store.events(conn, lot_id, number % 5, 3),
            lambda conn: all_bids_of(conn, lot_id, party_id),
            lambda conn: store.touch_standing(conn, lot_id),
            lambda conn: store.lower_reserve(conn, lot_id, 100 + number),
            lambda conn: self._wrong_standing(conn, lot_id, number),
        ]
        return chance.choice(acts)

    async def _read(self, conn: Any, lot_ids: list[int]) -> Any:
        found = await store.rooms(conn, set(lot_ids))
        self.rooms |= found
        return {lot_id: (room.standing, room.paddles, sorted(room.admitted)) for lot_id, room in found.items()}

    async def _commit(self, conn: Any, number: int) -> Any:
        """A batch on what was read earlier: often outdated, sometimes with an id that was decided before."""
        chance = random.Random(number)
        if not self.rooms:
            await self._read(conn, list(LOTS))
        batch: list[Judged] = []
        for lot_id in sorted(chance.sample(sorted(self.rooms), min(len(self.rooms), 2))):
            room = self.rooms[lot_id]
            bids = [self._bid(chance, lot_id, room) for _ in range(chance.randrange(3))]
            keys = {(bid.party_id, bid.client_bid_id) for bid in bids}
            if len(keys) == len(bids):
                batch.append(judge_batch(room, bids, self.now if chance.random() < 0.3 else None))
        statement = await conn.prepare(store.queries.commit_batch)
        if not batch:
            return None
        held = await store.commit_batch(statement, batch)
        for lot_id in sorted(held):
            if chance.random() < 0.8:
                self.rooms.pop(lot_id)
        return sorted(held)

    def _bid(self, chance: random.Random, lot_id: int, room: Any) -> Bid:
        if self.bids and chance.random() < 0.15:
            return replace(chance.choice(self.bids), lot_id=lot_id)
        party_id = chance.choice(PARTIES)
        wish = lots.Wish((room.standing.price_minor or 100) + 10 * chance.randrange(3), chance.random() < 0.3)
        if FORMATS[lot_id] != "english":
            wish = lots.wish_on(chance, room.lot, None, room.paddles.get(party_id), {})
        bid = Bid(
            lot_id=lot_id,
            party_id=party_id,
            client_bid_id=UUID(int=self.chance.getrandbits(128)),
            amount_minor=wish.amount,
            is_maximum=wish.is_maximum,
            stamped_at=self.now,
            details=None if wish.details is None else encode_canonical(wish.details),
        )
        self.bids.append(bid)
        return bid

    async def _wrong_standing(self, conn: Any, lot_id: int, number: int) -> None:
        """A standing that no rule would write: the database's own checks must speak."""
        room = await store.lock_room(conn, lot_id)
        assert room is not None
        standing = room.standing
        wrongs: list[dict[str, Any]] = [
            {"ends_at": standing.ends_at - timedelta(seconds=1)},
            {"seq": standing.seq + 1},
            {"seq": standing.seq - 1},
            {"head": bytes(32)},
            {"leader_id": 99, "price_minor": 900, "leader_maximum_minor": 900, "bid_count": 1},
        ]
        changes = wrongs[number % len(wrongs)]
        await store.save_standing(conn, lot_id, replace(standing, version=standing.version + 1, **changes))


def plain(value: Any) -> Any:
    """A result as something that can be compared and shown."""
    return asdict(value) if hasattr(value, "__struct_fields__") else value


async def all_bids_of(conn: Any, lot_id: int, party_id: int) -> list[store.OwnBid]:
    """Of two requests with one stamp either may come first."""
    return sorted(await store.bids_of(conn, lot_id, party_id, 1000), key=lambda bid: bid.client_bid_id)


async def everything(conn: Any) -> Any:
    """All that the auction can read in the end."""
    rooms = await store.rooms(conn, LOTS)
    return [
        [(room.lot, room.standing, room.paddles, sorted(room.admitted)) for _, room in sorted(rooms.items())],
        [await store.events(conn, lot_id, 0, 1000) for lot_id in LOTS],
        [await store.events_before(conn, lot_id, 5, 2) for lot_id in LOTS],
        [await store.terms(conn, lot_id) for lot_id in LOTS],
        [await store.positions_of(conn, party_id) for party_id in PARTIES],
        [await store.admitted_ids(conn, lot_id) for lot_id in LOTS],
        [await all_bids_of(conn, lot_id, party_id) for lot_id in LOTS for party_id in PARTIES],
        await store.lock_heartbeat(conn),
    ]


def on_the_model(seed: int) -> list[Any]:
    chance = random.Random(seed)
    loop = VirtualLoop(chance)
    server = Server(loop, chance)

    async def settled(task: asyncio.Task[Any]) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.shield(task)

    with virtual_time(loop, random.Random(seed)):
        said = loop.run(Drawn(seed).play(ModelPool(server), settled))
    assert not loop.failures
    return said


@pytest.fixture
async def waits(pool: Pool) -> AsyncIterator[Callable[[asyncio.Task[Any]], Awaitable[None]]]:
    """Waits until a task on the real database has finished or stands before a lock."""
    async with pool.acquire() as watching:

        async def settled(task: asyncio.Task[Any]) -> None:
            while not task.done():
                await asyncio.sleep(0.001)
                waiting = await watching.fetchval(
                    "select count(*) from pg_locks l join pg_stat_activity a using (pid)"
                    " where not l.granted and a.datname = current_database()"
                )
                if waiting:
                    return

        yield settled


@pytest.mark.parametrize("seed", range(12))
async def test_the_model_answers_as_the_database_does(
    seed: int, pool: Pool, waits: Callable[[asyncio.Task[Any]], Awaitable[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    seeded = random.Random(seed)
    monkeypatch.setattr(desk.secrets, "randbelow", seeded.randrange)
    monkeypatch.setattr(desk.secrets, "token_hex", lambda count: seeded.randbytes(count).hex())
    real = await Drawn(seed).play(pool, waits)
    monkeypatch.undo()
    modelled = on_the_model(seed)
    for step, (expected, found) in enumerate(zip(real, modelled, strict=True)):
        assert found == expected, f"step {step}"


def test_the_heartbeat_begins_empty() -> None:
    loop = VirtualLoop(random.Random(1))
    assert Server(loop, loop.chance).tables.rows == {HEARTBEAT: {"beaten_at": None}}
