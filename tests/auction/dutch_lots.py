"""Lots and presses for the tests of the falling price: from 1000 down to 300 by 100 every ten seconds, then a minute there."""

from __future__ import annotations

import itertools
from datetime import datetime
from typing import Any
from uuid import UUID

from auction.chain import chain_event
from auction.facts import Bid, Line, Logged, Lot, Standing
from auction.formats.dutch import DutchRule
from tests.auction.english_lots import ANN, BOB, CAT, SELLER, START, at

__all__ = ["ANN", "BOB", "CAT", "SELLER", "START", "a_fall", "a_press", "at", "logged"]
_ids = itertools.count(1)
PADDLES = {ANN: 417, BOB: 203, CAT: 866}


def a_fall(**rule: Any) -> Lot:
    given: dict[str, Any] = {"start_price_minor": 1000, "floor_minor": 300, "step_minor": 100, "floor_seconds": 60}
    if "fall_seconds" not in rule:
        given["interval_seconds"] = 10
    return Lot(
        id=7, seller_id=SELLER, currency="CNY", currency_exponent=2, rule=DutchRule(**(given | rule)), starts_at=START
    )


def a_press(party: int, seen: Any, seconds: float = 1, *, lot_id: int = 7, maximum: bool = False) -> Bid:
    return Bid(
        lot_id=lot_id,
        party_id=party,
        client_bid_id=UUID(int=next(_ids)),
        amount_minor=seen,
        is_maximum=maximum,
        stamped_at=at(seconds),
    )


def logged(
    lot: Lot, standing: Standing, kind: Any, when: datetime, lines: tuple[Line, ...] = (), **more: Any
) -> tuple[Logged, Standing]:
    """The event as it comes back from the log, and the standing chained to it."""
    event, standing = chain_event(lot, standing, kind, when, PADDLES, lines=lines, **more)
    return Logged(event.seq, event.kind, event.at, event.party_id, event.body), standing
