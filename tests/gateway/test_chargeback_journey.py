"""A card payment taken back after the seller was paid: bank, webhook, case, ledger and settlement file, as they run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
import uvicorn
from starlette.applications import Starlette

from escrow import books, claims_store, ledger
from escrow.card_facts import CardState
from escrow.facts import Case, Refusal, State
from escrow.routes import routes
from migrations.database import Role, create_pool
from tests.auction.house import until
from tests.escrow.trade import BUYER, OPERATOR, SELLER, taken
from tests.gateway.cards import SECRET, Bank, Till, now, open_till, running_bank
from tests.ports import free_port

if TYPE_CHECKING:
    from migrations.database import Address


@pytest.fixture
async def trade(database: Address) -> AsyncIterator[tuple[Bank, Till]]:
    """A bank that reaches the house's webhook."""
    pool, port = await create_pool(database, Role.APP, min_size=1), free_port()
    async with (
        running_bank(database, f"http://127.0.0.1:{port}/webhooks/bank") as bank,
        open_till(pool, bank, answer_seconds=10) as till,
    ):
        app = Starlette(routes=list(routes(pool, till.desk, [SECRET], now)))
        server = uvicorn.Server(
            uvicorn.Config(app, port=port, log_level="error", access_log=False, ws="none", lifespan="off")
        )
        serving = asyncio.create_task(server.serve())
        yield bank, till
        server.should_exit = True
        await serving
    await pool.close()


async def test_what_the_bank_takes_back_comes_from_the_seller_and_every_account_ends_even(
    trade: tuple[Bank, Till],
) -> None:
    bank, till = trade
    for won, left in ((True, 100_000), (False, 160_000)):
        case = await till.open_case(100_000)
        paid = await till.pay(case)
        await till.until(paid, CardState.CAPTURED, told=True)
        await till.cards.settle_today()
        async with till.pool.acquire() as conn, conn.transaction():
            await till.desk.settlement.ship(conn, case.id, SELLER, "SF", "SF1", now())
            await till.desk.settlement.receive(conn, case.id, BUYER, now())
            assert (
                taken(await till.desk.settlement.confirm_receipt(conn, case.id, BUYER, now())).state is State.RELEASED
            )
        opened = await bank.post(
            "/api/chargebacks", payment_id=paid.id, reason="not_as_described", amount_minor="40000"
        )
        await _until_it_is(till, case, "open")
        await _answer(till, case, "He signed for it.")
        await till.cards.settle_today()
        assert await _balance(till, "gateway") == -40_000, "the bank has it, and nobody has decided"
        await bank.post(f"/api/chargebacks/{opened['id']}/decide", 200, won=won)
        await _until_it_is(till, case, "won" if won else "lost")
        await till.cards.settle_today()
        assert await _balance(till, "gateway") == 0
        async with till.pool.acquire() as conn:
            assert await till.cards.differences(conn) == []
            assert await books.faults(conn) == []
        centre = {each["number"]: each["balance_minor"] for each in (await bank.get("/api/accounts"))["accounts"]}
        assert -await _balance(till, "bank") == sum(int(each) for each in centre.values()) == left


async def _answer(till: Till, case: Case, text: str) -> None:
    """The house answers; the answer is a row that is told until the bank has it."""
    async with till.pool.acquire() as conn, conn.transaction():
        (one,) = await till.desk.chargebacks.of_case(conn, case.id)
        assert not isinstance(await till.desk.chargebacks.answer(conn, one.id, text, OPERATOR, now()), Refusal)
    till.cards.wake()

    async def told() -> bool:
        async with till.pool.acquire() as conn:
            answer = await claims_store.answer_of(conn, one.id)
        assert answer is None or answer.refused_code is None
        return answer is not None and answer.told_at is not None

    await until(told)


async def _until_it_is(till: Till, case: Case, state: str) -> None:
    """Wait for what the bank's notice brings about."""
    async with asyncio.timeout(20):
        while True:
            async with till.pool.acquire() as conn:
                found = await till.desk.chargebacks.of_case(conn, case.id)
            if [each.state for each in found] == [state]:
                return
            await asyncio.sleep(0.02)


async def _balance(till: Till, path: str) -> int:
    async with till.pool.acquire() as conn:
        return await ledger.balance(conn, path, "CNY")
