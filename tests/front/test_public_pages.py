"""The calendar, help and the lot page: nothing wrong for axe, nothing sideways, nothing on the console, filters that work.

Languages, themes and the two usual widths are what `tests/journey/test_pages.py` goes through; here is the widest screen too.
"""

from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from tests.front.saleroom import Saleroom
from tests.journey.looking import faults_of

WIDTHS = (360, 1280, 3840)


@pytest.mark.parametrize(
    ("path", "lang"), [("/", "en"), ("/help", "zh"), ("/lots/{lot}", "en"), ("/lots/{lot} as bidder", "zh")]
)
async def test_every_public_page_is_without_fault(saleroom: Saleroom, path: str, lang: str) -> None:
    lot = await saleroom.lot()
    await saleroom.bid(lot, saleroom.bidders[1], 1_000_000)
    address, _, bidder = path.format(lot=lot).partition(" as ")
    page = (await saleroom.look(address, saleroom.bidders[0] if bidder else None, lang)).page
    await expect(page.locator("lot-connection .live" if "lots" in address else "h1")).to_be_visible()
    assert await faults_of(page, WIDTHS) == []


async def test_the_calendar_shows_prices_as_they_move(saleroom: Saleroom) -> None:
    lot = await saleroom.lot(title_en="A moving thing")
    page = (await saleroom.look("/?q=moving")).page
    card = page.locator("lot-card")
    await expect(card).to_have_count(1)
    await expect(card).to_contain_text("Start price")
    await saleroom.bid(lot, saleroom.bidders[0], 1_000_000)
    await expect(card).to_contain_text("Current price")
    await saleroom.bid(lot, saleroom.bidders[1], 1_230_000)
    await expect(card.locator("[data-price]")).to_have_text("¥12,300")
    await expect(card).to_contain_text("2 bids")


async def test_filters_live_in_the_address_and_an_empty_list_says_what_to_do(saleroom: Saleroom) -> None:
    await saleroom.lot(category="tea", title_en="Seven sons")
    page = (await saleroom.look("/")).page
    await page.get_by_label("Category").select_option("tea")
    await page.get_by_role("button", name="Show").click()
    await expect(page).to_have_url(re.compile("category=tea"))
    await expect(page.locator("lot-card h2")).to_have_text(["Seven sons"])
    await page.get_by_label("Search titles").fill("no such thing")
    await page.keyboard.press("Enter")
    await expect(page.locator(".empty")).to_contain_text("No lot matches")
    await page.locator(".empty").get_by_role("link", name="Clear filters").click()
    await expect(page.locator("lot-card")).not_to_have_count(0)


async def test_the_language_switch_stays_switched(saleroom: Saleroom) -> None:
    page = (await saleroom.look("/help", lang="zh")).page
    await expect(page.locator("h1")).to_have_text("帮助")
    await page.get_by_role("link", name="拍卖日历").first.click()
    await expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    await page.get_by_role("link", name="English").click()
    await page.goto(f"{saleroom.server.origin}/help")
    await expect(page.locator("h1")).to_have_text("How it works")
