"""Fan-out over real sockets: frames, conflation, slow and stuck watchers, and the names of uvicorn that it leans on."""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import re
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
import uvloop
from msgspec import Struct
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode

from auction import hub as hub_module
from auction.hub import HubProtocol, text_frame
from auction.messages import SUBPROTOCOL
from migrations.database import Role, create_pool
from tests.auction.house import ANN, BOB, House, a_lot, open_lot, serve

if TYPE_CHECKING:
    from migrations.database import Address, Pool


class Bulky(Struct):
    """A state of many bytes, so that a reader who stops is soon behind."""

    seq: int
    padding: str = "x" * 600
    type: str = "state"
    lot: int = 1


@pytest.fixture
async def house(pool: Pool) -> AsyncIterator[House]:
    await open_lot(pool, a_lot(), ANN, BOB)
    async with serve(pool) as house:
        yield house


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65_535, 65_536, 100_000])
def test_a_text_frame_is_what_the_standard_says(length: int) -> None:
    payload = b"x" * length
    assert text_frame(payload) == Frame(Opcode.TEXT, payload).serialize(mask=False)


# What HubProtocol takes from uvicorn's protocol: attributes that its parent sets, and methods that it has.
ATTRIBUTES = {
    "app", "close_sent", "close_timer", "conn", "curr_msg_data_type", "disconnected", "frames", "handshake_complete",
    "logger", "loop", "queue", "read_paused", "request", "response", "scope", "transport",
}  # fmt: skip
METHODS = {
    "connection_lost", "connection_made", "data_received", "handle_connect", "handle_cont", "handle_ping",
    "pause_writing", "receive", "resume_writing", "run_asgi", "send", "send_500_response", "send_receive_event_to_app", "stop_keepalive",
}  # fmt: skip


def test_every_name_of_uvicorn_that_the_hub_leans_on_is_listed_and_there() -> None:
    tree = ast.parse(inspect.getsource(HubProtocol))
    own = {name for name in vars(HubProtocol) if name not in vars(WebSocketsSansIOProtocol)} | {
        "lots",
        "stale",
        "own",
        "owed",
    }
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and (
            (isinstance(node.value, ast.Name) and node.value.id == "self")
            or (isinstance(node.value, ast.Call) and ast.unparse(node.value) == "super()")
        )
    }
    overridden = {name for name in vars(HubProtocol) if hasattr(WebSocketsSansIOProtocol, name) and name[0] != "_"}
    # `disconnected` is asked by the door, before a connection is attached.
    assert (used | overridden | {"disconnected"}) - own - {"__init__"} == ATTRIBUTES | METHODS
    parent = inspect.getsource(WebSocketsSansIOProtocol)
    for name in ATTRIBUTES:
        assert re.search(rf"self\.{name}\b[^=\n]*= ", parent), name
    for name in METHODS:
        assert callable(getattr(WebSocketsSansIOProtocol, name)), name
    assert "self.conn = ServerProtocol(" in parent


async def test_states_are_conflated_and_the_newest_is_the_last(house: House) -> None:
    async with house.connect() as watcher:
        await watcher.subscribe(1)
        for step in range(300):
            await house.node.bid(1, (ANN, BOB)[step % 2], 1_000_000 + step * 10_000)
        frames = [await watcher.until("state")]
        while frames[-1]["bids"] < 300:
            frames.append(await watcher.until("state"))
    assert frames[0]["bids"] < 10, "the first change goes out at once"
    assert len(frames) < 150 and [frame["seq"] for frame in frames] == sorted(frame["seq"] for frame in frames)


async def test_a_stuck_watcher_keeps_nobody_waiting_and_gets_the_newest_state_last(house: House) -> None:
    hub = house.node.hub
    async with house.connect() as healthy:
        await healthy.subscribe(1)
        stuck = await raw_watcher(house)
        with patch.object(hub, "_interval", 0.0), patch.object(hub_module, "WRITE_SECONDS", 0.0):
            received = 0
            for seq in range(10, 1010):
                hub.publish(1, seq, lambda seq=seq: Bulky(seq))  # type: ignore[misc]  # bound at once
                received += (await healthy.until("state"))["seq"] == seq
        assert received == 1000, "a healthy watcher missed a state"
        stale = await frames_of(stuck, until_seq=1009)
        stuck.close()
    assert len(stale) <= 300 and stale[-1] == 1009 and stale == sorted(stale)


