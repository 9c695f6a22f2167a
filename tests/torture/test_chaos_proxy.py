"""The chaos proxy does what it says, byte by byte."""

from __future__ import annotations

import asyncio
import random

import pytest

from auction.hub import text_frame
from tests.torture.chaos_proxy import Frames, chaos_proxy

HELLO = b"GET / HTTP/1.1\r\n\r\n"
MASKED = bytes((0x81, 0x83, 1, 2, 3, 4)) + b"abc"
PING = bytes((0x89, 0x80, 1, 2, 3, 4))


@pytest.mark.parametrize("cut", range(1, 30, 4))
def test_frames_come_out_whole_wherever_the_stream_is_cut(cut: int) -> None:
    stream = HELLO + MASKED + PING + text_frame(b"x" * 200) + text_frame(b"y" * 70_000)
    frames, pieces = Frames(), []
    for start in range(0, len(stream), cut if cut < 9 else cut * 100):
        pieces += frames.feed(stream[start : start + (cut if cut < 9 else cut * 100)])
    assert b"".join(piece for piece, _ in pieces) == stream
    assert [is_text for _, is_text in pieces] == [False, True, False, True, True]


async def test_it_passes_on_doubles_swallows_and_resets() -> None:
    heard: asyncio.Queue[bytes] = asyncio.Queue()

    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1):
                heard.put_nowait(data)
        except ConnectionError:
            heard.put_nowait(b"reset")
        writer.close()

    async def next_bytes(count: int) -> bytes:
        return b"".join([await heard.get() for _ in range(count)])

    target = await asyncio.start_server(server, "127.0.0.1", 0)
    async with target, chaos_proxy(target.sockets[0].getsockname()[1], random.Random(1)) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(HELLO + MASKED)
        assert await next_bytes(len(HELLO + MASKED)) == HELLO + MASKED
        proxy.double = 1.0
        writer.write(MASKED + PING)
        assert await next_bytes(2 * len(MASKED) + len(PING)) == MASKED + MASKED + PING
        assert proxy.doubled == 1
        proxy.is_slow = True
        writer.write(MASKED)
        assert await next_bytes(2 * len(MASKED)) == MASKED + MASKED
        assert proxy.swallow() == 1
        writer.write(MASKED)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await heard.get()
        assert proxy.reset() == 1
        with pytest.raises(ConnectionError):
            await reader.readexactly(1)
        assert await heard.get() == b"reset"
        writer.close()
