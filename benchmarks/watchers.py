"""Watchers in a process of their own: so many sockets that read and throw away. `python -m benchmarks.watchers PORT PATH COUNT`.

Says `ready` once all are subscribed, and the number of frames each got when its standard input ends.
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import uvloop
from websockets.frames import Frame, Opcode

from auction.messages import SUBPROTOCOL


class Watcher(asyncio.Protocol):
    """One socket: asks for the upgrade, subscribes to lot 1, and counts the bytes that follow."""

    def __init__(self, port: int, path: str, ready: asyncio.Future[None]) -> None:
        self._request = (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n"
        ).encode()
        self._ready = ready
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if self._ready.done():
            return
        self._read += data
        if b"101 Switching" in self._read and b"\r\n\r\n" in self._read and self._request:
            self._request = b""
            self._transport.write(Frame(Opcode.TEXT, b'{"type":"subscribe","lot":1}').serialize(mask=True))
        if b'"subscribed"' in self._read:
            self._read = b""
            self._ready.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._ready.done():
            self._ready.set_exception(ConnectionError(f"refused: {self._read!r}"))


async def main(port: int, path: str, number: int) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(0, number, 50):
        batch = [loop.create_future() for _ in range(50)]
        for ready in batch:
            await loop.create_connection(lambda ready=ready: Watcher(port, path, ready), "127.0.0.1", port)  # type: ignore[misc]
        await asyncio.gather(*batch)
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
