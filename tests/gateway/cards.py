"""What the card tests share: a bank in this process on real ports, a house's card payments, and payments that are signed."""

from __future__ import annotations

import asyncio
import base64
import itertools
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx2
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from escrow import dual_signature, envelopes
from escrow.card_facts import CardPayment, CardPurpose, CardRefusal, CardState, CardTarget, new_payment_id
from escrow.card_payments import CardPayments, Pace
from escrow.desk import EscrowDesk
from escrow.dual_signature import OrderInfo, PaymentInfo, PreparedPayment, canonical
from escrow.facts import Case
from escrow.gateway.iso8583 import Iso8583Gateway
from escrow.gateway.switch_link import SwitchLink
from escrow.sandbox_bank.app import BankConfig, running_app
from tests.escrow.trade import BUYER, Heard, terms
from tests.ports import free_port

if TYPE_CHECKING:
    from migrations.database import Address, Pool

SECRET = "whsec_" + base64.b64encode(b"the house and its bank share this").decode()
GOOD, OTHER, POOR, UNION = "4111111111111111", "4242424242424242", "5555555555554444", "6200000000000005"
EXPIRY = "2031-12"
PATIENCE_SECONDS = 20
CHANGE_CAP_MINOR = 50_000
QUICK = Pace(first_pause_seconds=0.02, ask_again_seconds=0.05, claim_seconds=5.0, longest_pause_seconds=0.2)
_subjects = itertools.count(1)
_key = Ed25519PrivateKey.generate()
PUBLIC_KEY = _key.public_key().public_bytes_raw()


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Bank:
    """The sandbox bank in this process: HTTP and switch on real ports."""

    url: str
    switch_port: int
    client: httpx2.AsyncClient
    point: bytes = b""

    async def post(self, path: str, status: int = 201, **body: Any) -> Any:
        answer = await self.client.post(path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def get(self, path: str) -> Any:
        return (await self.client.get(path)).raise_for_status().json()

    async def fault(self, fault: str, **how: Any) -> None:
        await self.post("/api/faults", 200, fault=fault, **how)

    async def payment(self, payment_id: str) -> dict[str, Any] | None:
        found = (await self.get("/api/card-payments"))["payments"]
        return next((each for each in found if each["id"] == payment_id), None)

    async def learn_key(self) -> None:
        text = (await self.get("/api/card-key"))["point"]
        self.point = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@asynccontextmanager
async def running_bank(address: Address, webhook_url: str = "http://127.0.0.1:9/") -> AsyncIterator[Bank]:
    port, switch_port = free_port(), free_port()
    config = BankConfig(address=address, port=port, switch_port=switch_port, webhook_url=webhook_url, secret=SECRET)
    async with running_app(config) as app:
        server = uvicorn.Server(
            uvicorn.Config(app, port=port, log_level="error", access_log=False, ws="none", lifespan="off")
        )
        serving = asyncio.create_task(server.serve())
        url = f"http://127.0.0.1:{port}"
        async with httpx2.AsyncClient(base_url=url, trust_env=False, timeout=60) as client:
            bank = Bank(url, switch_port, client)
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not server.started:  # noqa: ASYNC110 -- uvicorn has no event for it
                    await asyncio.sleep(0.005)
            await bank.learn_key()
            yield bank
        server.should_exit = True
        await serving


@dataclass
class Till:
    """A house's card payments over a bank."""

    pool: Pool
    cards: CardPayments
    desk: EscrowDesk
    link: SwitchLink
    bank_point: bytes
    heard: Heard = field(default_factory=Heard)

    async def open_case(self, price_minor: int = 10_000) -> Case:
        async with self.pool.acquire() as conn, conn.transaction():
            subject = f"lot:{next(_subjects)}"
            return await self.desk.settlement.open_case(conn, terms(price_minor, subject=subject), now())

    async def case(self, case: Case) -> Case:
        async with self.pool.acquire() as conn:
            found = await self.desk.settlement.case_by_id(conn, case.id)
        assert found is not None
        return found

    async def pay(self, case: Case, pan: str = GOOD, **changed: Any) -> CardPayment:
        """Pay a case by card; it must not be refused."""
        prepared = self.prepared(CardTarget(CardPurpose.CASE, case.id), case.due_minor, pan, **changed)
        paid = await self.cards.pay(CardTarget(CardPurpose.CASE, case.id), BUYER, prepared, now())
        assert isinstance(paid, CardPayment), paid
        return paid

    def prepared(self, target: CardTarget, amount_minor: int, pan: str = GOOD, **changed: Any) -> PreparedPayment:
        return prepared(self.bank_point, target, amount_minor, pan, **changed)

    async def fresh(self, payment: CardPayment) -> CardPayment:
        async with self.pool.acquire() as conn:
            found = await self.cards.payment(conn, payment.id)
        assert found is not None
        return found

    async def until(self, payment: CardPayment, *states: CardState, told: bool = False) -> CardPayment:
        """The payment once it is in one of the states (and, with `told`, acknowledged by the bank)."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                found = await self.fresh(payment)
                if found.state in states and (found.acknowledged_at is not None or not told):
                    return found
                await asyncio.sleep(0.01)


@asynccontextmanager
async def open_till(pool: Pool, bank: Bank, *, pace: Pace = QUICK, answer_seconds: float = 0.25) -> AsyncIterator[Till]:
    heard = Heard()
    desk = heard.desk()
    link = SwitchLink("127.0.0.1", bank.switch_port, SECRET, answer_seconds=answer_seconds, connect_seconds=0.5)
    gateway = Iso8583Gateway(link, bank.url, SECRET)
    cards = CardPayments(pool, gateway, desk, now, pace, change_cap_minor=CHANGE_CAP_MINOR)
    running = asyncio.create_task(cards.run())
    await asyncio.sleep(0)
    try:
        yield Till(pool, cards, desk, link, bank.point, heard)
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


def prepared(
    point: bytes,
    target: CardTarget,
    amount_minor: int,
    pan: str = GOOD,
    *,
    expiry: str = EXPIRY,
    currency: str = "CNY",
    payment_id: str | None = None,
    told_minor: int | None = None,
    nonce: str | None = None,
) -> PreparedPayment:
    """What the vault would give: both halves, signed. `told_minor`: another sum in the bank's half than in the order."""
    payment_id = payment_id or new_payment_id()
    order = canonical(
        OrderInfo(
            payment_id=payment_id,
            subject=str(target),
            reference="GH-P-TEST",
            payee="Li Na",
            currency=currency,
            amount_minor=str(amount_minor),
            contract_sha256="00" * 32,
            at="2026-03-02T09:00:00Z",
        )
    )
    payment = canonical(
        PaymentInfo(
            payment_id=payment_id,
            pan=pan,
            expiry=expiry,
            holder="WANG XIU",
            currency=currency,
            amount_minor=str(told_minor or amount_minor),
            nonce=nonce or secrets.token_hex(32),
        )
    )
    order_digest = _sha256(order)
    return PreparedPayment(
        payment_id=payment_id,
        order=order,
        order_digest=order_digest,
        payment_digest=_sha256(payment),
        signature=dual_signature.sign(_key, payment, order),
        public_key=PUBLIC_KEY,
        envelope=envelopes.seal_payment(point, payment, order_digest),
    )


def _sha256(body: bytes) -> bytes:
    from hashlib import sha256

    return sha256(body).digest()


def refused(answer: CardPayment | CardRefusal) -> CardRefusal:
    assert isinstance(answer, CardRefusal), answer
    return answer
