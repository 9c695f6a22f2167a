"""Two people at the market in browsers: one posts, the other is told, finds it, and sees the book move while he looks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from market.trading import posts, prints
from tests.front.conftest import open_saleroom, saleroom  # noqa: F401  (fixtures)
from tests.journey.looking import faults_of
from tests.trading.market import posted

if TYPE_CHECKING:
    from tests.front.saleroom import Saleroom

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


async def test_a_supply_is_posted_found_and_seen_in_the_book_live(saleroom: Saleroom) -> None:  # noqa: F811
    house, origin = saleroom.server.house, saleroom.server.origin
    seller, buyer = saleroom.bidders
    async with house.pool.acquire() as conn, conn.transaction():
        for number in range(3):
            await posted(conn, saleroom.seller, now=saleroom.now, price_minor=340_000 + number * 1_000)
            await prints.record(
                conn, source="match", ref=number + 1, category="hot_rolled_coil", term="FOB", currency="CNY",
                price_minor=341_000 + number * 500, quantity=10, now=saleroom.now.replace(day=1 + number),
            )  # fmt: skip

    # The buyer looks on a phone in the dark, in Chinese: filters in the drawer, and wants to be told.
    buyers = await saleroom.look("/market", buyer, "zh", "dark", 360)
    buying = buyers.page
    assert await faults_of(buying, (360,), judged={(360, "dark")}) == []
    await buying.get_by_role("button", name="筛选").click()
    await buying.get_by_label("品类").select_option("green_tea")
    await buying.get_by_label("搜索").fill("龙井")
    await buying.get_by_role("button", name="查看").click()
    await expect(buying.get_by_text("没有符合筛选条件的信息。")).to_be_visible()
    assert "category=green_tea" in buying.url
    await buying.get_by_role("button", name="有新信息时通知我").click()
    await expect(buying.get_by_text("有符合的新信息时将通知您。")).to_be_visible()
    assert await faults_of(buying, (360,), judged={(360, "dark")}) == []

    # The seller posts at a desk, in English; what is wrong comes back with what was typed.
    look = await saleroom.look("/market/posts/new", seller)
    selling = look.page
    await selling.get_by_label("Goods", exact=True).select_option("green_tea")
    await selling.get_by_role("button", name="Go on").click()
    await selling.get_by_label("Title in Chinese").fill("明前龙井 现货")
    await selling.get_by_role("combobox", name="Grade").select_option("special")
    await selling.get_by_role("combobox", name="Kind").select_option("longjing")
    await selling.get_by_label("Quantity (kg)").fill("800")
    await selling.get_by_label("Currency").select_option("CNY")
    await selling.get_by_label("Price limit per kg").fill("980.555")
    await selling.get_by_label("Delivery term").select_option("EXW")
    await selling.get_by_label("Country or region").select_option("CN")
    await selling.get_by_role("textbox", name="Place").fill("杭州")
    await selling.get_by_label("Delivery from").fill("2027-03-20")
    await selling.get_by_label("Delivery to").fill("2027-04-20")
    await selling.get_by_role("button", name="Publish").click()
    await expect(selling.locator("#e-price")).to_contain_text("at most 2 decimals")
    assert await faults_of(selling, (1280,), judged={(1280, "light")}) == []
    look.said.clear()  # the browser's own word for the answer 422
    await expect(selling.get_by_label("Title in Chinese")).to_have_value("明前龙井 现货")
    await selling.get_by_label("Price limit per kg").fill("980.50")
    await selling.get_by_role("button", name="Publish").click()
    await expect(selling.get_by_text("Your post is on the market.")).to_be_visible()
    assert await faults_of(selling, (1280,), judged={(1280, "light")}) == []
    post_id = int(selling.url.rpartition("/")[2].partition("?")[0])

    # The buyer's notice leads to it.
    await buying.goto(f"{origin}/notices?lang=zh")
    async with asyncio.timeout(60):
        while not await buying.get_by_text("有 1 条新信息符合您订阅的").count():
            await buying.reload()
    await buying.get_by_text("有 1 条新信息符合您订阅的").click()
    await expect(buying.get_by_role("link", name="明前龙井 现货")).to_be_visible()

    # The book moves under his eyes as somebody takes of it.
    await buying.goto(f"{origin}/market/data/green_tea?lang=zh")
    await expect(buying.locator("#data")).to_contain_text("800")
    await expect(buying.locator("topic-watch")).to_have_attribute("data-live", "")
    async with house.pool.acquire() as conn, conn.transaction():
        assert await posts.take(conn, post_id, 300, saleroom.now)
    await expect(buying.locator("#data table").first).to_contain_text("500")
    await buying.context.set_offline(True)
    await expect(buying.get_by_text("连接已中断")).to_be_visible()
    await buying.context.set_offline(False)
    await expect(buying.get_by_text("连接已中断")).to_be_hidden()
    assert await faults_of(buying, (360,), judged={(360, "dark")}) == []
    await selling.goto(f"{origin}/market/data/hot_rolled_coil?lang=en")
    await expect(selling.locator(".chart-line")).to_be_visible()
    await selling.locator(".chart-table summary").click()
    await expect(selling.get_by_role("cell", name="¥3,410.00").first).to_be_visible()
    assert await faults_of(selling, (1280,), judged={(1280, "light")}) == []
    await selling.goto(f"{origin}/market/mine?lang=en")
    await expect(selling.get_by_role("row", name="明前龙井")).to_contain_text("500 kg")
    await selling.get_by_role("link", name="明前龙井").click()
    await selling.get_by_role("link", name="Change").click()
    await expect(selling.get_by_label("Price limit per kg")).to_have_value("980.50")
    assert await faults_of(selling, (1280,), judged={(1280, "light")}) == []
    assert not [line for line in look.said if "Content Security" in line or "Trusted" in line]
    # What Chromium says of the network that was taken away is no fault of the page.
    buyers.said[:] = [words for words in buyers.said if "ERR_INTERNET_DISCONNECTED" not in words]
