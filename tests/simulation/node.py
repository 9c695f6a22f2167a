"""A node of the simulated world: the real bidding, hub, clock and live door, as the house puts them together."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from contextvars import Context, copy_context
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from auction.bidding import Bidding
from auction.facts import Hammer
from auction.hub import Hub
from auction.limits import Limits
from auction.live import Live, LiveLimits, Session
from auction.node_time import NodeTime
from tests.simulation.model_database import EPOCH, ModelPool, Server
from tests.simulation.model_tables import Transaction
from tests.simulation.virtual_loop import PROCESS, Process, VirtualLoop
from tests.simulation.wire import Wire

RECORD_SALE = "insert into sale"
FORGETFUL = Limits(bids_per_second=50.0, burst=100, remembered_answers=20, remembered_lots=5, batch=8)
"""Small on purpose: what a node forgets it must be able to learn again."""
LIMITS = (FORGETFUL, Limits(), Limits())


class TradingCentreError(Exception):
    """The trading centre's part of a close has failed; all of it is to be rolled back and tried again."""


@dataclass(frozen=True)
class Viewer:
    party_id: int | None
    session_id: str


def record_sale(tx: Transaction, hammer: Hammer) -> Generator[Any, None, int]:
    """The trading centre's part of a close, in the same transaction: one row a lot, and a second is refused."""
    yield from tx.insert(("sale", hammer.lot_id), {"hammer": hammer, "node": tx.node}, "sale_pk")
    return 1


class Tasks:
    """Stands for the house's task group: a task that ends by itself would have ended the house."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def create_task(self, coro: Coroutine[Any, Any, Any], *, name: str | None = None) -> asyncio.Task[Any]:
        task = self._loop.create_task(coro, name=name)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._loop.failures.append(f"the task {task.get_name()} ended the house: {error!r}")


class SimulatedNode:
    """One life of a node, from its start to its kill. `is_open` once it takes connections."""

    def __init__(self, name: str, server: Server, limits: Limits, failing_hammers: int) -> None:
        self.name = name
        self.loop = server.loop
        self.server = server
        self.process = Process(name)
        self.context: Context = copy_context()
        self.context.run(PROCESS.set, self.process)
        self.pool = ModelPool(server, self.process)
        self.limits = limits
        self.failing_hammers = failing_hammers
        self.wires: list[Wire] = []
        self.is_open = False
        self.died: asyncio.Future[None] = self.loop.create_future()
        self.measured_at = 0
        self.node_time: NodeTime
        self.bidding: Bidding
        self.live: Live

    async def open(self) -> None:
        """As the house opens: the clock, the bidding with its tasks, the live door. Raises what the database raises."""
        pool, tasks = cast(Any, self.pool), cast(asyncio.TaskGroup, Tasks(self.loop))
        self.node_time = await NodeTime.measured(pool)
        self.measured_at = self.server.clock_offset
        hub = Hub()
        self.bidding = Bidding(pool, self.node_time, hub, cast(Any, self.hammer), self.limits)
        await self.bidding.run(tasks)
        self.live = Live(self.bidding, hub, self.node_time, self._still_valid, limits=LiveLimits())
        self.live.run(tasks)
        tasks.create_task(self.node_time.run(pool), name="node time")
        self.is_open = True

    async def _still_valid(self, viewer: Any) -> bool:
        return True

    async def hammer(self, conn: Any, hammer: Hammer) -> None:
        """The trading centre's part; it fails as often as it was told to."""
        if self.failing_hammers:
            self.failing_hammers -= 1
            raise TradingCentreError
        await conn.execute(RECORD_SALE, hammer)

    def stamp_of(self, moment: datetime) -> int:
        """The virtual microsecond at which this node's clock shows that moment."""
        return (moment - self.node_time.at(0)) // timedelta(microseconds=1)

    def time_error(self) -> int:
        """How many microseconds this node's clock is off the database's as it was when the node measured it first."""
        shown = (self.node_time.now() - EPOCH) // timedelta(microseconds=1)
        return shown - self.loop.microseconds - self.measured_at

    def connect(self, party_id: int | None, delay: int) -> Wire:
        """A client connects; the handshake itself is no matter of the auction's."""
        wire = Wire(self, party_id, delay)
        self.context.run(self._accept, wire)
        self.wires = [known for known in self.wires if not known.is_cut]
        self.wires.append(wire)
        return wire

    def _accept(self, wire: Wire) -> None:
        self.live.hub.attach(cast(Any, wire), wire.party_id, ())
        wire.listener = Session(self.live, cast(Any, wire), cast(Any, Viewer(wire.party_id, "s")))

    def kill(self) -> None:
        """kill -9."""
        if self.died.done():
            return
        self.died.set_result(None)
        self.is_open = False
        self.pool.die()
        self.loop.kill(self.process)
        for wire in self.wires:
            wire.cut()
