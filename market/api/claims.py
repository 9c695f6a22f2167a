"""Claims by the API: what the buyer claims, what each side answers, and the arbiter's acts. Each is what a page can do.

What pays money out for good takes the passphrase, as the release does.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from escrow.facts import Action, ClaimReason, Ruling
from market import case_files, claims_desk
from market.api.account import Passphrase, step_up
from market.api.case_files import CaseFileShape, file_shape
from market.api.deals import DealShape, ShortText, deal_shape
from market.api.desk import PreviewLine, preview_line
from market.api.operations import Call, granted, operation
from market.api.shapes import (
    Currency,
    Listed,
    MinorIn,
    MinorOrZeroIn,
    MinorOut,
    Paging,
    minor_in,
)
from market.case_files import LONGEST_MESSAGE
from market.claims_desk import QueueRow, RulingPreview
from market.deals import DealView, deal_view
from market.problems import Problem, ProblemError

Words = Annotated[str, Meta(min_length=1, max_length=LONGEST_MESSAGE, pattern=r"\S")]
DisputedName = Literal["claimed", "returning", "arbitration", "ruled"]


class RulingShape(Struct, kw_only=True):
    """`in_force` is false while a second operator has to confirm it; the parties do not see it until then."""

    buyer_minor: MinorOut
    seller_minor: MinorOut
    house_minor: MinorOut
    reason: str
    proposed_at: datetime
    in_force: bool


class ClaimShape(Struct, kw_only=True):
    """The claim in a deal. `outcome` is the act that ended it, `awarded_minor` what the buyer got by it."""

    case_id: int
    state: str
    reason: ClaimReason
    statement: str
    currency: Currency
    amount_minor: MinorOut
    held_minor: MinorOut
    undisputed_released_minor: MinorOut
    opened_at: datetime
    hard_stop_at: datetime
    offer_minor: MinorOut | None
    answered_at: datetime | None
    return_carrier: str | None
    return_tracking_number: str | None
    returned_at: datetime | None
    handler_name: str | None
    arbiter_name: str | None
    appealed_at: datetime | None
    ruling: RulingShape | None
    outcome: Action | None
    awarded_minor: MinorOut | None
    ended_at: datetime | None
    clock_action: Action | None
    clock_due_at: datetime | None
    actions: list[Action]


class ClaimIn(Struct, kw_only=True, forbid_unknown_fields=True):
    """How much the buyer wants back, of at most what is held, and why."""

    amount_minor: MinorIn
    reason: ClaimReason
    statement: Words


class RefundOffer(Struct, kw_only=True, forbid_unknown_fields=True):
    """Less than what is claimed."""

    amount_minor: MinorOrZeroIn


class Statement(Struct, kw_only=True, forbid_unknown_fields=True):
    """What the other side and the arbiter read."""

    statement: Words


class ForGood(Struct, kw_only=True, forbid_unknown_fields=True):
    """The step-up: what this pays out can't be undone."""

    passphrase: Passphrase


class ReturnShipment(Struct, kw_only=True, forbid_unknown_fields=True):
    carrier: ShortText
    tracking_number: ShortText


class QueueQuery(Paging, kw_only=True, forbid_unknown_fields=True):
    state: DisputedName | None = None
    whose: Literal["mine", "free", "second"] | None = None


class QueueShape(Struct, kw_only=True):
    case_id: int
    state: DisputedName
    title_en: str
    title_zh: str
    reason: ClaimReason
    currency: Currency
    amount_minor: MinorOut
    held_minor: MinorOut
    buyer_name: str
    seller_name: str
    handler_name: str | None
    arbiter_name: str | None
    waits_for_second: bool
    opened_at: datetime
    clock_action: Action
    due_at: datetime


class ClaimCase(Struct, kw_only=True):
    """A claim as both parties read it: the deal, the claim, and the file."""

    deal: DealShape
    claim: ClaimShape
    file: CaseFileShape


class RulingQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """The buyer's part; without `house_minor` the house has what the formula of the fees gives it."""

    buyer_minor: MinorOrZeroIn
    house_minor: MinorOrZeroIn | None = None


class RulingIn(Struct, kw_only=True, forbid_unknown_fields=True):
    buyer_minor: MinorOrZeroIn
    reason: Words
    house_minor: MinorOrZeroIn | None = None


