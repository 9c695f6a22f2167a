"""One seeded world: a few short lots, one or two nodes, a database, clients, and a schedule of what goes wrong.

`play(seed)` runs it to the end and gives all that is known afterwards; `tests/simulation/checks.py` judges it.
"""

from __future__ import annotations

import asyncio
import gc
import random
from datetime import timedelta
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Struct

from auction import desk
from auction.facts import Lot
from auction.messages import encode_message, told
from tests.simulation.clients import Bidder, Heard, LateBidder, Operator, Watcher
from tests.simulation.lots import FORMATS, a_lot
from tests.simulation.model_database import EPOCH, Direct, Faults, Server
from tests.simulation.naive_formats import Said
from tests.simulation.node import LIMITS, RECORD_SALE, SimulatedNode, record_sale
from tests.simulation.virtual_loop import VirtualLoop
from tests.simulation.virtual_time import virtual_time

LOTS_PER_WORLD = len(FORMATS)
LONGEST_SECONDS = 900
PARTIES = (11, 12, 13, 14, 15, 16)
MOTHERS = (
    "kill",
    "kill",
    "database",
    "freeze",
    "freeze database",
    "cut",
    "cut",
    "rough",
    "rough",
    "slow",
    "stuck",
    "clock",
)


class Played(Struct):
    """What a world leaves behind."""

    seed: int
    world: World
    faults: int
    said: list[str]

    @property
    def log_hash(self) -> str:
        """All that was committed, in order and at its time, and all that was told, as one hash."""
        return log_hash(self.world, self.said)


