"""A whole trade by programs alone: from registration to the seller's payout, with tokens and keys."""

from __future__ import annotations

import asyncio
import itertools
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import jsonschema_rs
import pytest

from escrow import receipt_verifier
from market.openapi import openapi_document
from tests.deal.traded import pays
from tests.door.house_server import PHRASE, Server
from tests.sell.stall import picture

if TYPE_CHECKING:
    import httpx2

_keys = itertools.count(1)


class Program:
    """A client of the API: sends a token and a new key each time, and holds each answer against the document."""

    def __init__(self, server: Server, token: str = "") -> None:
        self.server = server
        self.headers = {"authorization": f"Bearer {token}"} if token else {}

    async def ask(self, method: str, path: str, body: Any = None, *, key: str = "", status: int = 0) -> Any:
        headers = {**self.headers, "idempotency-key": key or f"test-{next(_keys)}"}
        answer = await self.server.client.request(method, f"/api/v1{path}", json=body, headers=headers)
        assert answer.status_code == (status or answer.status_code), answer.text
        if not status:
            assert answer.status_code < 400, answer.text
        agrees_with_document(method, path, answer)
        return answer.json() if answer.content else None


def agrees_with_document(method: str, path: str, answer: httpx2.Response) -> None:
    """The answer's status, media type and shape are the documented ones."""
    document = openapi_document()
    described = _described(document, method, path.partition("?")[0])
    response = described["responses"].get(str(answer.status_code))
    if response is None:
        assert 400 <= answer.status_code < 500, (method, path, answer.status_code)
        response = described["responses"]["4XX"]
    if not response.get("content"):
        assert not answer.content
        return
    media_type = answer.headers["content-type"].partition(";")[0]
    schema = {**response["content"][media_type]["schema"], "components": document["components"]}
    jsonschema_rs.Draft202012Validator(schema).validate(answer.json())


def _described(document: dict[str, Any], method: str, path: str) -> dict[str, Any]:
    parts = f"/api/v1{path}".split("/")
    for template, item in document["paths"].items():
        named = template.split("/")
        fits = len(named) == len(parts) and all(n == p or n.startswith("{") for n, p in zip(named, parts, strict=True))
        if fits and method.lower() in item and not (template.endswith("}") and path in document["paths"]):
            return dict(item[method.lower()])
    raise AssertionError(f"{method} {path} is not documented")


async def newcomer(server: Server, name: str) -> Program:
    wish = {"email": f"{name}@example.org", "display_name": name.title(), "passphrase": PHRASE, "language": "en"}
    return Program(server, (await Program(server).ask("POST", "/parties", wish))["token"])


async def test_a_whole_trade_by_programs(server: Server) -> None:
    seller, bidder, rival = [await newcomer(server, name) for name in ("seller", "bidder", "rival")]
    operator_id = await server.party(operator=True)
    operator = Program(server, (await server.bearer(operator_id))["authorization"].removeprefix("Bearer "))

    lot_id = await lot_on_show(server, seller, operator)
    for each in (bidder, rival):
        await admitted(server, each, operator, lot_id)
    await bidding(bidder, rival, lot_id)
    await closed(bidder, lot_id)

    (line,) = (await bidder.ask("GET", "/deals?role=buyer"))["items"]
    case_id = line["case_id"]
    await rival.ask("GET", f"/deals/{case_id}", status=404)
    deal = await bidder.ask("GET", f"/deals/{case_id}")
    assert (deal["hammer_minor"], deal["state"], deal["actions"]) == ("103000", "awaiting_payment", ["pay"])
    confirmation = await seller.ask("GET", f"/lots/{lot_id}/confirmation")
    assert confirmation["verification_code"] == deal["verification_code"]
    await rival.ask("GET", f"/lots/{lot_id}/confirmation", status=404)
    async with server.house.pool.acquire() as conn:
        now, payment = server.house.node_time.now(), deal["payment"]
        await pays(conn, server.house.escrow, payment["reference"], int(payment["due_minor"]), now)

    shipment = {"carrier": "SF Express", "tracking_number": "SF 1"}
    await bidder.ask("POST", f"/deals/{case_id}/shipment", shipment, status=409)
    await seller.ask("POST", f"/deals/{case_id}/shipment", {**shipment, "lines": []}, status=400)
    await seller.ask("POST", f"/deals/{case_id}/shipment", shipment)
    await bidder.ask("POST", f"/deals/{case_id}/receipt")
    await bidder.ask("POST", f"/deals/{case_id}/extension")
    await bidder.ask("POST", f"/deals/{case_id}/confirmation", {"passphrase": "something else entirely"}, status=403)
    done = await bidder.ask("POST", f"/deals/{case_id}/confirmation", {"passphrase": PHRASE}, key="confirm-once")
    again = await bidder.ask("POST", f"/deals/{case_id}/confirmation", {"passphrase": PHRASE}, key="confirm-once")
    assert done == again
    assert done["state"] == "released"
    (payout,) = (await seller.ask("GET", "/wallet"))["payouts"]
    assert payout["amount_minor"] == str(103_000 - 8_240)
    assert (await rival.ask("GET", "/wallet"))["balances"][0]["free_minor"] == "10000"
    await rival.ask("GET", "/wallet/statement?currency=CNY&page_size=1&page=2")
    await read_by_operator(operator, case_id)
    await receipts_as_answered_are_genuine(bidder, seller)


async def receipts_as_answered_are_genuine(*parties: Program) -> None:
    """The very bytes of the answer pass the program that anybody checks them with."""
    for party in parties:
        (newest, *_) = (await party.ask("GET", "/postings"))["items"]
        answer = await party.server.client.get(f"/api/v1/postings/{newest['op']}/receipt", headers=party.headers)
        assert receipt_verifier.verify(answer.content)["posting"] == newest["op"]  # type: ignore[no-untyped-call]  # a program of its own


