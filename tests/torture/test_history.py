"""The checker of histories: a true one passes, and each kind of lie is found by the invariant that it breaks."""

from __future__ import annotations

import random

import pytest
from msgspec.structs import replace

from tests.torture.history import Answered, Logged, Stated, violations

LOG = [
    Logged(1, 1, "h1", "opened", None),
    Logged(1, 2, "h2", "bid", "100"),
    Logged(1, 3, "h3", "bid", "110"),
    Logged(1, 4, "h4", "extended", "110"),
    Logged(1, 5, "h5", "bid", "120"),
    Logged(1, 6, "h6", "closed", "120"),
]
ANN = Answered("11/a", 1, 0.0, 1.0, True, 2, "h2", "100")
BOB = Answered("12/b", 1, 0.5, 2.0, True, 3, "h3", "110")
LATE = Answered("11/c", 1, 3.0, 4.0, True, 5, "h5", "120")
LOW = Answered("12/d", 1, 2.5, 3.5, False, 4)
SHUT = Answered("12/e", 1, 5.0, 6.0, False, 6)
RAISE = Answered("11/f", 1, 4.2, 4.4, True, 5, "h5", "120", raises=True)
TRUE = [ANN, BOB, LATE, LOW, SHUT, RAISE]
STATES = [Stated(1, 3, "h3", "110"), Stated(1, 6, "h6", "120")]


def test_a_true_history_has_no_violation() -> None:
    assert violations(LOG, TRUE, STATES) == []


def test_answers_that_overlap_in_time_may_stand_in_either_order() -> None:
    swapped = [replace(ANN, seq=3, hash="h3", price_minor="110"), replace(BOB, seq=2, hash="h2", price_minor="100")]
    assert violations(LOG, swapped) == []


@pytest.mark.parametrize(
    ("name", "answers", "states", "found"),
    [
        ("an acknowledged bid is lost", [replace(LATE, seq=9)], [], "1:"),
        ("an acknowledged bid was overwritten", [replace(LATE, hash="other")], [], "1:"),
        ("somebody was told another price", [replace(LATE, price_minor="130")], [], "3:"),
        ("a bid was answered with somebody else's event", [ANN, replace(BOB, seq=2, hash="h2", price_minor="100")], [], "2:"),
        ("a bid was answered with the clock's event", [replace(BOB, seq=4, hash="h4")], [], "1:"),
        ("one request was answered twice", [ANN, replace(ANN, accepted=False, hash=None)], [], "2:"),
        ("one request has two effects", [ANN, replace(ANN, seq=3, hash="h3", price_minor="110")], [], "2:"),
        ("a later bid stands before an earlier one", [LATE, replace(LOW, sent_at=4.5, answered_at=5.0, seq=3)], [], "5:"),
        ("a reader went back in time over a refusal", [SHUT, replace(LATE, sent_at=7.0, answered_at=8.0)], [], "5:"),
        ("a watcher saw a state of another history", TRUE, [Stated(1, 3, "other", "110")], "9:"),
        ("a watcher saw a state that never came", TRUE, [Stated(1, 7, "h7", "120")], "9:"),
        ("a watcher saw another price", TRUE, [Stated(1, 3, "h3", "115")], "9:"),
    ],
)  # fmt: skip
def test_a_planted_lie_is_found(name: str, answers: list[Answered], states: list[Stated], found: str) -> None:
    assert any(text.startswith(found) for text in violations(LOG, answers, states)), name


def test_a_gap_in_the_log_is_found() -> None:
    assert violations([event for event in LOG if event.seq != 4], []) == ["8: lot 1: seq has a gap"]


@pytest.mark.parametrize("seed", range(5))
def test_in_a_long_history_every_swap_of_two_bids_apart_in_time_is_found(seed: int) -> None:
    chance = random.Random(seed)
    log = [Logged(1, seq, f"h{seq}", "bid", str(seq)) for seq in range(1, 301)]
    answers = [
        Answered(f"11/{seq}", 1, seq - chance.random(), seq + chance.random(), True, seq, f"h{seq}", str(seq))
        for seq in range(1, 301)
    ]
    assert violations(log, answers) == []
    first, second = sorted(chance.sample(range(300), 2))
    second = max(second, first + 3)
    here, there = answers[first], answers[min(second, 299)]
    for one, other in ((here, there), (there, here)):
        answers[one.seq - 1] = replace(one, seq=other.seq, hash=other.hash, price_minor=other.price_minor)
    assert any(text.startswith("5:") for text in violations(log, answers))
