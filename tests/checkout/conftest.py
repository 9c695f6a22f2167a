"""A house with vault and bank as real processes, and deals that wait for their payment."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import hatch_build
from migrations.database import Role, create_pool
from migrations.embedded_postgres import EmbeddedPostgres
from tests.checkout.cash_desk import CashDesk
from tests.running_house import ROOT, RunningHouse, running_house

if TYPE_CHECKING:
    from playwright.async_api import Browser


@pytest.fixture(scope="session")
def house(open_folder: Path) -> Iterator[RunningHouse]:
    """The house, its vault and its bank."""
    hatch_build.build(ROOT)
    with running_house(open_folder / "cash-desk", payment_seconds=900) as house:
        house.start()
        house.start_bank()
        yield house


@pytest.fixture
async def cash_desk(house: RunningHouse, browser: Browser) -> AsyncIterator[CashDesk]:
    """The cash desk for one test; its browsers close after it."""
    pool = await create_pool(EmbeddedPostgres(house.folder).attach(), Role.APP, min_size=1, max_size=4)
    desk = CashDesk(house, browser, pool)
    yield desk
    await desk.close()
    await pool.close()