class Declined(Struct, kw_only=True, forbid_unknown_fields=True):
    reason: Words


class RulingPreviewShape(Struct, kw_only=True):
    """How a ruling divides what is held: the four sums are all of it. Nothing has been posted."""

    buyer_minor: MinorOut
    seller_minor: MinorOut
    commission_minor: MinorOut
    fees_minor: MinorOut
    needs_second: bool
    postings: list[PreviewLine]


@operation("GET", "/deals/{case_id:int}/claim", tag="claims")
async def claim(call: Call, case_id: int) -> ClaimShape:
    """The claim in a deal; 404 when there is none."""
    return await _shown(call, case_id)


@operation("POST", "/deals/{case_id:int}/claim", tag="claims", status=201)
async def make_claim(call: Call, case_id: int, body: ClaimIn) -> ClaimShape:
    """The buyer claims money back: all other clocks stop, and the seller has to answer."""
    amount, claims = minor_in(body.amount_minor), call.house.escrow.claims
    granted(await claims.open(call.conn, case_id, call.viewer.id, amount, body.reason, body.statement, call.now))
    return await _shown(call, case_id)


@operation("POST", "/deals/{case_id:int}/claim/undisputed", tag="claims")
async def release_undisputed(call: Call, case_id: int, body: ForGood) -> ClaimShape:
    """The buyer releases to the seller what he does not claim."""
    await step_up(call, body.passphrase)
    granted(await call.house.escrow.claims.release_undisputed(call.conn, case_id, call.viewer.id, call.now))
    return await _shown(call, case_id)


@operation("POST", "/deals/{case_id:int}/claim/acceptance", tag="claims")
async def accept_claim(call: Call, case_id: int, body: ForGood) -> ClaimShape:
    """The seller gives the buyer what he claims."""
    await step_up(call, body.passphrase)
    granted(await call.house.escrow.claims.accept(call.conn, case_id, call.viewer.id, call.now))
    return await _shown(call, case_id)


@operation("POST", "/deals/{case_id:int}/claim/offer", tag="claims")
async def offer_refund(call: Call, case_id: int, body: RefundOffer) -> ClaimShape:
    """The seller offers less than is claimed."""
    amount, claims = minor_in(body.amount_minor), call.house.escrow.claims
    granted(await claims.offer(call.conn, case_id, call.viewer.id, amount, call.now))
    return await _shown(call, case_id)


@operation("POST", "/deals/{case_id:int}/claim/offer/acceptance", tag="claims")
async def accept_offered_refund(call: Call, case_id: int, body: ForGood) -> ClaimShape:
    """The buyer takes what the seller offers, and the deal is settled."""
    await step_up(call, body.passphrase)
    granted(await call.house.escrow.claims.accept_offer(call.conn, case_id, call.viewer.id, call.now))
    return await _shown(call, case_id)


@operation("POST", "/deals/{case_id:int}/claim/withdrawal", tag="claims")
async def withdraw_claim(call: Call, case_id: int, body: ForGood) -> ClaimShape:
    """The buyer gives his claim up, and the seller is paid."""
    await step_up(call, body.passphrase)
    granted(await call.house.escrow.claims.withdraw(call.conn, case_id, call.viewer.id, call.now))
    return await _shown(call, case_id)


@operation("POST", "/deals/{case_id:int}/claim/return", tag="claims")
async def ask_return(call: Call, case_id: int) -> ClaimShape:
    """The seller asks for the goods back and will refund everything."""
    granted(await call.house.escrow.claims.ask_return(call.conn, case_id, call.viewer.id, call.now))
    return await _shown(call, case_id)


@operation("POST", "/deals/{case_id:int}/claim/return/shipment", tag="claims")
async def send_back(call: Call, case_id: int, body: ReturnShipment) -> ClaimShape:
    """The buyer has sent the goods back."""
    given = (body.carrier.strip(), body.tracking_number.strip())
    granted(await call.house.escrow.claims.send_back(call.conn, case_id, call.viewer.id, *given, call.now))
    return await _shown(call, case_id)


