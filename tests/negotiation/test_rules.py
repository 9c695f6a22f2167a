"""Which step may come next: at most one offer stands, and only a standing one can be accepted."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.contracting.terms import Delivery, Goods, TradeTerms, terms_sha256
from market.negotiation import rules
from market.negotiation.facts import Negotiation, NegotiationState, OfferState, Step, StepKind
from market.negotiation.facts import NegotiationRefusal as Refusal

SELLER, BUYER = 7, 8
NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def terms(price: int = 500, quantity: int = 10) -> TradeTerms:
    return TradeTerms(
        seller_id=SELLER,
        buyer_id=BUYER,
        currency="CNY",
        currency_exponent=2,
        goods=(
            Goods(
                n=1,
                category="tea",
                title_en="Tea",
                title_zh="茶",
                quantity=quantity,
                unit="KGM",
                unit_price_minor=price,
            ),
        ),
        delivery=Delivery(
            term="FOB", country="CN", place="Ningbo", from_date=date(2026, 12, 1), to_date=date(2026, 12, 9)
        ),
    )


def talk(version: int = 1, state: NegotiationState = NegotiationState.OPEN) -> Negotiation:
    return Negotiation(
        id=1,
        post_id=1,
        opener_id=BUYER,
        seller_id=SELLER,
        buyer_id=BUYER,
        state=state,
        version=version,
        opened_at=NOW,
        moved_at=NOW,
        contract_id=5 if state is NegotiationState.ACCEPTED else None,
    )


def offer(
    n: int, author: int, price: int = 500, *, at: datetime = NOW, firm: bool = False, kind: str = "offer"
) -> Step:
    said = terms(price)
    return Step(
        n=n,
        kind=StepKind(kind),
        author_id=author,
        at=at,
        terms=said,
        terms_sha256=terms_sha256(said),
        valid_until=at + DAY,
        firm=firm,
    )


def answer(n: int, kind: str, author: int | None, to: int | None = None) -> Step:
    return Step(n=n, kind=StepKind(kind), author_id=author, at=NOW, answers=to)


def accepts(steps: list[Step], author: int, n: int, at: datetime = NOW, price: int = 500) -> Refusal | None:
    return rules.accept_refusal(talk(len(steps)), steps, author, n, terms_sha256(terms(price)), at)


def test_the_other_side_accepts_an_offer_until_its_last_instant_exclusive():
    steps = [offer(1, SELLER)]
    assert accepts(steps, BUYER, 1, NOW + DAY - timedelta(microseconds=1)) is None
    assert accepts(steps, BUYER, 1, NOW + DAY) is Refusal.OFFER_LAPSED


def test_nobody_accepts_his_own_offer_nor_one_that_reads_differently_nor_one_that_never_was():
    steps = [offer(1, SELLER)]
    assert accepts(steps, SELLER, 1) is Refusal.OWN_OFFER
    assert accepts(steps, BUYER, 1, price=501) is Refusal.OFFER_CHANGED
    assert accepts(steps, BUYER, 2) is Refusal.OFFER_UNKNOWN
    assert accepts([answer(1, "message", BUYER)], SELLER, 1) is Refusal.NO_OFFER_STANDS


@pytest.mark.parametrize(
    ("after", "refused"),
    [
        (offer(2, SELLER, 490), Refusal.OFFER_SUPERSEDED),
        (offer(2, BUYER, 450, kind="counter_offer"), Refusal.OFFER_SUPERSEDED),
        (answer(2, "withdrawal", SELLER, 1), Refusal.OFFER_WITHDRAWN),
        (answer(2, "rejection", BUYER, 1), Refusal.OFFER_REJECTED),
        (answer(2, "lapse", None, 1), Refusal.OFFER_LAPSED),
    ],
    ids=["superseded", "countered", "withdrawn", "rejected", "lapsed"],
)
def test_an_offer_that_stands_no_more_is_not_accepted(after: Step, refused: Refusal):
    assert accepts([offer(1, SELLER), after], BUYER, 1) is refused


def test_a_counter_offer_ends_even_a_firm_offer_and_is_the_one_to_accept():
    steps = [offer(1, SELLER, firm=True), offer(2, BUYER, 450, kind="counter_offer")]
    assert rules.offer_states(steps, NOW) == {1: OfferState.COUNTERED, 2: OfferState.STANDING}
    assert accepts(steps, SELLER, 2, price=450) is None
    assert rules.kind_of_proposal(steps, SELLER, NOW) is StepKind.COUNTER_OFFER
    assert rules.kind_of_proposal(steps, BUYER, NOW) is StepKind.OFFER


def test_a_firm_offer_is_neither_withdrawn_nor_replaced_nor_left_by_its_author_but_made_longer():
    steps = [offer(1, SELLER, firm=True)]

    def proposes(price: int, until: datetime, firm: bool) -> Refusal | None:
        return rules.propose_refusal(talk(), steps, SELLER, terms(price), until, firm, NOW)

    assert rules.withdraw_refusal(talk(), steps, SELLER, 1, NOW) is Refusal.OFFER_IS_FIRM
    assert rules.end_refusal(talk(), steps, SELLER, NOW) is Refusal.OFFER_IS_FIRM
    assert proposes(400, NOW + 2 * DAY, True) is Refusal.OFFER_IS_FIRM
    assert proposes(500, NOW + 2 * DAY, False) is Refusal.OFFER_IS_FIRM
    assert proposes(500, NOW + DAY / 2, True) is Refusal.OFFER_IS_FIRM
    assert proposes(500, NOW + 2 * DAY, True) is None
    assert rules.withdraw_refusal(talk(), steps, SELLER, 1, NOW + DAY) is Refusal.OFFER_LAPSED
    assert rules.end_refusal(talk(), steps, BUYER, NOW) is None


def test_an_offer_is_withdrawn_by_its_author_alone_and_rejected_by_the_other_alone():
    steps = [offer(1, SELLER)]
    assert rules.withdraw_refusal(talk(), steps, SELLER, 1, NOW) is None
    assert rules.withdraw_refusal(talk(), steps, BUYER, 1, NOW) is Refusal.NOT_OWN_OFFER
    assert rules.reject_refusal(talk(), steps, BUYER, 1, NOW) is None
    assert rules.reject_refusal(talk(), steps, SELLER, 1, NOW) is Refusal.OWN_OFFER


def test_a_counter_offer_that_changes_nothing_is_an_acceptance_and_refused_as_a_counter_offer():
    steps = [offer(1, SELLER)]
    refused = rules.propose_refusal(talk(), steps, BUYER, terms(), NOW + DAY, False, NOW)
    assert refused is Refusal.NOTHING_CHANGED
    assert rules.propose_refusal(talk(), steps, BUYER, terms(499), NOW + DAY, False, NOW) is None


@pytest.mark.parametrize("seconds", [0, 59, 90 * 86_400 + 1])
def test_a_validity_too_short_to_answer_or_beyond_three_months_is_refused(seconds: int):
    until = NOW + timedelta(seconds=seconds)
    assert rules.propose_refusal(talk(), [], BUYER, terms(), until, False, NOW) is Refusal.VALIDITY_WRONG


@pytest.mark.parametrize("state", [NegotiationState.ACCEPTED, NegotiationState.ENDED])
def test_nothing_follows_once_it_is_over(state: NegotiationState):
    over, steps = talk(state=state), [offer(1, SELLER)]
    sha256 = terms_sha256(terms())
    assert rules.accept_refusal(over, steps, BUYER, 1, sha256, NOW) is Refusal.NEGOTIATION_OVER
    assert rules.propose_refusal(over, steps, BUYER, terms(1), NOW + DAY, False, NOW) is Refusal.NEGOTIATION_OVER
    assert rules.say_refusal(over, steps, "still there?") is Refusal.NEGOTIATION_OVER
    assert rules.end_refusal(over, steps, BUYER, NOW) is Refusal.NEGOTIATION_OVER


def test_an_inquiry_may_leave_the_price_open_and_an_offer_may_not():
    assert rules.proposal_flaws(terms(0), NOW, asking=True) == []
    assert [flaw.path for flaw in rules.proposal_flaws(terms(0), NOW, asking=False)] == ["goods.1.unit_price_minor"]
    assert [flaw.path for flaw in rules.proposal_flaws(terms(-1), NOW, asking=True)] == ["goods.1.unit_price_minor"]


kinds = st.sampled_from(["offer", "message", "rejection", "withdrawal", "lapse"])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(kinds, st.sampled_from([SELLER, BUYER])), max_size=14), st.integers(0, 3))
def test_whatever_is_said_at_most_one_offer_stands_and_exactly_that_can_be_accepted(said, days):
    steps: list[Step] = []
    for kind, author in said:
        n = len(steps) + 1
        standing = rules.standing_offer(steps, NOW)
        if kind == "offer":
            steps.append(offer(n, author, 500 + n))
        elif kind == "message" or standing is None:
            steps.append(answer(n, "message", author))
        else:
            steps.append(answer(n, kind, None if kind == "lapse" else author, standing.n))
    at = NOW + days * DAY
    states = rules.offer_states(steps, at)
    standing = rules.standing_offer(steps, at)
    assert [n for n, state in states.items() if state is OfferState.STANDING] == ([standing.n] if standing else [])
    for step in steps:
        for party in (SELLER, BUYER):
            sha256 = step.terms_sha256 or b""
            may = rules.accept_refusal(talk(len(steps)), steps, party, step.n, sha256, at) is None
            assert may == (step == standing and step.author_id != party and days == 0)
