"""The bank's page of cards, by hand in a browser: a card is issued, a fault switched on, a payment disputed, a day settled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from escrow.card_facts import CardOutcome, CardReason, CardState
from escrow.sandbox_bank.texts import text
from tests.gateway.cards import Bank, Till
from tests.journey.looking import faults_of

if TYPE_CHECKING:
    from playwright.async_api import Browser


async def test_a_person_tries_the_cards_side_of_the_bank(browser: Browser, bank: Bank, till: Till) -> None:
    paid = await till.pay(await till.open_case())
    await till.until(paid, CardState.CAPTURED, told=True)
    context = await browser.new_context(locale="zh-CN", bypass_csp=True)
    page = await context.new_page()

    def word(key: str, **params: object) -> str:
        return text(key, "zh", **params)

    await page.goto(bank.url)
    await page.get_by_role("link", name=word("cards.link")).click()
    await page.get_by_label(word("account.holder"), exact=True).fill("王秀")
    await page.get_by_label(word("account.balance"), exact=True).fill("12.50")
    await page.get_by_role("button", name=word("cards.issue")).click()
    told = await page.locator(".done").inner_text()
    number = "".join(filter(str.isdigit, told))
    assert (await till.pay(await till.open_case(1_250), number, expiry="2030-12")).outcome is CardOutcome.PAID
    await page.goto(f"{bank.url}/cards")
    assert number not in await page.content(), "the number was shown once"

    await page.get_by_label(word("faults.kind"), exact=True).select_option(label=word("fault.decline"))
    await page.get_by_label(word("faults.code"), exact=True).fill("61")
    await page.get_by_role("button", name=word("faults.on")).click()
    await page.get_by_role("button", name=word("faults.off")).wait_for()
    assert (await till.pay(await till.open_case())).reason is CardReason.OVER_LIMIT
    await page.get_by_label(word("faults.times"), exact=True).fill("many")
    await page.get_by_role("button", name=word("faults.on")).click()
    assert await page.get_by_role("alert").inner_text() == word("refusal.bad_times")

    row = page.get_by_role("row").filter(has_text=paid.id)
    await row.get_by_role("button", name=word("dispute.begin")).click()
    await page.get_by_role("button", name=word("settlements.now")).click()
    assert await till.cards.settle_today() == 1, "the day that was closed by hand is the file that comes"
    async with till.pool.acquire() as conn:
        assert await till.cards.differences(conn) == []
    assert await faults_of(page, judged={(1280, "light")}) == []
    await row.get_by_role("button", name=word("dispute.to_house")).click()
    await row.get_by_text(word("dispute.won")).wait_for()
    await context.close()
