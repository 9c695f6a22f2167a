"""What operator and seller may do to a running lot: pause, resume, extend, void, lower the reserve, credit an outage."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

import pytest

from auction.facts import DeskRefusal, Line, Outcome, Phase, Refusal, Standing
from auction.formats.english import (
    Lowered,
    advance,
    close,
    credit_outage,
    extend,
    is_due,
    judge,
    lower_reserve,
    opening,
    pause,
    resume,
    void,
)
from tests.auction.english_lots import ANN, BOB, a_lot, accepted, after, at, maximum, plain, refused

LOT = a_lot(timed_seconds=600, extension_seconds=180)
HIDDEN = a_lot(reserve=300)
OPEN = opening(LOT)
LED = after(LOT, maximum(ANN, 200, 10))
T = TypeVar("T")


def done(answer: T | DeskRefusal) -> T:
    assert not isinstance(answer, DeskRefusal), answer
    return answer


CLOSED = close(LOT, OPEN, at(780))
PAUSED = done(pause(LOT, LED, at(100)))


@pytest.mark.parametrize(
    ("answer", "refusal"),
    [
        (pause(LOT, CLOSED, at(20)), DeskRefusal.LOT_CLOSED),
        (resume(LOT, CLOSED, at(20)), DeskRefusal.LOT_CLOSED),
        (extend(LOT, CLOSED, at(9000), at(20)), DeskRefusal.LOT_CLOSED),
        (void(LOT, CLOSED, at(20)), DeskRefusal.LOT_CLOSED),
        (lower_reserve(HIDDEN, close(HIDDEN, opening(HIDDEN), at(120)), 200, at(20)), DeskRefusal.LOT_CLOSED),
        (pause(LOT, OPEN, at(780)), DeskRefusal.LOT_ENDED),
        (extend(LOT, OPEN, at(9000), at(780)), DeskRefusal.LOT_ENDED),
        (lower_reserve(HIDDEN, opening(HIDDEN), 200, at(120)), DeskRefusal.LOT_ENDED),
        (pause(LOT, PAUSED, at(120)), DeskRefusal.ALREADY_PAUSED),
        (resume(LOT, LED, at(20)), DeskRefusal.NOT_PAUSED),
        (extend(LOT, LED, at(600), at(20)), DeskRefusal.END_NOT_LATER),
        (extend(LOT, LED, at(590), at(20)), DeskRefusal.END_NOT_LATER),
        (lower_reserve(LOT, LED, 150, at(20)), DeskRefusal.NO_RESERVE),
        (lower_reserve(HIDDEN, opening(HIDDEN), 300, at(20)), DeskRefusal.RESERVE_NOT_LOWERED),
        (lower_reserve(HIDDEN, opening(HIDDEN), 310, at(20)), DeskRefusal.RESERVE_NOT_LOWERED),
        (lower_reserve(HIDDEN, opening(HIDDEN), 90, at(20)), DeskRefusal.RESERVE_UNDER_START),
    ],
)
def test_an_act_is_refused(answer: object, refusal: DeskRefusal) -> None:
    assert answer is refusal


def test_every_refusal_of_the_desk_is_tested_here() -> None:
    retraction = {DeskRefusal.NO_RETRACTION, DeskRefusal.RETRACTION_DELAYED, DeskRefusal.NO_SUCH_BID}
    retraction |= {DeskRefusal.RETRACTION_TOO_LATE, DeskRefusal.RETRACTION_NEAR_END, DeskRefusal.TOO_MANY_RETRACTIONS}
    priority = {DeskRefusal.NO_PRIORITY_RIGHT, DeskRefusal.NOT_ADMITTED_YET}
    rows = next(mark for mark in test_an_act_is_refused.pytestmark if mark.name == "parametrize").args[1]
    sealed = {DeskRefusal.NOT_YET_OPENING, DeskRefusal.ALREADY_OPENED}
    assert {row[1] for row in rows} == set(DeskRefusal) - retraction - priority - sealed


def test_a_pause_gives_the_whole_time_back() -> None:
    resumed = done(resume(LOT, PAUSED, at(4000)))
    assert (resumed.ends_at, resumed.paused_at, resumed.phase) == (at(600 + 3900), None, Phase.TIMED)
    accepted(judge(LOT, resumed, plain(BOB, 300, 4499), admitted=True))


def test_a_paused_lot_neither_moves_on_nor_falls_due() -> None:
    assert not is_due(LOT, PAUSED, at(99_999))
    assert advance(LOT, PAUSED, at(99_999)) is PAUSED
    assert refused(judge(LOT, PAUSED, plain(BOB, 300, 99_999), admitted=True)).refusal is Refusal.PAUSED


def test_a_pause_in_the_delayed_phase_first_enters_it() -> None:
    paused = done(pause(LOT, LED, at(650)))
    assert (paused.phase, paused.ends_at) == (Phase.DELAYED, at(780))
    assert done(resume(LOT, paused, at(700))).ends_at == at(830)


def test_a_pause_before_the_start_gives_back_only_what_was_lost() -> None:
    paused = done(pause(LOT, OPEN, at(-100)))
    assert done(resume(LOT, paused, at(-50))).ends_at == at(600)
    assert done(resume(LOT, paused, at(30))).ends_at == at(630)


def test_extending_moves_the_end_of_the_running_phase() -> None:
    assert done(extend(LOT, LED, at(900), at(20))).ends_at == at(900)
    delayed = done(extend(LOT, LED, at(5000), at(650)))
    assert (delayed.phase, delayed.ends_at) == (Phase.DELAYED, at(5000))
    assert after(LOT, plain(BOB, 300, 700), standing=delayed).ends_at == at(5000)


def test_a_voided_lot_is_sold_to_nobody() -> None:
    for standing, now in ((LED, 20), (PAUSED, 200), (LED, 9000)):
        gone = done(void(LOT, standing, at(now)))
        assert (gone.outcome, gone.phase, gone.closed_at, gone.paused_at) == (Outcome.VOID, Phase.CLOSED, at(now), None)
        assert not is_due(LOT, gone, at(99_999))


@pytest.mark.parametrize(
    ("leads", "reserve", "price", "met", "jumps"),
    [
        (maximum(ANN, 250), 250, 250, True, True),
        (maximum(ANN, 250), 200, 200, True, True),
        (maximum(ANN, 250), 260, 100, False, False),
        (plain(ANN, 250), 250, 250, True, False),
        (plain(ANN, 250), 200, 250, True, False),
    ],
)
def test_lowering_the_reserve_runs_the_jump_again(
    leads: object, reserve: int, price: int, met: bool, jumps: bool
) -> None:
    before = after(HIDDEN, leads)  # type: ignore[arg-type]  # the rows are bids
    lowered = done(lower_reserve(HIDDEN, before, reserve, at(20)))
    assert lowered.lot.reserve_minor == reserve
    assert (lowered.standing.price_minor, lowered.standing.reserve_met) == (price, met)
    assert lowered.lines == ((Line(party_id=ANN, amount_minor=price, automatic=True),) if jumps else ())
    # It is no bid: it counts none and moves no end.
    assert (lowered.standing.bid_count, lowered.standing.ends_at) == (1, before.ends_at)


def test_the_reserve_may_be_lowered_before_anyone_has_bid() -> None:
    lowered = done(lower_reserve(HIDDEN, opening(HIDDEN), 100, at(20)))
    assert isinstance(lowered, Lowered)
    assert after(lowered.lot, maximum(BOB, 150), standing=lowered.standing).reserve_met


@pytest.mark.parametrize(
    ("standing", "stopped", "restarted", "end"),
    [
        (OPEN, 590, 650, 660),  # T fell into the outage: the timed phase goes on, and the delayed one still follows
        (OPEN, 400, 450, 650),  # due within one extension after the restart
        (OPEN, 300, 400, None),  # time enough is left
        (LED, 700, 800, 880),  # the delayed phase would have ended in the dark
        (OPEN, 781, 900, None),  # it had ended before the stop
        (OPEN, -500, -10, None),  # it had not begun
        (OPEN, -500, 550, 1150),  # only the time after the start was lost
        (PAUSED, 590, 650, None),  # a paused lot gets its time back when it is resumed
        (CLOSED, 590, 650, None),
    ],
)
def test_time_lost_in_an_outage_is_given_back(
    standing: Standing, stopped: int, restarted: int, end: int | None
) -> None:
    credited = credit_outage(LOT, standing, at(stopped), at(restarted))
    ends_at: datetime | None = None if credited is None else credited.ends_at
    assert ends_at == (None if end is None else at(end))
