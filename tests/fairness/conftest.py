"""Every lot is played once for the tests of a worker, on a database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

import hatch_build
from auction.heads import Heads
from migrations.database import Address, Role, create_pool
from tests.auction.house import open_node
from tests.door.house_server import run_server
from tests.fairness.lots import FORMATS
from tests.fairness.played import SIGNER, Played
from tests.front.saleroom import Saleroom

if TYPE_CHECKING:
    from playwright.async_api import Browser


@pytest.fixture(scope="module")
async def played(module_database: Address) -> AsyncIterator[dict[str, list[Played]]]:
    """All lots of all formats, over."""
    pool = await create_pool(module_database, Role.APP, min_size=1)
    async with open_node(pool) as node:
        heads = Heads(node.bidding, SIGNER)
        yield {name: [await play(node, heads) for play in plays] for name, plays in FORMATS.items()}
    await pool.close()


@pytest.fixture(scope="module")
async def open_saleroom(
    browser: Browser, module_database: Address, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Saleroom]:
    """A running house with a seller and bidders, and a browser to look at it."""
    hatch_build.build(Saleroom.root)
    async for server in run_server(module_database, tmp_path_factory.mktemp("house")):
        yield await Saleroom.opened(server, browser)


@pytest.fixture
async def saleroom(open_saleroom: Saleroom) -> AsyncIterator[Saleroom]:
    """The saleroom for one test: its pages are closed after it, and no console may have said a word."""
    yield open_saleroom
    looks, open_saleroom.looks = open_saleroom.looks, []
    for look in looks:
        await look.page.context.close()
    assert [message for look in looks for message in look.said] == []