@operation("POST", "/deals/{case_id:int}/claim/return/receipt", tag="claims")
async def confirm_return(call: Call, case_id: int, body: ForGood) -> ClaimShape:
    """The seller has the goods back, and the buyer his money."""
    await step_up(call, body.passphrase)
    granted(await call.house.escrow.claims.confirm_return(call.conn, case_id, call.viewer.id, call.now))
    return await _shown(call, case_id)


@operation("POST", "/deals/{case_id:int}/claim/contest", tag="claims")
async def contest_claim(call: Call, case_id: int, body: Statement) -> ClaimShape:
    """The seller contests the claim, or goods that came back; an arbiter decides."""
    granted(await call.house.escrow.claims.contest(call.conn, case_id, call.viewer.id, body.statement, call.now))
    return await _shown(call, case_id)


@operation("POST", "/deals/{case_id:int}/claim/escalation", tag="claims")
async def escalate_claim(call: Call, case_id: int, body: Statement) -> ClaimShape:
    """The buyer does not take what is offered; an arbiter decides."""
    granted(await call.house.escrow.claims.escalate(call.conn, case_id, call.viewer.id, body.statement, call.now))
    return await _shown(call, case_id)


@operation("POST", "/deals/{case_id:int}/claim/appeal", tag="claims")
async def appeal_ruling(call: Call, case_id: int, body: Statement) -> ClaimShape:
    """Either side appeals a ruling, once; another arbiter decides anew."""
    granted(await call.house.escrow.arbitration.appeal(call.conn, case_id, call.viewer.id, body.statement, call.now))
    return await _shown(call, case_id)


