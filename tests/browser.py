"""The browser of the tests: which program, with which flags, the same for every test that looks at a page."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urldefrag, urljoin

from playwright.async_api import Browser, Error, Page, Request, Response, async_playwright, expect

# A busy machine is no fault of the page.
expect.set_options(timeout=30_000)

_ASKED_WITHIN_SECONDS = 3.0
_TRIES = 4
_goto = Page.goto


async def _goto_surely(page: Page, url: str, **given: Any) -> Response | None:
    """Where a live page takes its own place at the very moment at which it is told to go elsewhere, Chromium forgets where
    to: no request is sent, or the page's own one wins. Then it is told again. What was asked of the house is waited for.
    """
    wanted = urldefrag(urljoin(page.url, url)).url
    overtaken = ("interrupted by another navigation",)
    for last in (*[False] * (_TRIES - 1), True):
        asked: list[str] = []

        def note(request: Request, asked: list[str] = asked) -> None:
            if request.is_navigation_request() and request.url == wanted:
                asked.append(request.url)

        page.on("request", note)
        going = asyncio.ensure_future(_goto(page, url, **given))
        try:
            done, _ = await asyncio.wait({going}, timeout=None if last else _ASKED_WITHIN_SECONDS)
            if done or asked or last:
                return await going
            overtaken = ("interrupted by another navigation", "net::ERR_ABORTED")  # by the one that is given up here
            await page.evaluate("stop()")
        except Error as error:
            if last or not any(word in str(error) for word in overtaken):
                raise
        finally:
            page.remove_listener("request", note)
            # One that is given up ends when the next one begins, and nobody asks how.
            going.add_done_callback(lambda gone: gone.cancelled() or gone.exception())
    raise AssertionError("the last try returns or raises")


Page.goto = _goto_surely  # type: ignore[method-assign]

# What playwright turns off itself (a second list takes the place of its first); the process that is started in case another
# should be wanted; and the address bar's two lists: pages of their own in every window, though nobody will ever type there.
_OFF = (
    "AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades", "HttpsFirstBalancedModeAutoEnable",
    "LensOverlay", "MediaRouter", "PaintHolding", "ThirdPartyStoragePartitioning", "AvoidCorsURLLoaderRestartOnRedirect",
    "OptimizationHints", "NetworkTimeServiceQuerying", "AimEnabled", "PreconnectToSearch", "SpareRendererForSitePerProcess",
    "WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "WebUIOmniboxFullPopup",
)  # fmt: skip
# No sandbox, for tests may run as root; nothing that calls home; and as few processes as it can do with, for each costs as
# much as a page. What playwright turns on itself is said again, for a second list takes the place of its first here too.
FLAGS = [
    f"--disable-features={','.join(_OFF)}",
    "--no-sandbox",
    "--disable-gpu",
    # No page here lives long enough to earn back what the better compilers cost.
    "--js-flags=--no-opt --no-maglev",
    "--in-process-gpu",
    "--enable-features=NetworkServiceInProcess2,CDPScreenshotNewSurface,SkipListAccountsWithoutGaiaCookies",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


_PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The shell is the same engine without the windows around the page, which cost as much as loading the page does."""


def chromium() -> str:
    """The browser of this machine: $GAVELHOUSE_CHROMIUM or $CHROMIUM, else what is on the path."""
    named = os.environ.get("GAVELHOUSE_CHROMIUM") or os.environ.get("CHROMIUM")
    found = named or next(filter(None, map(shutil.which, _PROGRAMS)), None)
    assert found, "these tests need Chromium: apt-get install chromium-headless-shell fonts-noto-cjk"
    return found


@asynccontextmanager
async def running_browser() -> AsyncIterator[Browser]:
    """A browser with nobody in it; each person gets a context."""
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        try:
            yield running
        finally:
            await running.close()
