"""Who must wait, and who must bring or say more: one guard for each reason, named by what it looks at. Pure."""

from __future__ import annotations

from escrow.facts import Case, Claim, Refusal, Role, State
from escrow.postings import division
from escrow.steps import Guard, Request


def all_of(*guards: Guard) -> Guard:
    """The guards one after the other; the first refusal stands."""

    def guard(case: Case, request: Request) -> Refusal | None:
        return next((refusal for each in guards if (refusal := each(case, request)) is not None), None)

    return guard


def clock_has_run_out(case: Case, request: Request) -> Refusal | None:
    if request.role is not Role.TIMER:
        return None
    if case.clock_action is not request.action or case.clock_due_at is None or request.now < case.clock_due_at:
        return Refusal.TOO_EARLY
    return None


def sum_is_enough(case: Case, request: Request) -> Refusal | None:
    return Refusal.BELOW_DUE if request.received_minor < case.due_minor else None


def reinstates(case: Case, request: Request) -> Refusal | None:
    return None if case.reinstates_id is not None else Refusal.NOT_REINSTATABLE


def may_cancel(case: Case, request: Request) -> Refusal | None:
    if request.role is Role.BUYER and (case.ship_by_at is None or request.now < case.ship_by_at):
        return Refusal.TOO_EARLY
    if request.role is Role.OPERATOR and not request.reason.strip():
        return Refusal.REASON_MISSING
    return clock_has_run_out(case, request)


def is_later(case: Case, request: Request) -> Refusal | None:
    """The seller's time is only ever lengthened."""
    later = request.until is not None and (case.ship_by_at is None or request.until > case.ship_by_at)
    return None if later else Refusal.TOO_EARLY


def has_tracking(case: Case, request: Request) -> Refusal | None:
    return None if request.carrier.strip() and request.tracking_number.strip() else Refusal.TRACKING_MISSING


def leaves_a_line(case: Case, request: Request) -> Refusal | None:
    """What is split off is something, and not all: the last lines are shipped as the case itself."""
    if request.amount_minor <= 0:
        return Refusal.NO_LINES
    return Refusal.ALL_LINES if request.amount_minor >= case.own_minor else None


def not_yet_extended(case: Case, request: Request) -> Refusal | None:
    return Refusal.ALREADY_EXTENDED if case.inspection_extended else None


def says_what(case: Case, request: Request) -> Refusal | None:
    """A party that opens, contests or carries on a dispute says what it has to say; the clock says nothing."""
    return None if request.role is Role.TIMER or request.reason.strip() else Refusal.STATEMENT_MISSING


def claims_within(case: Case, request: Request) -> Refusal | None:
    return None if 0 < request.amount_minor <= case.held_minor else Refusal.BAD_CLAIM_AMOUNT


def something_is_undisputed(case: Case, request: Request) -> Refusal | None:
    if case.undisputed_minor:
        return Refusal.ALREADY_RELEASED
    return Refusal.NOTHING_UNDISPUTED if the_claim(case).amount_minor >= case.own_minor else None


def offers_less(case: Case, request: Request) -> Refusal | None:
    """Less than what is claimed, and more than what he has offered before: who accepts gets at least what he has read."""
    claim = the_claim(case)
    if not 0 <= request.amount_minor < claim.amount_minor:
        return Refusal.BAD_OFFER
    stands = claim.offer_minor is not None and request.amount_minor <= claim.offer_minor
    return Refusal.OFFER_STANDS if stands else None


def has_offer(case: Case, request: Request) -> Refusal | None:
    return Refusal.NO_OFFER if the_claim(case).offer_minor is None else None


def may_escalate(case: Case, request: Request) -> Refusal | None:
    """The buyer once the seller has offered less; the clock when the offer has found no answer."""
    return has_offer(case, request) or says_what(case, request) or clock_has_run_out(case, request)


def may_ask_return(case: Case, request: Request) -> Refusal | None:
    """Goods that were shipped, and against the whole price: nobody gives goods back for the disputed rest alone."""
    if the_claim(case).from_state is State.FUNDED:
        return Refusal.NOTHING_SHIPPED
    return Refusal.PART_IS_PAID if case.undisputed_minor else None


def not_yet_sent_back(case: Case, request: Request) -> Refusal | None:
    return Refusal.ALREADY_SENT_BACK if the_claim(case).returned_at else None


def was_sent_back(case: Case, request: Request) -> Refusal | None:
    return None if the_claim(case).returned_at else Refusal.NOT_SENT_BACK


def is_the_arbiter(case: Case, request: Request) -> Refusal | None:
    claim = the_claim(case)
    if claim.arbiter_id is None or request.actor_id != claim.arbiter_id:
        return Refusal.NOT_THE_ARBITER
    return Refusal.ARBITER_IS_HANDLER if claim.arbiter_id == claim.handler_id else None


def divides_what_is_held(case: Case, request: Request) -> Refusal | None:
    """x + y + z = P, and none below zero."""
    if not 0 <= request.buyer_minor <= case.held_minor:
        return Refusal.BAD_DIVISION
    parts = division(case, request.buyer_minor, request.house_minor)
    whole = min(parts.seller_minor, parts.commission_minor, parts.fees_minor) >= 0
    return None if whole else Refusal.BAD_DIVISION


def nothing_waits(case: Case, request: Request) -> Refusal | None:
    return Refusal.RULING_WAITS if the_claim(case).ruling is not None else None


def may_propose(case: Case, request: Request) -> Refusal | None:
    refusal = all_of(is_the_arbiter, nothing_waits)(case, request)
    if refusal is not None:
        return refusal
    return divides_what_is_held(case, request) if request.reason.strip() else Refusal.REASON_MISSING


def may_rule(case: Case, request: Request) -> Refusal | None:
    """The arbiter alone up to the limit; above it somebody else, who confirms what the arbiter has proposed."""
    ruling = the_claim(case).ruling
    if ruling is not None:
        return Refusal.SAME_PERSON if request.actor_id == ruling.arbiter_id else None
    if case.held_minor > request.second_above_minor:
        return is_the_arbiter(case, request) or Refusal.NO_RULING
    return may_propose(case, request)


def not_yet_appealed(case: Case, request: Request) -> Refusal | None:
    return Refusal.ALREADY_APPEALED if the_claim(case).appealed_by is not None else None


def the_claim(case: Case) -> Claim:
    assert case.claim is not None, "a disputed case has its claim, by constraint"
    return case.claim
