"""Card payments of a wallet, small change or a deposit in one transaction, by their real steps, and what the bank then says."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import msgspec

from escrow import card_store
from escrow.card_facts import CardPayment, CardPurpose, CardState, CardTarget, new_payment_id
from escrow.card_targets import Awaited, CardTargets
from escrow.desk import EscrowDesk
from escrow.dual_signature import PreparedPayment
from escrow.facts import BankNotice, NoticeKind, Outcome
from tests.escrow.trade import BUYER, DAY, NOW

if TYPE_CHECKING:
    from migrations.database import Connection

CHANGE_CAP_MINOR = 50_000
_ids = itertools.count(1)


async def paid_by_card(
    desk: EscrowDesk,
    conn: Connection,
    purpose: CardPurpose,
    amount_minor: int,
    *,
    target_id: int | None = None,
    party_id: int = BUYER,
) -> str:
    """A captured payment of a party's card; its id."""
    target = CardTarget(purpose, party_id if target_id is None else target_id)
    payment = CardPayment(
        id=new_payment_id(),
        target=target,
        party_id=party_id,
        currency="CNY",
        amount_minor=amount_minor,
        reference="GH-P-TEST",
        gateway="iso8583",
        state=CardState.PREPARED,
        version=1,
        began_at=NOW,
        state_since=NOW,
    )
    signed = PreparedPayment(
        payment_id=payment.id,
        order=b"{}",
        order_digest=bytes(32),
        payment_digest=bytes(32),
        signature=bytes(64),
        public_key=bytes(32),
        envelope=b"sealed",
    )
    assert await card_store.insert_payment(conn, payment, signed, NOW) is None
    for state in (CardState.AUTHORISING, CardState.AUTHORISED):
        after = msgspec.structs.replace(payment, state=state, version=payment.version + 1)
        await card_store.step(conn, payment, after, NOW)
        payment = after
    targets = CardTargets(desk, CHANGE_CAP_MINOR)
    awaited = await targets.lock(conn, target, "CNY")
    assert isinstance(awaited, Awaited), awaited
    op = await targets.post(conn, payment, awaited, NOW)
    after = msgspec.structs.replace(payment, state=CardState.CAPTURED, version=payment.version + 1)
    await card_store.step(conn, payment, after, NOW, op=op)
    return payment.id


async def bank_tells(
    desk: EscrowDesk,
    conn: Connection,
    kind: NoticeKind,
    payment_id: str,
    amount_minor: int,
    *,
    currency: str = "CNY",
    bank_id: str | None = None,
) -> Outcome:
    """A notice of the bank about a card payment, which changes nothing when it comes again."""
    notice = BankNotice(
        bank_id=bank_id or f"CM-{next(_ids)}",
        kind=kind,
        currency=currency,
        amount_minor=amount_minor,
        reference=payment_id,
        booked_at=NOW,
        reason="fraud",
    )
    received = await desk.inbox.receive(conn, notice, NOW + DAY)
    assert (await desk.inbox.receive(conn, notice, NOW + DAY)).again
    return received.outcome
