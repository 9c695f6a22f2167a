"""The periodic call auction: all orders of a board at one moment, one price for all of them.

The objective, in this order: the most units traded; the least imbalance; the price rules of `prices`; then priority, by
price and time. Every filled order keeps its limit and its minimum; nothing else is given up for them. docs/matching.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from market.matching import minimums, prices
from market.matching.facts import Candidate, Clearing, Fill, Order, Rationing, Rules, Side, Trade, Why
from market.matching.minimums import NOTHING, Pieces
from market.matching.prices import Sums
from market.matching.rationing import pro_rata


def clear(orders: Iterable[Order], rules: Rules) -> Clearing:
    """The clearing with every candidate price and every order's reason.

    Exact, with minimums too, unless the search for them would outgrow its bound: then the later half of the orders with a
    minimum is set aside, as often as it takes, and the answer is exact for the others.
    """
    book = sorted(orders, key=lambda order: order.seq)
    aside: list[Order] = []
    while (found := _clear(book, rules)) is None:
        conditional = [order for order in book if order.is_conditional]
        late = conditional[len(conditional) // 2 :]
        aside += late
        book = [order for order in book if order not in late]
    left_out = tuple(Fill(order=order, units=0, why=Why.SET_ASIDE) for order in sorted(aside, key=lambda o: o.seq))
    return replace(found, fills=found.fills + left_out)


def _clear(book: Sequence[Order], rules: Rules) -> Clearing | None:
    demand, supply = by_priority(book, Side.DEMAND), by_priority(book, Side.SUPPLY)
    line = prices.curve(_sums(demand), _sums(supply))
    found: list[Candidate] | None = prices.candidates(line, rules.tick_minor)
    if any(order.is_conditional for order in book):
        found = _with_minimums(found or [], demand, supply)
        if found is None:
            return None
    if not any(one.volume for one in found or ()):
        fills = [Fill(order=order, units=0, why=Why.NO_PRICE) for order in (*demand, *supply)]
        return Clearing(price_minor=None, volume=0, decided_by=None, candidates=tuple(found or ()), fills=tuple(fills))
    price, step, rows = prices.choose(found or [], rules)
    volume = max(one.volume for one in rows)
    bought = _fills(demand, price, volume, rules.rationing)
    sold = _fills(supply, price, volume, rules.rationing)
    if bought is None or sold is None:
        return None
    return Clearing(price_minor=price, volume=volume, decided_by=step, candidates=rows, fills=(*bought, *sold))


def by_priority(orders: Iterable[Order], side: Side) -> list[Order]:
    """One side of the book: the better price first, of one price the earlier order."""
    in_time = sorted((order for order in orders if order.side is side), key=lambda order: order.seq)
    # Twice by an integer, the second time stable: a third of the time that pairs would take.
    return sorted(in_time, key=lambda order: order.price_minor, reverse=side is Side.DEMAND)


def _sums(orders: Iterable[Order]) -> Sums:
    by_price: dict[int, int] = defaultdict(int)
    for order in orders:
        by_price[order.price_minor] += order.quantity
    return Sums(by_price)


def _allows(order: Order, price: int) -> bool:
    return order.price_minor >= price if order.side is Side.DEMAND else order.price_minor <= price


# The volume where orders have minimums


def _with_minimums(
    found: Sequence[Candidate], demand: Sequence[Order], supply: Sequence[Order]
) -> list[Candidate] | None:
    """The candidates with what can be traded in truth. Looked at from the highest bound downwards: one whose bound lies
    under a volume already found can't win, and keeps its bound.
    """
    cap = max((one.volume for one in found), default=0)
    bought, sold = _Reach(demand, cap), _Reach(supply, cap)
    exact: dict[int, int] = {}
    most = 0
    for one in sorted(found, key=lambda one: -one.volume):
        if one.volume < most:
            break
        demanded, supplied = bought.at(one.low_minor), sold.at(one.low_minor)
        if demanded is None or supplied is None:
            return None
        exact[one.low_minor] = minimums.largest_common(*demanded, *supplied)
        most = max(most, exact[one.low_minor])
    return [replace(one, volume=exact.get(one.low_minor, one.volume)) for one in found]


class _Reach:
    """What the conditional orders of one side reach at a price, and its loose units; grown from the best price on."""

    def __init__(self, orders: Sequence[Order], cap: int) -> None:
        self._loose = [order for order in orders if not order.is_conditional]
        self._conditional = [order for order in orders if order.is_conditional]
        self._cap = cap
        self._grown: list[Pieces] = [NOTHING]

    def at(self, price: int) -> tuple[Pieces, int] | None:
        """Pieces and loose units of the orders whose limit allows the price; None where there are too many pieces."""
        count = sum(_allows(order, price) for order in self._conditional)
        while len(self._grown) <= count:
            wider = minimums.reach(self._grown[-1], self._conditional[len(self._grown) - 1], self._cap)
            if wider is None:
                return None
            self._grown.append(wider)
        return self._grown[count], sum(order.quantity for order in self._loose if _allows(order, price))


# The fills


def _fills(orders: Sequence[Order], price: int, volume: int, rationing: Rationing) -> list[Fill] | None:
    """One side's fills in order of priority; None where the search would outgrow its bound."""
    allowed = [order for order in orders if _allows(order, price)]
    units = minimums.fill_by_priority(allowed, volume)
    if units is None:
        return None
    shared: set[int] = set()
    if rationing is Rationing.PRO_RATA:
        units, shared = _shared_by_level(allowed, units)
    fills: list[Fill] = []
    behind = False
    for n in range(len(allowed) - 1, -1, -1):
        fills.append(Fill(order=allowed[n], units=units[n], why=_why(allowed[n], units[n], n in shared, behind)))
        behind = behind or units[n] > 0
    outside = [Fill(order=o, units=0, why=Why.OUTSIDE_LIMIT) for o in orders if not _allows(o, price)]
    return fills[::-1] + outside


