"""Minimum lots and all-or-none orders, exactly: what totals one side of the book can come to, and who makes them up.

An order with a minimum is filled with nothing or with `minimum` to `quantity` units. The totals that a set of such orders
can reach are stretches of integers; adding an order joins them with themselves moved along. What many stretches cost is
bounded: `reach` answers None where there would be more than `MOST_PIECES`, and the caller says what is done then.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from market.matching.facts import MOST_PIECES, Order

Pieces = list[tuple[int, int]]
"""Stretches of totals, ascending, with at least one total missing between each two."""

NOTHING: Pieces = [(0, 0)]


def reach(pieces: Pieces, order: Order, cap: int) -> Pieces | None:
    """The totals up to `cap` with one more order that may be left out; None where there are too many stretches."""
    moved = [
        (low + order.minimum, min(high + order.quantity, cap)) for low, high in pieces if low + order.minimum <= cap
    ]
    joined = _join(sorted(pieces + moved))
    return joined if len(joined) <= MOST_PIECES else None


def _join(pieces: Pieces) -> Pieces:
    joined: Pieces = []
    low, high = pieces[0]
    for next_low, next_high in pieces[1:]:
        if next_low <= high + 1:
            high = max(high, next_high)
        else:
            joined.append((low, high))
            low, high = next_low, next_high
    joined.append((low, high))
    return joined


def largest_common(demand: Pieces, demand_loose: int, supply: Pieces, supply_loose: int) -> int:
    """The largest total that both sides reach, each with up to so many loose units of orders that take any number."""
    bought, sold = _widened(demand, demand_loose), _widened(supply, supply_loose)
    while bought and sold:
        low, high = max(bought[-1][0], sold[-1][0]), min(bought[-1][1], sold[-1][1])
        if low <= high:
            return high
        (bought if bought[-1][0] > sold[-1][1] else sold).pop()
    return 0


def _widened(pieces: Pieces, loose: int) -> Pieces:
    return _join([(low, high + loose) for low, high in pieces])


def fill_by_priority(orders: Sequence[Order], total: int) -> list[int] | None:
    """The units of each order, `orders` in order of priority and `total` one that they can reach together: each gets the
    most that still lets the total be reached, given what those before it got. None where there are too many stretches.
    """
    later = _later_reach(orders, total)
    if later is None:
        return None
    loose = sum(order.quantity for order in orders if not order.is_conditional)
    units, rest = [], total
    for order, pieces in zip(orders, later, strict=True):
        if not order.is_conditional:
            loose -= order.quantity
        given = _most(order, rest, pieces, loose)
        rest -= given
        units.append(given)
    assert rest == 0, "the total was one that the orders can reach"
    return units


def _later_reach(orders: Sequence[Order], cap: int) -> list[Pieces] | None:
    """For each order the totals that the conditional ones behind it reach among themselves."""
    pieces: Pieces = NOTHING
    found: list[Pieces] = []
    for order in reversed(orders):
        found.append(pieces)
        if order.is_conditional:
            wider = reach(pieces, order, cap)
            if wider is None:
                return None
            pieces = wider
    return found[::-1]


def _most(order: Order, rest: int, pieces: Pieces, loose: int) -> int:
    """The most units for `order` such that those behind it reach what is left."""
    fewest_left = max(rest - order.quantity, 0)
    left = _least_reached(pieces, loose, fewest_left)
    if left is not None and rest - left >= order.minimum:
        return rest - left
    return 0


def _least_reached(pieces: Pieces, loose: int, at_least: int) -> int | None:
    """The least total of pieces and loose units that is not under `at_least`."""
    n = bisect_right(pieces, (at_least, float("inf"))) - 1
    if n >= 0 and at_least <= pieces[n][1] + loose:
        return at_least
    return pieces[n + 1][0] if n + 1 < len(pieces) else None
