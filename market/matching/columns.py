"""The call auction of large books of orders that take any number: columns of integers in, price and fills out.

The price lies where demand and supply cross. A sample of the book says about where; then only orders near it are added up
price by price, the others in one sum. What the sample says is never relied upon: if it was wrong, all prices are looked at.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from msgspec import Struct

from market.matching import prices
from market.matching.facts import Rules, Side
from market.matching.prices import Curve, Sums
from market.matching.rationing import serve

_SAMPLED = 2_048
_WIDTH = 16
"""The stretch looked at reaches this part of the sampled prices to each side of where the sample crosses."""


class Column(Struct, frozen=True, kw_only=True):
    """One side of a book in order of time: each order's limit and quantity."""

    prices: Sequence[int]
    quantities: Sequence[int]


class Cleared(Struct, frozen=True, kw_only=True):
    """The price of a unit, None where nothing is traded; the units of each order in the order of the columns."""

    price_minor: int | None
    volume: int
    bought: list[int]
    sold: list[int]


def clear_columns(demand: Column, supply: Column, rules: Rules) -> Cleared:
    """The clearing that `call_auction.clear` finds too, without the reasons."""
    found = _near_the_crossing(demand, supply) or _everywhere(demand, supply)
    line, volume, bought, sold = found
    if volume == 0:
        nothing_bought, nothing_sold = [0] * len(demand.prices), [0] * len(supply.prices)
        return Cleared(price_minor=None, volume=0, bought=nothing_bought, sold=nothing_sold)
    price, _, _ = prices.choose(prices.candidates(line, rules.tick_minor, volume), rules)
    return Cleared(
        price_minor=price,
        volume=volume,
        bought=serve(Side.DEMAND, demand.prices, demand.quantities, bought, volume, rules.rationing),
        sold=serve(Side.SUPPLY, supply.prices, supply.quantities, sold, volume, rules.rationing),
    )


_Found = tuple[Curve, int, Sums, Sums]


def _everywhere(demand: Column, supply: Column) -> _Found:
    bought, sold = _sums(demand), _sums(supply)
    line = prices.curve(bought, sold)
    return line, prices.best_volume(line), bought, sold


def _sums(column: Column, stride: int = 1) -> Sums:
    by_price: dict[int, int] = defaultdict(int)
    for price, quantity in zip(column.prices[::stride], column.quantities[::stride], strict=True):
        by_price[price] += quantity * stride
    return Sums(by_price)


def _near_the_crossing(demand: Column, supply: Column) -> _Found | None:
    """The curve over the prices around the crossing; None where the sample can't tell them, or was wrong.

    It was right if less than the best volume is bought at the highest price looked at, and less is sold at the lowest:
    demand only falls and supply only grows from there on, so no price beyond could trade as much, and both sides come to
    their last unit within.
    """
    if min(len(demand.prices), len(supply.prices)) < 4 * _SAMPLED:
        return None
    low, high = _stretch(demand, supply)
    bought, sold = _demand_between(demand, low, high), _supply_between(supply, low, high)
    line = prices.curve(bought, sold)
    volume = prices.best_volume(line)
    if not line.prices or line.demand[-1] >= volume or line.supply[0] >= volume:
        return None
    return line, volume, bought, sold


def _stretch(demand: Column, supply: Column) -> tuple[int, int]:
    sampled = prices.curve(*(_sums(side, len(side.prices) // _SAMPLED) for side in (demand, supply)))
    volumes = list(map(min, sampled.demand, sampled.supply))
    crossing, reach = volumes.index(max(volumes)), len(volumes) // _WIDTH + 2
    return sampled.prices[max(crossing - reach, 0)], sampled.prices[min(crossing + reach, len(volumes) - 1)]


def _demand_between(column: Column, low: int, high: int) -> Sums:
    by_price: dict[int, int] = defaultdict(int)
    better = 0
    for price, quantity in zip(column.prices, column.quantities, strict=True):
        if price > high:
            better += quantity
        elif price >= low:
            by_price[price] += quantity
    return Sums(by_price, better)


def _supply_between(column: Column, low: int, high: int) -> Sums:
    by_price: dict[int, int] = defaultdict(int)
    better = 0
    for price, quantity in zip(column.prices, column.quantities, strict=True):
        if price < low:
            better += quantity
        elif price <= high:
            by_price[price] += quantity
    return Sums(by_price, better)
