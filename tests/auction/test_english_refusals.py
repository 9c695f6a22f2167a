"""Every refusal of the English rules has its row, in the order in which the rules test."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from auction.facts import LARGEST_AMOUNT_MINOR, Bid, GridBase, Phase, Refusal, Refused, Standing
from auction.formats.english import judge, opening, pause
from tests.auction.english_lots import (
    ANN,
    BOB,
    SELLER,
    a_bid,
    a_lot,
    accepted,
    after,
    at,
    bands,
    maximum,
    plain,
    refused,
)

LOT = a_lot()
OPEN = opening(LOT)
LED = after(LOT, maximum(ANN, 150))
PAUSED = pause(LOT, LED, at(30))
OVER = LARGEST_AMOUNT_MINOR + 1

ROWS: list[tuple[str, Refusal, int | None, Standing, Bid, bool]] = [
    ("another lot", Refusal.UNKNOWN_LOT, None, OPEN, a_bid(BOB, 100, lot_id=8), True),
    ("zero", Refusal.MALFORMED_AMOUNT, 100, OPEN, a_bid(BOB, 0), True),
    ("negative", Refusal.MALFORMED_AMOUNT, 100, OPEN, a_bid(BOB, -100), True),
    ("a float", Refusal.MALFORMED_AMOUNT, 100, OPEN, a_bid(BOB, 100.0), True),
    ("not a number", Refusal.MALFORMED_AMOUNT, 100, OPEN, a_bid(BOB, float("nan")), True),
    ("a bool", Refusal.MALFORMED_AMOUNT, 100, OPEN, a_bid(BOB, True), True),
    ("text", Refusal.MALFORMED_AMOUNT, 100, OPEN, a_bid(BOB, "100"), True),
    (
        "something beside the amount",
        Refusal.MALFORMED_DETAILS,
        100,
        OPEN,
        replace(a_bid(BOB, 100), details=b"{}"),
        True,
    ),
    ("above the house's cap", Refusal.OVER_CAP, 110, LED, a_bid(BOB, OVER), True),
    ("above the cap, by the leader", Refusal.OVER_CAP, 160, LED, a_bid(ANN, OVER, maximum=True), True),
    ("above the cap, when nothing is legal", Refusal.OVER_CAP, None, OPEN, a_bid(BOB, OVER, -1), True),
    ("the seller", Refusal.OWN_LOT, None, OPEN, plain(SELLER, 100), True),
    ("not admitted", Refusal.NOT_ADMITTED, None, OPEN, plain(BOB, 100), False),
    ("a microsecond early", Refusal.NOT_STARTED, None, OPEN, plain(BOB, 100, -0.000001), True),
    ("at the very end", Refusal.CLOSED, None, OPEN, plain(BOB, 100, 120), True),
    ("the lot was closed before", Refusal.CLOSED, None, replace(LED, phase=Phase.CLOSED), plain(BOB, 110), True),
    ("paused", Refusal.PAUSED, None, PAUSED, plain(BOB, 110, 30), True),  # type: ignore[list-item]  # it is a Standing
    ("the leader bids plainly", Refusal.ALREADY_LEADING, 160, LED, plain(ANN, 200), True),
    ("the same maximum again", Refusal.MAXIMUM_NOT_RAISED, 160, LED, maximum(ANN, 150), True),
    ("a lower maximum", Refusal.MAXIMUM_NOT_RAISED, 160, LED, maximum(ANN, 140), True),
    ("under the start price", Refusal.BELOW_MINIMUM, 100, OPEN, plain(BOB, 99), True),
    ("not a whole step above", Refusal.BELOW_MINIMUM, 110, LED, plain(BOB, 109), True),
    ("the price itself", Refusal.BELOW_MINIMUM, 110, LED, maximum(BOB, 100), True),
    ("between two steps", Refusal.OFF_GRID, 110, LED, plain(BOB, 115), True),
    ("a first bid between two steps", Refusal.OFF_GRID, 100, OPEN, plain(BOB, 105), True),
    ("a maximum between two steps", Refusal.OFF_GRID, 110, LED, maximum(BOB, 125), True),
    ("the leader's raise between two steps", Refusal.OFF_GRID, 160, LED, maximum(ANN, 165), True),
]


@pytest.mark.parametrize(
    ("refusal", "lowest", "standing", "bid", "admitted"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_a_bid_is_refused(refusal: Refusal, lowest: int | None, standing: Standing, bid: Bid, admitted: bool) -> None:
    assert judge(LOT, standing, bid, admitted=admitted) == Refused(refusal=refusal, lowest_minor=lowest)


def test_every_refusal_of_the_rules_has_a_row() -> None:
    # The last six belong to the batcher and the door: they never reach the rules.
    beyond_the_rules = {
        Refusal.LOT_MOVED,
        Refusal.BUDGET_OF_LOTS,
        Refusal.BUDGET_OF_SUM,
        Refusal.ID_REUSED,
        Refusal.TOO_FAST,
        Refusal.BUSY,
    }
    # Tested in test_english_options.py.
    beyond_the_rules |= {Refusal.NOT_A_TIMED_BIDDER, Refusal.BUY_NOW_GONE, Refusal.BUY_NOW_PRICE}
    beyond_the_rules |= {Refusal.BUY_NOW_INSTEAD}
    of_reverse = {Refusal.ABOVE_CEILING, Refusal.OFF_DECREMENT, Refusal.OUT_OF_RANGE, Refusal.UNDER_FLOOR}
    of_reverse |= {Refusal.NOT_IMPROVED, Refusal.LEAD_NOT_BEATEN}
    of_dutch = {Refusal.NO_MAXIMUM, Refusal.PRICE_NOT_REACHED}
    of_uniform = {Refusal.QUANTITY_OUT_OF_RANGE, Refusal.ALL_OR_NONE_NOT_OFFERED, Refusal.TOO_MANY_BIDS}
    of_uniform |= {Refusal.NO_SUCH_BID, Refusal.BID_NOT_RAISED, Refusal.TOO_MANY_CHANGES}
    of_sealed = {Refusal.SUM_IN_CLEAR, Refusal.NOTHING_TO_WITHDRAW, Refusal.TOO_MANY_VERSIONS}
    of_others = of_reverse | of_dutch | of_uniform | of_sealed
    assert {row[1] for row in ROWS} == set(Refusal) - beyond_the_rules - of_others


def test_refusals_are_tested_in_their_order() -> None:
    """Each bid breaks one rule fewer than the one before, starting with all of them at once."""
    closed = replace(LED, phase=Phase.CLOSED)
    paused = pause(LOT, LED, at(30))
    assert isinstance(paused, Standing)
    ladder: list[tuple[Standing, Bid, bool]] = [
        (closed, a_bid(SELLER, 0, -1, lot_id=8), False),
        (closed, a_bid(SELLER, 0, -1), False),
        (closed, replace(a_bid(SELLER, OVER, -1), details=b"{}"), False),
        (closed, a_bid(SELLER, OVER, -1), False),
        (closed, a_bid(SELLER, 5, -1), False),
        (closed, a_bid(ANN, 5, -1), False),
        (closed, a_bid(ANN, 5, -1), True),
        (replace(closed, paused_at=at(30)), a_bid(ANN, 5, 40), True),
        (paused, a_bid(ANN, 5, 40), True),
        (LED, a_bid(ANN, 5, 40), True),
        (LED, a_bid(ANN, 5, 40, maximum=True), True),
        (LED, a_bid(BOB, 5, 40), True),
        (LED, a_bid(BOB, 115, 40), True),
    ]
    told = [refused(judge(LOT, standing, bid, admitted=ok)).refusal for standing, bid, ok in ladder]
    assert told == list(Refusal)[: len(ladder)]


def test_the_largest_amount_itself_is_legal() -> None:
    lot = a_lot(start_price_minor=10)
    assert (
        accepted(judge(lot, opening(lot), maximum(BOB, LARGEST_AMOUNT_MINOR), admitted=True)).standing.price_minor == 10
    )


def test_where_no_amount_under_the_cap_is_legal_none_is_named() -> None:
    lot = a_lot(start_price_minor=LARGEST_AMOUNT_MINOR)
    verdict = refused(
        judge(lot, after(lot, plain(ANN, LARGEST_AMOUNT_MINOR)), plain(BOB, LARGEST_AMOUNT_MINOR), admitted=True)
    )
    assert verdict == Refused(refusal=Refusal.BELOW_MINIMUM, lowest_minor=None)


@pytest.mark.parametrize("seconds", [0, 59.999999, 60, 119.999999])
def test_the_interval_is_closed_at_the_start_and_open_at_the_end(seconds: float) -> None:
    accepted(judge(LOT, OPEN, plain(BOB, 100, seconds), admitted=True))


def test_a_bid_stamped_before_the_pause_is_in_time_though_it_is_judged_after() -> None:
    paused = pause(LOT, LED, at(30))
    assert isinstance(paused, Standing)
    kept = accepted(judge(LOT, paused, plain(BOB, 160, 29.999999), admitted=True)).standing
    assert (kept.leader_id, kept.paused_at) == (BOB, at(30))


def test_a_refusal_leaves_no_effect() -> None:
    """Invariant 7: what was judged is the same object after any refusal, and the next legal bid fares as if alone."""
    for _, _, _, standing, bid, ok in ROWS:
        before = replace(standing)
        judge(LOT, standing, bid, admitted=ok)
        assert standing == before


@pytest.mark.parametrize(
    ("grid_base", "amount", "legal"),
    [
        (GridBase.START, 125, True),
        (GridBase.START, 130, False),
        (GridBase.CURRENT, 125, True),
        (GridBase.NONE, 123, True),
    ],
)
def test_multiples_are_counted_from_the_start_price_not_from_zero(
    grid_base: GridBase, amount: int, legal: bool
) -> None:
    lot = a_lot(start_price_minor=105, grid_base=grid_base)
    verdict = judge(lot, after(lot, plain(ANN, 105)), plain(BOB, amount), admitted=True)
    assert isinstance(verdict, Refused) is not legal


def test_multiples_of_the_current_price_move_with_it() -> None:
    lot = a_lot(grid_base=GridBase.CURRENT, steps=bands((200, 10), (None, 30)))
    standing = after(lot, plain(ANN, 200))
    assert refused(judge(lot, standing, plain(BOB, 250), admitted=True)).refusal is Refusal.OFF_GRID
    assert after(lot, plain(BOB, 260), standing=standing).price_minor == 260


def test_steps_of_a_third_of_a_cent_are_exact_where_floats_are_not() -> None:
    """0.3 % 0.1 in floats is 0.0999…: a check in floats would refuse the bid of 0.3 with a step of 0.1."""
    lot = a_lot(start_price_minor=1, steps=bands((None, 1)))
    assert after(lot, plain(ANN, 3)).price_minor == 3
    large = a_lot(start_price_minor=10**14 + 1, steps=bands((None, 3)))
    assert after(large, plain(ANN, 10**14 + 1 + 3 * 10**13)).price_minor == 10**14 + 1 + 3 * 10**13
    assert refused(judge(large, opening(large), plain(ANN, 10**14 + 3), admitted=True)).refusal is Refusal.OFF_GRID
