"""Price and leader: plain bids, maxima, ties, step tables, the reserve, and what of it becomes public."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from auction.facts import Bid, GridBase, Line, Refusal
from auction.formats.english import judge, legal_amounts, lowest_legal, lowest_raise, opening
from tests.auction.english_lots import ANN, BOB, CAT, a_lot, accepted, after, bands, maximum, plain, refused

LOT = a_lot()
HIDDEN = a_lot(reserve=200)


@pytest.mark.parametrize(
    ("bids", "price", "leader", "its_maximum"),
    [
        ([maximum(ANN, 150)], 100, ANN, 150),
        ([plain(ANN, 150)], 150, ANN, 150),
        ([maximum(ANN, 150), maximum(BOB, 200)], 160, BOB, 200),
        ([maximum(ANN, 150), maximum(BOB, 160)], 160, BOB, 160),
        ([maximum(ANN, 150), maximum(BOB, 120)], 130, ANN, 150),
        ([maximum(ANN, 150), maximum(BOB, 140)], 150, ANN, 150),
        ([maximum(ANN, 150), maximum(BOB, 150)], 150, ANN, 150),
        ([maximum(ANN, 150), plain(BOB, 120)], 130, ANN, 150),
        ([maximum(ANN, 150), plain(BOB, 150)], 150, ANN, 150),
        ([maximum(ANN, 150), plain(BOB, 180)], 180, BOB, 180),
        ([plain(ANN, 100), plain(BOB, 110), plain(ANN, 120)], 120, ANN, 120),
        ([plain(ANN, 100), maximum(BOB, 200), maximum(ANN, 300)], 210, ANN, 300),
        ([maximum(ANN, 150), maximum(ANN, 250), maximum(BOB, 200)], 210, ANN, 250),
    ],
)
def test_the_price_is_one_step_above_the_loser(bids: list[Bid], price: int, leader: int, its_maximum: int) -> None:
    standing = after(LOT, *bids)
    assert (standing.price_minor, standing.leader_id, standing.leader_maximum_minor) == (price, leader, its_maximum)


def test_off_the_grid_the_price_never_passes_the_winners_own_maximum() -> None:
    lot = a_lot(grid_base=GridBase.NONE)
    assert after(lot, maximum(ANN, 150), maximum(BOB, 153)).price_minor == 153
    assert after(lot, maximum(ANN, 150), maximum(BOB, 147)).price_minor == 150


def test_the_step_is_that_of_the_losers_maximum_not_of_the_price() -> None:
    lot = a_lot(steps=bands((200, 10), (1000, 50), (None, 100)))
    standing = after(lot, maximum(ANN, 500), maximum(BOB, 1500))
    assert standing.price_minor == 550
    assert after(lot, maximum(ANN, 1500), maximum(BOB, 500)).price_minor == 550


def test_legality_takes_the_step_of_the_current_price() -> None:
    lot = a_lot(steps=bands((200, 10), (None, 50)))
    below, reached = after(lot, plain(ANN, 190)), after(lot, plain(ANN, 200))
    assert lowest_legal(lot, below) == 200
    assert lowest_legal(lot, reached) == 250
    assert after(lot, plain(BOB, 200), standing=below).price_minor == 200
    assert refused(judge(lot, reached, plain(BOB, 210), admitted=True)).refusal is Refusal.BELOW_MINIMUM


def test_the_lowest_legal_amount_is_the_next_one_on_the_grid_of_a_new_band() -> None:
    lot = a_lot(start_price_minor=50, steps=bands((1000, 50), (None, 100)))
    standing = after(lot, plain(ANN, 1000))
    assert lowest_legal(lot, standing) == 1150
    assert after(lot, plain(BOB, 1150), standing=standing).price_minor == 1150


def test_the_offered_amounts_are_legal_and_stay_under_the_cap() -> None:
    standing = after(LOT, plain(ANN, 150))
    assert legal_amounts(LOT, opening(LOT)) == [100, 110, 140]
    assert legal_amounts(LOT, standing) == [160, 170, 200]
    for amount in legal_amounts(LOT, standing):
        accepted(judge(LOT, standing, plain(BOB, amount), admitted=True))
    rich = a_lot(start_price_minor=10**15 - 10)
    assert legal_amounts(rich, opening(rich)) == [10**15 - 10, 10**15]


def test_the_leaders_raise_has_no_public_effect() -> None:
    """Classic error: a leader's raise that extends."""
    before = after(LOT, maximum(ANN, 150, 70))
    verdict = accepted(judge(LOT, before, maximum(ANN, 300, 100), admitted=True))
    assert verdict.lines == () and not verdict.extended
    assert verdict.standing == replace(before, leader_maximum_minor=300)
    assert lowest_raise(LOT, verdict.standing) == 310
    assert lowest_raise(LOT, opening(LOT)) is None


# What is public of an exchange


def line(party: int, amount: int, *, automatic: bool = False) -> Line:
    return Line(party_id=party, amount_minor=amount, automatic=automatic)


