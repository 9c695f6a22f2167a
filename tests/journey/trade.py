"""One whole trade, act by act, each through the pages and with the words that its people read.

The lot starts at 10,000.00 yuan in steps of 100.00, with a deposit of 1,000.00; the buyer gets it at 11,000.00.
"""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx2
from PIL import Image
from playwright.async_api import Browser, FilePayload, Locator, expect

from market.amount_words import in_words_en, in_words_zh
from tests.journey.line import open_line
from tests.journey.person import PASSPHRASE, Person, person
from tests.running_house import RunningHouse

TIMED_SECONDS, COUNTDOWN_SECONDS = 15, 10
TITLE = {"en": "Longquan celadon censer", "zh": "龙泉窑青釉三足炉"}
PRICE_MINOR = 1_100_000
CARRIER, TRACKING = "SF Express", "SF1402288716023"


@dataclass
class Trade:
    """The people of one trade; `lot` and `case` are paths once they exist."""

    house: RunningHouse
    seller: Person
    buyer: Person
    rival: Person
    operator: Person
    lot: str = ""
    case: str = ""
    reference: str = ""

    @property
    def people(self) -> tuple[Person, ...]:
        return (self.seller, self.buyer, self.rival, self.operator)

    async def arrive(self) -> None:
        """Three register by hand; the operator was made by the house's command and comes by his link."""
        await asyncio.gather(*(somebody.register() for somebody in (self.seller, self.buyer, self.rival)))
        for somebody in (self.seller, self.buyer, self.rival):
            somebody.account = open_account(self.house, somebody.name, 0 if somebody is self.seller else 5_000_000)
        who = self.operator
        email = f"{who.name.lower()}@example.org"
        link = self.house.command("user", "create", email, "--name", who.name, "--language", who.lang, "--operator")
        await who.page.goto(link)
        await self.say_where_to_pay(self.seller)

    async def say_where_to_pay(self, somebody: Person) -> None:
        await somebody.go("/account")
        await somebody.page.locator("#f-holder").fill(somebody.name)
        await somebody.page.locator("#f-number").fill(somebody.account)
        await somebody.page.locator("#f-bank_passphrase").fill(PASSPHRASE)
        await somebody.press("account.save_bank_account")
        await somebody.reads("account.bank_account_saved")

    async def write_the_lot(self) -> None:
        """A draft, its photo, the rule in both languages, then into the operator's queue."""
        who, page = self.seller, self.seller.page
        await who.go("/sell")
        await who.follow("sell.new_lot")
        await page.locator("#f-title_zh").fill(TITLE["zh"])
        await page.locator("#f-title_en").fill(TITLE["en"])
        await page.locator("#f-category").select_option("porcelain")
        await page.locator("#f-currency").select_option("CNY")
        for name, typed in (("start_price", "10,000"), ("step_0_increment", "100"), ("deposit", "1,000")):
            await page.locator(f"#f-{name}").fill(typed)
        starts_at = datetime.now(UTC) + timedelta(seconds=12)
        await page.locator("#f-zone").select_option("UTC")
        await page.locator("#f-starts_at").fill(starts_at.strftime("%Y-%m-%dT%H:%M:%S"))
        await page.locator("#f-timed_value").fill(str(TIMED_SECONDS))
        # The list begins with minutes, which is what sellers want; the form takes seconds as well.
        await page.locator("#f-timed_unit").evaluate("list => list.add(new Option('', 'seconds', true, true))")
        await page.locator("#f-extension_value").fill(str(COUNTDOWN_SECONDS))
        await page.locator("#f-extension_unit").select_option("seconds")
        await who.press("sell.save_first")
        await who.reads("sell.saved")
        await self.add_photo()
        await self.read_the_rule()
        await who.press("sell.submit")
        await who.reads("sell.submitted")
        self.lot = re.sub(r".*/sell(/lots/\d+).*", r"\1", page.url)

    async def add_photo(self) -> None:
        picture = io.BytesIO()
        Image.linear_gradient("L").resize((800, 600)).convert("RGB").save(picture, "JPEG")
        file = FilePayload(name="censer.jpg", mimeType="image/jpeg", buffer=picture.getvalue())
        await self.seller.page.locator("#f-photos").set_input_files(file)
        await self.seller.press("sell.photo_upload")
        await self.seller.reads("sell.photo_added")
        await expect(self.seller.page.locator("#photos img")).to_have_count(1)

    async def read_the_rule(self) -> None:
        """The seller reads what he has said, in both languages, and that the linter found no contradiction."""
        rule = self.seller.page.locator(".rule-words")
        await expect(rule.filter(has_text="each bid sets the countdown back to 10 seconds")).to_be_visible()
        await expect(rule.filter(has_text="自该次出价起重新计为 10 秒")).to_be_visible()
        await expect(self.seller.page.locator(".findings .error")).to_have_count(0)

    async def approve_and_hold(self) -> None:
        """The operator puts the lot on show, and stops its clock until everybody is there."""
        who = self.operator
        await who.go("/operator/lots")
        await who.page.locator(f'a[href="/operator{self.lot}"]').first.click()
        await expect(who.page.locator(".photo")).to_be_visible()
        await who.press("operator.approve")
        await who.reads("operator.approved")
        await who.go(f"/operator{self.lot}")
        await who.page.locator("#f-pause_reason").fill("Bidders are still being admitted.")
        await who.press("operator.pause")
        await who.reads("operator.done_pause")

    async def resume(self) -> None:
        who = self.operator
        await who.go(f"/operator{self.lot}")
        await who.page.locator("#f-resume_reason").fill("Everybody is there.")
        await who.press("operator.resume")
        await who.reads("operator.done_resume")

    async def qualify(self, bidder: Person) -> None:
        """Apply, be confirmed, pay the deposit at the bank by the reference shown, be admitted."""
        page = bidder.page
        await bidder.go(self.lot)
        await bidder.press("qualification.apply_action")
        await bidder.reads("bidder.applied")
        await self.operator.go(f"/operator/applications?lot={self.lot.rpartition('/')[2]}")
        row = self.operator.page.get_by_role("row").filter(has_text=bidder.name)
        await row.locator("button[value=confirm]").click()
        await self.operator.reads("applications.confirmed")
        await bidder.go(self.lot)
        shown = page.locator(".qualification .copy-value")
        await expect(shown.nth(0)).to_contain_text("1,000.00")
        reference = await shown.nth(1).inner_text()
        await bidder.transfer(reference, "1000.00")
        await bidder.go(self.lot)
        # The page asks by itself whether the money has come.
        await expect(page.locator("lot-panel .quick")).to_have_count(3)

    async def bid_against_each_other(self) -> None:
        """By button, by box and by maximum, each seeing what the other does."""
        buyer, rival = self.buyer, self.rival
        await quick(buyer, 0)
        await expect(price(rival)).to_have_text("¥10,000")
        await expect(position(buyer)).to_contain_text(buyer.text("lot.you_lead"))
        await self.type_bid(rival, "10,200")
        await expect(position(buyer)).to_contain_text(buyer.text("lot.you_are_outbid"))
        await expect(buyer.page.locator("#say-assertive")).to_contain_text(buyer.text("lot.you_are_outbid"))
        await expect(buyer.page).to_have_title(re.compile(re.escape(buyer.text("lot.title_outbid", title=""))))
        await self.type_bid(buyer, "10,800", "lot.kind_maximum")
        await expect(position(buyer)).to_contain_text("¥10,800")
        await expect(price(rival)).to_have_text("¥10,300")
        await quick(rival, 0)
        await expect(price(buyer)).to_have_text("¥10,500")
        await expect(position(rival)).to_contain_text(rival.text("lot.you_are_outbid"))

    async def type_bid(self, bidder: Person, amount: str, kind: str = "lot.kind_now") -> None:
        await bidder.page.get_by_role("radio", name=bidder.text(kind)).check(force=True)
        await bidder.page.locator("#bid-amount").fill(amount)
        await bidder.page.keyboard.press("Enter")

    async def see_the_countdown_restart(self) -> None:
        """In the delayed phase a bid sets the countdown back, and both read the same new end."""
        for bidder in (self.buyer, self.rival):
            await expect(clock(bidder)).to_contain_text(bidder.text("lot.phase_delayed"), timeout=40_000)
        await self.type_bid(self.rival, "10,900")
        ends = []
        for bidder in (self.buyer, self.rival):
            await expect(price(bidder)).to_have_text("¥10,900")
            await expect(clock(bidder)).to_contain_text(bidder.text("lot.extended_until", time="").strip()[:3])
            await expect(clock(bidder).get_by_role("progressbar")).to_be_visible()
            ends.append(re.findall(r"\d\d:(\d\d:\d\d)", await clock(bidder).inner_text())[-1])
        assert ends[0] == ends[1]

    async def lose_the_connection_with_a_bid_in_flight(self) -> None:
        """The bid arrives, its answer does not; the page finds out by itself what became of it."""
        buyer, page = self.buyer, self.buyer.page
        await page.evaluate("window.neverReloaded = true")
        buyer.line.hold_answers()
        await quick(buyer, 0)
        await expect(price(self.rival)).to_have_text("¥11,000")
        buyer.line.cut()
        await expect(page.locator("lot-connection")).to_contain_text(buyer.text("lot.link_lost"))
        await expect(page.locator(".quick").first).to_be_disabled()
        buyer.line.mend()
        await expect(page.locator("lot-connection .live")).to_be_visible()
        await expect(page.locator(".verdict")).to_contain_text(buyer.text("lot.accepted_now", amount="¥11,000"))
        await expect(position(buyer)).to_contain_text(buyer.text("lot.you_lead"))
        assert await page.evaluate("window.neverReloaded")

    async def hear_the_hammer(self) -> None:
        """Nobody bids, the countdown runs out; the loser's deposit is his again."""
        buyer, rival = self.buyer, self.rival
        sold = {"price": "¥11,000"}
        await expect(buyer.page.locator("lot-result")).to_contain_text(
            buyer.text("lot.result_sold", **sold), timeout=40_000
        )
        await expect(rival.page.locator("lot-result")).to_contain_text(rival.text("lot.result_sold", **sold))
        await expect(position(buyer)).to_contain_text(buyer.text("lot.you_won"))
        await expect(position(rival)).to_contain_text(rival.text("lot.you_did_not_win"))
        await rival.go("/wallet")
        await expect(rival.page.locator(".balance-sum")).to_contain_text("1,000.00")

    async def read_the_confirmation(self) -> None:
        """Buyer and seller read the same paper: the sum in figures and in words, in both languages."""
        await self.buyer.follow("lot.to_confirmation")
        await self.seller.go(f"{self.lot}/confirmation")
        for reader in (self.buyer, self.seller):
            paper = reader.page.locator(".paper")
            for words in (
                "11,000.00",
                in_words_zh(PRICE_MINOR, "CNY"),
                in_words_en(PRICE_MINOR, "CNY"),
                *TITLE.values(),
            ):
                await expect(paper).to_contain_text(words)
        await expect(self.buyer.page.locator(".paper")).to_contain_text("壹万壹仟")
        await self.buyer.follow("confirmation.to_deal")
        await self.buyer.reads("deal.next.awaiting_payment.buyer")
        self.case = re.sub(r".*(/deals/\d+).*", r"\1", self.buyer.page.url)
        self.reference = await self.buyer.page.locator(".copy-value").nth(1).inner_text()

    async def pay_a_wrong_sum_and_get_it_back(self) -> None:
        """One yuan too little is held aside, shown to the operator, and sent back where it came from."""
        buyer, who = self.buyer, self.operator
        await buyer.follow("deal.pay.open_bank")
        await expect(buyer.page.locator("#amount")).to_have_value("10000.00")
        await buyer.send_money("9999.00")
        await self.until_shown(who, "/operator/quarantine", self.reference)
        row = who.page.get_by_role("row").filter(has_text=self.reference)
        await expect(row).to_contain_text(who.text("quarantine_reason.wrong_sum"))
        await row.get_by_role("link").first.click()
        await who.page.locator("#return-reason").fill("One yuan short of what is due.")
        await who.press("money.return_now")
        await who.reads("money.flash_returned")
        await self.until_shown(who, "/operator/quarantine?state=returned", self.reference)
        await buyer.go(self.case)
        await buyer.reads("deal.next.awaiting_payment.buyer")

    async def pay_the_right_sum(self) -> None:
        """The page of the deal learns by itself that the money is held."""
        buyer = self.buyer
        await self.seller.go(self.case)
        await self.seller.reads("deal.next.awaiting_payment.seller")
        await buyer.follow("deal.pay.open_bank")
        await buyer.send_money("10000.00")
        await buyer.go(self.case)
        await buyer.reads("deal.next.funded.buyer")
        await self.seller.reads("deal.next.funded.seller")

    async def ship_and_receive(self) -> None:
        seller, buyer = self.seller, self.buyer
        await seller.page.locator("#f-carrier").fill(CARRIER)
        await seller.page.locator("#f-tracking_number").fill(TRACKING)
        await seller.press("deal.ship.submit")
        await seller.reads("deal.next.shipped.seller")
        await buyer.reads("deal.next.shipped.buyer")
        await expect(buyer.page.locator("main")).to_contain_text(TRACKING)
        await buyer.press("deal.received.submit")
        await buyer.reads("deal.next.inspecting.buyer")

    async def confirm_by_passphrase(self) -> None:
        """A wrong passphrase moves nothing; the right one pays the seller."""
        buyer, page = self.buyer, self.buyer.page
        for typed in ("not the passphrase", PASSPHRASE):
            await page.locator("#f-understood").check()
            await page.locator("#f-passphrase").fill(typed)
            await buyer.press("deal.confirm.submit")
            if typed != PASSPHRASE:
                await buyer.reads("deal.confirm.wrong_passphrase")
        await buyer.reads("deal.flash.released")

    async def see_the_money_arrive(self) -> None:
        """The payout goes to the bank as a file; the seller has the price less 8 %, on the bank's page as well."""
        await self.seller.reads("deal.next.settled.seller")
        await self.buyer.reads("deal.next.settled.buyer")
        await self.operator.go("/operator/payouts?state=settled")
        await expect(self.operator.page.get_by_role("row").filter(has_text=self.seller.account)).to_contain_text(
            "10,120"
        )
        await self.seller.page.goto(f"{self.house.bank}/accounts/{self.seller.account}")
        await expect(self.seller.page.locator("tbody")).to_contain_text("10,120.00")

    async def see_the_books_balance(self) -> None:
        """Debits and credits are equal, escrow covers the cases, nothing of this trade is held any more."""
        who = self.operator
        await who.go("/operator/money")
        await who.reads("money.no_faults")
        await expect(who.page.locator(".money-wrong")).to_have_count(0)
        sums = await who.page.locator("tfoot td.n").all_inner_texts()
        assert len(sums) > 1
        assert sums[::2] == sums[1::2]
        await who.go(f"/operator{self.case.replace('deals', 'cases')}")
        await expect(who.page.locator("dl.facts")).to_contain_text("11,000")

    async def until_shown(self, who: Person, path: str, words: str) -> None:
        """Load the page until these words stand on it: what a person does who waits for the bank."""
        row = who.page.get_by_role("row").filter(has_text=words)
        for _ in range(60):
            await who.go(path)
            if await row.count():
                return
        raise AssertionError(f"{words} never appeared on {path}")


