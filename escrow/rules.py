"""The rules of an escrow case: one table of steps, who may take each and when, what it moves, which clock then runs.

Pure: a case and `now` go in, a step or a refusal comes out. A later issue (claims, arbitration) adds states and edges
to the table; the same edges stand in the database as `escrow.edge`, and a test compares the two.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec import Struct

from escrow.facts import (
    Action,
    BankNotice,
    Case,
    CaseTerms,
    Deposit,
    DepositState,
    Fees,
    Leg,
    PayoutPurpose,
    QuarantineReason,
    Refusal,
    Role,
    State,
)

BANK, GATEWAY = "bank", "gateway"
COMMISSION, FEES, FORFEITS = "commission", "fees", "forfeits"


class Request(Struct, frozen=True, kw_only=True):
    """One attempt to act on a case, with what the actor brings along."""

    action: Action
    role: Role
    now: datetime
    reason: str = ""
    carrier: str = ""
    tracking_number: str = ""
    source: str = BANK
    received_minor: int = 0


class Clock(Struct, frozen=True, kw_only=True):
    """At `due_at` the timer takes `action`, unless somebody acted before."""

    action: Action
    due_at: datetime


class Step(Struct, frozen=True, kw_only=True):
    """What a permitted act does. A step that moves to a state without a clock ends the escrow and seals its account."""

    to: State
    legs: tuple[Leg, ...] = ()
    clock: Clock | None = None
    deposit_becomes: DepositState | None = None
    pays_out: PayoutPurpose | None = None


Legs = Callable[[Case, Request], tuple[Leg, ...]]
Guard = Callable[[Case, Request], Refusal | None]


def commission_minor(price_minor: int, rate_bp: int) -> int:
    """f = (P·rate + 5000) // 10000: the rate in basis points, half a unit rounded up."""
    return (price_minor * rate_bp + 5000) // 10_000


