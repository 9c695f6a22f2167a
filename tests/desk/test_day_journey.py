"""The end of a day at the desk, in a browser: a wrong statement, the right one, one entry to judge, the close, the paper.

In both languages, each in a house of its own, for a day ends once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from playwright.async_api import expect

import hatch_build
from tests.checkout.cash_desk import Words
from tests.desk.bank_papers import Line, statement
from tests.door.house_server import run_server
from tests.front.saleroom import Saleroom
from tests.journey.looking import faults_of
from tests.sell.stall import incoming

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Browser, Page

    from migrations.database import Address

JUDGED = {"zh": ((360, "dark"), (1280, "light")), "en": ((360, "light"), (1280, "dark"))}
"""The widths and themes in which axe judges the two pages of a language."""


@pytest.fixture
async def saleroom(browser: Browser, database: Address, tmp_path: Path) -> AsyncIterator[Saleroom]:
    """A house for one day."""
    hatch_build.build(Saleroom.root)
    async for server in run_server(database, tmp_path):
        room = await Saleroom.opened(server, browser)
        yield room
        assert [message for look in room.looks for message in look.said] == []
        await room.close()


async def upload(page: Page, words: Words, body: bytes) -> None:
    await page.get_by_label(words("desk.file"), exact=True).set_input_files(
        {"name": "statement.xml", "mimeType": "application/xml", "buffer": body}
    )
    await page.get_by_role("button", name=words("desk.upload")).click()


@pytest.mark.parametrize("lang", JUDGED)
async def test_a_day_ends_with_its_statement(saleroom: Saleroom, lang: str) -> None:
    house, now, words = saleroom.server.house, saleroom.now, Words(lang)
    notices = [
        msgspec.structs.replace(incoming(f"vase {n}", 50_000 + n), booked_at=now, sender_holder="李雷") for n in (1, 2)
    ]
    async with house.pool.acquire() as conn, conn.transaction():
        for notice in notices:
            await house.escrow.inbox.receive(conn, notice, now)
    lines = [Line(bank_id=one.bank_id, minor=one.amount_minor, at=now, reference=one.reference) for one in notices]
    lines[1] = Line(bank_id="RENAMED", minor=lines[1].minor, at=now, reference="vase 2", holder="李雷")
    account = house.centre.accounts["CNY"]

    look = await saleroom.look("/operator/money/statements", saleroom.operator, lang)
    page = look.page
    await upload(page, words, statement(now.date(), lines, account=account, closing=1))
    await expect(page.locator("#errors")).to_contain_text("100003")
    assert "422" in look.said.pop()
    await upload(page, words, statement(now.date(), lines, account=account))
    await expect(page.get_by_role("status").first).to_contain_text(words("desk.flash_statement_taken", count=2))

    await page.get_by_role("link", name=words("desk.open_entries", count=1)).click()
    await expect(page.locator(".entry-list > li")).to_have_count(1)
    assert await faults_of(page, (360,), {JUDGED[lang][0]}) == []
    await page.get_by_role("button", name=words("desk.match")).click()
    await expect(page.get_by_role("status").first).to_contain_text(words("desk.flash_entry_match"))

    await page.goto(f"{saleroom.server.origin}/operator/money/days")
    await expect(page.get_by_text(words("desk.close_clean"))).to_be_visible()
    await page.get_by_role("button", name=words("desk.close_day")).click()
    await expect(page.get_by_text(words("desk.proof_holds"))).to_be_visible()
    await expect(page.locator("h1")).to_contain_text(now.date().isoformat())
    assert await faults_of(page, (1280,), {JUDGED[lang][1]}) == []
    await page.goto(f"{saleroom.server.origin}/operator/money/days")
    await expect(page.get_by_text(words("desk.closed_today"))).to_be_visible()
