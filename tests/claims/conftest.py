"""A running house for the tests of claims: real server, real Postgres, and deals as far as a test wants them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from tests.claims.dispute import Dispute, dispute_in
from tests.door.house_server import Server, run_server

if TYPE_CHECKING:
    from migrations.database import Address


@pytest.fixture(scope="module")
async def server(module_database: Address, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """A whole house for the tests of a file; each has a deal of its own in it."""
    async for running in run_server(module_database, tmp_path_factory.mktemp("house")):
        yield running


@pytest.fixture
async def dispute(server: Server) -> Dispute:
    """A deal whose goods are being inspected, and everybody who may have a say in it."""
    return await dispute_in(server)
