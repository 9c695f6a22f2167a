"""Attacks on the HTTP door over real sockets: bodies nobody asked for, uploads that are too large, bytes without end."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from time import perf_counter

import pytest

from market import http_protocol
from tests.auction.house import until
from tests.door.house_server import ImpatientProtocol, Server, hang_up


@pytest.fixture
async def line(server: Server) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    yield reader, writer
    await hang_up(writer)


Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def head(server: Server, first: str, *lines: str) -> bytes:
    return "\r\n".join([first, f"Host: 127.0.0.1:{server.port}", *lines, "", ""]).encode()


async def send_until_cut(line: Line, piece: bytes, *, most: int, pause: float = 0.0) -> int:
    """How many bytes went out before the server ended the connection."""
    reader, writer = line
    sent = 0
    try:
        while sent < most:
            writer.write(piece)
            async with asyncio.timeout(30):
                await writer.drain()
            sent += len(piece)
            if pause:
                try:
                    async with asyncio.timeout(pause):
                        if not await reader.read(65536):
                            return sent
                except TimeoutError:
                    pass
            elif reader.at_eof():
                return sent
    except ConnectionError:
        pass
    return sent


async def test_the_sender_of_too_large_an_upload_reads_why(server: Server, line: Line) -> None:
    reader, writer = line
    seller = await server.cookie(await server.party())
    size = 20 * 1024 * 1024
    writer.write(
        head(
            server,
            "POST /sign-in HTTP/1.1",
            f"Origin: {server.origin}",
            f"Cookie: {seller['cookie']}",
            "Content-Type: multipart/form-data; boundary=x",
            f"Content-Length: {size}",
        )
    )
    # As a browser does it: all of the body first, then the answer.
    piece = b"x" * 65536
    for _ in range(size // len(piece)):
        writer.write(piece)
        await writer.drain()
    answer = await asyncio.wait_for(reader.read(-1), 30)
    assert answer.startswith(b"HTTP/1.1 413 ") and answer.endswith(b"</html>")
    assert b"connection: close" in answer.lower()


async def test_what_nobody_reads_is_taken_in_up_to_a_bound(
    server: Server, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "DRAIN_BYTES", 1_000_000)
    line[1].write(head(server, "GET /healthz HTTP/1.1", "Content-Length: 999999999"))
    assert await send_until_cut(line, b"x" * 65536, most=60_000_000) < 30_000_000


async def test_a_body_dribbled_after_the_answer_does_not_hold_the_connection(
    server: Server, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImpatientProtocol, "drain_seconds", 0.3)
    line[1].write(head(server, "GET /healthz HTTP/1.1", "Content-Length: 100000"))
    assert await send_until_cut(line, b"x", most=1000, pause=0.02) < 1000


async def test_a_body_that_arrives_late_leaves_the_connection_in_order(server: Server, line: Line) -> None:
    reader, writer = line
    asked = head(server, "GET /healthz HTTP/1.1", "Content-Length: 5")
    for _ in range(2):
        writer.write(asked)
        assert b"200" in await asyncio.wait_for(reader.readuntil(b"ok\n"), 30)
        writer.write(b"later")
    writer.write(head(server, "GET /healthz HTTP/1.1"))
    assert b"200" in await asyncio.wait_for(reader.readuntil(b"ok\n"), 30)


@pytest.mark.parametrize("endless", ["trailer", "many trailers", "chunk extension"])
async def test_bytes_that_are_no_body_do_not_fill_the_memory(server: Server, line: Line, endless: str) -> None:
    begun, piece = {
        "trailer": (b"0\r\nX-Endless: ", b"v" * 8192),
        "many trailers": (b"0\r\n", b"X-More: v\r\n" * 800),
        "chunk extension": (b"5;x=", b"v" * 8192),
    }[endless]
    line[1].write(head(server, "GET /healthz HTTP/1.1", "Transfer-Encoding: chunked") + begun)
    assert await send_until_cut(line, piece, most=20_000_000) < 10_000_000


async def test_blank_lines_do_not_hold_a_connection(server: Server, line: Line) -> None:
    reader, writer = line
    writer.write(head(server, "GET /healthz HTTP/1.1"))
    await reader.readuntil(b"ok\n")
    assert await send_until_cut(line, b"\r\n", most=2000, pause=0.02) < 2000


async def test_head_and_body_share_one_deadline(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("market.authorization.BODY_SECONDS", 2.0)
    monkeypatch.setattr(ImpatientProtocol, "head_seconds", 60.0)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    started = perf_counter()
    form = "Content-Type: application/x-www-form-urlencoded"
    request = head(server, "POST /sign-in HTTP/1.1", f"Origin: {server.origin}", form, "Content-Length: 50")
    writer.write(request[:40])
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.5):
            await reader.read(1)
    writer.write(request[40:] + b"email=")
    answer = await asyncio.wait_for(reader.readuntil(b"\r\n"), 30)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert perf_counter() - started < 3.4  # a deadline of its own would let the body wait until 3.5
    await hang_up(writer)


async def test_one_address_has_so_many_connections_and_others_go_on(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImpatientProtocol, "per_address", 8)
    monkeypatch.setattr(ImpatientProtocol, "head_seconds", 60.0)
    lines = [await asyncio.open_connection("127.0.0.1", server.port, local_addr=("127.0.0.9", 0)) for _ in range(8)]
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, local_addr=("127.0.0.9", 0))
    assert (await asyncio.wait_for(reader.read(-1), 30)).startswith(b"HTTP/1.1 503 ")
    await hang_up(writer)
    assert (await server.client.get("/healthz")).status_code == 200
    for _, one in lines:
        await hang_up(one)

    async def is_served() -> bool:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, local_addr=("127.0.0.9", 0))
        writer.write(head(server, "GET /healthz HTTP/1.1", "Connection: close"))
        try:
            return b" 200 " in await reader.read(-1)
        except ConnectionError:  # it was not let in yet, and had already asked
            return False
        finally:
            await hang_up(writer)

    await until(is_served)  # as soon as the server has noticed that the others are gone


async def test_the_last_open_files_are_kept_for_the_house(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    before = len(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(http_protocol, "most_connections", lambda: 0)
    assert (await server.raw(b"")).startswith(b"HTTP/1.1 503 ")
    assert len(os.listdir("/proc/self/fd")) <= before + 2
