"""Claims by hand: goods that go back, an arbitration in which two operators have to agree, and a chargeback.

Each is walked in both languages by people with browsers who find things by the words that they read. Each page that they
come to and that the demo does not have is looked at in one theme and width, and together in all of them.
"""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import Browser, FilePayload, Page, expect

import hatch_build
from escrow.facts import NoticeKind
from market import sign_in_links
from tests.claims.dispute import Dispute, dispute_in
from tests.door.house_server import PHRASE, Server, run_server
from tests.journey.looking import faults_of
from tests.journey.person import catalogue
from tests.running_house import ROOT
from tests.sell.stall import picture

if TYPE_CHECKING:
    from migrations.database import Address

LANGUAGES = ("zh", "en")
LOOKS = itertools.cycle(((1280, "light"), (360, "dark"), (360, "light"), (1280, "dark")))


@pytest.fixture(scope="module")
async def server(module_database: Address, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """A house with its scripts and styles."""
    hatch_build.build(ROOT)
    async for running in run_server(module_database, tmp_path_factory.mktemp("house")):
        yield running


@dataclass
class Hand:
    """Somebody at a browser, signed in, in his language."""

    server: Server
    lang: str
    page: Page
    faults: list[str] = field(default_factory=list)

    def text(self, key: str, **params: object) -> str:
        return catalogue().text(key, self.lang, **params)

    async def go(self, path: str) -> None:
        await self.page.goto(self.server.origin + path)

    async def press(self, key: str, **params: object) -> None:
        await self.page.get_by_role("button", name=self.text(key, **params), exact=True).click()

    async def unfold(self, key: str, **params: object) -> None:
        await self.page.locator("summary", has_text=self.text(key, **params)).click()

    async def reads(self, key: str, **params: object) -> None:
        await expect(self.page.locator("main")).to_contain_text(self.text(key, **params))

    async def reads_the_start_of(self, key: str) -> None:
        """The words of a sentence up to the first thing that is filled in."""
        blanks = dict.fromkeys(("sum", "subject", "title", "lot", "deal"), "\0")
        await expect(self.page.locator("main")).to_contain_text(self.text(key, **blanks).split("\0")[0].strip())

    async def for_good(self, name: str, key: str, **params: object) -> None:
        """Tick the box, type the passphrase, press the button."""
        await self.page.locator(f"#f-{name}_understood").check()
        await self.page.locator(f"#f-{name}_passphrase").fill(PHRASE)
        await self.press(key, **params)

    async def look(self, name: str) -> None:
        """What is wrong with the page; where GAVELHOUSE_LOOK names a folder, also pictures in both themes and widths."""
        await expect(self.page.locator("h1")).to_be_visible()
        folder = os.environ.get("GAVELHOUSE_LOOK")
        if folder:
            for width, theme in ((1280, "light"), (1280, "dark"), (360, "light"), (360, "dark")):
                await self.page.set_viewport_size({"width": width, "height": 900})
                await self.page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
                shot = Path(folder) / f"{name}-{self.lang}-{width}-{theme}.png"
                await self.page.screenshot(path=shot, full_page=True)
        judged = (next(LOOKS),)
        self.faults += [f"{name}: {one}" for one in await faults_of(self.page, (judged[0][0],), judged)]
        await self.page.set_viewport_size({"width": 1280, "height": 900})


@dataclass
class Office:
    """The house and its chairs, a browser at each: whoever comes next sits down where another sat, signed in as himself."""

    server: Server
    browser: Browser
    chairs: list[Hand] = field(default_factory=list)

    @asynccontextmanager
    async def hands(self, lang: str, *parties: int) -> AsyncIterator[list[Hand]]:
        """These parties, each with a browser to himself. No page of theirs may have had an error."""
        while len(self.chairs) < len(parties):
            context = await self.browser.new_context()
            context.set_default_timeout(40_000)
            hand = Hand(self.server, lang, await context.new_page())
            hand.page.on("pageerror", lambda error, hand=hand: hand.faults.append(str(error)))  # type: ignore[misc]
            self.chairs.append(hand)
        sitting = self.chairs[: len(parties)]
        for hand, party in zip(sitting, parties, strict=True):
            context, hand.lang = hand.page.context, lang
            await context.clear_cookies()
            async with self.server.house.pool.acquire() as conn:
                link = await sign_in_links.create_link(conn, party, self.server.house.node_time.now())
            assert (await context.request.get(self.server.origin + link)).ok
            assert (await context.request.get(f"{self.server.origin}/?lang={lang}")).ok
        yield sitting
        assert [fault for hand in sitting for fault in hand.faults] == []


@pytest.fixture(scope="module")
async def office(browser: Browser, server: Server) -> AsyncIterator[Office]:
    office = Office(server, browser)
    yield office
    for hand in office.chairs:
        await hand.page.context.close()


async def makes_a_claim(buyer: Hand, dispute: Dispute, amount: str) -> None:
    """From the deal's page to a claim with a photo in its file."""
    await buyer.go(f"/deals/{dispute.case_id}")
    await buyer.unfold("claim.start_fold")
    await buyer.page.get_by_role("link", name=buyer.text("claim.start")).click()
    await buyer.look("claim-form")
    await buyer.page.locator("#f-reason").select_option("damaged")
    await buyer.page.locator("#f-amount").fill(amount)
    await buyer.page.locator("#f-statement").fill("足部有磕碰，照片为证。")
    photo = FilePayload(name="Foot 1.jpg", mimeType="image/jpeg", buffer=picture(800, 600))
    await buyer.page.locator("#f-files").set_input_files(photo)
    await buyer.press("claim.submit")
    await buyer.reads("deal.next.claimed.buyer")
    await expect(buyer.page.locator(".case-evidence img")).to_have_count(1)


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_goods_go_back_and_the_money_comes_back(office: Office, lang: str) -> None:
    dispute = await dispute_in(office.server)
    async with office.hands(lang, dispute.on.winner, dispute.on.seller) as (buyer, seller):
        await makes_a_claim(buyer, dispute, "2345.00")
        await seller.go(f"/deals/{dispute.case_id}")
        await seller.reads("deal.next.claimed.seller")
        await expect(seller.page.locator(".case-evidence img")).to_have_count(1)
        await seller.unfold("claim.return_fold")
        await seller.press("claim.return_submit")
        await seller.reads("deal.next.returning.seller")
        await buyer.go(f"/deals/{dispute.case_id}")
        await buyer.look("returning-buyer")
        await buyer.page.locator("#f-back_carrier").fill("顺丰速运")
        await buyer.page.locator("#f-back_tracking_number").fill("SF 2")
        await buyer.press("claim.send_back")
        await buyer.reads("deal.next.returned.buyer")
        await seller.go(f"/deals/{dispute.case_id}")
        await seller.look("returned-seller")
        await seller.for_good("returned", "claim.returned_submit", sum="¥12,345.00")
        await seller.reads("deal.next.refunded.seller")
        await buyer.go("/wallet")
        await expect(buyer.page.locator(".balance-sum").first).to_contain_text("12,345.00")


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_an_arbiter_rules_and_a_second_operator_has_to_agree(
    office: Office, lang: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispute = await dispute_in(office.server)
    arbitration = type(office.server.house.escrow.arbitration)
    monkeypatch.setattr(arbitration, "second_person_above_minor", 1_000_000)
    people = (dispute.on.winner, dispute.on.seller, *dispute.operator_ids[:2])
    async with office.hands(lang, *people) as (buyer, seller, arbiter, second):
        await makes_a_claim(buyer, dispute, "12345.00")
        await seller.go(f"/deals/{dispute.case_id}")
        await seller.unfold("claim.contest_fold")
        await seller.page.locator("#f-contest").fill("It was whole when I packed it.")
        await seller.press("claim.contest_submit")
        await seller.reads("deal.next.arbitration.seller")
        await arbiter.go("/operator/claims?whose=free")
        await arbiter.page.locator(f'a[href="/operator/claims/{dispute.case_id}"]').click()
        await arbiter.press("claims_desk.take_arbitration")
        await arbiter.reads("claims_desk.flash.arbitration_taken")
        await arbiter.page.locator("#f-buyer").fill("2000.00")
        await arbiter.press("claims_desk.preview")
        await expect(arbiter.page.locator("tbody")).to_contain_text(f"escrow:{dispute.case_id}")
        await arbiter.look("ruling-preview")
        await arbiter.page.locator("#f-ruling_reason").fill("A chip at the foot, as the photo shows.")
        await arbiter.press("claims_desk.rule_submit")
        await arbiter.page.locator("#confirm-ruling [data-agree]").click()
        await arbiter.reads("claims_desk.own_proposal")
        await buyer.go(f"/deals/{dispute.case_id}")
        await expect(buyer.page.locator("main")).not_to_contain_text("A chip at the foot")
        await second.go(f"/operator/claims/{dispute.case_id}")
        await second.look("second-person")
        await second.press("claims_desk.confirm")
        await second.page.locator("#confirm-second [data-agree]").click()
        await second.reads("claims_desk.flash.confirmed")
        await buyer.go(f"/deals/{dispute.case_id}")
        await buyer.reads("deal.next.ruled.buyer")
        await expect(buyer.page.locator("main")).to_contain_text("A chip at the foot")
        await buyer.look("ruled-buyer")


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_a_chargeback_is_shown_to_the_seller_and_the_operators_until_the_bank_decides(
    office: Office, lang: str
) -> None:
    payment, number = hashlib.sha256(lang.encode()).hexdigest()[:32], f"CB-{lang}"
    dispute = await dispute_in(office.server, card_payment=payment)
    await dispute.does(dispute.buyer, "confirmation", passphrase=PHRASE)
    await dispute.bank_says(NoticeKind.CHARGEBACK, number, payment, 500_000)
    sum_ = {"sum": "¥5,000.00"}
    async with office.hands(lang, dispute.on.seller, dispute.operator_ids[0]) as (seller, operator):
        await seller.go("/notices")
        await seller.reads_the_start_of("notice.chargeback_open")
        await seller.go(f"/deals/{dispute.case_id}")
        await seller.reads("chargeback.open_seller", **sum_)
        await seller.reads_the_start_of("chargeback.from_receivable")
        await seller.look("chargeback-seller")
        await seller.unfold("case_file.add_heading")
        await seller.page.locator("#f-words").fill("Signed for on 3 March.")
        proof = FilePayload(name="Proof of delivery.pdf", mimeType="application/pdf", buffer=b"%PDF-1.7\n%%EOF")
        await seller.page.locator("#f-files").set_input_files(proof)
        await seller.press("case_file.add")
        await seller.reads("case_file.flash_added")
        await operator.go("/operator/claims")
        row = operator.page.get_by_role("row").filter(has_text="5,000.00")
        await row.get_by_role("link").click()
        await operator.look("chargeback-operator")
        await operator.page.locator("#f-answer").fill("It was signed for on 3 March.")
        await operator.press("chargeback_desk.send")
        await operator.reads("chargeback_desk.on_its_way")
        await operator.go(f"/deals/{dispute.case_id}")
        await operator.reads("chargeback.open_operator", **sum_)
        await expect(operator.page.locator(".case-evidence")).to_contain_text("Proof of delivery.pdf")
        await dispute.bank_says(NoticeKind.CHARGEBACK_WON, f"{number}:won", payment, 500_000)
        await seller.go(f"/deals/{dispute.case_id}")
        await seller.reads("chargeback.won", **sum_)
