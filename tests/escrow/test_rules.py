"""The table of steps: every state, actor and action; who waits for what; and that nothing is created or lost by a step."""

from __future__ import annotations

import itertools
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escrow import rules
from escrow.deadlines import days_off_while_shipping
from escrow.facts import (
    DISPUTED,
    HOLDING,
    OVER,
    SMALLEST_LINE_MINOR,
    Action,
    Case,
    Claim,
    ClaimReason,
    Deposit,
    DepositState,
    Fees,
    Line,
    QuarantineReason,
    Refusal,
    Role,
    Ruling,
    State,
    Timers,
)
from escrow.postings import share, undisputed
from escrow.rules import Request, Step
from tests.escrow.trade import ARBITER, BUYER, DAY, HOUR, NOW, OPERATOR, SELLER, incoming

if TYPE_CHECKING:
    from asyncpg import Pool, Record

MONEY_STATES = (State.AWAITING_PAYMENT, *sorted(HOLDING))
ENDS = tuple(sorted(OVER))

B, S, OP, T = Role.BUYER, Role.SELLER, Role.OPERATOR, Role.TIMER
PERMITTED: dict[State, dict[Action, set[Role]]] = {
    State.NEW: {Action.OPEN: {Role.HOUSE}, Action.SPLIT: {Role.HOUSE}},
    State.AWAITING_PAYMENT: {
        Action.PAY: {Role.BANK, B, OP, Role.HOUSE},
        Action.REINSTATE: {OP},
        Action.DEFAULT: {T},
        Action.CANCEL: {OP},
    },
    State.FUNDED: {
        Action.SPLIT: {S},
        Action.POSTPONE: {Role.HOUSE},
        Action.SHIP: {S},
        Action.CANCEL: {S, B, OP, T},
        Action.CLAIM: {B},
    },
    State.SHIPPED: {Action.RECEIVE: {B, Role.CARRIER, T}, Action.CLAIM: {B}},
    State.INSPECTING: {Action.EXTEND_INSPECTION: {B}, Action.RELEASE: {B, T}, Action.CLAIM: {B}},
    State.CLAIMED: {
        Action.RELEASE_UNDISPUTED: {B},
        Action.OFFER: {S},
        Action.ACCEPT_OFFER: {B},
        Action.DEFAULT_JUDGEMENT: {T},
        Action.ASK_RETURN: {S},
        Action.CONTEST: {S},
        Action.ESCALATE: {B, T},
        Action.ACCEPT_CLAIM: {S},
        Action.WITHDRAW_CLAIM: {B},
    },
    State.RETURNING: {
        Action.RETURN_SHIP: {B},
        Action.CONFIRM_RETURN: {S, T},
        Action.LAPSE_RETURN: {T},
        Action.CONTEST: {S},
    },
    State.ARBITRATION: {
        Action.PROPOSE_RULING: {OP},
        Action.RULE: {OP},
        Action.OVERDUE: {T},
        Action.HARD_STOP: {T},
        Action.ACCEPT_CLAIM: {S},
        Action.WITHDRAW_CLAIM: {B},
    },
    State.RULED: {Action.APPEAL: {B, S}, Action.ENFORCE: {T}},
    State.RELEASED: {Action.SETTLE: {Role.BANK, Role.HOUSE}},
}
"""Written down once more and by hand, from the plan and not from the table."""
CLOCKS = {
    State.AWAITING_PAYMENT: (Action.DEFAULT,),
    State.FUNDED: (Action.CANCEL,),
    State.SHIPPED: (Action.RECEIVE,),
    State.INSPECTING: (Action.RELEASE,),
    State.CLAIMED: (Action.DEFAULT_JUDGEMENT, Action.ESCALATE),
    State.RETURNING: (Action.LAPSE_RETURN, Action.CONFIRM_RETURN),
    State.ARBITRATION: (Action.OVERDUE, Action.HARD_STOP),
    State.RULED: (Action.ENFORCE,),
}
SENT_BACK = {Action.CONFIRM_RETURN, Action.CONTEST}


