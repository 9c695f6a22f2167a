"""A running house and a real browser to look at it with."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import Browser, async_playwright

import hatch_build
from tests.door.house_server import run_server
from tests.front.saleroom import Saleroom

if TYPE_CHECKING:
    from migrations.database import Address

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium() -> str:
    """The browser of this machine: $CHROMIUM, else what is on the path."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    assert found, "these tests need Chromium: apt-get install chromium fonts-noto-cjk"
    return found


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One browser for the session; each test opens contexts of its own."""
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
        yield running
        await running.close()


@pytest.fixture(scope="module")
async def open_saleroom(
    browser: Browser, module_database: Address, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Saleroom]:
    """A house with a seller, an operator and bidders."""
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
