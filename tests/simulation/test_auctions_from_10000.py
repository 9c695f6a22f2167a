"""The other half of the 10,000 simulated auctions, on other seeds."""

from __future__ import annotations

import pytest

from tests.simulation.run import play_many, told
from tests.simulation.world import LOTS_PER_WORLD

WORLDS, CHUNK = 313, 40


@pytest.mark.parametrize("seed", range(10_000, 10_000 + WORLDS, CHUNK))
def test_every_auction_is_what_the_naive_rule_says_whatever_goes_wrong(seed: int) -> None:
    worlds = min(CHUNK, 10_000 + WORLDS - seed)
    tally = play_many(seed, worlds * LOTS_PER_WORLD)
    assert not tally.failures, told(tally.failures)
    assert tally.auctions == worlds * LOTS_PER_WORLD
    # The schedule must reach what it is there for.
    assert tally.faults > worlds and tally.answers["accepted"] > 30 * worlds
    assert min(tally.answers[code] for code in ("closed", "paused", "not_admitted", "id_reused")) > 0