def claim(state: State, **facts: object) -> Claim:
    """A claim of 300.00 of which 100.00 is offered; in a ruled case with its ruling."""
    ruling = Ruling(
        id=1,
        claim_id=3,
        arbiter_id=ARBITER,
        buyer_minor=25_000,
        seller_minor=70_000,
        house_minor=5_000,
        reason="because",
        proposed_at=NOW,
        needs_second=False,
    )
    plain = Claim(
        id=3,
        case_id=5,
        reason=ClaimReason.DAMAGED,
        statement="broken",
        amount_minor=30_000,
        from_state=State.INSPECTING,
        opened_at=NOW,
        hard_stop_at=NOW + timedelta(days=60),
        offer_minor=10_000,
        handler_id=OPERATOR,
        arbiter_id=ARBITER,
        ruling=ruling if state is State.RULED else None,
    )
    return msgspec.structs.replace(plain, **facts)


def ready_for(action: Action, state: State, role: Role = Role.TIMER) -> Case:
    """A case in which nothing but state and role decides about the act."""
    facts: dict[str, object] = {"clock_action": action if role is Role.TIMER else CLOCKS.get(state, (None,))[0]}
    if state is State.RETURNING and action in SENT_BACK:
        facts["claim"] = claim(state, returned_at=NOW)
    if action is Action.OFFER:
        facts["claim"] = claim(state, offer_minor=None)
    if action is Action.REINSTATE:
        facts["reinstates_id"] = 4
    return case(state, **facts)


def case(state: State = State.AWAITING_PAYMENT, **facts: object) -> Case:
    """A case of 1,000.00 with a deposit of 100.01, in a state whose clock has just run out."""
    plain = Case(
        id=5,
        subject="lot:1",
        buyer_id=BUYER,
        seller_id=SELLER,
        currency="CNY",
        price_minor=100_000,
        deposit_minor=10_001,
        deposit_id=7,
        commission_bp=800,
        commission_minor=8_000,
        contract_sha256=bytes(32),
        timers=Timers(),
        reference="GH-P-222222",
        state=state,
        version=3,
        opened_at=NOW,
        state_since=NOW,
        clock_action=CLOCKS.get(state, (None,))[0],
        clock_due_at=NOW,
        ship_by_at=NOW,
        lines=(Line(n=1, title="A", amount_minor=60_000), Line(n=2, title="B", amount_minor=40_000)),
        claim=claim(state) if state in DISPUTED else None,
    )
    return msgspec.structs.replace(plain, **facts)


def full_request(action: Action, role: Role, now: datetime = NOW) -> Request:
    """An attempt that brings along all that could be asked."""
    return Request(
        action=action,
        role=role,
        now=now,
        reason="because",
        carrier="SF",
        tracking_number="1",
        received_minor=89_999,
        amount_minor=5_000,
        buyer_minor=20_000,
        until=now + 30 * DAY,
        actor_id=ARBITER,
        second_above_minor=100_000,
    )


@pytest.mark.parametrize("state", State)
def test_each_actor_may_do_in_each_state_what_the_table_says_and_nothing_else(state: State) -> None:
    permitted = PERMITTED.get(state, {})
    for role, action in itertools.product(Role, Action):
        answer = rules.judge(ready_for(action, state, role), full_request(action, role))
        if role in permitted.get(action, set()):
            assert isinstance(answer, Step), (role, action, answer)
        else:
            named = Refusal.NOT_YOUR_MOVE if action in permitted else Refusal.NOT_IN_THIS_STATE
            assert answer is named, (role, action, answer)


@pytest.mark.parametrize("state", MONEY_STATES)
def test_every_state_that_holds_money_has_an_owner_a_clock_and_an_end(state: State) -> None:
    edges = [edge for edge in rules.TABLE if edge.state is state]
    assert {role for edge in edges for role in edge.roles} & {Role.BUYER, Role.SELLER}, "a party that can move it"
    assert {edge.action for edge in edges if Role.TIMER in edge.roles} == set(CLOCKS[state]), "no other clocks"
    for edge in rules.TABLE:
        if edge.to is state:
            before = ready_for(edge.action, edge.state, Role.HOUSE)
            clock = rules.clock_after(before, edge, NOW)
            assert clock is not None and clock.action in CLOCKS[state] and clock.due_at >= NOW


