"""The parts of a sealed sale by hand: the seller's form, the ceremony, sealing in the browser, giving a share."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from playwright.async_api import Page, expect

from auction import desk
from market.catalogue import Catalogue
from market.listing_facts import Listing
from market.listings import listing_by_id
from tests.formats.sealed_stage import Stage, phrase_of
from tests.front.saleroom import Look, Saleroom
from tests.journey.looking import faults_of

TEXTS = Catalogue.load()
BIDDING_SECONDS = 20.0


def read_receipt(path: Path) -> dict[str, Any]:
    """A saved receipt."""
    receipt: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return receipt


async def press(page: Page, key: str, lang: str = "zh", **params: object) -> None:
    await page.get_by_role("button", name=TEXTS.text(key, lang, **params), exact=True).click()


async def wait_for_words(page: Page, key: str, lang: str = "zh", **params: object) -> None:
    await expect(page.locator("main")).to_contain_text(TEXTS.text(key, lang, **params))


async def write_lot(saleroom: Saleroom) -> int:
    """The seller fills in the form and submits it."""
    page = (await saleroom.look("/sell/lots/new?format=sealed", saleroom.seller, "zh")).page
    for name, value in {
        "title_zh": "端石长方砚",
        "start_price": "10,000",
        "reserve": "15,000",
        "timed_value": "60",
    }.items():
        await page.locator(f"#f-{name}").fill(value)
    tomorrow = saleroom.now + timedelta(days=1)
    await page.locator("#f-starts_at").fill(f"{tomorrow:%Y-%m-%dT%H:%M}")
    await page.locator("#f-timed_unit").select_option("minutes")
    await expect(page.locator("input[name=pricing][value=second]")).to_be_checked()
    await press(page, "sell.save_first")
    await press(page, "sell.submit")
    await wait_for_words(page, "sell.is_submitted")
    return int(page.url.rpartition("/")[2].partition("?")[0])


async def make_key(saleroom: Saleroom, stage: Stage, lot_id: int) -> None:
    """An operator becomes an officer by hand; then the key is made for three."""
    page = (await saleroom.look("/operator/officer", saleroom.operator, "en")).page
    await page.locator("#f-opening_passphrase").fill(phrase_of(7))
    await press(page, "opening.make_own_key", "en")
    await wait_for_words(page, "opening.has_key", "en")
    await page.locator("#f-try_passphrase").fill(phrase_of(6))
    await press(page, "opening.try", "en")
    await wait_for_words(page, "market_refusal.opening_passphrase_wrong", "en")
    await page.goto(f"{saleroom.server.origin}/operator/openings/{lot_id}")
    await press(page, "opening.make_key", "en")
    await wait_for_words(page, "market_refusal.officers_to_choose", "en")
    for officer in (stage.officers[0], stage.officers[1], saleroom.operator):
        await page.locator(f"input[name=officer][value='{officer}']").check()
    await press(page, "opening.make_key", "en")
    await wait_for_words(page, "opening.key_ready", "en")
    assert await faults_of(page, (360,)) == []


async def open_now(stage: Stage, lot_id: int) -> None:
    """The lot is approved as if its bidding had begun earlier: it ends in a few seconds."""
    house = stage.server.house
    began = house.node_time.now() - timedelta(seconds=3600 - BIDDING_SECONDS)
    async with house.pool.acquire() as conn, conn.transaction():
        await conn.execute("update market.listing set starts_at = $2 where id = $1", lot_id, began)
        listing = await listing_by_id(conn, lot_id)
        assert listing is not None and isinstance(await stage.approve(conn, listing), Listing)
        for party in stage.bidders[:2]:
            await desk.admit(conn, lot_id=lot_id, party_id=party, now=house.node_time.now())
    await house.bidding.refresh(lot_id)


async def seal(look: Look, amount: str) -> None:
    """A sum is typed, asked about, sealed and sent; the receipt comes back."""
    page = look.page
    await page.locator("#sealed-sum").fill(amount)
    await page.locator("sealed-panel .bid-submit").click()
    await page.locator("sealed-panel [data-agree]").click()
    await expect(page.locator("sealed-panel [data-receipt]")).to_contain_text(amount)


async def give_share(saleroom: Saleroom, officer: int, lot_id: int, phrase: str, lang: str) -> Page:
    page = (await saleroom.look(f"/operator/openings/{lot_id}", officer, lang)).page
    await page.locator("#f-passphrase").fill(phrase)
    await press(page, "opening.give", lang)
    return page


async def to_the_deal(page: Page) -> None:
    """To the deal: by the page as it is served, which knows the deal's own address."""
    await page.reload()
    await page.get_by_role("link", name=TEXTS.text("lot.to_deal", "zh")).click()
