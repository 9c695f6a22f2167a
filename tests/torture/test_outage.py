"""Kill -9 of the only node while lots run out: after the restart whoever was due has the lost time back, and takes bids."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import IO, TYPE_CHECKING

from auction import store
from auction.outages import SILENCE
from tests.auction.house import ANN, BOB, Client, a_lot, ends_in, log_of, open_lot, until
from tests.ports import free_port
from tests.torture.scene import GONE
from tests.torture.servers import spawn_node

if TYPE_CHECKING:
    from migrations.database import Address, Pool


@asynccontextmanager
async def node(address: Address, port: int, log: IO[bytes]) -> AsyncIterator[None]:
    """A node that answers; at the end it is killed."""
    process = await spawn_node(address, port, log)
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


async def kinds(pool: Pool, lot_id: int) -> list[str]:
    return [json.loads(row.body)["kind"] for row in await log_of(pool, lot_id)]


async def test_a_lot_due_while_the_node_was_dead_gets_the_time_back_and_takes_bids(
    database: Address, pool: Pool, node_log: IO[bytes]
) -> None:
    port = free_port()
    async with node(database, port, node_log), Client(port, ANN) as ann:
        lot = a_lot(1, starts_at=ends_in(3)["starts_at"], timed_seconds=60, extension_seconds=None)
        await open_lot(pool, lot, ANN, BOB)
        await open_lot(pool, a_lot(2, timed_seconds=3600, extension_seconds=60), ANN)
        assert (await ann.bid(1, 1_000_000))["type"] == "accepted"
        assert (await ann.bid(2, 1_000_000))["type"] == "accepted"
    async with pool.acquire() as conn:
        before = await store.lot_views(conn, [1, 2])
        last_beat: object = await conn.fetchval("select beaten_at from auction.heartbeat")
        due_at = before[1].ends_at

        async def is_past() -> bool:
            return await store.database_time(conn) > due_at + SILENCE

        await until(is_past)
    async with node(database, port, node_log), Client(port, BOB) as bob:
        state = await bob.subscribe(1)
        assert (await bob.bid(1, 1_010_000))["type"] == "accepted"
        async with pool.acquire() as conn:
            after = await store.lot_views(conn, [1, 2])
            credited_at = await conn.fetchval("select at from auction.event where lot_id = 1 and kind = 'credited'")
    assert state["outcome"] is None and (state["price_minor"], state["next_minor"]) == ("1000000", "1010000")
    assert after[1].ends_at == due_at + (credited_at - last_beat)
    assert after[1].ends_at - due_at > SILENCE
    assert await kinds(pool, 1) == ["opened", "bid", "credited", "bid"]
    assert await kinds(pool, 2) == ["opened", "bid"] and after[2].ends_at == before[2].ends_at
