"""Minimum lots and all-or-none orders against a solver that none of us wrote, and priority against trying everything."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from market.matching import minimums
from market.matching.call_auction import by_priority, clear
from market.matching.facts import Fill, Order, Rationing, Rules, Side, Why
from tests.matching.books import of, order, random_book
from tests.matching.test_call_auction import model


def solved_volume(orders: list[Order], price: int) -> int:
    """The most units that can change hands at the price: a mixed-integer program of units and of whether at all."""
    able = [o for o in orders if (o.price_minor - price) * (1 if o.side is Side.DEMAND else -1) >= 0]
    count = len(able)
    if count == 0:
        return 0
    signs = np.array([1 if o.side is Side.DEMAND else -1 for o in able])
    gain = np.concatenate([-(signs > 0).astype(float), np.zeros(count)])
    least, most = np.array([o.minimum for o in able]), np.array([o.quantity for o in able])
    eye = np.eye(count)
    limits = [
        LinearConstraint(np.hstack([eye, -np.diag(most)]), -np.inf, 0),
        LinearConstraint(np.hstack([eye, -np.diag(least)]), 0, np.inf),
        LinearConstraint(np.concatenate([signs, np.zeros(count)])[None, :], 0, 0),
    ]
    bounds = Bounds(np.zeros(2 * count), np.concatenate([most, np.ones(count)]))
    answer = milp(gain, constraints=limits, integrality=np.ones(2 * count), bounds=bounds)
    assert answer.status == 0, answer.message
    return round(-answer.fun)


def solved(orders: list[Order], rules: Rules) -> tuple[int | None, int]:
    """Price and volume with every tick's volume from the solver, the rules of the price read from the page."""
    limits = [one.price_minor for one in orders]
    at = {}
    for price in range(min(limits), max(limits) + 1):
        demand = sum(o.quantity for o in of(orders, Side.DEMAND) if o.price_minor >= price)
        supply = sum(o.quantity for o in of(orders, Side.SUPPLY) if o.price_minor <= price)
        at[price] = (solved_volume(orders, price), demand - supply)
    most = max(volume for volume, _ in at.values())
    if most == 0:
        return None, 0
    left = [price for price in at if at[price][0] == most]
    least = min(abs(at[price][1]) for price in left)
    left = [price for price in left if abs(at[price][1]) == least]
    if all(at[price][1] > 0 for price in left):
        return left[-1], most
    if all(at[price][1] < 0 for price in left):
        return left[0], most
    if rules.reference_minor is not None:
        near = min(abs(price - rules.reference_minor) for price in left)
        left = [price for price in left if abs(price - rules.reference_minor) == near]
    middle = (left[0] + left[-1]) // 2
    return max(price for price in left if price <= middle), most


@pytest.mark.parametrize("seed", range(40))
def test_books_with_minimums_clear_at_the_solvers_price_and_volume(seed: int) -> None:
    orders = random_book(seed, 6 + seed % 9, prices=5, conditional=0.2 + 0.02 * seed)
    rules = Rules(reference_minor=102 if seed % 2 else None, rationing=list(Rationing)[seed % 3 % 2])
    cleared = clear(orders, rules)
    assert (cleared.price_minor, cleared.volume) == solved(orders, rules)
    assert_kept(cleared.fills, cleared.volume)


def assert_kept(fills: tuple[Fill, ...], volume: int) -> None:
    for side in Side:
        assert sum(fill.units for fill in fills if fill.order.side is side) == volume
    for fill in fills:
        assert fill.units == 0 or fill.order.minimum <= fill.units <= fill.order.quantity


@pytest.mark.parametrize("seed", range(60))
def test_of_all_ways_to_make_the_volume_priority_takes_the_first(seed: int) -> None:
    orders = by_priority(random_book(seed, 10, prices=3, quantity=4, conditional=0.6), Side.DEMAND)[:5]
    choices = [[0, *range(o.minimum, o.quantity + 1)] for o in orders]
    ways: dict[int, tuple[int, ...]] = {}
    for way in product(*choices):
        ways[sum(way)] = max(way, ways.get(sum(way), ()))
    for total, best in ways.items():
        assert minimums.fill_by_priority(orders, total) == list(best)


def test_an_order_for_all_or_none_in_the_money_that_does_not_fit_says_so() -> None:
    orders = [
        order(1, Side.DEMAND, 105, 10, 10),
        order(2, Side.DEMAND, 104, 6),
        order(3, Side.SUPPLY, 100, 8),
    ]
    cleared = clear(orders, Rules())
    assert [(f.order.seq, f.units, f.why) for f in cleared.fills] == [
        (1, 0, Why.PASSED_OVER),
        (2, 6, Why.FILLED),
        (3, 6, Why.PART_LEFT),
    ]


def test_a_better_order_makes_room_where_more_is_traded_so() -> None:
    orders = [order(1, Side.DEMAND, 105, 10), order(2, Side.DEMAND, 104, 10, 10), order(3, Side.SUPPLY, 100, 15)]
    cleared = clear(orders, Rules())
    assert [(f.units, f.why) for f in cleared.fills] == [(5, Why.MADE_ROOM), (10, Why.FILLED), (15, Why.FILLED)]


def test_a_search_past_its_bound_sets_the_later_half_aside_and_is_exact_for_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    orders = [order(seq, Side.DEMAND, 105, 2**seq, 2**seq) for seq in range(1, 9)]
    orders += [order(20 + seq, Side.SUPPLY, 100, 3**seq, 3**seq) for seq in range(1, 9)]
    monkeypatch.setattr(minimums, "MOST_PIECES", 40)
    cleared = clear(orders, Rules())
    aside = [fill.order for fill in cleared.fills if fill.why is Why.SET_ASIDE]
    assert 0 < len(aside) < len(orders)
    rest = [one for one in orders if one not in aside]
    assert max(one.seq for one in rest) < min(one.seq for one in aside)
    assert cleared.volume == max(solved_volume(rest, price) for price in (100, 105))
    assert_kept(cleared.fills, cleared.volume)


def test_without_minimums_the_exact_search_is_the_plain_one() -> None:
    for seed in range(30):
        orders = random_book(seed, 12)
        cleared = clear(orders, Rules())
        assert (cleared.price_minor, cleared.volume) == model(orders, Rules())
