"""House, vault, bank and Postgres are killed at random points of purchases, releases and withdrawals over HTTP, alone and in pairs,
and the switch fails in every way: at the end each deal is paid and paid out once, everything that was acknowledged is there, and
the bank's book and ours agree to the last unit.

A kill of each in `make test`; `make torture-money` makes it 160 (GAVELHOUSE_TORTURE_FAULTS sets another number).
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import httpx2
import pytest

from escrow import card_settlement, ledger
from escrow.gateway.iso8583 import Iso8583Gateway
from escrow.gateway.switch_link import SwitchLink
from market import applications, one_time_codes, parties, tokens
from market.application_facts import Application
from market.passphrases import Passphrases
from migrations.database import Address, Role, connect, create_pool
from migrations.embedded_postgres import EmbeddedPostgres
from tests.deal import traded
from tests.sell import stall
from tests.torture import money_audit
from tests.torture.money_traders import PHRASE, Acknowledged, Buyer, Trader, at_the_bank
from tests.torture.money_victims import PARTS, Victims

IS_LONG = os.environ.get("GAVELHOUSE_TORTURE") == "long"
KILLS = int(os.environ.get("GAVELHOUSE_TORTURE_FAULTS", "160" if IS_LONG else "4"))
BUYERS, SELLERS = (6, 2) if IS_LONG else (2, 1)
DEALS_A_ROUND = 5 if IS_LONG else 1
SWITCH_FAULTS = (
    "no_answer", "lost", "late_answer", "drop_connection", "decline", "partial", "duplicate_answer", "garbage", "slow",
    "undecided",
) if IS_LONG else ("decline", "partial", "duplicate_answer", "garbage")  # fmt: skip
CAPTURE_FAULTS = ("no_answer", "lost", "drop_connection", "garbage") if IS_LONG else ("drop_connection", "garbage")
FLOAT_MINOR = 2_000_000_000
PATIENCE_SECONDS = 240 if IS_LONG else 90
SETTLED_EVERY = 20
T = TypeVar("T")
GONE = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    httpx2.HTTPError,
    TimeoutError,
)


class Market:
    """Those who trade, made while everything still runs."""

    def __init__(
        self, pool: asyncpg.Pool[asyncpg.Record], http: httpx2.AsyncClient, bank: httpx2.AsyncClient, told: Acknowledged
    ) -> None:
        self.pool, self.http, self.bank, self.told = pool, http, bank, told
        self.buyers: list[Buyer] = []
        self.sellers: list[Trader] = []
        self._fed = 0

    def seller_of(self, number: int) -> Trader:
        return self.sellers[number % len(self.sellers)]

    async def join(self, secret_key: str) -> None:
        phrases, now = Passphrases(), datetime.now(UTC)
        phc = await phrases.hash(PHRASE)
        phrases.close()
        for number in range(BUYERS + SELLERS):
            async with self.pool.acquire() as conn, conn.transaction():
                party = await parties.register(
                    conn, email=f"trader{number}@example.org", display_name=f"Trader {number}", language="en",
                    passphrase_phc=phc, now=now,
                )  # fmt: skip
                assert isinstance(party, int)
                given = (self.http, party, await tokens.create_token(conn, party, "trade", now), self.told, str(party))
                if number < SELLERS:
                    self.sellers.append(Trader(*given))
                    continue
                codes = await one_time_codes.begin(conn, party, secret_key, now)
                assert codes is not None
                before = one_time_codes.code_at(codes, now.timestamp() - one_time_codes.STEP_SECONDS)
                assert await one_time_codes.use(conn, party, secret_key, before, now, enrolling=True)
            self.buyers.append(Buyer(*given, bank=self.bank, codes=codes))
        await self._bring_float()
        for trader in (*self.sellers, *self.buyers):
            holder = {"holder": f"Trader {trader.party}", "currency": "CNY", "balance_minor": "0"}
            account = await at_the_bank(self.bank, "/api/accounts", holder)
            named = {"holder": holder["holder"], "number": account["number"], "passphrase": PHRASE}
            await trader.done("PUT", "/me/bank-account", named)

    async def _bring_float(self) -> None:
        """What cards have paid is at the bank only when the day is settled; until then payouts are out of a rich bidder's deposit."""
        now, desk = datetime.now(UTC), traded.house_desk()
        async with self.pool.acquire() as conn:
            hall = await traded.stage(conn, bidders=0, deposit_minor=FLOAT_MINOR, desk=desk, now=now)
            bidder = await stall.party(conn, now=now)
            applied = await applications.apply(conn, lot_id=hall.lot_id, party_id=bidder, now=now)
            assert isinstance(applied, Application), applied
            done = await applications.confirm(conn, desk, application_id=applied.id, operator_id=hall.operator, now=now)
            assert isinstance(done, Application) and done.deposit_id is not None, done
            deposit = await desk.deposits.deposit_by_id(conn, done.deposit_id)
            assert deposit is not None
        transfer = {"currency": "CNY", "amount_minor": str(FLOAT_MINOR), "reference": deposit.reference}
        await at_the_bank(self.bank, "/api/transfers", {"from_name": "Rich Bidder", **transfer})

    async def feed(self, deals: int) -> None:
        """So many hammers fall."""
        for _ in range(deals):
            number = self._fed % len(self.buyers)
            await until(partial(self._fall, self.buyers[number].party, self.seller_of(number).party))
            self._fed += 1

    async def _fall(self, buyer: int, seller: int) -> None:
        now = datetime.now(UTC)
        async with asyncio.timeout(10), self.pool.acquire() as conn:
            on = await traded.stage(conn, bidders=1, given=[buyer], deposit_minor=0, seller=seller, now=now)
            await traded.fall(conn, on, closed_at=now)

    async def goes_on(self) -> None:
        """Wait until the traders have been told something new, so that each kill meets trade on its way."""
        before = self.told.count
        if self._fed:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while True:
                    await asyncio.sleep(0.02)
                    if self.told.count > before:
                        return

    async def fails(self, chance: random.Random) -> None:
        """The switch does something wrong to the next messages, and something to the next captures."""
        for faults, applies_to in ((SWITCH_FAULTS, "any"), (CAPTURE_FAULTS, "capture")):
            fault = {"fault": chance.choice(faults), "times": chance.randrange(1, 4), "applies_to": applies_to}
            await at_the_bank(self.bank, "/api/faults", fault)


