"""The clock of an English lot: how its phases open, pass and end, and what the desk may do to them. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from auction.facts import DeskRefusal, EnglishRule, Lot, Outcome, Phase, Standing
from auction.formats.english_book import TimedBidders

# Reading an enum's member through its class costs ten times a global in Python 3.11, and the judge comes by here.
TIMED, DELAYED, DECIDED, CLOSED = Phase.TIMED, Phase.DELAYED, Phase.DECIDED, Phase.CLOSED


def opening(lot: Lot) -> Standing:
    """The standing of a lot before its first event. Its first phase ends, bids or no bids, at `ends_at`."""
    rule: EnglishRule = lot.rule
    timed, extension = rule.timed_seconds, rule.extension_seconds
    seconds = timed if timed is not None else extension
    if seconds is None:
        raise ValueError(f"lot {lot.id} has neither a time-limited nor a delayed phase")
    return Standing(
        version=0,
        seq=0,
        head=b"",
        phase=TIMED if timed is not None else DELAYED,
        ends_at=lot.starts_at + timedelta(seconds=seconds),
        book=TimedBidders() if rule.only_timed_bidders else None,
    )


def advance(lot: Lot, standing: Standing, now: datetime) -> Standing:
    """The standing with its phase derived at `now`: a delayed phase always follows the timed one and runs T + W.

    Never closes. A paused lot's clock stands still, so it does not advance. Returns the same object if nothing moved.
    """
    extension: int | None = lot.rule.extension_seconds
    if standing.phase is not TIMED or extension is None:
        return standing
    paused_at = standing.paused_at
    if (now if paused_at is None or now < paused_at else paused_at) < standing.ends_at:
        return standing
    return replace(standing, phase=DELAYED, ends_at=standing.ends_at + timedelta(seconds=extension))


def is_due(lot: Lot, standing: Standing, now: datetime) -> bool:
    """True once the last phase has ended or a purchase has decided the lot, so that it may be closed as soon as its queue is
    drained. A bid stamped before a pause may decide the lot after the pause was written; no clock is waited for then.
    """
    phase = standing.phase
    if phase is CLOSED or phase is DECIDED:
        return phase is DECIDED
    return standing.paused_at is None and now >= advance(lot, standing, now).ends_at


def close(lot: Lot, standing: Standing, now: datetime) -> Standing:
    """The final standing: sold to the leader, or unsold without one or below the reserve.

    `closed_at` is the end that has passed, not `now`: the lot was closed then, whenever the job ran. Closing a lot that
    is not due is a mistake of the caller, hence a ValueError.
    """
    if not is_due(lot, standing, now):
        raise ValueError(f"lot {lot.id} is not due at {now.isoformat()}")
    reached = standing.leader_id is not None and (lot.reserve_minor is None or standing.reserve_met)
    return replace(
        standing,
        phase=CLOSED,
        ends_at=(ended_at := advance(lot, standing, now).ends_at),
        outcome=Outcome.SOLD if reached else Outcome.UNSOLD,
        closed_at=ended_at,
        paused_at=None,
    )


# Acts of the desk


def pause(lot: Lot, standing: Standing, now: datetime) -> Standing | DeskRefusal:
    """Stop the lot's clock at `now`; bids stamped from then on are refused until it is resumed."""
    if (refusal := shut(lot, standing, now)) is not None:
        return refusal
    if standing.paused_at is not None:
        return DeskRefusal.ALREADY_PAUSED
    return replace(advance(lot, standing, now), paused_at=now)


def resume(lot: Lot, standing: Standing, now: datetime) -> Standing | DeskRefusal:
    """Let the clock run again: the end moves later by the time the lot stood still. A cap stays where it is."""
    if (refusal := shut(lot, standing, now)) is not None:
        return refusal
    if standing.paused_at is None:
        return DeskRefusal.NOT_PAUSED
    stood_still = max(now - max(standing.paused_at, lot.starts_at), timedelta())
    return replace(standing, paused_at=None, ends_at=standing.ends_at + stood_still)


def extend(lot: Lot, standing: Standing, ends_at: datetime, now: datetime) -> Standing | DeskRefusal:
    """Move the end of the running phase to `ends_at`, later than it stands. May pass the cap; bids then extend no more."""
    if (refusal := shut(lot, standing, now)) is not None:
        return refusal
    standing = advance(lot, standing, now)
    return replace(standing, ends_at=ends_at) if ends_at > standing.ends_at else DeskRefusal.END_NOT_LATER


def void(lot: Lot, standing: Standing, now: datetime) -> Standing | DeskRefusal:
    """End the lot with no sale, whoever leads; possible until it is closed, even past its end."""
    if standing.phase is CLOSED:
        return DeskRefusal.LOT_CLOSED
    return replace(standing, phase=CLOSED, outcome=Outcome.VOID, closed_at=now, paused_at=None)


def credit_outage(lot: Lot, standing: Standing, stopped_at: datetime, restarted_at: datetime) -> Standing | None:
    """Give the time lost in an unplanned stop back to a lot due in it or within one extension after it; None if not due.

    The phase is the one in which the stop found the lot, so a timed phase that "ended" in the dark goes on.
    """
    if standing.phase in (CLOSED, DECIDED) or standing.paused_at is not None or restarted_at <= lot.starts_at:
        return None
    standing = advance(lot, standing, stopped_at)
    grace = timedelta(seconds=lot.rule.extension_seconds or lot.rule.soft_close_seconds or 0)
    if not stopped_at < standing.ends_at <= restarted_at + grace:
        return None
    return replace(standing, ends_at=standing.ends_at + (restarted_at - max(stopped_at, lot.starts_at)))


def shut(lot: Lot, standing: Standing, now: datetime) -> DeskRefusal | None:
    """Why no act can change the lot any more: it is closed, or its end has passed and it only waits for the closer."""
    if standing.phase is CLOSED:
        return DeskRefusal.LOT_CLOSED
    return DeskRefusal.LOT_ENDED if is_due(lot, standing, now) else None
