"""Ordering by card: the order that the wallet signs, what the house keeps of it, and the payment itself.

The house keeps its half of the dual signature and brand and last four figures; the card's number is in the envelope
that only the bank opens. The seller is shown the order and the digest of the payment, never the card.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from escrow.card_facts import CardPayment, CardPurpose, CardRefusal, CardTarget, new_payment_id
from escrow.dual_signature import OrderInfo, PreparedPayment, judge_order, read_half
from escrow.store import read, read_one
from escrow.vault_client import VaultError
from escrow.vault_facts import CardInfo, Refused, VaultRefusal, WalletHandle
from market.rendering import wire_time
from market.wallet_sessions import UnreachableRefusal
from migrations.queries import load_queries

if TYPE_CHECKING:
    from market.house import House
    from migrations.database import Connection

_queries = load_queries("market", "checkout")


class Wanted(Struct, frozen=True, kw_only=True):
    """What a card is to pay."""

    target: CardTarget
    reference: str
    payee: str
    currency: str
    amount_minor: int
    contract_sha256: bytes = b""

    @property
    def case_id(self) -> int | None:
        return self.target.id if self.target.purpose is CardPurpose.CASE else None


class CardOrder(Struct, frozen=True, kw_only=True):
    """A kept order. `brand`, `last4` and `label` are for the buyer alone."""

    payment_id: str
    party_id: int
    subject: str
    case_id: int | None
    brand: str
    last4: str
    label: str
    order_info: bytes
    payment_digest: bytes
    signature: bytes
    public_key: bytes
    ordered_at: datetime

    @property
    def order(self) -> OrderInfo | None:
        return read_half(self.order_info, OrderInfo)

    @property
    def is_checked(self) -> bool:
        """Whether the buyer's signature holds over this order and the digest of a payment."""
        said = judge_order(
            self.order_info,
            payment_digest=self.payment_digest,
            signature=self.signature,
            public_key=self.public_key,
        )
        return isinstance(said, OrderInfo)


class Prepared(Struct, frozen=True, kw_only=True):
    """A signed payment that has not gone out yet."""

    payment: PreparedPayment
    card: CardInfo
    wallet_key: bytes


async def prepare(
    house: House, handle: WalletHandle, card_id: int, wanted: Wanted, now: datetime, payment_id: str | None = None
) -> Prepared | VaultRefusal | UnreachableRefusal:
    """Have the unlocked wallet sign and seal this payment by one of its cards. Call it outside of a transaction."""
    order = OrderInfo(
        payment_id=payment_id or new_payment_id(),
        subject=str(wanted.target),
        reference=wanted.reference,
        payee=wanted.payee,
        currency=wanted.currency,
        amount_minor=str(wanted.amount_minor),
        contract_sha256=wanted.contract_sha256.hex(),
        at=wire_time(now),
    )
    try:
        state = await house.vault.wallet(handle.party_id)
        card = next((each for each in state.cards if each.id == card_id), None)
        if card is None:
            return VaultRefusal.CARD_ABSENT
        prepared = await house.vault.prepare_payment(handle, card_id, order)
    except VaultError:
        return UnreachableRefusal.VAULT_UNREACHABLE
    if isinstance(prepared, Refused):
        return prepared.refusal
    return Prepared(payment=prepared, card=card, wallet_key=bytes.fromhex(state.public_key))


async def keep(
    conn: Connection,
    payment: PreparedPayment,
    wanted: Wanted,
    party_id: int,
    card: CardInfo,
    ordered_at: datetime,
) -> None:
    """Keep the order for the receipt, before anything leaves for the bank."""
    await conn.execute(
        _queries.insert_card_order,
        payment.payment_id,
        party_id,
        str(wanted.target),
        wanted.case_id,
        card.brand,
        card.last4,
        card.label,
        payment.order,
        payment.payment_digest,
        payment.signature,
        payment.public_key,
        ordered_at,
    )


async def pay_by_card(
    house: House,
    handle: WalletHandle,
    card_id: int,
    wanted: Wanted,
    ordered_at: datetime,
    payment_id: str | None = None,
) -> CardPayment | StrEnum:
    """The whole way from the press to the bank's answer. A refusal means that nothing has left the house."""
    prepared = await prepare(house, handle, card_id, wanted, ordered_at, payment_id)
    if not isinstance(prepared, Prepared):
        return prepared
    async with house.pool.acquire() as conn:
        await keep(conn, prepared.payment, wanted, handle.party_id, prepared.card, ordered_at)
    paid: CardPayment | CardRefusal = await house.card_payments.pay(
        wanted.target, handle.party_id, prepared.payment, house.node_time.now(), wallet_key=prepared.wallet_key
    )
    return paid


async def card_order(conn: Connection, payment_id: str) -> CardOrder | None:
    return read_one(await conn.fetchrow(_queries.card_order, payment_id), CardOrder)


async def card_orders_of(conn: Connection, party_id: int, limit: int = 100) -> list[CardOrder]:
    """The party's orders by card, latest first."""
    return [read(row, CardOrder) for row in await conn.fetch(_queries.card_orders_of, party_id, limit)]
