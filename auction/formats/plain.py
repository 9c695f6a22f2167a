"""What formats answer alike: the whole log is public as it grows, one leader takes the lot, nothing needs a book.

A format imports from here what fits it and writes the rest itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from auction.facts import Logged, Lot, Outcome, PriceMoves, Result, Standing


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


def needs_log(lot: Lot) -> bool:
    """The stored standing is the whole standing."""
    return False


def fold(lot: Lot, standing: Standing, log: Iterable[Logged]) -> Standing:
    """There is no book."""
    return standing
