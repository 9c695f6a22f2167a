"""The options of an English lot in browsers: the seller's form, buying at once, the right of priority, a bid taken back, and
what comes after a reserve that was not met.
"""

from __future__ import annotations

import re

from playwright.async_api import expect

from market.listings import listing_by_id
from tests.front.saleroom import Saleroom
from tests.journey.looking import axe_faults, faults_of

OPTIONS = {
    "buy_now_minor": 2_000_000,
    "priority_right": True,
    "retraction_seconds": 600,
    "retraction_closes_seconds": 60,
}


async def test_a_seller_chooses_the_options_and_reads_them_in_words(saleroom: Saleroom) -> None:
    lot = await saleroom.lot()
    async with saleroom.server.house.pool.acquire() as conn:
        before = await listing_by_id(conn, lot)
    assert before is not None and before.options == {}
    page = (await saleroom.look("/sell/lots/new", saleroom.seller, "zh")).page
    await page.get_by_label("中文标题").fill("清 青花梅瓶")
    for name, value in {
        "start_price": "10000",
        "step_0_increment": "100",
        "buy_now": "9000",
        "deposit": "1000",
    }.items():
        await page.locator(f"#f-{name}").fill(value)
    await page.locator("#f-starts_at").fill("2031-05-01T15:00")
    await page.locator("#f-timed_value").fill("2")
    await page.locator("#f-extension_value").fill("3")
    for name in ("only_timed_bidders", "priority_right", "second_offer"):
        await page.locator(f"#f-{name}").check()
    await page.locator("#f-retraction_value").fill("10")
    await page.locator("#f-retraction_closes_value").fill("30")
    await page.get_by_role("button", name="保存").first.click()
    await expect(page.locator("[data-findings]")).to_contain_text("一口价须高于起拍价")
    await page.locator("#f-buy_now").fill("20000")
    await page.get_by_role("button", name="保存").first.click()
    await expect(page.locator("[data-no-findings]")).to_be_visible()
    words = page.locator("[data-rule=zh]")
    for said in ("一口价 ¥20,000", "优先购买权人", "出价后 10 分钟 内可撤回", "向其递补", "限时阶段有有效出价"):
        await expect(words).to_contain_text(said)
    assert await axe_faults(page) == []
    made = int(page.url.split("?")[0].rsplit("/", 1)[1])
    async with saleroom.server.house.pool.acquire() as conn:
        listing = await listing_by_id(conn, made)
    assert listing is not None
    assert listing.options == {
        "only_timed_bidders": True,
        "priority_right": True,
        "second_offer": True,
        "buy_now_minor": 2_000_000,
        "buy_now_until": "first_bid",
        "retraction_seconds": 600,
        "retraction_closes_seconds": 1800,
    }


async def test_one_press_and_a_yes_buys_the_lot_at_once(saleroom: Saleroom) -> None:
    lot = await saleroom.lot(options=OPTIONS, deposit_minor=0)
    mine = (await saleroom.live_lot(lot, saleroom.bidders[0], "zh", width=360)).page
    await mine.get_by_role("button", name="一口价 ¥20,000 买下").click()
    dialog = mine.locator("lot-options dialog")
    await expect(dialog).to_contain_text("您以 ¥20,000 成交")
    assert await faults_of(mine) == []
    await dialog.get_by_role("button", name="取消").click()
    await expect(dialog).to_have_count(0)
    await mine.get_by_role("button", name="一口价 ¥20,000 买下").click()
    await dialog.locator("[data-agree]").click()
    await expect(mine.locator("lot-result")).to_contain_text("¥20,000")
    await expect(mine.locator("lot-options button")).to_have_count(0)
    late = await saleroom.bid(lot, saleroom.bidders[1], 1_000_000)
    assert late.refusal == "closed"


async def test_a_holder_matches_the_price_and_a_rival_takes_his_bid_back(saleroom: Saleroom) -> None:
    lot, (holder, rival) = await saleroom.lot(options=OPTIONS), saleroom.bidders
    mine = (await saleroom.live_lot(lot, holder, "en")).page
    await expect(mine.locator("lot-options button")).to_have_count(1)
    await saleroom.bid(lot, rival, 1_000_000)
    await expect(mine.locator("lot-options button")).to_have_count(0)

    desk = (await saleroom.look(f"/operator/lots/{lot}/rights", saleroom.operator)).page
    await desk.locator("#f-party").select_option(str(holder))
    await desk.locator("#f-reason").fill("co-owner by the register")
    await desk.locator("#f-rank").fill("1")
    await desk.get_by_role("button", name="Save").click()
    await expect(desk.locator("main")).to_contain_text("rank 1")
    assert await axe_faults(desk) == []

    await mine.get_by_role("button", name="Match the price: ¥10,000").click()
    await mine.locator("lot-options dialog [data-agree]").click()
    await expect(mine.locator("lot-position")).to_contain_text("You are the highest bidder")
    wrong = await saleroom.bid(lot, rival, 1_900_000)
    assert wrong.refusal is None
    await expect(mine.locator("lot-price")).to_contain_text("¥19,000")

    theirs = (await saleroom.live_lot(lot, rival, "zh")).page
    await theirs.get_by_role("link", name="撤回出价").click()
    assert await faults_of(theirs) == []
    await theirs.get_by_label("金额误填").check()
    await theirs.get_by_role("button", name="撤回出价").click()
    await expect(theirs.locator("lot-price")).to_contain_text("¥10,000")
    await expect(mine.locator("lot-price")).to_contain_text("¥10,000")
    await expect(mine.locator("lot-history")).to_contain_text("took a bid back: the amount was mistyped")
    await expect(mine.locator("lot-options")).to_contain_text("1 bid was taken back")
    await expect(mine.locator("lot-position")).to_contain_text("You are the highest bidder")


async def test_below_the_reserve_the_seller_lowers_it_then_offers_and_the_bidder_takes_it(saleroom: Saleroom) -> None:
    lot = await saleroom.lot(timed_seconds=3608, extension_seconds=None, reserve_minor=3_000_000)
    bidder = saleroom.bidders[0]
    await saleroom.bid(lot, bidder, 1_200_000)
    desk = (await saleroom.look(f"/sell/lots/{lot}/after", saleroom.seller, "en")).page
    await desk.locator("#f-reserve").fill("20000")
    await desk.get_by_role("button", name="Lower the reserve").click()
    await expect(desk.locator("main")).to_contain_text("now ¥20,000")
    watched = (await saleroom.live_lot(lot, bidder, "zh")).page
    await expect(watched.locator("lot-result .result")).to_be_visible(timeout=15_000)

    await desk.reload()
    await desk.locator("#f-price").fill("15000")
    await desk.get_by_role("button", name="Offer the lot").click()
    await expect(desk.locator("main")).to_contain_text("offered")
    assert await faults_of(desk) == []

    await watched.goto(f"{saleroom.server.origin}/notices")
    await watched.get_by_role("link").filter(has_text="委托人以").first.click()
    await expect(watched.locator("main")).to_contain_text("¥15,000")
    assert await faults_of(watched) == []
    await watched.get_by_role("button", name="以 ¥15,000 接受").first.click()
    await watched.locator("dialog[open] [data-agree]").click()
    await expect(watched).to_have_url(re.compile("/deals/"))
    await expect(watched.locator("main")).to_contain_text("¥15,000")
