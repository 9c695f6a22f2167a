"""The API's wallet: balances, frozen deposits, statement, withdrawals."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from escrow import debts
from escrow.card_facts import CardPurpose
from escrow.facts import ChargebackState, Payout, PayoutPurpose, PayoutState, Refusal
from market.api.operations import Call, granted, operation
from market.api.shapes import (
    Currency,
    Listed,
    MinorIn,
    MinorOut,
    Paging,
    SignedMinorOut,
    currency_in,
    minor_in,
    one_page,
)
from market.problems import ProblemError
from market.wallets import Movement, wallet_view


class BalanceShape(Struct, kw_only=True):
    currency: Currency
    free_minor: MinorOut
    frozen_minor: MinorOut
    earned_minor: MinorOut
    owed_minor: MinorOut
    """What the viewer owes the house: repaid first out of whatever comes into the wallet."""


class DepositShape(Struct, kw_only=True):
    id: int
    lot_id: int | None
    currency: Currency
    amount_minor: MinorOut
    reference: str
    held_at: datetime | None


class PayoutShape(Struct, kw_only=True):
    id: int
    purpose: PayoutPurpose
    currency: Currency
    amount_minor: MinorOut
    state: PayoutState
    end_to_end_id: str
    case_id: int | None
    queued_at: datetime
    sent_at: datetime | None
    ended_at: datetime | None
    return_reason: str | None


class TakenBackShape(Struct, kw_only=True):
    """A card payment of the viewer's own that his bank takes back."""

    id: int
    purpose: CardPurpose
    payment_id: str
    currency: Currency
    amount_minor: MinorOut
    state: ChargebackState
    opened_at: datetime
    ended_at: datetime | None


class WalletShape(Struct, kw_only=True):
    balances: list[BalanceShape]
    chargebacks: list[TakenBackShape]
    deposits: list[DepositShape]
    payouts: list[PayoutShape]


class MovementShape(Struct, kw_only=True):
    """`amount_minor` is above zero for money that came in; `account` is wallet or payable."""

    at: datetime
    kind: str
    account: str
    subject: str
    currency: Currency
    amount_minor: SignedMinorOut
    balance_minor: MinorOut


class StatementQuery(Paging, kw_only=True, forbid_unknown_fields=True):
    currency: Currency | None = None


class Withdrawal(Struct, kw_only=True, forbid_unknown_fields=True):
    amount_minor: MinorIn
    currency: Currency


@operation("GET", "/wallet", tag="wallet")
async def wallet(call: Call) -> WalletShape:
    """What the centre holds for the viewer."""
    view = await wallet_view(call.conn, call.house.escrow, call.viewer.id)
    return WalletShape(
        balances=[
            BalanceShape(
                currency=one.currency,
                free_minor=str(one.free_minor),
                frozen_minor=str(one.frozen_minor),
                earned_minor=str(one.earned_minor),
                owed_minor=str(one.owed_minor),
            )
            for one in view.balances
        ],
        chargebacks=[
            TakenBackShape(
                id=one.id,
                purpose=one.purpose,
                payment_id=one.payment_reference,
                currency=one.currency,
                amount_minor=str(one.payer_minor),
                state=one.state,
                opened_at=one.opened_at,
                ended_at=one.ended_at,
            )
            for one in view.chargebacks
        ],
        deposits=[
            DepositShape(
                id=one.deposit.id,
                lot_id=one.lot_id,
                currency=one.deposit.currency,
                amount_minor=str(one.deposit.amount_minor),
                reference=one.deposit.reference,
                held_at=one.deposit.held_at,
            )
            for one in view.deposits
        ],
        payouts=[payout_shape(one) for one in view.payouts],
    )


@operation("GET", "/wallet/statement", tag="wallet")
async def statement(call: Call, query: StatementQuery) -> Listed[MovementShape]:
    """Every movement of the viewer's money, newest first."""
    view = await wallet_view(call.conn, call.house.escrow, call.viewer.id, currency=query.currency)
    shown, pages = one_page(list(view.movements), query)
    total = len(view.movements)
    return Listed(items=[_movement(one) for one in shown], page=query.page, pages=pages, total=total)


@operation("POST", "/wallet/withdrawals", tag="wallet", status=201)
async def withdraw(call: Call, body: Withdrawal) -> PayoutShape:
    """Send a free sum to the viewer's own bank account."""
    done = await call.house.escrow.wallet.withdraw(
        call.conn, call.viewer.id, minor_in(body.amount_minor), currency_in(body.currency), call.now
    )
    if done is Refusal.DEBT_FIRST:
        owed_minor = await debts.owed(call.conn, call.viewer.id, body.currency)
        raise ProblemError(done, owed_minor=str(owed_minor))
    paid: Payout = granted(done)
    return payout_shape(paid)


def payout_shape(one: Payout) -> PayoutShape:
    """A payout on the wire, without the account that it goes to."""
    return PayoutShape(
        id=one.id,
        purpose=one.purpose,
        currency=one.currency,
        amount_minor=str(one.amount_minor),
        state=one.state,
        end_to_end_id=one.end_to_end_id,
        case_id=one.case_id,
        queued_at=one.queued_at,
        sent_at=one.sent_at,
        ended_at=one.ended_at,
        return_reason=one.return_reason,
    )


def _movement(one: Movement) -> MovementShape:
    return MovementShape(
        at=one.at,
        kind=one.kind,
        account=one.account,
        subject=one.subject,
        currency=one.currency,
        amount_minor=str(one.amount_minor),
        balance_minor=str(one.balance_minor),
    )
