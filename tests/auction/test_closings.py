"""The end of a lot: in the same queue as its bids, once, in one transaction with what follows from it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
from msgspec import Struct
from starlette.requests import ClientDisconnect

from auction import desk, store
from auction.closings import close_lot
from auction.facts import Hammer, Outcome, Refusal, Standing
from auction.formats.english import BUYS_NOW
from auction.limits import Limits
from tests.auction.house import ANN, BOB, Hammers, Node, a_lot, ends_in, log_of, open_lot, open_node, serve, until

if TYPE_CHECKING:
    from migrations.database import Connection, Pool


async def closed(node: Node, lot_id: int = 1) -> None:
    """Wait, by the hub's own publishing, until the lot is closed here."""
    async with asyncio.timeout(60):
        while True:
            room = await node.bidding.room(lot_id)
            assert room is not None
            if room.standing.outcome is not None:
                return
            await changed(node, lot_id)


async def changed(node: Node, lot_id: int) -> None:
    """Wait for the next thing that happens to the lot at this node."""
    happened, publish = asyncio.Event(), node.hub.publish

    def publish_and_tell(published: int, seq: int, render: Callable[[], Struct]) -> None:
        publish(published, seq, render)
        if published == lot_id:
            happened.set()

    with patch.object(node.hub, "publish", publish_and_tell), suppress(TimeoutError):
        async with asyncio.timeout(0.2):
            await happened.wait()


async def kinds(pool: Pool, lot_id: int = 1) -> list[str]:
    return [json.loads(row.body)["kind"] for row in await log_of(pool, lot_id)]


async def test_a_lot_closes_at_its_end_and_the_hammer_names_the_winner(pool: Pool) -> None:
    lot = a_lot(timed_seconds=60, starts_at=ends_in(2)["starts_at"], extension_seconds=None)
    paddles = await open_lot(pool, lot, ANN, BOB)
    async with open_node(pool) as node:
        await node.bid(1, ANN, 1_000_000)
        await closed(node)
    (hammer,) = node.hammers.calls
    rows = await log_of(pool, 1)
    assert (hammer.outcome, hammer.winner_id, hammer.winner_paddle) == (Outcome.SOLD, ANN, paddles[ANN])
    assert (hammer.price_minor, hammer.admitted_ids, hammer.seq) == (1_000_000, (ANN, BOB), 3)
    assert hammer.head == rows[-1].hash and hammer.closed_at == lot.starts_at + timedelta(seconds=60)
    assert await kinds(pool) == ["opened", "bid", "closed"]


async def test_the_timed_phase_passes_into_the_delayed_one_as_an_event_and_then_closes(pool: Pool) -> None:
    await open_lot(pool, a_lot(timed_seconds=59, starts_at=ends_in(0.2)["starts_at"], extension_seconds=1), ANN)
    async with open_node(pool) as node:
        await closed(node)
    assert await kinds(pool) == ["opened", "phase", "closed"]
    assert node.hammers.calls[0].outcome is Outcome.UNSOLD


async def test_a_bid_in_the_delayed_phase_puts_the_close_off(pool: Pool) -> None:
    await open_lot(pool, a_lot(extension_seconds=2, starts_at=ends_in(2)["starts_at"] + timedelta(seconds=58)), ANN)
    async with open_node(pool) as node:
        answer = await node.bid(1, ANN, 1_000_000)
        await closed(node)
    assert answer.ends_at is not None and node.hammers.calls[0].closed_at == answer.ends_at
    assert node.hammers.calls[0].winner_id == ANN


async def test_a_bid_received_before_the_end_and_queued_after_it_is_in(pool: Pool) -> None:
    lot = a_lot(**ends_in(-5))
    end, millisecond = lot.starts_at + timedelta(seconds=60), timedelta(milliseconds=1)
    async with open_node(pool) as node:
        await open_lot(pool, lot, ANN)
        with node.bidding.receiving(1, end - millisecond):
            await node.bidding.refresh(1)
            while len(node.bidding.closings):  # noqa: ASYNC110  # turns of the loop are what is waited for
                await asyncio.sleep(0)  # until the lot's end has come up
            answering = node.bidding.place(node.a_bid(1, ANN, 1_000_000, stamped_at=end - millisecond))
        answer = await answering
    assert answer.refusal is None
    assert answer.ends_at == end - millisecond + timedelta(seconds=60)


async def test_a_bid_queued_before_the_end_comes_up_is_judged_before_it(pool: Pool) -> None:
    lot = a_lot(timed_seconds=60, starts_at=ends_in(3)["starts_at"], extension_seconds=None)
    end = lot.starts_at + timedelta(seconds=60)
    await open_lot(pool, lot, ANN, BOB)
    async with open_node(pool) as node, pool.acquire() as conn:
        async with conn.transaction():
            # While this lock is held a first bid's commit waits, and what comes after it queues: a bid, then the end.
            await conn.fetch("select 1 from auction.standing where lot_id = 1 for update")
            first = node.bidding.place(node.a_bid(1, BOB, 1_000_000))
            last = node.bidding.place(node.a_bid(1, ANN, 2_000_000, stamped_at=end - timedelta(milliseconds=1)))
            async with asyncio.timeout(30):
                while node.node_time.now() <= end:
                    await changed(node, 1)
        assert [(await first).refusal, (await last).refusal] == [None, None]
        await closed(node)
    assert await kinds(pool) == ["opened", "bid", "bid", "closed"]


