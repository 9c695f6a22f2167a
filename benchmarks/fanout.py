"""One state to a thousand watchers: CPU per watcher and frame of the hub, beside a bare write and the usual ways.

`python -m benchmarks.fanout [--json] [--seconds 3]`. The server's CPU time is measured, so a busy machine blurs the
figures less than a clock would; all ways send the same 204 bytes of JSON over loopback in one process, in turn.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.server import ServerConnection, broadcast, serve

from auction.hub import EXTENSION, Hub, HubProtocol, text_frame
from auction.messages import SUBPROTOCOL
from benchmarks.report import arguments, tell

WATCHERS = 1000
PORTS = iter(range(int(os.environ.get("GAVELHOUSE_BENCH_PORT", "21100")), 32000))
STATE: dict[str, Any] = {"type": "state", "lot": 1, "seq": 10, "padding": "x" * 155}
PAYLOAD = msgspec.json.encode(STATE)
SUBSCRIBED = b'{"type":"subscribed"}'
GOALS = {"raw write": (1.15, False), "websockets": (1.3, True), "send_text": (1.6, True), "send_json": (2.5, True)}


class Silent:
    """A listener that answers a subscription and takes nothing else."""

    def __init__(self, hub: Hub, protocol: HubProtocol) -> None:
        self._hub, self._protocol = hub, protocol

    def receive(self, message: bytes, stamp: int, is_text: bool) -> None:
        self._hub.watch(self._protocol, 1, 0)
        self._protocol.reply(SUBSCRIBED)

    def lost(self) -> None:
        """Nothing to forget."""


class State(msgspec.Struct):
    """The same bytes as STATE, for the hub to encode."""

    type: str
    lot: int
    seq: int
    padding: str


@asynccontextmanager
async def served(endpoint: Callable[[WebSocket], Awaitable[None]], protocol: Any) -> AsyncIterator[int]:
    """An application behind uvicorn; its port."""
    port = next(PORTS)
    config = uvicorn.Config(
        Starlette(routes=[WebSocketRoute("/live", endpoint)]),
        port=port,
        ws=protocol,
        ws_per_message_deflate=False,
        ws_ping_interval=None,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve())
    while not server.started:  # noqa: ASYNC110  # uvicorn tells it in no other way
        await asyncio.sleep(0.01)
    yield port
    server.should_exit = True
    await task


@asynccontextmanager
async def watched(port: int) -> AsyncIterator[None]:
    """A thousand watchers in another process."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.watchers", str(port), "/live", str(WATCHERS)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert child.stdin is not None and child.stdout is not None
    if await child.stdout.readline() != b"ready\n":
        raise RuntimeError("the watchers did not get in")
    yield
    child.stdin.close()
    await child.wait()


async def cost(send: Callable[[int], Awaitable[None]], seconds: float) -> float:
    """µs of this process's CPU per watcher and frame, at some 20 frames a second so that everybody can keep up."""
    for seq in range(5):
        await send(seq)
    frames, spent, until = 0, 0.0, time.perf_counter() + seconds
    while time.perf_counter() < until:
        began = time.process_time()
        await send(frames + 10)
        spent += time.process_time() - began
        frames += 1
        await asyncio.sleep(0.05)
    return spent / frames / WATCHERS * 1e6


