"""Many worlds one after another, and what to type to see a failing one again."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from msgspec import Struct

from tests.simulation.checks import findings
from tests.simulation.world import LOTS_PER_WORLD, play

MOST_FAILURES = 5
WORLDS_PER_COLLECTION = 10


class Tally(Struct):
    """What was played: auctions, faults, answers by kind, and (seed, finding) of each world that failed."""

    auctions: int
    faults: int
    answers: Counter[str]
    failures: list[tuple[int, str]]


def play_many(first_seed: int, auctions: int) -> Tally:
    """Play worlds from `first_seed` on until there have been so many auctions, or five worlds have failed."""
    tally = Tally(0, 0, Counter(), [])
    seed = first_seed
    with _collecting_seldom() as collect:
        while tally.auctions < auctions and len(tally.failures) < MOST_FAILURES:
            played = play(seed)
            if found := findings(played):
                tally.failures.append((seed, found[0]))
            tally.auctions += LOTS_PER_WORLD
            tally.faults += played.faults
            tally.answers.update(str(answer.get("code", answer["type"])) for _, answer in played.world.told)
            seed += 1
            del played
            if seed % WORLDS_PER_COLLECTION == 0:
                collect()
    return tally


@contextmanager
def _collecting_seldom() -> Iterator[Callable[[], object]]:
    """A world is one knot of cycles. Python's own collector would pull at each several times, and at all that the process
    holds besides; here it is called once for some worlds, and only looks at them.
    """
    was_collecting = gc.isenabled()
    gc.collect()
    gc.freeze()  # What is there now is there for long, and stays out of sight.
    gc.disable()
    try:
        yield gc.collect
    finally:
        if was_collecting:
            gc.enable()
        gc.collect()


def told(failures: list[tuple[int, str]]) -> str:
    """The failures, each with the command that replays it."""
    return "\n".join(f"{finding}\n    replay: make simulate SEED={seed} AUCTIONS=1" for seed, finding in failures)
