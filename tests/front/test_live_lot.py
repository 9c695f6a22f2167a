"""The live lot page in a real browser against a running house, to the letter of what it promises a bidder."""

from __future__ import annotations

import re
from datetime import timedelta

from playwright.async_api import Locator, Page, expect

from market import applications
from market.application_facts import Application
from tests.front.saleroom import Saleroom
from tests.journey.looking import faults_of
from tests.sell.stall import incoming


def quick(page: Page, n: int) -> Locator:
    return page.locator(".quick").nth(n)


def price(page: Page) -> Locator:
    return page.locator(".price-figure")


def position(page: Page) -> Locator:
    return page.locator("lot-position")


def verdict(page: Page) -> Locator:
    return page.locator(".verdict")


async def settled(page: Page) -> None:
    """The buttons have shown the same amounts for longer than presses are ignored."""
    await page.evaluate(
        """new Promise((done) => {
            const panel = document.querySelector("lot-panel");
            const look = () => (panel.steadyFor > 320 ? done() : requestAnimationFrame(look));
            look();
        })"""
    )


async def test_two_browsers_see_the_same_price_and_each_its_own_place(saleroom: Saleroom) -> None:
    lot = await saleroom.lot()
    mine = (await saleroom.live_lot(lot, saleroom.bidders[0])).page
    theirs = (await saleroom.live_lot(lot, saleroom.bidders[1], "zh")).page
    await quick(mine, 0).click()
    await expect(price(theirs)).to_have_text("¥10,000")
    await expect(position(mine)).to_contain_text("highest bidder")
    await expect(verdict(mine)).to_contain_text("¥10,000 stands")
    await settled(theirs)
    await quick(theirs, 1).click()
    await expect(price(mine)).to_have_text("¥10,200")
    await expect(position(mine)).to_contain_text("outbid")
    await expect(position(theirs)).to_contain_text("出价最高")
    await expect(mine.locator("#say-assertive")).to_contain_text("outbid")
    await expect(mine).to_have_title("(!) Outbid · Blue and white meiping vase · Gavelhouse")
    await expect(mine.locator("lot-history tbody tr").first).to_contain_text("¥10,200")


async def test_the_first_bids_button_says_start_price_and_the_others_count_from_it(saleroom: Saleroom) -> None:
    lot = await saleroom.lot()
    page = (await saleroom.live_lot(lot, saleroom.bidders[0])).page
    steps = page.locator(".quick-steps")
    await expect(page.locator(".quick-amount")).to_have_text(["¥10,000", "¥10,100", "¥10,400"])
    await expect(steps).to_have_text(["start price", "+1 step", "+4 steps"])
    await saleroom.bid(lot, saleroom.bidders[1], 1_000_000)
    await expect(steps).to_have_text(["+1 step", "+2 steps", "+5 steps"])


async def test_the_amount_is_fixed_when_the_pointer_goes_down(saleroom: Saleroom) -> None:
    lot = await saleroom.lot()
    page = (await saleroom.live_lot(lot, saleroom.bidders[0])).page
    await quick(page, 2).hover()
    await settled(page)
    await page.mouse.down()
    await saleroom.bid(lot, saleroom.bidders[1], 1_010_000)
    await expect(price(page)).to_have_text("¥10,100")
    await expect(quick(page, 2)).to_contain_text("¥10,400")
    await page.mouse.up()
    await expect(price(page)).to_have_text("¥10,400")
    await expect(quick(page, 2)).to_contain_text("¥10,900")


async def test_a_press_just_after_the_amounts_changed_sends_nothing(saleroom: Saleroom) -> None:
    lot = await saleroom.lot()
    page = (await saleroom.live_lot(lot, saleroom.bidders[0])).page
    await page.evaluate(
        """() => { new MutationObserver((_, self) => { self.disconnect(); document.querySelector('.quick').click(); })
            .observe(document.querySelector('.quick-amount'), { characterData: true, childList: true, subtree: true }); }"""
    )
    await saleroom.bid(lot, saleroom.bidders[1], 1_000_000)
    await expect(verdict(page)).to_contain_text("nothing was sent")
    await expect(price(page)).to_have_text("¥10,000")


async def test_a_high_bid_is_asked_about_and_asked_again_when_the_price_moved(saleroom: Saleroom) -> None:
    lot = await saleroom.lot()
    page = (await saleroom.live_lot(lot, saleroom.bidders[0])).page
    await page.locator("#bid-amount").fill("１２，０００")
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("more than ten steps")
    await expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    await saleroom.bid(lot, saleroom.bidders[1], 1_000_000)
    await expect(dialog).to_contain_text("The price is ¥10,000 now")
    await dialog.get_by_role("button", name="Bid ¥12,000").click()
    await expect(dialog).to_contain_text("moved while you were deciding")
    await expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    await dialog.get_by_role("button", name="Bid ¥12,000").click()
    await expect(dialog).to_be_hidden()
    await expect(price(page)).to_have_text("¥12,000")


