"""Every lot is played once for the tests of a worker, on a database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from auction.heads import Heads
from migrations.database import Address, Role, create_pool
from tests.auction.house import open_node
from tests.fairness.lots import FORMATS
from tests.fairness.played import SIGNER, Played


@pytest.fixture(scope="module")
async def played(module_database: Address) -> AsyncIterator[dict[str, list[Played]]]:
    """All lots of all formats, over."""
    pool = await create_pool(module_database, Role.APP, min_size=1)
    async with open_node(pool) as node:
        heads = Heads(node.bidding, SIGNER)
        yield {name: [await play(node, heads) for play in plays] for name, plays in FORMATS.items()}
    await pool.close()