async def hub_and_raw(seconds: float) -> dict[str, float]:
    """The hub, and a bare transport.write to the very same sockets; what an idle watcher weighs."""
    hub = Hub(frames_per_second=1e9)
    protocols: list[HubProtocol] = []

    async def endpoint(websocket: WebSocket) -> None:
        protocol: HubProtocol = websocket.scope["extensions"][EXTENSION]["protocol"]
        hub.attach(protocol, None, (("address", "x"), ("session", object())))
        await websocket.accept(SUBPROTOCOL)
        protocol.listen(Silent(hub, protocol))
        protocols.append(protocol)

    async def by_hub(seq: int) -> None:
        hub.publish(1, by_hub.seq, lambda: State("state", 1, 10, "x" * 155))  # type: ignore[attr-defined]
        by_hub.seq += 1  # type: ignore[attr-defined]
        while hub._is_pumping:  # noqa: ASYNC110  # turns of the loop are the broadcast
            await asyncio.sleep(0)

    by_hub.seq = 1  # type: ignore[attr-defined]

    async def by_write(seq: int) -> None:
        frame = text_frame(PAYLOAD)
        for index, protocol in enumerate(protocols):
            protocol.transport.write(frame)
            if index % 20 == 19:
                await asyncio.sleep(0)

    async with served(endpoint, HubProtocol) as port:
        gc.collect()
        before = resident_bytes()
        async with watched(port):
            gc.collect()
            weight = (resident_bytes() - before) / WATCHERS / 1024
            figures = {"hub": 0.0, "raw write": 0.0}
            for _ in range(2):  # in turn, twice, so that a drift of the machine meets both
                figures["raw write"] += await cost(by_write, seconds / 2) / 2
                figures["hub"] += await cost(by_hub, seconds / 2) / 2
    return {**figures, "kib_per_watcher": weight}


async def starlettes(seconds: float) -> dict[str, float]:
    """send_text in a loop, and send_json to each, over uvicorn's own protocol."""
    sockets: list[WebSocket] = []

    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept(SUBPROTOCOL)
        await websocket.receive_text()
        await websocket.send_text(SUBSCRIBED.decode())
        sockets.append(websocket)
        try:
            await websocket.receive_text()
        except WebSocketDisconnect:
            sockets.remove(websocket)

    async def by_text(seq: int) -> None:
        text = PAYLOAD.decode()
        for index, websocket in enumerate(sockets):
            await websocket.send_text(text)
            if index % 20 == 19:
                await asyncio.sleep(0)

    async def by_json(seq: int) -> None:
        await asyncio.gather(*(websocket.send_json(STATE) for websocket in sockets))

    async with served(endpoint, "websockets-sansio") as port, watched(port):
        return {"send_text": await cost(by_text, seconds), "send_json": await cost(by_json, seconds)}


async def websockets_own(seconds: float) -> dict[str, float]:
    """The broadcast of the library `websockets`, on its own server."""
    connections: set[ServerConnection] = set()

    async def handler(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send(SUBSCRIBED.decode())
        connections.add(connection)
        await connection.wait_closed()
        connections.discard(connection)

    async def by_broadcast(seq: int) -> None:
        broadcast(connections, PAYLOAD.decode())
        await asyncio.sleep(0)

    port = next(PORTS)
    options: dict[str, Any] = {"compression": None, "ping_interval": None, "subprotocols": [SUBPROTOCOL]}
    async with serve(handler, "127.0.0.1", port, **options), watched(port):
        return {"websockets": await cost(by_broadcast, seconds)}


def resident_bytes() -> int:
    """What this process holds in memory."""
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def measure(seconds: float, say: Callable[[dict[str, Any]], None]) -> None:
    figures = await hub_and_raw(seconds)
    weight = figures.pop("kib_per_watcher")
    figures |= await websockets_own(seconds) | await starlettes(seconds)
    for way, microseconds in figures.items():
        row: dict[str, Any] = {"way": way, "us_per_watcher": microseconds}
        if way in GOALS:
            goal, at_least = GOALS[way]
            ratio = microseconds / figures["hub"] if at_least else figures["hub"] / microseconds
            row |= {"ratio": ratio, "goal": goal, "reached": ratio >= goal if at_least else ratio <= goal}
        say(row)
    say({"way": "hub", "kib_per_idle_watcher": weight, "goal": 25.0, "reached": weight <= 25.0})


def main() -> None:
    options = arguments("Fan-out of one state to a thousand watchers")
    uvloop.run(measure(options.seconds, lambda row: tell(row, as_json=options.json)))


if __name__ == "__main__":
    main()
