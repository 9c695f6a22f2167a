"""The socket's door: whose page opens it, how large a message may be, and when it is closed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.door.house_server import PHRASE, Server

SUBPROTOCOL: Any = "gavelhouse.v1"
PROMPT_SECONDS = 1.0
TRIES = 3
PINGS = 10
"""A busy machine is slow at everything: beside the second, so many pings' time on the same loop is its own, not the house's."""


def opened(server: Server, headers: dict[str, str], origin: str | None = "OWN") -> Any:
    return connect(
        f"ws://127.0.0.1:{server.port}/live",
        additional_headers={name: value for name, value in headers.items() if name in ("cookie", "authorization")},
        origin=server.origin if origin == "OWN" else origin,  # type: ignore[arg-type]
        subprotocols=[SUBPROTOCOL],
        proxy=None,
    )


async def answers(socket: ClientConnection) -> bool:
    await socket.send(json.dumps({"type": "ping", "c": 1}))
    return json.loads(await asyncio.wait_for(socket.recv(), 30))["type"] == "pong"


async def ping_seconds(socket: ClientConnection) -> float:
    """How long the machine takes just now for the least that a socket can ask."""
    started = perf_counter()
    assert await answers(socket)
    return perf_counter() - started


async def is_out_within_a_second(socket: ClientConnection, beside: ClientConnection, act: Awaitable[object]) -> bool:
    """Whether the act closes this socket within a second, and leaves the one beside it."""
    before = await ping_seconds(beside)
    started = perf_counter()
    await act
    assert await close_code(socket) == 4401
    took = perf_counter() - started
    return took < PROMPT_SECONDS + PINGS * (before + await ping_seconds(beside))


async def in_one_of_three(attempt: Callable[[], Awaitable[bool]]) -> bool:
    """Whether it comes true at least once: what the house does late it does late each time, what the machine does it does not."""
    for _ in range(TRIES):
        if await attempt():
            return True
    return False


async def close_code(socket: ClientConnection) -> int:
    with pytest.raises(ConnectionClosed) as closed:
        await asyncio.wait_for(socket.recv(), 30)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


async def test_a_page_of_the_house_opens_it_for_visitors_and_members(server: Server) -> None:
    async with opened(server, {}) as visitor, opened(server, await server.cookie(await server.party())) as member:
        assert await answers(visitor) and await answers(member)
        assert server.house.hub.connections == 2


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://127.0.0.1:1", "http://127.0.0.1.evil.example", None],
)
async def test_another_sites_page_does_not_open_it_even_with_the_cookie(server: Server, origin: str | None) -> None:
    headers = await server.cookie(await server.party())
    with pytest.raises(InvalidStatus) as refused:
        async with opened(server, headers, origin):
            pass
    assert refused.value.response.status_code == 403


async def test_a_program_opens_it_by_token_and_not_by_a_bad_one(server: Server) -> None:
    async with opened(server, await server.bearer(await server.party()), None) as socket:
        assert await answers(socket)
    with pytest.raises(InvalidStatus):
        async with opened(server, {"authorization": "Bearer gh_nothing"}, None):
            pass


async def test_a_message_above_16_kib_closes_the_socket(server: Server) -> None:
    async with opened(server, {}) as socket:
        await socket.send("x" * (16 * 1024 + 1))
        assert await close_code(socket) == 1009


async def test_compression_is_not_agreed_to(server: Server) -> None:
    async with opened(server, {}) as socket:
        assert not socket.protocol.extensions


async def test_signing_out_closes_the_partys_sockets_within_a_second(server: Server) -> None:
    async def signing_out() -> bool:
        leaver, stayer = await server.party(), await server.party()
        cookie = await server.cookie(leaver)
        async with opened(server, cookie) as own, opened(server, await server.cookie(stayer)) as others:
            assert await answers(own)
            return await is_out_within_a_second(own, others, server.client.post("/sign-out", headers=cookie))

    assert await in_one_of_three(signing_out)


async def test_a_new_passphrase_closes_the_partys_sockets(server: Server) -> None:
    party = await server.party(phrase=PHRASE)
    cookie = await server.cookie(party)
    async with opened(server, cookie) as socket:
        fields = {"current_passphrase": PHRASE, "new_passphrase": "seven lanterns on quiet water"}
        await server.client.post("/account/passphrase", data=fields, headers=cookie)
        assert await close_code(socket) == 4401
