"""What the tests of negotiations share: a post of tea, its poster, and a trader as programs with tokens."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from market.trading import store
from market.trading.facts import Post, PostContent, Side

if TYPE_CHECKING:
    from httpx2 import Response

    from tests.door.house_server import Server

_keys = itertools.count(1)


async def post_of_tea(server: Server, party_id: int, **changes: Any) -> Post:
    """A post of 1,000 kg of green tea at ¥80.00 a kilogram, or as changed."""
    now = server.house.node_time.now()
    said: dict[str, Any] = {
        "side": Side.SUPPLY,
        "category": "green_tea",
        "title_en": "Green tea, spring",
        "title_zh": "春季绿茶",
        "quantity": 1000,
        "minimum": 10,
        "price_minor": 80_00,
        "currency": "CNY",
        "country": "CN",
        "place": "Ningbo",
        "delivery_from": (now + timedelta(days=10)).date(),
        "delivery_to": (now + timedelta(days=20)).date(),
        "term": "FOB",
        **changes,
    }
    async with server.house.pool.acquire() as conn:
        return await store.insert_post(conn, party_id, PostContent(**said), "tea", now + timedelta(days=30), now, now)


@dataclass(frozen=True, kw_only=True)
class Talk:
    """A post, whoever posted it, and somebody who wants to talk about it."""

    server: Server
    post: Post
    poster_id: int
    poster: dict[str, str]
    trader_id: int
    trader: dict[str, str]

    def terms(self, price: int = 80_00, quantity: int = 100, **changes: Any) -> dict[str, Any]:
        goods = {
            "category": "green_tea",
            "title_en": "Green tea, spring",
            "title_zh": "春季绿茶",
            "quantity": quantity,
            "unit": "KGM",
            "unit_price_minor": str(price),
        }
        delivery = {
            "term": "FOB",
            "country": "CN",
            "place": "Ningbo",
            "from_date": self.post.delivery_from.isoformat(),
            "to_date": self.post.delivery_to.isoformat(),
        }
        return {"currency": "CNY", "goods": [goods], "delivery": delivery, **changes}

    def offer(self, price: int = 80_00, quantity: int = 100, **changes: Any) -> dict[str, Any]:
        until = self.server.house.node_time.now() + timedelta(hours=2)
        return {"terms": self.terms(price, quantity), "valid_until": until.isoformat(), **changes}

    async def send(self, who: dict[str, str], path: str, key: str = "", **body: Any) -> Response:
        headers = {**who, "idempotency-key": key or f"talk-{next(_keys)}"}
        return await self.server.client.post(f"/api/v1{path}", headers=headers, json=body)

    async def does(self, who: dict[str, str], path: str, **body: Any) -> dict[str, Any]:
        answer = await self.send(who, path, **body)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def refused(self, who: dict[str, str], path: str, **body: Any) -> str:
        answer = await self.send(who, path, **body)
        assert answer.status_code >= 400, answer.text
        code: str = answer.json()["code"]
        return code

    async def read(self, who: dict[str, str], negotiation_id: int) -> Response:
        return await self.server.client.get(f"/api/v1/negotiations/{negotiation_id}", headers=who)

    async def inquiry(self) -> dict[str, Any]:
        return await self.does(self.trader, f"/posts/{self.post.id}/inquiries", terms=self.terms(price=0))

    async def taken(self) -> int:
        async with self.server.house.pool.acquire() as conn:
            found = await store.post_by_id(conn, self.post.id)
        assert found is not None
        return found.taken


async def talk_in(server: Server, **changes: Any) -> Talk:
    """A fresh post and two parties."""
    poster, trader = await server.party(), await server.party()
    return Talk(
        server=server,
        post=await post_of_tea(server, poster, **changes),
        poster_id=poster,
        poster=await server.bearer(poster),
        trader_id=trader,
        trader=await server.bearer(trader),
    )
