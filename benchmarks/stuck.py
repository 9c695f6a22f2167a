"""A watcher that stops reading: how many old states it gets when it reads again, and what the others notice of it.

`python -m benchmarks.stuck [--json]`. A thousand states to a hundred watchers, without a stuck one and with ten, in turn, twice.
The stuck ones have a small receive buffer: what a client's own kernel keeps for it is not the house's to bound.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import msgspec
import uvloop
from starlette.websockets import WebSocket

from auction.hub import EXTENSION, Hub, HubProtocol
from auction.messages import SUBPROTOCOL
from benchmarks.fanout import Silent, served
from benchmarks.report import arguments, percentile, tell
from benchmarks.watchers import Watcher

WATCHERS, STUCK, STATES, PAUSE_SECONDS = 100, 10, 1000, 0.005
STALE_GOAL, CHANGE_GOAL = 300, 0.2


class Stamped(msgspec.Struct, tag_field="type", tag="state"):
    """A state of 204 bytes; `seq` and `at` (monotonic ns) have fixed widths, so frames are cut by length."""

    seq: str
    at: str
    padding: str = "x" * (204 - 75)


def stamped(seq: int) -> Stamped:
    """The state as it is now."""
    return Stamped(f"{seq:08d}", f"{time.monotonic_ns():020d}")


FRAME = 4 + len(msgspec.json.encode(Stamped("0" * 8, "0" * 20)))


def seqs_of(frames: bytes) -> list[int]:
    """The seqs of whole frames in a row."""
    assert len(frames) % FRAME == 0
    return [int(msgspec.json.decode(frames[at + 4 : at + FRAME])["seq"]) for at in range(0, len(frames), FRAME)]


class Timer(Watcher):
    """A healthy watcher that notes when each state arrived."""

    waits: list[float]
    frames = 0
    _cut = b""

    def data_received(self, data: bytes) -> None:
        if not self._ready.done():
            return super().data_received(data)
        now, data = time.monotonic_ns(), self._cut + data
        whole = len(data) - len(data) % FRAME
        for at in range(0, whole, FRAME):
            self.frames += 1
            self.waits.append((now - int(msgspec.json.decode(data[at + 4 : at + FRAME])["at"])) / 1e6)
        self._cut = data[whole:]
        return None


async def watch(port: int) -> None:
    """The healthy watchers, in a process of their own: at each line on standard input, what they have seen since the last."""
    loop, timers = asyncio.get_running_loop(), list[Timer]()
    for _ in range(WATCHERS):
        ready: asyncio.Future[None] = loop.create_future()
        timer = Timer(port, "/live", ready)
        timer.waits = []
        await loop.create_connection(lambda timer=timer: timer, "127.0.0.1", port)  # type: ignore[misc]
        await ready
        timers.append(timer)
    print("ready", flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        waits = [wait for timer in timers for wait in timer.waits]
        seen = {"fewest": min(timer.frames for timer in timers), "p50_ms": percentile(waits, 0.5)}
        print(json.dumps({**seen, "p99_ms": percentile(waits, 0.99)}), flush=True)
        for timer in timers:
            timer.waits, timer.frames = [], 0


@contextlib.asynccontextmanager
async def others(port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """The process of the healthy watchers."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.stuck", "--watch", str(port)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert child.stdin is not None and child.stdout is not None
    if await child.stdout.readline() != b"ready\n":
        raise RuntimeError("the watchers did not get in")
    yield child
    child.stdin.close()
    await child.wait()


async def a_stuck_one(port: int) -> socket.socket:
    """A socket that has subscribed and will not read until told to."""
    loop, sock = asyncio.get_running_loop(), socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    await loop.sock_connect(sock, ("127.0.0.1", port))
    ready: asyncio.Future[None] = loop.create_future()
    watcher = Watcher(port, "/live", ready)
    outbox: list[bytes] = []
    watcher.connection_made(_Outbox(outbox))
    while not ready.done():
        for message in outbox:
            await loop.sock_sendall(sock, message)
        outbox.clear()
        watcher.data_received(await loop.sock_recv(sock, 4096))
    return sock


class _Outbox(asyncio.Transport):
    """What a watcher would write."""

    def __init__(self, outbox: list[bytes]) -> None:
        super().__init__()
        self._outbox = outbox

    def write(self, data: Any) -> None:
        self._outbox.append(bytes(data))


async def read_on(sock: socket.socket) -> list[int]:
    """The stuck one reads again: the seqs of all that comes until there is silence."""
    read = b""
    with contextlib.suppress(TimeoutError):
        while True:
            async with asyncio.timeout(0.5):
                read += await asyncio.get_running_loop().sock_recv(sock, 1 << 20)
    sock.close()
    return seqs_of(read)


async def measure(say: Callable[[dict[str, Any]], None]) -> None:
    hub = Hub(frames_per_second=1e9)
    seq = 0

    async def endpoint(websocket: WebSocket) -> None:
        protocol: HubProtocol = websocket.scope["extensions"][EXTENSION]["protocol"]
        hub.attach(protocol, None, (("address", "x"), ("session", object())))
        await websocket.accept(SUBPROTOCOL)
        protocol.listen(Silent(hub, protocol))

    async def states() -> None:
        nonlocal seq
        for _ in range(STATES):
            seq += 1
            hub.publish(1, seq, partial(stamped, seq))
            await asyncio.sleep(PAUSE_SECONDS)
        await asyncio.sleep(0.2)

    async def seen(child: asyncio.subprocess.Process) -> dict[str, Any]:
        assert child.stdin is not None and child.stdout is not None
        child.stdin.write(b"\n")
        told: dict[str, Any] = json.loads(await child.stdout.readline())
        return told

    rows: dict[str, list[dict[str, Any]]] = {"none stuck": [], f"{STUCK} stuck": []}
    stale, newest = 0, True
    async with served(endpoint, HubProtocol) as port, others(port) as child:
        for _ in range(2):
            for way, kept in rows.items():
                stuck = [] if way == "none stuck" else [await a_stuck_one(port) for _ in range(STUCK)]
                await states()
                kept.append(await seen(child))
                for sock in stuck:
                    got = await read_on(sock)
                    stale, newest = max(stale, len(got) - 1), newest and got[-1] == seq
    p99 = {way: min(row["p99_ms"] for row in kept) for way, kept in rows.items()}
    for way, kept in rows.items():
        missed = STATES - min(row["fewest"] for row in kept)
        say({"way": way, "watchers": WATCHERS, "p50_ms": kept[0]["p50_ms"], "p99_ms": p99[way], "missed": missed})
    change = p99[f"{STUCK} stuck"] / p99["none stuck"] - 1
    say({"change of the others' p99": change, "goal": CHANGE_GOAL, "reached": change <= CHANGE_GOAL})
    reached = stale <= STALE_GOAL and newest
    say({"stale states of a stuck one": stale, "newest last": newest, "goal": STALE_GOAL, "reached": reached})


def main() -> None:
    if sys.argv[1:2] == ["--watch"]:
        return uvloop.run(watch(int(sys.argv[2])))
    options = arguments("A watcher that stops reading, and the others")
    return uvloop.run(measure(lambda row: tell(row, as_json=options.json)))


if __name__ == "__main__":
    main()