@pytest.mark.timeout(3600)
async def test_whoever_is_killed_each_deal_is_paid_once_and_the_books_agree(open_folder: Path) -> None:
    chance, told = random.Random(KILLS), Acknowledged()
    victims = Victims(open_folder / "money", log_level="warning", commission_bp=500)
    with telling(open_folder, told, victims):
        victims.start()
        victims.start_bank()
        postgres = EmbeddedPostgres(victims.folder).attach()
        pool = await create_pool(postgres, Role.APP, min_size=0, max_size=4)
        limits, patience = httpx2.Limits(max_connections=40), httpx2.Timeout(20)
        async with (
            httpx2.AsyncClient(base_url=victims.origin, trust_env=False, timeout=patience, limits=limits) as http,
            httpx2.AsyncClient(base_url=victims.bank, trust_env=False, timeout=patience) as bank,
            opened(Market(pool, http, bank, told), victims) as market,
            victims.kept_running(),
        ):
            stop = asyncio.Event()
            async with asyncio.TaskGroup() as group:
                for number, buyer in enumerate(market.buyers):
                    group.create_task(buyer.trade(market.seller_of(number), stop))
                round_number = 0
                while sum(victims.kills.values()) < KILLS:
                    await market.goes_on()
                    await market.feed(DEALS_A_ROUND)
                    await market.fails(chance)
                    if round_number % SETTLED_EVERY == SETTLED_EVERY - 1:
                        await at_the_bank(bank, "/api/settlements", {})
                    await asyncio.sleep(chance.uniform(0, 0.5))
                    for part in chosen(chance, round_number):
                        victims.kill_part(part)
                    round_number += 1
                await market.feed(len(market.buyers))
                await until(lambda: bank.delete("/api/faults"))
                stop.set()
            await until(lambda: is_quiet(postgres), PATIENCE_SECONDS)
            await at_the_bank(bank, "/api/settlements", {})
            await until(lambda: is_settled(postgres, victims), PATIENCE_SECONDS)
        owner = await connect(postgres, Role.OWNER)
        figures = await money_audit.books_agree(owner, told)
        await owner.close()
        await pool.close()
        print(  # noqa: T201
            f"kills {dict(victims.kills)}, ended by themselves {victims.ended_by_themselves}; {figures};"
            f" asked again {dict(told.asked_again)}"
        )
        assert not [each for each in victims.ended_by_themselves if each.startswith("house")]
        assert told.asked_again["500"] == 0, "whoever asks while something is away is told to ask again"
        victims.stop()


