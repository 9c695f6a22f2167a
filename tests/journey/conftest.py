"""What the journeys share: a house with its bank as real processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import hatch_build
from tests.running_house import ROOT, RunningHouse, running_house


@pytest.fixture(scope="module")
def house(open_folder: Path) -> Iterator[RunningHouse]:
    """A house and its bank, empty, with terms of minutes instead of days."""
    hatch_build.build(ROOT)
    with running_house(
        open_folder / "journey",
        payment_seconds=600,
        ship_seconds=600,
        arrival_seconds=600,
        inspection_seconds=600,
    ) as house:
        house.start()
        house.start_bank()
        yield house
