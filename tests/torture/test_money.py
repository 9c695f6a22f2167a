"""Till, bank, vault and database are killed at random points of card purchases, and the switch fails in every way: at the end each
deal is paid once, the bank's book and ours agree to the last unit, and nothing is made, lost or paid twice.

Three kills in `make test`, without the vault; `make torture-money` makes it 160 (GAVELHOUSE_TORTURE_FAULTS sets another number).
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TypeVar

import asyncpg
import httpx2
import msgspec
import pytest

from escrow import books, ledger
from migrations.database import Address, Role, connect, create_pool
from migrations.embedded_postgres import EmbeddedPostgres, create_database
from migrations.parent_death import die_with_parent
from migrations.runner import migrate
from tests.gateway.cards import SECRET, Bank, open_till
from tests.ports import free_port
from tests.torture.buyers import Task
from tests.torture.servers import kept_running
from tests.vault.vault_process import VaultProcess

IS_LONG = os.environ.get("GAVELHOUSE_TORTURE") == "long"
KILLS = int(os.environ.get("GAVELHOUSE_TORTURE_FAULTS", "160" if IS_LONG else "3"))
DEALS_A_KILL = 4
ROUND = ("till", "bank", "database", "vault") if IS_LONG else ("till", "bank", "database")
SWITCH_FAULTS = (
    "no_answer", "lost", "late_answer", "drop_connection", "decline", "partial", "duplicate_answer", "garbage", "slow",
    "undecided",
)  # fmt: skip
PATIENCE_SECONDS = 60
T = TypeVar("T")
GONE = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    httpx2.HTTPError,
    TimeoutError,
)


@dataclass
class Kept:
    """A process that is started again whenever it ends, and how often it ended by itself."""

    arguments: list[str]
    log: IO[bytes]
    process: asyncio.subprocess.Process | None = None
    starts: int = 0
    kills: int = 0
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def keep(self) -> None:
        while True:
            self.starts += 1
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", *self.arguments, stderr=self.log, stdout=self.log, preexec_fn=die_with_parent()
            )
            await self.process.wait()

    def kill(self) -> bool:
        """kill -9; whether there was one to kill."""
        if self.process is None or self.process.returncode is not None:
            return False
        self.process.send_signal(signal.SIGKILL)
        self.kills += 1
        return True


@asynccontextmanager
async def kept(arguments: list[str], log: IO[bytes]) -> AsyncIterator[Kept]:
    process = Kept(arguments, log)
    keeping = asyncio.create_task(process.keep())
    try:
        yield process
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping
        if process.process is not None:
            with suppress(ProcessLookupError):
                process.process.kill()
            await process.process.wait()


@pytest.mark.timeout(3600)
async def test_whoever_is_killed_each_deal_is_paid_once_and_the_books_agree(
    open_folder: Path, node_log: IO[bytes]
) -> None:
    chance = random.Random(KILLS)
    with (
        telling(open_folder),
        EmbeddedPostgres(open_folder / "money", {"fsync": "off", "max_connections": "120"}) as postgres,
    ):
        address = postgres.address
        await create_database(address)
        conn = await connect(address, Role.OWNER)
        await migrate(conn)
        await conn.close()
        port, switch_port = free_port(), free_port()
        bank_arguments = [
            "tests.escrow.bank_process", address.as_url(Role.BANK), str(address.socket_folder), address.database,
            str(port), f"http://127.0.0.1:{free_port()}/", SECRET, str(switch_port),
        ]  # fmt: skip
        url = f"http://127.0.0.1:{port}"
        pool = await create_pool(address, Role.APP, min_size=0)
        async with (
            kept_running(postgres),
            kept_vault(address, open_folder, url) as vault,
            kept(bank_arguments, node_log) as banking,
            httpx2.AsyncClient(base_url=url, trust_env=False, timeout=5) as client,
        ):
            bank = Bank(url, switch_port, client)
            await until(bank.learn_key)
            task = Task(
                str(address.socket_folder), address.database, url, switch_port, bank.point.hex(), KILLS,
                vault.url if vault else "", vault.secret if vault else "",
            )  # fmt: skip
            till_arguments = ["tests.torture.buyers", msgspec.json.encode(task).decode()]
            await open_deals(pool, bank, DEALS_A_KILL)
            async with kept(till_arguments, node_log) as buying:
                for n in range(KILLS):
                    await some_are_paid(pool)
                    await until(lambda: bank.fault(chance.choice(SWITCH_FAULTS), times=chance.randrange(1, 4)))
                    await open_deals(pool, bank, DEALS_A_KILL)
                    await asyncio.sleep(chance.uniform(0, 0.15))
                    match ROUND[n % len(ROUND)]:
                        case "till":
                            await until(lambda: _true(buying.kill()))
                        case "bank":
                            await until(lambda: _true(banking.kill()))
                        case "vault":
                            assert vault is not None and vault.process is not None
                            vault.process.kill()
                        case _:
                            await until(lambda: _true(_kill_database(postgres)))
                await until(lambda: client.delete("/api/faults"))
                await until(lambda: all_is_over(pool), PATIENCE_SECONDS)
                assert buying.starts - 1 == buying.kills, "the till ends only when it is killed"
            await books_agree(pool, bank)
        await pool.close()


@contextmanager
def telling(folder: Path) -> Iterator[None]:
    """When it fails: what the processes have said last."""
    try:
        yield
    except BaseException:
        for log in folder.glob("*.log"):
            print(f"== {log.name}\n{log.read_text(errors='replace')[-6000:]}")  # noqa: T201
        raise


@asynccontextmanager
async def kept_vault(address: Address, folder: Path, bank_url: str) -> AsyncIterator[VaultProcess | None]:
    """In the long form the cards lie in a vault, which is started again whenever it ends, as the house does it."""
    if not IS_LONG:
        yield None
        return
    vault = VaultProcess(address, folder / "vault_key", bank_url)

    async def keep() -> None:
        while True:
            if vault.process is None or vault.process.poll() is not None:
                vault.end()
                vault.spawn()
            await asyncio.sleep(0.05)

    keeping = asyncio.create_task(keep())
    try:
        yield vault
    finally:
        keeping.cancel()
        vault.close()


async def open_deals(pool: asyncpg.Pool[asyncpg.Record], bank: Bank, count: int) -> None:
    async def opened() -> None:
        async with open_till(pool, bank) as till:
            for _ in range(count):
                await till.open_case(random.Random(count).randrange(1_000, 90_000))

    await until(opened)


async def some_are_paid(pool: asyncpg.Pool[asyncpg.Record]) -> None:
    """Wait until the till has done something since, so that each kill meets purchases on their way."""
    before = await until(lambda: _captured(pool))
    await until(lambda: _more_than(pool, before), PATIENCE_SECONDS)


async def _captured(pool: asyncpg.Pool[asyncpg.Record]) -> int:
    async with asyncio.timeout(5), pool.acquire() as conn:
        return int(await conn.fetchval("select count(*) from escrow.card_payment_event"))


async def _more_than(pool: asyncpg.Pool[asyncpg.Record], before: int) -> None:
    if await _captured(pool) <= before:
        raise TimeoutError("nothing has happened yet")


async def all_is_over(pool: asyncpg.Pool[asyncpg.Record]) -> None:
    """Every deal paid, and the bank owed no word. Raises TimeoutError as long as it is not so."""
    async with asyncio.timeout(5), pool.acquire() as conn:
        waiting = await conn.fetchval("select count(*) from escrow.escrow_case where state = 'awaiting_payment'")
        owed = await conn.fetchval("select count(*) from escrow.card_payment where try_at is not null")
    if waiting or owed:
        raise TimeoutError(f"{waiting} deals wait, {owed} payments go on")


async def books_agree(pool: asyncpg.Pool[asyncpg.Record], bank: Bank) -> None:
    """The auditor: from rows and the bank's own words alone."""
    said = await bank.get("/api/card-payments")
    assert said["faults"] == []
    async with pool.acquire() as conn:
        paid = await conn.fetch(
            "select target_id, count(*) as times from escrow.card_payment where state = 'captured' group by target_id"
        )
        deals = await conn.fetchval("select count(*) from escrow.escrow_case where state = 'funded'")
        assert len(paid) == deals and {row["times"] for row in paid} == {1}, "each deal is paid once"
        ours = await conn.fetchval("select sum(amount_minor)::bigint from escrow.card_payment where state = 'captured'")
        held = await conn.fetchval("select sum(held_minor)::bigint from escrow.escrow_case")
        gateway = await ledger.balance(conn, "gateway", "CNY")
        assert int(said["captured"]["CNY"]) == ours == held == -gateway, "what the bank took is what the deals hold"
        assert said["captured_payments"] == deals
        assert await books.faults(conn) == []
    async with open_till(pool, bank, answer_seconds=5) as till:
        assert await till.cards.settle_today() == 1
        async with pool.acquire() as conn:
            assert await till.cards.differences(conn) == []
            assert (await ledger.balance(conn, "gateway", "CNY"), await ledger.balance(conn, "bank", "CNY")) == (
                0,
                -ours,
            )
    accounts = (await bank.get("/api/accounts"))["accounts"]
    centre = Counter({each["currency"]: int(each["balance_minor"]) for each in accounts if each["is_centre"]})
    assert centre["CNY"] == ours and sum(centre.values()) == ours


async def _true(done: bool) -> None:
    if not done:
        raise TimeoutError("not yet")


def _kill_database(postgres: EmbeddedPostgres) -> bool:
    if postgres.process_id is None or not postgres.is_running:
        return False
    os.kill(postgres.process_id, signal.SIGKILL)
    return True


async def until(act: Callable[[], Awaitable[T]], seconds: float = 30) -> T:
    """Do it again until it works, whatever was killed meanwhile."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                return await act()
            except GONE:
                await asyncio.sleep(0.02)
