"""The API's deals: list, read, pay from the wallet, ship, receive, confirm, extend, cancel, and the confirmation."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from escrow import rules
from escrow.deadlines import days_off_while_shipping
from escrow.facts import Action, Case, Refusal, Role
from market import deals_store
from market.api.account import Passphrase, step_up
from market.api.desk import do_single
from market.api.operations import Call, granted, operation
from market.api.shapes import Currency, Id, Listed, MinorOut, Paging
from market.bank_details import centre_account
from market.confirmation import Both, Clause
from market.contracting import formalities
from market.deals import DealView, deal_view
from market.deals_store import DealRow
from market.money_acts import Act, Wish, held_now
from market.pages.confirmation import may_read, paper_of
from market.problems import Problem, ProblemError

StateName = Literal[
    "awaiting_payment",
    "funded",
    "shipped",
    "inspecting",
    "claimed",
    "returning",
    "arbitration",
    "ruled",
    "released",
    "settled",
    "refunded",
    "defaulted",
    "cancelled",
]
ShortText = Annotated[str, Meta(min_length=1, max_length=80, pattern=r"\S")]


class DealQuery(Paging, kw_only=True, forbid_unknown_fields=True):
    role: Literal["buyer", "seller"] | None = None
    state: StateName | None = None


class DealLine(Struct, kw_only=True):
    """One deal of a list; a part that was shipped by itself is a line of its own and names its `parent_case_id`."""

    case_id: int
    parent_case_id: int | None
    lot_id: int | None
    contract_id: int | None
    title_en: str
    title_zh: str
    role: str
    currency: Currency
    hammer_minor: MinorOut
    state: StateName
    due_at: datetime | None
    created_at: datetime


class PaymentShape(Struct, kw_only=True):
    """Where the buyer pays what is due."""

    due_minor: MinorOut
    currency: Currency
    reference: str
    account_number: str


class EventShape(Struct, kw_only=True):
    at: datetime
    action: Action
    actor: Role
    name: str | None
    reason: str | None
    carrier: str | None
    tracking_number: str | None


class ContractEventShape(Struct, kw_only=True):
    """A paper that was handed in or judged, an officer who was appointed, an amendment that both have signed."""

    at: datetime
    action: Literal["amended", "formality_appointed", "formality_handed_in", "formality_accepted", "formality_refused"]
    actor: Literal["buyer", "seller", "officer", "house"]
    name: str | None
    reason: str | None
    formality: str | None


class LineShape(Struct, kw_only=True):
    """What can be shipped by itself; `part_case_id` is the deal as which it was."""

    n: int
    title: str
    amount_minor: MinorOut
    part_case_id: int | None


class DealShape(Struct, kw_only=True):
    """The deal as the viewer sees it: `quantity` units at `unit_price_minor` make `hammer_minor` (1 where one buyer takes
    the whole lot). `actions` are what he may do now; `clock` names what happens by itself, and when. `own_minor` is the
    price less what was shipped as parts (`part_case_ids`); a part names its `parent_case_id`. It comes of a lot (`lot_id`)
    or of a contract (`contract_id`); while `missing_formalities` names papers, the goods can't be shipped."""

    case_id: int
    lot_id: int | None
    contract_id: int | None
    title_en: str
    title_zh: str
    role: Role
    state: StateName
    actions: list[Action]
    missing_formalities: list[str]
    clock_action: Action | None
    clock_due_at: datetime | None
    ship_by_at: datetime | None
    days_off: list[date]
    """Public holidays between the payment and `ship_by_at`, which are no working days; none once the goods have gone."""
    currency: Currency
    hammer_minor: MinorOut
    quantity: int
    unit_price_minor: MinorOut
    deposit_minor: MinorOut
    own_minor: MinorOut
    held_minor: MinorOut
    refunded_minor: MinorOut
    commission_bp: int
    commission_minor: MinorOut
    fees_minor: MinorOut
    proceeds_minor: MinorOut
    lines: list[LineShape]
    parent_case_id: int | None
    part_case_ids: list[int]
    has_claim: bool
    seller_name: str
    buyer_name: str
    carrier: str | None
    tracking_number: str | None
    payment: PaymentShape | None
    contract_sha256: str
    verification_code: str
    timeline: list[EventShape]
    contract_events: list[ContractEventShape]
    """What happened under the deal's contract, of the same timeline."""
    created_at: datetime


class Shipment(Struct, kw_only=True, forbid_unknown_fields=True):
    """Without `lines` everything that is left; with some of them, these become a part with a case of their own."""

    carrier: ShortText
    tracking_number: ShortText
    lines: Annotated[list[Id], Meta(min_length=1, max_length=1000)] | None = None


