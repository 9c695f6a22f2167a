"""The reverse auction over real sockets: each viewer gets his own payload, and nobody's tells of somebody else's bids."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import httpx2
import pytest

from auction import store
from auction.facts import Lot
from auction.formats.reverse import ReverseRule
from auction.formats.reverse_book import Book, fold
from tests.auction.house import ANN, BOB, CAT, SELLER, Client, House, open_lot, open_node, serve, until
from tests.auction.reverse_lots import DAYS

if TYPE_CHECKING:
    from migrations.database import Pool

VARYING = {"hash", "server_at", "at", "id", "starts_at", "ends_at", "paddle", "lot", "c", "r", "s", "epoch", "rule"}


def a_lot(lot_id: int = 1, *, ends_in: float = 3600, **rule: Any) -> Lot:
    fields: dict[str, Any] = {
        "start_price_minor": 100_000,
        "decrement_minor": 100,
        "attributes": (DAYS,),
        "timed_seconds": 3600,
        "soft_close_seconds": 60,
    }
    return Lot(
        id=lot_id,
        seller_id=SELLER,
        currency="CNY",
        currency_exponent=2,
        rule=ReverseRule(**(fields | rule)),
        starts_at=datetime.now(UTC) - timedelta(seconds=3600 - ends_in),
    )


def days(number: int | str) -> dict[str, Any]:
    return {"details": {"attributes": {"days": number}}}


async def settled(house: House, *clients: Client) -> None:
    """Nothing is on its way any more to these clients; what came is in `kept`."""

    async def told() -> bool:
        return not house.live.own_places._waiting

    await until(told)
    for client in clients:
        mark = str(uuid4())
        await client.send("ping", c=mark)
        await client.until("pong", c=mark)


def bare(value: Any) -> Any:
    """A message without what differs from lot to lot and from moment to moment."""
    if isinstance(value, dict):
        return {key: "*" if key in VARYING and inner is not None else bare(inner) for key, inner in value.items()}
    return [bare(one) for one in value] if isinstance(value, list) else value


async def seen_by_ann(house: House, lot_id: int, others: list[tuple[int, int, int]]) -> list[str]:
    """Everything that ANN is sent on her socket, by HTTP and in the log, while others bid between her two bids."""
    seen: list[Any] = []
    async with house.connect(ANN) as ann, house.connect(BOB) as bob, house.connect(CAT) as cat:
        seen.append(await ann.subscribe(lot_id))
        first, last = uuid4(), uuid4()
        seen.append(await ann.bid(lot_id, 50_000, first, **days(10)))
        await settled(house, ann)
        for party, price, delivery in others:
            said = await (bob if party == BOB else cat).bid(lot_id, price, **days(delivery))
            assert said["type"] == "accepted", said
        await settled(house, ann)
        seen.append(await ann.bid(lot_id, 50_000, **days(10)))  # refused: no better than her own
        seen.append(await ann.bid(lot_id, 49_000, last, **days(10)))
        await ann.send("ask", id=first)
        seen.append(await ann.answer(first))
        seen += await ann.log(lot_id)
        await settled(house, ann)
        seen += ann.kept
        async with httpx2.AsyncClient(
            base_url=house.origin, trust_env=False, timeout=60, headers={"x-party": str(ANN)}
        ) as http:
            seen += [(await http.get(f"/api/v1/lots/{lot_id}/bids/{number}")).json() for number in (first, last)]
            seen.append(len((await http.get(f"/lots/{lot_id}/log")).json()["events"]))
        async with house.node.pool.acquire() as conn:
            view = await store.lot_view(conn, lot_id)
            assert view is not None
            seen.append({"seq": view.seq, "bids": view.bids, "head": view.head, "extensions": view.extensions})
    return [json.dumps(bare(one), sort_keys=True) for one in seen]


@pytest.mark.parametrize("visibility", ["rank_only", "rank_and_lead", "lead_only"])
async def test_what_a_supplier_is_sent_does_not_tell_of_bids_that_leave_his_view_as_it_is(
    pool: Pool, visibility: str
) -> None:
    for lot_id in (1, 2, 3):
        await open_lot(pool, a_lot(lot_id, visibility=visibility), ANN, BOB, CAT)
    async with serve(pool) as house:
        alone = await seen_by_ann(house, 1, [])
        behind = await seen_by_ann(house, 2, [(BOB, 60_000, 10), (CAT, 60_000, 9), (BOB, 55_000, 8), (CAT, 51_000, 20)])
        beaten = await seen_by_ann(house, 3, [(BOB, 49_500, 9)])
    assert behind == alone
    told = [json.loads(one) for one in beaten]
    changed = [one["detail"] for one in told if isinstance(one, dict) and one.get("type") == "you"]
    usual = [json.loads(one)["detail"] for one in alone if '"type": "you"' in one]
    assert len(usual) == 2
    assert len(changed) == 3
    for detail in changed:
        assert detail.keys() == usual[0].keys() == SHOWN[visibility]
    others = [one for one in beaten if '"type": "you"' not in one]
    assert others == [one for one in alone if '"type": "you"' not in one]


SHOWN = {
    "rank_only": {"bid", "rank"},
    "rank_and_lead": {"bid", "rank", "lead_cost"},
    "lead_only": {"bid", "lead_cost"},
}


async def test_each_viewer_has_a_payload_of_his_own(pool: Pool) -> None:
    await open_lot(pool, a_lot(visibility="rank_and_lead"), ANN, BOB)
    async with (
        serve(pool) as house,
        house.connect(ANN) as ann,
        house.connect(ANN) as tab,
        house.connect(BOB) as bob,
        house.connect(SELLER) as buyer,
        house.connect(CAT) as stranger,
        house.connect() as visitor,
    ):
        clients = [ann, tab, bob, buyer, stranger, visitor]
        for client in clients:
            await client.subscribe(1)
        await ann.bid(1, 50_000, **days(10))
        await settled(house, *clients)
        assert (await ann.until("you"))["detail"] == {
            "bid": {"price_minor": "50000", "attributes": {"days": "10"}, "cost": "50300/1"},
            "rank": 1,
            "lead_cost": "50300/1",
        }
        assert (await tab.until("you"))["detail"]["rank"] == 1
        assert (await bob.until("you"))["detail"] == {"bid": None, "rank": None, "lead_cost": "50300/1"}
        sight = (await buyer.until("you"))["detail"]
        assert (sight["bids"], [row["cost"] for row in sight["ranking"]]) == (1, ["50300/1"])
        await bob.bid(1, 50_000, **days("9.5"))
        await settled(house, *clients)
        assert (await ann.until("you"))["detail"]["rank"] == 2
        assert stranger.kept == visitor.kept == []
        async with house.connect(CAT) as late:
            assert (await late.subscribe(1))["you"].get("detail") is None


async def test_the_buyer_who_waits_for_the_close_sees_nothing_before(pool: Pool) -> None:
    await open_lot(pool, a_lot(buyer_sees="at_close"), ANN)
    async with serve(pool) as house, house.connect(ANN) as ann, house.connect(SELLER) as buyer:
        assert (await buyer.subscribe(1))["you"]["detail"] == {}
        await ann.bid(1, 50_000, **days(10))
        await settled(house, buyer)
        assert buyer.kept == []


async def test_after_the_close_the_log_alone_gives_ranking_winner_and_price(pool: Pool) -> None:
    lot = a_lot(ends_in=2.0, soft_close_seconds=None)
    paddles = await open_lot(pool, lot, ANN, BOB)
    async with serve(pool) as house, house.connect(ANN) as ann, house.connect(BOB) as bob:
        await ann.subscribe(1)
        await ann.bid(1, 50_000, **days(10))
        await bob.bid(1, 50_100, **days(7))
        assert [row["seq"] for row in await bob.log(1)] == [1]
        over = await ann.until("state", outcome="sold")
        assert (over["leader"], over["price_minor"], over["bids"], over["seq"]) == (paddles[BOB], "50100", 2, 4)
        rows = await bob.log(1)
        (hammer,) = house.node.hammers.calls
        assert (hammer.winner_id, hammer.price_minor, hammer.format) == (BOB, 50_100, "reverse")
    assert [row["kind"] for row in rows] == ["opened", "bid", "bid", "closed"]
    # What a bid's hash covers can't be guessed, so a receipt does not tell who bid before.
    assert len({row["salt"] for row in rows if row["kind"] == "bid"}) == 2
    bids = {row["lines"][0]["paddle"]: row for row in rows if row["kind"] == "bid"}
    costs = {
        paddle: int(row["lines"][0]["amount_minor"]) + (int(row["detail"]["attributes"]["days"]) - 7) * 100
        for paddle, row in bids.items()
    }
    assert {paddle: f"{cost}/1" for paddle, cost in costs.items()} == {
        paddle: row["detail"]["cost"] for paddle, row in bids.items()
    }
    ranking = rows[-1]["detail"]["ranking"]
    assert [row["paddle"] for row in ranking] == sorted(costs, key=costs.__getitem__) == [paddles[BOB], paddles[ANN]]


async def test_a_node_that_reads_the_lot_anew_makes_the_same_book(pool: Pool) -> None:
    await open_lot(pool, a_lot(), ANN, BOB)
    async with open_node(pool) as node:
        for party, price in [(ANN, 50_000), (BOB, 49_000), (ANN, 48_000), (BOB, 48_000)]:
            answer = await node.bid(1, party, price, details=b'{"attributes":{"days":"12.5"}}')
            assert answer.refusal is None
        known = await node.bidding.room(1)
        assert known is not None
        async with pool.acquire() as conn:
            read = (await store.rooms(conn, [1]))[1]
    assert read.standing == known.standing
    assert isinstance(read.standing.book, Book)
    assert fold(read.lot, read.standing, []).book == Book()


async def test_the_same_id_for_another_offer_is_told_nothing_of_the_count(pool: Pool) -> None:
    await open_lot(pool, a_lot(), ANN, BOB)
    async with serve(pool) as house, house.connect(ANN) as ann, house.connect(BOB) as bob:
        await bob.bid(1, 60_000, **days(10))
        number = UUID(int=77)
        first = await ann.bid(1, 50_000, number, **days(10))
        again = await ann.bid(1, 50_000, number, **days(11))
        assert (first["type"], first["seq"], first["hash"]) == ("accepted", 1, "")
        assert (again["type"], again["code"], again["seq"]) == ("refused", "id_reused", 1)


async def test_a_supplier_at_another_node_is_told_of_his_new_rank(pool: Pool) -> None:
    await open_lot(pool, a_lot(), ANN, BOB)
    async with serve(pool) as here, serve(pool) as there, here.connect(ANN) as ann, there.connect(BOB) as bob:
        await ann.subscribe(1)
        await ann.bid(1, 50_000, **days(10))
        assert (await ann.until("you"))["detail"]["rank"] == 1
        await bob.subscribe(1)
        assert (await bob.bid(1, 50_000, **days(9)))["type"] == "accepted"
        assert (await ann.until("you"))["detail"]["rank"] == 2
        assert ann.kept == []


async def test_a_slow_reader_is_told_the_newest_place_alone(pool: Pool) -> None:
    await open_lot(pool, a_lot(visibility="lead_only"), ANN, BOB)
    async with serve(pool) as house, house.connect(ANN) as ann, house.connect(BOB) as bob:
        await ann.subscribe(1)
        (watcher,) = house.node.hub.of_party(ANN)
        watcher.pause_writing()
        for price in (50_000, 49_000, 48_000):
            await bob.bid(1, price, **days(7))
            await settled(house)
        watcher.resume_writing()
        await settled(house, ann)
    assert [message["detail"]["lead_cost"] for message in ann.kept if message["type"] == "you"] == ["48000/1"]


async def test_overtime_shows_to_everybody_as_a_later_end_and_nothing_else(pool: Pool) -> None:
    await open_lot(pool, a_lot(ends_in=50.0), ANN, BOB)
    async with serve(pool) as house, house.connect(ANN) as ann, house.connect(BOB) as bob, house.connect() as visitor:
        before = await visitor.subscribe(1)
        await ann.bid(1, 50_000, **days(10))
        await settled(house, visitor)
        after = await visitor.until("state")
        changed = {name for name in after if after[name] != before.get(name)} - {"type", "server_at"}
        assert changed == {"ends_at", "extensions"}
        # Second of all, so no move into the first rank.
        await bob.bid(1, 60_000, **days(10))
        await settled(house, visitor)
        assert visitor.kept == []
