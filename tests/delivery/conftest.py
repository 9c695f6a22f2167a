"""A house that works with the sandbox carrier, which runs as a process of its own."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
import pytest

from migrations.parent_death import die_with_parent
from tests.auction.house import until
from tests.door.house_server import Server, run_server
from tests.ports import free_port

if TYPE_CHECKING:
    from migrations.database import Address

SECRET = "whsec_" + "dGVzdHMgb25seSwgbm8gcGFyY2VsIHNlY3JldCE="


@pytest.fixture(scope="module")
async def server(
    module_database: Address, carrier_url: str, house_port: int, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Server]:
    """One house for all the tests of a file; each keeps to a deal of its own."""
    async for running in run_server(
        module_database,
        Path(tmp_path_factory.mktemp("house")),
        port=house_port,
        carrier_url=carrier_url,
        carrier_secret=SECRET,
    ):
        yield running


@pytest.fixture(scope="module")
def house_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
async def carrier_url(house_port: int, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The sandbox carrier, started as an operator starts it."""
    port, folder = free_port(), tmp_path_factory.mktemp("carrier")
    house = f"http://127.0.0.1:{house_port}"
    arguments = ["carrier", "--port", str(port), "--house-url", house, "--data-dir", str(folder)]
    environment = {**os.environ, "GAVELHOUSE_CARRIER_SECRET": SECRET}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "market.cli", *arguments, env=environment, preexec_fn=die_with_parent()
    )
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx2.AsyncClient(trust_env=False) as client:
            await until(lambda: _answers(client, url))
        yield url
    finally:
        process.terminate()
        async with asyncio.timeout(10):
            await process.wait()


async def _answers(client: httpx2.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(f"{url}/healthz")).status_code == 200
    except httpx2.HTTPError:
        return False
