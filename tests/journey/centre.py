"""What two people do on the trading centre's pages, from a post to the seller's money, with the words that they read."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from playwright.async_api import FilePayload, expect

from market.delivery.sandbox_carrier import texts as carrier_texts
from tests.journey.looking import THEMES, faults_of
from tests.journey.person import PASSPHRASE, Person
from tests.journey.trade import open_account
from tests.running_house import RunningHouse
from tests.sell.stall import picture

Theme = Literal["light", "dark"]
WALLET_PASSPHRASE = "seven kites above the harbour"
BALANCE_MINOR = 20_000_000
ALL = os.environ.get("GAVELHOUSE_JOURNEYS") == "all"
"""The long form: every journey in both directions, each as a whole in a width and a theme of its own."""
LOOKS: Iterator[tuple[int, Theme]] = itertools.cycle(((1280, "light"), (360, "dark"), (360, "light"), (1280, "dark")))


@dataclass
class Centre:
    """A house with its bank and carrier, somebody in each language, and an operator who is the courier as well."""

    house: RunningHouse
    zh: Person
    en: Person
    operator: Person
    faults: list[str] = field(default_factory=list)
    looked_at: set[str] = field(default_factory=set)
    played_in: tuple[int, Theme] = (1280, "light")

    @property
    def people(self) -> tuple[Person, ...]:
        return (self.zh, self.en, self.operator)

    async def play(self, sells: str) -> tuple[Person, Person]:
        """Who sells and who buys; in the long form with their browsers as wide and as dark as this journey has them."""
        if ALL:
            self.played_in = next(LOOKS)
            self.looked_at.clear()
            for who in self.people:
                await self._dress(who)
        return (self.zh, self.en) if sells == "zh" else (self.en, self.zh)

    async def _dress(self, who: Person) -> None:
        width, theme = self.played_in
        await who.page.set_viewport_size({"width": width, "height": 900})
        await who.page.emulate_media(color_scheme=theme)

    def complaints(self) -> list[str]:
        """What was wrong with any page, and what any console said."""
        return self.faults + [f"{who.name}: {words}" for who in self.people for words in who.said]

    async def arrive(self, who: Person) -> None:
        """He registers, and says where he is paid."""
        await who.register()
        who.account = open_account(self.house, who.name, BALANCE_MINOR)
        await who.go("/account")
        await who.page.locator("#f-holder").fill(who.name)
        await who.page.locator("#f-number").fill(who.account)
        await who.page.locator("#f-bank_passphrase").fill(PASSPHRASE)
        await who.press("account.save_bank_account")
        await who.reads("account.bank_account_saved")

    async def look(self, who: Person, name: str) -> None:
        """What axe and the eye find wrong with a page that no demo shows, the first time that somebody comes to it."""
        await self._photograph(who, name)
        if name not in self.looked_at:
            self.looked_at.add(name)
            width, theme = self.played_in if ALL else next(LOOKS)
            judged = ((width, theme),)
            self.faults += [f"{name}: {one}" for one in await faults_of(who.page, (width,), judged)]
            await self._dress(who)

    async def picture(self, who: Person, name: str) -> None:
        """The same of a page that axe has judged elsewhere: again only in the long form."""
        if ALL:
            await self.look(who, f"{name}-{who.lang}")
        else:
            await self._photograph(who, name)

    async def _photograph(self, who: Person, name: str) -> None:
        """Pictures of the page in both widths and themes, where $GAVELHOUSE_LOOK names a folder for them."""
        folder = os.environ.get("GAVELHOUSE_LOOK")
        if not folder:
            return
        for width, theme in itertools.product((360, 1280), THEMES):
            await who.page.set_viewport_size({"width": width, "height": 900})
            await who.page.emulate_media(color_scheme=theme)
            await who.page.screenshot(path=Path(folder) / f"{name}-{who.lang}-{width}-{theme}.png", full_page=True)
        await self._dress(who)


# Supply, demand and boards


async def post(who: Person, side: str, category: str, **boxes: str) -> str:
    """Put supply or demand on the market; the post's path. Boxes are named as the form names them."""
    page = who.page
    today = datetime.now(UTC).date()
    await who.go(f"/market/posts/new?category={category}&side={side}")
    await page.locator(f"input[name=side][value={side}]").check(force=True)
    await fill(who, delivery_from=str(today), delivery_to=str(today + timedelta(days=30)), **boxes)
    await who.press("trading.publish")
    await who.reads("trading.posted")
    return re.sub(r".*(/market/posts/\d+).*", r"\1", page.url)


async def fill(who: Person, **boxes: str) -> None:
    """Fill the boxes and choose from the lists with these names."""
    for name, value in boxes.items():
        box = who.page.locator(f"#f-{name}")
        if await box.evaluate("one => one.tagName") == "SELECT":
            await box.select_option(value)
        else:
            await box.fill(value)


async def offer_for_matching(who: Person, post_path: str) -> None:
    """Put the post on the one board that it fits; leaves the board open in the browser."""
    await who.go(post_path)
    await who.press("trading.offer_for_matching")
    await who.reads("boards.flash_entered")


