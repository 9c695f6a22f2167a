"""Which step may come next in a negotiation. Pure: the steps so far, who asks, and `now`.

At most one offer stands at a time. A new offer of its author puts itself in its place, one of the other side is a
counter-offer and ends it (CISG 19), and so do a withdrawal, a rejection and its own last instant.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from market.contracting.terms import FlawReason, TermsFlaw, TradeTerms, flaws
from market.negotiation.facts import (
    LONGEST_VALIDITY_SECONDS,
    LONGEST_WORDS,
    MOST_STEPS,
    OFFERS,
    SHORTEST_VALIDITY_SECONDS,
    Negotiation,
    NegotiationState,
    OfferState,
    Step,
    StepKind,
)
from market.negotiation.facts import NegotiationRefusal as Refusal

_ENDED_BY = {
    StepKind.ACCEPTANCE: OfferState.ACCEPTED,
    StepKind.REJECTION: OfferState.REJECTED,
    StepKind.WITHDRAWAL: OfferState.WITHDRAWN,
    StepKind.LAPSE: OfferState.LAPSED,
}
_NOT_STANDING = {
    OfferState.SUPERSEDED: Refusal.OFFER_SUPERSEDED,
    OfferState.COUNTERED: Refusal.OFFER_SUPERSEDED,
    OfferState.WITHDRAWN: Refusal.OFFER_WITHDRAWN,
    OfferState.REJECTED: Refusal.OFFER_REJECTED,
    OfferState.LAPSED: Refusal.OFFER_LAPSED,
    OfferState.ACCEPTED: Refusal.NEGOTIATION_OVER,
}
_CLOSING_STEPS = 3
"""Kept free below the bound, so that the last offer can still be answered, lapse, and the negotiation be ended."""


def offer_states(steps: Sequence[Step], now: datetime) -> dict[int, OfferState]:
    """Where each offer stands at `now`, by its number; an offer whose instant has come is lapsed, told or not."""
    states: dict[int, OfferState] = {}
    standing: Step | None = None
    for step in steps:
        if standing is not None and (step.kind in OFFERS or step.kind is StepKind.END):
            lapsed = _is_over(standing, step.at)
            ended = OfferState.SUPERSEDED if step.author_id == standing.author_id else OfferState.COUNTERED
            if step.kind is StepKind.END:
                ended = OfferState.WITHDRAWN if step.author_id == standing.author_id else OfferState.REJECTED
            states[standing.n] = OfferState.LAPSED if lapsed else ended
            standing = None
        if step.kind in OFFERS:
            standing = step
        elif standing is not None and step.answers == standing.n and step.kind in _ENDED_BY:
            states[standing.n] = _ENDED_BY[step.kind]
            standing = None
    if standing is not None:
        states[standing.n] = OfferState.LAPSED if _is_over(standing, now) else OfferState.STANDING
    return states


def standing_offer(steps: Sequence[Step], now: datetime) -> Step | None:
    """The one offer that can be accepted at `now`."""
    states = offer_states(steps, now)
    return next((step for step in steps if states.get(step.n) is OfferState.STANDING), None)


def lapsed_offer(steps: Sequence[Step], now: datetime) -> Step | None:
    """The last offer, if it has run out and nobody has been told: no step has answered or replaced it."""
    last = next((step for step in reversed(steps) if step.kind is not StepKind.MESSAGE), None)
    return last if last is not None and last.kind in OFFERS and _is_over(last, now) else None


def latest_terms(steps: Sequence[Step]) -> Step | None:
    """The last step that carried terms: what a new proposal is compared with and starts from."""
    return next((step for step in reversed(steps) if step.terms is not None), None)


def kind_of_proposal(steps: Sequence[Step], author_id: int, now: datetime) -> StepKind:
    """An offer, or a counter-offer where one of the other side stands."""
    standing = standing_offer(steps, now)
    against_other = standing is not None and standing.author_id != author_id
    return StepKind.COUNTER_OFFER if against_other else StepKind.OFFER


def propose_refusal(
    negotiation: Negotiation,
    steps: Sequence[Step],
    author_id: int,
    terms: TradeTerms,
    valid_until: datetime,
    firm: bool,
    now: datetime,
) -> Refusal | None:
    """Why these terms can't be put forward as an offer. Flaws of the terms themselves are asked for by `proposal_flaws`."""
    if (refused := _closed(negotiation, steps)) is not None:
        return refused
    if not is_valid_length(valid_until, now):
        return Refusal.VALIDITY_WRONG
    standing = standing_offer(steps, now)
    if standing is None:
        return None
    same = standing.terms == terms
    if standing.author_id == author_id:
        if standing.firm and not (same and firm and _reaches(standing, valid_until)):
            return Refusal.OFFER_IS_FIRM
        return None
    return Refusal.NOTHING_CHANGED if same else None


