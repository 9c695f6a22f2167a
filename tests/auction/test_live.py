"""The live door over real sockets: subscribing, bidding, resuming, and what it refuses."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from auction import desk
from auction.limits import Limits
from auction.live import LiveLimits
from tests.auction.house import (
    ANN,
    BOB,
    CAT,
    Client,
    House,
    a_lot,
    cut_connections,
    ends_in,
    log_of,
    open_lot,
    open_node,
    serve,
    until,
)

if TYPE_CHECKING:
    from migrations.database import Pool


@pytest.fixture
async def house(pool: Pool) -> AsyncIterator[House]:
    async with serve(pool) as house:
        yield house


async def test_a_subscriber_gets_the_whole_state_and_then_each_change(house: House) -> None:
    paddles = await open_lot(house.node.pool, a_lot(), ANN, BOB)
    async with house.connect(ANN) as ann, house.connect() as watcher:
        mine, seen = await ann.subscribe(1), await watcher.subscribe(1)
        assert mine["you"] == {"paddle": paddles[ANN], "admitted": True, "maximum_minor": None, "leading": False}
        assert seen["you"] is None and seen["next_minor"] == "1000000" and seen["price_minor"] is None
        accepted = await ann.bid(1, 1_000_000)
        state = await watcher.until("state")
    assert accepted["type"] == "accepted" and accepted["leading"]
    assert (state["seq"], state["leader"], state["price_minor"]) == (2, paddles[ANN], "1000000")
    assert (state["head"], state["next_minor"]) == (accepted["hash"], "1010000")


async def test_a_watcher_sees_what_another_node_has_committed(house: House) -> None:
    paddles = await open_lot(house.node.pool, a_lot(), ANN, BOB)
    async with open_node(house.node.pool) as other, house.connect() as watcher:
        await watcher.subscribe(1)
        await other.bid(1, BOB, 1_000_000)
        async with asyncio.timeout(30):
            state = await watcher.until("state")
        assert (state["leader"], state["price_minor"]) == (paddles[BOB], "1000000")


async def test_a_bid_of_a_maximum_is_secret_to_all_but_its_bidder(house: House) -> None:
    await open_lot(house.node.pool, a_lot(), ANN, BOB)
    async with house.connect(ANN) as ann, house.connect(BOB) as bob:
        await bob.subscribe(1)
        await ann.send("bid", id=uuid4(), lot=1, maximum="7770000")
        accepted = await ann.until("accepted")
        await bob.until("state", seq=2)
        rows = await bob.log(1)
        again, yours = await ann.subscribe(1), await bob.subscribe(1)
    assert accepted["maximum_minor"] == "7770000" and again["you"]["maximum_minor"] == "7770000"
    assert "7770000" not in json.dumps([bob.kept, rows, yours])


async def test_a_leaders_raise_of_his_maximum_sends_no_frame(house: House) -> None:
    await open_lot(house.node.pool, a_lot(), ANN, BOB)
    # Without conflation, so that a frame for nothing could not hide behind the next.
    hub = house.node.hub
    async with house.connect(ANN) as ann, house.connect(BOB) as bob:
        hub._interval = 0.0
        await bob.subscribe(1)
        for maximum in (2_000_000, 3_000_000, 4_000_000):
            await ann.send("bid", id=uuid4(), lot=1, maximum=maximum)
            await ann.until("accepted")
        await ann.bid(1, 1)
        await bob.bid(1, 1_500_000)
        states = [message async for message in states_until(bob, bids=2)]
    assert [state["seq"] for state in states] == [2, 3]


async def states_until(client: Client, bids: int) -> AsyncIterator[dict[str, Any]]:
    while True:
        state = await client.until("state")
        yield state
        if state["bids"] == bids:
            return


async def listener(pool: Pool) -> int | None:
    """The process of the connection on which the node hears of admissions."""
    pid: int | None = await pool.fetchval(
        "select pid from pg_stat_activity where datname = current_database() and query ilike 'listen %'"
    )
    return pid


async def until_heard(pool: Pool) -> int | None:
    async def is_heard() -> bool:
        return await listener(pool) is not None

    await until(is_heard)
    return await listener(pool)


async def test_who_is_admitted_by_another_transaction_learns_it_on_the_open_page(house: House) -> None:
    pool = house.node.pool
    paddles = await open_lot(pool, a_lot(), ANN)
    await until_heard(pool)
    async with house.connect(BOB) as bob, house.connect(ANN) as ann:
        await ann.subscribe(1)
        before = await bob.subscribe(1)
        async with pool.acquire() as conn, conn.transaction():
            paddle = await desk.admit(conn, lot_id=1, party_id=BOB, now=house.node.node_time.now())
        admitted = await bob.until("subscribed")
        async with pool.acquire() as conn, conn.transaction():
            await desk.remove_admission(conn, lot_id=1, party_id=BOB, now=house.node.node_time.now())
        removed = await bob.until("subscribed")
        again = await ann.subscribe(1)
    assert not before["you"]["admitted"] and before["you"]["paddle"] is None
    assert (admitted["you"]["admitted"], admitted["you"]["paddle"]) == (True, paddle)
    assert (removed["you"]["admitted"], removed["you"]["paddle"]) == (False, paddle)
    assert again["you"]["paddle"] == paddles[ANN] and not ann.kept, "nobody else hears of it"


async def test_an_admission_that_is_rolled_back_is_no_news(house: House) -> None:
    pool = house.node.pool
    await open_lot(pool, a_lot(), ANN)
    await until_heard(pool)
    async with house.connect(BOB) as bob:
        await bob.subscribe(1)
        async with pool.acquire() as conn:
            taken_back = conn.transaction()
            await taken_back.start()
            await desk.admit(conn, lot_id=1, party_id=BOB, now=house.node.node_time.now())
            await taken_back.rollback()
        async with pool.acquire() as conn, conn.transaction():
            await desk.admit(conn, lot_id=1, party_id=CAT, now=house.node.node_time.now())

        async def is_heard() -> bool:
            room = house.bidding.rooms.get(1)
            return room is not None and CAT in room.admitted

        await until(is_heard)
        await bob.send("ping", c=1)
        await bob.until("pong")
    assert not bob.kept


async def test_news_of_admissions_survive_the_loss_of_their_connection(house: House) -> None:
    pool = house.node.pool
    await open_lot(pool, a_lot(), ANN)
    async with house.connect(BOB) as bob:
        await bob.subscribe(1)
        former = await until_heard(pool)
        await cut_connections(pool)

        async def is_another_one() -> bool:
            return await listener(pool) not in (None, former)

        await until(is_another_one)
        async with pool.acquire() as conn, conn.transaction():
            await desk.admit(conn, lot_id=1, party_id=BOB, now=house.node.node_time.now())
        assert (await bob.until("subscribed"))["you"]["admitted"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "not_json"),
        ("[]", "not_understood"),
        ('{"type":"shout"}', "not_understood"),
        ('{"type":"subscribe"}', "not_understood"),
        ('{"type":"subscribe","lot":"1"}', "not_understood"),
        ('{"type":"subscribe","lot":404}', "unknown_lot"),
        ('{"type":"subscribe","lot":99999999999999999999}', "unknown_lot"),
        ('{"type":"bid","id":"x","lot":1,"amount":"1"}', "not_understood"),
        ('{"type":"bid","id":"6f5902ac-237a-4f0f-8d1c-0a1b2c3d4e5f","lot":1}', "amount_or_maximum"),
        (
            '{"type":"bid","id":"6f5902ac-237a-4f0f-8d1c-0a1b2c3d4e5f","lot":1,"amount":"1","maximum":"2"}',
            "amount_or_maximum",
        ),
        ('{"type":"bid","id":"6f5902ac-237a-4f0f-8d1c-0a1b2c3d4e5f","lot":1,"amount":1.5}', "not_understood"),
        (b"\x00\x01", "not_text"),
    ],
)
async def test_what_is_not_understood_is_told_by_code_and_the_connection_stays(
    house: House, text: str | bytes, code: str
) -> None:
    async with house.connect(ANN) as client:
        await client.socket.send(text)
        assert (await client.next()) == {"type": "error", "code": code}
        await client.send("ping", c=1)
        assert (await client.next())["type"] == "pong"


@pytest.mark.parametrize("amount", ["", "-1", "+5", " 5", "1e3", "١٢", "0", "9" * 19, -5, 0])
async def test_an_amount_that_is_no_whole_positive_number_is_refused(house: House, amount: object) -> None:
    async with house.connect(ANN) as client:
        await client.send("bid", id=uuid4(), lot=1, amount=amount)
        assert (await client.until("refused"))["code"] == "malformed_amount"


async def test_a_visitor_may_watch_but_not_bid(house: House) -> None:
    await open_lot(house.node.pool, a_lot())
    async with house.connect() as visitor:
        await visitor.subscribe(1)
        assert (await visitor.bid(1, 1_000_000))["code"] == "not_admitted"


async def test_a_pong_brings_the_nodes_time(house: House) -> None:
    async with house.connect() as client:
        before = house.node.node_time.now().timestamp() * 1000
        await client.send("ping", c=123.5)
        pong = await client.until("pong")
    assert pong["c"] == 123.5 and before <= pong["r"] <= pong["s"]


async def test_another_sites_page_and_a_client_without_subprotocol_do_not_get_in(house: House) -> None:
    for options in ({"origin": "https://evil.example"}, {"subprotocols": None}, {"origin": None}):
        with pytest.raises(InvalidStatus):
            async with house.connect(ANN, **options):
                pass
    token = {"origin": None, "additional_headers": {"x-party": str(ANN), "authorization": "Bearer test"}}
    async with house.connect(ANN, **token) as client:
        await client.send("ping", c=1)
        await client.until("pong")


async def test_watchers_logs_are_equal_after_a_cut_and_a_resume(house: House) -> None:
    await open_lot(house.node.pool, a_lot(), ANN, BOB)
    async with house.connect() as steady:
        await steady.subscribe(1)
        async with house.connect() as unlucky:
            before = await unlucky.subscribe(1)
            async with house.connect(ANN) as ann, house.connect(BOB) as bob:
                for step in range(20):
                    await (ann, bob)[step % 2].bid(1, 1_000_000 + step * 10_000)
                    assert (await ann.bid(1, 1))["type"] == "refused"
                    if step == 8:
                        unlucky.socket.transport.abort()
        await steady.until("state", bids=20)
        async with house.connect() as resumed:
            now = await resumed.subscribe(1, epoch=before["epoch"], seq=before["seq"])
            assert (now["epoch"], now["seq"]) == (before["epoch"], 21)
            logs = [await resumed.log(1), await steady.log(1)]
    stored = [json.loads(row.body) | {"hash": row.hash.hex()} for row in await log_of(house.node.pool, 1)]
    assert logs[0] == logs[1] == stored and stored[-1]["hash"] == now["head"]


async def test_history_comes_by_gap_from_memory_or_from_the_database(house: House) -> None:
    await open_lot(house.node.pool, a_lot(), ANN, BOB)
    for step in range(10):
        await house.node.bid(1, (ANN, BOB)[step % 2], 1_000_000 + step * 10_000)
    async with house.connect() as client:
        pages = []
        for wanted in ({"after": 7, "limit": 2}, {"before": 4}, {"limit": 3}, {"after": 99}, {"after": 0, "limit": 1}):
            await client.send("history", lot=1, **wanted)
            pages.append([row["seq"] for row in (await client.until("history"))["rows"]])
    assert pages == [[8, 9], [1, 2, 3], [9, 10, 11], [], [1]]


async def test_an_unanswered_bid_is_settled_by_asking(house: House) -> None:
    await open_lot(house.node.pool, a_lot(), ANN)
    bid_id, never = uuid4(), uuid4()
    async with house.connect(ANN) as ann:
        await ann.bid(1, 1_000_000, bid_id)
    async with house.connect(ANN) as ann, house.connect(BOB) as bob:
        await ann.send("ask", id=bid_id)
        assert (await ann.until("accepted"))["seq"] == 2
        await ann.send("ask", id=never)
        assert (await ann.until("unknown"))["id"] == str(never)
        await bob.send("ask", id=bid_id)
        assert (await bob.until("unknown"))["id"] == str(bid_id)


async def test_a_repeat_over_the_socket_after_a_server_restart_gets_the_first_answer(pool: Pool) -> None:
    await open_lot(pool, a_lot(), ANN, BOB)
    bid_id = uuid4()
    async with serve(pool) as house, house.connect(ANN) as ann, house.connect(BOB) as bob:
        first = await ann.bid(1, 1_000_000, bid_id)
        await bob.bid(1, 1_010_000)
    async with serve(pool) as house, house.connect(ANN) as ann:
        assert await ann.bid(1, 1_000_000, bid_id) == first


async def test_signing_out_ends_the_partys_sockets_at_once_and_nobody_elses(house: House) -> None:
    async with house.connect(ANN) as ann, house.connect(BOB) as bob:
        await ann.send("ping", c=1)
        await ann.until("pong")
        house.node.hub.close_party(ANN)
        async with asyncio.timeout(10):
            with pytest.raises(ConnectionClosed) as closed:
                await ann.next()
        await bob.send("ping", c=1)
        await bob.until("pong")
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 4401


async def test_a_session_that_has_ended_meanwhile_is_found_by_the_recheck(pool: Pool) -> None:
    async with serve(pool, live_limits=LiveLimits(recheck_seconds=0.05)) as house, house.connect(ANN) as ann:
        house.signed_out.add(ANN)
        with pytest.raises(ConnectionClosed) as closed:
            await ann.next()
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 4401


async def test_sockets_subscriptions_and_messages_are_bounded(pool: Pool) -> None:
    for lot_id in (1, 2, 3):
        await open_lot(pool, a_lot(lot_id))
    limits = LiveLimits(sockets_per_session=2, subscriptions=2, messages_per_second=10)
    # A client that takes no more in while answers lie unread would wait ten seconds for its close to be answered.
    async with serve(pool, live_limits=limits) as house, house.connect(ANN, max_queue=None) as first:
        async with house.connect(ANN), house.connect(BOB):
            with pytest.raises(InvalidStatus):
                async with house.connect(ANN):
                    pass
        await first.subscribe(1)
        await first.subscribe(2)
        await first.send("subscribe", lot=3)
        assert (await first.until("error"))["code"] == "too_many_lots"
        for _ in range(20):
            await first.send("ping", c=1)
        assert (await first.until("error"))["code"] == "too_many_messages"


async def test_a_party_bids_no_faster_than_allowed_on_all_its_sockets_together(pool: Pool) -> None:
    await open_lot(pool, a_lot(), ANN)
    async with serve(pool, limits=Limits()) as house, house.connect(ANN) as one, house.connect(ANN) as other:
        answers = [await (one, other)[step % 2].bid(1, 1) for step in range(12)]
    assert [answer["code"] for answer in answers][-2:] == ["too_fast", "too_fast"]


async def test_more_bids_at_once_than_may_be_in_flight_all_get_their_answer(pool: Pool) -> None:
    await open_lot(pool, a_lot(), ANN, BOB)
    async with serve(pool, live_limits=LiveLimits(in_flight=4)) as house, house.connect(ANN) as ann:
        ids = [uuid4() for _ in range(100)]
        for bid_id in ids:
            await ann.send("bid", id=bid_id, lot=1, amount="1")
        assert {(await ann.answer(bid_id))["code"] for bid_id in ids} == {"below_minimum"}


async def test_the_close_and_the_desks_acts_reach_the_watchers(house: House) -> None:
    pool = house.node.pool
    await open_lot(pool, a_lot(**ends_in(60)), ANN)
    async with house.connect(ANN) as ann:
        await ann.subscribe(1)
        async with pool.acquire() as conn, conn.transaction():
            await desk.pause(conn, 1, house.node.node_time.now())
        await house.bidding.refresh(1)
        paused = await ann.until("state")
        refused = await ann.bid(1, 1_000_000)
        async with pool.acquire() as conn, conn.transaction():
            await desk.void(conn, 1, house.node.node_time.now(), house.node.hammers)
        await house.bidding.refresh(1)
        voided = await ann.until("state", outcome="void")
    assert paused["paused_at"] is not None and refused["code"] == "paused"
    assert (voided["phase"], voided["next_minor"], voided["seq"]) == ("closed", None, 3)


async def test_a_message_over_the_bound_ends_the_connection(house: House) -> None:
    async with house.connect() as client:
        await client.socket.send('{"type":"ping","c":"' + "x" * 20_000 + '"}')
        with pytest.raises(ConnectionClosed) as closed:
            await client.next()
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 1009
