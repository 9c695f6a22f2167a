"""A house for one load test: a database of its own in a temporary folder, open lots, admitted parties, a node on loopback.

Nothing is left of it afterwards, however the test ends.
"""

from __future__ import annotations

import asyncio
import os
import resource
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from msgspec import Struct

from auction import desk, store
from auction.facts import EnglishRule, Lot, StepBand
from market.load.crowd import CrowdError, Target
from market.load.node import READY, Task, token_of
from migrations.database import Address, Role, connect
from migrations.embedded_postgres import EmbeddedPostgres, create_database
from migrations.parent_death import die_with_parent
from migrations.runner import migrate

SELLER, FIRST_PARTY = 1, 100
STEP_MINOR = 100
LONG_SECONDS = 36_000


class House(Struct, frozen=True, kw_only=True):
    """The target for a crowd, and the processes whose cost is asked for."""

    target: Target
    node_pid: int
    database_pid: int | None


@contextmanager
def throwaway_house(*, lots: int, parties: int) -> Iterator[House]:
    """A house open for bidding on so many lots by so many parties. Main thread only."""
    lot_ids = range(1, lots + 1)
    with throwaway_database() as postgres:
        asyncio.run(open_lots(postgres.address, lot_ids, range(FIRST_PARTY, FIRST_PARTY + parties)))
        with node(postgres, lots=lot_ids, parties=parties) as house:
            yield house


@contextmanager
def throwaway_database() -> Iterator[EmbeddedPostgres]:
    """An embedded Postgres, migrated, in a folder that is removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="gavelhouse-bench-"))
    try:
        # Postgres may run as another, unprivileged user, who must be able to pass through.
        os.chmod(folder, 0o711)
        with EmbeddedPostgres(folder / "data") as postgres:
            asyncio.run(_migrated(postgres.address))
            yield postgres
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def node(
    postgres: EmbeddedPostgres, *, lots: Sequence[int], parties: int, way: Sequence[str] = ("market.load.node",)
) -> Iterator[House]:
    """A node on a database that has these lots and parties; `way` is the module that serves, with its arguments."""
    port, secret = _free_port(), secrets.token_hex(16)
    process = subprocess.Popen(
        [sys.executable, "-m", *way],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "GAVELHOUSE_LOG_LEVEL": "warning"},
        start_new_session=True,
        preexec_fn=die_with_parent(),  # noqa: PLW1509 - it calls the kernel and nothing else
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        task = Task(socket_folder=str(postgres.address.socket_folder), port=port, lots=tuple(lots), secret=secret)
        process.stdin.write(msgspec.json.encode(task) + b"\n")
        process.stdin.flush()
        if process.stdout.readline().strip() != READY:
            raise CrowdError("The house of the load test did not open; what it said stands above.")
        tokens = tuple(token_of(secret, party) for party in range(FIRST_PARTY, FIRST_PARTY + parties))
        target = Target(url=f"http://127.0.0.1:{port}", lots=tuple(lots), tokens=tokens)
        yield House(target=target, node_pid=process.pid, database_pid=postgres.process_id)
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdin.close()
        process.stdout.close()


async def open_lots(address: Address, lot_ids: Sequence[int], party_ids: Sequence[int]) -> None:
    """Open lots that stay open for hours, and admit the parties to each."""
    conn = await connect(address, Role.APP)
    try:
        async with conn.transaction():
            now = await store.database_time(conn)
            for lot_id in lot_ids:
                await desk.open_lot(conn, a_lot(lot_id), now)
                places = [(lot_id, party_id, party_id, now) for party_id in party_ids]
                await conn.executemany(store.queries.insert_admission, places)
    finally:
        await conn.close()


def a_lot(lot_id: int) -> Lot:
    """A lot that is open and stays so."""
    rule = EnglishRule(
        start_price_minor=STEP_MINOR, steps=(StepBand(increment_minor=STEP_MINOR),), extension_seconds=LONG_SECONDS
    )
    starts_at = datetime.now(UTC) - timedelta(seconds=60)
    return Lot(id=lot_id, seller_id=SELLER, currency="CNY", currency_exponent=2, rule=rule, starts_at=starts_at)


def allow_many_sockets(wanted: int) -> None:
    """Raise this process's bound on open files as far as it may go; its children inherit it. Raises CrowdError."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + 200
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise CrowdError(
            f"{wanted} sockets need {needed} open files, and this machine allows {hard}: raise `ulimit -n`."
        )
    if soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


async def _migrated(address: Address) -> None:
    await create_database(address)
    owner = await connect(address, Role.OWNER)
    try:
        await migrate(owner)
    finally:
        await owner.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
