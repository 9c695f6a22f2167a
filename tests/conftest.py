"""What every test may ask for: a real Postgres of our own, a migrated database, and pools as the server has them.

The cluster lives for the session; each test that asks for `database` gets a fresh copy of the migrated template.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import structlog

import hatch_build
from migrations.database import Address, Role, connect, create_pool
from migrations.embedded_postgres import EmbeddedPostgres, create_database
from migrations.runner import migrate
from tests.browser import running_browser
from tests.running_house import ROOT, RunningHouse, running_house

if TYPE_CHECKING:
    from asyncpg import Connection, Pool, Record
    from playwright.async_api import Browser

_numbers = itertools.count(1)

# As the server does: structlog's own default draws every local variable of a traceback, for seconds, on the house's loop.
structlog.configure(
    processors=[
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)

# Nothing here must survive a power cut, so the tests' own cluster need not wait for the disk. A vacuum worker runs as the
# superuser, and would keep the owner from dropping its database by force.
_FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "autovacuum": "off",
    "max_wal_size": "160MB",
}
_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 6_000_000_000
"""What a run may need of it, and as much again for whatever else the machine holds in memory."""


# What takes longest begins first, so that no worker is left alone with it at the end.
_FIRST = (
    "tests/journey/test_pages.py",
    "tests/floor/test_demo.py",
    "tests/journey/test_trading.py",
    "tests/journey/test_whole_trade.py",
    "tests/floor/test_demo",
    "tests/front/",
    "tests/formats/",
    "tests/sell/test_look.py",
    "tests/journey/",
    "tests/checkout/",
    "tests/vault/test_house.py",
    "tests/matching/",
    "tests/documents/",
    "tests/trading/",
    "tests/delivery/",
    "tests/mutants/",
    "tests/simulation/test_auctions",
    "tests/torture/",
    "tests/escrow/test_lives.py",
    "tests/escrow/test_races.py",
    "tests/escrow/test_with_the_bank.py",
    "tests/api/",
    "tests/floor/",
    "tests/auction/",
)


_AT_ONE_DEMO = ("tests/journey/test_pages.py", "tests/floor/test_demo.py")
"""Files for one worker, which opens one demo for them: to open another costs as much as most files."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """As `--dist loadfile`, but for the files that share a demo."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class ByFileAndDemo(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file: str = super()._split_scope(nodeid)
            return _AT_ONE_DEMO[0] if file in _AT_ONE_DEMO else file

    return ByFileAndDemo(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        return next((place for place, path in enumerate(_FIRST) if item.nodeid.startswith(path)), len(_FIRST))

    items.sort(key=place)


def pytest_collection_finish() -> None:
    """What is loaded by now stays to the end: the collector need not look through all of it again and again, nor every
    700 objects through what a test has just made.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    """A temporary folder that an unprivileged Postgres may pass through, which pytest's own is not for root. It is in
    memory where there is room: making some thousand small files for each database costs a disk several times as much.
    """
    has_room = os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > 2 * _ROOM_BYTES
    if has_room:
        for left in _MEMORY.glob("gavelhouse-tests-*-*"):
            # A run that was killed could not give its memory back.
            if not Path("/proc", left.name.split("-")[2]).exists():
                shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"gavelhouse-tests-{os.getpid()}-", dir=_MEMORY if has_room else None))
    os.chmod(folder, 0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def cluster(open_folder: Path) -> Iterator[EmbeddedPostgres]:
    """The tests' Postgres with the migrated database `gavelhouse`, which serves as the template of the others."""
    with EmbeddedPostgres(open_folder / "cluster", _FAST) as postgres:
        asyncio.run(_migrated(postgres.address))
        yield postgres


async def _migrated(address: Address) -> None:
    await create_database(address)
    conn = await connect(address, Role.OWNER)
    try:
        await migrate(conn)
    finally:
        await conn.close()


@pytest.fixture(scope="session")
def demo(open_folder: Path) -> Iterator[tuple[RunningHouse, dict[str, Any]]]:
    """A demo without robots or photographs, and what it printed. Its pages are looked at first, then it is ended."""
    hatch_build.build(ROOT)
    with running_house(open_folder / "demo-house") as house:
        yield house, house.start_demo("--no-robots", "--no-photos")


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One browser for all the tests of a worker; each person in it gets a context."""
    async with running_browser() as running:
        yield running


@pytest.fixture
async def database(cluster: EmbeddedPostgres) -> AsyncIterator[Address]:
    """A fresh, migrated, empty database of this test's own."""
    async for address in _copy_of_template(cluster):
        yield address


@pytest.fixture(scope="module")
async def module_database(cluster: EmbeddedPostgres) -> AsyncIterator[Address]:
    """The same, shared by the tests of one file (for those that only read, or keep to rows of their own)."""
    async for address in _copy_of_template(cluster):
        yield address


async def _copy_of_template(cluster: EmbeddedPostgres) -> AsyncIterator[Address]:
    name = f"test_{next(_numbers)}"
    admin = await connect(cluster.address.with_database("postgres"), Role.OWNER)
    try:
        # Postgres copies the files as they are, with its caches of the catalogue; written as a log they would cost double.
        await admin.execute(f"create database {name} template gavelhouse strategy file_copy")
        await admin.execute(f"revoke all on database {name} from public")
        await admin.execute(f"grant connect on database {name} to gavelhouse_app, gavelhouse_bank, gavelhouse_vault")
        yield cluster.address.with_database(name)
        await admin.execute(f"drop database {name} with (force)")
    finally:
        await admin.close()


@pytest.fixture
async def pool(database: Address) -> AsyncIterator[Pool[Record]]:
    """The server's pool: role gavelhouse_app."""
    pool = await create_pool(database, Role.APP, min_size=1)
    yield pool
    await pool.close()


@pytest.fixture
async def owner_pool(database: Address) -> AsyncIterator[Pool[Record]]:
    """The owner's pool, for looking behind the grants."""
    pool = await create_pool(database, Role.OWNER, min_size=1)
    yield pool
    await pool.close()


@pytest.fixture
async def bank_pool(database: Address) -> AsyncIterator[Pool[Record]]:
    """The sandbox bank's pool: role gavelhouse_bank."""
    pool = await create_pool(database, Role.BANK, min_size=1)
    yield pool
    await pool.close()


@pytest.fixture
async def conn(pool: Pool[Record]) -> AsyncIterator[Connection[Record]]:
    """One connection of the server's pool."""
    async with pool.acquire() as connection:
        yield connection