def test_left_alone_every_case_comes_to_an_end_by_its_timers() -> None:
    for start, first in ((state, action) for state, actions in CLOCKS.items() for action in actions):
        state, action, steps = start, first, 0
        while state in MONEY_STATES:
            answer = rules.judge(ready_for(action, state), full_request(action, Role.TIMER))
            assert isinstance(answer, Step)
            state, steps = answer.to, steps + 1
            action = answer.clock.action if answer.clock else action
            assert steps < 9
        assert state in (*ENDS, State.RELEASED)


@pytest.mark.parametrize("state", ENDS)
def test_an_end_has_no_way_out(state: State) -> None:
    assert not [edge for edge in rules.TABLE if edge.state is state]


@settings(max_examples=60, deadline=None)
@given(
    price=st.integers(1, 10**15),
    rates=st.tuples(st.integers(0, 3000), st.integers(0, 1999), st.integers(0, 10**6), st.integers(0, 10_000)),
    parts=st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)),
    state=st.sampled_from(MONEY_STATES),
)
def test_a_step_moves_exactly_what_the_escrow_holds(
    price: int, rates: tuple[int, int, int, int], parts: tuple[float, float, float], state: State
) -> None:
    deposit, claimed = int(price * parts[0]), max(int(price * parts[1]), 1)
    fees = Fees(commission_bp=rates[0], transaction_bp=rates[1], service_minor=rates[2])
    subject = case(
        state,
        price_minor=price,
        deposit_minor=deposit,
        commission_bp=fees.commission_bp,
        commission_minor=rules.commission_minor(price, fees.commission_bp),
        fees_minor=rules.fees_minor(price, fees),
        reserve_bp=rates[3],
    )
    assert 0 <= 2 * (subject.commission_minor + subject.fees_minor) <= price
    for action, role in ((action, role) for action, roles in PERMITTED[state].items() for role in roles):
        ready = ready_for(action, state, role)
        disputed = ready.claim and msgspec.structs.replace(
            ready.claim,
            amount_minor=claimed,
            offer_minor=int(claimed * parts[2]),
            ruling=ready.claim.ruling
            and msgspec.structs.replace(ready.claim.ruling, buyer_minor=int(price * parts[2]), house_minor=0),
        )
        subject = msgspec.structs.replace(
            subject, claim=disputed, clock_action=ready.clock_action, reinstates_id=ready.reinstates_id
        )
        request = msgspec.structs.replace(
            full_request(action, role), received_minor=price - deposit + 3, amount_minor=0, second_above_minor=price
        )
        step = rules.judge(subject, request)
        if isinstance(step, Refusal):
            continue
        moved: dict[str, int] = defaultdict(int)
        for leg in step.legs:
            assert leg.amount_minor > 0
            moved[leg.debit] -= leg.amount_minor
            moved[leg.credit] += leg.amount_minor
        held = subject.held_minor + moved["escrow:5"]
        if action is Action.RELEASE_UNDISPUTED:
            assert held == claimed
        elif step.legs:
            assert held == (price if step.to is State.FUNDED else 0)
        if step.deposit_becomes:
            assert moved["deposit:7"] == -deposit, "the deposit is spent to the last unit"


