"""A running house for the deal's tests: real server, real Postgres."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.door.house_server import Server, run_server

if TYPE_CHECKING:
    from migrations.database import Address


@pytest.fixture
async def server(database: Address, tmp_path: Path) -> AsyncIterator[Server]:
    """A whole house on a fresh database."""
    async for running in run_server(database, tmp_path):
        yield running