def chosen(chance: random.Random, number: int) -> tuple[str, ...]:
    """Each in turn at first, the vault with its house in the short form; then at random, every fourth time two at once."""
    first: tuple[tuple[str, ...], ...] = (("bank",), ("database",), ("vault",), ("house",))
    if not IS_LONG:
        first = (*first[:2], ("vault", "house"))
    if number < len(first):
        return first[number]
    return tuple(chance.sample(PARTS, 2 if number % 4 == 0 else 1))


@asynccontextmanager
async def opened(market: Market, victims: Victims) -> AsyncIterator[Market]:
    await market.join((victims.folder / "secrets" / "secret_key").read_text(encoding="utf-8").strip())
    yield market


async def is_quiet(address: Address) -> None:
    """Raises TimeoutError as long as anything goes on."""
    waiting = await _asked(address, money_audit.still_waiting)
    if waiting:
        raise TimeoutError(str(waiting))


async def is_settled(address: Address, victims: Victims) -> None:
    """The house takes the day's file in by itself, once a minute; the short form does not wait for that."""
    if not IS_LONG:
        await _settle(address, victims)
    if await _asked(address, lambda conn: ledger.balance(conn, "gateway", "CNY")):
        raise TimeoutError("the card day is not settled")


async def _settle(address: Address, victims: Victims) -> None:
    secret = (victims.folder / "secrets" / "bank_webhook_secret").read_text(encoding="utf-8").strip()
    link = SwitchLink("127.0.0.1", victims.switch_port, secret)
    gateway = Iso8583Gateway(link, victims.bank, secret)
    conn = await connect(address, Role.APP)
    try:
        for file in await gateway.settlements(await card_settlement.last_file(conn)):
            async with conn.transaction():
                await card_settlement.take(conn, file, datetime.now(UTC))
    finally:
        await gateway.close()
        await conn.close()


async def _asked(address: Address, question: Callable[[Any], Awaitable[T]]) -> T:
    async with asyncio.timeout(10):
        owner = await connect(address, Role.OWNER)
        try:
            return await question(owner)
        finally:
            await owner.close()


@contextmanager
def telling(folder: Path, told: Acknowledged, victims: Victims) -> Iterator[None]:
    """When it fails: what the processes have said last."""
    try:
        yield
    except BaseException:
        print(f"kills {dict(victims.kills)}, ended by themselves {victims.ended_by_themselves}, told {told}")  # noqa: T201
        for log in (*folder.glob("money*.log"), victims.folder / "postgres.log"):
            if log.exists():
                print(f"== {log.name}\n{log.read_text(errors='replace')[-6000:]}")  # noqa: T201
        victims.stop()
        raise


async def until(act: Callable[[], Awaitable[T]], seconds: float = 60) -> T:
    """Do it again until it works, whatever was killed meanwhile."""
    last: BaseException | None = None
    try:
        async with asyncio.timeout(seconds):
            while True:
                try:
                    return await act()
                except GONE as error:
                    last = error
                    await asyncio.sleep(0.3)
    except TimeoutError:
        raise TimeoutError(f"not in {seconds} s: {last!r}") from last
