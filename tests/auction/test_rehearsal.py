"""The rehearsal tells what the real judge would: at T - 1 ms, at T, at T + W, and who gets the lot in the end."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from auction.facts import EnglishRule, Lot, Outcome, Refusal, StepBand
from auction.formats.sealed import SealedRule
from auction.rehearsal import SELLER, Anchor, Play, rehearse
from tests.auction.english_lots import at

RULE = EnglishRule(
    start_price_minor=100, steps=(StepBand(increment_minor=10),), timed_seconds=3600, extension_seconds=60
)
LOT = Lot(id=7, seller_id=9, currency="CNY", currency_exponent=2, rule=RULE, starts_at=at(0), reserve_minor=150)


def play(bidder: int, anchor: Anchor, amount: int, offset_ms: int = 0, *, maximum: bool = False) -> Play:
    return Play(bidder=bidder, anchor=anchor, offset_ms=offset_ms, amount_minor=amount, is_maximum=maximum)


def test_a_bid_a_millisecond_before_an_end_counts_and_one_at_the_end_does_not() -> None:
    plays = [
        play(1, Anchor.FIRST_END, 200, -1),
        play(2, Anchor.FIRST_END, 210),
        play(1, Anchor.END, 220, -1),
        play(2, Anchor.END, 230),
    ]
    done = rehearse(LOT, plays, 2)
    told = [(step.at, step.refusal) for step in done.steps if step.play is not None]
    assert told == [
        (at(3599.999), None),
        (at(3600), None),
        (at(3659.999), None),
        (at(3719.999), Refusal.CLOSED),
    ]
    assert done.standing.closed_at == at(3719.999)
    assert (done.standing.outcome, done.awards) == (Outcome.SOLD, ((1, 1, 220),))


def test_one_countdown_after_the_first_end_is_too_late_if_nobody_bid_in_it() -> None:
    done = rehearse(LOT, [play(1, Anchor.START, 160), play(2, Anchor.FIRST_END, 170, 60_000)], 2)
    assert [step.refusal for step in done.steps if step.play is not None] == [None, Refusal.CLOSED]
    assert done.awards == ((1, 1, 160),)


def test_a_secret_maximum_answers_and_the_seller_is_refused() -> None:
    done = rehearse(
        LOT,
        [play(1, Anchor.START, 300, maximum=True), play(2, Anchor.BEFORE, 200), play(SELLER, Anchor.BEFORE, 900)],
        2,
    )
    first, answered, own = [step for step in done.steps if step.play is not None]
    assert first.standing.price_minor == 150
    assert [(line.paddle, line.amount_minor, line.automatic) for line in answered.events[0].lines] == [
        (2, "200", False),
        (1, "210", True),
    ]
    assert own.refusal is Refusal.OWN_LOT
    assert done.awards == ((1, 1, 210),)


def test_nobody_bids_and_the_lot_is_unsold_after_both_phases() -> None:
    done = rehearse(LOT, [], 2)
    assert (done.standing.outcome, done.standing.closed_at, done.awards) == (Outcome.UNSOLD, at(3660), ())


def test_sealed_bids_are_sealed_and_opened_as_real_ones() -> None:
    rule = SealedRule(start_price_minor=100, timed_seconds=3600)
    done = rehearse(
        replace(LOT, rule=rule), [play(1, Anchor.START, 300), play(2, Anchor.START, 500), play(2, Anchor.END, 900)], 2
    )
    assert [step.refusal for step in done.steps if step.play is not None] == [None, None, Refusal.CLOSED]
    assert done.awards == ((2, 1, 300),)
    assert b"500" not in msgspec.json.encode([step.events for step in done.steps if step.play is not None])
