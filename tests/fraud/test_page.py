"""The operator's page against shill bidding, in a browser and by the API: look, bar, clear; nobody else sees it."""

from __future__ import annotations

import asyncio
import os
from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import expect

from auction import store
from market import fraud_links, notices
from market.fraud_facts import TraitKind, TraitSource
from tests.front.saleroom import Saleroom
from tests.journey.looking import axe_faults, sideways

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


async def played(room: Saleroom) -> list[int]:
    """Four lots on which the first bidder drives the second one up, whom an account of the seller's links with nobody."""
    shill, honest = room.bidders
    lots = []
    for _ in range(4):
        lot = await room.lot()
        # A party bids some five times a second, so three bids each.
        for step in range(3):
            for who in (honest, shill):
                answer = await room.bid(lot, who, 1_000_000 + (2 * step + (who == shill)) * 10_000)
                while answer.refusal == "too_fast":
                    await asyncio.sleep(0.2)
                    answer = await room.bid(lot, who, 1_000_000 + (2 * step + (who == shill)) * 10_000)
                assert answer.refusal is None, answer
        lots.append(lot)
    async with room.server.house.pool.acquire() as conn, conn.transaction():
        for party in (room.seller, honest):
            await fraud_links.seen(conn, party, TraitKind.DEVICE, "d" * 43, TraitSource.SIGN_IN, room.now)
        await fraud_links.links_found(conn, room.seller, honest, room.now)
    return lots


async def test_an_operator_looks_bars_and_clears(saleroom: Saleroom) -> None:
    shill, honest = saleroom.bidders
    lots = await played(saleroom)
    look = await saleroom.look("/operator/fraud", saleroom.operator)
    page = look.page
    await expect(page.locator("h1")).to_have_text("Links and shill bidding")
    for width, theme in ((1280, "light"), (360, "dark")):
        scheme: Any = theme
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        await page.set_viewport_size({"width": width, "height": 900})
        if folder := os.environ.get("SHOTS"):
            await page.screenshot(path=f"{folder}/fraud_{width}.png", full_page=True)
        assert await axe_faults(page) == [] and await sideways(page) == []
    await page.set_viewport_size({"width": 1280, "height": 900})
    suspect = page.locator(f"[data-suspect='{shill}-{saleroom.seller}']")
    await expect(suspect).to_contain_text("Bid on 4 of the seller's 4 lots")
    await suspect.locator("summary").click()
    await suspect.locator("[name=reason]").fill("bids for the seller")
    await suspect.get_by_role("button", name="Bar from this seller's lots").click()
    await expect(page.get_by_text("Barred from this seller's lots.")).to_be_visible()
    await expect(suspect).to_contain_text("barred")
    flagged = page.locator("tr[data-link]")
    await flagged.locator("summary").click()
    await flagged.locator("[name=reason]").fill("a married couple")
    await flagged.get_by_role("button", name="Clear").click()
    await expect(page.get_by_text("The link is cleared.")).to_be_visible()
    async with saleroom.server.house.pool.acquire() as conn:
        for lot in lots:
            position = await store.own_position(conn, lot, shill)
            assert position is not None and not position.admitted
            assert (await store.own_position(conn, lot, honest)).admitted  # type: ignore[union-attr]
        kinds = {notice.kind for notice in await notices.notices_of(conn, saleroom.seller)}
    assert "linked_to_seller" not in kinds


async def test_the_page_says_it_in_chinese_and_asks_for_a_reason(saleroom: Saleroom) -> None:
    cookie = await saleroom.server.cookie(saleroom.operator)
    client = saleroom.server.client
    page = await client.get("/operator/fraud?state=all&lang=zh", headers=cookie)
    assert (
        page.status_code == 200
        and "托价评分" in page.text
        and "{" not in page.text.split("<main")[1].split("<script")[0]
    )
    fields = {"bidder": str(saleroom.bidders[1]), "seller": str(saleroom.seller), "reason": " "}
    assert (await client.post("/operator/fraud/bars", data=fields, headers=cookie)).status_code == 422
    for wrong in ("0", "x", "9" * 30, "999999"):
        answer = await client.post(
            "/operator/fraud/bars", data={**fields, "bidder": wrong, "reason": "x"}, headers=cookie
        )
        assert answer.status_code in (404, 422)


async def test_the_api_tells_and_does_the_same(saleroom: Saleroom) -> None:
    operator = await saleroom.server.bearer(saleroom.operator)
    client = saleroom.server.client
    found = (await client.get("/api/v1/fraud/suspicions", headers=operator)).json()
    assert found["threshold"] == 6.75 and {each["seller_id"] for each in found["suspicions"]} == {saleroom.seller}
    assert [pair["together"] for pair in found["pairs"]] == [4]
    wish = {"seller_id": saleroom.seller, "bidder_id": saleroom.bidders[1], "reason": "again"}
    key = {**operator, "idempotency-key": str(uuid4())}
    barred = await client.post("/api/v1/fraud/bars", json=wish, headers=key)
    assert barred.status_code == 201 and barred.json()["state"] == "barring"
    lot = found["pairs"][0]["lot_ids"][0]
    bidder = {**await saleroom.server.bearer(saleroom.bidders[1]), "idempotency-key": str(uuid4())}
    refused = await client.post(f"/api/v1/lots/{lot}/application", headers=bidder)
    assert (refused.status_code, refused.json()["code"]) == (403, "linked_to_seller")
    word = {"bars": False, "reason": "a mistake"}
    path = f"/api/v1/fraud/links/{barred.json()['id']}/decision"
    cleared = await client.post(path, json=word, headers={**operator, "idempotency-key": str(uuid4())})
    assert cleared.json()["state"] == "cleared"
    listed = (await client.get("/api/v1/fraud/links?state=cleared", headers=operator)).json()
    assert barred.json()["id"] in [each["id"] for each in listed["items"]]
