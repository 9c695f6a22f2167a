"""A buyer pays by card: the first card is declined, the second pays, the clock has not moved; the seller reads the order and
never a card. And what the pages of the wallet look like on the way. In both languages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.async_api import Page, expect

from tests.checkout.cash_desk import GOOD, PASSPHRASE, POOR, CashDesk, Words
from tests.journey.looking import faults_of

if TYPE_CHECKING:
    from escrow.facts import Case

JUDGED = {"zh": (360, "light"), "en": (1280, "dark")}
"""The width and theme in which axe judges what is read in a language."""


async def open_wallet(page: Page, say: Words) -> None:
    """By hand, with a passphrase that leaves the browser sealed."""
    await page.fill("#new-passphrase", PASSPHRASE)
    await page.fill("#new-passphrase-again", PASSPHRASE + "!")
    await page.get_by_role("button", name=say("purse.open_submit"), exact=True).click()
    await expect(page.locator("vault-form [data-said]").first).to_have_text(say("purse.repeat_differs"))
    await page.fill("#new-passphrase-again", PASSPHRASE)
    await page.get_by_role("button", name=say("purse.open_submit"), exact=True).click()


async def add_card(page: Page, say: Words, number: str, label: str) -> None:
    # The fold stands open until there is a card, so that the page has to be there before anyone looks.
    await expect(page.locator("summary", has_text=say("purse.card_add_heading"))).to_be_visible()
    if not await page.locator("#card-number").is_visible():
        await page.locator("summary", has_text=say("purse.card_add_heading")).click()
    await page.locator("#card-number").press_sequentially(number)
    await page.select_option("#card-month", "12")
    await page.select_option("#card-year", "2031")
    await page.fill("#card-holder", "LI WEI")
    await page.fill("#card-label", label)
    await page.locator("vault-form[purpose=add_card] button").click()
    await expect(page.locator("[aria-labelledby=cards]")).to_contain_text(number[-4:])


@pytest.mark.parametrize("lang", JUDGED)
async def test_a_declined_card_a_second_card_and_the_receipt(cash_desk: CashDesk, lang: str) -> None:
    case, say = await cash_desk.deal(), Words(lang)
    page = await cash_desk.page(case.buyer_id, lang)
    posted: list[str] = []
    page.on("request", lambda request: posted.append(request.post_data or ""))
    await page.goto(f"{cash_desk.origin}/wallet/manager")
    await open_wallet(page, say)
    await add_card(page, say, POOR, "旧卡")
    await add_card(page, say, GOOD, "工资卡")
    assert await faults_of(page, judged={JUDGED[lang]}) == []

    await page.goto(f"{cash_desk.origin}/deals/{case.id}/checkout")
    due_at = await page.locator(".deal-clock time-left").get_attribute("ends-at")
    assert await faults_of(page, judged={JUDGED[lang]}) == []
    await pay_with(page, POOR)
    await expect(page.locator(".notice.problem")).to_contain_text(say("card_reason.insufficient_funds"))
    await expect(page.locator(".notice.problem")).to_contain_text(say("checkout.choose_other"))
    assert await page.locator(".deal-clock time-left").get_attribute("ends-at") == due_at, "the clock runs on unchanged"
    assert await page.locator("input[name=means]:checked").count() == 0, "the same card is not pressed again by mistake"
    await shown_anew_without_a_press(page, say, cash_desk.said)
    await pay_with(page, GOOD)
    await expect(page.locator(".ereceipt-said")).to_contain_text(say("ereceipt.held_buyer"))
    paper = page.locator(".paper")
    for words in ("¥12,345.00", "Visa ·· 1111 工资卡", f"GH-R-{case.id:06d}", say("ereceipt.checked")):
        await expect(paper).to_contain_text(words)
    assert await faults_of(page, judged={JUDGED[lang]}) == []
    assert not [each for each in posted if GOOD in each.replace("+", "").replace(" ", "") or PASSPHRASE in each]

    await page.goto(f"{cash_desk.origin}/wallet/recorder?kind=purchase&least=10000")
    await expect(page.locator("tbody tr")).to_have_count(1)
    await expect(page.locator("tbody")).to_contain_text("¥11,345.00")
    assert await faults_of(page, judged={JUDGED[lang]}) == []
    await sees_no_card(cash_desk, case, say)
    assert cash_desk.said == []


async def pay_with(page: Page, number: str) -> None:
    await page.locator(".means", has_text=number[-4:]).click()
    await page.locator(".checkout-press").click()


async def shown_anew_without_a_press(page: Page, say: Words, said: list[str]) -> None:
    """The answer to a press gives way to the desk's news, and nothing is pressed a second time."""
    await page.locator("form:has(.checkout-press)").evaluate("form => { form.noValidate = true; }")
    await page.locator(".checkout-press").click()
    await expect(page.locator(".error-summary")).to_contain_text(say("checkout.choose"))
    pressed: list[str] = []
    page.on("request", lambda request: pressed.append(request.url) if request.method == "POST" else None)
    elsewhere = await page.context.new_page()
    await elsewhere.goto(page.url)
    await pay_with(elsewhere, POOR)
    await expect(elsewhere.locator(".notice.problem")).to_contain_text(say("card_reason.insufficient_funds"))
    await elsewhere.close()
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await expect(page.locator(".error-summary")).to_have_count(0)
    assert pressed == []
    assert "422" in said.pop(), "the browser notes the press that chose nothing"


async def sees_no_card(cash_desk: CashDesk, case: Case, say: Words) -> None:
    seller = await cash_desk.page(case.seller_id, say.lang)
    await seller.goto(f"{cash_desk.origin}/deals/{case.id}/e-receipt")
    paper = seller.locator(".paper")
    for words in (say("ereceipt.seller_title"), say("ereceipt.payment_digest"), say("ereceipt.checked")):
        await expect(paper).to_contain_text(words)
    shown = await seller.content()
    assert (
        "1111"
        not in (await paper.inner_text()).replace(say("ereceipt.signature"), "").split(say("ereceipt.order_id"))[0]
    )
    assert "工资卡" not in shown and "Visa" not in shown
