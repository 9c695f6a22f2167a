"""The API's cash desk: pay deals, deposits and top-ups by card, cheque or small change; receipts and card payments."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response

from escrow.card_facts import CardOutcome, CardPayment, CardPurpose, CardReason, CardRefusal
from escrow.facts import Case, State
from market import applications, debtors
from market.api.operations import Call, granted, operation
from market.api.raw_calls import answered, body_of, handle_in
from market.api.shapes import Currency, Id, MinorIn, MinorOut, currency_in, minor_in
from market.api.vault import Handle
from market.application_facts import ApplicationRefusal
from market.card_orders import CardOrder, Wanted, pay_by_card
from market.checkout import (
    change_of,
    cheques_of,
    desk_of,
    receipt_number,
    receipt_of,
    wanted_of,
    wanted_of_deposit,
    wanted_of_top_up,
)
from market.house import House, house_of
from market.problems import Problem, ProblemError

PaymentId = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$", description="of the program's own choice; paid once")]


class CardPress(Struct, kw_only=True, forbid_unknown_fields=True):
    """Pay by this card of the unlocked wallet. The same payment id again is answered with the same payment."""

    handle: Handle
    card_id: Id
    payment_id: PaymentId | None = None


class TopUpPress(Struct, kw_only=True, forbid_unknown_fields=True):
    handle: Handle
    card_id: Id
    amount_minor: MinorIn
    currency: Currency
    into: Literal["wallet", "change"] = "wallet"
    payment_id: PaymentId | None = None


class CardPaymentShape(Struct, kw_only=True):
    """`outcome` pending: ask again. declined and not_charged: nothing was taken, pay again with another payment id."""

    id: str
    purpose: CardPurpose
    subject_id: int
    currency: Currency
    amount_minor: MinorOut
    outcome: CardOutcome
    reason: CardReason | None
    partial_minor: MinorOut | None
    authorisation_code: str | None
    began_at: datetime


class ChequePress(Struct, kw_only=True, forbid_unknown_fields=True):
    cheque_id: Id


class PaidShape(Struct, kw_only=True):
    case_id: int
    state: State
    receipt: str


class ReceiptShape(Struct, kw_only=True):
    """`brand` and `last4` are the buyer's to see; for the seller they are null, whatever paid."""

    number: str
    case_id: int
    title_en: str
    title_zh: str
    currency: Currency
    amount_minor: MinorOut
    deposit_minor: MinorOut
    means: str
    paid_at: datetime
    ordered_at: datetime | None
    brand: str | None
    last4: str | None
    payment_id: str | None
    order: str | None
    payment_digest: str | None
    signature: str | None
    public_key: str | None
    signature_checked: bool | None
    contract_sha256: str


@operation(
    "POST",
    "/deals/{case_id:int}/card-payments",
    tag="deals",
    status=201,
    keyed=False,
    raw=(CardPress, CardPaymentShape),
)
async def pay_deal_by_card(request: Request) -> Response:
    """Pay what is due in a deal by a card of the unlocked wallet."""
    body, house, case_id = await body_of(request, CardPress), house_of(request), request.path_params["case_id"]
    async with house.pool.acquire() as conn:
        desk = await desk_of(conn, house, case_id, request.user.id)
    if desk is None:
        raise ProblemError(Problem.NOT_FOUND)
    return await _pressed(request, body.handle, body.card_id, wanted_of(desk.deal, desk.case), body.payment_id)


@operation(
    "POST",
    "/deposits/{deposit_id:int}/card-payments",
    tag="wallet",
    status=201,
    keyed=False,
    raw=(CardPress, CardPaymentShape),
)
async def pay_deposit_by_card(request: Request) -> Response:
    """Pay a deposit that is asked for by a card of the unlocked wallet."""
    body, house = await body_of(request, CardPress), house_of(request)
    async with house.pool.acquire() as conn:
        deposit = await house.escrow.deposits.deposit_by_id(conn, request.path_params["deposit_id"])
    if deposit is None:
        raise ProblemError(Problem.NOT_FOUND)
    wanted = wanted_of_deposit(house, deposit)
    if await _known(house, request.user.id, wanted, body.payment_id) is None:
        async with house.pool.acquire() as conn, conn.transaction():
            owed = await applications.owed_still(conn, request.user.id, house.node_time.now())
            refused = ApplicationRefusal.OWES_THE_HOUSE if owed else None
            figures = await debtors.refusal_figures(conn, refused, request.user.id)
        if refused is not None:
            raise ProblemError(refused, **figures)
    return await _pressed(request, body.handle, body.card_id, wanted, body.payment_id)