class World:
    """The state of one run. `told` is every answer that reached a client, in order."""

    def __init__(self, seed: int, loop: VirtualLoop, chance: random.Random, lots: int) -> None:
        self.seed = seed
        self.loop = loop
        self.chance = chance
        self.server = Server(loop, chance)
        self.server.more[RECORD_SALE] = record_sale
        self.server.on_statement = self._crash_point
        self.failures = loop.failures
        self.parties = PARTIES
        self.told: list[tuple[int, Heard]] = []
        self.lives: list[SimulatedNode] = []
        self.node_count = 1 if chance.random() < 0.6 else 2
        self.limits = chance.choice(LIMITS)
        self.wire_delay = chance.choice((200, 2_000, 60_000))
        self.patience = chance.choice((0.7, 1.5))
        self.pace = 0.0
        self.is_calm = False
        self.crash_in = 0
        self.faults = 0
        self.sealed: dict[str, Said] = {}
        """What the sealed bids say, by commitment."""
        self.lots = self._lots(lots)
        self.ends: dict[int, int] = {}
        self.bidders: list[Bidder] = []
        self.watchers: list[Watcher] = []

    # What is sold

    def _lots(self, count: int) -> list[Lot]:
        chance, formats = self.chance, list(FORMATS)
        chance.shuffle(formats)
        made = []
        for number, name in enumerate(formats[:count], 1):
            starts_at = EPOCH + timedelta(microseconds=self.loop.microseconds + chance.randrange(200_000, 2_500_000))
            made.append(a_lot(chance, number, name, starts_at, starts_at + timedelta(seconds=13)))
        return made

    async def _open_lots(self) -> None:
        for lot in self.lots:
            conn: Any = Direct(self.server)
            await desk.open_lot(conn, lot, self.server.now())
            for party_id in self.parties:
                if self.chance.random() < 0.95:
                    await desk.admit(conn, lot_id=lot.id, party_id=party_id, now=self.server.now())
            conn.transaction.commit()

    def running_lots(self) -> list[Lot]:
        """Lots that are not closed yet, as the database has it."""
        rows = self.server.tables.rows
        return [lot for lot in self.lots if rows["standing", lot.id]["outcome"] is None]

    def phase_of(self, lot: Lot) -> str:
        """The lot's phase, as the database has it."""
        return str(self.server.tables.rows["standing", lot.id]["phase"])

    # The run

    async def run(self) -> None:
        loop, chance = self.loop, self.chance
        await self._open_lots()
        self.pace = chance.choice((0.3, 0.8))
        keepers = [loop.create_task(self._keep_node(f"node {number}")) for number in range(self.node_count)]
        self.bidders = [
            (LateBidder if number % 5 == 4 else Bidder)(self, chance.choice(PARTIES), chance, round(4 / self.pace) + 7)
            for number in range(len(self.lots) // 2)
        ]
        lots = [lot.id for lot in self.lots]
        self.watchers = [Watcher(self, lots[: len(lots) // 2], chance), Watcher(self, lots, chance)]
        watching = [loop.create_task(watcher.run()) for watcher in self.watchers]
        operator = Operator(self, chance, 5)
        busy = [loop.create_task(task) for task in (*(bidder.run() for bidder in self.bidders), operator.run())]
        trouble = loop.create_task(self._trouble())
        await asyncio.sleep(chance.uniform(8, 16))
        trouble.cancel()
        await self._calm_down()
        deadline = asyncio.get_running_loop().time() + LONGEST_SECONDS
        await asyncio.wait(busy, timeout=LONGEST_SECONDS)
        self.failures += [f"a client failed: {task.exception()!r}" for task in busy if task.done() and task.exception()]
        if any(not task.done() for task in busy):
            self.failures.append("a bidder never got an answer")
        await self._until_closed(operator, deadline)
        await self._until_watched(deadline)
        for keeper in (*keepers, *watching, *busy):
            keeper.cancel()
        for node in self.lives:
            if not node.process.is_dead:
                self._check_clock(node)
                node.kill()
        await asyncio.sleep(0)

    async def _until_closed(self, operator: Operator, deadline: float) -> None:
        """Whatever is still paused is resumed, and sealed bids are opened; then the house must close every lot by itself."""
        while lots := self.running_lots():
            for lot in lots:
                if self.server.tables.rows["standing", lot.id]["paused_at"] is not None:
                    await operator.act(lot, "resume")
                elif self.phase_of(lot) == "opening":
                    await operator.act(lot, "unseal")
            await asyncio.sleep(2)
            if asyncio.get_running_loop().time() > deadline:
                self.failures.append(f"never closed: lots {[lot.id for lot in lots]}")
                return

    async def _until_watched(self, deadline: float) -> None:
        """Every watcher must end with the whole log."""
        ends = {lot.id: self.server.tables.rows["standing", lot.id]["seq"] for lot in self.lots}
        for watcher in self.watchers:
            if watcher.wire is not None:
                watcher.wire.cut()
            while any(len(log) < ends[lot_id] for lot_id, log in watcher.logs.items()):
                await asyncio.sleep(1)
                if asyncio.get_running_loop().time() > deadline:
                    self.failures.append("a watcher never got the whole log")
                    return

    # Nodes

    async def _keep_node(self, name: str) -> None:
        """A node that is started again whenever it has died."""
        while True:
            node = SimulatedNode(
                f"{name}.{len(self.lives)}", self.server, self.limits, self.chance.choice((0, 0, 0, 1))
            )
            self.lives.append(node)
            opening = self.loop.spawn(node.process, node.open())
            assert opening is not None
            await asyncio.wait([opening, node.died], return_when=asyncio.FIRST_COMPLETED)
            if opening.done() and opening.exception() is not None:
                node.kill()
            await asyncio.wait([node.died])
            await asyncio.sleep(0.1 if self.is_calm else self.chance.choice((0.2, 0.5, 4.5)) * self.chance.random())

    async def an_open_node(self) -> SimulatedNode:
        """Any node that takes connections now."""
        while True:
            open_nodes = [node for node in self.lives if node.is_open and not node.process.is_dead]
            if open_nodes:
                return self.chance.choice(open_nodes)
            await asyncio.sleep(0.1)

    def kill_node(self, node: SimulatedNode) -> None:
        if not node.process.is_dead:
            self.faults += 1
            if node.is_open:
                self._check_clock(node)
            node.kill()

    def _check_clock(self, node: SimulatedNode) -> None:
        """A node's time is what it was set to, carried on: no step of the database's clock reaches it."""
        if node.is_open:
            off = node.time_error()
            if abs(off) > 200_000:
                self.failures.append(f"{node.name} shows a time that is {off} µs off")

    # Trouble

    async def _trouble(self) -> None:
        """One fault after another, until it is cancelled."""
        kinds = self.chance.sample(MOTHERS, 4) if self.chance.random() < 0.85 else []
        while kinds:
            await asyncio.sleep(self.chance.uniform(0.2, 3.0))
            await self._fault(self.chance.choice(kinds))

    async def _fault(self, kind: str) -> None:  # noqa: PLR0912  # one short case a fault
        chance, server, loop = self.chance, self.server, self.loop
        alive = [node for node in self.lives if not node.process.is_dead]
        self.faults += 1
        match kind:
            case "kill" if alive:
                if chance.random() < 0.5:
                    self.crash_in = chance.randrange(1, 12)
                else:
                    self.kill_node(chance.choice(alive))
            case "database":
                server.crash()
                await asyncio.sleep(chance.choice((0.05, 0.5, 4.0)) * chance.random())
                server.start()
            case "freeze" if alive:
                node = chance.choice(alive)
                loop.freeze(node.process)
                await asyncio.sleep(chance.choice((0.1, 1.0, 5.0)) * chance.random())
                loop.thaw(node.process)
            case "freeze database":
                loop.freeze(server.process)
                await asyncio.sleep(chance.choice((0.1, 1.0, 5.0)) * chance.random())
                loop.thaw(server.process)
            case "cut":
                for wire in [wire for node in alive for wire in node.wires]:
                    if chance.random() < 0.7:
                        wire.cut()
            case "rough":
                server.faults = Faults(lost_before=40, lost_during=40, lost_after=60, slow=60)
                await asyncio.sleep(chance.uniform(0.5, 2.5))
                server.faults = Faults()
            case "slow":
                server.faults = Faults(slow=400, delay=20_000)
                await asyncio.sleep(chance.uniform(0.5, 2.5))
                server.faults = Faults()
            case "stuck":
                wires = [wire for node in alive for wire in node.wires if not wire.is_cut]
                for wire in wires:
                    if chance.random() < 0.5:
                        wire.pause_writing()
                        loop.call_in(chance.randrange(3_000_000), wire.resume_writing, context=wire.node.context)
            case "clock":
                server.clock_offset += chance.choice((-60_000_000, -300_000, 300_000, 60_000_000, 3_600_000_000))

    def _crash_point(self, session: Any, text: str) -> None:
        """A node can be killed at any statement: just before, while, or right after the server works on it."""
        if self.crash_in:
            self.crash_in -= 1
            node = next((node for node in self.lives if node.process is session.process), None)
            if not self.crash_in and node is not None:
                if self.chance.random() < 0.3:
                    self.server.loop.call_soon(self.kill_node, node, context=self.server.context)
                else:
                    self.server.later(self.chance.randrange(600), self.kill_node, node)

    async def _calm_down(self) -> None:
        """The trouble is over: the house must find its way back by itself."""
        self.is_calm = True
        self.crash_in = 0
        self.server.start()
        self.server.faults = Faults()
        self.loop.thaw(self.server.process)
        for node in self.lives:
            self.loop.thaw(node.process)
            for wire in node.wires:
                if not wire.is_cut and wire.is_slow:
                    self.loop.call_soon(wire.resume_writing, context=node.context)

    def as_told(self, answer: Any) -> Heard:
        """An answer as the socket would have said it."""
        heard: Heard = msgspec.json.decode(encode_message(told(answer)))
        return heard


def play(seed: int, lots: int = LOTS_PER_WORLD) -> Played:
    """Run the world of this seed to its end. What it leaves is the same each time, to the last byte."""
    chance = random.Random(seed)
    loop = VirtualLoop(chance)
    was_collecting = gc.isenabled()
    gc.disable()
    try:
        with virtual_time(loop, chance) as said:
            world = World(seed, loop, chance, lots)
            loop.run(world.run())
    finally:
        if was_collecting:
            gc.enable()
    return Played(seed, world, world.faults, said)


def log_hash(world: World, said: list[str]) -> str:
    """All that was committed, in order and at its time, and all that was told."""
    digest = blake2b(digest_size=16)
    for commit in world.server.tables.journal:
        digest.update(repr((commit.at, commit.node, list(commit.rows))).encode())
    for (table, *_), row in world.server.tables.rows.items():
        if table in ("event", "bid"):
            digest.update(repr(tuple(row.values())).encode())
    digest.update(msgspec.json.encode(world.told))
    digest.update(repr((said, world.failures, world.loop.steps, world.loop.microseconds)).encode())
    return digest.hexdigest()