def is_valid_length(valid_until: datetime, now: datetime) -> bool:
    """Whether an offer may stand until then."""
    return SHORTEST_VALIDITY_SECONDS <= (valid_until - now).total_seconds() <= LONGEST_VALIDITY_SECONDS


def accept_refusal(
    negotiation: Negotiation, steps: Sequence[Step], author_id: int, n: int, sha256: bytes, now: datetime
) -> Refusal | None:
    """Why offer `n`, as whoever accepts it has read it (`sha256`), can't be accepted."""
    return _answer_refusal(negotiation, steps, author_id, n, now, own=False) or (
        Refusal.OFFER_CHANGED if _offer(steps, n).terms_sha256 != sha256 else None
    )


def reject_refusal(
    negotiation: Negotiation, steps: Sequence[Step], author_id: int, n: int, now: datetime
) -> Refusal | None:
    """Why offer `n` can't be rejected."""
    return _answer_refusal(negotiation, steps, author_id, n, now, own=False)


def withdraw_refusal(
    negotiation: Negotiation, steps: Sequence[Step], author_id: int, n: int, now: datetime
) -> Refusal | None:
    """Why offer `n` can't be withdrawn by its author."""
    refused = _answer_refusal(negotiation, steps, author_id, n, now, own=True)
    return refused or (Refusal.OFFER_IS_FIRM if _offer(steps, n).firm else None)


def end_refusal(negotiation: Negotiation, steps: Sequence[Step], author_id: int, now: datetime) -> Refusal | None:
    """Why the negotiation can't be broken off: it is over, or the other side still relies on a firm offer."""
    if negotiation.state is not NegotiationState.OPEN:
        return Refusal.NEGOTIATION_OVER
    standing = standing_offer(steps, now)
    held = standing is not None and standing.author_id == author_id and standing.firm
    return Refusal.OFFER_IS_FIRM if held else None


def say_refusal(negotiation: Negotiation, steps: Sequence[Step], words: str) -> Refusal | None:
    """Why this message is not taken; words beside a step may be empty, a message may not."""
    return _closed(negotiation, steps) or (Refusal.WORDS_MISSING if not words else words_refusal(words))


def words_refusal(words: str) -> Refusal | None:
    """Why these words can't stand beside a step."""
    return Refusal.WORDS_TOO_LONG if len(words) > LONGEST_WORDS else None


def proposal_flaws(terms: TradeTerms, now: datetime, *, asking: bool) -> list[TermsFlaw]:
    """What is wrong with terms that are put forward. An inquiry may leave a price open (0): that is what it asks."""
    open_prices = {f"goods.{line.n}.unit_price_minor" for line in terms.goods if line.unit_price_minor == 0}
    return [
        flaw
        for flaw in flaws(terms, now)
        if not (asking and flaw.reason is FlawReason.PRICE_WRONG and flaw.path in open_prices)
    ]


def _closed(negotiation: Negotiation, steps: Sequence[Step]) -> Refusal | None:
    if negotiation.state is not NegotiationState.OPEN:
        return Refusal.NEGOTIATION_OVER
    return Refusal.TOO_MANY_STEPS if len(steps) >= MOST_STEPS - _CLOSING_STEPS else None


def _answer_refusal(
    negotiation: Negotiation, steps: Sequence[Step], author_id: int, n: int, now: datetime, *, own: bool
) -> Refusal | None:
    if negotiation.state is not NegotiationState.OPEN:
        return Refusal.NEGOTIATION_OVER
    states = offer_states(steps, now)
    if n not in states:
        return Refusal.OFFER_UNKNOWN if states else Refusal.NO_OFFER_STANDS
    if states[n] is not OfferState.STANDING:
        return _NOT_STANDING[states[n]]
    is_own = _offer(steps, n).author_id == author_id
    if is_own is own:
        return None
    return Refusal.NOT_OWN_OFFER if own else Refusal.OWN_OFFER


def _offer(steps: Sequence[Step], n: int) -> Step:
    return steps[n - 1]


def _is_over(offer: Step, at: datetime) -> bool:
    assert offer.valid_until is not None, "every offer has its last instant"
    return at >= offer.valid_until


def _reaches(firm: Step, valid_until: datetime) -> bool:
    """A firm offer may be made valid for longer: that takes nothing from the other side."""
    assert firm.valid_until is not None
    return valid_until >= firm.valid_until
