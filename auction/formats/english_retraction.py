"""Taking a bid back on an English lot: when it is allowed, and what the lot then looks like. Pure.

The lot is played again from its start with every other bid that stands, each at its own instant; the end does not move.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from auction.facts import Bid, DeskRefusal, EnglishRule, GridBase, Lot, Refusal, Refused, Standing
from auction.formats.english import judge, opening
from auction.formats.english_clock import TIMED, advance, shut

MOST_RETRACTIONS = 2
"""How many bids one bidder may take back on one lot."""

_FOR_EVER = datetime.max.replace(tzinfo=UTC)


class Placed(Struct, frozen=True, kw_only=True):
    """A bid that was accepted and stands. `seq` is that of the lot's last event once it was; `is_public` if that event is
    the bid's own. Otherwise it was the leader's private raise. `rank` is that of the right of priority which it used.
    """

    bid: Bid
    seq: int
    is_public: bool
    rank: int | None = None


class Retracted(Struct, frozen=True, kw_only=True):
    """What a retraction takes back (the bid, with the private raises that stood on it), and what the lot is without it.
    `shows` if anything public has changed: it is then an event, and counted.
    """

    taken_back: tuple[Placed, ...]
    standing: Standing
    shows: bool


def retract(
    lot: Lot,
    standing: Standing,
    placed: Sequence[Placed],
    ranks: Mapping[int, int],
    *,
    party_id: int,
    client_bid_id: UUID,
    retractions_so_far: int,
    now: datetime,
) -> Retracted | DeskRefusal:
    """Take one bid of the party's back. `placed`: every bid that stands, in the order in which they were accepted."""
    rule: EnglishRule = lot.rule
    if (refusal := shut(lot, standing, now)) is not None:
        return refusal
    if rule.retraction_seconds is None:
        return DeskRefusal.NO_RETRACTION
    if advance(lot, standing, now).phase is not TIMED:
        return DeskRefusal.RETRACTION_DELAYED
    named = next((one for one in placed if _key(one.bid) == (party_id, client_bid_id)), None)
    if named is None:
        return DeskRefusal.NO_SUCH_BID
    if (refusal := _out_of_time(rule, standing, named, now)) is not None:
        return refusal
    if retractions_so_far >= MOST_RETRACTIONS:
        return DeskRefusal.TOO_MANY_RETRACTIONS
    taken_back = (named, *(one for one in placed if _stood_on(one, named)))
    kept = [one for one in placed if one not in taken_back]
    without = played_again(lot, standing, kept, ranks)
    shows = named.is_public or _face(without) != _face(standing)
    count = standing.retraction_count + shows
    return Retracted(taken_back=taken_back, standing=replace(without, retraction_count=count), shows=shows)


def played_again(lot: Lot, standing: Standing, placed: Sequence[Placed], ranks: Mapping[int, int]) -> Standing:
    """The standing with price, leader and bids as these bids alone make them; its clock stays as it is.

    Each was legal when it was placed. A plain bid of whoever would by now lead counts as his maximum, since he has
    offered it but needs no higher price; what no longer beats the price falls away. A bid has the right of priority that
    it was placed with, whatever was confirmed or taken back since.
    """
    bare = replace(lot, rule=_without_options(lot.rule))
    anew = replace(opening(bare), ends_at=_FOR_EVER)
    for one in placed:
        bid = one.bid
        then = {party_id: rank for party_id, rank in ranks.items() if party_id != bid.party_id}
        if one.rank is not None:
            then[bid.party_id] = one.rank
        verdict = judge(bare, anew, bid, admitted=True, ranks=then)
        if isinstance(verdict, Refused) and verdict.refusal is Refusal.ALREADY_LEADING:
            verdict = judge(bare, anew, replace(bid, is_maximum=True), admitted=True, ranks=then)
        if not isinstance(verdict, Refused):
            anew = verdict.standing
    return replace(
        standing,
        price_minor=anew.price_minor,
        leader_id=anew.leader_id,
        leader_maximum_minor=anew.leader_maximum_minor,
        reserve_met=anew.reserve_met,
        bid_count=anew.bid_count,
    )


def retractable_until(lot: Lot, standing: Standing, stamped_at: datetime, now: datetime) -> datetime | None:
    """Until when (not including) a bid of this stamp may be taken back as things stand; None if it no longer may."""
    rule: EnglishRule = lot.rule
    if rule.retraction_seconds is None or shut(lot, standing, now) or advance(lot, standing, now).phase is not TIMED:
        return None
    closes_at = standing.ends_at - timedelta(seconds=rule.retraction_closes_seconds)
    end = min(stamped_at + timedelta(seconds=rule.retraction_seconds), closes_at)
    return end if end > now else None


def _out_of_time(rule: EnglishRule, standing: Standing, named: Placed, now: datetime) -> DeskRefusal | None:
    assert rule.retraction_seconds is not None
    if now >= named.bid.stamped_at + timedelta(seconds=rule.retraction_seconds):
        return DeskRefusal.RETRACTION_TOO_LATE
    # A paused lot's clock stands at its pause.
    at = now if standing.paused_at is None else min(now, standing.paused_at)
    if at >= standing.ends_at - timedelta(seconds=rule.retraction_closes_seconds):
        return DeskRefusal.RETRACTION_NEAR_END
    return None


def _stood_on(one: Placed, named: Placed) -> bool:
    """Whether this is a private raise of the public bid that is named."""
    return named.is_public and not one.is_public and one.seq == named.seq and one.bid.party_id == named.bid.party_id


def _without_options(rule: EnglishRule) -> EnglishRule:
    """The rule as far as it makes prices: the clock stands still, and the grid was looked at when the bids were placed."""
    return replace(
        rule,
        timed_seconds=1,
        grid_base=GridBase.NONE,
        soft_close_seconds=None,
        only_timed_bidders=False,
        buy_now_minor=None,
    )


def _key(bid: Bid) -> tuple[int, UUID]:
    return bid.party_id, bid.client_bid_id


def _face(standing: Standing) -> tuple[int | None, int | None, bool, int]:
    return standing.price_minor, standing.leader_id, standing.reserve_met, standing.bid_count