async def test_a_bid_at_the_very_end_is_late_and_leaves_no_trace(pool: Pool) -> None:
    lot = a_lot(**ends_in(60))
    await open_lot(pool, lot, ANN)
    async with open_node(pool) as node:
        late = await node.bid(1, ANN, 1_000_000, stamped_at=lot.starts_at + timedelta(seconds=60))
        in_time = await node.bid(1, ANN, 1_000_000, stamped_at=lot.starts_at + timedelta(seconds=59.999999))
    assert (late.refusal, in_time.refusal) == (Refusal.CLOSED, None)


async def test_the_end_waits_for_a_bid_that_is_being_received_but_not_for_ever(pool: Pool) -> None:
    lot = a_lot(**ends_in(-1))
    await open_lot(pool, lot, ANN)
    async with open_node(pool, limits=Limits(drain_seconds=0.1)) as node:
        with node.bidding.receiving(1, lot.starts_at):
            await closed(node)
            stamped_at = lot.starts_at + timedelta(seconds=59)
            assert (await node.bid(1, ANN, 1_000_000, stamped_at=stamped_at)).refusal is Refusal.CLOSED


async def test_a_hammer_that_fails_rolls_the_close_back_and_is_tried_again(pool: Pool) -> None:
    await open_lot(pool, a_lot(**ends_in(-1)), ANN)
    logs: list[list[str]] = []
    ready: list[bool] = []

    class Watched(Hammers):
        async def __call__(self, conn: Connection, hammer: Hammer) -> None:
            # What everybody else sees while a close is being tried: nothing of it, nor of the one that failed.
            logs.append(await kinds(pool))
            ready.append(node.bidding.ready)
            await super().__call__(conn, hammer)

    async with open_node(pool, Watched(failures=1)) as node:
        await closed(node)
        assert node.bidding.ready
    assert (logs, ready) == ([["opened"], ["opened"]], [True, False])
    assert await kinds(pool) == ["opened", "closed"]


async def test_what_the_hammer_writes_is_in_the_closing_transaction(pool: Pool) -> None:
    for lot_id in (1, 2):
        await open_lot(pool, a_lot(lot_id, **ends_in(-1)), ANN)

    async def free_deposits(conn: Connection, hammer: Hammer) -> None:
        await conn.execute("select set_config('gavelhouse.freed', $1, true)", str(hammer.lot_id))
        if hammer.lot_id == 2:
            raise RuntimeError

    async with pool.acquire() as conn:
        now = await store.database_time(conn)
        async with conn.transaction():
            await close_lot(conn, 1, now, free_deposits)
            assert await conn.fetchval("select current_setting('gavelhouse.freed')") == "1"
        with pytest.raises(RuntimeError):
            async with conn.transaction():
                await close_lot(conn, 2, now, free_deposits)
        states = await store.lot_views(conn, [1, 2])
    assert (states[1].outcome, states[2].outcome) == (Outcome.UNSOLD, None)
    assert (await kinds(pool, 1), await kinds(pool, 2)) == (["opened", "closed"], ["opened"])


async def test_a_lot_whose_end_somebody_else_moved_is_looked_at_again_and_not_closed(pool: Pool) -> None:
    await open_lot(pool, a_lot(**ends_in(2)), ANN)
    async with open_node(pool) as node:
        await node.bidding.room(1)
        async with pool.acquire() as conn, conn.transaction():
            now = await store.database_time(conn)
            moved = await desk.extend(conn, 1, now + timedelta(hours=1), now)
        assert isinstance(moved, Standing)

        async def is_looked_at() -> bool:
            return node.bidding.closings._due_at.get(1) == moved.ends_at

        await until(is_looked_at)
        assert node.bidding.ready and not node.hammers.calls
    assert await kinds(pool) == ["opened", "extended"]


async def test_a_close_that_meets_an_act_waits_for_it_and_looks_at_the_lot_again(pool: Pool) -> None:
    await open_lot(pool, a_lot(**ends_in(60)), ANN)
    async with pool.acquire() as acting, pool.acquire() as closing:
        now = await store.database_time(acting)
        end = now + timedelta(seconds=61)
        act = acting.transaction()
        await act.start()
        await desk.extend(acting, 1, now + timedelta(hours=1), now)
        async with closing.transaction():
            close = asyncio.create_task(close_lot(closing, 1, end, Hammers()))
            await until(lambda: waits_for_a_lock(pool))
            await act.commit()
            room = await close
    assert room is not None and room.standing.outcome is None
    assert await kinds(pool) == ["opened", "extended"]


async def waits_for_a_lock(pool: Pool) -> bool:
    return bool(
        await pool.fetchval(
            "select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')"
        )
    )


