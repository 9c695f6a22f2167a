"""The house opens whole, closes in order, and does not stand half open."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import asyncpg
import pytest

from market.config import Config
from market.opening import _supervised
from market.serving import set_up_logging
from tests.door.house_server import PHRASE, run_server
from tests.door.test_socket import close_code, opened

if TYPE_CHECKING:
    from migrations.database import Address


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
    assert perf_counter() - started < 8
    with pytest.raises(asyncpg.InterfaceError):
        await pool.acquire()
    assert not [task for task in asyncio.all_tasks() if task.get_name() in ("batcher", "closer", "node time")]


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
