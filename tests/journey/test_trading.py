"""The trading centre by hand: two people in two browsers and two languages, on a real house with vault, bank and carrier.

A call auction's clock and a negotiation each lead to a contract that both sign, to goods delivered and a seller paid. Here
each has one direction, the other language selling; `make journeys` plays all four, each in a width and theme of its own.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

import hatch_build
from tests.journey.centre import (
    ALL,
    WALLET_PASSPHRASE,
    Centre,
    both_sign,
    confirm,
    deliver,
    fill,
    hand_in_and_accept,
    offer_for_matching,
    pay,
    post,
    sign,
)
from tests.journey.person import Person, person
from tests.running_house import ROOT, running_house

COIL = {
    "title_zh": "Q235B 热轧卷板",
    "title_en": "Q235B hot-rolled coil",
    "attr_grade": "q235b",
    "quantity": "20",
    "currency": "CNY",
    "term": "DAP",
    "country": "CN",
    "place": "Ningbo",
}
TEA = {
    "title_zh": "明前龙井",
    "title_en": "Longjing tea",
    "attr_grade": "special",
    "quantity": "800",
    "currency": "CNY",
    "price": "98",
    "term": "DAP",
    "country": "CN",
    "place": "Ningbo",
}
BOARD = {
    "category": "hot_rolled_coil",
    "attributes": "grade=q235b",
    "term": "DAP",
    "place": "Ningbo",
    "tick": "1",
    "period_minutes": "1",
    "reference": "4,110",
    "reason": "Both sides asked for it.",
}

WORDS = {
    "inquiry": {"zh": "请报价。", "en": "Your price, please."},
    "inspection": {"zh": "发货前请先检验。", "en": "Inspection before shipment, please."},
}


@pytest.fixture(scope="module")
async def centre(open_folder: Path, browser: Browser) -> AsyncIterator[Centre]:
    """Both people are there, and a board with a clock of one minute; unless it is the long form, the orders of both wait on it
    while they negotiate.
    """
    hatch_build.build(ROOT)
    with running_house(open_folder / "centre", ship_seconds=600, arrival_seconds=600) as house:
        house.settings = {**house.settings, "carrier_url": house.carrier}
        house.start()
        house.start_bank()
        house.start_carrier()
        async with AsyncExitStack() as stack:
            zh, en, operator = [
                await stack.enter_async_context(person(browser, house, name, lang, is_still=True))
                for name, lang in (("Tangshan", "zh"), ("Grimsby", "en"), ("Operator", "en"))
            ]
            made = Centre(house, zh, en, operator)
            await asyncio.gather(make_board(made.operator), *map(made.arrive, (zh, en)))
            if not ALL:
                await orders_on_the_board(made, zh, en)
            yield made


async def make_board(operator: Person) -> None:
    """The operator comes by the link that the house's command gives, and makes the board that both need."""
    email = f"{operator.name.lower()}@example.org"
    creating = ("user", "create", email, "--name", operator.name, "--operator")
    await operator.page.goto(await asyncio.to_thread(operator.house.command, *creating))
    await operator.go("/operator/boards")
    await fill(operator, **BOARD)
    await operator.press("boards.make")
    await operator.reads("boards.title")


async def orders_on_the_board(centre: Centre, seller: Person, buyer: Person) -> None:
    """Each puts a post on the board, whose clock has one minute, through the pages."""
    supply, demand = await asyncio.gather(
        post(seller, "supply", "hot_rolled_coil", price="4,100", **COIL),
        post(buyer, "demand", "hot_rolled_coil", price="4,120", **COIL),
    )
    await centre.picture(seller, "post")
    await asyncio.gather(offer_for_matching(seller, supply), offer_for_matching(buyer, demand))
    await centre.picture(buyer, "board")


