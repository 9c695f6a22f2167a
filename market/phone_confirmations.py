"""Paying with the payer's word from a second device: asked, shown, confirmed or denied, captured, kept on both sides.

Nine steps, described in docs/wallet.md. A confirmation is committed before the money moves; whoever finds a confirmed
request without an end (the clock, after a crash) finishes it, and the payment id makes twice once.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec
from asyncpg import UniqueViolationError

from escrow.card_facts import CardOutcome, CardPayment, CardPurpose, CardRefusal, CardTarget
from escrow.dual_signature import PreparedPayment
from escrow.facts import Case, Refusal
from escrow.vault_facts import WalletHandle
from market import card_orders, notices, phone_store
from market.card_orders import Prepared, Wanted
from market.checkout import wanted_of
from market.currencies import money_text
from market.phone_store import Method, PhoneMeans, PhoneRequest, PhoneState

if TYPE_CHECKING:
    from market.checkout import Desk
    from market.house import House
    from migrations.database import Connection

REQUEST_SECONDS = 300
ONE_RUNNING = "phone_request_one_running"
LEFT_BEHIND_SECONDS = 15
"""A confirmed request without an end is taken up by the clock after this long."""


class PhoneRefusal(StrEnum):
    """In the order in which they are tested; the sentence is `market_refusal.<value>`."""

    NO_SECOND_DEVICE = "no_second_device"
    PHONE_BUSY = "phone_busy"
    NO_SUCH_REQUEST = "no_such_request"
    REQUEST_ENDED = "request_ended"
    PROOF_WRONG = "proof_wrong"


async def ask(
    house: House, desk: Desk, party_id: int, now: datetime, *, handle: WalletHandle | None, card_id: int | None
) -> PhoneRequest | StrEnum:
    """Put the payment before the payer's phone. With a card, the unlocked wallet signs it now; the phone sends it off."""
    if not desk.is_open:
        return CardRefusal.NOT_AWAITED
    if desk.phone is not None and desk.phone.is_running:
        return PhoneRefusal.PHONE_BUSY
    wanted = wanted_of(desk.deal, desk.case)
    prepared: Prepared | None = None
    if handle is not None and card_id is not None:
        signed = await card_orders.prepare(house, handle, card_id, wanted, now)
        if not isinstance(signed, Prepared):
            return signed
        prepared = signed
    elif desk.wallet_minor < desk.case.due_minor:
        return Refusal.INSUFFICIENT_BALANCE
    try:
        return await _put(house, desk, party_id, now, wanted, prepared)
    except UniqueViolationError as error:
        if error.constraint_name != ONE_RUNNING:
            raise
        return PhoneRefusal.PHONE_BUSY  # asked for twice in the same moment


async def _put(
    house: House, desk: Desk, party_id: int, now: datetime, wanted: Wanted, prepared: Prepared | None
) -> PhoneRequest | PhoneRefusal:
    async with house.pool.acquire() as conn, conn.transaction():
        if await phone_store.running_of_case(conn, desk.case.id) is not None:
            return PhoneRefusal.PHONE_BUSY
        if prepared is not None:
            await card_orders.keep(conn, prepared.payment, wanted, party_id, prepared.card, now)
        request_id = await phone_store.insert(
            conn,
            party_id=party_id,
            case_id=desk.case.id,
            means=PhoneMeans.CARD if prepared else PhoneMeans.WALLET,
            means_label=f"{prepared.card.brand} ·· {prepared.card.last4}" if prepared else "",
            payee=wanted.payee,
            currency=wanted.currency,
            amount_minor=wanted.amount_minor,
            nonce=os.urandom(32),
            prepared=msgspec.msgpack.encode([prepared.payment, prepared.wallet_key]) if prepared else None,
            payment_id=prepared.payment.payment_id if prepared else None,
            created_at=now,
            expires_at=now + timedelta(seconds=REQUEST_SECONDS),
        )
        sum_text = money_text(wanted.amount_minor, wanted.currency)
        params = {"sum": sum_text, "payee": wanted.payee}
        await notices.notify(conn, [party_id], "phone_request", params, f"/phone/{request_id}", now)
        asked = await phone_store.request_by_id(conn, request_id)
    assert asked is not None, "it was just inserted"
    return asked


