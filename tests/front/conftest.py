"""A running house and a real browser to look at it with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

import hatch_build
from tests.door.house_server import run_server
from tests.front.saleroom import Saleroom

if TYPE_CHECKING:
    from playwright.async_api import Browser

    from migrations.database import Address


@pytest.fixture(scope="module")
async def open_saleroom(
    browser: Browser, module_database: Address, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Saleroom]:
    """A house with a seller, an operator and bidders."""
    hatch_build.build(Saleroom.root)
    async for server in run_server(module_database, tmp_path_factory.mktemp("house")):
        room = await Saleroom.opened(server, browser)
        yield room
        await room.close()


@pytest.fixture
async def saleroom(open_saleroom: Saleroom) -> AsyncIterator[Saleroom]:
    """The saleroom for one test: its browsers rest after it, and no console may have said a word."""
    yield open_saleroom
    assert await open_saleroom.get_up() == []
