"""Every page of the house and of its bank, as each kind of visitor, in both languages, both themes, and two widths."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

import hatch_build
from tests.journey.looking import axe_script, faults_of
from tests.running_house import ROOT, RunningHouse, running_house

TABS = 2
JUDGED = {"en": ((1280, "light"), (360, "dark")), "zh": ((360, "light"), (1280, "dark"))}
"""Where axe looks: a page differs little between languages, so each theme at each width is judged in one of the two."""
PEOPLE = ("visitor", "bidder", "second bidder", "seller", "operator", "bank")
VISITOR = ("/", "/?state=closed", "/?q=nothing+like+this", "/help", "/register", "/sign-in", "/api", "/no/such/page")
MEMBER = ("/my/bids", "/deals", "/deals?state=cancelled", "/wallet", "/account", "/notices", "/sell", "/operator")
SELLER = ("/sell", "/sell/lots/new", "/deals", "/wallet")
OPERATOR = (
    "/operator",
    "/operator/lots",
    "/operator/applications",
    "/operator/applications?state=all",
    "/operator/audit",
    "/operator/money",
    "/operator/cases",
    "/operator/claims",
    "/operator/quarantine",
    "/operator/payouts",
)
LISTS = {
    "visitor": {"/": r"/lots/\d+", "/?state=closed": r"/lots/\d+"},
    "bidder": {"/my/bids": r"/lots/\d+", "/deals": r"/deals/\d+"},
    "second bidder": {"/my/bids": r"/lots/\d+", "/deals": r"/deals/\d+"},
    "seller": {"/sell": r"/sell/lots/\d+", "/deals": r"/deals/\d+"},
    "operator": {
        "/operator": r"/operator/lots/\d+",
        "/operator/lots": r"/operator/lots/\d+",
        "/operator/cases": r"/operator/cases/\d+",
        "/operator/claims": r"/operator/claims/\d+",
        "/operator/quarantine": r"/operator/quarantine/\d+",
    },
    "bank": {"/": r"/accounts/\w+"},
}
"""Pages that lead to others: what the links there look like."""
FIXED = {
    "visitor": VISITOR,
    "bidder": MEMBER,
    "second bidder": ("/my/bids",),
    "seller": SELLER,
    "operator": OPERATOR,
    "bank": ("/",),
}
MOST_ALIKE = 3
"""Of many pages of one kind, so many are looked at: enough to meet each of their states."""


@dataclass
class Gallery:
    """The demo's house, whose people are signed in."""

    house: RunningHouse
    browser: Browser
    states: dict[str, Any] = field(default_factory=dict)

    def origin(self, who: str) -> str:
        return self.house.bank if who == "bank" else self.house.origin

    @asynccontextmanager
    async def visit(self, who: str, lang: str) -> AsyncIterator[BrowserContext]:
        """A browser in this language in which `who` is signed in."""
        locale = "zh-CN" if lang == "zh" else "en-GB"
        context = await self.browser.new_context(locale=locale, storage_state=self.states.get(who))
        context.set_default_timeout(30_000)
        await context.add_init_script(axe_script())
        try:
            assert (await context.request.get(f"{self.origin(who)}/?lang={lang}")).ok
            yield context
        finally:
            await context.close()

    async def sign_in(self, links: dict[str, str]) -> None:
        for who, link in links.items():
            context = await self.browser.new_context()
            assert (await context.request.get(link)).ok
            self.states[who] = await context.storage_state()
            await context.close()

    async def paths(self, context: BrowserContext, who: str) -> list[str]:
        """Every page that is to be looked at as `who`, found in what the server sends."""

        async def links(path: str, pattern: str) -> list[str]:
            text = await (await context.request.get(self.origin(who) + path)).text()
            found = {unescape(href) for href in re.findall(r'<a\b[^>]*\bhref="([^"]*)"', text)}
            return sorted((href for href in found if re.fullmatch(pattern, href)), key=lambda href: (len(href), href))

        found = list(FIXED[who])
        for path, pattern in LISTS[who].items():
            alike = await links(path, pattern)
            assert alike, f"{path} leads nowhere"
            found += alike if "deals" in pattern else alike[:: max(1, len(alike) // MOST_ALIKE)]
            if "deals" in pattern:
                found += (await links(alike[0], r"/lots/\d+/confirmation\?.*"))[:1]
        return list(dict.fromkeys(found))


@pytest.fixture(scope="module")
def demo(open_folder: Path) -> Iterator[tuple[RunningHouse, dict[str, Any]]]:
    hatch_build.build(ROOT)
    with running_house(open_folder / "gallery") as house:
        yield house, house.start_demo("--no-robots", "--no-photos")


@pytest.fixture(scope="module")
async def gallery(demo: tuple[RunningHouse, dict[str, Any]], browser: Browser) -> AsyncIterator[Gallery]:
    """A house full of lots and deals in every state, one applicant accepted and one lot paused."""
    house, keys = demo
    gallery = Gallery(house, browser)
    await gallery.sign_in(keys["links"])
    async with gallery.visit("operator", "en") as context:
        page = await context.new_page()
        await page.goto(f"{house.origin}/operator/applications")
        await page.locator("button[value=confirm]").first.click()
        await page.goto(f"{house.origin}/operator")
        # The last to end: the first may be a sealed lot, whose end is over.
        await page.locator('[aria-labelledby="live-lots"] a[href^="/operator/lots/"]').last.click()
        await page.locator("#f-pause_reason").fill("A question about the provenance.")
        await page.locator("form[action$='/pause'] button").click()
        await expect(page.locator(".flash")).to_be_visible()
    yield gallery


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("who", PEOPLE)
async def test_every_page_is_without_fault(gallery: Gallery, who: str, lang: str) -> None:
    async with gallery.visit(who, lang) as context:
        paths = await gallery.paths(context, who)
        waiting = iter(paths)
        faults: list[str] = []

        async def look_at_pages() -> None:
            tab = await Tab.opened(context)
            for path in waiting:
                faults.extend(
                    f"{path} {fault}" for fault in await tab.faults_at(gallery.origin(who) + path, JUDGED[lang])
                )

        await asyncio.gather(*(look_at_pages() for _ in range(TABS)))
        assert not faults, "\n".join(faults)


async def test_a_form_that_was_refused_is_without_fault(gallery: Gallery) -> None:
    async with gallery.visit("visitor", "zh") as context:
        page = await context.new_page()
        await page.goto(f"{gallery.house.origin}/register")
        await page.locator("form[action='/register']").evaluate("form => form.noValidate = true")
        await page.locator("form[action='/register'] button").click()
        await expect(page.locator(".error-summary")).to_be_visible()
        assert await faults_of(page) == []


@dataclass
class Tab:
    """One tab, in which page after page is looked at."""

    page: Page
    said: list[str] = field(default_factory=list)

    @classmethod
    async def opened(cls, context: BrowserContext) -> Tab:
        tab = cls(await context.new_page())
        tab.page.on("console", lambda message: tab.hear(message.text))
        tab.page.on("pageerror", lambda error: tab.hear(str(error)))
        return tab

    def hear(self, words: str) -> None:
        if "status of 40" not in words:  # the pages of 403 and 404 are pages like others
            self.said.append(f"console: {words}")

    async def faults_at(self, address: str, judged: Collection[tuple[int, str]]) -> list[str]:
        """Everything wrong with the page at this address, its console included."""
        self.said.clear()
        await self.page.goto(address)
        await settled(self.page)
        faults = await faults_of(self.page, judged=judged)
        return [*self.said, *faults]


async def settled(page: Page) -> None:
    """The page is whole, and its scripts have taken over what they keep alive."""
    await expect(page.locator("h1")).to_be_visible()
    if await page.locator("lot-price").count():
        await expect(page.locator("lot-price data")).to_be_attached()
