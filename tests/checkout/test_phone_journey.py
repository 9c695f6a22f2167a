"""A payment is confirmed on the payer's phone by a passkey, in either language; both browsers follow by themselves.

Chromium's virtual authenticator stands for the phone's. It protects a wallet too, where it has the PRF extension.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import Page, expect

from tests.checkout.cash_desk import GOOD, CashDesk, Words
from tests.journey.looking import faults_of
from tests.sell.stall import WHOLE

if TYPE_CHECKING:
    from escrow.facts import Case

JUDGED = {"en": (360, "dark"), "zh": (1280, "light")}
"""The width and theme in which axe judges what is read in a language."""
TITLE = {"zh": WHOLE.title_zh, "en": WHOLE.title_en}


async def authenticator(page: Page) -> Any:
    """A phone's own authenticator, whose owner is always there."""
    session = await page.context.new_cdp_session(page)
    await session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "ctap2Version": "ctap2_1",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
        "hasPrf": True,
    }
    await session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return session


async def with_passkey_wallet(page: Page, cash_desk: CashDesk, say: Words) -> None:
    """A wallet that only the passkey protects, with one card; locked and unlocked by it once."""
    await page.goto(f"{cash_desk.origin}/wallet/manager")
    await page.locator("summary", has_text=say("purse.open_passkey_heading")).click()
    await page.get_by_role("button", name=say("purse.open_passkey_submit"), exact=True).click()
    await expect(page.locator("#card-number")).to_be_visible()
    await page.get_by_role("button", name=say("purse.lock"), exact=True).click()
    await page.get_by_role("button", name=say("purse.unlock_passkey"), exact=True).click()
    await page.locator("#card-number").press_sequentially(GOOD)
    await page.select_option("#card-month", "12")
    await page.select_option("#card-year", "2031")
    await page.fill("#card-holder", "LI WEI")
    await page.locator("vault-form[purpose=add_card] button").click()
    await expect(page.locator("[aria-labelledby=cards]")).to_contain_text(GOOD[-4:])


@pytest.mark.parametrize("lang", JUDGED)
async def test_a_payment_waits_for_the_phone_and_goes_with_its_passkey(cash_desk: CashDesk, lang: str) -> None:
    case, say = await cash_desk.deal(), Words(lang)
    phone = await cash_desk.page(case.buyer_id, lang, width=360)
    await authenticator(phone)
    await phone.goto(f"{cash_desk.origin}/phone/devices")
    assert await faults_of(phone, judged={JUDGED[lang]}) == []
    await phone.get_by_role("button", name=say("phone.passkey_add"), exact=True).click()
    await expect(phone.locator(".flash")).to_contain_text(say("phone.passkey_kept"))

    desk = await cash_desk.page(case.buyer_id, lang)
    await authenticator(desk)
    await with_passkey_wallet(desk, cash_desk, say)
    await ask(desk, cash_desk, case, say)
    await phone.goto(f"{cash_desk.origin}/phone")
    await phone.get_by_role("link", name=say("phone.look"), exact=True).click()
    for words in ("11,345.00", TITLE[lang], f"Visa ·· {GOOD[-4:]}"):
        await expect(phone.locator(".phone-card")).to_contain_text(words)
    assert await faults_of(phone, judged={JUDGED[lang]}) == []
    # Denied: nothing is paid, and the desk hears of it by itself.
    await phone.get_by_role("button", name=say("phone.refuse"), exact=True).click()
    await expect(phone.locator("h2")).to_have_text(say("phone_state.refused"))
    await expect(desk.locator(".checkout-press")).to_be_visible()

    await ask(desk, cash_desk, case, say)
    await phone.goto(f"{cash_desk.origin}/phone")
    await phone.get_by_role("link", name=say("phone.look"), exact=True).click()
    await phone.get_by_role("button", name=say("phone.confirm_passkey"), exact=True).click()
    await expect(phone.locator("h2")).to_have_text(say("phone_state.captured"))
    await expect(phone.locator(".phone-card")).to_contain_text(say("phone.method.passkey"))
    await expect(desk.locator(".ereceipt-said")).to_be_visible()
    await expect(desk.locator(".paper")).to_contain_text(say("phone.method.passkey"))
    assert cash_desk.said == []


async def ask(desk: Page, cash_desk: CashDesk, case: Case, say: Words) -> None:
    await desk.goto(f"{cash_desk.origin}/deals/{case.id}/checkout")
    await desk.locator(".means", has_text=GOOD[-4:]).click()
    await desk.get_by_role("button", name=say("checkout.by_phone"), exact=True).click()
    await expect(desk.locator(".phone-wait")).to_contain_text(say("phone.step_asked"))
