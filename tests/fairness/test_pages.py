"""What a bidder and a stranger get to check with, on the pages and by the API of a running house."""

from __future__ import annotations

import json
import os
from typing import Any
from uuid import uuid4

from playwright.async_api import Page, expect

from auction.merkle import is_included, leaf_hash
from auction.signing import is_signed
from auction.verifier import verify
from tests.auction.house import until
from tests.front.saleroom import Saleroom
from tests.journey.looking import faults_of


async def test_a_bid_leaves_its_receipt_on_the_page_and_on_the_device(saleroom: Saleroom) -> None:
    lot = await saleroom.lot()
    page = (await saleroom.live_lot(lot, saleroom.bidders[0], "zh")).page
    own = page.locator("[data-own-bids]")
    await expect(own).to_be_hidden()
    await page.locator(".quick").nth(0).click()
    await expect(own.locator("tbody tr")).to_have_count(1)
    await expect(own.locator("tbody tr")).to_contain_text("有效")
    kept = await page.evaluate(f"localStorage.getItem('gavelhouse.receipts.{lot}')")
    receipts = json.loads(kept)
    key = saleroom.server.house.heads.signer.public_hex
    assert len(receipts) == 1 and is_signed("receipt", receipts[0], key)
    drawn = await own.locator("tbody tr td").all_inner_texts()
    await page.reload()
    assert await own.locator("tbody tr td").all_inner_texts() == drawn
    async with page.expect_download() as started:
        await own.get_by_role("link", name="回执").click()
    downloaded = json.loads((await (await started.value).path()).read_text())
    assert downloaded == receipts[0]
    await own.scroll_into_view_if_needed()
    await shot(page, "own_bids")
    assert await faults_of(page) == []
    theirs = (await saleroom.live_lot(lot, saleroom.bidders[1])).page
    await expect(theirs.locator("[data-own-bids]")).to_be_hidden()
    refused = await theirs.context.request.get(f"{saleroom.server.origin}/my/bids/{receipts[0]['bid']}/receipt.json")
    assert refused.status == 404


async def test_a_closed_lot_can_be_checked_by_a_stranger(saleroom: Saleroom) -> None:
    lot = await saleroom.lot(timed_seconds=3605, extension_seconds=None)
    first, second = [await saleroom.server.bearer(party) for party in saleroom.bidders]
    bids = [
        (headers, await _bid(saleroom, lot, headers, amount))
        for headers, amount in ((first, 1_000_000), (second, 1_050_000), (first, 1_060_000), (second, 1_000_000))
    ]
    api, client = "/api/v1", saleroom.server.client
    head = (await client.get(f"{api}/lots/{lot}/head")).json()

    async def is_signed_off() -> bool:
        answer = await client.get(f"{api}/lots/{lot}/head")
        return answer.status_code == 200 and "root" in answer.json()

    await until(is_signed_off)
    [key] = [one["public_key"] for one in (await client.get(f"{api}/keys")).json()["items"]]
    data = (await client.get(f"/lots/{lot}/log.jsonl")).content
    receipts = [(await client.get(f"{api}/bids/{bid}/receipt", headers=headers)).json() for headers, bid in bids]
    assert [receipt["answer"] for receipt in receipts] == ["accepted"] * 3 + ["refused"]
    found = verify(data, key, receipts)
    assert (found["outcome"], found["price_minor"], found["events"]) == ("sold", 1_060_000, 5)
    assert is_signed("head", head, key) and head["key"] == key
    await _every_event_is_proven(saleroom, lot, data.split(b"\n"), key)
    page = (await saleroom.look(f"/lots/{lot}")).page
    await expect(page.get_by_role("link", name="Download the log")).to_have_attribute("href", f"/lots/{lot}/log.jsonl")
    await page.locator("#proof").scroll_into_view_if_needed()
    await shot(page, "closed")
    assert await faults_of(page) == []
    await page.locator(".site-footer").get_by_role("link", name="Check it yourself").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Check it yourself")
    await expect(page.locator("pre").first).to_contain_text(key)
    await shot(page, "verification")
    assert await faults_of(page) == []


async def _bid(saleroom: Saleroom, lot: int, headers: dict[str, str], amount: int) -> str:
    bid = str(uuid4())
    await saleroom.server.client.post(
        f"/api/v1/lots/{lot}/bids", headers={**headers, "idempotency-key": bid}, json={"amount": str(amount)}
    )
    return bid


async def _every_event_is_proven(saleroom: Saleroom, lot: int, lines: list[bytes], key: str) -> None:
    client = saleroom.server.client
    size = 5
    for seq in range(1, size + 1):
        proof: dict[str, Any] = (await client.get(f"/api/v1/lots/{lot}/proof?seq={seq}")).json()
        leaf, path = bytes.fromhex(proof["leaf"]), [bytes.fromhex(one) for one in proof["audit_path"]]
        assert is_signed("head", proof["head"], key) and proof["tree_size"] == size
        assert leaf == leaf_hash(lines[1 + seq])
        assert is_included(leaf, seq - 1, size, path, bytes.fromhex(proof["head"]["root"]))
        assert not is_included(
            leaf_hash(lines[1 + seq] + b" "), seq - 1, size, path, bytes.fromhex(proof["head"]["root"])
        )
    assert (await client.get(f"/api/v1/lots/{lot}/proof?seq={size + 1}")).status_code == 404


async def shot(page: Page, name: str) -> None:
    """A picture for whoever asks for one by the environment."""
    folder = os.environ.get("GAVELHOUSE_SHOTS")
    if folder:
        for width in (1280, 360):
            for theme in ("light", "dark"):
                await page.set_viewport_size({"width": width, "height": 800})
                await page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]  # one of two words
                await page.screenshot(path=f"{folder}/{name}_{width}_{theme}.png", full_page=True)