async def test_a_maximum_is_shown_to_its_owner_alone_and_may_be_raised(saleroom: Saleroom) -> None:
    lot = await saleroom.lot()
    mine = (await saleroom.live_lot(lot, saleroom.bidders[0])).page
    theirs = await saleroom.live_lot(lot, saleroom.bidders[1])
    heard: list[str] = []
    theirs.page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: heard.append(str(frame))))
    await mine.get_by_role("radio", name="Bid up to").check()
    await mine.locator("#bid-amount").fill("10,500")
    await mine.keyboard.press("Enter")
    await expect(position(mine)).to_contain_text("with a maximum of ¥10,500")
    await expect(price(theirs.page)).to_have_text("¥10,000")
    await mine.locator("#bid-amount").fill("10,900")
    await mine.keyboard.press("Enter")
    await expect(position(mine)).to_contain_text("with a maximum of ¥10,900")
    await settled(theirs.page)
    await quick(theirs.page, 0).click()
    await expect(verdict(theirs.page)).to_contain_text("at once outbid by a maximum")
    await expect(price(mine)).to_have_text("¥10,200")
    assert "1090000" not in "".join(heard) + await theirs.page.content()


async def test_an_amount_that_is_not_legal_is_refused_with_the_rule_and_the_figure(saleroom: Saleroom) -> None:
    lot = await saleroom.lot()
    page = (await saleroom.live_lot(lot, saleroom.bidders[0])).page
    for typed, words in (
        ("10,000.005", "Too many decimals"),
        ("ten", "not an amount"),
        ("9,999", "lowest bid now is ¥10,000"),
        ("10,050", "between two steps"),
    ):
        await page.locator("#bid-amount").fill(typed)
        await page.keyboard.press("Enter")
        await expect(page.locator("lot-panel")).to_contain_text(words)
    await expect(price(page)).to_have_text("¥10,000")
    await expect(page.locator(".glance-label").first).to_have_text("Start price · CNY")


async def test_when_the_connection_is_lost_bidding_is_off_and_then_goes_on_without_a_reload(saleroom: Saleroom) -> None:
    lot = await saleroom.lot()
    look = await saleroom.live_lot(lot, saleroom.bidders[0])
    page = look.page
    look.loses = '"subscribed"'
    await look.lose_connection()
    await expect(page.locator("lot-connection")).to_contain_text("Connection lost")
    await expect(page.locator("lot-connection")).to_contain_text("You see the state of")
    await expect(quick(page, 0)).to_be_disabled()
    await saleroom.bid(lot, saleroom.bidders[1], 1_000_000)
    look.loses = ""
    await look.lose_connection()
    await expect(page.locator("lot-connection .live")).to_be_visible()
    await expect(price(page)).to_have_text("¥10,000")
    await expect(page.locator("lot-history tbody tr").first).to_contain_text("¥10,000")
    await expect(quick(page, 0)).to_be_enabled()


async def test_a_bid_whose_answer_was_lost_is_settled_after_the_reconnect(saleroom: Saleroom) -> None:
    lot = await saleroom.lot()
    look = await saleroom.live_lot(lot, saleroom.bidders[0])
    look.loses = '"accepted"'
    await quick(look.page, 0).click()
    await expect(price(look.page)).to_have_text("¥10,000")
    await expect(look.page.locator(".bid-submit")).to_contain_text("Sending ¥10,000")
    look.loses = ""
    await look.lose_connection()
    await expect(verdict(look.page)).to_contain_text("¥10,000 stands")


async def test_a_bid_that_never_arrived_is_said_to_be_not_placed(saleroom: Saleroom) -> None:
    lot = await saleroom.lot()
    look = await saleroom.live_lot(lot, saleroom.bidders[0])
    look.loses = '"bid"'
    await quick(look.page, 0).click()
    await expect(look.page.locator(".bid-submit")).to_contain_text("Sending")
    await look.lose_connection()
    await expect(verdict(look.page)).to_contain_text("did not reach the house")
    await expect(price(look.page)).to_have_text("¥10,000")
    await expect(look.page.locator(".glance-label").first).to_have_text("Start price · CNY")


async def test_keys_reach_the_box_the_buttons_and_the_history_and_can_be_switched_off(saleroom: Saleroom) -> None:
    lot = await saleroom.lot()
    page = (await saleroom.live_lot(lot, saleroom.bidders[0])).page
    await page.keyboard.press("b")
    await expect(page.locator("#bid-amount")).to_be_focused()
    await page.locator("h1").click()
    await page.keyboard.press("h")
    await expect(page.locator("#history")).to_be_focused()
    await page.keyboard.press("m")
    await expect(page.get_by_role("button", name="Sound on")).to_be_visible()
    await page.keyboard.press("1")
    await expect(price(page)).to_have_text("¥10,000")
    await page.keyboard.press("?")
    await page.get_by_label("Use these keys").uncheck()
    await page.get_by_role("button", name="Done").click()
    await page.locator("h1").click()
    await page.keyboard.press("h")
    await expect(page.locator("#history")).not_to_be_focused()