async def answer(
    house: House,
    request_id: int,
    party_id: int,
    method: Method,
    prove: Callable[[Connection, PhoneRequest], Awaitable[bool]],
    now: datetime,
) -> PhoneRequest | PhoneRefusal:
    """The payer's yes. `prove` looks at the passkey's signature or the code, in the transaction that counts it."""
    async with house.pool.acquire() as conn, conn.transaction():
        request = await phone_store.lock_request(conn, request_id)
        if request is None or request.party_id != party_id:
            return PhoneRefusal.NO_SUCH_REQUEST
        if request.state is not PhoneState.REQUESTED or now >= request.expires_at:
            return PhoneRefusal.REQUEST_ENDED
        if not await prove(conn, request):
            return PhoneRefusal.PROOF_WRONG
        await phone_store.confirm(conn, request_id, method, now)
    return await capture(house, request_id, now)


async def deny(house: House, request_id: int, party_id: int, now: datetime) -> PhoneRequest | PhoneRefusal:
    """The payer's no: nothing is paid, and the deal waits as before."""
    async with house.pool.acquire() as conn, conn.transaction():
        request = await phone_store.lock_request(conn, request_id)
        if request is None or request.party_id != party_id:
            return PhoneRefusal.NO_SUCH_REQUEST
        if request.state is not PhoneState.REQUESTED:
            return PhoneRefusal.REQUEST_ENDED
        await phone_store.end(conn, request_id, PhoneState.REFUSED, None, now)
        ended = await phone_store.request_by_id(conn, request_id)
    assert ended is not None, "requests are never deleted"
    return ended


async def capture(house: House, request_id: int, now: datetime) -> PhoneRequest:
    """Move the money of a confirmed request, or learn what became of it; safe to call again."""
    async with house.pool.acquire() as conn:
        request = await phone_store.request_by_id(conn, request_id)
    assert request is not None, "requests are never deleted"
    if request.state is not PhoneState.CONFIRMED:
        return request
    if request.means is PhoneMeans.WALLET:
        async with house.pool.acquire() as conn, conn.transaction():
            locked = await phone_store.lock_request(conn, request_id)
            if locked is not None and locked.state is PhoneState.CONFIRMED:
                paid = await house.escrow.settlement.pay_from_wallet(conn, request.case_id, request.party_id, now)
                await _end_wallet(conn, request_id, paid, now)
    else:
        payment = await _card(house, request, now)
        async with house.pool.acquire() as conn, conn.transaction():
            locked = await phone_store.lock_request(conn, request_id)
            if locked is not None and locked.state is PhoneState.CONFIRMED:
                await _end_card(conn, request_id, payment, now)
    async with house.pool.acquire() as conn:
        after = await phone_store.request_by_id(conn, request_id)
    assert after is not None, "requests are never deleted"
    return after


async def _card(house: House, request: PhoneRequest, now: datetime) -> CardPayment | StrEnum:
    assert request.payment_id is not None and request.prepared is not None, "a card's request has its payment"
    async with house.pool.acquire() as conn:
        known = await house.card_payments.payment(conn, request.payment_id)
    if known is not None:
        return known
    prepared, wallet_key = msgspec.msgpack.decode(request.prepared, type=tuple[PreparedPayment, bytes])
    target = CardTarget(CardPurpose.CASE, request.case_id)
    paid: CardPayment | StrEnum = await house.card_payments.pay(
        target, request.party_id, prepared, now, wallet_key=wallet_key
    )
    if isinstance(paid, CardPayment):
        return paid
    async with house.pool.acquire() as conn:  # Refused also because another process has begun this very payment.
        return await house.card_payments.payment(conn, request.payment_id) or paid


async def _end_wallet(conn: Connection, request_id: int, paid: Case | Refusal, now: datetime) -> None:
    if isinstance(paid, Case):
        await phone_store.end(conn, request_id, PhoneState.CAPTURED, None, now)
    else:
        await phone_store.end(conn, request_id, PhoneState.DECLINED, f"escrow_refusal.{paid}", now)


async def _end_card(conn: Connection, request_id: int, payment: CardPayment | StrEnum, now: datetime) -> None:
    if not isinstance(payment, CardPayment):
        await phone_store.end(conn, request_id, PhoneState.DECLINED, f"card_refusal.{payment}", now)
    elif payment.outcome is CardOutcome.PAID:
        await phone_store.end(conn, request_id, PhoneState.CAPTURED, None, now)
    elif payment.outcome is not CardOutcome.PENDING:
        reason = f"card_reason.{payment.reason}" if payment.reason else None
        await phone_store.end(conn, request_id, PhoneState.DECLINED, reason, now)
