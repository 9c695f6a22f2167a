"""The table of steps: every state, actor and action; who waits for what; and that nothing is created or lost by a step."""

from __future__ import annotations

import itertools
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from escrow import rules
from escrow.facts import (
    Action,
    Case,
    Deposit,
    DepositState,
    QuarantineReason,
    Refusal,
    Role,
    State,
    Timers,
)
from escrow.rules import Request, Step
from tests.escrow.trade import BUYER, DAY, HOUR, NOW, SELLER, incoming

if TYPE_CHECKING:
    from asyncpg import Pool, Record

MONEY_STATES = (State.AWAITING_PAYMENT, State.FUNDED, State.SHIPPED, State.INSPECTING)
ENDS = (State.SETTLED, State.DEFAULTED, State.CANCELLED)

PERMITTED = {
    (State.NEW, Action.OPEN): {Role.HOUSE},
    (State.AWAITING_PAYMENT, Action.PAY): {Role.BANK, Role.BUYER, Role.OPERATOR, Role.HOUSE},
    (State.AWAITING_PAYMENT, Action.DEFAULT): {Role.TIMER},
    (State.AWAITING_PAYMENT, Action.CANCEL): {Role.OPERATOR},
    (State.FUNDED, Action.SHIP): {Role.SELLER},
    (State.FUNDED, Action.CANCEL): {Role.SELLER, Role.BUYER, Role.OPERATOR, Role.TIMER},
    (State.SHIPPED, Action.RECEIVE): {Role.BUYER, Role.CARRIER, Role.TIMER},
    (State.INSPECTING, Action.EXTEND_INSPECTION): {Role.BUYER},
    (State.INSPECTING, Action.RELEASE): {Role.BUYER, Role.TIMER},
    (State.RELEASED, Action.SETTLE): {Role.BANK},
}
CLOCKS = {
    State.AWAITING_PAYMENT: Action.DEFAULT,
    State.FUNDED: Action.CANCEL,
    State.SHIPPED: Action.RECEIVE,
    State.INSPECTING: Action.RELEASE,
}


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
        clock_action=CLOCKS.get(state),
        clock_due_at=NOW,
        ship_by_at=NOW,
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
    )


@pytest.mark.parametrize(("state", "role", "action"), list(itertools.product(State, Role, Action)))
def test_each_actor_may_do_in_each_state_what_the_table_says_and_nothing_else(
    state: State, role: Role, action: Action
) -> None:
    answer = rules.judge(case(state), full_request(action, role))
    if role in PERMITTED.get((state, action), set()):
        assert isinstance(answer, Step)
    elif (state, action) in PERMITTED:
        assert answer is Refusal.NOT_YOUR_MOVE
    else:
        assert answer is Refusal.NOT_IN_THIS_STATE


@pytest.mark.parametrize("state", MONEY_STATES)
def test_every_state_that_holds_money_has_an_owner_a_clock_and_an_end(state: State) -> None:
    people = {role for edge in rules.TABLE if edge.state is state for role in edge.roles}
    assert people & {Role.BUYER, Role.SELLER}, "a party that can move it"
    timed = [edge for edge in rules.TABLE if edge.state is state and Role.TIMER in edge.roles]
    assert [edge.action for edge in timed] == [CLOCKS[state]], "one clock"
    for edge in rules.TABLE:
        if edge.to is state:
            clock = rules.clock_after(case(edge.state), edge, NOW)
            assert clock is not None and clock.action is CLOCKS[state] and clock.due_at > NOW


def test_left_alone_every_case_comes_to_an_end_by_its_timers() -> None:
    for start in MONEY_STATES:
        state, steps = start, 0
        while state in MONEY_STATES:
            answer = rules.judge(case(state), full_request(CLOCKS[state], Role.TIMER))
            assert isinstance(answer, Step)
            state, steps = answer.to, steps + 1
            assert steps < 9
        assert state in (*ENDS, State.RELEASED)


@pytest.mark.parametrize("state", ENDS)
def test_an_end_has_no_way_out(state: State) -> None:
    assert not [edge for edge in rules.TABLE if edge.state is state]


@given(
    price=st.integers(1, 10**15), rate=st.integers(0, 4999), share=st.floats(0, 1), state=st.sampled_from(MONEY_STATES)
)
def test_a_step_moves_exactly_what_the_escrow_holds(price: int, rate: int, share: float, state: State) -> None:
    deposit = int(price * share)
    subject = case(
        state,
        price_minor=price,
        deposit_minor=deposit,
        commission_bp=rate,
        commission_minor=rules.commission_minor(price, rate),
    )
    for action, role in ((action, role) for (at, action), roles in PERMITTED.items() if at is state for role in roles):
        request = msgspec.structs.replace(full_request(action, role), received_minor=price - deposit + 3)
        step = rules.judge(subject, request)
        assert isinstance(step, Step)
        held: dict[str, int] = defaultdict(int)
        for leg in step.legs:
            assert leg.amount_minor > 0
            held[leg.debit] -= leg.amount_minor
            held[leg.credit] += leg.amount_minor
        before = price if state is not State.AWAITING_PAYMENT else 0
        if step.legs:
            assert before + held["escrow:5"] == (price if step.to is State.FUNDED else 0)
        if state is State.AWAITING_PAYMENT:
            assert held["deposit:7"] == -deposit, "the deposit is spent to the last unit"


def test_the_commission_is_rounded_half_up_and_leaves_the_seller_something() -> None:
    assert rules.commission_minor(100_000, 800) == 8_000
    assert [rules.commission_minor(price, 800) for price in (6, 7, 18, 19)] == [0, 1, 1, 2]
    assert all(rules.commission_minor(price, 4_999) < price for price in range(1, 500))


@pytest.mark.parametrize("state", MONEY_STATES)
def test_a_timer_acts_at_its_time_and_not_a_microsecond_earlier(state: State) -> None:
    early = full_request(CLOCKS[state], Role.TIMER, NOW - timedelta(microseconds=1))
    assert rules.judge(case(state), early) is Refusal.TOO_EARLY
    assert isinstance(rules.judge(case(state), full_request(CLOCKS[state], Role.TIMER)), Step)


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


def test_next_actions_are_what_the_actor_may_do_now() -> None:
    funded = case(State.FUNDED, ship_by_at=NOW + DAY, clock_due_at=NOW + 2 * DAY)
    assert rules.next_actions(funded, Role.SELLER, NOW) == [Action.SHIP, Action.CANCEL]
    assert rules.next_actions(funded, Role.BUYER, NOW) == []
    assert rules.next_actions(funded, Role.BUYER, NOW + DAY) == [Action.CANCEL]
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
