"""A falling price from the seller's form to the deal, in two browsers."""

from __future__ import annotations

import re

from playwright.async_api import Page, expect

from market.listings import listing_by_id
from tests.front.saleroom import Saleroom
from tests.journey.looking import axe_faults, faults_of

FALL = {"floor_minor": 100, "step_minor": 1000, "interval_seconds": 2, "floor_seconds": 60}


def shown(text: str | None) -> int:
    """The whole yuan of a figure on the page."""
    return int(re.sub(r"\D", "", text or ""))


async def list_it(page: Page) -> None:
    await page.get_by_label("中文标题").fill("云南普洱茶饼")
    for name, value in {"start_price": "9000", "floor": "1800", "step": "100", "deposit": "900"}.items():
        await page.locator(f"#f-{name}").fill(value)
    await page.locator("#f-starts_at").fill("2031-05-01T15:00")
    await page.locator("#f-zone").select_option("Asia/Shanghai")
    await page.get_by_label("在设定的总时长内均匀降完").check()
    await page.locator("#f-fall_value").fill("36")
    await page.locator("#f-fall_unit").select_option("minutes")
    await page.get_by_role("button", name="保存").first.click()


async def test_a_seller_lists_a_falling_price(saleroom: Saleroom) -> None:
    page = (await saleroom.look("/sell/lots/new?format=dutch", saleroom.seller, "zh")).page
    await list_it(page)
    await expect(page.locator("[data-no-findings]")).to_be_visible()
    await expect(page.locator("[data-rule=zh]")).to_contain_text("在 36 分钟 内按 ¥100 的幅度均匀递减")
    assert await axe_faults(page) == []
    lot_id = int(page.url.split("?")[0].rsplit("/", 1)[1])
    async with saleroom.server.house.pool.acquire() as conn:
        listing = await listing_by_id(conn, lot_id)
    assert listing is not None and listing.format == "dutch"
    assert listing.options == {"floor_minor": 180_000, "step_minor": 10_000, "fall_seconds": 2160}
    await page.locator("#f-floor").fill("9500")
    await page.get_by_role("button", name="保存").first.click()
    await expect(page.locator("[data-findings]")).to_contain_text("底价不低于起拍价")


async def test_two_watch_it_fall_and_the_first_who_presses_has_the_deal(saleroom: Saleroom) -> None:
    lot = await saleroom.lot(
        format="dutch", options=FALL, start_price_minor=10_000_000, steps=(), timed_seconds=None, extension_seconds=None
    )
    mine = (await saleroom.live_lot(lot, saleroom.bidders[0], "zh")).page
    theirs = (await saleroom.live_lot(lot, saleroom.bidders[1])).page
    figure = mine.locator("dutch-price data")
    before = shown(await figure.text_content())
    assert await faults_of(mine) == []
    await expect(figure).not_to_have_text(f"¥{before:,}")
    await mine.keyboard.press("b")
    await expect(mine.locator(".press")).to_be_focused()
    seen = shown(await mine.locator(".press-words").text_content())
    await mine.keyboard.press("Enter")
    await expect(mine.locator("dutch-position")).to_contain_text("您最先应价")
    paid = shown(await mine.locator("dutch-price data").text_content())
    assert seen - 30 <= paid <= seen < before
    await expect(theirs.locator("dutch-position")).to_contain_text("Another bidder pressed first")
    await expect(theirs.locator("lot-result")).to_contain_text(f"¥{paid:,}")
    await expect(theirs.locator(".press")).to_have_count(0)
    await expect(mine.locator("lot-result")).to_be_visible()
    await mine.reload()
    await mine.get_by_role("link", name="查看交易").click()
    await expect(mine.locator("main")).to_contain_text(f"¥{paid:,}")
