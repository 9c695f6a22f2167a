"""What surrounds an English sale over the API: buying at once, a right of priority, a bid taken back, offers, the relist."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from auction import desk, store
from tests.door.house_server import Server
from tests.sell.stall import changed, on_show

HOUR = timedelta(hours=1)
OPTIONS = {"buy_now_minor": 3_000_000, "priority_right": True, "retraction_seconds": 600}


@dataclass(frozen=True, kw_only=True)
class Room:
    """A running lot with two admitted bidders, each with a token."""

    server: Server
    lot_id: int
    parties: list[int]
    tokens: dict[str, dict[str, str]]

    async def ask(self, who: str, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
        headers = {**self.tokens[who], "idempotency-key": str(uuid4())}
        answer = await self.server.client.request(method, f"/api/v1{path}", headers=headers, json=body)
        return answer.status_code, answer.json() if answer.content else None

    async def bid(self, who: str, **body: Any) -> tuple[int, Any]:
        return await self.ask(who, "POST", f"/lots/{self.lot_id}/bids", body)


@pytest.fixture
async def room(server: Server) -> Room:
    seller, operator = await server.party(), await server.party(operator=True)
    bidders = [await server.party(), await server.party()]
    house = server.house
    began = house.node_time.now() - HOUR
    content = changed(starts_at=began, deposit_minor=0, reserve_minor=2_500_000, options=OPTIONS)
    async with house.pool.acquire() as conn, conn.transaction():
        listing = await on_show(conn, seller, operator, content, began - HOUR)
        for party in bidders:
            await desk.admit(conn, lot_id=listing.id, party_id=party, now=began)
    await house.bidding.refresh(listing.id)
    names = ("seller", "operator", "ann", "bob")
    tokens = {name: await server.bearer(party) for name, party in zip(names, (seller, operator, *bidders), strict=True)}
    return Room(server=server, lot_id=listing.id, parties=bidders, tokens=tokens)


async def test_a_right_is_confirmed_used_and_a_rivals_bid_taken_back(room: Room) -> None:
    lot = f"/lots/{room.lot_id}"
    wish = {"party_id": room.parties[1], "rank": 1, "reason": "co-owner"}
    assert (await room.ask("ann", "POST", f"{lot}/priority", wish))[0] == 403
    status, holders = await room.ask("operator", "POST", f"{lot}/priority", wish)
    assert (status, holders[0]["rank"], holders[0]["party_id"]) == (200, 1, room.parties[1])
    assert (await room.ask("operator", "POST", f"{lot}/priority", {**wish, "party_id": 999_999}))[0] == 409

    assert (await room.bid("ann", amount="1000000"))[0] == 200
    status, matched = await room.bid("bob", amount="1000000")
    assert (status, matched["leading"], matched["price_minor"]) == (200, True, "1000000")
    status, wrong = await room.bid("ann", amount="2000000")
    assert status == 200
    taken = {"bid": wrong["id"], "reason": "wrong_amount"}
    status, lot_now = await room.ask("ann", "POST", f"{lot}/retractions", taken)
    assert (status, lot_now["price_minor"], lot_now["retractions"]) == (200, "1000000", 1)
    status, problem = await room.ask("ann", "POST", f"{lot}/retractions", taken)
    assert problem["code"] == "no_such_bid"
    assert (await room.ask("ann", "POST", f"{lot}/retractions", {**taken, "reason": "changed my mind"}))[0] == 400
    async with room.server.house.pool.acquire() as conn:
        state = await store.lot_view(conn, room.lot_id)
    assert state is not None and state.detail == {"buy_now_minor": None, "retractions": 1}


async def test_the_lot_is_bought_by_details_and_the_exact_price(room: Room) -> None:
    buys = {"buy_now": True}
    status, problem = await room.bid("ann", amount="2990000", details=buys)
    assert (problem["code"], problem["lowest_minor"]) == ("buy_now_price", "3000000")
    assert (await room.bid("ann", maximum="3000000"))[1]["code"] == "buy_now_instead"
    status, bought = await room.bid("ann", amount="3000000", details=buys)
    assert (status, bought["leading"], bought["price_minor"]) == (200, True, "3000000")
    assert (await room.bid("bob", amount="3000000", details=buys))[1]["code"] == "closed"


async def test_the_reserve_is_lowered_by_its_seller_and_an_open_lot_neither_offered_nor_relisted(room: Room) -> None:
    lot = f"/lots/{room.lot_id}"
    assert (await room.ask("bob", "POST", f"{lot}/reserve", {"reserve_minor": "2000000"}))[0] == 404
    status, lowered = await room.ask("seller", "POST", f"{lot}/reserve", {"reserve_minor": "2000000"})
    assert (status, lowered) == (200, {"reserve_minor": "2000000"})
    assert (await room.ask("seller", "POST", f"{lot}/offers", {}))[1]["code"] == "not_closed"
    assert (await room.ask("seller", "POST", f"{lot}/relist"))[1]["code"] == "relist_not_closed"
    assert (await room.ask("seller", "GET", f"{lot}/offers"))[1] == []
    assert (await room.ask("bob", "GET", "/offers"))[1]["items"] == []
    assert (await room.ask("bob", "POST", "/offers/999999/acceptance"))[0] == 404