class ReceiptConfirmation(Struct, kw_only=True, forbid_unknown_fields=True):
    """The step-up: paying the seller can't be undone."""

    passphrase: Passphrase


class Cancellation(Struct, kw_only=True, forbid_unknown_fields=True):
    reason: Annotated[str, Meta(max_length=500)] = ""


class ConfirmationQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """Which of a lot's deals, where several buyers took a part each."""

    case: Id | None = None


class ConfirmationShape(Struct, kw_only=True):
    """The trade confirmation, every statement in both languages."""

    number: str
    title: Both
    preamble: Both
    clauses: list[Clause]
    steps: list[Both]
    verification_code: str


@operation("GET", "/deals", tag="deals")
async def deals(call: Call, query: DealQuery) -> Listed[DealLine]:
    """The viewer's deals, newest first."""
    rows, total = await deals_store.deals_of_party(
        call.conn,
        call.viewer.id,
        role=query.role,
        state=query.state,
        limit=query.page_size,
        offset=(query.page - 1) * query.page_size,
    )
    return listed(rows, total, query)


@operation("GET", "/deals/{case_id:int}", tag="deals")
async def deal(call: Call, case_id: int) -> DealShape:
    """One deal with its timeline."""
    return await _shown(call, case_id)


@operation("POST", "/deals/{case_id:int}/payment", tag="deals")
async def pay_deal(call: Call, case_id: int) -> DealShape:
    """The buyer pays what is due out of his wallet."""
    granted(await call.house.escrow.settlement.pay_from_wallet(call.conn, case_id, call.viewer.id, call.now))
    return await _shown(call, case_id)


@operation("POST", "/deals/{case_id:int}/shipment", tag="deals")
async def ship_deal(call: Call, case_id: int, body: Shipment) -> DealShape:
    """The seller has shipped, everything or some lines. Some lines become a part of their own in `part_case_ids`."""
    given, settlement = (body.carrier, body.tracking_number), call.house.escrow.settlement
    if body.lines is not None:
        done = await settlement.ship_lines(call.conn, case_id, call.viewer.id, body.lines, *given, call.now)
    else:
        done = await settlement.ship(call.conn, case_id, call.viewer.id, *given, call.now)
    if done is Refusal.FORMALITIES_MISSING:
        missing = [line.kind for line in await formalities.ready_to_ship(call.conn, case_id)]
        raise ProblemError(done, missing=missing)
    granted(done)
    return await _shown(call, case_id)


@operation("POST", "/deals/{case_id:int}/receipt", tag="deals")
async def receive_deal(call: Call, case_id: int) -> DealShape:
    """The buyer has the goods; the inspection begins."""
    granted(await call.house.escrow.settlement.receive(call.conn, case_id, call.viewer.id, call.now))
    return await _shown(call, case_id)


@operation("POST", "/deals/{case_id:int}/confirmation", tag="deals")
async def confirm_deal(call: Call, case_id: int, body: ReceiptConfirmation) -> DealShape:
    """The buyer confirms with his passphrase, and the seller is paid."""
    await step_up(call, body.passphrase)
    granted(await call.house.escrow.settlement.confirm_receipt(call.conn, case_id, call.viewer.id, call.now))
    return await _shown(call, case_id)


@operation("POST", "/deals/{case_id:int}/extension", tag="deals")
async def extend_deal(call: Call, case_id: int) -> DealShape:
    """The buyer takes the one extension of the inspection."""
    granted(await call.house.escrow.settlement.extend_inspection(call.conn, case_id, call.viewer.id, call.now))
    return await _shown(call, case_id)


@operation("POST", "/deals/{case_id:int}/cancellation", tag="deals")
async def cancel_deal(call: Call, case_id: int, body: Cancellation) -> DealShape:
    """Cancel where the table of the escrow allows it. An operator's refund of a large sum needs a batch and a second
    operator: `batch_needs_second`.
    """
    case: Case | None = await call.house.escrow.settlement.case_by_id(call.conn, case_id)
    stranger = case is not None and rules.role_of(case, call.viewer.id) is None
    if case is not None and stranger and call.viewer.is_operator and case.held_minor > 0:
        await do_single(call, Wish(act=Act.CASE_REFUND, subject_id=case_id), body.reason)
        return await _shown(call, case_id)
    if stranger and await held_now(call.conn, case_id):
        raise ProblemError(Refusal.NOT_IN_THIS_STATE)  # paid a moment ago
    granted(
        await call.house.escrow.settlement.cancel(
            call.conn,
            case_id,
            call.viewer.id,
            body.reason,
            call.now,
            as_operator=stranger and call.viewer.is_operator,
        )
    )
    return await _shown(call, case_id)


