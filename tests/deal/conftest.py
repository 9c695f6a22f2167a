"""A running house for the deal's tests: real server, real Postgres."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from tests.door.house_server import Server, run_server

if TYPE_CHECKING:
    from migrations.database import Address


@pytest.fixture(scope="module")
async def server(module_database: Address, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """A whole house for the tests of a file; each makes a trade of its own in it."""
    async for running in run_server(module_database, tmp_path_factory.mktemp("house")):
        yield running
