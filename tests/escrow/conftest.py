"""One fixture for the escrow's tests: a transaction that must be fit to commit, and is rolled back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from migrations.database import Address, Role, connect

if TYPE_CHECKING:
    from migrations.database import Connection


@pytest.fixture
async def tx(module_database: Address) -> AsyncIterator[Connection]:
    """The server's connection inside one transaction. At the end every deferred constraint is made to speak."""
    conn = await connect(module_database, Role.APP)
    transaction = conn.transaction()
    await transaction.start()
    try:
        yield conn
        await conn.execute("set constraints all immediate")
    finally:
        await transaction.rollback()
        await conn.close()