@pytest.mark.parametrize(
    ("bids", "lines"),
    [
        ([maximum(ANN, 150)], (line(ANN, 100),)),
        ([plain(ANN, 150)], (line(ANN, 150),)),
        ([maximum(ANN, 150), maximum(BOB, 200)], (line(ANN, 150, automatic=True), line(BOB, 160))),
        ([maximum(ANN, 150), plain(BOB, 160)], (line(ANN, 150, automatic=True), line(BOB, 160))),
        ([maximum(ANN, 150), plain(BOB, 120)], (line(BOB, 120), line(ANN, 130, automatic=True))),
        ([maximum(ANN, 150), maximum(BOB, 150)], (line(BOB, 150), line(ANN, 150, automatic=True))),
        ([plain(ANN, 150), maximum(BOB, 200)], (line(BOB, 160),)),
        ([maximum(ANN, 150), plain(BOB, 500)], (line(BOB, 500),)),
    ],
)
def test_an_exchange_is_one_event_with_both_lines(bids: list[Bid], lines: tuple[Line, ...]) -> None:
    standing = after(LOT, *bids[:-1])
    verdict = accepted(judge(LOT, standing, bids[-1], admitted=True))
    assert verdict.lines == lines
    assert verdict.standing.bid_count == len(bids)


@pytest.mark.parametrize("hidden", [210, 500, 99_990])
@pytest.mark.parametrize("before", [[], [plain(ANN, 120)], [maximum(ANN, 200)], [maximum(ANN, 120), maximum(CAT, 190)]])
def test_nothing_public_depends_on_a_leading_maximum(before: list[Bid], hidden: int) -> None:
    """Nobody can tell how far the leader would go: lines, price, end and counts are as with the smallest maximum."""

    def seen(amount: int) -> object:
        verdict = accepted(judge(LOT, after(LOT, *before), maximum(BOB, amount), admitted=True))
        return verdict.lines, verdict.extended, replace(verdict.standing, leader_maximum_minor=None)

    assert seen(hidden) == seen(210)


def test_a_plain_bid_and_a_maximum_that_lead_at_the_same_price_look_the_same() -> None:
    for before in ([], [maximum(ANN, 150)], [plain(ANN, 150)]):
        standing = after(LOT, *before)
        by_maximum = accepted(judge(LOT, standing, maximum(BOB, 400), admitted=True))
        price = by_maximum.standing.price_minor
        assert price is not None
        by_plain = accepted(judge(LOT, standing, plain(BOB, price), admitted=True))
        assert by_plain.lines == by_maximum.lines


# The reserve


@pytest.mark.parametrize(
    ("bids", "price", "met"),
    [
        ([maximum(ANN, 190)], 100, False),
        ([maximum(ANN, 200)], 200, True),
        ([maximum(ANN, 300)], 200, True),
        ([plain(ANN, 190)], 190, False),
        ([plain(ANN, 250)], 250, True),
        ([maximum(ANN, 150), maximum(BOB, 190)], 160, False),
        ([maximum(ANN, 150), maximum(BOB, 300)], 200, True),
        ([maximum(ANN, 190), maximum(BOB, 300)], 200, True),
        ([maximum(ANN, 300), maximum(BOB, 250)], 260, True),
        ([maximum(ANN, 150), plain(BOB, 170)], 170, False),
        ([maximum(ANN, 150), maximum(ANN, 190)], 100, False),
        ([maximum(ANN, 150), maximum(ANN, 200)], 200, True),
    ],
)
def test_a_maximum_that_reaches_the_reserve_lifts_the_price_to_it(bids: list[Bid], price: int, met: bool) -> None:
    standing = after(HIDDEN, *bids)
    assert (standing.price_minor, standing.reserve_met) == (price, met)


def test_a_raise_past_the_reserve_is_a_public_bid_and_extends() -> None:
    before = after(HIDDEN, maximum(ANN, 150, 61))
    verdict = accepted(judge(HIDDEN, before, maximum(ANN, 250, 100), admitted=True))
    assert verdict.lines == (line(ANN, 200),)
    assert verdict.extended and verdict.standing.bid_count == 2
    silent = accepted(judge(HIDDEN, verdict.standing, maximum(ANN, 300, 110), admitted=True))
    assert silent.lines == () and not silent.extended


def test_a_jump_past_a_beaten_maximum_does_not_tell_it() -> None:
    """The reserve lifts the price far above the loser, so neither the loser's maximum nor the kind of bid is public."""
    standing = after(HIDDEN, maximum(ANN, 150))
    by_maximum = accepted(judge(HIDDEN, standing, maximum(BOB, 300), admitted=True))
    by_plain = accepted(judge(HIDDEN, standing, plain(BOB, 200), admitted=True))
    assert by_maximum.lines == by_plain.lines == (line(BOB, 200),)


def test_a_lot_without_reserve_never_says_met() -> None:
    assert not after(LOT, maximum(ANN, 5000), maximum(BOB, 4000)).reserve_met