@operation("POST", "/wallet/top-ups", tag="wallet", status=201, keyed=False, raw=(TopUpPress, CardPaymentShape))
async def top_up(request: Request) -> Response:
    """Put money into the wallet, or into the small change, by a card of the unlocked wallet."""
    body, house, viewer = await body_of(request, TopUpPress), house_of(request), request.user
    amount, currency = minor_in(body.amount_minor), currency_in(body.currency)
    wanted = wanted_of_top_up(house, CardPurpose(body.into), viewer.id, currency, amount)
    known = await _known(house, viewer.id, wanted, body.payment_id)
    if known is not None and (known.currency, known.amount_minor) != (currency, amount):
        raise ProblemError(CardRefusal.PAYMENT_ID_USED)
    if known is None and body.into == "change":
        async with house.pool.acquire() as conn:
            over = await change_of(house).refuses(conn, viewer.id, amount, currency)
        if over is not None:
            raise ProblemError(over)
    return await _pressed(request, body.handle, body.card_id, wanted, body.payment_id)


@operation("GET", "/wallet/card-payments", tag="wallet")
async def card_payments(call: Call) -> list[CardPaymentShape]:
    """The viewer's card payments, latest first."""
    return [payment_shape(one) for one in await call.house.card_payments.payments_of(call.conn, call.viewer.id)]


@operation("GET", "/wallet/card-payments/{payment_id:str}", tag="wallet")
async def card_payment(call: Call, payment_id: str) -> CardPaymentShape:
    """What became of one of the viewer's card payments."""
    return payment_shape(await _own_payment(call, payment_id))


@operation("POST", "/deals/{case_id:int}/change-payment", tag="deals")
async def pay_deal_by_change(call: Call, case_id: int) -> PaidShape:
    """Pay what is due in a deal out of the small change, without unlocking anything."""
    return _paid(granted(await change_of(call.house).pay_case(call.conn, case_id, call.viewer.id, call.now)))


@operation("POST", "/deals/{case_id:int}/cheque-payment", tag="deals")
async def pay_deal_by_cheque(call: Call, case_id: int, body: ChequePress) -> PaidShape:
    """Pay what is due in a deal with a cheque that is payable to the viewer."""
    cheques = cheques_of(call.house)
    return _paid(granted(await cheques.pay_case(call.conn, case_id, body.cheque_id, call.viewer.id, call.now)))


@operation("GET", "/deals/{case_id:int}/e-receipt", tag="deals")
async def electronic_receipt(call: Call, case_id: int) -> ReceiptShape:
    """The electronic receipt of a paid deal, as far as the viewer may see it."""
    receipt = await receipt_of(call.conn, call.house, case_id)
    if receipt is None:
        raise ProblemError(Problem.NOT_FOUND)
    order: CardOrder | None = receipt.order
    shows_card = order is not None and call.viewer.id == receipt.case.buyer_id
    return ReceiptShape(
        number=receipt.number,
        case_id=case_id,
        title_en=receipt.deal.terms.title_en,
        title_zh=receipt.deal.terms.title_zh,
        currency=receipt.case.currency,
        amount_minor=str(receipt.amount_minor),
        deposit_minor=str(receipt.deposit_minor),
        means=receipt.means,
        paid_at=receipt.paid_at,
        ordered_at=order.ordered_at if order else None,
        brand=order.brand if order and shows_card else None,
        last4=order.last4 if order and shows_card else None,
        payment_id=order.payment_id if order else None,
        order=order.order_info.decode() if order else None,
        payment_digest=order.payment_digest.hex() if order else None,
        signature=order.signature.hex() if order else None,
        public_key=order.public_key.hex() if order else None,
        signature_checked=order.is_checked if order else None,
        contract_sha256=receipt.case.contract_sha256.hex(),
    )


def payment_shape(one: CardPayment) -> CardPaymentShape:
    """A card payment on the wire."""
    return CardPaymentShape(
        id=one.id,
        purpose=one.target.purpose,
        subject_id=one.target.id,
        currency=one.currency,
        amount_minor=str(one.amount_minor),
        outcome=one.outcome,
        reason=one.reason,
        partial_minor=None if one.partial_minor is None else str(one.partial_minor),
        authorisation_code=one.authorisation_code,
        began_at=one.began_at,
    )


async def _pressed(request: Request, token: str, card_id: int, wanted: Wanted, payment_id: str | None) -> Response:
    house, handle = house_of(request), handle_in(request, token)
    known = await _known(house, handle.party_id, wanted, payment_id)
    if known is not None:
        return answered(payment_shape(known), 201)
    paid = await pay_by_card(house, handle, card_id, wanted, house.node_time.now(), payment_id)
    return answered(payment_shape(paid) if isinstance(paid, CardPayment) else paid, 201)


async def _known(house: House, party_id: int, wanted: Wanted, payment_id: str | None) -> CardPayment | None:
    """The party's payment under this id for the same thing, if the call was made before."""
    if payment_id is None:
        return None
    async with house.pool.acquire() as conn:
        known = await house.card_payments.payment(conn, payment_id)
    return known if known and known.party_id == party_id and known.target == wanted.target else None


async def _own_payment(call: Call, payment_id: str) -> CardPayment:
    payment = await call.house.card_payments.payment(call.conn, payment_id)
    if payment is None or payment.party_id != call.viewer.id:
        raise ProblemError(Problem.NOT_FOUND)
    return payment


def _paid(case: Case) -> PaidShape:
    return PaidShape(case_id=case.id, state=case.state, receipt=receipt_number(case.id))
