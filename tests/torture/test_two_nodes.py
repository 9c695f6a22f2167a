"""Two nodes on one database: who watches at the one sees what was done at the other, at the latest at the lot's end."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from auction import desk, store
from tests.auction.house import ANN, a_lot, ends_in, open_lot, serve, until

if TYPE_CHECKING:
    from migrations.database import Address, Pool

CUT_ALL = (
    "select pg_terminate_backend(pid) from pg_stat_activity where usename = current_user and"
    " datname = current_database() order by pid = pg_backend_pid()"
)


async def test_a_lot_that_another_node_has_ended_is_shown_as_ended_here(pool: Pool) -> None:
    await open_lot(pool, a_lot(**ends_in(2)), ANN)
    async with serve(pool) as here, serve(pool) as there, here.connect() as watcher:
        assert (await watcher.subscribe(1))["outcome"] is None
        async with pool.acquire() as conn, conn.transaction():
            await desk.void(conn, 1, there.node.node_time.now(), there.node.hammers)
        shown = await watcher.until("state", outcome="void")
        assert (shown["seq"], shown["phase"]) == (2, "closed")
        assert [row["kind"] for row in await watcher.log(1)] == ["opened", "voided"]


@pytest.mark.parametrize("question", ["ask", "history", "subscribe"])
async def test_whoever_asks_while_the_database_is_away_is_told_so(
    database: Address, pool: Pool, owner_pool: Pool, question: str
) -> None:
    await open_lot(pool, a_lot(), ANN)
    fields: dict[str, Any] = {"ask": {"id": uuid4()}, "history": {"lot": 2}, "subscribe": {"lot": 1}}[question]
    async with serve(pool) as house, house.connect(ANN) as client:
        with suppress(*store.CONNECTION_LOST):
            async with pool.acquire() as conn:
                await owner_pool.execute(f"alter database {database.database} connection limit 0")
                await conn.execute(CUT_ALL)
        await client.send(question, **fields)
        assert (await client.until("error"))["code"] == "busy"
        await owner_pool.execute(f"alter database {database.database} connection limit -1")

        async def is_answered() -> bool:
            await client.send(question, **fields)
            return (await client.next())["type"] in ("unknown", "history", "subscribed")

        await until(is_answered)
