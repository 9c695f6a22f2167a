"""The house and the sandbox bank as they run: two programs that know each other by HTTP alone, either of which may die."""

from __future__ import annotations

import asyncio
import base64
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
import uvicorn
from standardwebhooks import Webhook
from starlette.applications import Starlette

from escrow import books
from escrow.bank_client import BankClient
from escrow.clock import EscrowClock
from escrow.facts import Case, DepositState, PayoutState, Quarantined, QuarantineReason, State
from escrow.routes import routes
from escrow.sandbox_bank.numbers import account_number
from tests.escrow.bank_process import BankProcess
from tests.escrow.trade import BUYER, CENTRE, SELLER, Heard, taken, terms
from tests.ports import free_port

if TYPE_CHECKING:
    from asyncpg import Pool, Record

    from migrations.database import Address

SECRET = "whsec_" + base64.b64encode(b"the house and its bank share this").decode()


def now() -> datetime:
    return datetime.now(UTC)


class House:
    """The part of the server that the bank can see: the webhook's door and the clocks."""

    def __init__(self, pool: Pool[Record], port: int, bank_url: str) -> None:
        self.pool = pool
        self.heard = Heard()
        self.desk = self.heard.desk()
        self._port = port
        self._bank_url = bank_url

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Serve and keep the clocks running, on a real port."""
        app = Starlette(routes=list(routes(self.pool, self.desk, [SECRET], now)))
        server = uvicorn.Server(
            uvicorn.Config(app, port=self._port, log_level="error", access_log=False, ws="none", lifespan="off")
        )
        serving = asyncio.create_task(server.serve())
        bank = BankClient(self._bank_url, SECRET)
        clock = EscrowClock(self.pool, now, self.desk, bank, CENTRE)
        clocks = asyncio.create_task(_run(clock))
        try:
            yield
        finally:
            clocks.cancel()
            await asyncio.gather(clocks, return_exceptions=True)
            await bank.close()
            server.should_exit = True
            await serving


async def _run(clock: EscrowClock) -> None:
    async with asyncio.TaskGroup() as group:
        clock.run(group)


@pytest.fixture
async def bank(database: Address) -> AsyncIterator[BankProcess]:
    process = BankProcess(database, free_port(), free_port(), SECRET)
    await process.start()
    yield process
    process.end()


@pytest.fixture
def house(pool: Pool[Record], bank: BankProcess) -> House:
    return House(pool, bank.house_port, bank.url)


@pytest.fixture
async def customer(bank: BankProcess) -> AsyncIterator[Callable[..., Awaitable[dict[str, Any]]]]:
    """Posts JSON to the bank as a customer's program would."""
    async with httpx2.AsyncClient(base_url=bank.url, trust_env=False) as client:

        async def post(path: str, status: int = 201, headers: dict[str, str] | None = None, **body: Any) -> Any:
            answer = await client.post(path, json=body, headers=headers)
            assert answer.status_code == status, answer.text
            return answer.json()

        yield post


async def until(condition: Callable[[], Awaitable[Any]], seconds: float = 40) -> Any:
    """Wait for something that another program brings about; its value when it is true."""
    async with asyncio.timeout(seconds):
        while not (value := await condition()):  # noqa: ASYNC110 -- what we wait for happens in another process
            await asyncio.sleep(0.02)
        return value


async def state_of(house: House, case: Case) -> State:
    async with house.pool.acquire() as conn:
        found = await house.desk.settlement.case_by_id(conn, case.id)
        assert found is not None
        return found.state


async def open_case(house: House, price: int = 100_000, deposit: int = 0) -> Case:
    async with house.pool.acquire() as conn, conn.transaction():
        return await house.desk.settlement.open_case(conn, terms(price, deposit), now())


Customer = Callable[..., Awaitable[dict[str, Any]]]


