"""One vault for the tests that leave it running, a client of it, and parties that nobody else uses."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from escrow.vault_client import VaultClient
from migrations.database import Address, Role, create_pool
from tests.vault.card_bank import KeyBank
from tests.vault.vault_process import VaultProcess, running_vault

if TYPE_CHECKING:
    from asyncpg import Pool, Record

_parties = itertools.count(1000)


@pytest.fixture(scope="module")
async def bank() -> AsyncIterator[KeyBank]:
    async with KeyBank() as bank:
        yield bank


@pytest.fixture(scope="module")
async def vault(
    module_database: Address, tmp_path_factory: pytest.TempPathFactory, bank: KeyBank
) -> AsyncIterator[VaultProcess]:
    folder: Path = tmp_path_factory.mktemp("vault")
    async with running_vault(module_database, folder, bank.url) as vault:
        yield vault


@pytest.fixture
async def client(vault: VaultProcess) -> AsyncIterator[VaultClient]:
    client = vault.client()
    yield client
    await client.close()


@pytest.fixture
async def owner_of_module(module_database: Address) -> AsyncIterator[Pool[Record]]:
    """The owner's pool, for looking at what lies in the vault's schema."""
    pool = await create_pool(module_database, Role.OWNER, min_size=1)
    yield pool
    await pool.close()


@pytest.fixture
def party() -> int:
    return next(_parties)