@settings(max_examples=200, deadline=None)
@given(
    price=st.integers(1, 10**9),
    bps=st.tuples(st.integers(0, 2500), st.integers(0, 2400)),
    refund=st.floats(0, 1),
    claimed=st.floats(0, 1),
)
def test_partial_refunds_unwind_each_fee_by_the_formula_and_lose_nothing(
    price: int, bps: tuple[int, int], refund: float, claimed: float
) -> None:
    fees = Fees(commission_bp=bps[0], transaction_bp=bps[1])
    claim_minor = max(round(price * claimed), 1)
    back = round(claim_minor * refund)
    whole = case(
        State.CLAIMED,
        price_minor=price,
        deposit_minor=0,
        commission_minor=rules.commission_minor(price, fees.commission_bp),
        fees_minor=rules.fees_minor(price, fees),
        claim=claim(State.CLAIMED, amount_minor=claim_minor),
    )
    straight = rules.division(whole, back)
    assert straight.commission_minor == (whole.commission_minor * (price - back) + price // 2) // price
    assert straight.fees_minor == (whole.fees_minor * (price - back) + price // 2) // price
    assert straight.buyer_minor + straight.seller_minor + straight.house_minor == price
    assert straight.seller_minor >= 0
    # The same claim, but the undisputed part was released before: the same sums to the unit, but where the two fees
    # would together take more than is left.
    first = undisputed(whole)
    rest = rules.division(
        msgspec.structs.replace(
            whole,
            undisputed_minor=price - claim_minor,
            undisputed_commission_minor=first.commission_minor,
            undisputed_fees_minor=first.fees_minor,
        ),
        back,
    )
    assert rest.buyer_minor + rest.seller_minor + rest.house_minor == claim_minor
    assert min(first.seller_minor, rest.seller_minor, rest.commission_minor, rest.fees_minor) >= 0
    assert first.seller_minor + rest.seller_minor - straight.seller_minor in (0, 1)


@settings(max_examples=100, deadline=None)
@given(
    amounts=st.lists(st.integers(SMALLEST_LINE_MINOR, 10**6), min_size=1, max_size=6),
    bps=st.tuples(st.integers(0, 2500), st.integers(0, 2400)),
)
def test_the_fees_of_the_parts_are_exactly_the_fees_of_the_whole(amounts: list[int], bps: tuple[int, int]) -> None:
    price = sum(amounts)
    whole = (
        rules.commission_minor(price, bps[0]),
        rules.fees_minor(price, Fees(commission_bp=bps[0], transaction_bp=bps[1])),
    )
    before, shares = 0, []
    for amount in amounts:
        shares.append((share(whole[0], price, before, amount), share(whole[1], price, before, amount)))
        assert 0 <= sum(shares[-1]) <= amount, "no part owes more than it brings"
        before += amount
    assert (sum(one for one, _ in shares), sum(two for _, two in shares)) == whole


def test_the_commission_is_rounded_half_up_and_leaves_the_seller_something() -> None:
    assert rules.commission_minor(100_000, 800) == 8_000
    assert [rules.commission_minor(price, 800) for price in (6, 7, 18, 19)] == [0, 1, 1, 2]
    assert all(rules.commission_minor(price, 4_999) < price for price in range(1, 500))


@pytest.mark.parametrize(("state", "action"), [(state, action) for state in CLOCKS for action in CLOCKS[state]])
def test_a_timer_acts_at_its_time_and_not_a_microsecond_earlier(state: State, action: Action) -> None:
    early = full_request(action, Role.TIMER, NOW - timedelta(microseconds=1))
    assert rules.judge(ready_for(action, state), early) is Refusal.TOO_EARLY
    assert isinstance(rules.judge(ready_for(action, state), full_request(action, Role.TIMER)), Step)


@pytest.mark.parametrize(
    ("state", "request_", "refusal"),
    [
        (State.FUNDED, Request(action=Action.CANCEL, role=Role.BUYER, now=NOW - HOUR), Refusal.TOO_EARLY),
        (State.FUNDED, Request(action=Action.CANCEL, role=Role.OPERATOR, now=NOW), Refusal.REASON_MISSING),
        (State.AWAITING_PAYMENT, Request(action=Action.CANCEL, role=Role.OPERATOR, now=NOW), Refusal.REASON_MISSING),
        (State.FUNDED, Request(action=Action.SHIP, role=Role.SELLER, now=NOW), Refusal.TRACKING_MISSING),
        (
            State.AWAITING_PAYMENT,
            Request(action=Action.PAY, role=Role.OPERATOR, now=NOW, received_minor=89_998),
            Refusal.BELOW_DUE,
        ),
    ],
)
def test_a_guard_refuses_by_name(state: State, request_: Request, refusal: Refusal) -> None:
    assert rules.judge(case(state), request_) is refusal


GUARDED: list[tuple[State, Action, Role, dict[str, object], dict[str, object], Refusal]] = [
    (State.AWAITING_PAYMENT, Action.REINSTATE, OP, {}, {}, Refusal.NOT_REINSTATABLE),
    (State.FUNDED, Action.SPLIT, S, {}, {"amount_minor": 0}, Refusal.NO_LINES),
    (State.FUNDED, Action.SPLIT, S, {}, {"amount_minor": 100_000}, Refusal.ALL_LINES),
    (State.FUNDED, Action.SPLIT, S, {}, {"carrier": " "}, Refusal.TRACKING_MISSING),
    (State.FUNDED, Action.CLAIM, B, {}, {"amount_minor": 0}, Refusal.BAD_CLAIM_AMOUNT),
    (State.FUNDED, Action.CLAIM, B, {}, {"amount_minor": 100_001}, Refusal.BAD_CLAIM_AMOUNT),
    (State.SHIPPED, Action.CLAIM, B, {}, {"reason": " "}, Refusal.STATEMENT_MISSING),
    (State.CLAIMED, Action.RELEASE_UNDISPUTED, B, {"undisputed_minor": 1}, {}, Refusal.ALREADY_RELEASED),
    (State.CLAIMED, Action.RELEASE_UNDISPUTED, B, {"price_minor": 30_000}, {}, Refusal.NOTHING_UNDISPUTED),
    (State.CLAIMED, Action.OFFER, S, {}, {"amount_minor": 30_000}, Refusal.BAD_OFFER),
    (State.CLAIMED, Action.OFFER, S, {}, {"amount_minor": -1}, Refusal.BAD_OFFER),
    (State.CLAIMED, Action.OFFER, S, {}, {"amount_minor": 10_000}, Refusal.OFFER_STANDS),
    (State.CLAIMED, Action.ACCEPT_OFFER, B, {"offer_minor": None}, {}, Refusal.NO_OFFER),
    (State.CLAIMED, Action.ESCALATE, B, {"offer_minor": None}, {}, Refusal.NO_OFFER),
    (State.CLAIMED, Action.ESCALATE, B, {}, {"reason": ""}, Refusal.STATEMENT_MISSING),
    (State.CLAIMED, Action.ASK_RETURN, S, {"from_state": State.FUNDED}, {}, Refusal.NOTHING_SHIPPED),
    (State.CLAIMED, Action.ASK_RETURN, S, {"undisputed_minor": 1}, {}, Refusal.PART_IS_PAID),
    (State.CLAIMED, Action.CONTEST, S, {}, {"reason": ""}, Refusal.STATEMENT_MISSING),
    (State.RETURNING, Action.RETURN_SHIP, B, {"returned_at": NOW}, {}, Refusal.ALREADY_SENT_BACK),
    (State.RETURNING, Action.RETURN_SHIP, B, {}, {"tracking_number": ""}, Refusal.TRACKING_MISSING),
    (State.RETURNING, Action.CONFIRM_RETURN, S, {"returned_at": None}, {}, Refusal.NOT_SENT_BACK),
    (State.RETURNING, Action.CONTEST, S, {"returned_at": None}, {}, Refusal.NOT_SENT_BACK),
    (State.RETURNING, Action.LAPSE_RETURN, T, {"returned_at": NOW}, {}, Refusal.ALREADY_SENT_BACK),
    (State.ARBITRATION, Action.RULE, OP, {}, {"actor_id": OPERATOR}, Refusal.NOT_THE_ARBITER),
    (State.ARBITRATION, Action.RULE, OP, {"arbiter_id": None}, {}, Refusal.NOT_THE_ARBITER),
    (State.ARBITRATION, Action.RULE, OP, {"handler_id": ARBITER}, {}, Refusal.ARBITER_IS_HANDLER),
    (State.ARBITRATION, Action.RULE, OP, {}, {"buyer_minor": 100_001}, Refusal.BAD_DIVISION),
    (State.ARBITRATION, Action.RULE, OP, {}, {"buyer_minor": -1}, Refusal.BAD_DIVISION),
    (State.ARBITRATION, Action.RULE, OP, {}, {"house_minor": 80_001}, Refusal.BAD_DIVISION),
    (State.ARBITRATION, Action.RULE, OP, {}, {"reason": " "}, Refusal.REASON_MISSING),
    (State.ARBITRATION, Action.RULE, OP, {}, {"second_above_minor": 99_999}, Refusal.NO_RULING),
    (State.ARBITRATION, Action.PROPOSE_RULING, OP, {}, {"actor_id": OPERATOR}, Refusal.NOT_THE_ARBITER),
    (State.RULED, Action.APPEAL, S, {"appealed_by": SELLER}, {}, Refusal.ALREADY_APPEALED),
    (State.RULED, Action.APPEAL, B, {}, {"reason": ""}, Refusal.STATEMENT_MISSING),
]


@pytest.mark.parametrize(("state", "action", "role", "facts", "asked", "refusal"), GUARDED)
def test_a_guard_of_a_dispute_refuses_by_name(
    state: State, action: Action, role: Role, facts: dict[str, object], asked: dict[str, object], refusal: Refusal
) -> None:
    subject = case(state, **{name: value for name, value in facts.items() if name in Case.__struct_fields__})
    of_claim = {
        name: value for name, value in facts.items() if name in Claim.__struct_fields__ and name != "price_minor"
    }
    if subject.claim and of_claim:
        subject = msgspec.structs.replace(subject, claim=msgspec.structs.replace(subject.claim, **of_claim))
    request = msgspec.structs.replace(full_request(action, role), **asked)
    assert rules.judge(subject, request) is refusal


def test_above_the_limit_a_ruling_waits_for_another_person_than_the_arbiter() -> None:
    asked = msgspec.structs.replace(full_request(Action.RULE, OP), second_above_minor=99_999)
    proposal = claim(State.RULED).ruling
    assert proposal is not None
    waiting = msgspec.structs.replace(proposal, needs_second=True)
    proposed = case(State.ARBITRATION, claim=claim(State.ARBITRATION, ruling=waiting))
    again = msgspec.structs.replace(asked, action=Action.PROPOSE_RULING)
    assert rules.judge(proposed, again) is Refusal.RULING_WAITS
    assert rules.judge(proposed, asked) is Refusal.SAME_PERSON
    confirmed = rules.judge(proposed, msgspec.structs.replace(asked, actor_id=OPERATOR))
    assert isinstance(confirmed, Step) and confirmed.to is State.RULED


def test_the_hard_stop_counts_from_the_claim_whoever_was_late() -> None:
    stop = NOW + timedelta(days=3)
    late = case(State.CLAIMED, claim=claim(State.CLAIMED, hard_stop_at=stop))
    step = rules.judge(late, full_request(Action.CONTEST, S))
    assert isinstance(step, Step) and step.clock is not None
    assert (step.clock.action, step.clock.due_at) == (Action.HARD_STOP, stop)


def test_the_inspection_is_extended_once_from_its_end() -> None:
    inspecting = case(State.INSPECTING, clock_due_at=NOW + HOUR)
    step = rules.judge(inspecting, full_request(Action.EXTEND_INSPECTION, Role.BUYER))
    assert isinstance(step, Step) and step.clock is not None
    assert step.clock.due_at == NOW + HOUR + timedelta(hours=72)
    again = msgspec.structs.replace(inspecting, inspection_extended=True)
    assert rules.judge(again, full_request(Action.EXTEND_INSPECTION, Role.BUYER)) is Refusal.ALREADY_EXTENDED


@pytest.mark.parametrize(
    ("start", "due"),
    [
        (datetime(2026, 3, 2, 9, tzinfo=UTC), datetime(2026, 3, 5, 9, tzinfo=UTC)),  # Monday → Thursday
        (datetime(2026, 3, 5, 9, tzinfo=UTC), datetime(2026, 3, 10, 9, tzinfo=UTC)),  # Thursday → Tuesday
        (datetime(2026, 3, 7, 9, tzinfo=UTC), datetime(2026, 3, 11, 9, tzinfo=UTC)),  # Saturday → Wednesday
    ],
)
def test_working_days_leave_out_the_weekend(start: datetime, due: datetime) -> None:
    assert rules.add_working_days(start, 3) == due


@pytest.mark.parametrize(
    ("start", "due"),
    [
        (datetime(2026, 9, 30, 9, tzinfo=UTC), datetime(2026, 10, 12, 9, tzinfo=UTC)),  # over the national day
        (datetime(2026, 10, 3, 9, tzinfo=UTC), datetime(2026, 10, 12, 9, tzinfo=UTC)),  # from within
        (datetime(2026, 10, 8, 9, tzinfo=UTC), datetime(2026, 10, 13, 9, tzinfo=UTC)),  # after it
        (datetime(2026, 9, 25, 9, tzinfo=UTC), datetime(2026, 9, 30, 9, tzinfo=UTC)),  # before it
    ],
    ids=["over", "within", "after", "before"],
)
def test_days_off_are_no_working_days(start: datetime, due: datetime) -> None:
    off = tuple(date(2026, 10, day) for day in range(1, 8))
    assert rules.add_working_days(start, 3, off) == due
    funded = case(State.FUNDED, timers=Timers(days_off=off), state_since=start, ship_by_at=due)
    assert rules.ship_by(funded, start) == due
    skipped = days_off_while_shipping(funded)
    assert all(start.date() < day < due.date() for day in skipped) and (len(skipped) == 7) == (start.day == 30)
    shipped = case(State.SHIPPED, timers=Timers(days_off=off), state_since=start, ship_by_at=due)
    assert days_off_while_shipping(shipped) == (), "what is left of them then is no matter of anybody's"


def test_next_actions_are_what_the_actor_may_do_now() -> None:
    funded = case(State.FUNDED, ship_by_at=NOW + DAY, clock_due_at=NOW + 2 * DAY)
    assert rules.next_actions(funded, Role.SELLER, NOW) == [Action.SPLIT, Action.SHIP, Action.CANCEL]
    assert rules.next_actions(funded, Role.BUYER, NOW) == [Action.CLAIM]
    assert rules.next_actions(funded, Role.BUYER, NOW + DAY) == [Action.CANCEL, Action.CLAIM]
    assert rules.next_actions(case(State.SETTLED), Role.BUYER, NOW) == []


@pytest.mark.parametrize(
    ("state", "currency", "amount", "reason"),
    [
        (State.AWAITING_PAYMENT, "CNY", 89_999, None),
        (State.AWAITING_PAYMENT, "CNY", 89_998, QuarantineReason.WRONG_SUM),
        (State.AWAITING_PAYMENT, "CNY", 100_000, QuarantineReason.WRONG_SUM),
        (State.AWAITING_PAYMENT, "USD", 89_999, QuarantineReason.WRONG_CURRENCY),
        (State.FUNDED, "CNY", 89_999, QuarantineReason.ALREADY_PAID),
        (State.SETTLED, "USD", 1, QuarantineReason.ALREADY_PAID),
        (State.DEFAULTED, "CNY", 89_999, QuarantineReason.LATE),
        (State.CANCELLED, "CNY", 89_999, QuarantineReason.LATE),
    ],
)
def test_money_fits_a_case_to_the_last_unit_or_says_why_not(
    state: State, currency: str, amount: int, reason: QuarantineReason | None
) -> None:
    assert rules.misfit_of_case(case(state), incoming("x", amount, currency=currency)) is reason


@pytest.mark.parametrize(
    ("state", "amount", "reason"),
    [
        (DepositState.REQUESTED, 500, None),
        (DepositState.REQUESTED, 501, QuarantineReason.WRONG_SUM),
        (DepositState.HELD, 500, QuarantineReason.ALREADY_PAID),
        (DepositState.APPLIED, 500, QuarantineReason.ALREADY_PAID),
        (DepositState.FREED, 500, QuarantineReason.LATE),
        (DepositState.LAPSED, 500, QuarantineReason.LATE),
        (DepositState.FORFEITED, 500, QuarantineReason.LATE),
    ],
)
def test_money_fits_a_deposit_or_says_why_not(
    state: DepositState, amount: int, reason: QuarantineReason | None
) -> None:
    deposit = Deposit(
        id=1,
        subject="lot:1",
        party_id=BUYER,
        currency="CNY",
        amount_minor=500,
        reference="x",
        state=state,
        requested_at=NOW,
    )
    assert rules.misfit_of_deposit(deposit, incoming("x", amount)) is reason


async def test_the_database_lists_exactly_the_edges_of_the_table(pool: Pool[Record]) -> None:
    async with pool.acquire() as conn:
        rows = await conn.fetch("select from_state, action, actor, to_state from escrow.edge")
    listed = {tuple(row) for row in rows}
    assert listed == {(edge.state, edge.action, role, edge.to) for edge in rules.TABLE for role in edge.roles}
