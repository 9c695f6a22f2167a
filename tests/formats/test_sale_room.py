"""A sale in two browsers: quick bids against each other, the keyboard through the lots, the budget, the watch list."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from playwright.async_api import Locator, Page, expect

from market.catalogue import Catalogue
from tests.journey.looking import faults_of
from tests.sell.open_sales import open_now

if TYPE_CHECKING:
    from tests.front.saleroom import Saleroom

TEXTS = Catalogue.load()
STEADY = """(quick) => new Promise((done) => {
    const look = () => (quick.steadyFor > 320 ? done() : requestAnimationFrame(look));
    look();
})"""


def card(page: Page, place: int) -> Locator:
    return page.locator("li.lot-card").nth(place)


async def press(page: Page, place: int) -> None:
    """Bid the amount that stands on the card's button, once it has stood there long enough."""
    quick = card(page, place).locator("quick-bid")
    await quick.evaluate(STEADY)
    await quick.get_by_role("button").click()


async def says(page: Page, place: int, key: str, lang: str, **params: object) -> None:
    await expect(card(page, place).locator("quick-bid")).to_contain_text(TEXTS.text(key, lang, **params))


async def test_two_bidders_in_one_room(saleroom: Saleroom) -> None:
    number, _ = await open_now(saleroom.server, 3, saleroom.bidders)
    ann, bob = [
        look.page
        for look in await asyncio.gather(
            saleroom.look(f"/sales/{number}", saleroom.bidders[0], "zh"),
            saleroom.look(f"/sales/{number}", saleroom.bidders[1], "en"),
        )
    ]
    await expect(ann.locator("quick-bid button:enabled")).to_have_count(3)

    # Two lots at most: set by the form, which says what is wrong with it.
    await ann.locator("#f-most_lots").fill("zwei")
    # The browser itself says of a form that was refused that it was.
    async with ann.expect_console_message(lambda message: "422" in message.text):
        await ann.get_by_role("button", name="设定预算").click()
    await expect(ann.locator("#e-most_lots")).to_be_visible()
    for look in saleroom.looks:
        look.said.clear()
    await ann.locator("#f-most_lots").fill("1")
    await ann.get_by_role("button", name="设定预算").click()
    figures = ann.locator("sale-budget")
    await expect(figures).to_contain_text("已占用：0 件")

    # Against each other, by the amounts on the buttons.
    await press(ann, 0)
    await says(ann, 0, "sale.place_leading", "zh")
    await expect(figures).to_contain_text("已占用：1 件，¥10,000。 最多 1 件。")
    await expect(card(bob, 0).locator("quick-bid button")).to_have_text("Bid ¥10,100")
    await press(ann, 1)
    await says(ann, 1, "refusal.budget_of_lots", "zh")
    await press(bob, 0)
    await says(bob, 0, "sale.place_leading", "en")
    await says(ann, 0, "sale.place_outbid", "zh")
    await expect(card(ann, 0).locator("[data-price]")).to_have_text("¥10,100")
    await expect(figures).to_contain_text("已占用：0 件")
    await press(ann, 1)
    await says(ann, 1, "sale.place_leading", "zh")

    # The keyboard: down and up the lots, watch, to the button, into the lot; and nothing of it once it is switched off.
    await bob.keyboard.press("j")
    await bob.keyboard.press("j")
    await bob.keyboard.press("ArrowDown")
    await bob.keyboard.press("k")
    await expect(card(bob, 1).locator(".lot-card-link")).to_be_focused()
    await bob.keyboard.press("w")
    await expect(card(bob, 1).locator("watch-lot button")).to_have_attribute("aria-pressed", "true")
    await bob.keyboard.press("b")
    await expect(card(bob, 1).locator("quick-bid button")).to_be_focused()
    await bob.get_by_label("Use these keys").uncheck()
    await bob.locator("h1").click()
    await bob.keyboard.press("j")
    await expect(card(bob, 2).locator(".lot-card-link")).not_to_be_focused()
    await bob.get_by_label("Use these keys").check()
    await bob.locator("h1").click()
    await bob.keyboard.press("j")
    await expect(card(bob, 2).locator(".lot-card-link")).to_be_focused()
    assert [await faults_of(ann), await faults_of(bob, (360,))] == [[], []]
    await bob.keyboard.press("Enter")
    await expect(bob.locator("h1")).to_have_text("Brush pot")
    await expect(bob.locator(".lot-sale")).to_contain_text("Lot 3 of Autumn sale")


async def test_a_bid_cut_off_is_settled_by_its_id_and_a_watch_list_is_a_room_too(saleroom: Saleroom) -> None:
    _, (first, second) = await open_now(saleroom.server, 2, saleroom.bidders)
    look = await saleroom.look(f"/lots/{second}", saleroom.bidders[0], "en")
    page = look.page
    await page.get_by_role("button", name="Watch Ink stone").click()
    await expect(page.locator("watch-lot button")).to_have_attribute("aria-pressed", "true")
    await page.goto(f"{saleroom.server.origin}/watching")
    await expect(page.locator("li.lot-card")).to_have_count(1)
    await expect(page.locator("quick-bid button:enabled")).to_have_count(1)
    look.loses = '"accepted"'
    await press(page, 0)
    await look.lose_connection()
    look.loses = ""
    await says(page, 0, "sale.place_leading", "en")
    assert (await saleroom.bid(first, saleroom.bidders[1], 1_000_000)).refusal is None
    async with saleroom.server.house.pool.acquire() as conn:
        assert await conn.fetchval("select count(*) from auction.bid where lot_id = $1", second) == 1
    assert await faults_of(page, (360,)) == []
