"""Node and database as processes that are killed, frozen and started again."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from migrations.database import Address
from migrations.embedded_postgres import EmbeddedPostgres
from migrations.parent_death import die_with_parent


async def spawn_node(
    address: Address, port: int, log: IO[bytes], environment: Mapping[str, str] | None = None
) -> asyncio.subprocess.Process:
    """A node that has everything loaded and serves once it is given a line."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.torture.node",
        str(address.socket_folder),
        str(port),
        address.database,
        stdin=asyncio.subprocess.PIPE,
        stderr=log,
        env={**os.environ, **(environment or {})},
        preexec_fn=die_with_parent(),
    )


@dataclass
class Nodes:
    """One node, and a spare that waits with everything loaded to take its place."""

    alive: list[asyncio.subprocess.Process] = field(default_factory=list)

    @property
    def pid(self) -> int | None:
        """The process that serves, if there is one at this moment."""
        return self.alive[0].pid if len(self.alive) > 1 and self.alive[0].returncode is None else None

    def kill(self) -> bool:
        """kill -9 of the node; whether there was one."""
        if self.pid is not None:
            self.alive[0].kill()
            return True
        return False


@asynccontextmanager
async def node_kept_alive(address: Address, port: int, log: IO[bytes]) -> AsyncIterator[Nodes]:
    """A node as a child process; whenever it dies, the spare takes over."""
    nodes = Nodes()

    async def keep() -> None:
        nodes.alive.append(await spawn_node(address, port, log))
        for _ in itertools.count():
            process = nodes.alive[-1]
            assert process.stdin is not None
            with suppress(ConnectionError):
                process.stdin.write(b"go\n")
            nodes.alive.append(await spawn_node(address, port, log))
            await process.wait()
            nodes.alive.remove(process)

    keeping = asyncio.create_task(keep())
    try:
        yield nodes
    finally:
        keeping.cancel()
        for process in nodes.alive:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
                process.kill()
            await process.wait()


@asynccontextmanager
async def kept_running(postgres: EmbeddedPostgres) -> AsyncIterator[None]:
    task = asyncio.create_task(postgres.keep_running())
    try:
        yield
    finally:
        task.cancel()


async def freeze(pids: list[int], seconds: float) -> None:
    """SIGSTOP, and SIGCONT after a while. Whoever is gone by then is left alone."""
    try:
        _signal(pids, signal.SIGSTOP)
        await asyncio.sleep(seconds)
    finally:
        _signal(pids, signal.SIGCONT)


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def with_children(pid: int) -> list[int]:
    """A process and its children: Postgres has one for each connection, each in a group of its own."""
    found = [pid]
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = stat.read_text().rsplit(")", 1)[1].split()
            if int(fields[1]) == pid:
                found.append(int(stat.parent.name))
    return found


def resident_bytes(pid: int) -> int:
    """How much memory a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
