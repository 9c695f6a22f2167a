"""The price of a call auction: demand and supply at each price, and the rules that leave one of them. Pure integers.

Prices lie on a grid of ticks. Between two prices that orders name nothing changes, so a stretch of prices is looked at as
one candidate. docs/matching.md states the rules with an example.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

from msgspec import Struct
from msgspec.structs import replace

from market.matching.facts import Candidate, Rules, Step
from market.matching.k_double import k_double


class Sums(Struct, frozen=True):
    """Quantities of one side by limit; `better` is the sum of those at limits beyond all of these, on the side's good end."""

    by_price: Mapping[int, int]
    better: int = 0


class Curve(Struct, frozen=True, kw_only=True):
    """Every price that an order names, ascending; what is asked for at it or above, and offered at it or below."""

    prices: Sequence[int]
    demand: Sequence[int]
    supply: Sequence[int]


def curve(demanded: Sums, supplied: Sums) -> Curve:
    """The curve of quantities by limit."""
    prices = sorted({*demanded.by_price, *supplied.by_price})
    from_below = accumulate((supplied.by_price.get(price, 0) for price in prices), initial=supplied.better)
    from_above = accumulate((demanded.by_price.get(price, 0) for price in reversed(prices)), initial=demanded.better)
    return Curve(prices=prices, demand=list(from_above)[:0:-1], supply=list(from_below)[1:])


def best_volume(line: Curve) -> int:
    """The most that can be traded at one price where every order takes any number of units."""
    return max(map(min, line.demand, line.supply), default=0)


def candidates(line: Curve, tick_minor: int, at_least: int = 1) -> list[Candidate]:
    """The stretches of prices at which `at_least` so many units could be traded, ascending."""
    found = []
    last = len(line.prices) - 1
    for n, volume in enumerate(map(min, line.demand, line.supply)):
        if volume >= at_least:
            found.append(_candidate(line.prices[n], line.prices[n], line.demand[n], line.supply[n]))
        if n < last and min(line.demand[n + 1], line.supply[n]) >= at_least:
            low, high = line.prices[n] + tick_minor, line.prices[n + 1] - tick_minor
            if low <= high:
                found.append(_candidate(low, high, line.demand[n + 1], line.supply[n]))
    return found


def _candidate(low: int, high: int, demand: int, supply: int) -> Candidate:
    return Candidate(low_minor=low, high_minor=high, demand=demand, supply=supply, volume=min(demand, supply))


def choose(found: Sequence[Candidate], rules: Rules) -> tuple[int, Step, tuple[Candidate, ...]]:
    """The one price, the last rule that was needed, and each candidate with the rule that removed it.

    Most volume; of these the least imbalance; then with a k the price between the lowest and the highest left; otherwise
    the highest where all of them leave demand over and the lowest where all leave supply over; else the nearest to the
    reference; else the middle. What falls on a price that is not left goes to the next one below that is.
    """
    most = max(one.volume for one in found)
    by_volume = [one for one in found if one.volume == most]
    least = min(abs(one.imbalance) for one in by_volume)
    by_imbalance = [one for one in by_volume if abs(one.imbalance) == least]
    price, step = _last_rules(by_imbalance, rules)
    if step is Step.IMBALANCE and _is_one_price(by_volume):
        step = Step.VOLUME
    rows = [replace(one, removed_by=_remover(one, most, least, price, step)) for one in found]
    return price, step, tuple(rows)


def _remover(one: Candidate, most: int, least: int, price: int, step: Step) -> Step | None:
    if one.volume < most:
        return Step.VOLUME
    if abs(one.imbalance) > least:
        return Step.IMBALANCE
    return None if one.low_minor <= price <= one.high_minor else step


def _is_one_price(left: Sequence[Candidate]) -> bool:
    return len(left) == 1 and left[0].low_minor == left[0].high_minor


def _last_rules(left: Sequence[Candidate], rules: Rules) -> tuple[int, Step]:
    """What decides between the prices that volume and imbalance leave; `Step.IMBALANCE` where they leave one."""
    low, high = left[0].low_minor, left[-1].high_minor
    if _is_one_price(left):
        return low, Step.IMBALANCE
    if rules.k_permille is not None:
        return _at_or_below(left, k_double(low, high, rules.k_permille, rules.tick_minor), rules), Step.K_DOUBLE
    if all(one.imbalance > 0 for one in left):
        return high, Step.PRESSURE
    if all(one.imbalance < 0 for one in left):
        return low, Step.PRESSURE
    if rules.reference_minor is not None:
        nearest = _nearest(left, rules.reference_minor, rules)
        if len(nearest) == 1:
            return nearest[0], Step.REFERENCE
        low, high = nearest
    return _at_or_below(left, (low + high) // 2, rules), Step.MIDPOINT


def _at_or_below(left: Iterable[Candidate], price: int, rules: Rules) -> int:
    """The highest price left that is not over `price`."""
    return max(_highest_in(one, price, rules) for one in left if one.low_minor <= price)


def _highest_in(one: Candidate, price: int, rules: Rules) -> int:
    return one.low_minor + (min(price, one.high_minor) - one.low_minor) // rules.tick_minor * rules.tick_minor


def _nearest(left: Sequence[Candidate], reference: int, rules: Rules) -> list[int]:
    """The price left that is nearest to the reference, or the two that are equally near."""
    near = set()
    for one in left:
        below = _highest_in(one, max(reference, one.low_minor), rules)
        near |= {below, min(below + rules.tick_minor, one.high_minor)}
    least = min(abs(price - reference) for price in near)
    return sorted(price for price in near if abs(price - reference) == least)
