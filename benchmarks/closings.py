"""A hundred thousand scheduled ends: their memory, and how late those that fall due are woken while a broadcast runs.

`python -m benchmarks.closings [--json] [--seconds 3]`. 25 states a second go to 1,000 watchers, once in the hub's chunks
and, to compare, once all in one go.
"""

from __future__ import annotations

import asyncio
import gc
import random
import tracemalloc
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import uvloop
from starlette.websockets import WebSocket

from auction.closings import Closings
from auction.hub import EXTENSION, Hub, HubProtocol, text_frame
from auction.messages import SUBPROTOCOL
from auction.node_time import NodeTime
from benchmarks.fanout import PAYLOAD, WATCHERS, Silent, State, served, watched
from benchmarks.report import arguments, percentile, tell

SCHEDULED, DUE_PER_SECOND, FRAMES_PER_SECOND = 100_000, 300, 25.0
MEMORY_GOAL_MIB, LATE_GOAL_MS = 20.0, 2.0


def many_ends(node_time: NodeTime, seconds: float) -> tuple[Closings, list[float], float]:
    """A schedule of them all, a list that fills with the lateness of each that falls due, and the MiB it takes."""
    dice = random.Random(1)
    late: list[float] = []
    due_at: dict[int, datetime] = {}
    gc.collect()
    tracemalloc.start()
    closings = Closings(node_time, lambda lot_id: late.append(-node_time.seconds_until(due_at[lot_id])))
    now = node_time.now()
    for lot_id in range(SCHEDULED):
        closings.schedule(lot_id, now + timedelta(microseconds=dice.randrange(3_600, 864_000) * 1_000_000))
    memory = tracemalloc.get_traced_memory()[0] / 2**20
    tracemalloc.stop()
    now = node_time.now() + timedelta(seconds=0.5)
    for lot_id in range(int(DUE_PER_SECOND * seconds)):
        due_at[lot_id] = now + timedelta(microseconds=dice.randrange(int(seconds * 1e6)))
        closings.schedule(lot_id, due_at[lot_id])
    return closings, late, memory


async def lateness(seconds: float, broadcast: Callable[[int], Awaitable[None]]) -> tuple[list[float], float]:
    """How late each was, in ms, under this broadcast; and the schedule's MiB."""
    closings, late, memory = many_ends(NodeTime(1_800_000_000_000_000), seconds)
    until = asyncio.get_running_loop().time() + seconds + 1.0
    seq = 0
    while asyncio.get_running_loop().time() < until:
        seq += 1
        await broadcast(seq)
        await asyncio.sleep(1 / FRAMES_PER_SECOND)
    closings.stop()
    return [value * 1000 for value in late], memory


async def measure(seconds: float, say: Callable[[dict[str, Any]], None]) -> None:
    hub = Hub(frames_per_second=FRAMES_PER_SECOND * 4)
    protocols: list[HubProtocol] = []
    frame = text_frame(PAYLOAD)

    async def endpoint(websocket: WebSocket) -> None:
        protocol: HubProtocol = websocket.scope["extensions"][EXTENSION]["protocol"]
        hub.attach(protocol, None, (("address", "x"), ("session", object())))
        await websocket.accept(SUBPROTOCOL)
        protocol.listen(Silent(hub, protocol))
        protocols.append(protocol)

    async def in_chunks(seq: int) -> None:
        hub.publish(1, seq, lambda: State("state", 1, seq, "x" * 155))

    async def in_one_go(seq: int) -> None:
        for protocol in protocols:
            protocol.transport.write(frame)

    async with served(endpoint, HubProtocol) as port, watched(port):
        late, memory = await lateness(seconds, in_chunks)
        late_at_once, _ = await lateness(seconds, in_one_go)
    say({"scheduled": SCHEDULED, "mib": memory, "goal": MEMORY_GOAL_MIB, "reached": memory <= MEMORY_GOAL_MIB})
    for way, values in (("hub, in chunks", late), ("all in one go", late_at_once)):
        figures = {"fell_due": len(values), "p50_ms": percentile(values, 0.5), "p99_ms": percentile(values, 0.99)}
        say({"way": way, "watchers": WATCHERS, "frames_per_second": FRAMES_PER_SECOND, **figures})
    p99, ratio = percentile(late, 0.99), percentile(late_at_once, 0.99) / percentile(late, 0.99)
    say({"p99_ms": p99, "goal": LATE_GOAL_MS, "reached": p99 <= LATE_GOAL_MS, "times later in one go": ratio})


def main() -> None:
    options = arguments("How late ends are noticed, and what their schedule weighs")
    uvloop.run(measure(options.seconds, lambda row: tell(row, as_json=options.json)))


if __name__ == "__main__":
    main()
