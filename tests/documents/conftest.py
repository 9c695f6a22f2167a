from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.door.house_server import Server, run_server

if TYPE_CHECKING:
    from migrations.database import Address


SECRET = "whsec_" + "dGVzdHMgb25seSwgbm8gcGFyY2VsIHNlY3JldCE="


@pytest.fixture(scope="module")
async def server(module_database: Address, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """One house for all the tests of a file, which may reach webhooks on this machine; its carrier is out of reach."""
    folder = Path(tmp_path_factory.mktemp("house"))
    async for running in run_server(
        module_database, folder, partner_networks="any", carrier_url="http://127.0.0.1:9", carrier_secret=SECRET
    ):
        yield running
