"""The rules of an escrow case: who may do what and when, what it moves, which clock then runs.

Pure: a case and `now` go in, a step or a refusal comes out. The rows stand in escrow/case_table.py, the sums in
escrow/postings.py, the guards in escrow/guards.py, the clocks in escrow/deadlines.py.
"""

from __future__ import annotations

from datetime import datetime

from escrow.case_table import TABLE
from escrow.deadlines import add_working_days, clock_after, ship_by
from escrow.facts import (
    Action,
    BankNotice,
    Case,
    CaseTerms,
    Deposit,
    DepositState,
    QuarantineReason,
    Refusal,
    Role,
    State,
)
from escrow.postings import (
    BANK,
    COMMISSION,
    FEES,
    FORFEITS,
    GATEWAY,
    chargeback_account,
    commission_minor,
    deposit_account,
    divided,
    division,
    escrow_account,
    fees_minor,
    payable,
    receivable,
    reinstatement,
    reserve,
    wallet,
)
from escrow.steps import Clock, Division, Edge, Request, Step

__all__ = [
    "BANK",
    "COMMISSION",
    "FEES",
    "FORFEITS",
    "GATEWAY",
    "TABLE",
    "Clock",
    "Division",
    "Edge",
    "Request",
    "Step",
    "add_working_days",
    "chargeback_account",
    "clock_after",
    "commission_minor",
    "deposit_account",
    "deposit_part",
    "division",
    "escrow_account",
    "fees_minor",
    "judge",
    "misfit_of_case",
    "misfit_of_deposit",
    "next_actions",
    "payable",
    "receivable",
    "reinstatement",
    "reserve",
    "role_of",
    "ship_by",
    "wallet",
]

_BY_STEP = {(edge.state, edge.action): edge for edge in TABLE}


def judge(case: Case, request: Request) -> Step | Refusal:
    """What the request would do, or why not, tested in the order: state, role, guard."""
    edge = _BY_STEP.get((case.state, request.action))
    if edge is None:
        return Refusal.NOT_IN_THIS_STATE
    if request.role not in edge.roles:
        return Refusal.NOT_YOUR_MOVE
    refusal = edge.guard(case, request)
    if refusal is not None:
        return refusal
    parts = edge.divides(case, request) if edge.divides else None
    return Step(
        to=edge.to,
        legs=edge.legs(case, request) if parts is None else divided(case, parts, is_last=edge.to is not edge.state),
        clock=clock_after(case, edge, request.now, request.until),
        deposit_becomes=edge.deposit_becomes if case.deposit_minor else None,
        pays_out=edge.pays_out,
        division=parts,
    )


def role_of(case: Case, party_id: int) -> Role | None:
    """Buyer, seller, or a stranger to this case."""
    if party_id == case.buyer_id:
        return Role.BUYER
    if party_id == case.seller_id:
        return Role.SELLER
    return None


def next_actions(case: Case, role: Role, now: datetime) -> list[Action]:
    """What the role may do now, taking for granted that it will give the reason, number or sum that is asked, and of an
    operator that he is the one who may.
    """
    granted = "given"
    ruling = case.claim.ruling if case.claim else None
    return [
        edge.action
        for edge in TABLE
        if edge.state is case.state
        and not isinstance(
            judge(
                case,
                Request(
                    action=edge.action,
                    role=role,
                    now=now,
                    reason=granted,
                    carrier=granted,
                    tracking_number=granted,
                    received_minor=case.due_minor,
                    amount_minor=_smallest(edge.action, case),
                    actor_id=case.claim.arbiter_id if case.claim and ruling is None else None,
                    second_above_minor=case.held_minor,
                ),
            ),
            Refusal,
        )
    ]


def _smallest(action: Action, case: Case) -> int:
    """A sum that may be named with the act, if any may: the least to claim, to split off or to offer."""
    if action is Action.SPLIT:
        still_here = [line.amount_minor for line in case.lines if line.part_id is None]
        return min(still_here) if len(still_here) > 1 else 0
    if action is Action.OFFER and case.claim is not None and case.claim.offer_minor is not None:
        return case.claim.offer_minor + 1
    return 1 if action is Action.CLAIM else 0


def deposit_part(terms: CaseTerms, deposit: Deposit | None) -> int:
    """How much of the deposit goes towards the price: all of it, but never more than the price."""
    return 0 if deposit is None else min(deposit.amount_minor, terms.price_minor)


def misfit_of_deposit(deposit: Deposit, notice: BankNotice) -> QuarantineReason | None:
    """Why money with a deposit's reference can't be taken for it; None when it fits to the last unit."""
    if deposit.state in (DepositState.HELD, DepositState.APPLIED):
        return QuarantineReason.ALREADY_PAID
    if deposit.state is not DepositState.REQUESTED:
        return QuarantineReason.LATE
    return _misfit_of_sum(deposit.currency, deposit.amount_minor, notice)


def misfit_of_case(case: Case, notice: BankNotice) -> QuarantineReason | None:
    """Why money with a case's reference can't pay it; the state decides, and only the clock ends the waiting."""
    if case.state in (State.DEFAULTED, State.CANCELLED):
        return QuarantineReason.LATE
    if case.state is not State.AWAITING_PAYMENT:
        return QuarantineReason.ALREADY_PAID
    return _misfit_of_sum(case.currency, case.due_minor, notice)


def _misfit_of_sum(currency: str, due_minor: int, notice: BankNotice) -> QuarantineReason | None:
    if notice.currency != currency:
        return QuarantineReason.WRONG_CURRENCY
    if notice.amount_minor != due_minor:
        return QuarantineReason.WRONG_SUM
    return None
