"""Attacks on the socket: frames that are huge, endless or without sense, floods of them, and access that has ended."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode

from auction.limits import Limits
from auction.live import LiveLimits
from market import parties, sessions, tokens
from migrations.database import Role, connect
from tests.auction.house import ANN, BOB, Client, House, a_lot, open_lot, open_node, serve
from tests.door.house_server import ImpatientProtocol, Server, hang_up
from tests.door.test_socket import (
    PINGS,
    PROMPT_SECONDS,
    TRIES,
    answers,
    in_one_of_three,
    is_out_within_a_second,
    opened,
)

if TYPE_CHECKING:
    from migrations.database import Address, Connection, Pool


def frame(opcode: Opcode, data: bytes, *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=True)


ATTACKS = {
    "fragments without end and without content": (
        frame(Opcode.TEXT, b"", fin=False) + 5000 * frame(Opcode.CONT, b"", fin=False),
        1008,
    ),
    "small fragments of a large message": (
        frame(Opcode.TEXT, b"x", fin=False) + 20 * frame(Opcode.CONT, b"x" * 1000, fin=False),
        1009,
    ),
    "a frame that says it has a terabyte": (b"\x81\xff" + (1 << 40).to_bytes(8, "big") + b"mask", 1009),
    "pings without end": (2000 * frame(Opcode.PING, b"x" * 125), 1008),
    "a frame without a mask": (Frame(Opcode.TEXT, b"{}").serialize(mask=False), 1002),
    "a compressed frame that was not agreed": (b"\xc1\x80mask", 1002),
    "a reserved opcode": (b"\x83\x80mask", 1002),
    "a fragment of nothing": (frame(Opcode.CONT, b"x"), 1002),
}


@pytest.mark.parametrize("attack", ATTACKS)
async def test_frames_out_of_bounds_close_the_socket_and_no_other(server: Server, attack: str) -> None:
    sent, code = ATTACKS[attack]
    async with opened(server, {}) as honest, opened(server, {}) as attacker:
        attacker.transport.write(sent)
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                await asyncio.wait_for(attacker.recv(), 30)
        assert closed.value.rcvd is not None and closed.value.rcvd.code == code
        assert await answers(honest)


async def test_a_large_message_in_fragments_below_the_bounds_is_read(server: Server) -> None:
    async with opened(server, {}) as socket:
        text = json.dumps({"type": "ping", "c": 1, "padding": "x" * 15_000}).replace('"padding"', '"p"')
        await socket.send([text[start : start + 300] for start in range(0, len(text), 300)])
        assert json.loads(await asyncio.wait_for(socket.recv(), 30))["type"] in ("pong", "error")


async def test_a_socket_outlives_the_time_that_its_head_had(server: Server) -> None:
    async with opened(server, {}) as socket:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.recv(), 2 * ImpatientProtocol.head_seconds)
        assert await answers(socket)


async def test_who_asks_much_and_reads_nothing_is_closed(server: Server) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
    writer.write(
        f"GET /live HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nOrigin: {server.origin}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Protocol: gavelhouse.v1\r\n\r\n".encode()
    )
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    try:
        async with asyncio.timeout(60):
            for _ in range(1000):
                writer.write(200 * frame(Opcode.PING, b"x" * 125))
                await writer.drain()
    except ConnectionError:
        pass
    await hang_up(writer)
    async with opened(server, {}) as honest:
        assert await answers(honest)


# Access that has ended


@pytest.fixture
async def elsewhere(server: Server) -> AsyncIterator[Connection]:
    """The command line, or another node: a connection that the house knows nothing of."""
    conn = await connect(server.house.config.address, Role.APP)
    yield conn
    await conn.close()


async def test_a_session_ended_elsewhere_closes_its_socket_and_leaves_the_other(
    server: Server, elsewhere: Connection
) -> None:
    async def ended() -> bool:
        party = await server.party()
        lost, kept = await server.cookie(party), await server.cookie(party)
        async with opened(server, lost) as one, opened(server, kept) as other:
            assert await answers(one) and await answers(other)
            found = await sessions.sessions_of(elsewhere, party, server.house.node_time.now())
            ending = sessions.end(elsewhere, min(each.id for each in found), party, server.house.node_time.now())
            return await is_out_within_a_second(one, other, ending)

    assert await in_one_of_three(ended)


async def test_a_role_given_elsewhere_closes_the_partys_sockets(server: Server, elsewhere: Connection) -> None:
    async def given() -> bool:
        party, bystander = await server.party(), await server.party()
        async with (
            opened(server, await server.cookie(party)) as socket,
            opened(server, await server.cookie(bystander)) as by,
        ):
            giving = parties.make_operator(elsewhere, party, None, server.house.node_time.now())
            return await is_out_within_a_second(socket, by, giving)

    assert await in_one_of_three(given)


async def test_a_disabled_party_is_out_at_once(server: Server, elsewhere: Connection) -> None:
    async def disabled() -> bool:
        party = await server.party()
        cookie = await server.cookie(party)
        async with opened(server, cookie) as socket, opened(server, {}) as by:
            disabling = parties.disable(elsewhere, party, None, "stolen account", server.house.node_time.now())
            was_prompt = await is_out_within_a_second(socket, by, disabling)
        assert (await server.client.get("/account", headers=cookie)).status_code == 303
        return was_prompt

    assert await in_one_of_three(disabled)


async def test_a_token_revoked_elsewhere_closes_its_socket(server: Server, elsewhere: Connection) -> None:
    async def revoked() -> bool:
        party = await server.party()
        bearer = await server.bearer(party)
        async with opened(server, bearer, None) as socket, opened(server, {}) as by:
            (token,) = await tokens.tokens_of(elsewhere, party)
            revoking = tokens.revoke(elsewhere, token.id, party, server.house.node_time.now())
            was_prompt = await is_out_within_a_second(socket, by, revoking)
        with pytest.raises(InvalidStatus):
            async with opened(server, bearer, None):
                pass
        return was_prompt

    assert await in_one_of_three(revoked)


async def test_a_replayed_cookie_is_a_visitor(server: Server) -> None:
    party = await server.party()
    cookie = await server.cookie(party)
    await server.client.post("/sign-out", headers=cookie)
    async with opened(server, cookie) as replayed:
        assert server.house.hub.of_party(party) == []
        await replayed.send(json.dumps({"type": "bid", "id": str(uuid4()), "lot": 1, "amount": "100"}))
        assert json.loads(await asyncio.wait_for(replayed.recv(), 30))["code"] == "not_admitted"


async def test_the_sockets_of_one_token_are_bounded(server: Server) -> None:
    bearer = await server.bearer(await server.party())
    most = server.house.live.limits.sockets_per_session
    async with asyncio.timeout(60):
        sockets = [await opened(server, bearer, None) for _ in range(most)]
        with pytest.raises(InvalidStatus):
            async with opened(server, bearer, None):
                pass
        await asyncio.gather(*(socket.close() for socket in sockets))


# Storms


@pytest.fixture
async def stormed(pool: Pool) -> AsyncIterator[House]:
    """A saleroom with the limits that the house has."""
    async with serve(pool, limits=Limits(), live_limits=LiveLimits()) as house:
        await open_lot(pool, a_lot(), ANN, BOB)
        yield house


async def slowest_ping(client: Client) -> float:
    """The slowest of three: how slow this machine is while nobody storms."""
    waits = []
    for turn in range(3):
        began = time.monotonic()
        await client.send("ping", c=-turn)
        await client.until("pong")
        waits.append(time.monotonic() - began)
    return max(waits)


async def storm(client: Client, stop: asyncio.Event, told: Counter[str]) -> None:
    """As many bids as the socket takes, without waiting for an answer; the answers are counted."""

    async def listen() -> None:
        async for message in client.socket:
            told[json.loads(message).get("code", "")] += 1

    listening = asyncio.ensure_future(listen())
    while not stop.is_set():
        await client.send("bid", id=uuid4(), lot=1, amount="1")
        await asyncio.sleep(0)
    listening.cancel()


async def test_who_storms_delays_nobody_else(stormed: House) -> None:
    stop, told = asyncio.Event(), Counter[str]()
    async with asyncio.TaskGroup() as group, stormed.connect(BOB) as bob:
        prompt = PROMPT_SECONDS + PINGS * await slowest_ping(bob)
        stormers = [await stormed.connect(ANN).__aenter__() for _ in range(6)]
        for stormer in stormers:
            group.create_task(storm(stormer, stop, told))
        rounds = []
        while len(rounds) < TRIES and not (rounds and rounds[-1] < prompt):
            waits = []
            for step in range(8 * len(rounds), 8 * len(rounds) + 8):
                began = time.monotonic()
                answer = await bob.bid(1, 1_000_000 + step * 10_000)
                waits.append(time.monotonic() - began)
                assert answer["type"] == "accepted" or answer["code"] == "already_leading"
            rounds.append(sorted(waits)[-2])
        stop.set()
        for stormer in stormers:
            stormer.socket.transport.abort()
    assert rounds[-1] < prompt, rounds
    assert told["too_fast"] > 100


async def test_a_flood_of_messages_waits_at_its_sender(stormed: House) -> None:
    answered = 0

    async def count(socket: ClientConnection) -> None:
        nonlocal answered
        async for _ in socket:
            answered += 1

    async with stormed.connect(ANN) as flooder, stormed.connect(BOB) as bob:
        prompt, waits = PROMPT_SECONDS + PINGS * await slowest_ping(bob), []
        counting = asyncio.ensure_future(count(flooder.socket))
        for _ in range(30):
            flooder.socket.transport.write(200 * frame(Opcode.TEXT, b"{" + b" " * 1000))
        for turn in range(15):
            began = time.monotonic()
            await bob.send("ping", c=turn)
            await bob.until("pong")
            waits.append(time.monotonic() - began)
            await asyncio.wait([counting], timeout=0.1)
        # Of 6,000 messages only what one read had brought in was looked at, once a second.
        assert 100 < answered < 2_000
        assert max(waits) < prompt, waits
        counting.cancel()
        flooder.socket.transport.abort()


async def test_while_the_database_stands_still_a_flood_takes_only_its_own_share_of_the_queue(
    pool: Pool, database: Address
) -> None:
    # A bucket that never empties, so that only the queue itself bounds; places for 30, and the flood sends 200.
    limits = Limits(bids_per_second=1e6, burst=10, queue_per_lot=30)
    async with open_node(pool, limits=limits) as node:
        await open_lot(pool, a_lot(), ANN, BOB)
        await node.bid(1, ANN, 1_000_000)
        holder = await connect(database, Role.APP)
        async with holder.transaction():
            await holder.execute("select 1 from auction.standing where lot_id = 1 for update")
            placed = [node.bidding.place(node.a_bid(1, ANN, 1_000_000, is_maximum=True)) for _ in range(200)]
            await asyncio.sleep(0)
            honest = node.bidding.place(node.a_bid(1, BOB, 5_000_000))
        flood = Counter([(await answer).refusal for answer in placed])
        assert (await honest).refusal is None
        await holder.close()
    assert flood["too_fast"] == 190 and "busy" not in flood
    assert node.bidding._shares._waiting == Counter()