async def test_the_delayed_phase_restarts_with_each_bid_and_the_close_names_the_result(saleroom: Saleroom) -> None:
    lot = await saleroom.lot(timed_seconds=None, extension_seconds=5, starts_at=saleroom.now + timedelta(seconds=6))
    mine = (await saleroom.live_lot(lot, saleroom.bidders[0])).page
    theirs = (await saleroom.live_lot(lot, saleroom.bidders[1], "zh")).page
    await quick(mine, 0).click()
    await expect(mine.locator("lot-clock")).to_contain_text("Extended until")
    await expect(theirs.locator("lot-clock progress")).to_be_visible()
    await expect(mine.locator("lot-result")).to_contain_text("Sold for ¥10,000")
    await expect(position(mine)).to_contain_text("You won")
    await expect(mine.get_by_role("link", name="Trade confirmation")).to_be_visible()
    await expect(theirs.locator("lot-result")).to_contain_text("成交价 ¥10,000")
    await expect(position(theirs)).to_contain_text("其他竞买人")


async def test_the_clock_is_the_house_s_even_when_the_machine_s_is_wrong(saleroom: Saleroom) -> None:
    lot = await saleroom.lot()
    look = await saleroom.look("/help")
    look.may_rest = False
    await look.page.clock.install(time="2020-01-01T00:00:00Z")
    await look.page.goto(f"{saleroom.server.origin}/lots/{lot}")
    await expect(look.page.locator("lot-connection .live")).to_be_visible()
    await expect(look.page.locator(".clock-digits")).to_contain_text(re.compile(r"5[89]:[0-5]\d"))


async def test_who_waits_for_the_operator_sees_the_buttons_when_he_is_admitted(saleroom: Saleroom) -> None:
    lot = await saleroom.lot(admitted=False)
    house = saleroom.server.house
    async with house.pool.acquire() as conn, conn.transaction():
        application = await applications.apply(conn, lot_id=lot, party_id=saleroom.bidders[0], now=saleroom.now)
    assert isinstance(application, Application)
    page = (await saleroom.live_lot(lot, saleroom.bidders[0])).page
    await expect(page.locator("lot-panel")).to_have_count(0)
    async with house.pool.acquire() as conn, conn.transaction():
        await applications.confirm(
            conn, house.escrow, application_id=application.id, operator_id=saleroom.operator, now=saleroom.now
        )
    await expect(quick(page, 0)).to_be_enabled(timeout=15_000)
    await expect(position(page)).to_contain_text("paddle")
    await quick(page, 0).click()
    await expect(position(page)).to_contain_text("highest bidder")


async def test_who_waits_sees_each_step_by_itself_after_the_approval_and_after_the_money(saleroom: Saleroom) -> None:
    lot = await saleroom.lot(admitted=False, deposit_minor=100_000)
    house, bidder = saleroom.server.house, saleroom.bidders[0]
    async with house.pool.acquire() as conn, conn.transaction():
        application = await applications.apply(conn, lot_id=lot, party_id=bidder, now=saleroom.now)
    assert isinstance(application, Application)
    page = (await saleroom.live_lot(lot, bidder)).page
    step = page.locator(".qualification")
    await expect(step).to_have_attribute("data-step", "wait")
    async with house.pool.acquire() as conn, conn.transaction():
        await applications.confirm(
            conn, house.escrow, application_id=application.id, operator_id=saleroom.operator, now=saleroom.now
        )
    await expect(step).to_have_attribute("data-step", "pay_deposit")
    at_bank = re.compile(r"/\?to_number=\w+&currency=CNY&amount=1000\.00&reference=\w+")
    await expect(step.get_by_role("link", name="Pay at the sandbox bank")).to_have_attribute("href", at_bank)
    await expect(step.get_by_role("button", name="Copy")).to_have_count(5)
    checkout = await page.context.new_page()
    await checkout.goto(
        saleroom.server.origin + (await step.locator("a[href^='/deposits/']").get_attribute("href") or "")
    )
    assert await faults_of(checkout) == []
    await checkout.close()
    async with house.pool.acquire() as conn, conn.transaction():
        due = await applications.application_state(conn, house.escrow, lot, bidder)
        assert due is not None and due.reference is not None
        await house.escrow.inbox.receive(conn, incoming(due.reference, 100_000), saleroom.now)
    await expect(quick(page, 0)).to_be_enabled(timeout=6_000)


async def test_without_javascript_the_page_is_whole(saleroom: Saleroom) -> None:
    lot = await saleroom.lot()
    await saleroom.bid(lot, saleroom.bidders[0], 1_000_000)
    context = await saleroom.browser.new_context(java_script_enabled=False, locale="en-GB")
    page = await context.new_page()
    await page.goto(f"{saleroom.server.origin}/lots/{lot}")
    for words in ("¥10,000", "Bid history", "1 bid", "UTC", "each bid restarts 2 minutes"):
        await expect(page.locator("main")).to_contain_text(words)
    assert "Bidding needs JavaScript" in await page.content()
    await context.close()
