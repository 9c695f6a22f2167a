"""The database inside the product: its first start, a later one, and whether anything is left after a kill -9.

`python -m benchmarks.startup [--json]`. A start is over when a connection has answered.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks.report import arguments, tell
from migrations.embedded_postgres import EmbeddedPostgres

FIRST_GOAL, LATER_GOAL = 1.5, 0.3
GONE_SECONDS = 10.0
LATER_STARTS = 3


def a_start(folder: Path) -> float:
    """Seconds from nothing to an answer; stopped again."""
    began = time.perf_counter()
    with EmbeddedPostgres(folder) as postgres:
        asyncio.run(_ask(postgres.address.socket_folder))
        return time.perf_counter() - began


async def _ask(socket_folder: Path | None) -> None:
    conn = await asyncpg.connect(host=str(socket_folder), user="postgres", database="postgres")
    assert await conn.fetchval("select 1") == 1
    await conn.close()


def left_after_kill(folder: Path) -> tuple[int, float]:
    """How many processes work in the cluster after the program that started it was killed, and the seconds it took."""
    child = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.startup", "--hold", str(folder)], stdout=subprocess.PIPE
    )
    assert child.stdout is not None and child.stdout.readline() == b"up\n"
    assert at_work_in(folder)
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    began = time.perf_counter()
    while (left := at_work_in(folder)) and time.perf_counter() - began < GONE_SECONDS:
        time.sleep(0.01)
    return len(left), time.perf_counter() - began


def at_work_in(folder: Path) -> list[int]:
    """The processes whose working folder is the cluster."""
    cluster, found = (folder / "postgres").resolve(), []
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and Path(os.readlink(f"/proc/{name}/cwd")) == cluster:
                found.append(int(name))
        except OSError:
            continue
    return found


def hold(folder: Path) -> None:
    """Start it, say so, and wait to be killed."""
    with EmbeddedPostgres(folder):
        print("up", flush=True)
        signal.pause()


def measure(say: Callable[[dict[str, Any]], None]) -> None:
    with tempfile.TemporaryDirectory(prefix="gavelhouse-bench-") as parent:
        os.chmod(parent, 0o711)
        folder = Path(parent) / "data"
        first = a_start(folder)
        later = min(a_start(folder) for _ in range(LATER_STARTS))
        left, seconds = left_after_kill(folder)
        after_kill = a_start(folder)
    say({"start": "first", "seconds": first, "goal": FIRST_GOAL, "reached": first <= FIRST_GOAL})
    say({"start": "later", "seconds": later, "goal": LATER_GOAL, "reached": later <= LATER_GOAL})
    say({"start": "after a kill -9", "seconds": after_kill, "first / later": first / later})
    say({"left after kill -9": left, "gone after seconds": seconds, "goal": 0, "reached": left == 0})


def main() -> None:
    if sys.argv[1:2] == ["--hold"]:
        return hold(Path(sys.argv[2]))
    options = arguments("Starting the embedded database")
    return measure(lambda row: tell(row, as_json=options.json))


if __name__ == "__main__":
    main()