@operation("GET", "/claims", tag="operator")
async def claims_queue(call: Call, query: QueueQuery) -> Listed[QueueShape]:
    """Disputed deals, the most urgent first."""
    rows, total = await claims_desk.queue(
        call.conn,
        call.viewer.id,
        state=query.state,
        whose=query.whose,
        limit=query.page_size,
        offset=(query.page - 1) * query.page_size,
    )
    pages = max(1, -(-total // query.page_size))
    return Listed(items=[_queued(row) for row in rows], page=query.page, pages=pages, total=total)


@operation("GET", "/claims/{case_id:int}", tag="operator")
async def claim_case(call: Call, case_id: int) -> ClaimCase:
    """The whole of a claim, exactly as both parties read it."""
    view = await _view(call, case_id)
    file = await case_files.case_file(call.conn, case_id)
    return ClaimCase(deal=deal_shape(call, view), claim=claim_shape(view), file=file_shape(view.case, file))


@operation("POST", "/claims/{case_id:int}/handler", tag="operator")
async def take_up_claim(call: Call, case_id: int) -> ClaimShape:
    """Become the handler; whoever handles a claim does not arbitrate it."""
    desk = call.house.escrow
    granted(await claims_desk.take_up(call.conn, desk, case_id, operator_id=call.viewer.id, now=call.now))
    return await _shown(call, case_id)


@operation("POST", "/claims/{case_id:int}/arbiter", tag="operator")
async def take_arbitration(call: Call, case_id: int) -> ClaimShape:
    """Become the arbiter."""
    desk = call.house.escrow
    granted(await claims_desk.take_arbitration(call.conn, desk, case_id, operator_id=call.viewer.id, now=call.now))
    return await _shown(call, case_id)


@operation("GET", "/claims/{case_id:int}/ruling", tag="operator")
async def preview_ruling(call: Call, case_id: int, query: RulingQuery) -> RulingPreviewShape:
    """Every posting that such a ruling would make, with both accounts before and after. Posts nothing."""
    view = await _view(call, case_id)
    limit = call.house.config.second_person_above_minor
    found: RulingPreview = granted(
        await claims_desk.preview(
            call.conn, view.case, minor_in(query.buyer_minor), _optional(query.house_minor), limit
        )
    )
    return RulingPreviewShape(
        buyer_minor=str(found.division.buyer_minor),
        seller_minor=str(found.division.seller_minor),
        commission_minor=str(found.division.commission_minor),
        fees_minor=str(found.division.fees_minor),
        needs_second=found.needs_second,
        postings=[preview_line(row) for row in found.postings],
    )


@operation("POST", "/claims/{case_id:int}/ruling", tag="operator")
async def rule_claim(call: Call, case_id: int, body: RulingIn) -> ClaimShape:
    """The arbiter rules. Above the house's limit another operator has to confirm it (`ruling.in_force`)."""
    granted(
        await claims_desk.rule(
            call.conn,
            call.house.escrow,
            case_id,
            buyer_minor=minor_in(body.buyer_minor),
            house_minor=_optional(body.house_minor),
            reason=body.reason,
            operator_id=call.viewer.id,
            now=call.now,
        )
    )
    return await _shown(call, case_id)


@operation("POST", "/claims/{case_id:int}/ruling/confirmation", tag="operator")
async def confirm_ruling(call: Call, case_id: int) -> ClaimShape:
    """The second operator agrees with the proposed ruling."""
    desk = call.house.escrow
    granted(await claims_desk.confirm(call.conn, desk, case_id, operator_id=call.viewer.id, now=call.now))
    return await _shown(call, case_id)


@operation("POST", "/claims/{case_id:int}/ruling/refusal", tag="operator")
async def decline_ruling(call: Call, case_id: int, body: Declined) -> ClaimShape:
    """The second operator does not agree; the proposal falls."""
    granted(
        await claims_desk.decline(
            call.conn,
            call.house.escrow,
            case_id,
            reason=body.reason,
            operator_id=call.viewer.id,
            now=call.now,
        )
    )
    return await _shown(call, case_id)


def claim_shape(view: DealView) -> ClaimShape:
    """A claim on the wire; a deal without one has no such thing."""
    found, case = view.claim, view.case
    if found is None:
        raise ProblemError(Problem.NOT_FOUND)
    return ClaimShape(
        case_id=case.id,
        state=view.state,
        reason=found.reason,
        statement=found.statement,
        currency=case.currency,
        amount_minor=str(found.amount_minor),
        held_minor=str(view.held_minor),
        undisputed_released_minor=str(case.undisputed_minor),
        opened_at=found.opened_at,
        hard_stop_at=found.hard_stop_at,
        offer_minor=_out(found.offer_minor),
        answered_at=found.answered_at,
        return_carrier=found.return_carrier,
        return_tracking_number=found.return_tracking_number,
        returned_at=found.returned_at,
        handler_name=view.names.get(found.handler_id or 0),
        arbiter_name=view.names.get(found.arbiter_id or 0),
        appealed_at=found.appealed_at,
        ruling=None if view.ruling is None else _ruling(view.ruling),
        outcome=found.outcome,
        awarded_minor=_out(found.awarded_minor),
        ended_at=found.ended_at,
        clock_action=case.clock_action,
        clock_due_at=case.clock_due_at,
        actions=list(view.actions),
    )


async def _shown(call: Call, case_id: int) -> ClaimShape:
    return claim_shape(await _view(call, case_id))


async def _view(call: Call, case_id: int) -> DealView:
    view = await deal_view(call.conn, call.house.escrow, case_id, call.viewer, call.now)
    if view is None or view.claim is None:
        raise ProblemError(Problem.NOT_FOUND)
    return view


def _ruling(ruling: Ruling) -> RulingShape:
    return RulingShape(
        buyer_minor=str(ruling.buyer_minor),
        seller_minor=str(ruling.seller_minor),
        house_minor=str(ruling.house_minor),
        reason=ruling.reason,
        proposed_at=ruling.proposed_at,
        in_force=ruling.in_force,
    )


def _queued(row: QueueRow) -> QueueShape:
    return QueueShape(
        case_id=row.case_id,
        state=row.state,  # type: ignore[arg-type]  # the query lists the same names
        title_en=row.title_en,
        title_zh=row.title_zh,
        reason=ClaimReason(row.reason),
        currency=row.currency,
        amount_minor=str(row.amount_minor),
        held_minor=str(row.held_minor),
        buyer_name=row.buyer_name,
        seller_name=row.seller_name,
        handler_name=row.handler_name,
        arbiter_name=row.arbiter_name,
        waits_for_second=row.waits_for_second,
        opened_at=row.opened_at,
        clock_action=Action(row.clock_action),
        due_at=row.due_at,
    )


def _out(minor: int | None) -> str | None:
    return None if minor is None else str(minor)


def _optional(minor: int | str | None) -> int | None:
    return None if minor is None else minor_in(minor)
