"""A connection that the tests of a file share, each rolled back; and a house that runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from migrations.database import Role, connect
from tests.front.conftest import open_saleroom, saleroom

if TYPE_CHECKING:
    from migrations.database import Address, Connection

__all__ = ["open_saleroom", "saleroom"]


@pytest.fixture
async def module_conn(module_database: Address) -> AsyncIterator[Connection]:
    """One test's transaction in the file's database: nothing of it stays."""
    conn = await connect(module_database, Role.APP)
    around = conn.transaction()
    await around.start()
    try:
        yield conn
    finally:
        await around.rollback()
        await conn.close()