@pytest.mark.parametrize("sells", ("en", "zh") if ALL else ("en",))
async def test_an_inquiry_an_offer_and_a_counter_offer_end_with_the_seller_paid(centre: Centre, sells: str) -> None:
    seller, buyer = await centre.play(sells)
    supply = await post(seller, "supply", "green_tea", **TEA)
    await buyer.go(supply)
    await buyer.follow("trading.negotiate")
    await fill(buyer, goods_1_quantity="100", goods_1_price="", words=WORDS["inquiry"][buyer.lang])
    await centre.picture(buyer, "negotiation-new")
    await buyer.press("negotiation.send")
    await buyer.reads("negotiation.flash.inquiry")
    thread = re.sub(r".*(/negotiations/\d+).*", r"\1", buyer.page.url)

    # Each round reaches the other's browser by itself, with what has changed marked.
    await seller.go(thread)
    await seller.follow("negotiation.make_offer")
    await fill(seller, goods_1_price="98")
    await seller.press("negotiation.send")
    await seller.reads("negotiation.flash.offer")
    await buyer.reads("negotiation.next_theirs", n=2, sum="¥9,800.00")
    await buyer.follow("negotiation.counter")
    await fill(buyer, goods_1_price="95", paper_1_kind="inspection", paper_1_duty="seller")
    await centre.picture(buyer, "negotiation-propose")
    await buyer.press("negotiation.send")
    await buyer.reads("negotiation.flash.counter_offer")
    await seller.reads("negotiation.next_theirs", n=3, sum="¥9,500.00")
    changed = seller.page.locator("#step-3 .is-changed")
    await expect(changed.filter(has_text=seller.text("terms.price")).locator("ins")).to_contain_text("95")
    await expect(changed.filter(has_text=seller.text("terms.price")).locator("del")).to_contain_text("98")
    await centre.picture(seller, "negotiation")
    await seller.press("negotiation.accept", sum="¥9,500.00")
    await seller.page.locator("dialog[open] [data-agree]").click()
    await seller.reads("negotiation.flash.accepted")
    await buyer.reads("negotiation.next_accepted")
    contract = re.sub(r".*(/contracts/\d+).*", r"\1", seller.page.url)

    # A certificate can be had before there is anything to sign.
    await seller.go("/identity")
    if await seller.page.locator("#new-passphrase").count():
        await seller.page.locator("#new-passphrase").fill(WALLET_PASSPHRASE)
        await seller.page.locator("#new-passphrase-again").fill(WALLET_PASSPHRASE)
        await seller.press("identity.request_submit")
        await seller.reads("identity.flash.issued")
    await centre.look(seller, "identity")
    deal = await both_sign(centre, seller, buyer, contract)
    await pay(seller, buyer, deal, "9500.00", "papers")
    await hand_in_and_accept(centre, seller, buyer, contract)
    await deliver(centre, seller, buyer, deal, "104")
    await confirm(centre, seller, buyer, deal, "8,740.00")
    assert "\n".join(centre.complaints()) == ""


@pytest.mark.parametrize("sells", ("zh", "en") if ALL else ("zh",))
async def test_supply_and_demand_meet_in_a_call_auction_and_end_with_the_seller_paid(
    centre: Centre, sells: str
) -> None:
    seller, buyer = await centre.play(sells)
    await seller.go("/boards")
    await seller.page.locator("a[href^='/boards/']").first.click()
    board, clearings = seller.page.url, "#book-now a[href*='/clearings/']"
    if ALL:
        hrefs = "links => links.map((one) => `:not([href='${one.getAttribute('href')}'])`)"
        clearings += "".join(await seller.page.locator(clearings).evaluate_all(hrefs))
        await orders_on_the_board(centre, seller, buyer)
        await seller.page.goto(board)
    clearing = seller.page.locator(clearings).last
    await expect(clearing).to_be_visible(timeout=90_000)
    await expect(seller.page.locator("#book-now")).to_contain_text("¥4,110")
    await clearing.click()
    await seller.reads("boards.why_filled")
    await centre.picture(seller, "clearing")

    # The fill is a contract. The buyer wants an inspection first: what binds is the version that both have signed.
    await buyer.go("/contracts?state=awaiting_signatures")
    await buyer.page.locator("a[href^='/contracts/']").first.click()
    contract = re.sub(r".*(/contracts/\d+).*", r"\1", buyer.page.url)
    await buyer.follow("contract.amend_link")
    await fill(buyer, paper_1_kind="inspection", paper_1_duty="seller", reason=WORDS["inspection"][buyer.lang])
    await buyer.press("contract.amend_submit")
    await buyer.reads("contract.flash.proposed")
    await sign(buyer)

    # The seller's wallet, if he has one, has been locked since; the passphrase opens it again.
    await seller.go("/wallet/manager")
    if await seller.page.get_by_role("button", name=seller.text("purse.lock"), exact=True).count():
        await seller.press("purse.lock")
    await seller.go(contract)
    await expect(seller.page.locator("#sign-passphrase, #new-passphrase")).to_be_visible()
    changes = seller.page.locator("section[aria-labelledby=changes] ins")
    await expect(changes).to_contain_text(seller.text("terms_duty.seller"))
    await centre.picture(seller, "contract-unsigned")
    await sign(seller)
    await seller.reads("contract.flash.in_force")
    await centre.picture(seller, "contract-signed")
    await buyer.reads("contract.next.in_force")
    await seller.follow("contract.to_deal")
    deal = re.sub(r".*(/deals/\d+).*", r"\1", seller.page.url)
    await hand_in_and_accept(centre, seller, buyer, contract)
    await pay(seller, buyer, deal, "82200.00")
    await deliver(centre, seller, buyer, deal, "20000")
    await confirm(centre, seller, buyer, deal, "75,624.00")
    assert "\n".join(centre.complaints()) == ""
