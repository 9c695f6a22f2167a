"""A bidder's budget over the lots of a sale holds, whatever he bids at once and at however many nodes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from auction import store
from auction.budgets import Budget
from auction.facts import Refusal
from tests.auction.house import ANN, BOB, CAT, Node, a_lot, open_lot, open_node

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from migrations.database import Pool

SALE = 7
START = 1_000_000


@pytest.fixture
async def node(pool: Pool) -> AsyncIterator[Node]:
    async with open_node(pool) as node:
        yield node


async def a_sale(pool: Pool, lots: int = 3, **budget: int) -> None:
    """A sale of lots that start at START in steps of a hundredth, where ANN has set herself a budget."""
    for lot_id in range(1, lots + 1):
        await open_lot(pool, replace(a_lot(lot_id), sale_id=SALE), ANN, BOB, CAT)
    async with pool.acquire() as conn, conn.transaction():
        await store.set_budget(conn, SALE, ANN, Budget(**budget), await store.database_time(conn))


async def taken(pool: Pool) -> tuple[int, int]:
    async with pool.acquire() as conn:
        found = await store.budget_of(conn, SALE, ANN)
    assert found is not None
    return found[1], found[2]


async def test_at_most_so_many_lots_and_one_that_is_lost_makes_room(node: Node) -> None:
    await a_sale(node.pool, most_lots=1)
    assert (await node.bid(1, ANN, START)).refusal is None
    refused = await node.bid(2, ANN, START)
    assert refused.refusal is Refusal.BUDGET_OF_LOTS
    assert (await node.bid(1, ANN, START * 2, is_maximum=True)).refusal is None, "her own lot may be raised"
    await node.bid(1, BOB, START * 3)
    assert (await node.bid(2, ANN, START)).refusal is None
    assert await taken(node.pool) == (1, START)


async def test_at_most_this_sum_counts_secret_maxima(node: Node) -> None:
    await a_sale(node.pool, most_minor=3 * START)
    assert (await node.bid(1, ANN, 2 * START, is_maximum=True)).refusal is None
    assert (await node.bid(2, ANN, START + 10_000)).refusal is Refusal.BUDGET_OF_SUM
    assert (await node.bid(1, ANN, 3 * START + 10_000, is_maximum=True)).refusal is Refusal.BUDGET_OF_SUM
    assert (await node.bid(2, ANN, START)).refusal is None
    assert (await node.bid(3, BOB, 9 * START)).refusal is None, "others have no budget"
    assert await taken(node.pool) == (2, 3 * START)


async def test_a_bid_that_does_not_lead_costs_nothing(node: Node) -> None:
    await a_sale(node.pool, most_lots=1)
    await node.bid(1, BOB, 5 * START, is_maximum=True)
    answer = await node.bid(1, ANN, 2 * START)
    assert (answer.refusal, answer.leading) == (None, False)
    assert (await node.bid(2, ANN, START)).refusal is None


async def test_many_bids_at_once_at_two_nodes_never_pass_the_budget(node: Node) -> None:
    await a_sale(node.pool, lots=12, most_lots=3, most_minor=4 * START)
    async with open_node(node.pool) as other:
        answers = await asyncio.gather(
            *(at.bid(lot_id, ANN, START + 10_000 * (lot_id % 3)) for lot_id in range(1, 13) for at in (node, other))
        )
        lots, minor = await taken(node.pool)
        assert lots == 3 == len({answer.lot_id for answer in answers if answer.leading})
        assert minor <= 4 * START
        assert {answer.refusal for answer in answers} <= {
            None,
            Refusal.BUDGET_OF_LOTS,
            Refusal.BUDGET_OF_SUM,
            Refusal.ALREADY_LEADING,
        }


async def test_a_budget_counts_from_when_it_is_set_at_every_node(node: Node) -> None:
    await a_sale(node.pool, most_lots=3)
    assert (await node.bid(1, ANN, START)).refusal is None
    async with open_node(node.pool) as other:
        await other.bidding.room(2)
        async with node.pool.acquire() as conn, conn.transaction():
            await store.set_budget(conn, SALE, ANN, Budget(most_lots=1), node.node_time.now())
        assert (await other.bid(2, ANN, START)).refusal is Refusal.BUDGET_OF_LOTS


async def test_a_budget_set_a_moment_ago_holds_on_a_lot_that_two_nodes_fight_over(node: Node) -> None:
    for lot_id in (1, 2):
        await open_lot(node.pool, replace(a_lot(lot_id), sale_id=SALE), ANN, BOB, CAT)
    async with open_node(node.pool) as other:
        assert (await node.bid(1, ANN, START)).refusal is None
        await node.bidding.room(2)
        assert (await other.bid(2, BOB, START)).refusal is None
        assert (await node.bid(2, CAT, START + 10_000)).refusal is None, "the race that is lost makes the lot a hot one"
        async with node.pool.acquire() as conn, conn.transaction():
            await store.set_budget(conn, SALE, ANN, Budget(most_lots=1), node.node_time.now())
        assert (await node.bid(2, ANN, START + 20_000)).refusal is Refusal.BUDGET_OF_LOTS
