"""Every page of the house and of its bank, as each kind of visitor, in both languages, both themes, and two widths.

Each page is looked at in one of the eight ways; the pages take turns, so that every way is met in every part of the house.
`make pages` (GAVELHOUSE_PAGES=all) looks at each page in all eight.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import unescape
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect
from starlette.routing import Route

from market.app import all_routes
from tests.journey.looking import ALL, axe_script, faults_of
from tests.running_house import ROOT, RunningHouse

Look = tuple[int, str]
LOOKS: tuple[Look, ...] = ((1280, "light"), (360, "dark"), (360, "light"), (1280, "dark"))
PEOPLE = ("visitor", "bidder", "second bidder", "seller", "operator", "bank")
VISITOR = (
    "/",
    "/?state=closed",
    "/?q=nothing+like+this",
    "/help",
    "/sales",
    "/market",
    "/market?category=hot_rolled_coil&currency=CNY",
    "/market/data",
    "/market/data/hot_rolled_coil",
    "/register",
    "/sign-in",
    "/api",
    "/verification",
    "/no/such/page",
    "/boards",
)
MEMBER = (
    "/my/bids",
    "/watching",
    "/deals",
    "/deals?state=cancelled",
    "/wallet",
    "/wallet/manager",
    "/wallet/top-up",
    "/wallet/top-up?into=change",
    "/wallet/cheques",
    "/wallet/recorder",
    "/wallet/statements",
    "/wallet/receipts",
    "/phone",
    "/phone/devices",
    "/account",
    "/notices",
    "/negotiations",
    "/contracts",
    "/identity",
    "/duties",
    "/market/mine",
    "/market/searches",
    "/market/posts/new",
    "/market/posts/new?category=green_tea",
    "/market/posts/import",
    "/sell",
    "/operator",
)
SELLER = ("/sell", "/sell/lots/new", "/deals", "/wallet", "/wallet/recorder")
OPERATOR = (
    "/operator",
    "/operator/lots",
    "/operator/applications",
    "/operator/applications?state=all",
    "/operator/sales",
    "/operator/openings",
    "/operator/officer",
    "/operator/fraud",
    "/operator/audit",
    "/operator/cases",
    "/operator/claims",
    "/operator/quarantine",
    "/operator/payouts",
    "/operator/money",
    "/operator/money/queue",
    "/operator/money/batches",
    "/operator/money/batches/new?wish=quarantine_return:1",
    "/operator/money/statements",
    "/operator/money/entries",
    "/operator/money/days",
    "/operator/money/reports",
    "/operator/money/fees",
    "/operator/categories",
    "/operator/categories/green_tea",
    "/operator/offices",
    "/operator/certificates",
    "/operator/boards",
    "/operator/consignments",
    "/operator/chargebacks",
)
LISTS = {
    "visitor": {
        "/": r"/lots/\d+",
        "/?state=closed": r"/lots/\d+",
        "/sales": r"/sales/\d+",
        "/market": r"/market/posts/\d+",
    },
    "bidder": {
        "/my/bids": r"/lots/\d+",
        "/deals": r"/deals/\d+",
        "/negotiations": r"/negotiations/\d+",
        "/market": r"/market/posts/\d+",
        "/wallet/statements": r"/wallet/statements/[\d-]+\?currency=CNY",
        "/wallet/cheques": r"/wallet/cheques/\d+",
    },
    "second bidder": {"/my/bids": r"/lots/\d+", "/deals": r"/deals/\d+"},
    "seller": {"/sell": r"/sell/lots/\d+", "/deals": r"/deals/\d+"},
    "operator": {
        "/operator": r"/operator/lots/\d+",
        "/operator/lots": r"/operator/lots/\d+",
        "/operator/sales": r"/operator/sales/\d+",
        "/operator/money/batches": r"/operator/money/batches/\d+",
        "/operator/cases": r"/operator/cases/\d+",
        "/operator/claims": r"/operator/claims/\d+",
        "/operator/quarantine": r"/operator/quarantine/\d+",
        "/operator/payouts": r"/operator/payouts/\d+",
        "/operator/openings": r"/operator/openings/\d+",
    },
    "bank": {"/": r"/accounts/\w+"},
}
"""Pages that lead to others: what the links there look like."""
DEEPER = {
    r"/deals/\d+": r"/deals/\d+/(checkout|claim|e-receipt|delivery)|/lots/\d+/confirmation\?.*",
    r"/negotiations/\d+": r"/negotiations/\d+/propose",
    r"/market/posts/\d+": r"/negotiations/new\?post=\d+",
    r"/sell/lots/\d+": r"/sell/lots/\d+/after",
    r"/operator/lots/\d+": r"/operator/lots/\d+/(rights|rehearsal)",
}
"""Pages of a thing that lead to others of that thing; of each kind the first that is met is looked at."""
FIXED = {
    "visitor": VISITOR,
    "bidder": MEMBER,
    "second bidder": ("/my/bids",),
    "seller": SELLER,
    "operator": OPERATOR,
    "bank": ("/", "/cards"),
}
NO_PAGES = {
    "favicon", "healthz", "readyz", "metrics", "openapi", "asyncapi", "verifier", "receipt_verifier",
    "contract_verifier", "contract_bundle", "formality_paper", "identity_file", "pki_authority", "pki_list_der", "pki_list_pem",
    "sign_in_link", "notice_open", "photo", "deal_evidence", "deal_evidence_small",
    "clearing_file", "clearing_verifier", "lot_log", "bid_receipt", "receipt_file", "operator_statement_file", "operator_payout_file", "sale_budget_figures",
    "market_template_csv", "market_mine_csv", "market_data_json", "market_data_csv", "market_feed",
    "document_edi", "document_xml", "exchange_file",
    "negotiation_file", "negotiation_file_small", "delivery_proof",
    "sell_csv", "my_bids_csv", "operator_applications_csv", "operator_audit_csv", "operator_journal",
    "deal_state", "deal_checkout_state", "card_payment_state", "phone_request_state",
}  # fmt: skip
"""What is fetched by a program, or leads on to a page."""
ELSEWHERE = {
    "bidder_take_back": "formats/test_english_journey.py",
    "offer": "formats/test_english_journey.py",
    "operator_chargeback": "journey/test_claims.py",
    "market_post_edit": "trading/test_market_journey.py",
    "deposit_checkout": "front/test_live_lot.py",
    "phone_request": "checkout/test_phone_journey.py",
    "operator_day": "desk/test_day_journey.py",
    "contract": "checkout/test_sign_journey.py",
    "contract_amend": "checkout/test_sign_journey.py",
    "contract_paper": "checkout/test_sign_journey.py",
    "board": "matching/test_board_pages.py",
    "partner": "documents/test_purchase.py",
    "partner_documents": "documents/test_purchase.py",
    "deal_documents": "documents/test_purchase.py",
    "document": "documents/test_purchase.py",
    "partners_of_post": "matching/test_board_pages.py",
    "clearing": "matching/test_board_pages.py",
}
"""Pages that the demo does not lead to: the journey on which each is looked at."""
MOST_ALIKE = 3
"""Of many pages of one kind, so many are looked at: enough to meet each of their states."""


@dataclass
class Gallery:
    """The demo's house, whose people are signed in."""

    house: RunningHouse
    browser: Browser
    states: dict[str, list[Any]] = field(default_factory=dict)
    contexts: dict[str, BrowserContext] = field(default_factory=dict)
    tabs: dict[str, Tab] = field(default_factory=dict)
    """One browser and one tab a language, in which everybody looks in turn: a new one costs more than a page."""
    made: dict[str, list[str]] = field(default_factory=dict)
    found: dict[str, list[str]] = field(default_factory=dict)

    def origin(self, who: str) -> str:
        return self.house.bank if who == "bank" else self.house.origin

    @asynccontextmanager
    async def visit(self, who: str, lang: str) -> AsyncIterator[BrowserContext]:
        """The browser of this language, in which `who` is signed in; whatever he opens in it is closed after him."""
        if lang not in self.contexts:
            locale = "zh-CN" if lang == "zh" else "en-GB"
            self.contexts[lang] = context = await self.browser.new_context(locale=locale)
            context.set_default_timeout(30_000)
            await context.add_init_script(axe_script())
            self.tabs[lang] = await Tab.opened(context)
        context = self.contexts[lang]
        await context.clear_cookies()
        await context.add_cookies(self.states.get(who, []))
        assert (await context.request.get(f"{self.origin(who)}/?lang={lang}")).ok
        yield context
        for page in context.pages:
            if page is not self.tabs[lang].page:
                await page.close()

    async def close(self) -> None:
        for context in self.contexts.values():
            await context.close()

    async def sign_in(self, links: dict[str, str]) -> None:
        for who, link in links.items():
            context = await self.browser.new_context()
            assert (await context.request.get(link)).ok
            self.states[who] = [as_given(cookie) for cookie in await context.cookies()]
            await context.close()

    async def paths(self, context: BrowserContext, who: str) -> list[str]:
        """Every page that is to be looked at as `who`, found in what the server sends."""

        async def links(path: str, pattern: str) -> list[str]:
            text = await (await context.request.get(self.origin(who) + path)).text()
            found = {unescape(href) for href in re.findall(r'<a\b[^>]*\bhref="([^"]*)"', text)}
            return sorted((href for href in found if re.fullmatch(pattern, href)), key=lambda href: (len(href), href))

        if who in self.found:
            return self.found[who]
        found = [*FIXED[who], *self.made.get(who, ())]
        for path, pattern in LISTS[who].items():
            alike = await links(path, pattern)
            assert alike, f"{path} leads nowhere"
            if path == "/sell":
                found.append(f"{alike[-1]}/rehearsal")
            found += alike if "deals" in pattern else alike[:: -(-len(alike) // MOST_ALIKE)]
        kinds: dict[str, str] = {}
        for path in found:
            for pattern in (DEEPER[one] for one in DEEPER if re.fullmatch(one, path)):
                for link in await links(path, pattern):
                    kinds.setdefault(re.sub(r"\d+|\?.*", "", link), link)
        self.found[who] = list(dict.fromkeys([*found, *kinds.values()]))
        return self.found[who]


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
        await ask_for_a_refund(page, house)
    async with gallery.visit("bidder", "en") as context:
        gallery.made["bidder"] = [await use_the_wallet(await context.new_page(), house, keys["passphrase"])]
    yield gallery
    await gallery.close()


def as_given(cookie: Any) -> dict[str, Any]:
    """A cookie as it was set, to be set again."""
    return {
        name: cookie[name] for name in ("name", "value", "domain", "path", "expires", "httpOnly", "secure", "sameSite")
    }


async def ask_for_a_refund(page: Page, house: RunningHouse) -> None:
    """A batch of one: the first case of the demo that can be refunded."""
    for case in range(1, 10):
        await page.goto(f"{house.origin}/operator/money/batches/new?wish=case_refund:{case}")
        if await page.locator("#f-reason").count():
            break
    await page.locator("#f-reason").fill("Both agreed to part.")
    await page.locator("form:has(#f-reason) button").click()
    await expect(page).to_have_url(re.compile(r"/operator/money/batches/\d+"))


async def use_the_wallet(page: Page, house: RunningHouse, passphrase: str) -> str:
    """Money is paid in by card, and a cheque written; the path of that payment's page."""
    await page.goto(f"{house.origin}/wallet/top-up")
    await page.locator("#unlock-passphrase").fill(passphrase)
    await page.keyboard.press("Enter")
    await page.locator("input[value^='card:']:enabled").last.check()
    await page.locator("#f-amount").fill("20")
    await page.locator("form:has(#f-amount) button").click()
    await expect(page).to_have_url(re.compile(r"/wallet/card-payments/"))
    payment = page.url.removeprefix(house.origin)
    payee = page.locator("#f-payee")
    while not await payee.count():  # until the bank has paid
        await page.goto(f"{house.origin}/wallet/cheques")
    await payee.fill("wenlan@demo.example")
    await page.locator("#f-amount").fill("5")
    await page.locator("form:has(#f-payee) button").click()
    await expect(page.locator("a[href^='/wallet/cheques/']")).to_have_count(1)
    return payment


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("who", PEOPLE)
async def test_every_page_is_without_fault(gallery: Gallery, who: str, lang: str) -> None:
    async with gallery.visit(who, lang) as context:
        faults: list[str] = []
        for turn, path in enumerate(await gallery.paths(context, who)):
            if judged := looks(lang, turn):
                found = await gallery.tabs[lang].faults_at(gallery.origin(who) + path, judged)
                faults.extend(f"{path} {fault}" for fault in found)
        assert not faults, "\n".join(faults)


def looks(lang: str, turn: int) -> Collection[Look]:
    """In which widths and themes the page whose turn it is gets looked at in this language."""
    if ALL:
        return LOOKS
    if lang != ("en", "zh")[turn // len(LOOKS) % 2]:
        return ()
    return (LOOKS[turn % len(LOOKS)],)


async def test_no_page_of_the_house_is_left_out(gallery: Gallery) -> None:
    seen: set[str] = set()
    for who in PEOPLE[:-1]:
        async with gallery.visit(who, "en") as context:
            seen.update(path.partition("?")[0] for path in await gallery.paths(context, who))
    pages = {
        route.name: route.path_regex
        for route in all_routes()
        if isinstance(route, Route) and "GET" in (route.methods or ()) and not route.path.startswith("/api/")
    }
    left_out = {name for name, regex in pages.items() if not any(regex.match(path) for path in seen)}
    assert left_out - NO_PAGES == set(ELSEWHERE)
    assert all((ROOT / "tests" / file).is_file() for file in ELSEWHERE.values())


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

    async def faults_at(self, address: str, judged: Collection[Look]) -> list[str]:
        """Everything wrong with the page at this address, its console included."""
        self.said.clear()
        widths = sorted({width for width, _ in judged})
        await self.page.set_viewport_size({"width": widths[0], "height": 800})
        await self.page.goto(address)
        await settled(self.page)
        faults = await faults_of(self.page, widths, judged)
        return [*self.said, *faults]


async def settled(page: Page) -> None:
    """The page is whole, and its scripts have taken over what they keep alive."""
    await expect(page.locator("h1")).to_be_visible()
    if await page.locator("lot-price").count():
        await expect(page.locator("lot-price data")).to_be_attached()
