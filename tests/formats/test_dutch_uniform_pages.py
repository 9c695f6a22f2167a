"""Every page and answer that shows a Dutch or a uniform-price lot, open and sold, to everybody whom it concerns; the API too."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx2
import pytest

from tests.formats.test_dutch_journey import FALL
from tests.formats.test_uniform_journey import a_sale, bid
from tests.front.saleroom import Saleroom

DRAFTS: dict[str, dict[str, Any]] = {
    "dutch": {"floor_minor": "10000", "step_minor": "5000", "interval_seconds": 30},
    "uniform": {"quantity": 10, "step_minor": "1000", "marginal": "pro_rata"},
}


async def sold(saleroom: Saleroom) -> list[int]:
    """A lot of each format while it is open, and one that is over."""
    fields: dict[str, Any] = {"steps": (), "timed_seconds": None, "extension_seconds": None}
    falling = [
        await saleroom.lot(format="dutch", options=FALL, start_price_minor=10_000_000, **fields) for _ in range(2)
    ]
    assert (await saleroom.bid(falling[1], saleroom.bidders[0], 10_000_000)).refusal is None
    sales = [await a_sale(saleroom, seconds) for seconds in (7200, 3601)]
    for lot in sales:
        for party, price in zip(saleroom.bidders, (15_000, 12_000), strict=True):
            await bid(saleroom, lot, party, price, quantity=6)
    return [*falling, *sales]


async def test_every_page_that_shows_such_a_lot_opens(saleroom: Saleroom) -> None:
    lots = await sold(saleroom)
    server = saleroom.server
    async with httpx2.AsyncClient(base_url=server.origin) as client:
        while (await client.get(f"/api/v1/lots/{lots[-1]}")).json()["now"]["outcome"] is None:
            pass
        faults = []
        everybody: dict[int | None, list[str]] = {
            None: ["/", "/?format=csv"],
            saleroom.bidders[1]: ["/deals"],
            saleroom.seller: ["/sell", *(f"/sell/lots/{lot}" for lot in lots)],
            saleroom.operator: [
                "/operator",
                "/operator/lots",
                "/operator/cases",
                *(f"/operator/lots/{lot}" for lot in lots),
            ],
        }
        for party, paths in everybody.items():
            headers = {} if party is None else await server.cookie(party)
            for path in [*paths, *(f"/lots/{lot}" for lot in lots if party != saleroom.operator)]:
                answer = await client.get(path, headers=headers)
                if answer.status_code != 200:
                    faults.append(f"{party} {path}: {answer.status_code} {answer.text[-200:]}")
        assert faults == []
        mine = (await client.get("/my/bids?lang=en", headers=await server.cookie(saleroom.bidders[1]))).text
        assert 'data-place="placed"' in mine and 'data-place="won"' in mine


@pytest.mark.parametrize("name", ["dutch", "uniform"])
async def test_the_api_lists_bids_and_refuses_with_reasons(saleroom: Saleroom, name: str) -> None:
    server = saleroom.server
    draft: dict[str, Any] = {
        "title_en": "Tea",
        "currency": "CNY",
        "start_price_minor": "100000",
        "starts_at": "2031-05-01T15:00:00Z",
        "format": name,
        "options": DRAFTS[name],
    }
    if name == "uniform":
        draft["timed_seconds"] = 3600
    async with httpx2.AsyncClient(
        base_url=f"{server.origin}/api/v1", headers=await server.bearer(saleroom.seller)
    ) as client:
        made = await client.post("/lots", json=draft, headers={"idempotency-key": str(uuid4())})
        assert made.status_code == 201, made.text
        assert made.json()["options"] == DRAFTS[name] and made.json()["format"] == name
        wrong = await client.post("/lots/check", json={**draft, "options": {"no_such": 1}})
        assert wrong.status_code == 400 and "no_such" in wrong.text
    lots = await sold(saleroom)
    lot = lots[0] if name == "dutch" else lots[2]
    async with httpx2.AsyncClient(
        base_url=f"{server.origin}/api/v1", headers=await server.bearer(saleroom.bidders[0])
    ) as client:
        shown = (await client.get(f"/lots/{lot}")).json()["now"]
        assert shown["format"] == name and shown["detail"], shown
        told = await client.post(f"/lots/{lot}/bids", json={"amount": "1"}, headers={"idempotency-key": str(uuid4())})
        assert ("price_not_reached" if name == "dutch" else "malformed_details") in told.text, told.text
