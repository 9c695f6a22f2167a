"""What a retraction reads from the database: which bid made which event, and with which right it was placed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from auction import desk, proofs_store, retracting, store
from auction.batch import Answer
from auction.facts import RetractionReason, Standing
from tests.auction.house import ANN, BOB, CAT, Node, a_lot, open_lot, open_node

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from migrations.database import Pool

START = 1_000_000


@pytest.fixture
async def node(pool: Pool) -> AsyncIterator[Node]:
    rule: dict[str, Any] = {
        "timed_seconds": 3600,
        "extension_seconds": None,
        "retraction_seconds": 1000,
        "priority_right": True,
    }
    await open_lot(pool, a_lot(**rule), ANN, BOB, CAT)
    async with open_node(pool) as node:
        yield node


async def right(node: Node, party: int, rank: int | None) -> None:
    async with node.pool.acquire() as conn, conn.transaction():
        now = node.node_time.now()
        assert await desk.confirm_priority(conn, lot_id=1, party_id=party, rank=rank, now=now) is None
    await node.bidding.refresh(1)


async def taken_back(node: Node, bid: Answer) -> Standing:
    async with node.pool.acquire() as conn, conn.transaction():
        done = await retracting.retract_bid(
            conn,
            lot_id=1,
            party_id=bid.party_id,
            client_bid_id=bid.client_bid_id,
            reason=RetractionReason.WRONG_AMOUNT,
            now=node.node_time.now(),
        )
    assert isinstance(done, Standing), done
    return done


async def test_of_two_bids_in_one_frame_the_raise_stays_the_private_one(node: Node) -> None:
    stamp = node.node_time.now()
    first = await node.bid(1, ANN, START, stamped_at=stamp)
    raised = await node.bid(1, ANN, 3 * START, is_maximum=True, stamped_at=stamp)
    refused = await node.bid(1, ANN, 2 * START, stamped_at=stamp)
    assert first.refusal is raised.refusal is None is not refused.refusal
    async with node.pool.acquire() as conn:
        assert [one.is_public for one in await store.bids_that_stand(conn, 1)] == [True, False]
        own = [await proofs_store.own_event(conn, ANN, one.client_bid_id) for one in (first, raised, refused)]
    assert [one is not None and one.is_own for one in own] == [True, False, False]
    assert (await taken_back(node, first)).leader_id is None


async def test_a_right_confirmed_after_a_bid_does_not_lift_it_when_another_is_taken_back(node: Node) -> None:
    await node.bid(1, ANN, 2 * START, is_maximum=True)
    assert not (await node.bid(1, BOB, 2 * START)).leading
    wrong = await node.bid(1, CAT, 3 * START)
    await right(node, BOB, 1)
    assert (await taken_back(node, wrong)).leader_id == ANN


async def test_a_right_taken_back_after_a_bid_does_not_lower_it_when_another_is_taken_back(node: Node) -> None:
    await right(node, BOB, 1)
    await node.bid(1, ANN, 2 * START)
    assert (await node.bid(1, BOB, 2 * START)).leading
    wrong = await node.bid(1, CAT, 3 * START)
    await right(node, BOB, None)
    assert (await taken_back(node, wrong)).leader_id == BOB
