"""The table of a case: every step there is, who may take it, what stands against it, what it moves. Rows, no logic.

The same edges stand in the database as `escrow.edge`, and a test compares the two.
"""

from __future__ import annotations

from escrow import guards, postings
from escrow.facts import Action, Case, DepositState, PayoutPurpose, Role, State
from escrow.guards import all_of, the_claim
from escrow.postings import division
from escrow.steps import Division, Edge, Request

BUYER, SELLER, TIMER = frozenset({Role.BUYER}), frozenset({Role.SELLER}), frozenset({Role.TIMER})
OPERATOR, HOUSE = frozenset({Role.OPERATOR}), frozenset({Role.HOUSE})


# How an act divides what the case holds.


def _nothing_back(case: Case, request: Request) -> Division:
    return division(case, 0)


def _all_back(case: Case, request: Request) -> Division:
    return division(case, case.held_minor)


def _the_claimed(case: Case, request: Request) -> Division:
    return division(case, the_claim(case).amount_minor)


def _the_offered(case: Case, request: Request) -> Division:
    return division(case, the_claim(case).offer_minor or 0)


def _as_ruled(case: Case, request: Request) -> Division:
    ruling = the_claim(case).ruling
    assert ruling is not None and ruling.in_force, "a ruled case has its ruling in force, by constraint"
    return division(case, ruling.buyer_minor, ruling.house_minor)


def _the_undisputed(case: Case, request: Request) -> Division:
    return postings.undisputed(case)


BEFORE_CLAIM = (
    Edge(state=State.NEW, action=Action.OPEN, roles=HOUSE, to=State.AWAITING_PAYMENT),
    Edge(state=State.NEW, action=Action.SPLIT, roles=HOUSE, to=State.FUNDED),
    Edge(
        state=State.AWAITING_PAYMENT,
        action=Action.PAY,
        roles=frozenset({Role.BANK, Role.BUYER, Role.OPERATOR, Role.HOUSE}),
        to=State.FUNDED,
        guard=guards.sum_is_enough,
        legs=postings.payment,
        deposit_becomes=DepositState.APPLIED,
    ),
    Edge(
        state=State.AWAITING_PAYMENT,
        action=Action.REINSTATE,
        roles=OPERATOR,
        to=State.FUNDED,
        guard=all_of(guards.reinstates, guards.sum_is_enough),
        legs=postings.reinstatement,
    ),
    Edge(
        state=State.AWAITING_PAYMENT,
        action=Action.DEFAULT,
        roles=TIMER,
        to=State.DEFAULTED,
        guard=guards.clock_has_run_out,
        legs=postings.forfeit,
        deposit_becomes=DepositState.FORFEITED,
        pays_out=PayoutPurpose.FORFEIT,
    ),
    Edge(
        state=State.AWAITING_PAYMENT,
        action=Action.CANCEL,
        roles=OPERATOR,
        to=State.CANCELLED,
        guard=guards.may_cancel,
        legs=postings.free_deposit,
        deposit_becomes=DepositState.FREED,
    ),
    Edge(
        state=State.FUNDED,
        action=Action.SPLIT,
        roles=SELLER,
        to=State.FUNDED,
        guard=all_of(guards.leaves_a_line, guards.has_tracking),
    ),
    Edge(
        state=State.FUNDED,
        action=Action.POSTPONE,
        roles=HOUSE,
        to=State.FUNDED,
        guard=guards.is_later,
    ),
    Edge(state=State.FUNDED, action=Action.SHIP, roles=SELLER, to=State.SHIPPED, guard=guards.has_tracking),
    Edge(
        state=State.FUNDED,
        action=Action.CANCEL,
        roles=frozenset({Role.SELLER, Role.BUYER, Role.OPERATOR, Role.TIMER}),
        to=State.CANCELLED,
        guard=guards.may_cancel,
        divides=_all_back,
    ),
    Edge(
        state=State.SHIPPED,
        action=Action.RECEIVE,
        roles=frozenset({Role.BUYER, Role.CARRIER, Role.TIMER}),
        to=State.INSPECTING,
        guard=guards.clock_has_run_out,
    ),
    Edge(
        state=State.INSPECTING,
        action=Action.EXTEND_INSPECTION,
        roles=BUYER,
        to=State.INSPECTING,
        guard=guards.not_yet_extended,
    ),
    Edge(
        state=State.INSPECTING,
        action=Action.RELEASE,
        roles=BUYER | TIMER,
        to=State.RELEASED,
        guard=guards.clock_has_run_out,
        divides=_nothing_back,
        pays_out=PayoutPurpose.SALE,
    ),
    Edge(state=State.RELEASED, action=Action.SETTLE, roles=frozenset({Role.BANK, Role.HOUSE}), to=State.SETTLED),
)