async def test_a_watcher_that_never_drains_is_closed(house: House) -> None:
    with patch.object(hub_module, "STUCK_SECONDS", 0.05), patch.object(hub_module, "LAST_WORD_SECONDS", 0.05):
        stuck = await raw_watcher(house)
        with patch.object(house.node.hub, "_interval", 0.0), patch.object(hub_module, "WRITE_SECONDS", 0.0):
            for seq in range(10, 2010):
                house.node.hub.publish(1, seq, lambda seq=seq: Bulky(seq))  # type: ignore[misc]  # bound at once
                await asyncio.sleep(0)
        async with asyncio.timeout(30):
            while house.node.hub.watchers(1):  # noqa: ASYNC110  # turns of the loop are what is waited for
                await asyncio.sleep(0)
        stuck.close()


async def test_a_dead_watcher_does_not_end_the_broadcast_for_the_rest(house: House) -> None:
    async with house.connect() as dying, house.connect() as watcher:
        await dying.subscribe(1)
        await watcher.subscribe(1)
        for peer in list(house.node.hub._topics[1].watchers)[:1]:
            peer.transport.abort()
        await house.node.bid(1, ANN, 1_000_000)
        assert (await watcher.until("state"))["seq"] == 2


def test_a_watcher_that_dies_under_the_broadcast_costs_the_others_nothing_on_the_products_own_loop(
    database: Address,
) -> None:
    async def broadcast() -> list[int]:
        pool, seen = await create_pool(database, Role.APP, min_size=1), []
        await open_lot(pool, a_lot(), ANN)
        async with serve(pool) as house, house.connect() as first, house.connect() as dying, house.connect() as last:
            for watcher in (first, dying, last):
                await watcher.subscribe(1)
            hub = house.node.hub
            with patch.object(hub_module, "CHUNK", 1), suppress(TimeoutError):
                for seq in (10, 11):
                    # The connection is lost after the broadcast has begun and before it comes to it. On uvloop, unlike
                    # on asyncio, a write to it then raises.
                    hub.publish(1, seq, lambda seq=seq: Bulky(seq))  # type: ignore[misc]  # bound at once
                    if seq == 10:
                        list(hub._topics[1].watchers)[1].transport.abort()
                    async with asyncio.timeout(10):
                        seen += [(await watcher.until("state"))["seq"] for watcher in (first, last)]
        await pool.close()
        return seen

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(broadcast()) == [10, 10, 11, 11]


async def test_a_watcher_that_leaves_is_forgotten_whole(house: House) -> None:
    hub = house.node.hub
    async with house.connect(ANN) as ann:
        await ann.subscribe(1)
        assert (hub.watchers(1), hub.count(("session", f"s{ANN}"))) == (1, 1)
    async with asyncio.timeout(30):
        while hub.watchers(1):  # noqa: ASYNC110  # turns of the loop are what is waited for
            await asyncio.sleep(0)
    assert not hub._by_party and not hub._counts and not house.live._sessions


async def test_an_unsubscribed_lot_is_silent(house: House) -> None:
    async with house.connect() as client:
        await client.subscribe(1)
        await client.send("unsubscribe", lot=1)
        await client.send("ping", c=1)
        await client.until("pong")
        await house.node.bid(1, ANN, 1_000_000)
        assert house.node.hub.watchers(1) == 0


async def raw_watcher(house: House) -> socket.socket:
    """A subscriber that reads its answer and then nothing more, with a small receive buffer."""
    loop, sock = asyncio.get_running_loop(), socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    await loop.sock_connect(sock, ("127.0.0.1", house.port))
    request = (
        f"GET /live HTTP/1.1\r\nHost: 127.0.0.1:{house.port}\r\nOrigin: {house.origin}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n"
    )
    await loop.sock_sendall(sock, request.encode())
    read = b""
    while b"\r\n\r\n" not in read:
        read += await loop.sock_recv(sock, 1024)
    await loop.sock_sendall(sock, Frame(Opcode.TEXT, b'{"type":"subscribe","lot":1}').serialize(mask=True))
    while b'"subscribed"' not in read:
        read += await loop.sock_recv(sock, 4096)
    return sock


async def frames_of(sock: socket.socket, until_seq: int) -> list[int]:
    """The seq of every state that is still on its way to this reader."""
    loop, read = asyncio.get_running_loop(), b""
    async with asyncio.timeout(40):
        while f'"seq":{until_seq},'.encode() not in read:
            read += await loop.sock_recv(sock, 65_536)
    found = []
    for piece in read.split(b'{"seq":')[1:]:
        found.append(json.loads(piece.split(b",")[0]))
    return found
