"""The house opens whole, closes in order, and does not stand half open."""

from __future__ import annotations

import asyncio
import signal
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import asyncpg
import pytest

from market.config import Config
from market.opening import _supervised
from market.serving import set_up_logging
from tests.auction.house import until
from tests.door.house_server import PHRASE, run_server
from tests.door.test_socket import close_code, opened
from tests.sell.stall import changed, on_show

if TYPE_CHECKING:
    from migrations.database import Address, Connection


async def test_closing_the_house_closes_its_sockets_and_gives_back_every_connection(
    database: Address, tmp_path: Path
) -> None:
    running = run_server(database, tmp_path)
    server = await anext(running)
    pool = server.house.pool
    async with opened(server, {}) as socket:
        started = perf_counter()
        with pytest.raises(StopAsyncIteration):
            await anext(running)
        assert await close_code(socket) in (1001, 1012)
    assert perf_counter() - started < 20
    with pytest.raises(asyncpg.InterfaceError):
        await pool.acquire()
    assert not [task for task in asyncio.all_tasks() if task.get_name() in ("batcher", "closer", "node time")]


async def test_a_lot_closes_at_its_end_though_every_connection_of_the_pages_is_taken(
    database: Address, tmp_path: Path
) -> None:
    """Twenty guessers at the sign-in are enough to take them all while their passphrases are proved."""
    async for server in run_server(database, tmp_path):
        house = server.house
        seller, operator = await server.party(), await server.party(operator=True)
        now = house.node_time.now()
        rule = changed(timed_seconds=1, extension_seconds=None, starts_at=now + timedelta(seconds=1))
        async with house.pool.acquire() as conn, conn.transaction():
            lot = await on_show(conn, seller, operator, rule, now)
        await house.bidding.refresh(lot.id)
        taken = [await house.pool.acquire() for _ in range(house.config.database_pool)]

        async def is_closed(conn: Connection = taken[0], lot_id: int = lot.id) -> bool:
            return await conn.fetchval("select outcome from auction.standing where lot_id = $1", lot_id) is not None

        try:
            await until(is_closed, 40)
        finally:
            for each in taken:
                await house.pool.release(each)


async def test_a_part_that_dies_ends_the_process_in_order() -> None:
    heard: list[int] = []
    former = signal.signal(signal.SIGTERM, lambda number, _frame: heard.append(number))

    async def dies() -> None:
        raise RuntimeError("a clock broke")

    try:
        with pytest.raises(BaseExceptionGroup):
            async with _supervised() as group:
                group.create_task(dies())
                await asyncio.Event().wait()
    finally:
        signal.signal(signal.SIGTERM, former)
    assert heard == [signal.SIGTERM]


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_logged_bug_never_prints_what_was_in_the_variables(
    log_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    import logging

    import structlog

    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    set_up_logging(Config(log_format=log_format))
    try:
        passphrase = PHRASE
        try:
            raise RuntimeError(f"a bug of {len(passphrase)} characters")
        except RuntimeError:
            structlog.get_logger("gavelhouse").exception("crash")
    finally:
        root.handlers[:], root.level = handlers, level
        structlog.reset_defaults()
    logged = capsys.readouterr().err
    assert "a bug of" in logged and PHRASE not in logged
