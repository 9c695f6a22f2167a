"""The continuous book against a naive one, and what holds of orders with minimums whatever comes."""

from __future__ import annotations

import random

import pytest

from market.matching.continuous import Book
from market.matching.facts import Order, Side, Trade
from tests.matching.books import order


class NaiveBook:
    """A list, sorted anew for each order."""

    def __init__(self) -> None:
        self.waiting: dict[int, list[int]] = {}
        self.sides: dict[int, Order] = {}

    def enter(self, one: Order) -> list[tuple[int, int, int]]:
        rest, trades = one.quantity, []
        sign = 1 if one.side is Side.DEMAND else -1
        met = [self.sides[seq] for seq in self.waiting if self.sides[seq].side is not one.side]
        for each in sorted(met, key=lambda o: (sign * o.price_minor, o.seq)):
            if sign * (one.price_minor - each.price_minor) < 0 or rest == 0:
                break
            units = min(rest, self.waiting[each.seq][0])
            trades.append((each.seq, units, each.price_minor))
            rest -= units
            self.waiting[each.seq][0] -= units
            if not self.waiting[each.seq][0]:
                del self.waiting[each.seq]
        if rest:
            self.waiting[one.seq], self.sides[one.seq] = [rest], one
        return trades


@pytest.mark.parametrize("seed", range(8))
def test_the_book_does_what_a_naive_one_does(seed: int) -> None:
    chance = random.Random(seed)
    book, naive = Book(), NaiveBook()
    for seq in range(1, 400):
        if chance.random() < 0.25 and naive.waiting:
            gone = chance.choice(list(naive.waiting))
            assert book.withdraw(gone)
            del naive.waiting[gone]
            continue
        one = order(seq, chance.choice(list(Side)), 100 + chance.randrange(8), chance.randint(1, 20))
        trades = book.enter(one)
        met = [(t.supply if one.side is Side.DEMAND else t.demand, t.units, t.price_minor) for t in trades]
        assert met == naive.enter(one)
        assert {seq: book.rest_of(seq) for seq in naive.waiting} == {s: r[0] for s, r in naive.waiting.items()}
        assert len(book) == len(naive.waiting)


@pytest.mark.parametrize("seed", range(12))
def test_no_order_trades_beyond_its_limit_its_quantity_or_under_its_minimum(seed: int) -> None:
    chance = random.Random(seed)
    book, orders, left = Book(), dict[int, Order](), dict[int, int]()
    for seq in range(1, 250):
        quantity = chance.randint(1, 12)
        minimum = chance.choice([1, 1, quantity, chance.randint(1, quantity)])
        one = order(seq, chance.choice(list(Side)), 100 + chance.randrange(5), quantity, minimum)
        orders[seq], left[seq] = one, quantity
        hold_trades(book.enter(one), orders, left)
        assert {s: book.rest_of(s) for s in left} == left
        assert_plain_orders_do_not_cross(orders, left)


def hold_trades(trades: list[Trade], orders: dict[int, Order], left: dict[int, int]) -> None:
    before, sums = dict(left), dict[int, int]()
    for trade in trades:
        supply, demand = orders[trade.supply], orders[trade.demand]
        assert supply.side is Side.SUPPLY and demand.side is Side.DEMAND
        assert supply.price_minor <= trade.price_minor <= demand.price_minor
        assert trade.price_minor == min(supply, demand, key=lambda o: o.seq).price_minor
        for seq in (trade.supply, trade.demand):
            left[seq] -= trade.units
            assert left[seq] >= 0
            sums[seq] = sums.get(seq, 0) + trade.units
    for seq, units in sums.items():
        assert units >= min(orders[seq].minimum, before[seq]), "less than its minimum in one go"


def assert_plain_orders_do_not_cross(orders: dict[int, Order], left: dict[int, int]) -> None:
    plain = [o for o in orders.values() if left[o.seq] and not o.is_conditional]
    bids = [o.price_minor for o in plain if o.side is Side.DEMAND]
    asks = [o.price_minor for o in plain if o.side is Side.SUPPLY]
    assert not bids or not asks or max(bids) < min(asks)


def test_an_order_for_all_or_none_takes_a_fitting_sum_that_strict_priority_would_miss() -> None:
    book = Book()
    book.wait(order(1, Side.SUPPLY, 100, 6))
    book.wait(order(2, Side.SUPPLY, 100, 5, 5))
    trades = book.enter(order(3, Side.DEMAND, 100, 10, 10))
    assert [(t.supply, t.units) for t in trades] == [(1, 5), (2, 5)]


def test_an_order_that_waits_for_all_of_it_is_tried_again_when_its_other_side_grows() -> None:
    book = Book()
    book.enter(order(1, Side.SUPPLY, 100, 10, 10))
    assert book.enter(order(2, Side.DEMAND, 101, 6)) == []
    trades = book.enter(order(3, Side.DEMAND, 102, 6))
    assert [(t.demand, t.units, t.price_minor) for t in trades] == [(3, 6, 100), (2, 4, 100)]
    assert book.rest_of(2) == 2


@pytest.mark.parametrize(
    ("changed", "first"),
    [((100, 4), 1), ((100, 6), 2), ((99, 5), 2), ((101, 5), 1)],
    ids=["fewer", "more", "worse", "better"],
)
def test_a_replaced_order_keeps_its_place_only_if_it_wants_fewer_units(changed: tuple[int, int], first: int) -> None:
    book = Book()
    book.enter(order(1, Side.DEMAND, 100, 5))
    book.enter(order(2, Side.DEMAND, 100, 5))
    price, quantity = changed
    answer = book.replace(1, order(3, Side.DEMAND, price, quantity))
    assert answer is not None
    (trade,) = book.enter(order(4, Side.SUPPLY, 99, 1))
    assert trade.demand == (answer[0] if first == 1 else 2)
    assert answer[0] == (1 if quantity == 4 else 3)
    assert book.replace(99, order(5, Side.DEMAND, 100, 1)) is None
