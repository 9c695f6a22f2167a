"""Who gets how many units at the one price where orders take any number: by price, then time, or pro rata at the margin.

Works on columns of integers, each in order of time; so a clearing of a hundred thousand orders needs no sorting of orders.
"""

from __future__ import annotations

from collections.abc import Sequence

from market.matching.facts import Rationing, Side
from market.matching.prices import Sums


def serve(
    side: Side,
    prices: Sequence[int],
    quantities: Sequence[int],
    sums: Sums,
    volume: int,
    rationing: Rationing,
) -> list[int]:
    """The units of each order of one side if `volume`, not less than `sums.better`, is given out from the best price on."""
    margin, rest = _margin(side, sums, volume)
    if side is Side.DEMAND:
        units = [wanted if price > margin else 0 for price, wanted in zip(prices, quantities, strict=True)]
    else:
        units = [wanted if price < margin else 0 for price, wanted in zip(prices, quantities, strict=True)]
    if rest:
        places = [n for n, price in enumerate(prices) if price == margin]
        share = pro_rata if rationing is Rationing.PRO_RATA else in_turn
        for n, given in zip(places, share([quantities[n] for n in places], rest), strict=True):
            units[n] = given
    return units


def _margin(side: Side, sums: Sums, volume: int) -> tuple[int, int]:
    """The best price whose orders want more than is left, and what is left for them: nothing, beyond the last price."""
    rest, price = volume - sums.better, 0
    for price in sorted(sums.by_price, reverse=side is Side.DEMAND):
        if sums.by_price[price] > rest:
            return price, rest
        rest -= sums.by_price[price]
    return (price - 1 if side is Side.DEMAND else price + 1), rest


def in_turn(quantities: Sequence[int], rest: int) -> list[int]:
    """Each takes what it wants of what those before it leave."""
    units = []
    for wanted in quantities:
        given = min(wanted, rest)
        rest -= given
        units.append(given)
    return units


def pro_rata(quantities: Sequence[int], rest: int) -> list[int]:
    """`rest` units in proportion to the quantities, rounded down; what is over, one each to the largest remainders, of
    equal ones to the earlier order.
    """
    wanted = sum(quantities)
    if wanted <= rest:
        return list(quantities)
    units, remainders = [], []
    for quantity in quantities:
        whole, remainder = divmod(quantity * rest, wanted)
        units.append(whole)
        remainders.append(remainder)
    over = rest - sum(units)
    for n in sorted(range(len(units)), key=lambda n: -remainders[n])[:over]:
        units[n] += 1
    return units
