"""The continuous book: an order trades at once with what it meets, by price, then time; what is left waits. Pure, in memory.

The price of a trade is the limit of the order that came earlier. Orders with a minimum are filled only with so many units
in one go: those that wait are passed over by an order too small for them, and tried again when their other side grows.
docs/matching.md states the rules.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from heapq import heappop, heappush

from market.matching import minimums
from market.matching.facts import Order, Side, Trade


class _Waiting:
    """An order in the book and how many units of it are left; 0 once it is filled or withdrawn."""

    __slots__ = ("is_supply", "minimum", "price", "rest", "seq")

    def __init__(self, seq: int, is_supply: bool, price: int, rest: int, minimum: int) -> None:
        self.seq = seq
        self.is_supply = is_supply
        self.price = price
        self.rest = rest
        self.minimum = minimum


class _Half:
    """One side: a queue for each price, and a heap of prices, the best first. What is gone leaves its place when met."""

    __slots__ = ("best", "conditional", "levels", "sign")

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.levels: dict[int, deque[_Waiting]] = {}
        self.best: list[int] = []
        self.conditional = 0

    def add(self, one: _Waiting) -> None:
        level = self.levels.get(one.price)
        if level is None:
            level = self.levels[one.price] = deque()
            heappush(self.best, self.sign * one.price)
        level.append(one)
        if one.minimum > 1:
            self.conditional += 1

    def gone(self, one: _Waiting) -> None:
        one.rest = 0
        if one.minimum > 1:
            self.conditional -= 1

    def meeting(self, limit: int) -> Iterator[_Waiting]:
        """What waits at the limit or better, in order of priority."""
        best = self.best.copy()
        while best and best[0] <= self.sign * limit:
            level = self.levels[self.sign * heappop(best)]
            while level and not level[0].rest:
                level.popleft()
            yield from (one for one in level if one.rest)


class Book:
    """The book of one board. `seq` of every order that enters must be higher than any before it."""

    def __init__(self) -> None:
        self._supply, self._demand = _Half(1), _Half(-1)
        self._by_seq: dict[int, _Waiting] = {}

    def wait(self, order: Order) -> None:
        """Put an order into the book as it is, without trading: for a book that is read back."""
        one = _Waiting(order.seq, order.side is Side.SUPPLY, order.price_minor, order.quantity, order.minimum)
        self._by_seq[order.seq] = one
        self._half(one).add(one)

    def enter(self, order: Order) -> list[Trade]:
        """Trade as far as the order goes; the rest waits."""
        one = _Waiting(order.seq, order.side is Side.SUPPLY, order.price_minor, order.quantity, order.minimum)
        other = self._demand if one.is_supply else self._supply
        trades = self._conditionally(one, other) if one.minimum > 1 or other.conditional else self._plainly(one, other)
        if one.rest:
            self._by_seq[one.seq] = one
            self._half(one).add(one)
            if other.conditional:
                trades += self._try_again(one, other)
        return trades

    def withdraw(self, seq: int) -> bool:
        """Take the order's rest out of the book; False if nothing of it waits."""
        one = self._by_seq.pop(seq, None)
        if one is None:
            return False
        self._half(one).gone(one)
        return True

    def replace(self, seq: int, order: Order) -> tuple[int, list[Trade]] | None:
        """Let `order` stand in the place of another; None if nothing of that waits. It keeps its place in time, and its
        `seq`, where it only wants fewer units than were left; otherwise it is entered anew, behind all others. Answers with
        the seq that it has.
        """
        one = self._by_seq.get(seq)
        if one is None:
            return None
        if one.price == order.price_minor and one.minimum == order.minimum and order.quantity <= one.rest:
            one.rest = order.quantity
            return seq, []
        self.withdraw(seq)
        return order.seq, self.enter(order)

    def rest_of(self, seq: int) -> int:
        """Units of the order that wait."""
        one = self._by_seq.get(seq)
        return one.rest if one else 0

    def __len__(self) -> int:
        return len(self._by_seq)

    def _half(self, one: _Waiting) -> _Half:
        return self._supply if one.is_supply else self._demand

    def _plainly(self, one: _Waiting, other: _Half) -> list[Trade]:
        """Where no order in sight has a minimum: from the front of the best price on."""
        trades: list[Trade] = []
        limit, sign, best, levels = other.sign * one.price, other.sign, other.best, other.levels
        while one.rest and best and best[0] <= limit:
            level = levels[sign * best[0]]
            while level and one.rest:
                met = level[0]
                if met.rest:
                    trades.append(self._trade(one, met, min(one.rest, met.rest)))
                if not met.rest:
                    level.popleft()
            if not level:
                del levels[sign * heappop(best)]
        return trades

    def _conditionally(self, one: _Waiting, other: _Half) -> list[Trade]:
        """By strict priority, passing over whom the rest is too small for. An order whose own minimum is not met so takes
        the largest number of units that can be made up at all, if that is enough.
        """
        given: list[tuple[_Waiting, int]] = []
        rest = one.rest
        for each in other.meeting(one.price):
            units = min(rest, each.rest)
            if units >= min(each.minimum, each.rest):
                given.append((each, units))
                rest -= units
                if not rest:
                    break
        if one.rest - rest < min(one.minimum, one.rest):
            met = list(other.meeting(one.price))
            given = list(zip(met, self._made_up(one, met), strict=True))
        return [self._trade(one, each, units) for each, units in given if units]

    def _made_up(self, one: _Waiting, met: list[_Waiting]) -> list[int]:
        """The largest total within reach, given out by priority; nothing if it is less than the order's minimum."""
        nothing = [0] * len(met)
        offers = [_as_order(each) for each in met]
        pieces: minimums.Pieces | None = minimums.NOTHING
        for each in offers:
            if each.is_conditional and pieces is not None:
                pieces = minimums.reach(pieces, each, one.rest)
        if pieces is None:
            return nothing
        loose = sum(each.quantity for each in offers if not each.is_conditional)
        total = minimums.largest_common(pieces, loose, minimums.NOTHING, one.rest)
        if total < min(one.minimum, one.rest):
            return nothing
        return minimums.fill_by_priority(offers, total) or nothing

    def _try_again(self, one: _Waiting, other: _Half) -> list[Trade]:
        """The orders with a minimum that wait opposite to a new one, each as if it came now."""
        trades: list[Trade] = []
        own = self._half(one)
        for each in [each for each in other.meeting(one.price) if each.minimum > 1]:
            trades += self._conditionally(each, own)
            if not one.rest:
                break
        return trades

    def _trade(self, one: _Waiting, other: _Waiting, units: int) -> Trade:
        price = one.price if one.seq < other.seq else other.price
        for each in (one, other):
            each.rest -= units
            if not each.rest and self._by_seq.pop(each.seq, None) is not None:
                self._half(each).gone(each)
        supply, demand = (one, other) if one.is_supply else (other, one)
        return Trade(supply=supply.seq, demand=demand.seq, units=units, price_minor=price)


def _as_order(one: _Waiting) -> Order:
    side = Side.SUPPLY if one.is_supply else Side.DEMAND
    return Order(seq=one.seq, side=side, price_minor=one.price, quantity=one.rest, minimum=min(one.minimum, one.rest))
