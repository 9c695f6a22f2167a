"""The API's money for operators: the books, the cases, the quarantine, the payouts, the audit trail."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from escrow import payments_store
from escrow.facts import PayoutState, Quarantined, QuarantineReason, QuarantineState
from market import audit, deals_store, money_desk
from market.api.deals import DealLine, DealShape, StateName, deal_shape, listed
from market.api.desk import PreviewLine, do_single, preview_line
from market.api.operations import Call, granted, operation
from market.api.shapes import (
    Before,
    Currency,
    Id,
    Listed,
    MinorOut,
    PageSize,
    Paging,
    Reason,
    Reasoned,
    SignedMinorOut,
    one_page,
)
from market.api.wallet import PayoutShape, payout_shape
from market.deals import deal_view
from market.money_acts import Act, Wish
from market.money_desk import Check
from market.problems import Problem, ProblemError


class CaseSum(Struct, kw_only=True):
    state: StateName
    currency: Currency
    count: int
    held_minor: MinorOut


class TrialLine(Struct, kw_only=True):
    kind: str
    currency: Currency
    debit_minor: MinorOut
    credit_minor: MinorOut


class CheckShape(Struct, kw_only=True):
    """One currency: the book sums to zero, and the escrow accounts hold what open cases say."""

    currency: Currency
    debit_minor: MinorOut
    credit_minor: MinorOut
    escrow_minor: SignedMinorOut
    cases_minor: MinorOut
    balanced: bool
    covered: bool


class MoneyShape(Struct, kw_only=True):
    cases: list[CaseSum]
    trial_balance: list[TrialLine]
    checks: list[CheckShape]
    faults: list[str]


class CaseQuery(Paging, kw_only=True, forbid_unknown_fields=True):
    state: StateName | None = None


class PostingShape(Struct, kw_only=True):
    at: datetime
    kind: str
    debit: str
    credit: str
    currency: Currency
    amount_minor: MinorOut


class CaseFile(Struct, kw_only=True):
    deal: DealShape
    postings: list[PostingShape]


class QuarantineQuery(Paging, kw_only=True, forbid_unknown_fields=True):
    state: QuarantineState | None = None


class QuarantineShape(Struct, kw_only=True):
    id: int
    reason: QuarantineReason
    currency: str
    amount_minor: MinorOut
    reference: str
    sender_holder: str
    sender_number: str
    state: QuarantineState
    case_id: int | None
    deposit_id: int | None
    received_at: datetime
    note: str | None


class Target(Struct, kw_only=True, forbid_unknown_fields=True):
    """Where quarantined money belongs. `preview` shows the postings and makes none."""

    target: Literal["case", "deposit", "wallet"]
    id: Id
    reason: Reason


class PreviewQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    target: Literal["case", "deposit", "wallet"]
    id: Id


class Previewed(Struct, kw_only=True):
    items: list[PreviewLine]


class PayoutQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    state: PayoutState | None = None
    limit: PageSize = 50


class Payouts(Struct, kw_only=True):
    items: list[PayoutShape]


class Sent(Struct, kw_only=True):
    """How many files waited for the bank and are handed over now."""

    files: Annotated[int, Meta(ge=0)]


class AuditLine(Struct, kw_only=True):
    id: int
    at: datetime
    actor_id: int | None
    act: str
    subject: str
    reason: str | None
    detail: dict[str, Any]


class AuditLines(Struct, kw_only=True):
    """Newest first. `next` is the `before` of the next page."""

    items: list[AuditLine]
    next: Id | None


@operation("GET", "/money", tag="operator")
async def money(call: Call) -> MoneyShape:
    """Where all money is, and whether the books agree."""
    seen = await money_desk.overview(call.conn, call.now)
    return MoneyShape(
        cases=[
            CaseSum(state=row.state.value, currency=row.currency, count=row.count, held_minor=str(row.held_minor))  # type: ignore[arg-type]  # NEW is never stored
            for row in seen.cases
        ],
        trial_balance=[
            TrialLine(
                kind=row.kind,
                currency=row.currency,
                debit_minor=str(row.debit_minor),
                credit_minor=str(row.credit_minor),
            )
            for row in seen.trial
        ],
        checks=[_check(row) for row in seen.checks],
        faults=list(seen.faults),
    )


@operation("GET", "/money/cases", tag="operator")
async def cases(call: Call, query: CaseQuery) -> Listed[DealLine]:
    """Every escrow case, newest first."""
    rows, total = await deals_store.deals_of_house(
        call.conn, state=query.state, limit=query.page_size, offset=(query.page - 1) * query.page_size
    )
    return listed(rows, total, query)


@operation("GET", "/money/cases/{case_id:int}", tag="operator")
async def case_file(call: Call, case_id: int) -> CaseFile:
    """The file of a case: what both parties see, and every posting."""
    view = await deal_view(call.conn, call.house.escrow, case_id, call.viewer, call.now)
    if view is None:
        raise ProblemError(Problem.NOT_FOUND)
    postings = await money_desk.postings_of_case(call.conn, case_id)
    return CaseFile(
        deal=deal_shape(call, view),
        postings=[
            PostingShape(
                at=row.at,
                kind=row.kind,
                debit=row.debit,
                credit=row.credit,
                currency=row.currency,
                amount_minor=str(row.amount_minor),
            )
            for row in postings
        ],
    )


@operation("GET", "/money/quarantine", tag="operator")
async def quarantine(call: Call, query: QuarantineQuery) -> Listed[QuarantineShape]:
    """Money that arrived and fits nothing."""
    items = await call.house.escrow.quarantine.items(call.conn, query.state, money_desk.MOST_ITEMS)
    shown, pages = one_page(items, query)
    return Listed(items=[_item(one) for one in shown], page=query.page, pages=pages, total=len(items))


@operation("GET", "/money/quarantine/{item_id:int}/preview", tag="operator")
async def preview_quarantined(call: Call, item_id: int, query: PreviewQuery) -> Previewed:
    """The postings that applying the money there would make, with both accounts before and after."""
    lines = granted(await money_desk.preview(call.conn, call.house.escrow, item_id, query.target, query.id, call.now))
    return Previewed(items=[preview_line(row) for row in lines])


@operation("POST", "/money/quarantine/{item_id:int}/apply", tag="operator")
async def apply_quarantined(call: Call, item_id: int, body: Target) -> QuarantineShape:
    """Put the money where it belongs."""
    wish = Wish(act=Act.QUARANTINE_APPLY, subject_id=item_id, into_kind=body.target, into_id=body.id)
    await do_single(call, wish, body.reason)
    done = await money_desk.item_by_id(call.conn, call.house.escrow, item_id)
    assert done is not None, "it was applied a moment ago"
    return _item(done)


@operation("POST", "/money/quarantine/{item_id:int}/return", tag="operator")
async def return_quarantined(call: Call, item_id: int, body: Reasoned) -> PayoutShape:
    """Send the money back to where it came from."""
    await do_single(call, Wish(act=Act.QUARANTINE_RETURN, subject_id=item_id), body.reason)
    found = await payments_store.payout_of_item(call.conn, item_id)
    assert found is not None, "it was queued a moment ago"
    return payout_shape(found)


@operation("GET", "/money/payouts", tag="operator")
async def payouts(call: Call, query: PayoutQuery) -> Payouts:
    """Money on its way out, latest first."""
    found = await call.house.escrow.payouts.payouts(call.conn, query.state, query.limit)
    return Payouts(items=[payout_shape(one) for one in found])


@operation("POST", "/money/payouts/send", tag="operator")
async def send_payouts(call: Call) -> Sent:
    """Hand files that wait to the bank now."""
    return Sent(files=await money_desk.send_payouts(call.conn, operator_id=call.viewer.id, now=call.now))


@operation("GET", "/audit", tag="operator")
async def audit_trail(call: Call, query: Before) -> AuditLines:
    """Who did what to what, and why."""
    found = await audit.page(call.conn, before_id=query.before, limit=query.limit)
    lines = [
        AuditLine(
            id=one.id,
            at=one.at,
            actor_id=one.actor_id,
            act=one.act,
            subject=one.subject,
            reason=one.reason,
            detail=dict(one.detail),
        )
        for one in found
    ]
    return AuditLines(items=lines, next=lines[-1].id if len(lines) == query.limit else None)


def _check(row: Check) -> CheckShape:
    return CheckShape(
        currency=row.currency,
        debit_minor=str(row.debit_minor),
        credit_minor=str(row.credit_minor),
        escrow_minor=str(row.escrow_minor),
        cases_minor=str(row.cases_minor),
        balanced=row.balanced,
        covered=row.covered,
    )


def _item(one: Quarantined) -> QuarantineShape:
    return QuarantineShape(
        id=one.id,
        reason=one.reason,
        currency=one.currency,
        amount_minor=str(one.amount_minor),
        reference=one.reference,
        sender_holder=one.sender_holder,
        sender_number=one.sender_number,
        state=one.state,
        case_id=one.case_id,
        deposit_id=one.deposit_id,
        received_at=one.received_at,
        note=one.note,
    )