# Contract and papers


async def sign(who: Person) -> None:
    """Sign the version on the page, with the wallet as it is: not there yet, locked or open."""
    page = who.page
    await page.locator("#f-consent").check()
    if await page.locator("#new-passphrase").count():
        await page.locator("#new-passphrase").fill(WALLET_PASSPHRASE)
        await page.locator("#new-passphrase-again").fill(WALLET_PASSPHRASE)
        await who.press("contract.sign_open_submit")
    elif await page.locator("#sign-passphrase").count():
        await page.locator("#sign-passphrase").fill(WALLET_PASSPHRASE)
        await who.press("contract.sign_unlock_submit")
    else:
        await who.press("contract.sign_submit")


async def both_sign(centre: Centre, first: Person, last: Person, contract: str) -> str:
    """First one, then the other, whose page moves by itself; the path of the deal that opens with it."""
    await last.go(contract)
    await first.go(contract)
    await centre.look(first, "contract-unsigned")
    await sign(first)
    await first.reads("contract.next.wait", other=last.name)
    signatures = last.page.locator("[data-signed]")
    await expect(signatures).to_have_count(1)
    await sign(last)
    await last.reads("contract.flash.in_force")
    await expect(signatures).to_have_count(2)
    await first.reads("contract.next.in_force")
    await centre.look(first, "contract-signed")
    await first.follow("contract.to_deal")
    return re.sub(r".*(/deals/\d+).*", r"\1", first.page.url)


async def hand_in_and_accept(centre: Centre, seller: Person, buyer: Person, contract: str) -> None:
    """The seller's paper; the buyer reads on a page that moves by itself that it is there, and accepts it."""
    await buyer.go(contract)
    await seller.go(contract)
    file = FilePayload(name="inspection-1.jpg", mimeType="image/jpeg", buffer=picture())
    await seller.page.locator("#f-files_1").set_input_files(file)
    await seller.press("papers.hand_in")
    await seller.reads("formality_state.handed_in")
    await centre.look(seller, "contract-papers")
    await buyer.press("papers.accept")
    await buyer.reads("contract.flash.judged")
    await seller.reads("formality_state.accepted")


# Money and goods


async def pay(seller: Person, buyer: Person, deal: str, amount: str, next_seller: str = "funded") -> None:
    """At the sandbox bank; the seller's page learns of it by itself."""
    await seller.go(deal)
    await seller.reads("deal.next.awaiting_payment.seller")
    await buyer.go(deal)
    await buyer.follow("deal.pay.open_bank")
    await expect(buyer.page.locator("#amount")).to_have_value(amount)
    await buyer.send_money(amount)
    await seller.reads(f"deal.next.{next_seller}.seller")


async def deliver(centre: Centre, seller: Person, buyer: Person, deal: str, kilograms: str) -> None:
    """The buyer says where to, the seller books, the courier collects and delivers, and both read where the goods are."""
    delivery = f"{deal}/delivery"
    await buyer.go(delivery)
    await centre.look(buyer, "delivery-consignee")
    await fill(buyer, to_name=buyer.name, to_lines="18 Quay Road", to_city="Ningbo", to_postcode="315000")
    await buyer.press("delivery.to_save")
    await buyer.reads("delivery.flash.consignee")
    await seller.go(delivery)
    await centre.look(seller, "delivery-book")
    await fill(seller, packages="4", kilograms=kilograms, description="As in the contract")
    await fill(seller, from_name=seller.name, from_lines="2 Mill Lane", from_city="Tangshan")
    await seller.press("delivery.book")
    await seller.reads("tracking.confirmed")
    number = await seller.page.locator(".consignment h2 .mono").inner_text()
    for move in ("collected", "delivered"):
        await _courier(centre, move, number)
        for who in (seller, buyer):
            await who.reads(f"tracking.{move}")
    await buyer.reads("delivery.received_by", name=buyer.name)
    await centre.look(buyer, "delivery-tracking")


async def _courier(centre: Centre, move: str, number: str) -> None:
    """One press on the carrier's own page."""
    who = centre.operator
    await who.page.goto(centre.house.carrier)
    words = carrier_texts.text(f"move.{move}", who.lang)
    await who.page.get_by_role("button", name=f"{words} {number}").click()


async def confirm(centre: Centre, seller: Person, buyer: Person, deal: str, proceeds: str) -> None:
    """The buyer is content; the seller has the price less the commission, on the bank's own page as well."""
    await seller.go(deal)
    await seller.reads("deal.next.inspecting.seller")
    await buyer.go(deal)
    await centre.picture(buyer, "deal-inspecting")
    await buyer.page.locator("#f-understood").check()
    await buyer.page.locator("#f-passphrase").fill(PASSPHRASE)
    await buyer.press("deal.confirm.submit")
    await buyer.reads("deal.flash.released")
    await seller.reads("deal.next.settled.seller")
    await centre.picture(seller, "deal-settled")
    await seller.page.goto(f"{centre.house.bank}/accounts/{seller.account}")
    await expect(seller.page.locator("tbody")).to_contain_text(proceeds)
