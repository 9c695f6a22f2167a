"""A proxy of our own between clients and a node that does to connections what networks do.

It resets them, swallows what they say while they stay open (a black hole), makes them slow, and sends whole WebSocket
frames twice. Everything it can do is done to the connections that are open at that moment, or to all until told to stop.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

HEADER_END = b"\r\n\r\n"
SLOW_BYTES = 200
SLOW_SECONDS = 0.02


class Frames:
    """Cuts one direction of a connection into what may be sent twice: the handshake whole, then frame by frame."""

    def __init__(self) -> None:
        self._rest = b""
        self._is_open = False

    def feed(self, data: bytes) -> list[tuple[bytes, bool]]:
        """(bytes, whether they are a whole text frame); all that came in comes out, in order, as soon as it is whole."""
        self._rest += data
        pieces: list[tuple[bytes, bool]] = []
        if not self._is_open:
            head, end, rest = self._rest.partition(HEADER_END)
            if not end:
                return []
            self._is_open, self._rest = True, rest
            pieces.append((head + end, False))
        while (length := _frame_length(self._rest)) is not None and len(self._rest) >= length:
            frame, self._rest = self._rest[:length], self._rest[length:]
            pieces.append((frame, frame[0] & 0x0F == 1))
        return pieces


def _frame_length(data: bytes) -> int | None:
    """How long the frame is that begins here (RFC 6455, 5.2); None if its head is not here yet."""
    if len(data) < 2:
        return None
    short, mask = data[1] & 0x7F, 4 if data[1] & 0x80 else 0
    size = {126: 2, 127: 8}.get(short, 0)
    if len(data) < 2 + size:
        return None
    return 2 + size + mask + (int.from_bytes(data[2 : 2 + size], "big") if size else short)


@dataclass(eq=False)
class Link:
    """One connection through the proxy."""

    writers: tuple[asyncio.StreamWriter, asyncio.StreamWriter]
    is_swallowed: bool = False
    is_reset: asyncio.Event = field(default_factory=asyncio.Event)

    def reset(self) -> None:
        """RST to both ends: no farewell, and what is in the buffers is gone."""
        self.is_reset.set()
        for writer in self.writers:
            with suppress(OSError, AttributeError):
                sock = writer.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()


@dataclass
class ChaosProxy:
    """Listens on `port` and passes on to `target`. `double` is the share of frames that are sent twice."""

    target: int
    chance: random.Random
    port: int = 0
    double: float = 0.0
    is_slow: bool = False
    links: set[Link] = field(default_factory=set)
    doubled: int = 0

    def reset(self, share: float = 1.0) -> int:
        """Reset this share of the open connections; how many."""
        hit = [link for link in self.links if self.chance.random() < share]
        for link in hit:
            link.reset()
        return len(hit)

    def swallow(self, share: float = 1.0) -> int:
        """These connections stay open, and nothing passes any more: only a timeout of its owner ends one."""
        hit = [link for link in self.links if self.chance.random() < share]
        for link in hit:
            link.is_swallowed = True
        return len(hit)

    async def serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        link = Link((writer, back))
        self.links.add(link)
        ways = [asyncio.ensure_future(self._pass(link, *way)) for way in ((reader, back), (there, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.links.discard(link)
            for way in ways:
                way.cancel()
            for end in link.writers:
                end.transport.abort()

    async def _pass(self, link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frames = Frames()
        with suppress(OSError):
            while data := await reader.read(65_536):
                for piece, is_frame in frames.feed(data):
                    if link.is_swallowed:
                        continue
                    if self.is_slow:
                        await self._trickle(writer, piece)
                    else:
                        writer.write(piece)
                    if is_frame and self.chance.random() < self.double:
                        self.doubled += 1
                        writer.write(piece)
                await writer.drain()
            # The one end is gone; a swallowed link does not tell the other.
            if link.is_swallowed:
                await link.is_reset.wait()

    async def _trickle(self, writer: asyncio.StreamWriter, piece: bytes) -> None:
        for start in range(0, len(piece), SLOW_BYTES):
            writer.write(piece[start : start + SLOW_BYTES])
            await asyncio.sleep(SLOW_SECONDS)


@asynccontextmanager
async def chaos_proxy(target: int, chance: random.Random) -> AsyncIterator[ChaosProxy]:
    """A proxy in this process, on a port of its own."""
    proxy = ChaosProxy(target, chance)
    server = await asyncio.start_server(proxy.serve_one, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for link in list(proxy.links):
            link.reset()
