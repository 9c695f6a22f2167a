"""When a lot ends: half-open instants, the two phases, resets, caps, and the close."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from auction.facts import Lot, Outcome, Phase, Refusal, Standing
from auction.formats.english import advance, close, is_due, judge, opening
from tests.auction.english_lots import ANN, BOB, START, a_lot, accepted, after, at, maximum, plain, refused

BOTH = a_lot(timed_seconds=600, extension_seconds=180)
TIMED_ALONE = a_lot(timed_seconds=600)
DELAYED_ALONE = a_lot(timed_seconds=None, extension_seconds=180)
SOFT_CLOSE = a_lot(timed_seconds=600, soft_close_seconds=180)
MICROSECOND = 0.000001


def closes(lot: Lot, standing: Standing, now: datetime) -> Standing:
    assert not is_due(lot, standing, now - timedelta(microseconds=1))
    assert is_due(lot, standing, now)
    return close(lot, standing, now)


# The worked example of RULES: soft close at 15:00 with W = 3 min. The tests' lots start at 15:00, so shift by 10 min.


@pytest.mark.parametrize("lot", [SOFT_CLOSE])
def test_a_soft_close_resets_to_the_bid_plus_the_window(lot: Lot) -> None:
    """Classic error: end + W in place of t + W. A bid 2 min before the end moves it by 1 min, not by 3."""
    end = 600
    once = after(lot, plain(ANN, 100, end - 120))
    assert once.ends_at == at(end + 60)
    assert after(lot, plain(BOB, 110, end), standing=once).ends_at == at(end + 180)


def test_a_bid_before_the_soft_closes_window_moves_nothing() -> None:
    verdict = accepted(judge(SOFT_CLOSE, opening(SOFT_CLOSE), plain(ANN, 100, 420), admitted=True))
    assert (verdict.extended, verdict.standing.ends_at) == (False, at(600))
    assert after(SOFT_CLOSE, plain(ANN, 100, 420.5)).ends_at == at(600.5)


def test_the_worked_example_holds_in_a_delayed_phase_alone() -> None:
    once = after(DELAYED_ALONE, plain(ANN, 100, 60))
    assert once.ends_at == at(240)
    assert after(DELAYED_ALONE, plain(BOB, 110, 180), standing=once).ends_at == at(360)


# Phases


@pytest.mark.parametrize(
    ("lot", "phase", "end"),
    [(BOTH, Phase.TIMED, 600), (TIMED_ALONE, Phase.TIMED, 600), (DELAYED_ALONE, Phase.DELAYED, 180)],
)
def test_a_lot_opens_in_its_first_phase(lot: Lot, phase: Phase, end: int) -> None:
    standing = opening(lot)
    assert (standing.phase, standing.ends_at, standing.version, standing.seq) == (phase, at(end), 0, 0)


def test_a_lot_without_any_phase_cannot_open() -> None:
    with pytest.raises(ValueError, match="neither"):
        opening(a_lot(timed_seconds=None))


@pytest.mark.parametrize("bids", [[], [plain(ANN, 100, 5)], [plain(ANN, 100, 599.999999)]])
def test_the_delayed_phase_always_follows_and_runs_its_whole_first_countdown(bids: list[object]) -> None:
    standing = after(BOTH, *bids)  # type: ignore[arg-type]  # the rows are bids
    assert standing.ends_at == at(600)
    assert advance(BOTH, standing, at(600 - MICROSECOND)) is standing
    delayed = advance(BOTH, standing, at(600))
    assert (delayed.phase, delayed.ends_at) == (Phase.DELAYED, at(780))
    assert not is_due(BOTH, standing, at(780 - MICROSECOND)) and is_due(BOTH, standing, at(780))


def test_advance_never_closes() -> None:
    assert advance(BOTH, opening(BOTH), at(10_000)).phase is Phase.DELAYED
    assert advance(TIMED_ALONE, opening(TIMED_ALONE), at(10_000)).phase is Phase.TIMED


def test_a_bid_in_the_timed_phase_does_not_extend_but_at_its_end_it_opens_the_delayed_one() -> None:
    timed = accepted(judge(BOTH, opening(BOTH), plain(ANN, 100, 599), admitted=True))
    assert (timed.extended, timed.standing.ends_at, timed.standing.phase) == (False, at(600), Phase.TIMED)
    delayed = accepted(judge(BOTH, timed.standing, plain(BOB, 110, 600.5), admitted=True))
    assert (delayed.extended, delayed.standing.ends_at, delayed.standing.phase) == (True, at(780.5), Phase.DELAYED)


def test_a_bid_in_the_delayed_phase_resets_to_its_own_instant_plus_the_countdown() -> None:
    standing = after(BOTH, plain(ANN, 100, 700), plain(BOB, 110, 879), plain(ANN, 120, 1058.999999))
    assert standing.ends_at == at(1238.999999)
    assert standing.extension_count == 3
    assert refused(judge(BOTH, standing, plain(BOB, 130, 1238.999999), admitted=True)).refusal is Refusal.CLOSED


def test_without_a_delayed_phase_the_end_stands() -> None:
    standing = after(TIMED_ALONE, plain(ANN, 100, 599.999999))
    assert standing.ends_at == at(600)
    assert refused(judge(TIMED_ALONE, standing, plain(BOB, 110, 600), admitted=True)).refusal is Refusal.CLOSED


def test_a_maximum_that_only_answers_extends_too() -> None:
    verdict = accepted(judge(BOTH, after(BOTH, maximum(ANN, 200, 610)), plain(BOB, 110, 650), admitted=True))
    assert verdict.extended and verdict.standing.ends_at == at(830)


def test_a_refused_bid_does_not_extend() -> None:
    """Classic error: refused bids that extend."""
    standing = after(BOTH, plain(ANN, 100, 610))
    refused(judge(BOTH, standing, plain(BOB, 105, 700), admitted=True))
    assert is_due(BOTH, standing, at(790))


def test_a_stamp_out_of_order_never_brings_the_end_earlier() -> None:
    """Classic error: updates out of order. A bid stamped earlier but judged later still counts, without a reset."""
    standing = after(BOTH, plain(ANN, 100, 700))
    verdict = accepted(judge(BOTH, standing, plain(BOB, 110, 650), admitted=True))
    assert (verdict.extended, verdict.standing.ends_at, verdict.standing.leader_id) == (False, at(880), BOB)
    assert verdict.standing.extension_count == 1


def test_a_bid_stamped_in_the_timed_phase_but_judged_in_the_delayed_one_is_in_time() -> None:
    delayed = advance(BOTH, opening(BOTH), at(601))
    verdict = accepted(judge(BOTH, delayed, plain(ANN, 100, 599), admitted=True))
    assert (verdict.extended, verdict.standing.ends_at) == (False, at(780))


def test_only_the_stamp_decides_not_the_moment_of_judging() -> None:
    """Classic error: the deadline checked before the stamp is taken. The judge has no clock but the stamp."""
    accepted(judge(TIMED_ALONE, opening(TIMED_ALONE), plain(ANN, 100, 600 - MICROSECOND), admitted=True))


# Caps


def test_a_cap_by_number_lets_later_bids_count_without_moving_the_end() -> None:
    lot = a_lot(timed_seconds=600, extension_seconds=180, cap_extensions=2)
    standing = after(lot, plain(ANN, 100, 700), plain(BOB, 110, 800))
    assert (standing.ends_at, standing.extension_count) == (at(980), 2)
    third = accepted(judge(lot, standing, plain(ANN, 120, 900), admitted=True))
    assert (third.extended, third.standing.ends_at, third.standing.price_minor) == (False, at(980), 120)


def test_a_bid_that_moves_nothing_does_not_use_up_the_cap() -> None:
    lot = a_lot(timed_seconds=600, extension_seconds=180, cap_extensions=1)
    assert after(lot, plain(ANN, 100, 100), plain(BOB, 110, 600)).extension_count == 0
    assert after(lot, plain(ANN, 100, 100), plain(BOB, 110, 600), plain(ANN, 120, 700)).ends_at == at(880)


def test_an_absolute_cap_is_a_fixed_instant() -> None:
    """Classic error: a cap recomputed from the moved end."""
    lot = a_lot(timed_seconds=600, extension_seconds=180, cap_at=at(1000))
    bids = [plain((ANN, BOB)[i % 2], 100 + 10 * i, 700 + 50 * i) for i in range(6)]
    ends = [after(lot, *bids[: count + 1]).ends_at for count in range(6)]
    assert ends == [at(880), at(930), at(980), at(1000), at(1000), at(1000)]
    assert refused(judge(lot, after(lot, *bids), plain(ANN, 900, 1000), admitted=True)).refusal is Refusal.CLOSED


def test_a_cap_does_not_cut_the_first_countdown_short() -> None:
    lot = a_lot(timed_seconds=600, extension_seconds=180, cap_at=at(700))
    assert after(lot, plain(ANN, 100, 650)).ends_at == at(780)


# The close


def test_nobody_bid_so_the_lot_is_unsold() -> None:
    closed = closes(BOTH, opening(BOTH), at(780))
    assert (closed.outcome, closed.phase, closed.leader_id) == (Outcome.UNSOLD, Phase.CLOSED, None)


def test_a_bid_in_the_timed_phase_only_wins() -> None:
    closed = closes(BOTH, after(BOTH, plain(ANN, 100, 5)), at(780))
    assert (closed.outcome, closed.leader_id, closed.price_minor) == (Outcome.SOLD, ANN, 100)


@pytest.mark.parametrize(("amount", "outcome"), [(190, Outcome.UNSOLD), (200, Outcome.SOLD)])
def test_below_the_reserve_the_lot_is_unsold(amount: int, outcome: Outcome) -> None:
    lot = a_lot(reserve=200)
    assert closes(lot, after(lot, maximum(ANN, amount)), at(120)).outcome is outcome


def test_the_lot_was_closed_at_its_end_whenever_the_job_ran() -> None:
    closed = close(BOTH, after(BOTH, plain(ANN, 100, 700)), at(5000))
    assert (closed.closed_at, closed.ends_at) == (at(880), at(880))


def test_a_lot_that_is_not_due_cannot_be_closed_and_a_closed_one_is_never_due() -> None:
    standing = after(BOTH, plain(ANN, 100, 700))
    with pytest.raises(ValueError, match="not due"):
        close(BOTH, standing, at(880 - MICROSECOND))
    closed = close(BOTH, standing, at(880))
    assert not is_due(BOTH, closed, at(9999))
    assert refused(judge(BOTH, closed, plain(BOB, 110, 800), admitted=True)).refusal is Refusal.CLOSED
    assert advance(BOTH, closed, at(9999)) is closed


def test_a_bid_one_microsecond_before_the_end_keeps_the_lot_open() -> None:
    """Classic error: the close overwriting a bid acknowledged a moment before."""
    standing = after(DELAYED_ALONE, plain(ANN, 100, 180 - MICROSECOND))
    assert not is_due(DELAYED_ALONE, standing, START + timedelta(seconds=180))
