"""Ten thousand connections that mean harm or nothing, and one bidder: does the house go on? `python -m benchmarks.flood`.

A third of the connections say nothing, a third send a head one byte at a time, a third are sockets that only watch, from
twenty addresses; and one address more asks for sockets beyond its bound. Meanwhile a bidder bids five times a second.
Told: what the house took and refused, how long the bids waited for their answers, and what a connection weighs.
`--connections N --seconds S --json`. Needs Linux, whose loopback has many addresses.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import cast
from uuid import uuid4

import uvloop
from websockets.asyncio.client import connect
from websockets.frames import Frame, Opcode
from websockets.typing import Subprotocol

from auction.messages import SUBPROTOCOL
from benchmarks.report import percentile, tell
from market import open_files
from market.load.processes import resident_bytes
from market.load.throwaway import FIRST_PARTY, node, open_lots, throwaway_database

ADDRESSES = 20
AT_ONCE = 100
GREEDY = "127.0.1.1"
STEP_MINOR = 100


class Held(asyncio.Protocol):
    """One connection: sends its opening, keeps what came first, and knows whether it is still there."""

    def __init__(self, opening: bytes) -> None:
        self._opening = opening
        self.first = b""
        self._unread = b""
        self.answered = asyncio.get_running_loop().create_future()
        self.is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.is_open = True
        self.transport.write(self._opening)

    def data_received(self, data: bytes) -> None:
        if not self.answered.done():
            self.first, _, self._unread = data.partition(b"\r\n\r\n")
            self.answered.set_result(None)
        else:
            self._unread += data
        self._answer_pings()

    def _answer_pings(self) -> None:
        # Who does not answer them is closed, and would be no load.
        while self.is_open and len(self._unread) >= 4:
            length, begin = self._unread[1], 2
            if length == 126:
                length, begin = int.from_bytes(self._unread[2:4], "big"), 4
            if len(self._unread) < begin + length:
                return
            if self._unread[0] == 0x89:
                self.transport.write(Frame(Opcode.PONG, self._unread[begin : begin + length]).serialize(mask=True))
            self._unread = self._unread[begin + length :]

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        if not self.answered.done():
            self.answered.set_result(None)

    @property
    def status(self) -> str:
        """The status of the first answer; empty if none came."""
        return self.first.split(b" ", 2)[1].decode() if self.first.startswith(b"HTTP/1.1 ") else ""


@dataclass
class Flood:
    """All the connections of one attack on one port."""

    port: int
    lot_id: int
    silent: list[Held] = field(default_factory=list)
    trickling: list[Held] = field(default_factory=list)
    watching: list[Held] = field(default_factory=list)
    greedy: list[Held] = field(default_factory=list)

    async def open(self, count: int, greedy: int) -> None:
        """Open `count` connections of three kinds, and `greedy` sockets from one address."""
        third = count // 3
        head = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nX-Slow: ".encode()
        subscribe = Frame(Opcode.TEXT, b'{"type":"subscribe","lot":%d}' % self.lot_id).serialize(mask=True)
        await self._open(self.watching, third, self._upgrade(), lambda n: f"127.0.2.{n % ADDRESSES + 1}")
        await self._open(self.silent, third, b"", lambda n: f"127.0.3.{n % ADDRESSES + 1}")
        await self._open(self.trickling, count - 2 * third, head, lambda n: f"127.0.4.{n % ADDRESSES + 1}")
        await self._open(self.greedy, greedy, self._upgrade(), lambda _: GREEDY)
        sockets = [*self.watching, *self.greedy]
        await asyncio.wait([asyncio.ensure_future(_answer(held)) for held in sockets], timeout=60)
        for held in self.watching:
            if held.status == "101" and held.is_open:
                held.transport.write(subscribe)

    def trickle(self) -> None:
        """One more byte of each slow head."""
        for held in self.trickling:
            if held.is_open:
                held.transport.write(b"v")

    def close(self) -> None:
        """End what is left."""
        for held in (*self.silent, *self.trickling, *self.watching, *self.greedy):
            if held.is_open:
                held.transport.abort()

    async def _open(self, kept: list[Held], count: int, opening: bytes, address: Callable[[int], str]) -> None:
        loop = asyncio.get_running_loop()

        async def one(number: int) -> None:
            where = (address(number), 0)
            _, held = await loop.create_connection(lambda: Held(opening), "127.0.0.1", self.port, local_addr=where)
            kept.append(held)

        for begin in range(0, count, AT_ONCE):
            await asyncio.gather(*(one(number) for number in range(begin, min(begin + AT_ONCE, count))))

    def _upgrade(self) -> bytes:
        return (
            f"GET /live HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nOrigin: http://127.0.0.1:{self.port}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n"
        ).encode()


async def _answer(held: Held) -> None:
    await held.answered


async def bid_on(
    port: int, lot_id: int, token: str, seconds: float, amounts: Iterator[int], meanwhile: Callable[[], None]
) -> list[float]:
    """Bid on the lot by turns of 0.2 s, each bid above the last; the seconds until each answer. A maximum of one's own
    may be raised, so one bidder is enough.
    """
    waits: list[float] = []
    headers = {"authorization": f"Bearer {token}"}
    async with connect(
        f"ws://127.0.0.1:{port}/live",
        additional_headers=headers,
        subprotocols=[Subprotocol(SUBPROTOCOL)],
        proxy=None,
    ) as socket:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            meanwhile()
            bid_id, began = str(uuid4()), time.monotonic()
            bid = {"type": "bid", "id": bid_id, "lot": lot_id, "maximum": str(next(amounts))}
            await socket.send(json.dumps(bid))
            while (answer := json.loads(await asyncio.wait_for(socket.recv(), 30))).get("id") != bid_id:
                pass
            if answer["type"] != "accepted":
                raise RuntimeError(f"The bid was refused: {answer}")
            waits.append(time.monotonic() - began)
            await asyncio.sleep(max(0.0, 0.21 - waits[-1]))
    return waits


def told(flood: Flood, waits: list[float]) -> dict[str, float | int]:
    """The row of figures."""
    watching, greedy = (Counter(held.status for held in kind) for kind in (flood.watching, flood.greedy))
    return {
        "connections": len(flood.silent) + len(flood.trickling) + len(flood.watching) + len(flood.greedy),
        "watching": sum(held.is_open for held in flood.watching),
        "watching_refused": len(flood.watching) - watching["101"],
        "silent_left": sum(held.is_open for held in flood.silent),
        "trickling_left": sum(held.is_open for held in flood.trickling),
        "greedy_taken": greedy["101"],
        "greedy_refused": len(flood.greedy) - greedy["101"],
        "bids": len(waits),
        "ack_p50_ms": percentile(waits, 0.5) * 1000,
        "ack_p99_ms": percentile(waits, 0.99) * 1000,
        "ack_worst_ms": max(waits) * 1000,
    }


async def attack(
    port: int, lot_id: int, token: str, connections: int, greedy: int, seconds: float
) -> dict[str, float | int]:
    """Flood the port and bid meanwhile; the row of figures. The first bids fall while the connections open."""
    flood, amounts = Flood(port, lot_id), itertools.count(STEP_MINOR, STEP_MINOR)
    try:
        opening = asyncio.ensure_future(flood.open(connections, greedy))
        waits: list[float] = []
        while not opening.done() or len(waits) < 2:
            waits += await bid_on(port, lot_id, token, 1.0, amounts, flood.trickle)
        await opening
        waits += await bid_on(port, lot_id, token, seconds, amounts, flood.trickle)
        return told(flood, waits)
    finally:
        flood.close()


def main() -> None:
    """A house with its own database, the attack, the figures."""
    parser = argparse.ArgumentParser(description="Ten thousand connections, and one bidder who must not notice.")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument(
        "--greedy", type=int, default=600, help="sockets asked for by one more address, beyond its bound"
    )
    parser.add_argument("--seconds", type=float, default=10.0, help="how long the bidder goes on once all are open")
    wanted = parser.parse_args()
    open_files.raise_limit()
    with throwaway_database() as postgres:
        asyncio.run(open_lots(postgres.address, [1], [FIRST_PARTY]))
        with node(postgres, lots=[1], parties=1, way=("benchmarks.flood_node",)) as house:
            port, before = int(house.target.url.rpartition(":")[2]), resident_bytes(house.node_pid) or 0
            token = house.target.tokens[0]
            row = uvloop.run(attack(port, 1, token, wanted.connections, wanted.greedy, wanted.seconds))
            grown = (resident_bytes(house.node_pid) or 0) - before
    tell({**row, "node_grew_mb": grown / 1e6}, as_json=wanted.json)


if __name__ == "__main__":
    main()