async def test_while_a_lot_closes_its_bids_wait_and_those_of_others_do_not(pool: Pool) -> None:
    lot = a_lot(1, **ends_in(-1))
    await open_lot(pool, lot, ANN, BOB)
    await open_lot(pool, a_lot(2), ANN)
    falling, fall = asyncio.Event(), asyncio.Event()

    class SlowHammer(Hammers):
        async def __call__(self, conn: Connection, hammer: Hammer) -> None:
            falling.set()
            await fall.wait()

    async with open_node(pool, SlowHammer()) as node, asyncio.timeout(60):
        await falling.wait()
        # Stamped in time, but it comes when the end has been passed on to the closer.
        stamped_at = lot.starts_at + timedelta(seconds=59)
        late = node.bidding.place(node.a_bid(1, ANN, 1_000_000, stamped_at=stamped_at))
        try:
            async with asyncio.timeout(30):
                assert (await node.bid(2, ANN, 1_000_000)).refusal is None
            assert not late.done()
        finally:
            fall.set()
        assert (await late).refusal is Refusal.CLOSED
    assert await kinds(pool) == ["opened", "closed"]


async def test_two_nodes_close_a_lot_once(pool: Pool) -> None:
    for lot_id in range(1, 11):
        await open_lot(pool, a_lot(lot_id, **ends_in(0.2)), ANN)
    hammers = Hammers()
    async with open_node(pool, hammers) as here, open_node(pool, hammers) as there:
        for lot_id in range(1, 11):
            await closed(here, lot_id)
            await closed(there, lot_id)
    assert sorted(hammer.lot_id for hammer in hammers.calls) == list(range(1, 11))


async def test_lots_that_fell_due_while_no_node_ran_are_closed_at_the_start(pool: Pool) -> None:
    await open_lot(pool, a_lot(timed_seconds=10, extension_seconds=10, starts_at=ends_in(-3600)["starts_at"]), ANN)
    async with open_node(pool) as node:
        await closed(node)
    assert await kinds(pool) == ["opened", "phase", "closed"]


async def test_a_client_that_hangs_up_holds_no_ticket(pool: Pool) -> None:
    await open_lot(pool, a_lot(**ends_in(0.2)), ANN)
    async with open_node(pool, limits=Limits(drain_seconds=60)) as node:
        with pytest.raises(ClientDisconnect), node.bidding.receiving(1, node.node_time.now()):
            raise ClientDisconnect
        await closed(node)


async def test_a_closed_lot_takes_no_more_bids(pool: Pool) -> None:
    await open_lot(pool, a_lot(**ends_in(-1)), ANN)
    async with open_node(pool) as node:
        await closed(node)
        stamped_at = node.node_time.now() - timedelta(seconds=30)
        assert (await node.bid(1, ANN, 1_000_000, stamped_at=stamped_at)).refusal is Refusal.CLOSED


async def test_a_lot_of_whose_opening_the_node_was_never_told_still_closes(pool: Pool) -> None:
    with patch("auction.bidding.LOOK_ROUND_SECONDS", 0.05):
        async with open_node(pool) as node:
            await open_lot(pool, a_lot(**ends_in(0.3)))  # and nobody asks anything about it, nor refreshes it

            async def is_closed() -> bool:
                return (await kinds(pool))[-1] == "closed"

            await until(is_closed)
            assert [hammer.outcome for hammer in node.hammers.calls] == [Outcome.UNSOLD]


async def test_what_a_killed_node_did_not_tell_is_shown_all_the_same(pool: Pool) -> None:
    await open_lot(pool, a_lot(), ANN)
    with patch("auction.bidding.LOOK_ROUND_SECONDS", 0.05):
        async with serve(pool) as house, house.connect() as watcher:
            assert (await watcher.subscribe(1))["paused_at"] is None
            # As on a node that is killed between its commit and the telling.
            async with pool.acquire() as conn, conn.transaction():
                assert isinstance(await desk.pause(conn, 1, house.node.node_time.now()), Standing)
            assert (await watcher.until("state"))["paused_at"] is not None


async def test_a_purchase_stamped_before_a_pause_closes_the_lot_although_the_pause_was_written_first(
    pool: Pool,
) -> None:
    await open_lot(pool, a_lot(timed_seconds=600, extension_seconds=None, buy_now_minor=2_000_000), ANN)
    async with open_node(pool) as node:
        stamped_at = node.node_time.now()
        async with pool.acquire() as conn, conn.transaction():
            assert isinstance(await desk.pause(conn, 1, node.node_time.now()), Standing)
        await node.bidding.refresh(1)
        bought = await node.bid(1, ANN, 2_000_000, details=BUYS_NOW, stamped_at=stamped_at)
        assert bought.refusal is None
        await closed(node)
    (hammer,) = node.hammers.calls
    assert (hammer.winner_id, hammer.price_minor, hammer.closed_at) == (ANN, 2_000_000, stamped_at)
    assert await kinds(pool) == ["opened", "paused", "bid", "closed"]
