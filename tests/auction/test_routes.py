"""Bidding over plain HTTP: one request id, the stamp after the last byte, asking what came of it, and the public log."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx2
import pytest
from msgspec.structs import replace

from auction.formats.uniform import UniformRule
from tests.auction.house import ANN, BOB, House, a_lot, ends_in, log_of, open_lot, serve

if TYPE_CHECKING:
    from migrations.database import Pool


@pytest.fixture
async def house(pool: Pool) -> AsyncIterator[House]:
    await open_lot(pool, a_lot(), ANN, BOB)
    async with serve(pool) as house:
        yield house


@pytest.fixture
async def http(house: House) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=house.origin, trust_env=False, timeout=60) as client:
        yield client


async def post(http: httpx2.AsyncClient, party: int, key: object, lot_id: int = 1, **body: Any) -> httpx2.Response:
    headers = {"x-party": str(party), "idempotency-key": str(key)}
    return await http.post(f"/api/v1/lots/{lot_id}/bids", headers=headers, json=body)


async def get(http: httpx2.AsyncClient, party: int, key: object, lot_id: int = 1) -> httpx2.Response:
    return await http.get(f"/api/v1/lots/{lot_id}/bids/{key}", headers={"x-party": str(party)})


async def test_a_posted_bid_has_one_effect_and_the_same_answer_each_time(http: httpx2.AsyncClient, pool: Pool) -> None:
    key = uuid4()
    first = await post(http, ANN, key, amount="1000000")
    assert (first.status_code, first.json()["type"], first.json()["seq"]) == (200, "accepted", 2)
    await post(http, BOB, uuid4(), amount="1010000")
    again = await post(http, ANN, key, amount="1000000")
    assert (again.status_code, again.json()) == (200, first.json())
    other = await post(http, ANN, key, amount="1020000")
    assert (other.status_code, other.json()["code"]) == (422, "id_reused")
    rows = await log_of(pool, 1)
    assert [row.seq for row in rows] == [1, 2, 3] and rows[1].hash.hex() == first.json()["hash"]


async def test_a_refused_bid_names_the_rule_and_the_lowest_legal_amount(http: httpx2.AsyncClient, pool: Pool) -> None:
    refused = await post(http, ANN, uuid4(), amount="999999")
    assert refused.status_code == 422
    assert (refused.json()["code"], refused.json()["lowest_minor"]) == ("below_minimum", "1000000")
    assert len(await log_of(pool, 1)) == 1
    unknown = await post(http, ANN, uuid4(), lot_id=404, amount="1000000")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_lot")


async def test_a_bid_that_names_what_it_saw_stands_only_on_that(
    house: House, http: httpx2.AsyncClient, pool: Pool
) -> None:
    first = await post(http, ANN, uuid4(), amount="1000000", expected_seq=1)
    assert (first.status_code, first.json()["seq"]) == (200, 2)
    key = uuid4()
    late = await post(http, BOB, key, amount="1500000", expected_seq=1)
    assert (late.status_code, late.json()["code"], late.json()["lowest_minor"]) == (422, "lot_moved", "1010000")
    assert (
        late.json()["seq"] == 2 and (await post(http, BOB, key, amount="1500000", expected_seq=2)).json() == late.json()
    )
    under = await post(http, BOB, uuid4(), amount="999999", expected_seq=1)
    assert under.json()["code"] == "below_minimum", "what is wrong with the bid itself is said first"
    async with house.connect(BOB) as bob:
        assert (await bob.bid(1, 1_500_000, expected_seq=1))["code"] == "lot_moved"
        assert (await bob.bid(1, 1_010_000, expected_seq=2))["type"] == "accepted"
        assert (await bob.bid(1, 1_030_000))["code"] == "already_leading"
    assert (await post(http, ANN, uuid4(), amount="1020000")).status_code == 200, "who names nothing is not hurt"
    assert len(await log_of(pool, 1)) == 4


async def test_on_a_lot_that_hides_its_bids_those_of_others_are_no_hindrance(
    http: httpx2.AsyncClient, pool: Pool
) -> None:
    rule = UniformRule(start_price_minor=100, step_minor=10, quantity=10, timed_seconds=3600)
    await open_lot(pool, replace(a_lot(2), rule=rule), ANN, BOB)
    for party, bid in ((ANN, uuid4()), (BOB, uuid4())):
        placed = await post(http, party, bid, 2, amount="150", details={"quantity": 4}, expected_seq=1)
        assert (placed.status_code, placed.json()["seq"]) == (200, 1)


A_KEY = "0f1f9a3c-5f0e-4a3b-9d52-6c0f2f6f6a11"


@pytest.mark.parametrize(
    ("key", "body", "code"),
    [
        ("", '{"amount":"1000000"}', "idempotency_key_must_be_a_uuid"),
        ("not-a-uuid", '{"amount":"1000000"}', "idempotency_key_must_be_a_uuid"),
        (A_KEY, "{", "not_understood"),
        (A_KEY, '{"amount":1.5}', "not_understood"),
        (A_KEY, "{}", "amount_or_maximum"),
        (A_KEY, '{"amount":"1","maximum":"1"}', "amount_or_maximum"),
    ],
)
async def test_what_is_not_understood_bids_nothing(
    http: httpx2.AsyncClient, pool: Pool, key: str, body: str, code: str
) -> None:
    headers = {"x-party": str(ANN), "idempotency-key": key}
    answer = await http.post("/api/v1/lots/1/bids", headers=headers, content=body)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert len(await log_of(pool, 1)) == 1


async def test_the_bid_is_stamped_after_its_last_byte(house: House) -> None:
    now = house.node.node_time.now
    async with SlowPost(house, ANN, 1, b'{"amount":"1000000"}') as last_byte:
        before = now()
        answer = await last_byte()
    stamped_at = datetime.fromisoformat(answer["at"])
    assert answer["type"] == "accepted" and before <= stamped_at <= now()


async def test_who_holds_the_last_byte_back_past_the_end_is_late(house: House, pool: Pool) -> None:
    lot = a_lot(2, **ends_in(2))
    await open_lot(pool, lot, ANN)
    async with SlowPost(house, ANN, 2, b'{"amount":"1000000"}') as last_byte:
        while house.node.node_time.now() < lot.starts_at + timedelta(seconds=60):  # noqa: ASYNC110  # time is waited for
            await asyncio.sleep(0.01)
        answer = await last_byte()
    assert (answer["type"], answer["code"]) == ("refused", "closed")


async def test_an_unanswered_bid_is_settled_by_asking_for_its_id(http: httpx2.AsyncClient) -> None:
    accepted, refused = uuid4(), uuid4()
    first = await post(http, ANN, accepted, maximum="2000000")
    second = await post(http, ANN, refused, amount="1")
    assert (await get(http, ANN, accepted)).json() == first.json()
    asked = await get(http, ANN, refused)
    assert (asked.status_code, asked.json()) == (200, second.json())
    never = await get(http, ANN, uuid4())
    assert (never.status_code, never.json()["code"]) == (404, "unknown_bid")


async def test_another_partys_bid_is_absent(http: httpx2.AsyncClient, pool: Pool) -> None:
    await open_lot(pool, a_lot(2), ANN)
    key = uuid4()
    await post(http, ANN, key, maximum="2000000")
    for answer in (await get(http, BOB, key), await get(http, ANN, key, lot_id=2)):
        assert (answer.status_code, answer.json()) == (404, {"code": "unknown_bid"})


async def test_the_public_log_can_be_hashed_by_anybody(http: httpx2.AsyncClient) -> None:
    for step, party in enumerate((ANN, BOB, ANN)):
        await post(http, party, uuid4(), amount=1_000_000 + step * 10_000)
    pages = [(await http.get("/lots/1/log", params={"after": after, "limit": 2})).json() for after in (0, 2)]
    head = sha256(pages[0]["terms"].encode()).digest()
    for event in [*pages[0]["events"], *pages[1]["events"]]:
        head = sha256(head + event["body"].encode()).digest()
        assert head.hex() == event["hash"]
    assert (pages[0]["next_after"], pages[1]["next_after"]) == (2, 4)
    assert (await http.get("/lots/404/log")).status_code == 404


class SlowPost:
    """A POST of a bid whose last byte is sent when asked for; that gives the answer."""

    def __init__(self, house: House, party: int, lot_id: int, body: bytes) -> None:
        self._house, self._body = house, body
        self._head = (
            f"POST /api/v1/lots/{lot_id}/bids HTTP/1.1\r\nHost: 127.0.0.1:{house.port}\r\nx-party: {party}\r\n"
            f"idempotency-key: {uuid4()}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        ).encode()

    async def __aenter__(self) -> Any:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._house.port)
        self._writer.write(self._head + self._body[:-1])
        await self._writer.drain()
        # An answer to a request that came after shows that the server has read what is there.
        async with httpx2.AsyncClient(trust_env=False) as other:
            await other.get(f"{self._house.origin}/lots/1/log")
        return self._last_byte

    async def _last_byte(self) -> dict[str, Any]:
        self._writer.write(self._body[-1:])
        answer = await asyncio.wait_for(self._reader.read(), 40)
        told: dict[str, Any] = json.loads(answer.split(b"\r\n\r\n", 1)[1])
        return told

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()
        await self._writer.wait_closed()
