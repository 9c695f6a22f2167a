"""Placing bids through the group commit on a real Postgres: what is accepted, what is refused, what the log says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from auction import store
from auction.facts import Refusal
from auction.limits import Limits
from tests.auction.house import ANN, BOB, CAT, SELLER, Node, a_lot, cut_connections, log_of, open_lot, open_node

if TYPE_CHECKING:
    from migrations.database import Pool


@pytest.fixture
async def node(pool: Pool) -> AsyncIterator[Node]:
    async with open_node(pool) as node:
        yield node


async def test_an_accepted_bid_is_in_the_log_before_its_answer(node: Node) -> None:
    paddles = await open_lot(node.pool, a_lot(), ANN)
    answer = await node.bid(1, ANN, 1_000_000)
    rows = await log_of(node.pool, 1)
    assert (answer.refusal, answer.seq, answer.leading, answer.price_minor) == (None, 2, True, 1_000_000)
    assert rows[-1].hash == answer.hash
    body = json.loads(rows[-1].body)
    assert body["lines"] == [{"amount_minor": "1000000", "automatic": False, "paddle": paddles[ANN]}]
    assert list(body) == sorted(body) and "maximum" not in rows[-1].body.decode()


async def test_of_two_equal_bids_at_once_one_stands(node: Node) -> None:
    await open_lot(node.pool, a_lot(), ANN, BOB)
    answers = await asyncio.gather(node.bid(1, ANN, 1_000_000), node.bid(1, BOB, 1_000_000))
    assert [answer.refusal for answer in answers] == [None, Refusal.BELOW_MINIMUM]
    assert len(await log_of(node.pool, 1)) == 2


async def test_a_refused_bid_leaves_no_event_and_is_kept_in_the_audit_trail(node: Node) -> None:
    await open_lot(node.pool, a_lot(), ANN)
    before = await log_of(node.pool, 1)
    answer = await node.bid(1, ANN, 999_999)
    assert (answer.refusal, answer.lowest_minor, answer.seq) == (Refusal.BELOW_MINIMUM, 1_000_000, 1)
    assert await log_of(node.pool, 1) == before
    async with node.pool.acquire() as conn:
        kept = await store.bids_of(conn, 1, ANN)
    assert [(bid.amount_minor, bid.refusal) for bid in kept] == [(999_999, Refusal.BELOW_MINIMUM)]


@pytest.mark.parametrize(
    ("party", "amount", "refusal"),
    [
        (SELLER, 1_000_000, Refusal.OWN_LOT),
        (CAT, 1_000_000, Refusal.NOT_ADMITTED),
        (ANN, 1_000_001, Refusal.OFF_GRID),
        (ANN, 10**15 + 10_000, Refusal.OVER_CAP),
        (ANN, 2**70, Refusal.OVER_CAP),
        (ANN, 0, Refusal.MALFORMED_AMOUNT),
    ],
)
async def test_refusals_come_back_by_name(node: Node, party: int, amount: int, refusal: Refusal) -> None:
    await open_lot(node.pool, a_lot(), ANN)
    assert (await node.bid(1, party, amount)).refusal is refusal


@pytest.mark.parametrize("lot_id", [404, 0, -1, 2**63])
async def test_a_bid_on_an_unknown_lot_is_refused(node: Node, lot_id: int) -> None:
    assert (await node.bid(lot_id, ANN, 1_000_000)).refusal is Refusal.UNKNOWN_LOT


async def test_many_lots_and_bidders_in_one_batch_all_get_their_answer(node: Node) -> None:
    for lot_id in range(1, 21):
        await open_lot(node.pool, a_lot(lot_id), ANN, BOB, CAT)
    bids = [
        (lot, party, 1_000_000 + 10_000 * step) for lot in range(1, 21) for step, party in enumerate((ANN, BOB, CAT))
    ]
    answers = await asyncio.gather(*(node.bid(*bid) for bid in bids))
    assert {answer.refusal for answer in answers} == {None}
    for lot_id in range(1, 21):
        assert [row.seq for row in await log_of(node.pool, lot_id)] == [1, 2, 3, 4]


async def test_every_event_is_chained_to_the_one_before(node: Node) -> None:
    await open_lot(node.pool, a_lot(), ANN, BOB)
    for step, party in enumerate((ANN, BOB) * 5):
        await node.bid(1, party, 1_000_000 + step * 10_000)
    async with node.pool.acquire() as conn:
        head = sha256(await store.terms(conn, 1) or b"").digest()
    rows = await log_of(node.pool, 1)
    assert [row.seq for row in rows] == list(range(1, 12))
    for row in rows:
        head = sha256(head + row.body).digest()
        assert head == row.hash


async def test_a_raise_of_ones_own_maximum_is_answered_but_leaves_no_public_trace(node: Node) -> None:
    await open_lot(node.pool, a_lot(), ANN)
    await node.bid(1, ANN, 1_000_000, is_maximum=True)
    before = await log_of(node.pool, 1)
    answer = await node.bid(1, ANN, 2_000_000, is_maximum=True)
    assert (answer.refusal, answer.maximum_minor, answer.seq) == (None, 2_000_000, 2)
    assert await log_of(node.pool, 1) == before
    assert b"2000000" not in b"".join(row.body for row in before)


async def test_seq_is_gapless_with_two_nodes_on_one_lot(node: Node) -> None:
    await open_lot(node.pool, a_lot(steps=a_lot().rule.steps), ANN, BOB, CAT)
    async with open_node(node.pool) as other:

        async def bid_up(at: Node, party: int) -> int:
            accepted, amount = 0, 1_000_000
            for _ in range(150):
                answer = await at.bid(1, party, amount)
                accepted += answer.refusal is None
                amount = answer.lowest_minor or (answer.price_minor or 0) + 10_000
            return accepted

        accepted = await asyncio.gather(bid_up(node, ANN), bid_up(other, BOB), bid_up(other, CAT))
    rows = await log_of(node.pool, 1)
    assert [row.seq for row in rows] == list(range(1, sum(accepted) + 2))
    assert min(accepted) > 0


async def test_a_change_by_the_desk_is_seen_by_the_next_bid_without_being_told(node: Node) -> None:
    await open_lot(node.pool, a_lot(), ANN)
    assert (await node.bid(1, BOB, 1_000_000)).refusal is Refusal.NOT_ADMITTED
    from auction import desk

    async with node.pool.acquire() as conn, conn.transaction():
        await desk.admit(conn, lot_id=1, party_id=BOB, now=node.node_time.now())
    assert (await node.bid(1, BOB, 1_000_000)).refusal is None


async def test_a_silent_raise_at_another_node_is_not_overwritten_by_a_bid_judged_without_it(node: Node) -> None:
    await open_lot(node.pool, a_lot(), ANN, BOB)
    await node.bid(1, ANN, 2_000_000, is_maximum=True)
    async with open_node(node.pool) as other:
        await other.bidding.room(1)
        # The raise has no event, so only the version tells the other node that what it knows is old.
        await node.bid(1, ANN, 3_000_000, is_maximum=True)
        beaten = await other.bid(1, BOB, 2_500_000, is_maximum=True)
    assert (beaten.refusal, beaten.leading, beaten.price_minor) == (None, False, 2_510_000)
    async with node.pool.acquire() as conn:
        anns = await store.own_position(conn, 1, ANN)
    assert anns is not None and (anns.leading, anns.maximum_minor) == (True, 3_000_000)


async def test_what_a_node_remembers_of_the_log_is_the_log(node: Node) -> None:
    await open_lot(node.pool, a_lot(), ANN, BOB)
    for step in range(5):
        refused = [node.bid(1, BOB, 1), node.bid(1, CAT, 1_000_000), node.bid(1, ANN, 999_999)]
        bid = node.bid(1, (ANN, BOB)[step % 2], 1_000_000 + step * 10_000)
        await asyncio.gather(*refused, bid, node.bid(1, SELLER, 9_000_000))
    room = await node.bidding.room(1)
    assert room is not None
    log = [(row.seq, row.body, row.hash) for row in await log_of(node.pool, 1)]
    # Less than all of it if the lot was read anew meanwhile (an admission is heard of when it is heard of); never other.
    assert log[-1][0] == room.standing.seq == 6
    assert room.recent and list(room.recent) == log[-len(room.recent) :]


async def test_a_full_queue_refuses_as_busy_and_drops_nothing(pool: Pool) -> None:
    await open_lot(pool, a_lot(), ANN, BOB)
    limits = Limits(bids_per_second=1e6, burst=1_000_000, queue_per_lot=10)
    async with open_node(pool, limits=limits) as node:
        answers = await asyncio.gather(
            *(node.bid(1, (ANN, BOB)[step % 2], 1_000_000 + step * 10_000) for step in range(30))
        )
    refusals = [answer.refusal for answer in answers]
    assert refusals.count(None) == 10 and refusals.count(Refusal.BUSY) == 20


async def test_a_party_bids_no_faster_than_its_bucket(pool: Pool) -> None:
    await open_lot(pool, a_lot(), ANN, BOB)
    async with open_node(pool, limits=Limits()) as node:
        answers = await asyncio.gather(*(node.bid(1, ANN, 1_000_000) for _ in range(15)))
        assert [answer.refusal for answer in answers].count(Refusal.TOO_FAST) == 5
        assert (await node.bid(1, BOB, 1_010_000)).refusal is None


async def test_a_hot_lot_does_not_keep_a_quiet_one_waiting(pool: Pool) -> None:
    await open_lot(pool, a_lot(1), ANN, BOB)
    await open_lot(pool, a_lot(2), ANN)
    async with open_node(pool, limits=Limits(bids_per_second=1e6, burst=1_000_000, batch=20)) as node:
        order: list[int] = []
        hot = [
            node.bidding.place(node.a_bid(1, (ANN, BOB)[step % 2], 1_000_000 + step * 10_000)) for step in range(200)
        ]
        quiet = node.bidding.place(node.a_bid(2, ANN, 1_000_000))
        for bid in hot:
            bid.add_done_callback(lambda _: order.append(1))
        quiet.add_done_callback(lambda _: order.append(2))
        await asyncio.gather(*hot, quiet)
    assert order.index(2) < 50


async def test_a_lot_that_the_database_refuses_fails_alone(node: Node, owner_pool: Pool) -> None:
    for lot_id in (1, 2):
        await open_lot(node.pool, a_lot(lot_id), ANN)
    await owner_pool.execute("alter table auction.event add constraint planted check (lot_id <> 1 or seq < 2)")
    poisoned, sound = await asyncio.gather(node.bid(1, ANN, 1_000_000), node.bid(2, ANN, 1_000_000))
    assert (poisoned.refusal, sound.refusal) == (Refusal.BUSY, None)
    await owner_pool.execute("alter table auction.event drop constraint planted")
    assert (await node.bid(1, ANN, 1_000_000)).refusal is None


async def test_bids_survive_the_loss_of_their_connection(node: Node, pool: Pool) -> None:
    await open_lot(node.pool, a_lot(), ANN, BOB)
    accepted = 0
    for step in range(40):
        placing = node.bidding.place(
            node.a_bid(1, (ANN, BOB)[step % 2], 1_000_000 + step * 10_000, client_bid_id=uuid4())
        )
        if step % 10 == 5:
            await cut_connections(pool)
        accepted += (await placing).refusal is None
    assert accepted == 40
    assert [row.seq for row in await log_of(node.pool, 1)] == list(range(1, 42))


async def test_a_bid_in_the_delayed_phase_sets_the_end_to_its_stamp_and_the_extension(node: Node) -> None:
    now = node.node_time.now()
    lot = a_lot(starts_at=now - timedelta(seconds=50), timed_seconds=30, extension_seconds=60)
    await open_lot(node.pool, lot, ANN)
    stamped_at = node.node_time.now()
    answer = await node.bid(1, ANN, 1_000_000, stamped_at=stamped_at)
    assert answer.ends_at == stamped_at + timedelta(seconds=60)
    kinds = [json.loads(row.body)["kind"] for row in await log_of(node.pool, 1)]
    assert kinds == ["opened", "phase", "bid"]