def fees_minor(price_minor: int, fees: Fees) -> int:
    """The transaction fee by the same formula and the service fee, together with the commission at most half of the price."""
    asked = (price_minor * fees.transaction_bp + 5000) // 10_000 + fees.service_minor
    return min(asked, price_minor // 2 - commission_minor(price_minor, fees.commission_bp))


# The names of accounts.


def wallet(party_id: int) -> str:
    return f"wallet:{party_id}"


def payable(party_id: int) -> str:
    return f"payable:{party_id}"


def receivable(party_id: int) -> str:
    """What a party owes the house: below zero by the debt."""
    return f"receivable:{party_id}"


def reserve(party_id: int) -> str:
    return f"reserve:{party_id}"


def chargeback_account(chargeback_id: int) -> str:
    return f"chargeback:{chargeback_id}"


def deposit_account(deposit_id: int | None) -> str:
    return f"deposit:{deposit_id}"


def escrow_account(case_id: int) -> str:
    return f"escrow:{case_id}"


# What each step moves. A leg of nothing is no leg.


def _legs(case: Case, *moves: tuple[str, str, int]) -> tuple[Leg, ...]:
    return tuple(
        Leg(debit=debit, credit=credit, currency=case.currency, amount_minor=amount)
        for debit, credit, amount in moves
        if amount > 0
    )


def _none(case: Case, request: Request) -> tuple[Leg, ...]:
    return ()


def _payment(case: Case, request: Request) -> tuple[Leg, ...]:
    """The due sum from where it came, the deposit from where it lay; what is over goes to the buyer's wallet."""
    escrow = escrow_account(case.id)
    return _legs(
        case,
        (request.source, escrow, case.due_minor),
        (deposit_account(case.deposit_id), escrow, case.deposit_minor),
        (request.source, wallet(case.buyer_id), request.received_minor - case.due_minor),
    )


def _forfeit(case: Case, request: Request) -> tuple[Leg, ...]:
    """Half of the deposit, rounded down, to the seller; the rest to the house."""
    half = case.deposit_minor // 2
    held = deposit_account(case.deposit_id)
    return _legs(case, (held, payable(case.seller_id), half), (held, FORFEITS, case.deposit_minor - half))


def _free_deposit(case: Case, request: Request) -> tuple[Leg, ...]:
    return _legs(case, (deposit_account(case.deposit_id), wallet(case.buyer_id), case.deposit_minor))


def _refund(case: Case, request: Request) -> tuple[Leg, ...]:
    return _legs(case, (escrow_account(case.id), wallet(case.buyer_id), case.price_minor))


def _release(case: Case, request: Request) -> tuple[Leg, ...]:
    escrow = escrow_account(case.id)
    return _legs(
        case,
        (escrow, payable(case.seller_id), case.proceeds_minor),
        (escrow, COMMISSION, case.commission_minor),
    )


# Who must wait, and who must say more.


def _always(case: Case, request: Request) -> Refusal | None:
    return None


def _clock_has_run_out(case: Case, request: Request) -> Refusal | None:
    if request.role is not Role.TIMER:
        return None
    if case.clock_action is not request.action or case.clock_due_at is None or request.now < case.clock_due_at:
        return Refusal.TOO_EARLY
    return None


def _sum_is_enough(case: Case, request: Request) -> Refusal | None:
    return Refusal.BELOW_DUE if request.received_minor < case.due_minor else None


def _may_cancel(case: Case, request: Request) -> Refusal | None:
    if request.role is Role.BUYER and (case.ship_by_at is None or request.now < case.ship_by_at):
        return Refusal.TOO_EARLY
    if request.role is Role.OPERATOR and not request.reason.strip():
        return Refusal.REASON_MISSING
    return _clock_has_run_out(case, request)


def _has_tracking(case: Case, request: Request) -> Refusal | None:
    return None if request.carrier.strip() and request.tracking_number.strip() else Refusal.TRACKING_MISSING


def _not_yet_extended(case: Case, request: Request) -> Refusal | None:
    return Refusal.ALREADY_EXTENDED if case.inspection_extended else None


class Edge(Struct, frozen=True, kw_only=True):
    """One row of the table: from `state`, `roles` may take `action` if `guard` has nothing against it."""

    state: State
    action: Action
    roles: frozenset[Role]
    to: State
    guard: Guard = _always
    legs: Legs = _none
    deposit_becomes: DepositState | None = None
    pays_out: PayoutPurpose | None = None


TABLE: tuple[Edge, ...] = (
    Edge(state=State.NEW, action=Action.OPEN, roles=frozenset({Role.HOUSE}), to=State.AWAITING_PAYMENT),
    Edge(
        state=State.AWAITING_PAYMENT,
        action=Action.PAY,
        roles=frozenset({Role.BANK, Role.BUYER, Role.OPERATOR, Role.HOUSE}),
        to=State.FUNDED,
        guard=_sum_is_enough,
        legs=_payment,
        deposit_becomes=DepositState.APPLIED,
    ),
    Edge(
        state=State.AWAITING_PAYMENT,
        action=Action.DEFAULT,
        roles=frozenset({Role.TIMER}),
        to=State.DEFAULTED,
        guard=_clock_has_run_out,
        legs=_forfeit,
        deposit_becomes=DepositState.FORFEITED,
        pays_out=PayoutPurpose.FORFEIT,
    ),
    Edge(
        state=State.AWAITING_PAYMENT,
        action=Action.CANCEL,
        roles=frozenset({Role.OPERATOR}),
        to=State.CANCELLED,
        guard=_may_cancel,
        legs=_free_deposit,
        deposit_becomes=DepositState.FREED,
    ),
    Edge(
        state=State.FUNDED,
        action=Action.SHIP,
        roles=frozenset({Role.SELLER}),
        to=State.SHIPPED,
        guard=_has_tracking,
    ),
    Edge(
        state=State.FUNDED,
        action=Action.CANCEL,
        roles=frozenset({Role.SELLER, Role.BUYER, Role.OPERATOR, Role.TIMER}),
        to=State.CANCELLED,
        guard=_may_cancel,
        legs=_refund,
    ),
    Edge(
        state=State.SHIPPED,
        action=Action.RECEIVE,
        roles=frozenset({Role.BUYER, Role.CARRIER, Role.TIMER}),
        to=State.INSPECTING,
        guard=_clock_has_run_out,
    ),
    Edge(
        state=State.INSPECTING,
        action=Action.EXTEND_INSPECTION,
        roles=frozenset({Role.BUYER}),
        to=State.INSPECTING,
        guard=_not_yet_extended,
    ),
    Edge(
        state=State.INSPECTING,
        action=Action.RELEASE,
        roles=frozenset({Role.BUYER, Role.TIMER}),
        to=State.RELEASED,
        guard=_clock_has_run_out,
        legs=_release,
        pays_out=PayoutPurpose.SALE,
    ),
    Edge(state=State.RELEASED, action=Action.SETTLE, roles=frozenset({Role.BANK}), to=State.SETTLED),
)

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
    return Step(
        to=edge.to,
        legs=edge.legs(case, request),
        clock=clock_after(case, edge, request.now),
        deposit_becomes=edge.deposit_becomes if case.deposit_minor else None,
        pays_out=edge.pays_out,
    )


def clock_after(case: Case, edge: Edge, now: datetime) -> Clock | None:
    """The clock that runs in the state the edge leads to; None where the escrow holds nothing any more."""
    timers = case.timers
    match edge.to:
        case State.AWAITING_PAYMENT:
            return Clock(action=Action.DEFAULT, due_at=now + timedelta(seconds=timers.payment_seconds))
        case State.FUNDED:
            unshipped_at = ship_by(case, now) + timedelta(seconds=timers.unshipped_seconds)
            return Clock(action=Action.CANCEL, due_at=unshipped_at)
        case State.SHIPPED:
            return Clock(action=Action.RECEIVE, due_at=now + timedelta(seconds=timers.arrival_seconds))
        case State.INSPECTING:
            start = case.clock_due_at if case.state is State.INSPECTING and case.clock_due_at else now
            return Clock(action=Action.RELEASE, due_at=start + timedelta(seconds=timers.inspection_seconds))
        case _:
            return None


def ship_by(case: Case, funded_at: datetime) -> datetime:
    """Until when the seller ships; after it the buyer may cancel."""
    if case.timers.ship_seconds is not None:
        return funded_at + timedelta(seconds=case.timers.ship_seconds)
    return add_working_days(funded_at, case.timers.ship_working_days)


def add_working_days(start: datetime, days: int) -> datetime:
    """The same time of day, `days` Mondays-to-Fridays (UTC) after `start`."""
    moment = start
    while days > 0:
        moment += timedelta(days=1)
        days -= moment.weekday() < 5
    return moment


def role_of(case: Case, party_id: int) -> Role | None:
    """Buyer, seller, or a stranger to this case."""
    if party_id == case.buyer_id:
        return Role.BUYER
    if party_id == case.seller_id:
        return Role.SELLER
    return None


def next_actions(case: Case, role: Role, now: datetime) -> list[Action]:
    """What the role may do now, taking for granted that it will give the reason, number or sum that is asked."""
    granted = "given"
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
                ),
            ),
            Refusal,
        )
    ]


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
