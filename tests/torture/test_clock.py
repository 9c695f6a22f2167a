"""Jumps of the wall clock, forwards and back, under a running house: nothing opens, closes or is extended by one.

The node's clock jumps in every run if libfaketime is installed (apt-get install libfaketime); the database's in the long
form. `tests/simulation` jumps the database's clock in every run.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pytest

from auction import store
from migrations import embedded_postgres
from migrations.database import Address, Role, create_pool
from migrations.embedded_postgres import EmbeddedPostgres
from tests.auction.house import ANN, BOB, Client, a_lot, ends_in, log_of, open_lot, until
from tests.ports import free_port
from tests.torture.scene import GONE, prepared
from tests.torture.servers import spawn_node
from tests.torture.test_kills import IS_LONG
from tests.torture.wrong_clocks import LIBRARY, WrongClock

if TYPE_CHECKING:
    from migrations.database import Pool

HOUR = 3600
RUNS_SECONDS = 4
SOON, OPEN, LATER = 11, 12, 13


@asynccontextmanager
async def node_with(address: Address, port: int, log: IO[bytes], clock: WrongClock) -> AsyncIterator[None]:
    process = await spawn_node(address, port, log, clock.environment)
    assert process.stdin is not None
    process.stdin.write(b"go\n")
    try:
        async with asyncio.timeout(30):
            while True:
                with suppress(*GONE):
                    async with Client(port, ANN):
                        break
                await asyncio.sleep(0.05)
        yield
    finally:
        process.kill()
        await process.wait()


async def jump_and_check(pool: Pool, address: Address, log: IO[bytes], clock: WrongClock) -> None:
    """One lot that is to end soon, one that is to run on for an hour, one that is to open in an hour; and the jumps."""
    port = free_port()
    async with node_with(address, port, log, clock), Client(port, ANN) as ann, Client(port, BOB) as bob:
        started = time.monotonic()
        soon = a_lot(SOON, starts_at=ends_in(RUNS_SECONDS)["starts_at"], extension_seconds=60)
        later = a_lot(LATER, starts_at=datetime.now(UTC) + timedelta(seconds=HOUR), extension_seconds=60)
        for lot in (soon, a_lot(OPEN, extension_seconds=HOUR + 60), later):
            await open_lot(pool, lot, ANN, BOB)
        ends_at = datetime.fromisoformat((await ann.subscribe(OPEN))["ends_at"])
        await ann.subscribe(SOON)
        amount = 1_000_000
        for jump in (2 * HOUR, -2 * HOUR, 3, -3, 0):
            clock.set(jump)
            for client in (ann, bob):
                answer = await client.bid(OPEN, amount)
                assert answer["type"] == "accepted", answer
                amount += 10_000
                stamped_at = datetime.fromisoformat(answer["at"])
                assert abs((stamped_at - datetime.now(UTC)).total_seconds()) < 30, "a stamp followed the wall clock"
                assert datetime.fromisoformat(answer["ends_at"]) == max(
                    ends_at, stamped_at + timedelta(seconds=HOUR + 60)
                )
                ends_at = datetime.fromisoformat(answer["ends_at"])
                assert (await client.bid(LATER, 1_000_000))["code"] == "not_started"
        closed = await ann.until("state", lot=SOON, phase="closed")
        assert time.monotonic() - started >= RUNS_SECONDS - 0.5, "it closed before its time had passed"
        assert closed["ends_at"] == (soon.starts_at + timedelta(seconds=60)).isoformat().replace("+00:00", "Z")
        assert [json.loads(row.body)["kind"] for row in await log_of(pool, SOON)] == ["opened", "closed"]
        assert (await ann.subscribe(OPEN))["outcome"] is None


if LIBRARY is not None:

    async def test_a_jump_of_the_nodes_clock_changes_nothing(
        database: Address, pool: Pool, node_log: IO[bytes], open_folder: Path
    ) -> None:
        await jump_and_check(pool, database, node_log, WrongClock(open_folder))


if IS_LONG:

    @pytest.mark.skipif(LIBRARY is None, reason="libfaketime is not installed: apt-get install libfaketime")
    async def test_a_jump_of_the_databases_clock_changes_nothing_for_a_running_node(
        open_folder: Path, node_log: IO[bytes], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = WrongClock(open_folder)
        plain = embedded_postgres._environment
        monkeypatch.setattr(embedded_postgres, "_environment", lambda: {**plain(), **clock.environment})
        with EmbeddedPostgres(open_folder / "wrong") as postgres:
            await (await prepared(postgres.address)).close()
            pool = await create_pool(postgres.address, Role.APP, min_size=1)
            await jump_and_check(pool, postgres.address, node_log, clock)
            clock.set(HOUR)
            async with pool.acquire() as conn:

                async def shows_another_hour() -> bool:
                    return await store.database_time(conn) - datetime.now(UTC) > timedelta(minutes=50)

                await until(shows_another_hour)
            await pool.close()
