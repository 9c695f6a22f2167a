"""Outages: whatever time nobody could bid in is given back, once, to the lots that were due in it or soon after."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auction import desk, outages, store
from auction.facts import Hammer, Phase
from migrations.database import Role, connect, create_pool
from migrations.embedded_postgres import EmbeddedPostgres, create_database
from migrations.runner import migrate
from tests.auction.house import ANN, BOB, Hammers, a_lot, ends_in, log_of, open_lot, open_node, serve, until

if TYPE_CHECKING:
    from migrations.database import Connection, Pool

MINUTE = timedelta(minutes=1)


def timed(lot_id: int, seconds: float, **changes: Any) -> Any:
    """A lot of one time-limited phase that ends so many seconds from now."""
    return a_lot(
        lot_id, starts_at=ends_in(seconds - 3540)["starts_at"], timed_seconds=3600, extension_seconds=None, **changes
    )


async def silent_for(pool: Pool, silence: timedelta) -> datetime:
    """As if nobody had left a sign of life for so long; since when."""
    stopped_at: datetime = await pool.fetchval(
        "update auction.heartbeat set beaten_at = clock_timestamp() - $1::interval returning beaten_at", silence
    )
    return stopped_at


async def kinds(pool: Pool, lot_id: int) -> list[str]:
    return [json.loads(row.body)["kind"] for row in await log_of(pool, lot_id)]


async def closed(pool: Pool, lot_id: int) -> bool:
    return (await kinds(pool, lot_id))[-1] == "closed"


async def ends(pool: Pool, *lot_ids: int) -> list[datetime]:
    async with pool.acquire() as conn:
        states = await store.lot_views(conn, lot_ids)
    return [states[lot_id].ends_at for lot_id in lot_ids]


async def test_time_in_which_no_node_ran_is_given_back_and_bids_are_taken_until_the_new_end(pool: Pool) -> None:
    await open_lot(pool, timed(1, -300), ANN)
    stopped_at = await silent_for(pool, 10 * MINUTE)
    (due_at,) = await ends(pool, 1)
    before = await pool.fetchval("select clock_timestamp()")
    async with open_node(pool) as node:
        (ends_at,) = await ends(pool, 1)
        lost = ends_at - due_at
        assert before - stopped_at <= lost + timedelta(milliseconds=50) and lost <= node.node_time.now() - stopped_at
        assert node.bidding.closings._due_at[1] == ends_at
        assert (await node.bid(1, ANN, 1_000_000)).refusal is None
    assert await kinds(pool, 1) == ["opened", "credited", "bid"]


async def test_only_lots_due_in_the_outage_or_within_one_extension_after_it_get_time(pool: Pool) -> None:
    await open_lot(pool, timed(1, 30), ANN)  # time enough is left, and there is no extension
    await open_lot(pool, timed(2, 30, soft_close_seconds=60), ANN)  # due within an extension of a minute
    await open_lot(pool, timed(3, -900), ANN)  # over before the stop
    await open_lot(pool, a_lot(4, timed_seconds=7200, extension_seconds=60), ANN)  # far away
    before = await ends(pool, 1, 2, 3, 4)
    stopped_at = await silent_for(pool, 10 * MINUTE)
    async with pool.acquire() as conn:
        now = await store.database_time(conn)
        async with conn.transaction():
            assert await outages.give_back(conn, now) == [2]
    after = await ends(pool, 1, 2, 3, 4)
    assert after == [before[0], before[1] + (now - stopped_at), before[2], before[3]]


async def test_a_timed_phase_over_before_the_stop_is_told_first_and_the_delayed_one_gets_the_time(pool: Pool) -> None:
    lot = a_lot(1, starts_at=ends_in(-900)["starts_at"], timed_seconds=60, extension_seconds=600)
    await open_lot(pool, lot, ANN)
    await silent_for(pool, 10 * MINUTE)
    async with open_node(pool):
        assert await kinds(pool, 1) == ["opened", "phase", "credited"]
    async with pool.acquire() as conn:
        state = await store.lot_view(conn, 1)
    assert state is not None and state.phase is Phase.DELAYED


async def test_a_paused_and_a_closed_lot_stay_as_they_are(pool: Pool) -> None:
    for lot_id in (1, 2):
        await open_lot(pool, timed(lot_id, -1), ANN)
    async with open_node(pool):
        await until(lambda: closed(pool, 1))
        await until(lambda: closed(pool, 2))
    await open_lot(pool, timed(3, 60), ANN)
    async with pool.acquire() as conn, conn.transaction():
        await desk.pause(conn, 3, await store.database_time(conn))
    await silent_for(pool, 10 * MINUTE)
    before = await ends(pool, 1, 2, 3)
    async with open_node(pool):
        assert await ends(pool, 1, 2, 3) == before
    assert await kinds(pool, 1) == ["opened", "closed"]


async def test_the_time_is_given_once_even_if_the_start_crashes_in_between(pool: Pool) -> None:
    await open_lot(pool, timed(1, -300), ANN)
    await silent_for(pool, 10 * MINUTE)
    async with pool.acquire() as conn:
        now = await store.database_time(conn)
        crashing = conn.transaction()
        await crashing.start()
        assert await outages.give_back(conn, now) == [1]
        await crashing.rollback()
        assert await kinds(pool, 1) == ["opened"]
        for credited in ([1], []):
            async with conn.transaction():
                assert await outages.give_back(conn, now) == credited
    assert await kinds(pool, 1) == ["opened", "credited"]


async def test_of_two_nodes_that_start_at_once_one_gives_the_time_back(pool: Pool) -> None:
    for lot_id in range(1, 11):
        await open_lot(pool, timed(lot_id, -300), ANN)
    await silent_for(pool, 10 * MINUTE)
    here, there = open_node(pool), open_node(pool)
    await asyncio.gather(here.__aenter__(), there.__aenter__())
    for lot_id in range(1, 11):
        assert await kinds(pool, lot_id) == ["opened", "credited"]
    await asyncio.gather(here.__aexit__(None, None, None), there.__aexit__(None, None, None))


async def test_a_start_beside_a_living_node_is_no_outage(pool: Pool) -> None:
    await open_lot(pool, a_lot(1, **ends_in(30)), ANN)
    async with open_node(pool), open_node(pool):
        assert await kinds(pool, 1) == ["opened"]


async def test_before_the_first_node_there_was_no_outage(pool: Pool) -> None:
    await open_lot(pool, a_lot(1, **ends_in(30)), ANN)
    async with open_node(pool):
        assert await kinds(pool, 1) == ["opened"]


async def test_an_open_page_sees_the_time_given_back(pool: Pool) -> None:
    await open_lot(pool, timed(1, 30, soft_close_seconds=60), ANN)
    async with serve(pool) as house, house.connect() as watcher:
        seen = await watcher.subscribe(1)
        await silent_for(pool, 10 * MINUTE)
        state = await watcher.until("state")
        await watcher.send("history", lot=1, after=1)
        (row,) = (await watcher.until("history"))["rows"]
    moved = datetime.fromisoformat(state["ends_at"]) - datetime.fromisoformat(seen["ends_at"])
    assert moved >= 10 * MINUTE and (row["kind"], row["ends_at"]) == ("credited", state["ends_at"])


async def test_a_lot_due_while_the_database_was_away_is_not_closed_but_gets_the_time_back(open_folder: Path) -> None:
    with EmbeddedPostgres(open_folder / "away") as postgres:
        await create_database(postgres.address)
        owner = await connect(postgres.address, Role.OWNER)
        await migrate(owner)
        await owner.close()
        pool = await create_pool(postgres.address, Role.APP, min_size=1)
        async with open_node(pool) as node:
            await open_lot(pool, timed(1, 2), ANN, BOB)
            await node.bid(1, ANN, 1_000_000)
            (due_at,) = await ends(pool, 1)
            postgres.stop()
            away_since = node.node_time.now()

            async def is_outage() -> bool:
                return node.node_time.now() > away_since + outages.SILENCE + timedelta(seconds=1)

            async def is_credited() -> bool:
                room = node.bidding.rooms.get(1)
                return room is not None and room.standing.ends_at > due_at

            await until(is_outage)
            postgres.start()
            await until(is_credited)
            assert (await node.bid(1, BOB, 1_010_000)).refusal is None
            assert node.bidding.ready and node.bidding.closings._due_at[1] > due_at
        assert (await kinds(pool, 1))[:3] == ["opened", "bid", "credited"]
        await pool.close()


async def test_a_hammer_under_which_the_database_stood_still_is_taken_back(pool: Pool) -> None:
    await open_lot(pool, timed(1, 2), ANN)
    released = asyncio.Event()

    class Held(Hammers):
        async def __call__(self, conn: Connection, hammer: Hammer) -> None:
            await super().__call__(conn, hammer)
            await released.wait()

    hammers = Held()
    async with open_node(pool, hammers) as node:
        async with pool.acquire() as conn, conn.transaction():
            # No beat gets through while this row is held.
            stood_still_at = await store.lock_heartbeat(conn)
            assert stood_still_at is not None

            async def is_outage() -> bool:
                return bool(hammers.calls) and node.node_time.now() > stood_still_at + outages.SILENCE

            async def is_taken_back() -> bool:
                return bool(node.bidding._failed_closings)

            await until(is_outage)
            released.set()
            await until(is_taken_back)

        async def is_credited() -> bool:
            return len(await kinds(pool, 1)) > 1

        await until(is_credited)
        assert await kinds(pool, 1) == ["opened", "credited"]

        async def is_ready() -> bool:
            return node.bidding.ready

        await until(is_ready)
