"""What formats answer alike: the whole log is public as it grows, one leader takes the lot, nothing needs a book, and
one countdown runs from the start to the end, within which a bid is in time.

A format imports from here what fits it and writes the rest itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from auction.facts import Bid, DeskRefusal, Logged, Lot, Outcome, Phase, PriceMoves, Refusal, Result, Standing


def result(lot: Lot, standing: Standing, paddles: Mapping[int, int]) -> Result:
    """The leader takes the whole for the price."""
    if standing.outcome is not Outcome.SOLD or standing.leader_id is None or standing.price_minor is None:
        return Result()
    return Result(awards=((standing.leader_id, 1, standing.price_minor),))


def public_mark(lot: Lot, standing: Standing) -> tuple[int, bytes]:
    """Everything is public."""
    return standing.seq, standing.head


def price_moves(lot: Lot) -> PriceMoves:
    """It rises."""
    return "up"


def view(lot: Lot, standing: Standing, paddles: Mapping[int, int], now: datetime) -> dict[str, Any] | None:
    """The common state says it all."""
    return None


def own_view(lot: Lot, standing: Standing, party_id: int, now: datetime) -> dict[str, Any] | None:
    """The common place says it all."""
    return None


def owner_view(lot: Lot, standing: Standing, paddles: Mapping[int, int], now: datetime) -> dict[str, Any] | None:
    """Whoever owns the lot sees what everybody sees."""
    return None


def taken_by(lot: Lot, standing: Standing, party_id: int) -> int | None:
    """Whoever leads may have to pay all that he has offered."""
    if standing.leader_id != party_id or standing.outcome not in (None, Outcome.SOLD):
        return None
    return standing.price_minor if standing.leader_maximum_minor is None else standing.leader_maximum_minor


def needs_log(lot: Lot) -> bool:
    """The stored standing is the whole standing."""
    return False


def fold(lot: Lot, standing: Standing, log: Iterable[Logged]) -> Standing:
    """There is no book."""
    return standing


# The door of a lot with one phase


def shut_to(lot: Lot, standing: Standing, bid: Bid, *, admitted: bool) -> Refusal | None:
    """Why this bidder can't bid at this stamp, whatever he bids; the refusals in their order."""
    at, paused_at = bid.stamped_at, standing.paused_at
    if bid.party_id == lot.seller_id:
        return Refusal.OWN_LOT
    if not admitted:
        return Refusal.NOT_ADMITTED
    if at < lot.starts_at:
        return Refusal.NOT_STARTED
    if standing.phase is not Phase.TIMED or (paused_at is None and at >= standing.ends_at):
        return Refusal.CLOSED
    # A bid stamped before the pause is in time, even if the pause was written first: the stamp alone decides.
    return Refusal.PAUSED if paused_at is not None and at >= paused_at else None


def takes_bids(lot: Lot, standing: Standing, bid: Bid) -> bool:
    """Whether an amount of this bidder's would be legal at the stamp, so that a refusal may name one."""
    return shut_to(lot, standing, bid, admitted=True) is None


# The clock of a lot with one phase


def advance(lot: Lot, standing: Standing, now: datetime) -> Standing:
    """One phase passes into no other."""
    return standing


def is_due(lot: Lot, standing: Standing, now: datetime) -> bool:
    """True once the phase has ended or a bid has decided the lot; never while people are waited for."""
    if standing.phase in (Phase.CLOSED, Phase.OPENING):
        return False
    return standing.phase is Phase.DECIDED or (standing.paused_at is None and now >= standing.ends_at)


def shut(lot: Lot, standing: Standing, now: datetime) -> DeskRefusal | None:
    """Why no act can change the lot any more: it is closed, or its end has passed."""
    if standing.phase is Phase.CLOSED:
        return DeskRefusal.LOT_CLOSED
    return DeskRefusal.LOT_ENDED if standing.phase is Phase.OPENING or is_due(lot, standing, now) else None


def pause(lot: Lot, standing: Standing, now: datetime) -> Standing | DeskRefusal:
    """Stop the lot's clock at `now`; bids stamped from then on are refused until it is resumed."""
    if (refusal := shut(lot, standing, now)) is not None:
        return refusal
    return DeskRefusal.ALREADY_PAUSED if standing.paused_at is not None else replace(standing, paused_at=now)


def resume(lot: Lot, standing: Standing, now: datetime) -> Standing | DeskRefusal:
    """Let the clock run again: the end moves later by the time the lot stood still."""
    if (refusal := shut(lot, standing, now)) is not None:
        return refusal
    if standing.paused_at is None:
        return DeskRefusal.NOT_PAUSED
    stood_still = max(now - max(standing.paused_at, lot.starts_at), timedelta())
    return replace(standing, paused_at=None, ends_at=standing.ends_at + stood_still)


def extend(lot: Lot, standing: Standing, ends_at: datetime, now: datetime) -> Standing | DeskRefusal:
    """Move the end to `ends_at`, later than it stands."""
    if (refusal := shut(lot, standing, now)) is not None:
        return refusal
    return replace(standing, ends_at=ends_at) if ends_at > standing.ends_at else DeskRefusal.END_NOT_LATER


def void(lot: Lot, standing: Standing, now: datetime) -> Standing | DeskRefusal:
    """End the lot with no sale; possible until it is closed, even past its end."""
    if standing.phase is Phase.CLOSED:
        return DeskRefusal.LOT_CLOSED
    return replace(standing, phase=Phase.CLOSED, outcome=Outcome.VOID, closed_at=now, paused_at=None)


def credit_outage(
    lot: Lot, standing: Standing, stopped_at: datetime, restarted_at: datetime, grace: timedelta = timedelta()
) -> Standing | None:
    """Give the lost time back to a lot due in the outage or within `grace` after it; None if it was not."""
    if standing.phase is not Phase.TIMED or standing.paused_at is not None or restarted_at <= lot.starts_at:
        return None
    if not stopped_at < standing.ends_at <= restarted_at + grace:
        return None
    return replace(standing, ends_at=standing.ends_at + (restarted_at - max(stopped_at, lot.starts_at)))
