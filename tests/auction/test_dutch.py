"""The falling price: exact at every instant, still while the lot stands still, taken by the first press in order."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from auction.chain import EventKind, lot_of, terms_of
from auction.facts import (
    LARGEST_AMOUNT_MINOR,
    Bid,
    DeskRefusal,
    Line,
    Logged,
    Lot,
    Outcome,
    Phase,
    Refusal,
    Refused,
    Standing,
)
from auction.formats import dutch
from tests.auction.dutch_lots import ANN, BOB, SELLER, START, a_fall, a_press, at, logged
from tests.auction.english_lots import accepted, refused

LOT = a_fall()
OPEN = dutch.opening(LOT)
PAUSED = replace(OPEN, paused_at=at(25))
TAKEN = accepted(dutch.judge(LOT, OPEN, a_press(ANN, 800, 25), admitted=True, ranks={})).standing

ROWS: list[tuple[str, Refusal, int | None, Standing, Bid, bool]] = [
    ("another lot", Refusal.UNKNOWN_LOT, None, OPEN, a_press(BOB, 1000, lot_id=8), True),
    ("zero", Refusal.MALFORMED_AMOUNT, 1000, OPEN, a_press(BOB, 0), True),
    ("a float", Refusal.MALFORMED_AMOUNT, 1000, OPEN, a_press(BOB, 1000.0), True),
    ("details", Refusal.MALFORMED_DETAILS, 1000, OPEN, replace(a_press(BOB, 1000), details=b"{}"), True),
    ("above the house's cap", Refusal.OVER_CAP, 900, OPEN, a_press(BOB, LARGEST_AMOUNT_MINOR + 1, 10), True),
    ("the seller", Refusal.OWN_LOT, None, OPEN, a_press(SELLER, 1000), True),
    ("not admitted", Refusal.NOT_ADMITTED, None, OPEN, a_press(BOB, 1000), False),
    ("a microsecond early", Refusal.NOT_STARTED, None, OPEN, a_press(BOB, 1000, -0.000001), True),
    ("at the very end", Refusal.CLOSED, None, OPEN, a_press(BOB, 300, 130), True),
    ("somebody pressed before", Refusal.CLOSED, None, TAKEN, a_press(BOB, 1000, 25), True),
    ("somebody pressed before, though later", Refusal.CLOSED, None, TAKEN, a_press(BOB, 1000, 24), True),
    ("paused", Refusal.PAUSED, None, PAUSED, a_press(BOB, 800, 25), True),
    ("a maximum", Refusal.NO_MAXIMUM, 1000, OPEN, a_press(BOB, 1000, maximum=True), True),
    ("a price that has not come yet", Refusal.PRICE_NOT_REACHED, 1000, OPEN, a_press(BOB, 900, 9.999999), True),
    ("under the floor", Refusal.PRICE_NOT_REACHED, 300, OPEN, a_press(BOB, 299, 129), True),
]


@pytest.mark.parametrize(
    ("refusal", "lowest", "standing", "bid", "admitted"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_a_press_is_refused(refusal: Refusal, lowest: int | None, standing: Standing, bid: Bid, admitted: bool) -> None:
    expected = Refused(refusal=refusal, lowest_minor=lowest)
    assert dutch.judge(LOT, standing, bid, admitted=admitted, ranks={}) == expected


def test_refusals_are_tested_in_their_order() -> None:
    assert [row[1] for row in ROWS] == sorted((row[1] for row in ROWS), key=list(Refusal).index)


@pytest.mark.parametrize(
    ("seconds", "price"),
    [(0, 1000), (9.999999, 1000), (10, 900), (69.999999, 400), (70, 300), (129.999999, 300)],
)
def test_the_first_press_pays_the_price_of_its_stamp_and_ends_the_lot_there(seconds: float, price: int) -> None:
    verdict = accepted(dutch.judge(LOT, OPEN, a_press(ANN, 1000, seconds), admitted=True, ranks={}))
    standing = verdict.standing
    assert verdict.lines == (Line(party_id=ANN, amount_minor=price),)
    assert (standing.price_minor, standing.leader_id, standing.phase) == (price, ANN, Phase.DECIDED)
    assert standing.ends_at == at(seconds) and dutch.is_due(LOT, standing, at(seconds))
    closed = dutch.close(LOT, standing, at(seconds + 1))
    assert (closed.outcome, closed.closed_at) == (Outcome.SOLD, at(seconds))
    assert dutch.result(LOT, closed, {ANN: 417}).awards == ((ANN, 1, price),)


def test_nobody_pressed_until_the_end_of_the_floor_is_unsold() -> None:
    assert not dutch.is_due(LOT, OPEN, at(129.999999))
    closed = dutch.close(LOT, OPEN, at(500))
    assert (closed.outcome, closed.closed_at, closed.price_minor) == (Outcome.UNSOLD, at(130), None)
    with pytest.raises(ValueError, match="not due"):
        dutch.close(LOT, OPEN, at(129))


def test_the_last_step_falls_only_to_the_floor_and_a_linear_fall_reaches_it_on_time() -> None:
    uneven = a_fall(step_minor=300, floor_minor=350)
    assert [dutch.price_after(uneven.rule, s * dutch.SECOND) for s in (0, 10, 20, 30)] == [1000, 700, 400, 350]
    linear = a_fall(fall_seconds=30)
    falls = [
        us
        for us in range(0, 31_000_000, 500)
        if dutch.steps_fallen(linear.rule, us) != dutch.steps_fallen(linear.rule, us - 500)
    ]
    assert len(falls) == 7 and falls[-1] == 30_000_000
    assert dutch.price_after(linear.rule, 29_999_999) == 400


@settings(max_examples=60, deadline=None)
@given(
    st.integers(2, 10**6),
    st.integers(1, 10**5),
    st.integers(1, 10**4),
    st.booleans(),
    st.integers(0, 2 * 10**10),
    st.data(),
)
def test_the_price_is_the_naive_one_and_the_next_fall_is_the_very_next(
    start: int, step: int, seconds: int, linear: bool, us: int, data: st.DataObject
) -> None:
    floor = data.draw(st.integers(1, start - 1))
    lot = a_fall(
        start_price_minor=start,
        floor_minor=floor,
        step_minor=step,
        interval_seconds=None if linear else seconds,
        fall_seconds=seconds if linear else None,
    )
    steps = -(-(start - floor) // step)
    each = Fraction(seconds * 10**6, steps if linear else 1)
    fallen = min(steps, Fraction(us) // each)
    assert dutch.price_after(lot.rule, us) == max(floor, start - fallen * step)
    next_us = dutch.next_fall_us(lot.rule, us)
    assert (next_us is None) == (fallen == steps)
    if next_us is not None:
        assert dutch.steps_fallen(lot.rule, next_us - 1) == fallen < dutch.steps_fallen(lot.rule, next_us)


# Pause, outage, and the book from the log


def _acts(lot: Lot, seconds: list[int]) -> tuple[Standing, list[Logged]]:
    """Pause and resume in turn at these seconds; every third pair is an outage instead."""
    standing = dutch.opening(lot)
    first, standing = logged(lot, standing, EventKind.OPENED, START)
    log = [first]
    for place, (since, until) in enumerate(zip(seconds[::2], seconds[1::2], strict=False)):
        if place % 3 == 2:
            credited = dutch.credit_outage(lot, standing, at(since), at(until))
            if credited is not None:
                event, standing = logged(lot, credited, EventKind.CREDITED, at(until))
                log.append(event)
            continue
        paused = dutch.pause(lot, standing, at(since))
        if isinstance(paused, DeskRefusal):
            break
        event, standing = logged(lot, paused, EventKind.PAUSED, at(since))
        resumed = dutch.resume(lot, standing, at(until))
        assert isinstance(resumed, Standing)
        second, standing = logged(lot, resumed, EventKind.RESUMED, at(until))
        log += [event, second]
    return standing, log


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-20, 400), min_size=2, max_size=12, unique=True).map(sorted))
def test_the_lots_own_clock_counts_just_the_seconds_in_which_it_ran(seconds: list[int]) -> None:
    standing, log = _acts(LOT, seconds)
    spans = dutch._stills(standing).spans
    ran = 0
    for second in range(400):
        assert dutch.elapsed_us(LOT, standing, at(second)) == ran * dutch.SECOND
        ran += not any(since <= at(second) < until for since, until in spans)
    stood = sum((until - since for since, until in spans), timedelta())
    assert standing.ends_at == at(130) + stood
    # The browser needs no spans: what it is told gives the same price from the last of them on.
    told = dutch.view(LOT, standing, {}, at(400))
    assert told is not None and told["falls_from"] == (START + stood).isoformat().replace("+00:00", "Z")
    assert dutch.fold(LOT, replace(standing, book=None), log) == standing


def test_the_price_stands_while_the_lot_is_paused_and_goes_on_from_there() -> None:
    paused = dutch.pause(LOT, OPEN, at(25))
    assert isinstance(paused, Standing) and dutch.price_at(LOT, paused, at(3000)) == 800
    # A press stamped before the pause is in time though it is judged after; the lot is decided, pause or not.
    early = accepted(dutch.judge(LOT, paused, a_press(BOB, 800, 24.999999), admitted=True, ranks={})).standing
    assert dutch.is_due(LOT, early, at(25)) and dutch.close(LOT, early, at(25)).paused_at is None
    resumed = dutch.resume(LOT, paused, at(100))
    assert isinstance(resumed, Standing) and resumed.ends_at == at(205)
    assert [dutch.price_at(LOT, resumed, at(s)) for s in (104.999999, 105)] == [800, 700]
    # And one stamped before that pause but judged after the resumption still pays the price of its stamp.
    late = accepted(dutch.judge(LOT, resumed, a_press(BOB, 1000, 12), admitted=True, ranks={})).standing
    assert late.price_minor == 900
    ahead = refused(dutch.judge(LOT, resumed, a_press(BOB, 700, 101), admitted=True, ranks={}))
    assert ahead == Refused(refusal=Refusal.PRICE_NOT_REACHED, lowest_minor=800)


@pytest.mark.parametrize(
    ("stopped", "restarted", "ends"),
    [(20, 50, 160), (-30, -10, None), (-30, 10, 140), (129, 600, 601), (130, 600, None)],
)
def test_an_outage_is_taken_out_of_the_fall(stopped: int, restarted: int, ends: int | None) -> None:
    credited = dutch.credit_outage(LOT, OPEN, at(stopped), at(restarted))
    assert (credited and credited.ends_at) == (None if ends is None else at(ends))


def test_a_lot_that_is_decided_or_paused_gets_no_credit_and_takes_no_act() -> None:
    assert dutch.credit_outage(LOT, PAUSED, at(20), at(50)) is None
    assert dutch.credit_outage(LOT, TAKEN, at(20), at(50)) is None
    assert dutch.pause(LOT, TAKEN, at(26)) is dutch.extend(LOT, TAKEN, at(900), at(26)) is DeskRefusal.LOT_ENDED
    voided = dutch.void(LOT, TAKEN, at(26))
    assert isinstance(voided, Standing) and voided.outcome is Outcome.VOID


def test_a_later_end_leaves_the_fall_as_it_was() -> None:
    extended = dutch.extend(LOT, OPEN, at(1000), at(5))
    assert isinstance(extended, Standing)
    opened, _ = logged(LOT, OPEN, EventKind.OPENED, START)
    event, extended = logged(LOT, extended, EventKind.EXTENDED, at(5))
    folded = dutch.fold(LOT, extended, [opened, event])
    assert dutch.price_at(LOT, folded, at(25)) == 800 and dutch.price_at(LOT, folded, at(999)) == 300


def test_the_rule_comes_back_from_the_terms() -> None:
    assert lot_of(terms_of(LOT), SELLER, None) == LOT
