"""The call auction against a model that tries every price, and against itself for books too large to try."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.matching import columns
from market.matching.call_auction import by_priority, clear, trades
from market.matching.columns import Column, clear_columns
from market.matching.facts import Fill, Order, Rationing, Rules, Side, Step, Why
from tests.matching.books import book, of, order, random_book

RULES = st.builds(
    Rules,
    rationing=st.sampled_from(Rationing),
    reference_minor=st.none() | st.integers(90, 120),
    k_permille=st.none() | st.integers(0, 1000),
)


def model(orders: list[Order], rules: Rules) -> tuple[int | None, int]:
    """Price and volume by trying every tick, rule by rule as the page on matching says them."""
    if not orders:
        return None, 0
    limits = [one.price_minor for one in orders]
    at = {}
    for price in range(min(limits), max(limits) + 1):
        demand = sum(o.quantity for o in of(orders, Side.DEMAND) if o.price_minor >= price)
        supply = sum(o.quantity for o in of(orders, Side.SUPPLY) if o.price_minor <= price)
        at[price] = (min(demand, supply), demand - supply)
    most = max(volume for volume, _ in at.values())
    if most == 0:
        return None, 0
    left = [price for price in at if at[price][0] == most]
    least = min(abs(at[price][1]) for price in left)
    left = [price for price in left if abs(at[price][1]) == least]
    if rules.k_permille is not None:
        return ((1000 - rules.k_permille) * left[0] + rules.k_permille * left[-1]) // 1000, most
    if all(at[price][1] > 0 for price in left):
        return left[-1], most
    if all(at[price][1] < 0 for price in left):
        return left[0], most
    if rules.reference_minor is not None:
        near = min(abs(price - rules.reference_minor) for price in left)
        left = [price for price in left if abs(price - rules.reference_minor) == near]
    return (left[0] + left[-1]) // 2, most


def units(fills: tuple[Fill, ...]) -> dict[int, int]:
    return {fill.order.seq: fill.units for fill in fills}


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**9), st.integers(0, 14), RULES)
def test_every_book_clears_as_the_model_says(seed: int, count: int, rules: Rules) -> None:
    orders = random_book(seed, count)
    cleared = clear(orders, rules)
    assert (cleared.price_minor, cleared.volume) == model(orders, rules)
    for side in Side:
        assert sum(fill.units for fill in cleared.fills if fill.order.side is side) == cleared.volume
    for fill in cleared.fills:
        assert 0 <= fill.units <= fill.order.quantity
        if fill.units and cleared.price_minor is not None:
            gain = (fill.order.price_minor - cleared.price_minor) * (1 if fill.order.side is Side.DEMAND else -1)
            assert gain >= 0, "nobody trades beyond his limit"
    if rules.rationing is Rationing.TIME:
        for side in Side:
            assert_in_turn([fill for fill in cleared.fills if fill.order.side is side])


def assert_in_turn(fills: list[Fill]) -> None:
    """Once one is not whole, nobody behind it has anything."""
    cut = next((n for n, fill in enumerate(fills) if fill.units < fill.order.quantity), len(fills))
    assert not any(fill.units for fill in fills[cut + 1 :])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**9), RULES)
def test_columns_give_what_orders_give(seed: int, rules: Rules) -> None:
    orders = random_book(seed, 30)
    assert_same(orders, rules)


@pytest.mark.parametrize("prices", [1, 3, 12, 5_000, 10**7])
def test_a_large_book_near_its_crossing_clears_as_if_all_prices_were_looked_at(
    prices: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columns, "_SAMPLED", 100)
    for seed in range(4):
        rules = Rules(rationing=list(Rationing)[seed % 2])
        assert_same(random_book(seed, 1_000, prices=prices, quantity=900), rules)


def test_a_large_book_whose_sides_hardly_meet_clears_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "_SAMPLED", 100)
    asked = [(100 + n % 100, 1) for n in range(500)]
    offered = [(150 + n % 100, 1) for n in range(500)]
    assert_same(book(asked, offered), Rules())
    # Far from where a sample of each fifth order crosses, and between two of those sampled.
    assert_same(book([asked[0], (5_000, 10**6), *asked], [offered[0], (4_000, 10**6), *offered]), Rules())
    assert_same(book([asked[0], (60, 10**6), *asked], [offered[0], (50, 10**6), *offered]), Rules())
    assert_same(book([(200, 1)] * 500, [(100, 1)] * 500), Rules())
    assert_same(book([(100, 1)] * 500, [(200, 1)] * 500), Rules())


def assert_same(orders: list[Order], rules: Rules) -> None:
    demand, supply = of(orders, Side.DEMAND), of(orders, Side.SUPPLY)
    sides = (
        Column(prices=[o.price_minor for o in side], quantities=[o.quantity for o in side]) for side in (demand, supply)
    )
    fast, slow = clear_columns(*sides, rules), clear(orders, rules)
    assert (fast.price_minor, fast.volume) == (slow.price_minor, slow.volume)
    slow_units = units(slow.fills)
    assert fast.bought == [slow_units[o.seq] for o in demand]
    assert fast.sold == [slow_units[o.seq] for o in supply]


def test_of_two_equal_orders_the_earlier_is_filled() -> None:
    cleared = clear(book([(100, 5), (100, 5)], [(100, 7)]), Rules())
    assert [(f.order.seq, f.units, f.why) for f in cleared.fills] == [
        (1, 5, Why.FILLED),
        (2, 2, Why.PART_LEFT),
        (3, 7, Why.FILLED),
    ]


def test_pro_rata_gives_the_last_units_to_the_largest_remainders_of_equal_ones_to_the_earlier() -> None:
    cleared = clear(book([(101, 2), (100, 3), (100, 3), (100, 1)], [(100, 6)]), Rules(rationing=Rationing.PRO_RATA))
    assert [fill.units for fill in cleared.fills[:4]] == [2, 2, 2, 0]
    assert [fill.why for fill in cleared.fills[:4]] == [Why.FILLED, Why.SHARED, Why.SHARED, Why.SHARED]
    equal = clear(book([(100, 3), (100, 3)], [(100, 3)]), Rules(rationing=Rationing.PRO_RATA))
    assert [(fill.order.seq, fill.units) for fill in equal.fills[:2]] == [(1, 2), (2, 1)]


def test_the_reference_decides_between_pressures_and_the_middle_between_equally_near_prices() -> None:
    crossing = book([(110, 5), (101, 5)], [(90, 5), (109, 5)])
    by_reference = clear(crossing, Rules(reference_minor=104))
    assert (by_reference.price_minor, by_reference.decided_by) == (104, Step.REFERENCE)
    between = clear(crossing, Rules(tick_minor=1, reference_minor=None))
    assert (between.price_minor, between.decided_by) == (105, Step.MIDPOINT)
    on_tick = clear(book([(130, 5)], [(100, 5)]), Rules(tick_minor=10, reference_minor=115))
    assert (on_tick.price_minor, on_tick.decided_by) == (110, Step.MIDPOINT)


@pytest.mark.parametrize(("k", "price"), [(0, 100), (333, 100), (500, 110), (999, 120), (1000, 130)])
def test_the_k_double_price_lies_on_the_tick_between_the_lowest_and_the_highest(k: int, price: int) -> None:
    cleared = clear(book([(130, 5)], [(100, 5)]), Rules(tick_minor=10, k_permille=k))
    assert (cleared.price_minor, cleared.decided_by) == (price, Step.K_DOUBLE)


def test_each_candidate_says_which_rule_removed_it() -> None:
    cleared = clear(book([(102, 300), (100, 100), (99, 200), (98, 300)], [(98, 250), (97, 250), (96, 1000)]), Rules())
    assert {one.low_minor: one.removed_by for one in cleared.candidates} == {
        96: None,
        97: Step.IMBALANCE,
        98: Step.IMBALANCE,
        99: Step.VOLUME,
        100: Step.VOLUME,
        101: Step.VOLUME,
        102: Step.VOLUME,
    }


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**9), st.floats(0, 0.5))
def test_trades_add_up_to_the_fills_of_both_sides(seed: int, conditional: float) -> None:
    cleared = clear(random_book(seed, 20, conditional=conditional), Rules())
    sums: dict[int, int] = {}
    for trade in trades(cleared):
        assert trade.units > 0
        for seq in (trade.supply, trade.demand):
            sums[seq] = sums.get(seq, 0) + trade.units
    assert sums == {seq: given for seq, given in units(cleared.fills).items() if given}


def test_nothing_trades_where_one_side_is_missing_or_nobody_meets() -> None:
    for orders in ([], book([(100, 5)], []), book([(100, 5)], [(101, 5)])):
        cleared = clear(orders, Rules())
        assert (cleared.price_minor, cleared.volume, trades(cleared)) == (None, 0, [])
        assert all(fill.why is Why.NO_PRICE for fill in cleared.fills)


def test_priority_is_the_better_price_then_the_earlier_order() -> None:
    orders = [order(1, Side.DEMAND, 100, 1), order(2, Side.DEMAND, 101, 1), order(3, Side.DEMAND, 100, 1)]
    assert [one.seq for one in by_priority(orders, Side.DEMAND)] == [2, 1, 3]
