"""Everything that can go wrong with server, database and network, under bidding clients: what was acknowledged is there, for
ever and for everybody, in one order; and every watcher ends with the same log.

Twenty-two faults in `make test`; `make torture` makes it 520 (GAVELHOUSE_TORTURE_FAULTS sets another number).
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

from migrations.embedded_postgres import EmbeddedPostgres
from tests.ports import free_port
from tests.torture.chaos_proxy import ChaosProxy, chaos_proxy
from tests.torture.scene import (
    BIDDERS,
    LOTS,
    PATIENCE_SECONDS,
    WATCHERS,
    Scene,
    bid_on,
    check,
    more_answers,
    prepared,
    read_nothing,
    watch,
)
from tests.torture.servers import Nodes, freeze, kept_running, node_kept_alive, resident_bytes, with_children

IS_LONG = os.environ.get("GAVELHOUSE_TORTURE") == "long"
FAULTS = int(os.environ.get("GAVELHOUSE_TORTURE_FAULTS", "520" if IS_LONG else "22"))
ANSWERS_BETWEEN_FAULTS = 8
LARGEST_NODE_BYTES = 400_000_000
ROUND = (
    "kill node", "reset", "kill database", "freeze node", "slow", "kill node", "swallow", "kill database",
    "double", "freeze database", "kill node",
)  # fmt: skip


@dataclass
class Tormentor:
    """Does one fault after another, and counts what it did."""

    postgres: EmbeddedPostgres
    nodes: Nodes
    proxy: ChaosProxy
    chance: random.Random
    done: Counter[str]

    async def do(self, fault: str) -> None:
        """One fault; returns when it is over, except that what it broke stays broken."""
        chance, proxy = self.chance, self.proxy
        match fault:
            case "kill node":
                while not self.nodes.kill():  # noqa: ASYNC110  # another process is waited for
                    await asyncio.sleep(0.02)
            case "kill database":
                while self.postgres.process_id is None or not self.postgres.is_running:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
                os.kill(self.postgres.process_id, signal.SIGKILL)
            case "freeze node":
                await freeze([pid for pid in (self.nodes.pid,) if pid is not None], chance.uniform(0.2, 1.0))
            case "freeze database":
                if self.postgres.process_id is not None:
                    await freeze(with_children(self.postgres.process_id), chance.uniform(0.2, 1.0))
            case "reset":
                proxy.reset(0.8)
            case "swallow":
                proxy.swallow(0.5)
            case "slow":
                proxy.is_slow = True
                await asyncio.sleep(0.5)
                proxy.is_slow = False
            case "double":
                proxy.double = 0.3
                await asyncio.sleep(0.5)
                proxy.double = 0.0
        self.done[fault] += 1


@pytest.mark.timeout(3600 if IS_LONG else 180)
async def test_nothing_acknowledged_is_lost_or_reordered_by_any_fault(open_folder: Path, node_log: IO[bytes]) -> None:
    chance = random.Random(FAULTS)
    port = free_port()
    with EmbeddedPostgres(open_folder / "tortured") as postgres:
        pool = await prepared(postgres.address)
        async with (
            chaos_proxy(port, chance) as proxy,
            node_kept_alive(postgres.address, port, node_log) as nodes,
            kept_running(postgres),
        ):
            scene = Scene(proxy.port)
            tormentor = Tormentor(postgres, nodes, proxy, chance, Counter())
            watching = [asyncio.create_task(watch(scene, lot)) for lot in LOTS for _ in range(WATCHERS)]
            bidding = [asyncio.create_task(bid_on(scene, party)) for party in BIDDERS]
            stuck = [asyncio.create_task(read_nothing(scene)) for _ in range(2)]
            for number in range(FAULTS):
                await more_answers(scene, ANSWERS_BETWEEN_FAULTS)
                await tormentor.do(ROUND[number % len(ROUND)])
            await more_answers(scene, ANSWERS_BETWEEN_FAULTS)
            assert nodes.pid is not None and resident_bytes(nodes.pid) < LARGEST_NODE_BYTES
            scene.is_over = True
            async with asyncio.timeout(PATIENCE_SECONDS):
                await asyncio.gather(*bidding)
                logs = await asyncio.gather(*watching)
            await asyncio.gather(*stuck)
        await check(pool, scene, logs)
        await pool.close()
    assert tormentor.done.total() == FAULTS and tormentor.done["kill node"] > FAULTS // 5
    assert proxy.doubled > 0, "no frame was ever sent twice"