async def lot_on_show(server: Server, seller: Program, operator: Program) -> int:
    starts_at = server.house.node_time.now() + timedelta(seconds=7)
    draft: dict[str, Any] = {
        "currency": "CNY",
        "title_en": "A teapot",
        "title_zh": "紫砂壶",
        "start_price_minor": "100000",
        "steps": [{"increment_minor": 1000}],
        "timed_seconds": 6,
        "extension_seconds": 2,
        "deposit_minor": 10_000,
        "starts_at": starts_at.isoformat(),
    }
    checked = await seller.ask("POST", "/lots/check", draft)
    assert not [each for each in checked["findings"] if each["severity"] == "error"], checked
    words = " ".join(checked["rule"]["en"] + checked["rule"]["zh"])
    assert "<" not in words and "CNY 1,000" in words and starts_at.strftime("%Y-%m-%dT%H:%M:%SZ") in words
    listing = await seller.ask("POST", "/lots", draft)
    lot_id = int(listing["id"])
    photo = await server.client.post(
        f"/api/v1/lots/{lot_id}/photos",
        content=picture(),
        headers={**seller.headers, "content-type": "image/jpeg", "idempotency-key": "photo-1"},
    )
    assert photo.status_code == 201, photo.text
    listing = await seller.ask("PUT", f"/lots/{lot_id}", {**draft, "version": listing["version"]})
    await seller.ask("POST", f"/lots/{lot_id}/submit", {"version": listing["version"]})
    await seller.ask("POST", f"/lots/{lot_id}/approve", status=403)
    await operator.ask("POST", f"/lots/{lot_id}/approve")
    assert (await Program(server).ask("GET", f"/lots/{lot_id}"))["now"]["seq"] == 1
    return lot_id


async def admitted(server: Server, bidder: Program, operator: Program, lot_id: int) -> None:
    stands = await bidder.ask("POST", f"/lots/{lot_id}/application")
    assert stands["step"] == "wait"
    waiting = await operator.ask("GET", f"/applications?state=applied&lot_id={lot_id}")
    await operator.ask("POST", f"/applications/{waiting['items'][0]['id']}/approve")
    stands = await bidder.ask("GET", f"/lots/{lot_id}/application")
    assert stands["step"] == "pay_deposit"
    async with server.house.pool.acquire() as conn:
        now = server.house.node_time.now()
        await pays(conn, server.house.escrow, stands["reference"], int(stands["deposit_minor"]), now)
    assert (await bidder.ask("GET", f"/lots/{lot_id}/application"))["step"] == "admitted"


async def bidding(bidder: Program, rival: Program, lot_id: int) -> None:
    assert (await _bid(bidder, lot_id, {"amount": "100000"}))["code"] == "not_started"
    while (await bidder.ask("GET", "/lots?state=live"))["total"] == 0:  # noqa: ASYNC110 -- the server tells no one
        await asyncio.sleep(0.05)
    assert (await _bid(bidder, lot_id, {"amount": "100000"}))["leading"]
    assert (await _bid(rival, lot_id, {"amount": "101500"}))["code"] == "off_grid"
    assert (await _bid(bidder, lot_id, {"maximum": "110000"}))["code"] == ""
    assert not (await _bid(rival, lot_id, {"maximum": "102000"}))["leading"]
    bid_id = str(uuid4())
    assert await _bid(rival, lot_id, {"amount": "1"}, bid_id) == await _bid(rival, lot_id, {"amount": "1"}, bid_id)
    assert (await rival.ask("GET", f"/bids/{bid_id}", status=422))["code"] == "below_minimum"
    assert (await rival.ask("GET", f"/bids/{uuid4()}", status=404))["code"] == "not_found"


async def _bid(bidder: Program, lot_id: int, body: dict[str, str], bid_id: str = "") -> dict[str, Any]:
    headers = {**bidder.headers, "idempotency-key": bid_id or str(uuid4())}
    path = f"/lots/{lot_id}/bids"
    answer = await bidder.server.client.post(f"/api/v1{path}", json=body, headers=headers)
    agrees_with_document("POST", path, answer)
    return {"code": "", "leading": False, **answer.json(), "instance": ""}


async def closed(bidder: Program, lot_id: int) -> None:
    while (await bidder.ask("GET", f"/lots/{lot_id}"))["now"]["outcome"] is None:  # noqa: ASYNC110 -- as above
        await asyncio.sleep(0.1)
    log = await bidder.ask("GET", f"/lots/{lot_id}/log")
    assert [event["seq"] for event in log["events"]] == list(range(1, len(log["events"]) + 1))


async def read_by_operator(operator: Program, case_id: int) -> None:
    books = await operator.ask("GET", "/money")
    assert books["faults"] == []
    assert all(check["balanced"] and check["covered"] for check in books["checks"])
    assert (await operator.ask("GET", f"/money/cases/{case_id}"))["postings"]
    for path in ("/money/cases?state=released", "/money/quarantine", "/money/payouts", "/audit?limit=5"):
        await operator.ask("GET", path)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/deals", None, 401, "sign_in_required"),
        ("GET", "/lots/999999", None, 404, "not_found"),
        ("GET", "/lots?page=0", None, 400, "malformed"),
        ("GET", "/lots?nonsense=1", None, 400, "malformed"),
        ("POST", "/tokens", {"email": "a@b.org", "passphrase": "wrong", "name": "x"}, 422, "sign_in_failed"),
    ],
)
async def test_a_refusal_is_a_problem(
    server: Server, method: str, path: str, body: Any, status: int, code: str
) -> None:
    refused = await Program(server).ask(method, path, body, status=status)
    assert refused["code"] == code
    assert refused["status"] == status
