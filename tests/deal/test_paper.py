"""The printed confirmation: one sheet of A4 in a real browser's print, in both languages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from market.contracts import ContractTerms, canonical, read_terms, terms_sha256, verification_code
from tests.deal.traded import case_of, fall, stage
from tests.sell.stall import NOW

if TYPE_CHECKING:
    from playwright.async_api import Browser

    from tests.door.house_server import Server

TERMS = ContractTerms(
    lot_id=12,
    title_en="Vase",
    title_zh="瓶",
    seller_id=1,
    seller_name="Seller",
    buyer_id=2,
    buyer_name="Buyer",
    buyer_paddle=118,
    currency="CNY",
    currency_exponent=2,
    hammer_minor=1_234_500,
    deposit_minor=0,
    commission_bp=725,
    seq=3,
    head="00" * 32,
    closed_at=NOW,
    payment_seconds=172_800,
    ship_working_days=3,
    ship_seconds=None,
    unshipped_seconds=172_800,
    arrival_seconds=864_000,
    inspection_seconds=259_200,
)


def test_a_contract_reads_back_to_the_same_bytes() -> None:
    text = canonical(TERMS)
    assert canonical(read_terms(text)) == text
    assert " " not in text.replace("Vase", "")


def test_the_code_changes_with_the_contract() -> None:
    code = verification_code(terms_sha256(canonical(TERMS)))
    assert re.fullmatch(r"[A-Z2-7]{4}(-[A-Z2-7]{4}){3}", code)
    assert code != verification_code(terms_sha256(canonical(TERMS).replace("1234500", "1234501")))


@pytest.mark.parametrize("lang", ["en", "zh"])
async def test_the_confirmation_prints_on_one_sheet(server: Server, browser: Browser, lang: str) -> None:
    house, now = server.house, server.house.node_time.now()
    async with house.pool.acquire() as conn:
        on = await stage(conn, desk=house.escrow, bidders=1, now=now)
        await fall(conn, on, closed_at=now)
        await case_of(conn, on)
    cookie = (await server.cookie(on.winner))["cookie"]
    context = await browser.new_context(extra_http_headers={"cookie": cookie})
    page = await context.new_page()
    answer = await page.goto(f"{server.origin}/lots/{on.lot_id}/confirmation?lang={lang}")
    assert answer is not None and answer.status == 200
    pdf = await page.pdf(prefer_css_page_size=True)
    await context.close()
    assert pdf.count(b"/Type /Page\n") == 1
