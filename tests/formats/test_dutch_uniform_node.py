"""A falling price and a sale of many units on a real node: what the database takes, what a watcher sees, who gets what."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from msgspec import to_builtins

from auction import desk, store
from auction.chain import encode_canonical
from auction.facts import Lot, Refusal
from auction.formats.clearing import Pricing
from auction.formats.dutch import DutchRule
from auction.formats.uniform import UniformRule
from tests.auction.house import ANN, BOB, CAT, SELLER, Hammers, log_of, open_lot, open_node, serve, until

if TYPE_CHECKING:
    from auction.facts import Rule
    from migrations.database import Pool


def a_lot(lot_id: int, rule: Rule, began: float) -> Lot:
    return Lot(
        id=lot_id,
        seller_id=SELLER,
        currency="CNY",
        currency_exponent=2,
        rule=rule,
        starts_at=datetime.now(UTC) - timedelta(seconds=began),
    )


FALL = DutchRule(start_price_minor=1000, floor_minor=300, step_minor=100, interval_seconds=3600, floor_seconds=60)
SALE = UniformRule(
    start_price_minor=100, step_minor=10, quantity=10, timed_seconds=60, pricing=Pricing.HIGHEST_REJECTED
)


async def closed_rows(pool: Pool, lot_id: int) -> list[dict[str, Any]]:
    """The public log once its last row is there."""

    async def is_closed() -> bool:
        return bool(await pool.fetchval("select outcome is not null from auction.standing where lot_id = $1", lot_id))

    await until(is_closed)
    return [json.loads(row.body) for row in await log_of(pool, lot_id)]


async def test_the_first_press_closes_the_lot_at_once_at_the_price_of_its_stamp(pool: Pool) -> None:
    await open_lot(pool, a_lot(1, FALL, began=3700), ANN, BOB)
    hammers = Hammers()
    async with serve(pool, hammers) as house, house.connect(ANN) as ann, house.connect(BOB) as bob:
        state = await bob.subscribe(1)
        assert (state["next_minor"], state["detail"]["price_minor"]) == (None, "900")
        early = await ann.bid(1, 899)
        assert (early["code"], early["lowest_minor"]) == ("price_not_reached", "900")
        presses = await asyncio.gather(ann.bid(1, 1000), bob.bid(1, 900))
        assert sorted(press.get("price_minor") or press["code"] for press in presses) == ["900", "closed"]
        winner = ANN if presses[0]["type"] == "accepted" else BOB
        rows = await closed_rows(pool, 1)
    assert [row["kind"] for row in rows] == ["opened", "bid", "closed"]
    assert rows[1]["ends_at"] == rows[1]["at"] == rows[2]["at"] and rows[2]["outcome"] == "sold"
    (hammer,) = hammers.calls
    assert [(award.party_id, award.quantity, award.total_minor) for award in hammer.awards] == [(winner, 1, 900)]


async def test_a_press_stamped_before_a_pause_that_was_written_first_still_closes_the_lot(pool: Pool) -> None:
    await open_lot(pool, a_lot(2, FALL, began=3700), ANN)
    async with open_node(pool) as node:
        stamp = node.node_time.now()
        async with pool.acquire() as conn, conn.transaction():
            await desk.pause(conn, 2, node.node_time.now())
        await node.bidding.refresh(2)
        assert (await node.bid(2, ANN, 1000)).refusal is Refusal.PAUSED
        taken = await node.bid(2, ANN, 1000, stamped_at=stamp)
        assert (taken.refusal, taken.price_minor) == (None, 900)
        assert (await closed_rows(pool, 2))[-1]["outcome"] == "sold"


async def test_a_node_that_starts_anew_knows_when_the_price_stood_still(pool: Pool) -> None:
    await open_lot(pool, a_lot(3, FALL, began=3700), ANN)
    async with open_node(pool) as node:
        now = node.node_time.now()
        for act, ago in ((desk.pause, 3000), (desk.resume, 2400)):
            async with pool.acquire() as conn, conn.transaction():
                await act(conn, 3, now - timedelta(seconds=ago))
        # The house is silent for half an hour: the fall of that time is given back too, though the end is hours away.
        await pool.execute("update auction.heartbeat set beaten_at = clock_timestamp() - interval '30 minutes'")
    async with open_node(pool) as node:
        room = await node.bidding.room(3)
        assert room is not None
        detail = node.bidding.state(room).detail
    assert detail is not None and detail["price_minor"] == "1000"
    stood_seconds = (datetime.fromisoformat(detail["falls_from"]) - room.lot.starts_at).total_seconds()
    assert 2400 <= stood_seconds < 2410


async def test_hidden_bids_of_many_units_come_out_at_the_close_with_the_clearing(pool: Pool) -> None:
    await open_lot(pool, a_lot(4, SALE, began=57), ANN, BOB, CAT)
    hammers = Hammers()
    async with serve(pool, hammers) as house, house.connect(ANN) as ann, house.connect(None) as watcher:
        before = await watcher.subscribe(4)
        for party, price, units in ((ANN, 200, 4), (BOB, 150, 4), (CAT, 120, 9)):
            answer = await house.node.bid(4, party, price, details=encode_canonical({"quantity": units}))
            assert answer.refusal is None, answer
        raised = await ann.bid(4, 210, details={"bid": 1, "quantity": 4})
        assert raised["type"] == "accepted"
        assert (await ann.bid(4, 200, details={"bid": 1, "quantity": 4}))["code"] == "bid_not_raised"
        own = (await ann.subscribe(4))["you"]["detail"]["bids"]
        assert [(bid["price_minor"], bid["quantity"]) for bid in own] == [("210", 4)]
        assert {**await watcher.subscribe(4), "server_at": 0} == {**before, "server_at": 0}
        assert [row["kind"] for row in await watcher.log(4)] == ["opened"]
        rows = await closed_rows(pool, 4)
        shown = await watcher.until("state", outcome="sold")
    assert [row["kind"] for row in rows] == ["opened", "bid", "bid", "bid", "bid", "closed"]
    clearing = rows[-1]["detail"]
    assert (clearing["price_minor"], clearing["sold"], clearing["set_by"]) == ("120", 10, 4)
    assert shown["detail"]["clearing"] == clearing and shown["bids"] == 3
    (hammer,) = hammers.calls
    assert hammer.winner_id is None
    awards = [(award.party_id, award.quantity, award.total_minor) for award in hammer.awards]
    assert awards == [(ANN, 4, 480), (BOB, 4, 480), (CAT, 2, 240)]
    async with pool.acquire() as conn:
        stored = await store.lot_view(conn, 4)
    assert stored is not None and to_builtins(stored.detail) == shown["detail"]
