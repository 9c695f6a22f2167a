"""Lots and offers for the tests of the reverse rules: short to write, with every default a plain lot would have."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from auction.facts import Accepted, Bid, Lot, Refused, Standing, Verdict
from auction.formats.reverse import ReverseRule, judge, opening
from auction.formats.weighing import Attribute

START = datetime(2026, 5, 1, 15, 0, tzinfo=UTC)
BUYER, ANN, BOB, CAT, DAN = 1, 11, 12, 13, 14
PADDLES = {ANN: 101, BOB: 102, CAT: 103, DAN: 104}
_ids = itertools.count(1)

DAYS = Attribute(
    key="days",
    name_en="Delivery",
    name_zh="交货期",
    unit_en="days",
    unit_zh="天",
    better="lower",
    weight_numerator=100,
    lowest="7",
    highest="60",
)
SCORE = Attribute(
    key="score",
    name_en="Quality score",
    name_zh="质量评分",
    better="higher",
    counts="factor",
    weight_numerator=1,
    weight_denominator=300,
    lowest="0",
    highest="100",
    floor="60",
)


def at(seconds: float) -> datetime:
    """The instant so many seconds after the lot's start."""
    return START + timedelta(seconds=seconds)


def a_lot(*, reserve: int | None = None, **rule: Any) -> Lot:
    """Ceiling 10 000, decrement 1, a minute with overtime of ten seconds, on price alone, unless told otherwise."""
    defaults: dict[str, Any] = {
        "start_price_minor": 10_000,
        "decrement_minor": 1,
        "timed_seconds": 60,
        "soft_close_seconds": 10,
    }
    return Lot(
        id=7,
        seller_id=BUYER,
        currency="CNY",
        currency_exponent=2,
        rule=ReverseRule(**(defaults | rule)),
        starts_at=START,
        reserve_minor=reserve,
    )


def offer(party: int, price: Any, seconds: float = 1, *, lot_id: int = 7, **attributes: Any) -> Bid:
    return Bid(
        lot_id=lot_id,
        party_id=party,
        client_bid_id=UUID(int=next(_ids)),
        amount_minor=price,
        is_maximum=False,
        stamped_at=at(seconds),
        details=json.dumps({"attributes": attributes}).encode() if attributes else None,
    )


def accepted(verdict: Verdict) -> Accepted:
    assert isinstance(verdict, Accepted), verdict
    return verdict


def refused(verdict: Verdict) -> Refused:
    assert isinstance(verdict, Refused), verdict
    return verdict


def after(lot: Lot, *offers: Bid, standing: Standing | None = None) -> Standing:
    """The standing once all these offers have been accepted, in this order."""
    standing = opening(lot) if standing is None else standing
    for bid in offers:
        standing = accepted(judge(lot, standing, bid, admitted=True)).standing
    return standing
