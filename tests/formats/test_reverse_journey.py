"""Two suppliers and the buyer in real browsers: ranks, exact totals, a refusal, and the published result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from playwright.async_api import Page, expect

from auction.facts import Bid
from tests.journey.looking import axe_faults as faults

if TYPE_CHECKING:
    from tests.front.saleroom import Saleroom

OPTIONS: dict[str, Any] = {
    "decrement_minor": 10_000,
    "back_buffer_minor": 20_000,
    "visibility": "rank_and_lead",
    "attributes": [
        {
            "key": "days",
            "name_en": "Delivery time",
            "name_zh": "交货期",
            "unit_en": "days",
            "unit_zh": "天",
            "better": "lower",
            "weight_numerator": 100_000,
            "weight_denominator": 3,
            "lowest": "7",
            "highest": "60",
            "floor": "45",
        }
    ],
}


async def offer(page: Page, price: str, days: str) -> None:
    await page.locator("#reverse-days").fill(days)
    await page.locator("#reverse-price").fill(price)
    await page.locator(".bid-submit").click()


async def test_suppliers_underbid_each_other_and_the_buyer_sees_all(saleroom: Saleroom) -> None:
    lot = await saleroom.lot(
        format="reverse",
        options=OPTIONS,
        start_price_minor=50_000_000,
        extension_seconds=None,
        soft_close_seconds=60,
        category="materials",
    )
    ann, bob = saleroom.bidders
    first = (await saleroom.live_lot(lot, ann)).page
    second = (await saleroom.live_lot(lot, bob, "zh", width=360, theme="dark")).page
    buyer = (await saleroom.live_lot(lot, saleroom.seller)).page
    visitor = (await saleroom.live_lot(lot)).page

    await first.locator("#reverse-days").fill("50")
    await first.locator("#reverse-price").fill("480,000")
    await expect(first.locator(".total output")).to_have_text("≈ ¥494,333.33")
    await first.locator(".bid-submit").click()
    await expect(first.locator("#reverse-days-problem")).to_contain_text("qualification level of 45")
    await offer(first, "480000", "10")
    await expect(first.locator(".verdict")).to_contain_text("¥480,000 stands")
    await expect(first.locator("reverse-place .price-figure")).to_have_text("No. 1")
    await expect(second.locator("reverse-place")).to_contain_text("领先的总成本 ¥481,000")

    await second.locator("#reverse-days").fill("7")
    await second.get_by_role("button", name="采用当前可报的最高价").click()
    await expect(second.locator("#reverse-price")).to_have_value("500000.00")
    await offer(second, "480,950", "7")
    await expect(second.locator(".verdict")).to_contain_text("降价幅度")
    await offer(second, "480900", "7")
    await expect(second.locator("reverse-place .price-figure")).to_have_text("第 1 名")
    await expect(first.locator("reverse-place .price-figure")).to_have_text("No. 2")
    await expect(first.locator("reverse-place")).to_contain_text("leading total cost ¥480,900")
    assert await faults(second) == []

    await offer(first, "480,900", "8")
    await expect(first.locator(".verdict")).to_contain_text("highest price that would stand now is ¥480,400")
    await expect(buyer.locator("reverse-ranking tbody tr").first).to_contain_text("¥480,900")
    await expect(buyer.locator("reverse-place")).to_contain_text("2 bids")
    await expect(visitor.locator("reverse-place .price-figure")).to_have_text("¥500,000")
    await expect(visitor.locator("reverse-ranking")).to_be_hidden()
    assert await faults(buyer) == []


async def test_the_result_is_published_with_every_cost(saleroom: Saleroom) -> None:
    ann, bob = saleroom.bidders
    lot = await saleroom.lot(
        format="reverse",
        options=OPTIONS,
        start_price_minor=50_000_000,
        timed_seconds=3606,
        extension_seconds=None,
        deposit_minor=0,
    )
    for party, price, days in [(ann, 48_000_000, "11"), (bob, 48_050_000, "7")]:
        bid = Bid(
            lot_id=lot,
            party_id=party,
            client_bid_id=uuid4(),
            amount_minor=price,
            is_maximum=False,
            stamped_at=saleroom.now,
            details=f'{{"attributes":{{"days":"{days}"}}}}'.encode(),
        )
        assert (await saleroom.server.house.bidding.submit(bid)).refusal is None
    winner = (await saleroom.look(f"/lots/{lot}", bob, "zh")).page
    visitor = (await saleroom.look(f"/lots/{lot}", width=360)).page
    await expect(winner.locator(".result-title")).to_have_text("以 ¥480,500 成交")
    await expect(winner.get_by_role("link", name="查看交易")).to_be_visible()
    rows = visitor.locator("reverse-ranking tbody tr")
    await expect(rows).to_have_count(2)
    await expect(rows.nth(0)).to_contain_text("¥480,500")
    await expect(rows.nth(1)).to_contain_text("+ ≈ ¥1,333.33")
    await expect(rows.nth(1)).to_contain_text("144400000/3")
    await expect(visitor.locator("lot-history tbody tr")).to_have_count(4)
    await winner.reload()
    await expect(winner.locator("reverse-ranking tbody tr").first).to_contain_text("480,500")
    await winner.get_by_role("link", name="查看交易").click()
    await expect(winner.locator("main")).to_contain_text("480,500")
    assert await faults(winner) == []
