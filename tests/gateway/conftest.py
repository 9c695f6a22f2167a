"""One bank and one till for each file of card tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from migrations.database import Role, create_pool
from tests.gateway.cards import Bank, Till, open_till, running_bank

if TYPE_CHECKING:
    from migrations.database import Address, Pool


@pytest.fixture(scope="module")
async def till_pool(module_database: Address) -> AsyncIterator[Pool]:
    pool = await create_pool(module_database, Role.APP, min_size=2)
    yield pool
    await pool.close()


@pytest.fixture(scope="module")
async def bank(module_database: Address) -> AsyncIterator[Bank]:
    async with running_bank(module_database) as bank:
        yield bank


@pytest.fixture(scope="module")
async def till(till_pool: Pool, bank: Bank) -> AsyncIterator[Till]:
    """Patient, so that only the bank's word counts and not how busy this machine is."""
    async with open_till(till_pool, bank, answer_seconds=10.0) as till:
        yield till


@pytest.fixture(scope="module")
async def hasty(till_pool: Pool, bank: Bank) -> AsyncIterator[Till]:
    """Waits for an answer no longer than a test may."""
    async with open_till(till_pool, bank, answer_seconds=0.4) as till:
        yield till
