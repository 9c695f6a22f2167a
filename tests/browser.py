"""The browser of the tests: which program, with which flags, the same for every test that looks at a page."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright, expect

# A busy machine is no fault of the page.
expect.set_options(timeout=30_000)

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