@operation("GET", "/lots/{lot_id:int}/confirmation", tag="deals")
async def lot_confirmation(call: Call, lot_id: int, query: ConfirmationQuery) -> ConfirmationShape:
    """The trade confirmation, for its two parties and operators; of a lot with several buyers that of `case`, else the
    viewer's own.
    """
    found = await deals_store.deal_of_lot(call.conn, lot_id, call.viewer.party_id, query.case)
    if found is None or not may_read(found, call.viewer):
        raise ProblemError(Problem.NOT_FOUND)
    paper = paper_of(found, call.house)
    return ConfirmationShape(
        number=paper.number,
        title=paper.title,
        preamble=paper.preamble,
        clauses=list(paper.clauses),
        steps=list(paper.steps),
        verification_code=paper.code,
    )


def listed(rows: list[DealRow], total: int, query: Paging) -> Listed[DealLine]:
    """A page of deals on the wire."""
    lines = [
        DealLine(
            case_id=row.case_id,
            parent_case_id=row.parent_id,
            lot_id=row.lot_id,
            contract_id=row.contract_id,
            title_en=row.title_en,
            title_zh=row.title_zh,
            role=row.role,
            currency=row.currency,
            hammer_minor=str(row.hammer_minor),
            state=row.state,  # type: ignore[arg-type]  # the table's constraint lists the same names
            due_at=row.due_at,
            created_at=row.created_at,
        )
        for row in rows
    ]
    return Listed(items=lines, page=query.page, pages=max(1, -(-total // query.page_size)), total=total)


async def _shown(call: Call, case_id: int) -> DealShape:
    view = await deal_view(call.conn, call.house.escrow, case_id, call.viewer, call.now)
    if view is None:
        raise ProblemError(Problem.NOT_FOUND)
    return deal_shape(call, view)


def deal_shape(call: Call, view: DealView) -> DealShape:
    """A deal on the wire."""
    case, terms = view.case, view.deal.terms
    units = view.deal.units or (1, case.price_minor)
    payment = None
    if case.state == "awaiting_payment":
        payment = PaymentShape(
            due_minor=str(case.due_minor),
            currency=case.currency,
            reference=case.reference,
            account_number=centre_account(call.house, case.currency),
        )
    return DealShape(
        case_id=case.id,
        lot_id=view.deal.lot_id,
        contract_id=view.deal.contract_id,
        missing_formalities=[line.kind for line in view.missing],
        title_en=terms.title_en,
        title_zh=terms.title_zh,
        role=view.role,
        state=view.state,  # type: ignore[arg-type]  # the escrow's states but NEW, in which no case is stored
        actions=list(view.actions),
        clock_action=case.clock_action,
        clock_due_at=case.clock_due_at,
        ship_by_at=case.ship_by_at,
        days_off=list(days_off_while_shipping(case)),
        currency=case.currency,
        hammer_minor=str(case.price_minor),
        quantity=units[0],
        unit_price_minor=str(units[1]),
        deposit_minor=str(case.deposit_minor),
        own_minor=str(case.own_minor),
        held_minor=str(view.held_minor),
        refunded_minor=str(case.refunded_minor),
        commission_bp=case.commission_bp,
        commission_minor=str(case.own_commission_minor),
        fees_minor=str(case.own_fees_minor),
        proceeds_minor=str(case.proceeds_minor),
        lines=[
            LineShape(n=one.n, title=one.title, amount_minor=str(one.amount_minor), part_case_id=one.part_id)
            for one in case.lines
        ],
        parent_case_id=case.parent_id,
        part_case_ids=[part.case.id for part in view.parts],
        has_claim=case.claim is not None,
        seller_name=terms.seller_name,
        buyer_name=terms.buyer_name,
        carrier=case.carrier,
        tracking_number=case.tracking_number,
        payment=payment,
        contract_sha256=case.contract_sha256.hex(),
        verification_code=view.deal.verification_code,
        timeline=[
            EventShape(
                at=row.at,
                action=Action(row.action),
                actor=Role(row.actor),
                name=row.name,
                reason=row.reason,
                carrier=row.carrier,
                tracking_number=row.tracking_number,
            )
            for row in view.timeline
        ],
        contract_events=[
            ContractEventShape(
                at=row.at,
                action=row.action,  # type: ignore[arg-type]  # the view holds no other kinds
                actor=row.actor,  # type: ignore[arg-type]
                name=row.name,
                reason=row.reason,
                formality=row.formality,
            )
            for row in view.papers
        ],
        created_at=view.deal.created_at,
    )