def price(somebody: Person) -> Locator:
    return somebody.page.locator(".price-figure")


def position(somebody: Person) -> Locator:
    return somebody.page.locator("lot-position")


def clock(somebody: Person) -> Locator:
    return somebody.page.locator("lot-clock")


async def quick(somebody: Person, n: int) -> None:
    """Press the n-th of the next amounts, once it has stood there long enough to be meant."""
    await somebody.page.evaluate(
        """new Promise((done) => {
            const panel = document.querySelector("lot-panel");
            const look = () => (panel.steadyFor > 320 ? done() : requestAnimationFrame(look));
            look();
        })"""
    )
    await somebody.page.locator(".quick").nth(n).click()


def open_account(house: RunningHouse, holder: str, balance_minor: int) -> str:
    """An account at the sandbox bank; its number."""
    wanted = {"holder": holder, "currency": "CNY", "balance_minor": str(balance_minor)}
    answer = httpx2.post(f"{house.bank}/api/accounts", json=wanted, trust_env=False)
    number: str = answer.json()["number"]
    return number


@asynccontextmanager
async def trading(browser: Browser, house: RunningHouse, one: str, other: str) -> AsyncIterator[Trade]:
    """Four people with browsers: seller and buyer read the one language, rival and operator the other."""
    async with AsyncExitStack() as stack:
        people = []
        for part, lang in (("Seller", one), ("Buyer", one), ("Rival", other), ("Operator", other)):
            line = await stack.enter_async_context(open_line())
            people.append(await stack.enter_async_context(person(browser, house, f"{part}-{one}", lang, line)))
        yield Trade(house, *people)
