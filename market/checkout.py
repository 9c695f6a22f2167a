"""The cash desk: what can pay a deal now, paying it by each means, and the electronic receipt of it.

A refused or declined means leaves the deal as it was, its clock too: the next means is tried under the same deadline.
Knows no page and no wire.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from escrow import cashier_store
from escrow.card_facts import CardOutcome, CardPayment, CardPurpose, CardTarget
from escrow.cashier_facts import Cheque, ChequeDraft
from escrow.cheques import Cheques
from escrow.facts import Action, Case, Deposit, State
from escrow.small_change import SmallChange
from escrow.vault_client import VaultError
from escrow.vault_facts import Refused, WalletHandle
from market import card_orders, deals_store, phone_store
from market.card_orders import CardOrder, Wanted
from market.wallet_sessions import UnreachableRefusal
from migrations.queries import load_queries

if TYPE_CHECKING:
    from market.deals_store import Deal
    from market.house import House
    from market.phone_store import PhoneRequest
    from migrations.database import Connection

_queries = load_queries("market", "checkout")
DEAL_CHEQUE_DAYS = 2
"""A cheque written into a deal is used in the same breath; should that fail, its money is back this soon."""


class Desk(Struct, frozen=True, kw_only=True):
    """Everything at the cash desk of one deal, but the cards, which the vault knows."""

    deal: Deal
    case: Case
    wallet_minor: int
    change_minor: int
    cheques: tuple[Cheque, ...]
    running: CardPayment | None
    latest: CardPayment | None
    phone: PhoneRequest | None

    @property
    def is_open(self) -> bool:
        return self.case.state is State.AWAITING_PAYMENT

    @property
    def version(self) -> str:
        """Changes with everything that the payer waits for."""
        card = f"{self.latest.id[:8]}-{self.latest.state}" if self.latest else ""
        phone = f"{self.phone.id}-{self.phone.state}" if self.phone else ""
        return f"{self.case.version}.{card}.{phone}"

    @property
    def setback(self) -> CardPayment | None:
        """The latest card payment, if it brought no money."""
        latest = self.latest
        return latest if latest and latest.outcome in (CardOutcome.DECLINED, CardOutcome.NOT_CHARGED) else None


class Receipt(Struct, frozen=True, kw_only=True):
    """The electronic receipt of a paid deal. `order` is there when a card paid."""

    number: str
    deal: Deal
    case: Case
    paid_at: datetime
    means: str
    amount_minor: int
    deposit_minor: int
    order: CardOrder | None = None
    payment: CardPayment | None = None
    cheque: Cheque | None = None
    phone: PhoneRequest | None = None

    @property
    def seconds(self) -> float | None:
        """From the order to the money in escrow, where the order's moment is known."""
        return (self.paid_at - self.order.ordered_at).total_seconds() if self.order else None


def cheques_of(house: House) -> Cheques:
    return Cheques(house.escrow.settlement)


def change_of(house: House) -> SmallChange:
    return SmallChange(
        settlement=house.escrow.settlement, deposits=house.escrow.deposits, cap_minor=house.config.change_cap_minor
    )


async def desk_of(conn: Connection, house: House, case_id: int, party_id: int) -> Desk | None:
    """The cash desk of a deal for its buyer; None for anybody else."""
    deal = await deals_store.deal_of_case(conn, case_id)
    case = await house.escrow.settlement.case_by_id(conn, case_id)
    if deal is None or case is None or case.buyer_id != party_id:
        return None
    target = CardTarget(CardPurpose.CASE, case_id)
    payments = await house.card_payments.payments_for(conn, target)
    return Desk(
        deal=deal,
        case=case,
        wallet_minor=await house.escrow.wallet.balance(conn, party_id, case.currency),
        change_minor=await change_of(house).balance(conn, party_id, case.currency),
        cheques=tuple(await cashier_store.cheques_for_case(conn, party_id, case_id, case.currency)),
        running=await house.card_payments.running(conn, target),
        latest=payments[0] if payments else None,
        phone=await phone_store.latest_of_case(conn, case_id, party_id),
    )