async def test_a_whole_trade_through_the_bank_from_the_deposit_to_the_sellers_account(
    house: House, bank: BankProcess, customer: Customer
) -> None:
    buyers = await customer("/api/accounts", holder="王秀", currency="CNY", balance_minor="500000")
    sellers = await customer("/api/accounts", holder="Li Na", currency="CNY", balance_minor="0")
    async with house.open():
        async with house.pool.acquire() as conn, conn.transaction():
            await house.desk.wallet.register_bank_account(conn, SELLER, "Li Na", sellers["number"], now())
            deposit = await house.desk.deposits.request_deposit(
                conn, subject="lot:1", party_id=BUYER, amount_minor=10_000, currency="CNY", now=now()
            )
        pay = {"from_number": buyers["number"], "currency": "CNY"}
        await customer("/api/transfers", **pay, amount_minor="10000", reference=deposit.reference)
        await until(lambda: _is_held(house, deposit.id))

        case = await open_case(house, 100_000, 10_000)
        await customer("/api/transfers", **pay, amount_minor="90000", reference=f"lot 1 {case.reference}")
        await until(lambda: _is(house, case, State.FUNDED))
        async with house.pool.acquire() as conn, conn.transaction():
            taken(await house.desk.settlement.ship(conn, case.id, SELLER, "SF", "SF1", now()))
            taken(await house.desk.settlement.receive(conn, case.id, BUYER, now()))
            taken(await house.desk.settlement.confirm_receipt(conn, case.id, BUYER, now()))
        await until(lambda: _is(house, case, State.SETTLED))
    balances = await _balances(bank)
    assert (balances[buyers["number"]], balances[sellers["number"]]) == (400_000, 92_000)
    async with house.pool.acquire() as conn:
        assert await books.faults(conn) == []
        centre = next(row for row in await books.trial_balance(conn) if row.kind == "bank" and row.currency == "CNY")
    assert centre.debit_minor == balances[CENTRE.accounts["CNY"]] == 8_000, "the book and the bank agree"


async def test_told_twice_and_by_a_bank_killed_in_between_the_money_counts_once(
    house: House, bank: BankProcess, customer: Customer
) -> None:
    await customer("/api/settings", 200, deliver_twice=True)
    case = await open_case(house)
    paid = {"from_name": "Wang", "currency": "CNY", "amount_minor": "100000", "reference": case.reference}
    key = {"idempotency-key": "one payment"}
    first = await customer("/api/transfers", headers=key, **paid)
    assert await customer("/api/transfers", headers=key, **paid) == first, "the bank knows the request"
    bank.end(signal.SIGKILL)  # the house was not there, so the notice lies in the outbox
    async with house.open():
        await bank.start()
        await until(lambda: _is(house, case, State.FUNDED))
        await until(lambda: _all_delivered(bank))
    async with house.pool.acquire() as conn:
        assert await conn.fetchval("select count(*) from escrow.bank_notice") == 1
        assert [event.to_state for event in house.heard.events] == [State.AWAITING_PAYMENT, State.FUNDED]
        assert await books.faults(conn) == []


async def test_a_house_killed_after_sending_a_file_sends_it_again_and_the_bank_pays_once(
    house: House, bank: BankProcess, customer: Customer
) -> None:
    sellers = await customer("/api/accounts", holder="Li Na", currency="CNY", balance_minor="0")
    desk = house.desk
    async with house.pool.acquire() as conn, conn.transaction():
        await desk.wallet.register_bank_account(conn, SELLER, "Li Na", sellers["number"], now())
    case = await open_case(house)
    await customer("/api/transfers", from_name="Wang", currency="CNY", amount_minor="100000", reference=case.reference)
    async with house.open():
        await until(lambda: _is(house, case, State.FUNDED))
    async with house.pool.acquire() as conn, conn.transaction():
        await desk.settlement.ship(conn, case.id, SELLER, "SF", "SF1", now())
        await desk.settlement.receive(conn, case.id, BUYER, now())
        await desk.settlement.confirm_receipt(conn, case.id, BUYER, now())
    # A clock that dies between the bank's answer and its own commit: the file is sent, the row still says unsent.
    client = BankClient(bank.url, SECRET)
    async with house.pool.acquire() as conn, conn.transaction():
        assert await desk.payouts.build_batch(conn, CENTRE, now())
    async with house.pool.acquire() as conn:
        row = await conn.fetchrow("select message_id, body from escrow.payout_batch")
    assert row is not None
    await client.send_payout_file(row["message_id"], row["body"])
    await client.close()
    async with house.open():
        await until(lambda: _is(house, case, State.SETTLED))
    assert (await _balances(bank))[sellers["number"]] == 92_000
    async with house.pool.acquire() as conn:
        assert await conn.fetchval("select sent_at is not null from escrow.payout_batch")


