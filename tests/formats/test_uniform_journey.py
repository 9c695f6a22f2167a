"""Many units at one price, from the seller's form to a deal for each buyer, in two browsers."""

from __future__ import annotations

from uuid import uuid4

from playwright.async_api import expect

from auction.chain import encode_canonical
from auction.facts import Bid
from market.listings import listing_by_id
from tests.front.saleroom import Saleroom
from tests.journey.looking import axe_faults, faults_of

RULE = {"quantity": 10, "step_minor": 1_000, "pricing": "highest_rejected", "allows_all_or_none": True}


async def a_sale(saleroom: Saleroom, timed_seconds: int) -> int:
    return await saleroom.lot(
        format="uniform",
        options=RULE,
        start_price_minor=10_000,
        steps=(),
        timed_seconds=timed_seconds,
        extension_seconds=None,
    )


async def bid(saleroom: Saleroom, lot: int, party: int, price_minor: int, **details: object) -> None:
    placed = Bid(
        lot_id=lot,
        party_id=party,
        client_bid_id=uuid4(),
        amount_minor=price_minor,
        is_maximum=False,
        stamped_at=saleroom.now,
        details=encode_canonical(details),
    )
    assert (await saleroom.server.house.bidding.submit(placed)).refusal is None


async def test_a_seller_lists_many_units(saleroom: Saleroom) -> None:
    page = (await saleroom.look("/sell/lots/new?format=uniform", saleroom.seller)).page
    for name, value in {"title_en": "Cases of tea", "quantity": "240", "start_price": "80", "step": "0.50"}.items():
        await page.locator(f"#f-{name}").fill(value)
    await page.locator("#f-starts_at").fill("2031-05-01T15:00")
    await page.locator("#f-timed_value").fill("2")
    await page.get_by_label("All in proportion").check()
    await page.get_by_role("button", name="Save").first.click()
    await expect(page.locator("[data-rule=en]")).to_contain_text("For sale are 240 equal units")
    assert await axe_faults(page) == []
    async with saleroom.server.house.pool.acquire() as conn:
        listing = await listing_by_id(conn, int(page.url.split("?")[0].rsplit("/", 1)[1]))
    assert listing is not None and listing.timed_seconds == 2 * 86_400
    assert listing.options["marginal"] == "pro_rata" and listing.options["step_minor"] == 50


async def test_a_bidder_places_and_raises_hidden_bids(saleroom: Saleroom) -> None:
    lot = await a_sale(saleroom, 7200)
    mine = (await saleroom.live_lot(lot, saleroom.bidders[0])).page
    theirs = (await saleroom.live_lot(lot, saleroom.bidders[1], "zh")).page
    await mine.locator("#unit-price").fill("150")
    await mine.locator("#units").fill("4")
    await mine.get_by_role("button", name="Bid 4 × ¥150 = ¥600").click()
    await expect(mine.locator(".own-bids li")).to_contain_text("4 × ¥150 = ¥600")
    await expect(mine.locator(".verdict")).to_contain_text("Nobody else sees it")
    await mine.get_by_role("button", name="Raise Bid 1").click()
    await mine.locator("#units").fill("3")
    await mine.locator("#unit-price").fill("160")
    await mine.locator(".bid-submit").click()
    await expect(mine.locator(".verdict")).to_contain_text("can only be raised")
    await expect(theirs.locator("uniform-price")).to_contain_text("共 10 个单位")
    await expect(theirs.locator("lot-history tbody tr")).to_have_count(1)
    assert await faults_of(mine, (360,)) == []


async def test_after_the_close_everybody_sees_the_clearing_and_each_buyer_has_his_deal(saleroom: Saleroom) -> None:
    lot = await a_sale(saleroom, 3602)
    first, second = saleroom.bidders
    await bid(saleroom, lot, first, 20_000, quantity=6)
    await bid(saleroom, lot, second, 15_000, quantity=8, all_or_none=True)
    await bid(saleroom, lot, second, 12_000, quantity=5)
    mine = (await saleroom.live_lot(lot, second, "zh")).page
    await expect(mine.locator("uniform-result")).to_contain_text("10 个中成交 10 个，单价 ¥120")
    await expect(mine.locator("uniform-result")).to_contain_text("您成交 4 个，共 ¥480")
    rows = mine.locator("uniform-clearing tbody tr")
    await expect(rows).to_have_count(3)
    await expect(rows.nth(1)).to_contain_text("剩余数量不足")
    await expect(rows.nth(2)).to_contain_text("取得剩余数量")
    assert await faults_of(mine) == []
    await mine.reload()
    await mine.get_by_role("link", name="查看交易").click()
    await expect(mine.locator(".deal-side")).to_contain_text("4 × ¥120")
    await mine.get_by_role("link", name="成交确认书").click()
    await expect(mine.locator("main")).to_contain_text("4 个，单价 CNY 120.00")