def _shared_by_level(orders: Sequence[Order], units: Sequence[int]) -> tuple[list[int], set[int]]:
    """What the orders of one price that take any number got together, in proportion; and which of them had to share."""
    levels: dict[int, list[int]] = defaultdict(list)
    for n, order in enumerate(orders):
        if not order.is_conditional:
            levels[order.price_minor].append(n)
    given, shared = list(units), set()
    for places in levels.values():
        together, wanted = sum(units[n] for n in places), [orders[n].quantity for n in places]
        if 0 < together < sum(wanted):
            shared |= set(places)
            for n, share in zip(places, pro_rata(wanted, together), strict=True):
                given[n] = share
    return given, shared


def _why(order: Order, units: int, shared: bool, behind: bool) -> Why:
    """The reason; `behind`: an order of less priority on the same side got something."""
    if units == order.quantity:
        return Why.FILLED
    if shared:
        return Why.SHARED
    if order.is_conditional and units == 0:
        return Why.PASSED_OVER
    if behind:
        return Why.MADE_ROOM
    return Why.PART_LEFT if units else Why.NONE_LEFT


def trades(cleared: Clearing) -> list[Trade]:
    """Who trades with whom: the fills of each side laid beside each other in order of priority."""
    if cleared.price_minor is None:
        return []
    sold = [[fill.order.seq, fill.units] for fill in cleared.fills if fill.units and fill.order.side is Side.SUPPLY]
    pairs: list[Trade] = []
    n = 0
    for fill in cleared.fills:
        rest = fill.units if fill.order.side is Side.DEMAND else 0
        while rest:
            units = min(rest, sold[n][1])
            pairs.append(Trade(supply=sold[n][0], demand=fill.order.seq, units=units, price_minor=cleared.price_minor))
            rest, sold[n][1] = rest - units, sold[n][1] - units
            n += sold[n][1] == 0
    return pairs