def wanted_of(deal: Deal, case: Case) -> Wanted:
    """What a card is to pay for a deal."""
    return Wanted(
        target=CardTarget(CardPurpose.CASE, case.id),
        reference=case.reference,
        payee=deal.terms.seller_name,
        currency=case.currency,
        amount_minor=case.due_minor,
        contract_sha256=case.contract_sha256,
    )


def wanted_of_deposit(house: House, deposit: Deposit) -> Wanted:
    """What a card is to pay for a deposit."""
    return Wanted(
        target=CardTarget(CardPurpose.DEPOSIT, deposit.id),
        reference=deposit.reference,
        payee=house.centre.holder,
        currency=deposit.currency,
        amount_minor=deposit.amount_minor,
    )


def wanted_of_top_up(house: House, purpose: CardPurpose, party_id: int, currency: str, amount_minor: int) -> Wanted:
    """What a card is to put into the wallet or the small change."""
    return Wanted(
        target=CardTarget(purpose, party_id),
        reference=f"top-up {purpose}",
        payee=house.centre.holder,
        currency=currency,
        amount_minor=amount_minor,
    )


async def pay_by_new_cheque(house: House, handle: WalletHandle, desk: Desk, now: datetime) -> Case | StrEnum:
    """Write a cheque over the due sum into the deal, signed by the unlocked wallet, and pay with it at once."""
    case, writer = desk.case, handle.party_id
    async with house.pool.acquire() as conn, conn.transaction():
        draft = await cheques_of(house).draft(
            conn,
            writer_id=writer,
            payee_id=None,
            case_id=case.id,
            currency=case.currency,
            amount_minor=case.due_minor,
            memo=case.reference,
            days=DEAL_CHEQUE_DAYS,
            now=now,
        )
    if not isinstance(draft, ChequeDraft):
        return draft
    written = await signed_and_written(house, handle, draft, now)
    if not isinstance(written, Cheque):
        return written
    async with house.pool.acquire() as conn, conn.transaction():
        paid = await cheques_of(house).pay_case(conn, case.id, written.id, writer, now)
        if not isinstance(paid, Case):
            await cheques_of(house).revoke(conn, written.id, writer, now)
    return paid


async def signed_and_written(house: House, handle: WalletHandle, draft: ChequeDraft, now: datetime) -> Cheque | StrEnum:
    """Have the wallet sign the draft, and set the money aside under it."""
    try:
        signed = await house.vault.sign_cheque(handle, draft.record())
    except VaultError:
        return UnreachableRefusal.VAULT_UNREACHABLE
    if isinstance(signed, Refused):
        return signed.refusal
    async with house.pool.acquire() as conn, conn.transaction():
        return await cheques_of(house).write(conn, draft, signed.signature, signed.public_key, now)


async def receipt_of(conn: Connection, house: House, case_id: int) -> Receipt | None:
    """The receipt of a deal that was paid, whatever has become of it since; None before."""
    deal = await deals_store.deal_of_case(conn, case_id)
    case = await house.escrow.settlement.case_by_id(conn, case_id)
    if deal is None or case is None:
        return None
    events = await house.escrow.settlement.case_events(conn, case_id)
    paid = next((event for event in events if event.action is Action.PAY), None)
    if paid is None:
        return None
    source = str(paid.detail.get("from", ""))
    means, _, number = source.partition(":")
    payment_id = str(paid.detail.get("payment_id") or "")
    return Receipt(
        number=receipt_number(case_id),
        deal=deal,
        case=case,
        paid_at=paid.at,
        means=means or "deposit",
        amount_minor=case.price_minor,
        deposit_minor=case.deposit_minor,
        order=await card_orders.card_order(conn, payment_id) if payment_id else None,
        payment=await house.card_payments.payment(conn, payment_id) if payment_id else None,
        cheque=await cashier_store.cheque_by_id(conn, int(number)) if means == "cheque" else None,
        phone=await phone_store.captured_of_case(conn, case_id),
    )


def receipt_number(case_id: int) -> str:
    """One payment a deal, one receipt: numbered alike."""
    return f"GH-R-{case_id:06d}"


async def lot_of_deposit(conn: Connection, deposit_id: int) -> tuple[int, str, str] | None:
    """The lot that a deposit is for: id, English and Chinese title."""
    row = await conn.fetchrow(_queries.lot_of_deposit, deposit_id)
    return None if row is None else (row["id"], row["title_en"], row["title_zh"])
