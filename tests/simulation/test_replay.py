"""The simulation itself: one seed is one run to the last byte, time is nobody's, and a fault is seen and named."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from tests.simulation.checks import findings
from tests.simulation.run import told
from tests.simulation.virtual_loop import Process, VirtualLoop
from tests.simulation.world import play

ROOT = Path(__file__).parents[2]
SEED = 3


def test_two_runs_of_one_seed_leave_the_same_bytes_and_another_seed_others() -> None:
    assert play(SEED).log_hash == play(SEED).log_hash != play(SEED + 1).log_hash


def test_another_process_with_another_hash_seed_replays_it_exactly() -> None:
    script = f"from tests.simulation.world import play; print(play({SEED}).log_hash)"
    printed = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={"PYTHONHASHSEED": "4711", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert printed.stdout.strip() == play(SEED).log_hash


def test_a_failure_names_the_command_that_replays_it() -> None:
    assert "make simulate SEED=17 AUCTIONS=1" in told([(17, "3: lot 1: price is 5")])


@pytest.mark.parametrize(
    ("table", "column"),
    [("bid", "amount_minor"), ("bid", "party_id"), ("event", "body"), ("event", "hash"), ("event", "at")],
)
def test_one_changed_field_of_what_was_committed_is_found(table: str, column: str) -> None:
    played = play(SEED)
    rows = played.world.server.tables.rows
    row = next(row for key, row in rows.items() if key[0] == table and row.get("refusal") is None and row["seq"] > 2)
    value = row[column]
    if isinstance(value, bytes):
        row[column] = value[:-2] + bytes([value[-2] ^ 1, value[-1]])
    else:
        row[column] = value + (1 if isinstance(value, int) else timedelta(microseconds=1))
    assert findings(played)


def test_an_answer_that_nobody_recorded_is_found() -> None:
    played = play(SEED)
    party, first = next((party, message) for party, message in played.world.told if message["type"] == "accepted")
    played.world.told.append((party, {**first, "id": "00000000-0000-4000-8000-000000000000"}))
    assert findings(played) == ["Wrong: 1: the answer to 00000000-0000-4000-8000-000000000000 was never recorded"]


def test_a_watcher_with_a_row_less_is_found() -> None:
    played = play(SEED)
    played.world.watchers[1].logs[1].pop()
    assert "9: lot 1: a watcher ends with another log" in findings(played)[0]


# The loop


def test_a_day_passes_at_once_and_timers_come_in_order() -> None:
    loop, seen = VirtualLoop(random.Random(1)), []

    async def main() -> float:
        for hours in (24, 1, 3):
            loop.call_later(hours * 3600, seen.append, hours)
        started = loop.time()
        await asyncio.sleep(timedelta(days=2).total_seconds())
        return loop.time() - started

    assert loop.run(main()) == 2 * 86400.0
    assert seen == [1, 3, 24]


def test_the_order_of_what_is_ready_comes_from_the_seed() -> None:
    def order(seed: int) -> list[int]:
        loop, seen = VirtualLoop(random.Random(seed)), list[int]()

        async def main() -> None:
            for number in range(8):
                loop.call_soon(seen.append, number)
            await asyncio.sleep(1)

        loop.run(main())
        return seen

    assert order(1) == order(1) != order(2)


def test_of_a_killed_process_nothing_runs_any_more_and_a_frozen_one_goes_on() -> None:
    loop, seen = VirtualLoop(random.Random(1)), list[str]()

    async def tick(name: str) -> None:
        try:
            while True:
                await asyncio.sleep(1)
                seen.append(name)
        finally:
            await asyncio.sleep(0)
            seen.append(f"{name} cleaned up")

    async def main() -> None:
        killed, frozen = Process("killed"), Process("frozen")
        for process in (killed, frozen):
            loop.spawn(process, tick(process.name))
        await asyncio.sleep(1.5)
        loop.kill(killed)
        loop.freeze(frozen)
        await asyncio.sleep(5)
        assert sorted(seen) == ["frozen", "killed"]
        loop.thaw(frozen)
        await asyncio.sleep(1.2)
        loop.kill(frozen)

    loop.run(main())
    assert sorted(seen) == ["frozen"] * 3 + ["killed"]
    assert loop.failures == []


def test_whoever_waits_for_ever_is_named() -> None:
    loop = VirtualLoop(random.Random(1))

    async def main() -> None:
        await loop.create_future()

    with pytest.raises(RuntimeError, match="everybody waits for ever"):
        loop.run(main())