CLAIMS = tuple(
    Edge(
        state=state,
        action=Action.CLAIM,
        roles=BUYER,
        to=State.CLAIMED,
        guard=all_of(guards.claims_within, guards.says_what),
    )
    for state in (State.FUNDED, State.SHIPPED, State.INSPECTING)
)

ANSWERS = (
    Edge(
        state=State.CLAIMED,
        action=Action.RELEASE_UNDISPUTED,
        roles=BUYER,
        to=State.CLAIMED,
        guard=guards.something_is_undisputed,
        divides=_the_undisputed,
        pays_out=PayoutPurpose.UNDISPUTED,
    ),
    Edge(state=State.CLAIMED, action=Action.OFFER, roles=SELLER, to=State.CLAIMED, guard=guards.offers_less),
    Edge(
        state=State.CLAIMED,
        action=Action.ACCEPT_OFFER,
        roles=BUYER,
        to=State.SETTLED,
        guard=guards.has_offer,
        divides=_the_offered,
        pays_out=PayoutPurpose.SALE,
    ),
    Edge(
        state=State.CLAIMED,
        action=Action.DEFAULT_JUDGEMENT,
        roles=TIMER,
        to=State.SETTLED,
        guard=guards.clock_has_run_out,
        divides=_the_claimed,
        pays_out=PayoutPurpose.SALE,
    ),
    Edge(state=State.CLAIMED, action=Action.ASK_RETURN, roles=SELLER, to=State.RETURNING, guard=guards.may_ask_return),
    Edge(state=State.CLAIMED, action=Action.CONTEST, roles=SELLER, to=State.ARBITRATION, guard=guards.says_what),
    Edge(
        state=State.CLAIMED,
        action=Action.ESCALATE,
        roles=BUYER | TIMER,
        to=State.ARBITRATION,
        guard=guards.may_escalate,
    ),
)

GIVING_IN = tuple(
    Edge(
        state=state,
        action=action,
        roles=roles,
        to=State.SETTLED,
        divides=divides,
        pays_out=PayoutPurpose.SALE,
    )
    for state in (State.CLAIMED, State.ARBITRATION)
    for action, roles, divides in (
        (Action.ACCEPT_CLAIM, SELLER, _the_claimed),
        (Action.WITHDRAW_CLAIM, BUYER, _nothing_back),
    )
)

RETURNS = (
    Edge(
        state=State.RETURNING,
        action=Action.RETURN_SHIP,
        roles=BUYER,
        to=State.RETURNING,
        guard=all_of(guards.not_yet_sent_back, guards.has_tracking),
    ),
    Edge(
        state=State.RETURNING,
        action=Action.CONFIRM_RETURN,
        roles=SELLER | TIMER,
        to=State.REFUNDED,
        guard=all_of(guards.was_sent_back, guards.clock_has_run_out),
        divides=_all_back,
    ),
    Edge(
        state=State.RETURNING,
        action=Action.LAPSE_RETURN,
        roles=TIMER,
        to=State.SETTLED,
        guard=all_of(guards.not_yet_sent_back, guards.clock_has_run_out),
        divides=_nothing_back,
        pays_out=PayoutPurpose.SALE,
    ),
    Edge(
        state=State.RETURNING,
        action=Action.CONTEST,
        roles=SELLER,
        to=State.ARBITRATION,
        guard=all_of(guards.was_sent_back, guards.says_what),
    ),
)

ARBITRATION = (
    Edge(
        state=State.ARBITRATION,
        action=Action.PROPOSE_RULING,
        roles=OPERATOR,
        to=State.ARBITRATION,
        guard=guards.may_propose,
    ),
    Edge(state=State.ARBITRATION, action=Action.RULE, roles=OPERATOR, to=State.RULED, guard=guards.may_rule),
    Edge(
        state=State.ARBITRATION,
        action=Action.OVERDUE,
        roles=TIMER,
        to=State.ARBITRATION,
        guard=guards.clock_has_run_out,
    ),
    Edge(
        state=State.ARBITRATION,
        action=Action.HARD_STOP,
        roles=TIMER,
        to=State.REFUNDED,
        guard=guards.clock_has_run_out,
        divides=_all_back,
    ),
    Edge(
        state=State.RULED,
        action=Action.APPEAL,
        roles=BUYER | SELLER,
        to=State.ARBITRATION,
        guard=all_of(guards.not_yet_appealed, guards.says_what),
    ),
    Edge(
        state=State.RULED,
        action=Action.ENFORCE,
        roles=TIMER,
        to=State.SETTLED,
        guard=guards.clock_has_run_out,
        divides=_as_ruled,
        pays_out=PayoutPurpose.SALE,
    ),
)

TABLE: tuple[Edge, ...] = (*BEFORE_CLAIM, *CLAIMS, *ANSWERS, *GIVING_IN, *RETURNS, *ARBITRATION)
