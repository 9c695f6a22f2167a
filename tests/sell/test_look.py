"""Pages of seller, operator and bidder with awkward lots in a real browser: very long words, every state, the editor.

That every page of the house stands in both languages, themes and widths is shown by `tests/journey/test_pages.py`.
"""

from __future__ import annotations

import itertools
import re

import pytest
from playwright.async_api import expect

from market import applications, listings
from tests.front.conftest import open_saleroom, saleroom  # noqa: F401  (fixtures)
from tests.front.saleroom import HOUR, Saleroom
from tests.journey.looking import faults_of
from tests.sell.stall import changed, picture

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

PAGES = {
    "seller": ("/sell", "/sell/lots/new", "/sell/lots/{draft}", "/sell/lots/{waiting}", "/sell/lots/{live}"),
    "operator": (
        "/operator",
        "/operator/lots",
        "/operator/lots/{waiting}",
        "/operator/lots/{live}",
        "/operator/applications",
        "/operator/applications?state=all",
        "/operator/audit",
    ),
    "bidder": ("/my/bids",),
}


class Stage:
    """A lot in each state, made once for the file."""

    lots: dict[str, int]

    @classmethod
    async def set_up(cls, room: Saleroom) -> dict[str, int]:
        if not hasattr(cls, "lots"):
            cls.lots = await cls._make(room)
        return cls.lots

    @staticmethod
    async def _make(room: Saleroom) -> dict[str, int]:
        live = await room.lot()
        await room.bid(live, room.bidders[0], 1_000_000)
        await room.bid(live, room.bidders[1], 1_010_000)
        waiting_for_bidders = await room.lot(admitted=False)
        content = changed(starts_at=room.now + HOUR, description_en="A very long word: " + "w" * 90)
        async with room.server.house.pool.acquire() as conn, conn.transaction():
            await applications.apply(conn, lot_id=waiting_for_bidders, party_id=room.bidders[0], now=room.now)
            draft = await listings.create_draft(
                conn, seller_id=room.seller, content=changed(content, reserve_minor=7), now=room.now
            )
            waiting = await listings.create_draft(conn, seller_id=room.seller, content=content, now=room.now)
            await listings.submit(conn, listing_id=waiting.id, seller_id=room.seller, version=1, now=room.now)
        cookie = await room.server.cookie(room.seller)
        files = {"photos": ("a.jpg", picture(800, 600), "image/jpeg")}
        answer = await room.server.client.post(f"/sell/lots/{draft.id}/photos", files=files, headers=cookie)
        assert answer.status_code == 303
        return {"live": live, "draft": draft.id, "waiting": waiting.id}


@pytest.mark.parametrize("who", PAGES)
async def test_awkward_lots_leave_no_page_at_fault(saleroom: Saleroom, who: str) -> None:  # noqa: F811
    lots = await Stage.set_up(saleroom)
    party = {"seller": saleroom.seller, "operator": saleroom.operator, "bidder": saleroom.bidders[0]}[who]
    look, themes = await saleroom.look("/help", party), itertools.cycle(({(1280, "light")}, {(360, "dark")}))
    for path, judged in zip(PAGES[who], themes, strict=False):
        await look.page.goto(saleroom.server.origin + path.format(**lots))
        await expect(look.page.locator("h1")).to_be_visible()
        assert await faults_of(look.page, judged=judged) == [], path


async def test_the_editor_saves_while_one_types_and_starts_in_the_sellers_zone(saleroom: Saleroom) -> None:  # noqa: F811
    lots = await Stage.set_up(saleroom)
    page = (await saleroom.look("/sell/lots/new", saleroom.seller)).page
    await expect(page.get_by_label("Time zone")).to_have_value("Asia/Shanghai")
    page = (await saleroom.look(f"/sell/lots/{lots['draft']}", saleroom.seller)).page
    await expect(page.locator("[data-findings]")).to_contain_text("reserve")
    await page.get_by_label("Hidden reserve").fill("15,000")
    await page.get_by_role("textbox", name="Start price").fill("12,000")
    await expect(page.get_by_text("Saved as you type.")).to_be_visible()
    await expect(page.locator("[data-rule=en] li").first).to_contain_text("¥12,000")
    await expect(page.locator("[data-findings] .error")).to_have_count(0)
    await page.get_by_role("button", name="Save draft").click()
    await expect(page.get_by_text("The draft is saved.")).to_be_visible()
    await expect(page.get_by_role("textbox", name="Start price")).to_have_value(re.compile("12000"))
