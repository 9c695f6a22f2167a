"""Which clock runs after a step, and when a seller must have shipped. Pure."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta

from escrow.facts import Action, Case, State
from escrow.guards import the_claim
from escrow.steps import Clock, Edge

_RESTARTS = frozenset({Action.POSTPONE, Action.EXTEND_INSPECTION, Action.OFFER, Action.RETURN_SHIP, Action.OVERDUE})
"""Acts that stay in their state and set its clock anew; any other lets the clock run as it runs."""


def clock_after(case: Case, edge: Edge, now: datetime, until: datetime | None = None) -> Clock | None:
    """The clock that runs in the state the edge leads to; None where the escrow holds nothing any more. `until`: when the
    seller now has to ship by, if that was put off.
    """
    if edge.to is case.state and edge.action not in _RESTARTS and case.clock_action and case.clock_due_at:
        return Clock(action=case.clock_action, due_at=case.clock_due_at)
    timers = case.timers
    match edge.to:
        case State.AWAITING_PAYMENT:
            return _after(now, Action.DEFAULT, timers.payment_seconds)
        case State.FUNDED:
            return _after(until or ship_by(case, now), Action.CANCEL, timers.unshipped_seconds)
        case State.SHIPPED:
            return _after(now, Action.RECEIVE, timers.arrival_seconds)
        case State.INSPECTING:
            start = case.clock_due_at if case.state is State.INSPECTING and case.clock_due_at else now
            return _after(start, Action.RELEASE, timers.inspection_seconds)
        case State.CLAIMED if edge.action is Action.OFFER:
            answer = _after(now, Action.ESCALATE, timers.answer_seconds)
            # Offer upon offer keeps nobody waiting beyond the hard stop.
            return Clock(action=answer.action, due_at=min(answer.due_at, the_claim(case).hard_stop_at))
        case State.CLAIMED:
            return _after(now, Action.DEFAULT_JUDGEMENT, timers.answer_seconds)
        case State.RETURNING if edge.action is Action.RETURN_SHIP:
            return _after(now, Action.CONFIRM_RETURN, timers.return_confirm_seconds)
        case State.RETURNING:
            return _after(now, Action.LAPSE_RETURN, timers.return_ship_seconds)
        case State.ARBITRATION:
            return _arbitration(case, edge, now)
        case State.RULED:
            return _after(now, Action.ENFORCE, timers.appeal_seconds)
        case _:
            return None


def _after(start: datetime, action: Action, seconds: int) -> Clock:
    return Clock(action=action, due_at=start + timedelta(seconds=seconds))


def _arbitration(case: Case, edge: Edge, now: datetime) -> Clock:
    """So long for an arbiter; but the hard stop counts from the claim, whoever was late. Only an appeal always has an
    arbiter's time, or else appealing against a late ruling would be to win.
    """
    claim, overdue = the_claim(case), _after(now, Action.OVERDUE, case.timers.arbitration_seconds)
    appealed_at = now if edge.action is Action.APPEAL else claim.appealed_at
    stop_at = claim.hard_stop_at
    if appealed_at is not None:
        stop_at = max(stop_at, appealed_at + timedelta(seconds=case.timers.arbitration_seconds))
    hard_stop = Clock(action=Action.HARD_STOP, due_at=stop_at)
    return hard_stop if edge.action is Action.OVERDUE or hard_stop.due_at <= overdue.due_at else overdue


def ship_by(case: Case, funded_at: datetime) -> datetime:
    """Until when the seller ships; after it the buyer may cancel."""
    if case.timers.ship_seconds is not None:
        return funded_at + timedelta(seconds=case.timers.ship_seconds)
    return add_working_days(funded_at, case.timers.ship_working_days, case.timers.days_off)


def add_working_days(start: datetime, days: int, off: Collection[date] = ()) -> datetime:
    """The same time of day, `days` Mondays-to-Fridays (UTC) that are not `off` after `start`."""
    moment = start
    while days > 0:
        moment += timedelta(days=1)
        days -= moment.weekday() < 5 and moment.astimezone(UTC).date() not in off
    return moment


def days_off_while_shipping(case: Case) -> tuple[date, ...]:
    """The days off (beside weekends) by which the seller has longer to ship, as long as he has to."""
    if case.state is not State.FUNDED or case.ship_by_at is None or case.timers.ship_seconds is not None:
        return ()
    until = case.ship_by_at.astimezone(UTC).date()
    return tuple(day for day in case.timers.days_off if case.state_since.astimezone(UTC).date() < day < until)
