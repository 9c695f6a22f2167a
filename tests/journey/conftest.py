"""What the journeys share: a house with its bank as real processes, and a browser."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

import hatch_build
from tests.browser import running_browser
from tests.running_house import ROOT, RunningHouse, running_house


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with running_browser() as browser:
        yield browser


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