async def test_a_payout_to_no_account_comes_back_and_money_nobody_knows_is_sent_home(
    house: House, bank: BankProcess, customer: Customer
) -> None:
    strangers = await customer("/api/accounts", holder="Stranger", currency="CNY", balance_minor="7000")
    async with house.open():
        await customer(
            "/api/transfers",
            from_number=strangers["number"],
            currency="CNY",
            amount_minor="7000",
            reference="hello",
        )
        (item,) = await until(lambda: _quarantined(house))
        assert item.reason is QuarantineReason.UNKNOWN_REFERENCE
        async with house.pool.acquire() as conn, conn.transaction():
            await house.desk.quarantine.return_quarantined(conn, item.id, 1, "whose is it?", now())
        await until(lambda: _payout_is(house, PayoutState.SETTLED))
        async with house.pool.acquire() as conn, conn.transaction():
            wrong = account_number(99_999)
            await house.desk.wallet.register_bank_account(conn, BUYER, "Wang", wrong, now())
        await customer("/api/transfers", from_name="Wang", currency="CNY", amount_minor="500", reference="?")
        (other,) = await until(lambda: _quarantined(house))
        async with house.pool.acquire() as conn, conn.transaction():
            await house.desk.quarantine.apply_quarantined(
                conn, other.id, operator_id=1, note="Wang's", now=now(), wallet_of=BUYER
            )
            await house.desk.wallet.withdraw(conn, BUYER, 500, "CNY", now())
        await until(lambda: _payout_is(house, PayoutState.RETURNED))
    assert (await _balances(bank))[strangers["number"]] == 7_000
    async with house.pool.acquire() as conn:
        assert await house.desk.wallet.balance(conn, BUYER, "CNY") == 500
        assert await books.faults(conn) == []


async def test_what_is_not_signed_by_the_bank_is_not_heard(house: House, bank: BankProcess) -> None:
    case = await open_case(house)
    body = (
        '{"type":"transfer.received","timestamp":"2026-03-02T09:00:00Z","data":{"id":"BT-FORGED","currency":"CNY",'
        f'"amount_minor":"100000","reference":"{case.reference}","booked_at":"2026-03-02T09:00:00Z"}}}}'
    )
    forger = Webhook("whsec_" + base64.b64encode(b"some other secret").decode())
    friend = Webhook(SECRET)
    async with house.open(), httpx2.AsyncClient(trust_env=False) as client:
        url = f"http://127.0.0.1:{bank.house_port}/webhooks/bank"

        async def send(signer: Webhook, at: datetime, sent: str, signed: str) -> int:
            headers = {
                "webhook-id": "msg_1",
                "webhook-timestamp": str(int(at.timestamp())),
                "webhook-signature": signer.sign("msg_1", at, signed),
            }
            return (await client.post(url, content=sent, headers=headers)).status_code

        await until(lambda: _answers(client, url))
        old = datetime(2026, 3, 2, tzinfo=UTC)
        assert (await client.post(url, content=body)).status_code == 401
        assert await send(forger, now(), body, body) == 401
        assert await send(friend, now(), body.replace("100000", "100001"), body) == 401
        assert await send(friend, old, body, body) == 401
        assert await send(friend, now(), "{}", "{}") == 422
        for bad in ('"-5"', '"1e5"', '"0"', "100000", '"١٢"', '"9999999999999999"'):
            wrong = body.replace('"100000"', bad)
            assert await send(friend, now(), wrong, wrong) == 422
        large = body + " " * 20_000
        assert await send(friend, now(), large, large) == 413
        assert await state_of(house, case) is State.AWAITING_PAYMENT
        assert await send(friend, now(), body, body) == 200
        assert await send(friend, now(), body, body) == 200, "told again, it is still well"
        other = body.replace("100000", "100001")
        assert await send(friend, now(), other, other) == 409
        assert await state_of(house, case) is State.FUNDED


async def _is_held(house: House, deposit_id: int) -> bool:
    async with house.pool.acquire() as conn:
        deposit = await house.desk.deposits.deposit_by_id(conn, deposit_id)
    return deposit is not None and deposit.state is DepositState.HELD


async def _quarantined(house: House) -> list[Quarantined]:
    async with house.pool.acquire() as conn:
        return await house.desk.quarantine.items(conn)


async def _is(house: House, case: Case, state: State) -> bool:
    return await state_of(house, case) is state


async def _payout_is(house: House, state: PayoutState) -> bool:
    async with house.pool.acquire() as conn:
        latest = await house.desk.payouts.payouts(conn)
    return bool(latest) and latest[0].state is state


async def _all_delivered(bank: BankProcess) -> bool:
    async with httpx2.AsyncClient(trust_env=False) as client:
        return bool((await client.get(f"{bank.url}/healthz")).json()["undelivered"] == 0)


async def _answers(client: httpx2.AsyncClient, url: str) -> bool:
    try:
        await client.get(url)
    except httpx2.TransportError:
        return False
    return True


async def _balances(bank: BankProcess) -> dict[str, int]:
    async with httpx2.AsyncClient(trust_env=False) as client:
        rows = (await client.get(f"{bank.url}/api/accounts")).json()["accounts"]
    return {row["number"]: int(row["balance_minor"]) for row in rows}
