"""The clearing against a naive model that tries every way to hand out the units, and row by row."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auction.formats.clearing import Clearing, Marginal, Offer, Pricing, Why, clear

LOWEST, HIGHEST = Pricing.LOWEST_ACCEPTED, Pricing.HIGHEST_REJECTED
TIME, PRO_RATA = Marginal.TIME, Marginal.PRO_RATA


def offers(*bids: tuple[int, int] | tuple[int, int, bool]) -> list[Offer]:
    """(price, quantity, all or none) in the order of time."""
    return [
        Offer(seq=seq, party_id=seq, price_minor=bid[0], quantity=bid[1], all_or_none=len(bid) == 3)
        for seq, bid in enumerate(bids, 1)
    ]


def cleared(
    bids: list[Offer], quantity: int, marginal: Marginal = TIME, pricing: Pricing = LOWEST, floor: int = 1
) -> Clearing:
    return clear(bids, quantity=quantity, floor_minor=floor, marginal=marginal, pricing=pricing)


def units(clearing: Clearing) -> dict[int, int]:
    return {fill.offer.seq: fill.units for fill in clearing.fills}


AON = True


@pytest.mark.parametrize(
    ("bids", "quantity", "marginal", "given_out", "lowest", "highest"),
    [
        ([(100, 4), (90, 4), (80, 4)], 10, TIME, [4, 4, 2], 80, 80),
        ([(100, 4), (90, 6), (80, 4)], 10, TIME, [4, 6, 0], 90, 80),
        ([(100, 4)], 10, TIME, [4], 100, 20),
        ([(19, 4)], 10, TIME, [0], None, None),
        ([(100, 4), (19, 9)], 10, TIME, [4, 0], 100, 20),
        ([(90, 6), (90, 6), (100, 4)], 10, TIME, [6, 0, 4], 90, 90),
        ([(90, 5), (90, 3), (90, 2)], 7, PRO_RATA, [4, 2, 1], 90, 90),
        ([(90, 1), (90, 1), (90, 1)], 2, PRO_RATA, [1, 1, 0], 90, 90),
        ([(100, 6), (90, 8, AON), (80, 5)], 10, TIME, [6, 0, 4], 80, 80),
        ([(100, 6), (90, 8, AON), (80, 4), (70, 1)], 10, TIME, [6, 0, 4, 0], 80, 70),
        ([(100, 6), (90, 8, AON)], 10, TIME, [6, 0], 100, 20),
        ([(100, 10), (90, 8, AON)], 10, TIME, [10, 0], 100, 90),
        ([(90, 4, AON), (90, 8)], 10, PRO_RATA, [0, 8], 90, 20),
        ([(90, 2, AON), (90, 8)], 10, PRO_RATA, [2, 8], 90, 20),
        ([(90, 4, AON), (90, 8)], 8, PRO_RATA, [0, 8], 90, 90),
        ([(90, 4, AON), (90, 8)], 10, TIME, [4, 6], 90, 90),
    ],
)
def test_a_book_is_cleared(
    bids: list[tuple[int, int]], quantity: int, marginal: Marginal, given_out: list[int], lowest: int, highest: int
) -> None:
    book = offers(*bids)
    by_lowest = cleared(book, quantity, marginal, LOWEST, floor=20)
    by_highest = cleared(book, quantity, marginal, HIGHEST, floor=20)
    assert units(by_lowest) == units(by_highest) == dict(enumerate(given_out, 1))
    assert (by_lowest.price_minor, by_highest.price_minor) == (lowest, highest)


def test_each_bid_is_told_why() -> None:
    clearing = cleared(offers((100, 6), (90, 8, AON), (80, 3), (70, 5), (60, 1), (10, 1)), 10, floor=20)
    whys = [Why.FILLED, Why.PASSED_OVER, Why.FILLED, Why.PART_LEFT, Why.NONE_LEFT, Why.BELOW_FLOOR]
    assert [fill.why for fill in clearing.fills] == whys
    assert (clearing.set_by, cleared(offers((100, 6), (100, 6)), 10, PRO_RATA).fills[0].why) == (4, Why.SHARED)
    exactly = cleared(offers((100, 6), (100, 4)), 10, PRO_RATA)
    assert [fill.why for fill in exactly.fills] == [Why.FILLED, Why.FILLED]


small_books = st.lists(
    st.tuples(st.integers(1, 4), st.integers(1, 4), st.booleans()).map(lambda b: b if b[2] else b[:2]), max_size=5
)


def _every_way(book: list[Offer], quantity: int) -> list[tuple[int, ...]]:
    """All fills that respect the quantities, the flags and the supply."""
    choices = [(0, offer.quantity) if offer.all_or_none else range(offer.quantity + 1) for offer in book]
    return [fills for fills in product(*choices) if sum(fills) <= quantity]


@settings(max_examples=120, deadline=None)
@given(small_books, st.integers(1, 8), st.integers(1, 3))
def test_in_order_of_time_no_bid_could_get_more_without_one_before_it_getting_less(
    bids: list[tuple[int, int]], quantity: int, floor: int
) -> None:
    clearing = cleared(offers(*bids), quantity, floor=floor)
    book = sorted(
        (offer for offer in offers(*bids) if offer.price_minor >= floor), key=lambda o: (-o.price_minor, o.seq)
    )
    best = max(_every_way(book, quantity))
    assert tuple(units(clearing)[offer.seq] for offer in book) == best


@settings(max_examples=120, deadline=None)
@given(small_books, st.integers(1, 8), st.sampled_from(Marginal), st.sampled_from(Pricing), st.integers(1, 3))
def test_every_clearing_keeps_its_promises(
    bids: list[tuple[int, int]], quantity: int, marginal: Marginal, pricing: Pricing, floor: int
) -> None:
    clearing = cleared(offers(*bids), quantity, marginal, pricing, floor)
    price = clearing.price_minor
    assert {fill.offer.seq for fill in clearing.fills} == set(range(1, len(bids) + 1))
    assert sum(fill.units for fill in clearing.fills) <= quantity
    rest = quantity - sum(fill.units for fill in clearing.fills)
    for fill in clearing.fills:
        offer = fill.offer
        assert fill.units in ((0, offer.quantity) if offer.all_or_none else range(offer.quantity + 1))
        assert not fill.units or (price is not None and floor <= price <= offer.price_minor)
        # Units are left over only when nobody who bid enough could have had them.
        could_take = offer.price_minor >= floor and (1 if not offer.all_or_none else offer.quantity) <= rest
        assert fill.units == offer.quantity or not could_take
    # A divisible bid that got nothing never stands above one that got something, in price.
    served = [fill.offer.price_minor for fill in clearing.fills if fill.units]
    starved = [f.offer.price_minor for f in clearing.fills if not f.units and not f.offer.all_or_none]
    assert not served or not starved or max(starved) <= min(served)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 50), min_size=1, max_size=6), st.integers(1, 200))
def test_a_shared_level_is_the_largest_remainder_method(quantities: list[int], quantity: int) -> None:
    clearing = cleared(offers(*[(10, wanted) for wanted in quantities]), quantity, PRO_RATA)
    given_out, wanted = [fill.units for fill in clearing.fills], sum(quantities)
    assert sum(given_out) == min(quantity, wanted)
    if quantity < wanted:
        exact = [Fraction(each * quantity, wanted) for each in quantities]
        assert all(share - 1 < got < share + 1 for share, got in zip(exact, given_out, strict=True))
        up = [share % 1 for share, got in zip(exact, given_out, strict=True) if got > share]
        down = [share % 1 for share, got in zip(exact, given_out, strict=True) if got < share]
        assert not up or not down or min(up) >= max(down)
