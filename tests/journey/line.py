"""A person's line to the house: a SOCKS5 relay through which the browser goes, and which can fail as networks do.

`hold_answers` swallows nothing and delivers nothing: requests arrive, answers wait. `cut` ends every connection and
takes no new one until `mend`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.ports import free_port

_NO_AUTHENTICATION = b"\x05\x00"
_CONNECTED = b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"
_REFUSED = b"\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00"


class Line:
    """Use `open_line`. `address` is what a browser takes as its proxy."""

    def __init__(self, port: int) -> None:
        self.address = f"socks5://127.0.0.1:{port}"
        self._answers = asyncio.Event()
        self._answers.set()
        self._is_cut = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()

    def hold_answers(self) -> None:
        """What the house says from now on waits on the way."""
        self._answers.clear()

    def cut(self) -> None:
        """Every connection breaks at once, without a word of goodbye."""
        self._is_cut = True
        for writer in self._writers:
            writer.transport.abort()
        self._answers.set()

    def mend(self) -> None:
        self._is_cut = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of the browser, from the greeting to its end."""
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        self._writers.add(writer)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                host, port = await _asked_for(reader, writer)
                if self._is_cut:
                    writer.write(_REFUSED)
                else:
                    await self._relay(reader, writer, host, port)
        finally:
            self._writers.discard(writer)
            self._serving.discard(task)
            writer.transport.abort()

    async def close(self) -> None:
        """Cut, and come back when nothing of it runs any more: also what was just calling the house."""
        self.cut()
        await asyncio.gather(*self._serving, return_exceptions=True)
        await asyncio.sleep(0)  # an aborted connection lets go of its socket in the next turn of the loop

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int) -> None:
        house_reader, house_writer = await asyncio.open_connection(host, port)
        self._writers.add(house_writer)
        ways: list[asyncio.Task[None]] = []
        try:
            if not self._is_cut:  # it may have been cut while the house was called
                writer.write(_CONNECTED)
                ways.append(asyncio.create_task(_pump(reader, house_writer, None)))
                ways.append(asyncio.create_task(_pump(house_reader, writer, self._answers)))
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in ways:
                task.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self._writers.discard(house_writer)
            house_writer.transport.abort()


async def _asked_for(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[str, int]:
    """The greeting of SOCKS5 (RFC 1928): host and port that the browser wants."""
    _, methods = await reader.readexactly(2)
    await reader.readexactly(methods)
    writer.write(_NO_AUTHENTICATION)
    _, _, _, kind = await reader.readexactly(4)
    if kind == 1:
        host = ".".join(map(str, await reader.readexactly(4)))
    else:
        assert kind == 3, "a name or an IPv4 address"
        host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
    return host, int.from_bytes(await reader.readexactly(2))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gate: asyncio.Event | None) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            if gate is not None:
                await gate.wait()
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def open_line() -> AsyncIterator[Line]:
    """A line on a port of its own."""
    port = free_port()
    line = Line(port)
    server = await asyncio.start_server(line.serve, "127.0.0.1", port)
    try:
        yield line
    finally:
        server.close()
        await line.close()
        await server.wait_closed()
