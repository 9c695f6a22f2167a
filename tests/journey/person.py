"""Somebody with a browser of his own, in his own language. Finds things by the words that he reads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache

from playwright.async_api import Browser, Error, Locator, Page, ProxySettings, expect

from escrow.sandbox_bank import texts as bank_texts
from market.catalogue import Catalogue
from tests.journey.line import Line
from tests.running_house import RunningHouse

PASSPHRASE = "quiet river seven lanterns"


@dataclass
class Person:
    """`said` is everything that the console of any of his pages has complained of."""

    house: RunningHouse
    name: str
    lang: str
    page: Page
    line: Line
    said: list[str] = field(default_factory=list)
    account: str = ""
    """The number of his account at the sandbox bank."""

    def text(self, key: str, **params: object) -> str:
        return catalogue().text(key, self.lang, **params)

    async def go(self, path: str) -> None:
        """Open a page; again, if the page he leaves was just loading itself anew and took the way."""
        try:
            await self.page.goto(self.house.origin + path)
        except Error as error:
            if "ERR_ABORTED" not in error.message:
                raise
            await self.page.goto(self.house.origin + path)

    def box(self, key: str) -> Locator:
        """The field with this label."""
        return self.page.get_by_label(self.text(key)).first

    async def press(self, key: str, **params: object) -> None:
        """Press the button with these words."""
        await self.page.get_by_role("button", name=self.text(key, **params), exact=True).click()

    async def follow(self, key: str) -> None:
        """Follow the link with these words."""
        await self.page.get_by_role("link", name=self.text(key), exact=True).first.click()

    async def reads(self, key: str, **params: object) -> None:
        """These words stand on the page, or come to stand there."""
        await expect(self.page.locator("main")).to_contain_text(self.text(key, **params))

    async def register(self) -> None:
        """Open an account, by hand, in his language."""
        await self.go("/register")
        await self.page.locator("#f-email").fill(f"{self.name.lower()}@example.org")
        await self.page.locator("#f-display_name").fill(self.name)
        await self.page.locator("#f-passphrase").fill(PASSPHRASE)
        await expect(self.page.locator("#f-language")).to_have_value(self.lang)
        await self.press("account.register_action")
        await self.reads("account.welcome", name=self.name)

    async def transfer(self, reference: str, amount: str) -> None:
        """Pay the centre at the sandbox bank, everything typed in by hand."""
        await self.page.goto(self.house.bank)
        await self.page.locator("#reference").fill(reference)
        await self.send_money(amount)

    async def send_money(self, amount: str) -> None:
        """On the bank's page, filled in but for account and amount."""
        await self.page.locator("#from_number").select_option(self.account)
        await self.page.locator("#amount").fill(amount)
        await self.page.get_by_role("button", name=bank_texts.text("transfer.send", self.lang)).click()
        await expect(self.page.locator(".done")).to_be_visible()


@cache
def catalogue() -> Catalogue:
    return Catalogue.load()


@asynccontextmanager
async def person(
    browser: Browser, house: RunningHouse, name: str, lang: str, line: Line | None = None, *, is_still: bool = False
) -> AsyncIterator[Person]:
    """Somebody new, with an empty browser; without a line of his own he comes the straight way. Who `is_still` has asked his
    system for less motion.
    """
    context = await browser.new_context(
        locale="zh-CN" if lang == "zh" else "en-GB",
        timezone_id="Asia/Shanghai" if lang == "zh" else "Europe/London",
        viewport={"width": 1280, "height": 900},
        reduced_motion="reduce" if is_still else "no-preference",
        proxy=ProxySettings(server=line.address) if line else None,
    )
    context.set_default_timeout(40_000)
    somebody = Person(house, name, lang, await context.new_page(), line or Line(0))

    def watch(page: Page) -> None:
        page.on("console", lambda message: message.type in ("error", "warning") and somebody.said.append(message.text))
        page.on("pageerror", lambda error: somebody.said.append(str(error)))

    watch(somebody.page)
    context.on("page", watch)
    try:
        yield somebody
    finally:
        await context.close()
