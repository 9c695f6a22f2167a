"""The whole money path with the real sandbox bank, a process of its own, over HTTP: pay, ship, confirm, payout, settled."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx2
import pytest

from tests.deal.traded import PRICE, case_of, fall, stage
from tests.door.house_server import PHRASE, Server, run_server

if TYPE_CHECKING:
    from migrations.database import Address

PATIENCE_SECONDS = 30

BANK = """
import asyncio, sys
from pathlib import Path
from escrow.sandbox_bank.app import BankConfig, serve
from migrations.database import Address
folder, database, port, webhook, secret = sys.argv[1:]
address = Address(socket_folder=Path(folder), database=database)
asyncio.run(serve(BankConfig(address=address, port=int(port), webhook_url=webhook, secret=secret)))
"""


@pytest.fixture
async def server(database: Address, tmp_path: Path) -> AsyncIterator[Server]:
    async for running in run_server(database, tmp_path):
        yield running


@pytest.fixture
async def bank(server: Server) -> AsyncIterator[httpx2.AsyncClient]:
    """The sandbox bank in a process of its own, where the house looks for it."""
    config = server.house.config
    address = config.address
    arguments = [
        str(address.socket_folder),
        address.database,
        str(config.bank_listens_on),
        f"{server.origin}/webhooks/bank",
        config.bank_webhook_secret,
    ]
    process = subprocess.Popen(  # noqa: ASYNC220 -- it starts at once, and its start is waited for below
        [sys.executable, "-c", BANK, *arguments], env={**os.environ, "PYTHONPATH": "."}
    )
    try:
        async with httpx2.AsyncClient(base_url=config.bank_origin, trust_env=False) as client:
            await _until(lambda: _is_up(client, process))
            yield client
    finally:
        process.terminate()
        process.wait(10)


async def _is_up(client: httpx2.AsyncClient, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "the bank ended"
    try:
        return (await client.get("/healthz")).status_code == 200
    except httpx2.TransportError:
        return False


async def _until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await true():  # noqa: ASYNC110 -- another process can only be asked
            await asyncio.sleep(0.05)


async def test_a_payment_at_the_bank_becomes_money_in_the_sellers_account(
    server: Server, bank: httpx2.AsyncClient
) -> None:
    house, now = server.house, server.house.node_time.now()
    buyer, seller = await server.party(phrase=PHRASE), await server.party()
    async with house.pool.acquire() as conn:
        on = await stage(conn, desk=house.escrow, given=[buyer], seller=seller, deposit_minor=0, now=now)
        await fall(conn, on, closed_at=now)
        case = await case_of(conn, on)

    payer = await _account(bank, "The Buyer", 5_000_000)
    payee = await _account(bank, "The Seller", 0)
    async with house.pool.acquire() as conn, conn.transaction():
        await house.escrow.wallet.register_bank_account(conn, seller, "The Seller", payee, now)

    order = {"from_number": payer, "currency": "CNY", "amount_minor": str(case.due_minor), "reference": case.reference}
    sent = await bank.post("/api/transfers", json=order, headers={"idempotency-key": str(uuid4())})
    assert sent.status_code == 201, sent.text

    async def stands(state: str) -> bool:
        async with house.pool.acquire() as conn:
            return (await case_of(conn, on)).state == state

    await _until(lambda: stands("funded"))
    path, as_buyer, as_seller = f"/deals/{case.id}", await server.cookie(buyer), await server.cookie(seller)
    shipment = {"carrier": "SF Express", "tracking_number": "SF 1"}
    confirmed = {"understood": "1", "passphrase": PHRASE}
    assert (await server.client.post(f"{path}/ship", headers=as_seller, data=shipment)).status_code == 303
    assert (await server.client.post(f"{path}/received", headers=as_buyer)).status_code == 303
    assert (await server.client.post(f"{path}/confirm", headers=as_buyer, data=confirmed)).status_code == 303
    await _until(lambda: stands("settled"))
    balances = {each["number"]: each["balance_minor"] for each in (await bank.get("/api/accounts")).json()["accounts"]}
    assert (balances[payer], balances[payee]) == (str(5_000_000 - case.due_minor), str(PRICE - case.commission_minor))
    page = await server.client.get(path, headers=as_seller)
    assert "The deal is complete" in page.text


async def _account(bank: httpx2.AsyncClient, holder: str, balance_minor: int) -> str:
    wish = {"holder": holder, "currency": "CNY", "balance_minor": str(balance_minor)}
    opened = await bank.post("/api/accounts", json=wish)
    assert opened.status_code == 201, opened.text
    return str(opened.json()["number"])
