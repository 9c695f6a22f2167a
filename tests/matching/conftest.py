"""A running house for the boards, and a browser to look at it with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import hatch_build
from tests.door.house_server import Server, run_server

if TYPE_CHECKING:
    from migrations.database import Address

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
async def server(module_database: Address, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """One house for the tests of a file."""
    hatch_build.build(ROOT)
    async for running in run_server(module_database, tmp_path_factory.mktemp("house")):
        yield running
