"""A bidder's budget over the lots of a sale holds, whatever he bids at once and at however many nodes."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from auction import store
from auction.budgets import Budget
from auction.facts import Refusal
from auction.formats import sealed
from auction.formats.reverse import ReverseRule
from auction.formats.uniform import UniformRule
from tests.auction import sealed_lots
from tests.auction.house import ANN, BOB, CAT, Node, a_lot, open_lot, open_node, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from auction.batch import Answer
    from auction.facts import Lot, Rule
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
        found = await store.purse_of(conn, SALE, ANN)
    assert found is not None
    return len(found.taken), found.taken_minor


def a_lot_of(lot_id: int, rule: Rule, *, ends_in: float = 3000) -> Lot:
    """A lot of the sale under this rule, whose phase of an hour ends so soon."""
    starts_at = datetime.now(UTC) - timedelta(seconds=3600 - ends_in)
    return replace(a_lot(lot_id, starts_at=starts_at), rule=rule, sale_id=SALE)


def asks(units: int, bid: int | None = None) -> bytes:
    return json.dumps({"quantity": units} | ({} if bid is None else {"bid": bid})).encode()


UNITS = UniformRule(start_price_minor=100, step_minor=10, quantity=10, timed_seconds=3600)
SEALED = sealed_lots.a_lot(timed_seconds=3600).rule
REVERSE = ReverseRule(start_price_minor=9_000, decrement_minor=1, timed_seconds=3600)


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


# Hidden bids


async def test_units_count_at_the_limit_of_each_bid_while_they_stand_and_at_the_price_of_all_after(node: Node) -> None:
    for lot_id, ends_in in ((1, 3000.0), (2, 0.6)):
        await open_lot(node.pool, a_lot_of(lot_id, UNITS, ends_in=ends_in), ANN, BOB)
    async with node.pool.acquire() as conn, conn.transaction():
        await store.set_budget(conn, SALE, ANN, Budget(most_minor=3_000), node.node_time.now())
    assert (await node.bid(2, ANN, 200, details=asks(10))).refusal is None
    assert (await node.bid(2, BOB, 250, details=asks(6))).refusal is None, "others have no budget"
    assert await taken(node.pool) == (1, 2_000)
    assert (await node.bid(1, ANN, 150, details=asks(4))).refusal is None
    assert (await node.bid(1, ANN, 110, details=asks(4))).refusal is Refusal.BUDGET_OF_SUM, (
        "600 and 440 are one too many"
    )
    assert (await node.bid(1, ANN, 250, details=asks(4, bid=1))).refusal is None, "what it replaces counts no more"
    assert await taken(node.pool) == (2, 3_000)

    async def is_closed() -> bool:
        return bool(await node.pool.fetchval("select outcome is not null from auction.standing where lot_id = 2"))

    await until(is_closed)
    assert await taken(node.pool) == (2, 4 * 200 + 1_000), "four units were left for her, at her own price"


async def test_a_sealed_bid_counts_as_a_lot_and_its_withdrawal_frees_it(node: Node) -> None:
    lots = {lot_id: a_lot_of(lot_id, SEALED) for lot_id in (1, 2)}
    paddles = {lot_id: (await open_lot(node.pool, lot, ANN))[ANN] for lot_id, lot in lots.items()}
    await open_lot(node.pool, a_lot_of(3, REVERSE), ANN)
    async with node.pool.acquire() as conn, conn.transaction():
        await store.set_budget(conn, SALE, ANN, Budget(most_lots=1, most_minor=1), node.node_time.now())

    async def seal(lot_id: int) -> Answer:
        said = sealed_lots.details_of(lots[lot_id], paddles[lot_id], 500)
        return await node.bid(lot_id, ANN, 0, details=json.dumps(said).encode())

    assert (await node.bid(3, ANN, 8_000, details=b'{"attributes": {}}')).refusal is None, "to supply is not to buy"
    assert (await seal(1)).refusal is None and (await seal(1)).refusal is None, "her own lot counts once"
    assert (await seal(2)).refusal is Refusal.BUDGET_OF_LOTS
    async with node.pool.acquire() as conn:
        purse = await store.purse_of(conn, SALE, ANN)
    assert purse is not None and (len(purse.taken), purse.taken_minor, purse.sealed_count) == (1, 0, 1)
    assert (await node.bid(1, ANN, 0, details=b'{"withdraw": true}')).refusal is None
    assert (await seal(2)).refusal is None


def test_after_the_opening_a_sealed_lot_costs_the_winner_its_price_and_nobody_else_anything() -> None:
    log = sealed_lots.Log(sealed_lots.a_lot())
    for party, amount in ((sealed_lots.ANN, 900), (sealed_lots.BOB, 700)):
        log.bid(sealed_lots.a_bid(log.lot, party, amount))
    assert sealed.taken_by(log.lot, log.standing, sealed_lots.BOB) == 0
    log.open_all()
    log.close()
    assert [sealed.taken_by(log.lot, log.standing, party) for party in (sealed_lots.ANN, sealed_lots.BOB)] == [
        700,
        None,
    ]


async def test_hidden_bids_at_two_nodes_at_once_never_pass_the_budget(node: Node) -> None:
    for lot_id in range(1, 9):
        await open_lot(node.pool, a_lot_of(lot_id, UNITS), ANN)
    async with node.pool.acquire() as conn, conn.transaction():
        await store.set_budget(conn, SALE, ANN, Budget(most_lots=3, most_minor=4_000), node.node_time.now())
    async with open_node(node.pool) as other:
        answers = await asyncio.gather(
            *(
                at.bid(lot_id, ANN, 200 + 10 * turn, details=asks(5))
                for lot_id in range(1, 9)
                for turn, at in enumerate((node, other))
            )
        )
    lots, minor = await taken(node.pool)
    assert lots <= 3 and 2_000 < minor <= 4_000
    assert {answer.refusal for answer in answers} == {None, Refusal.BUDGET_OF_LOTS, Refusal.BUDGET_OF_SUM}
