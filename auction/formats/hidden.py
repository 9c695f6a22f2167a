"""What formats answer alike that hide their bids until the close: nobody sees a price, and the log shows the opening alone.

Their books count the hidden events, so that what is told of the log before the close is as if nobody had bid.
"""

from __future__ import annotations

from auction.facts import Lot, PriceMoves, Standing

MOST_CHANGES = 500
"""How many bids of one party a lot takes where each may be changed: every one stays in the log, which is held in memory."""


def price_moves(lot: Lot) -> PriceMoves:
    """Nobody sees a price, a leader or a count before the close."""
    return "hidden"


def lowest_legal(lot: Lot, standing: Standing) -> int | None:
    """Whatever the others have sent: the start price. A reserve may be higher and is secret until the close."""
    start: int = lot.rule.start_price_minor
    return start


def increment(lot: Lot, standing: Standing) -> int:
    """The step of the grid above the start price, if there is one."""
    return lot.rule.step_minor or 0


def shown_mark(standing: Standing, hidden: int) -> tuple[int, bytes]:
    """Until the close the seq without so many hidden events, and no head; then all of it."""
    if standing.outcome is not None:
        return standing.seq, standing.head
    return standing.seq - hidden, b""
