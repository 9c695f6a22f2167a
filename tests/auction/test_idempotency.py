"""One request id has one effect for ever, and gets the first answer each time it is asked again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from msgspec.structs import replace

from auction.facts import Refusal
from auction.limits import Limits
from tests.auction.house import ANN, BOB, a_lot, log_of, open_lot, open_node

if TYPE_CHECKING:
    from migrations.database import Pool

FORGETFUL = Limits(bids_per_second=1e6, burst=1_000_000, remembered_answers=0)


async def test_a_repeat_gets_the_first_answer_and_bids_nothing(pool: Pool) -> None:
    await open_lot(pool, a_lot(), ANN, BOB)
    async with open_node(pool) as node:
        bid = node.a_bid(1, ANN, 1_000_000)
        first = await node.bidding.submit(bid)
        await node.bid(1, BOB, 1_010_000)
        assert await node.bidding.submit(bid) == first
    assert len(await log_of(pool, 1)) == 3


async def test_a_repeat_after_a_restart_gets_the_first_answer(pool: Pool) -> None:
    await open_lot(pool, a_lot(), ANN, BOB)
    async with open_node(pool) as node:
        accepted, refused = node.a_bid(1, ANN, 1_000_000), node.a_bid(1, BOB, 1_000_000)
        first = [await node.bidding.submit(accepted), await node.bidding.submit(refused)]
        await node.bid(1, BOB, 1_010_000)
    async with open_node(pool) as node:
        assert [await node.bidding.submit(accepted), await node.bidding.submit(refused)] == first
    assert len(await log_of(pool, 1)) == 3


async def test_a_repeat_in_a_batch_of_others_fails_none_of_them(pool: Pool) -> None:
    await open_lot(pool, a_lot(), ANN, BOB)
    async with open_node(pool, limits=FORGETFUL) as node:
        bid = node.a_bid(1, ANN, 1_000_000)
        first = await node.bidding.submit(bid)
        answers = await asyncio.gather(
            node.bid(1, BOB, 1_010_000), node.bidding.submit(bid), node.bid(1, ANN, 1_020_000), node.bidding.submit(bid)
        )
    assert [answer.refusal for answer in answers] == [None] * 4
    assert answers[1] == answers[3] == first
    assert [row.seq for row in await log_of(pool, 1)] == [1, 2, 3, 4]


async def test_a_repeat_costs_its_batch_one_more_attempt_and_other_lots_nothing(pool: Pool) -> None:
    await open_lot(pool, a_lot(1), ANN, BOB)
    await open_lot(pool, a_lot(2), ANN, BOB)
    async with open_node(pool, limits=FORGETFUL) as node:
        bid = node.a_bid(1, ANN, 1_000_000)
        first = await node.bidding.submit(bid)
        answers = await asyncio.gather(
            node.bidding.submit(bid), node.bid(2, BOB, 1_000_000), node.bid(1, BOB, 1_010_000)
        )
        assert [answers[0], answers[1].refusal, answers[2].refusal] == [first, None, None]
        assert node.bidding._commit.lost_races == 0


async def test_the_same_id_in_one_batch_has_one_effect(pool: Pool) -> None:
    await open_lot(pool, a_lot(), ANN)
    async with open_node(pool) as node:
        bid = node.a_bid(1, ANN, 1_000_000)
        answers = await asyncio.gather(*(node.bidding.submit(bid) for _ in range(5)))
    assert len(set(map(id, answers))) == 1 and answers[0].refusal is None
    assert len(await log_of(pool, 1)) == 2


@pytest.mark.parametrize("limits", [Limits(), FORGETFUL], ids=["from memory", "from the database"])
@pytest.mark.parametrize("change", [{"amount_minor": 1_010_000}, {"is_maximum": False}, {"lot_id": 2}])
async def test_an_id_used_for_something_else_is_refused_by_name(
    pool: Pool, limits: Limits, change: dict[str, Any]
) -> None:
    for lot_id in (1, 2):
        await open_lot(pool, a_lot(lot_id), ANN)
    async with open_node(pool, limits=limits) as node:
        first = node.a_bid(1, ANN, 1_000_000, is_maximum=True)
        await node.bidding.submit(first)
        assert (await node.bidding.submit(replace(first, **change))).refusal is Refusal.ID_REUSED
    assert (len(await log_of(pool, 1)), len(await log_of(pool, 2))) == (2, 1)


async def test_the_same_request_at_two_nodes_at_once_has_one_effect(pool: Pool) -> None:
    await open_lot(pool, a_lot(), ANN, BOB)
    async with open_node(pool) as here, open_node(pool) as there:
        for step in range(30):
            bid = here.a_bid(1, (ANN, BOB)[step % 2], 1_000_000 + step * 10_000)
            answers = await asyncio.gather(here.bidding.submit(bid), there.bidding.submit(bid))
            assert answers[0] == answers[1] and answers[0].refusal is None
    assert [row.seq for row in await log_of(pool, 1)] == list(range(1, 32))


async def test_a_refused_request_at_two_nodes_at_once_gets_one_answer(pool: Pool) -> None:
    await open_lot(pool, a_lot(), ANN)
    async with open_node(pool) as here, open_node(pool) as there:
        for _ in range(20):
            bid = here.a_bid(1, ANN, 999_999)
            answers = await asyncio.gather(here.bidding.submit(bid), there.bidding.submit(bid))
            assert answers[0] == answers[1] and answers[0].refusal is Refusal.BELOW_MINIMUM


async def test_ids_of_two_parties_do_not_meet(pool: Pool) -> None:
    await open_lot(pool, a_lot(), ANN, BOB)
    bid_id = uuid4()
    async with open_node(pool) as node:
        answers = await asyncio.gather(
            node.bid(1, ANN, 1_000_000, client_bid_id=bid_id), node.bid(1, BOB, 1_010_000, client_bid_id=bid_id)
        )
    assert [answer.refusal for answer in answers] == [None, None]
