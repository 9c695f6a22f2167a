"""Lots and bids for the tests of the English rules: short to write, with every default a plain lot would have."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from auction.facts import Accepted, Bid, EnglishRule, Lot, Refused, Standing, StepBand, Verdict
from auction.formats.english import judge, opening

START = datetime(2026, 5, 1, 15, 0, tzinfo=UTC)
SELLER, ANN, BOB, CAT = 1, 11, 12, 13
_ids = itertools.count(1)


def at(seconds: float) -> datetime:
    """The instant so many seconds after the lot's start."""
    return START + timedelta(seconds=seconds)


def bands(*pairs: tuple[int | None, int]) -> tuple[StepBand, ...]:
    """`bands((1000, 10), (None, 50))`: 10 below 1000, then 50."""
    return tuple(StepBand(below_minor=below, increment_minor=step) for below, step in pairs)


def a_lot(*, reserve: int | None = None, **rule: Any) -> Lot:
    """Start price 100, step 10, a minute of each phase, unless told otherwise."""
    defaults: dict[str, Any] = {"start_price_minor": 100, "steps": bands((None, 10)), "timed_seconds": 60}
    if "timed_seconds" not in rule:
        defaults["extension_seconds"] = 60
    return Lot(
        id=7,
        seller_id=SELLER,
        currency="CNY",
        currency_exponent=2,
        rule=EnglishRule(**(defaults | rule)),
        starts_at=START,
        reserve_minor=reserve,
    )


def a_bid(party: int, amount: Any, seconds: float = 1, *, maximum: bool = False, lot_id: int = 7) -> Bid:
    return Bid(
        lot_id=lot_id,
        party_id=party,
        client_bid_id=UUID(int=next(_ids)),
        amount_minor=amount,
        is_maximum=maximum,
        stamped_at=at(seconds),
    )


def plain(party: int, amount: int, seconds: float = 1) -> Bid:
    return a_bid(party, amount, seconds)


def maximum(party: int, amount: int, seconds: float = 1) -> Bid:
    return a_bid(party, amount, seconds, maximum=True)


def accepted(verdict: Verdict) -> Accepted:
    assert isinstance(verdict, Accepted), verdict
    return verdict


def refused(verdict: Verdict) -> Refused:
    assert isinstance(verdict, Refused), verdict
    return verdict


def after(lot: Lot, *bids: Bid, standing: Standing | None = None) -> Standing:
    """The standing once all these bids have been accepted, in this order."""
    standing = opening(lot) if standing is None else standing
    for bid in bids:
        standing = accepted(judge(lot, standing, bid, admitted=True)).standing
    return standing
