"""Chargebacks and debts while others spend: what is told once counts once, and nothing leaves a debtor's wallet."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from escrow import books, debts, ledger
from escrow.bank_client import BankClient
from escrow.card_facts import CardPurpose
from escrow.clock import EscrowClock
from escrow.facts import BankNotice, NoticeKind, Outcome, Payout
from escrow.sandbox_bank.numbers import account_number
from migrations.database import Role, create_pool
from tests.escrow.card_money import paid_by_card
from tests.escrow.invariants import broken
from tests.escrow.trade import BUYER, CENTRE, DAY, NOW, Heard

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from asyncpg import Pool, Record

    from migrations.database import Address


@pytest.fixture
async def pool(database: Address) -> AsyncIterator[Pool[Record]]:
    made = await create_pool(database, Role.APP, min_size=4)
    yield made
    await made.close()


def taken_back(payment: str, number: int, amount_minor: int) -> BankNotice:
    return BankNotice(
        bank_id=f"CB-{number}", kind=NoticeKind.CHARGEBACK, currency="CNY", amount_minor=amount_minor,
        reference=payment, booked_at=NOW, reason="fraud",
    )  # fmt: skip


async def test_of_chargebacks_at_once_one_counts_and_a_race_with_spending_loses_nothing(pool: Pool[Record]) -> None:
    desk = Heard().desk()
    async with pool.acquire() as conn, conn.transaction():
        payment = await paid_by_card(desk, conn, CardPurpose.WALLET, 10_000)
        await desk.wallet.register_bank_account(conn, BUYER, "Wang Xiu", account_number(2001), NOW)

    async def tell(number: int) -> Outcome:
        async with pool.acquire() as conn, conn.transaction():
            return (await desk.inbox.receive(conn, taken_back(payment, number, 10_000), NOW)).outcome

    async def spend() -> bool:
        async with pool.acquire() as conn, conn.transaction():
            return isinstance(await desk.wallet.withdraw(conn, BUYER, 2_500, "CNY", NOW), Payout)

    told, spent = await asyncio.gather(
        asyncio.gather(*(tell(number) for number in (1, 1, 2, 3))), asyncio.gather(*(spend() for _ in range(4)))
    )
    assert sorted(told).count(Outcome.CHARGEBACK_OPENED) in (1, 2), "the same notice again has the same answer"
    async with pool.acquire() as conn:
        assert await conn.fetchval("select count(*) from escrow.chargeback") == 1
        owed, held = await debts.owed(conn, BUYER, "CNY"), await ledger.balance(conn, f"wallet:{BUYER}", "CNY")
        assert (owed, held) == (2_500 * sum(spent), 0), "what was out of the wallet before is his debt"
        assert await books.faults(conn) == []
        assert await broken(conn) == []


async def test_the_clock_takes_what_comes_to_whoever_owes_once(pool: Pool[Record]) -> None:
    desk = Heard().desk()
    async with pool.acquire() as conn, conn.transaction():
        payment = await paid_by_card(desk, conn, CardPurpose.WALLET, 10_000)
        await desk.wallet.register_bank_account(conn, BUYER, "Wang Xiu", account_number(2001), NOW)
        assert isinstance(await desk.wallet.withdraw(conn, BUYER, 10_000, "CNY", NOW), Payout)
        await desk.inbox.receive(conn, taken_back(payment, 1, 10_000), NOW)
    for amount, owed, left in ((4_000, 6_000, 0), (9_000, 0, 3_000)):
        async with pool.acquire() as conn, conn.transaction():
            await paid_by_card(desk, conn, CardPurpose.WALLET, amount)
        bank = BankClient("http://127.0.0.1:9", "whsec_" + "dGVzdHMgb25seSwgbm90aGluZyBzZWNyZXQhIQ==")
        clocks = [EscrowClock(pool, lambda: NOW + DAY, desk, bank, CENTRE) for _ in range(3)]
        await asyncio.gather(*(clock.fire_due_timers() for clock in clocks))
        await bank.close()
        async with pool.acquire() as conn:
            assert await debts.owed(conn, BUYER, "CNY") == owed
            assert await ledger.balance(conn, f"wallet:{BUYER}", "CNY") == left
            assert await broken(conn) == []
