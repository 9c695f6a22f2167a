"""The adapter for a provider's SDK: the real SDK over a real socket, to a server here that answers with the documented objects."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import pytest
import stripe
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from escrow.card_facts import (
    Acknowledged,
    Advice,
    Approved,
    Authorise,
    CardReason,
    Declined,
    LineKind,
    Undecided,
    new_payment_id,
)
from escrow.gateway.protocol import GatewayError, NoAnswerError, NotSentError
from escrow.gateway.sdk import REASONS, StripeGateway
from tests.ports import free_port

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
Answer = Callable[[dict[str, str]], tuple[int, dict[str, Any]]]


def an_intent(status: str = "requires_capture", **changed: Any) -> dict[str, Any]:
    """https://docs.stripe.com/api/payment_intents/object, the members that matter."""
    return {
        "id": "pi_3MtwBwLkdIwHu7ix28a3tqPa", "object": "payment_intent", "amount": 2000, "amount_capturable": 2000,
        "amount_received": 0, "capture_method": "manual", "currency": "cny", "livemode": False, "status": status,
        "metadata": {}, **changed,
    }  # fmt: skip


def an_error(kind: str, status: int, **members: Any) -> tuple[int, dict[str, Any]]:
    """https://docs.stripe.com/api/errors"""
    return status, {"error": {"type": kind, "message": "Your card was declined.", **members}}


class Provider:
    """Answers what the test lays down, by method and path, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], Answer] = {}
        self.asked: list[tuple[str, str, dict[str, str], str | None]] = []

    async def answer(self, request: Request) -> Response:
        body = dict(parse_qsl((await request.body()).decode())) | dict(request.query_params)
        path = request.url.path.removeprefix("/v1")
        key = request.headers.get("idempotency-key")
        self.asked.append((request.method, path, body, key))
        status, content = self.answers[request.method, path](body)
        return JSONResponse(content, status_code=status)

    def says(self, method: str, path: str, content: Any, status: int = 200) -> None:
        self.answers[method, path] = lambda _body: (status, content)


@pytest.fixture(scope="module")
async def provider() -> AsyncIterator[tuple[Provider, str]]:
    provider, port = Provider(), free_port()
    app = Starlette(routes=[Route("/{path:path}", provider.answer, methods=["GET", "POST"])])
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", access_log=False, ws="none"))
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(20):
        while not server.started:  # noqa: ASYNC110 -- uvicorn has no event for it
            await asyncio.sleep(0.005)
    yield provider, f"http://127.0.0.1:{port}"
    server.should_exit = True
    await serving


@pytest.fixture
def bank(provider: tuple[Provider, str]) -> Provider:
    provider[0].answers.clear()
    provider[0].asked.clear()
    return provider[0]


@pytest.fixture
def gateway(provider: tuple[Provider, str]) -> StripeGateway:
    return StripeGateway("sk_test_none", base_url=provider[1], answer_seconds=5)


def asked(envelope: bytes = b"pm_1MtwBwLkdIwHu7ix") -> Authorise:
    return Authorise(
        payment_id=new_payment_id(), currency="CNY", amount_minor=2000, envelope=envelope, order_digest=bytes(32),
        signature=bytes(64), public_key=bytes(32), at=NOW,
    )  # fmt: skip


def advice(reference: str | None = "pi_3MtwBwLkdIwHu7ix28a3tqPa") -> Advice:
    return Advice(
        payment_id="0f" * 16, currency="CNY", amount_minor=2000, at=NOW, began_at=NOW, provider_reference=reference
    )


async def test_an_authorisation_is_a_confirmed_intent_that_waits_for_its_capture(
    gateway: StripeGateway, bank: Provider
) -> None:
    bank.says("POST", "/payment_intents", an_intent())
    request = asked()
    answer = await gateway.authorise(request)
    reference = "pi_3MtwBwLkdIwHu7ix28a3tqPa"
    assert answer == Approved(amount_minor=2000, authorisation_code="A3TQPA", provider_reference=reference)
    ((_, _, body, key),) = bank.asked
    assert key == f"{request.payment_id}:authorise", "the same payment id asks the same thing"
    assert body.items() >= {
        "amount": "2000", "currency": "cny", "capture_method": "manual", "confirm": "true",
        "payment_method": "pm_1MtwBwLkdIwHu7ix", "metadata[payment_id]": request.payment_id,
    }.items()  # fmt: skip


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("processing", Undecided(code="processing")),
        ("requires_action", Declined(reason=CardReason.SECURITY_VIOLATION, code="requires_action")),
        ("canceled", Declined(reason=CardReason.INVALID_TRANSACTION, code="canceled")),
    ],
)
async def test_other_states_of_an_intent(gateway: StripeGateway, bank: Provider, status: str, expected: Any) -> None:
    bank.says("POST", "/payment_intents", an_intent(status))
    assert await gateway.authorise(asked()) == expected


@pytest.mark.parametrize("code", [*REASONS, "a_code_of_tomorrow"])
async def test_each_decline_code_has_its_reason(gateway: StripeGateway, bank: Provider, code: str) -> None:
    error = an_error("card_error", 402, code="card_declined", decline_code=code)
    bank.says("POST", "/payment_intents", error[1], error[0])
    expected = Declined(reason=REASONS.get(code, CardReason.DECLINED), code=code)
    assert await gateway.authorise(asked()) == expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (an_error("idempotency_error", 400), Declined(reason=CardReason.DUPLICATE, code="idempotency_error")),
        (
            an_error("invalid_request_error", 400, code="amount_too_large"),
            Declined(reason=CardReason.INVALID_TRANSACTION, code="amount_too_large"),
        ),
        (
            an_error("card_error", 402, code="expired_card"),
            Declined(reason=CardReason.EXPIRED_CARD, code="expired_card"),
        ),
        (an_error("api_error", 500), NoAnswerError),
        (an_error("invalid_request_error", 429, code="rate_limit"), NoAnswerError),
        (an_error("invalid_request_error", 401), NotSentError),
    ],
    ids=["idempotency", "invalid", "card", "api", "rate", "key"],
)
async def test_each_kind_of_error(gateway: StripeGateway, bank: Provider, error: Any, expected: Any) -> None:
    bank.says("POST", "/payment_intents", error[1], error[0])
    if isinstance(expected, Declined):
        assert await gateway.authorise(asked()) == expected
    else:
        with pytest.raises(expected):
            await gateway.authorise(asked())


async def test_what_is_no_token_of_the_provider_is_never_sent(gateway: StripeGateway, bank: Provider) -> None:
    answer = await gateway.authorise(asked(b"4111111111111111"))
    assert isinstance(answer, Declined) and bank.asked == []


async def test_a_provider_that_is_not_there_gives_no_answer() -> None:
    with pytest.raises(NoAnswerError):
        await StripeGateway("sk_test_none", base_url=f"http://127.0.0.1:{free_port()}").authorise(asked())


async def test_a_capture_counts_once_however_often_it_is_told(gateway: StripeGateway, bank: Provider) -> None:
    path = "/payment_intents/pi_3MtwBwLkdIwHu7ix28a3tqPa"
    bank.says("POST", f"{path}/capture", an_intent("succeeded", amount_received=2000))
    assert await gateway.capture(advice()) == Acknowledged(accepted=True)
    assert bank.asked[0][3] == f"{'0f' * 16}:capture"
    unexpected = an_error("invalid_request_error", 400, code="payment_intent_unexpected_state")
    bank.says("POST", f"{path}/capture", unexpected[1], unexpected[0])
    for status, accepted in (("succeeded", True), ("canceled", False)):
        bank.says("GET", path, an_intent(status))
        told = await gateway.capture(advice())
        assert told == Acknowledged(accepted=accepted, code="payment_intent_unexpected_state")


async def test_a_reversal_cancels_and_one_that_overtakes_its_request_takes_its_key(
    gateway: StripeGateway, bank: Provider
) -> None:
    path = "/payment_intents/pi_3MtwBwLkdIwHu7ix28a3tqPa"
    bank.says("POST", f"{path}/cancel", an_intent("canceled"))
    assert await gateway.reverse(advice()) == Acknowledged(accepted=True)
    bank.says("POST", "/payment_intents", an_intent("requires_payment_method"))
    assert await gateway.reverse(advice(None)) == Acknowledged(accepted=True)
    created = next(each for each in bank.asked if each[1] == "/payment_intents")
    assert created[3] == f"{'0f' * 16}:authorise" and "confirm" not in created[2]

    # The provider has the request after all: its intent is looked up by our id, until it is found.
    error = an_error("idempotency_error", 400)
    bank.says("POST", "/payment_intents", error[1], error[0])
    found = {"object": "search_result", "data": [], "has_more": False, "url": "/v1/payment_intents/search"}
    bank.says("GET", "/payment_intents/search", found)
    with pytest.raises(NoAnswerError):
        await gateway.reverse(advice(None))
    bank.says("GET", "/payment_intents/search", {**found, "data": [an_intent()]})
    assert await gateway.reverse(advice(None)) == Acknowledged(accepted=True)
    assert bank.asked[-2][2] == {"query": f"metadata['payment_id']:'{'0f' * 16}'"}


def a_transaction(category: str, amount: int, **changed: Any) -> dict[str, Any]:
    """https://docs.stripe.com/api/balance_transactions/object with its source expanded"""
    source = {"id": "ch_1", "object": "charge", "metadata": {"payment_id": "0f" * 16}}
    if category.startswith("dispute"):
        source = {"id": "du_1", "object": "dispute", "metadata": {}, "payment_intent": "pi_1"}
    return {
        "id": f"txn_{category}", "object": "balance_transaction", "amount": amount, "currency": "cny", "fee": 0,
        "created": int(NOW.timestamp()), "reporting_category": category, "source": source, **changed,
    }  # fmt: skip


def a_list(*rows: dict[str, Any], url: str) -> dict[str, Any]:
    return {"object": "list", "data": list(rows), "has_more": False, "url": url}


async def test_a_payout_is_read_as_a_settlement_file(gateway: StripeGateway, bank: Provider) -> None:
    payout = {"id": "po_2", "object": "payout", "arrival_date": int(NOW.timestamp()), "status": "paid"}
    bank.says("GET", "/payouts", a_list(payout, {**payout, "id": "po_1"}, url="/v1/payouts"))
    rows = [
        a_transaction("payout", -900), a_transaction("charge", 2000), a_transaction("dispute", -600),
        a_transaction("dispute_reversal", 100),
    ]  # fmt: skip
    bank.says("GET", "/balance_transactions", a_list(*rows, url="/v1/balance_transactions"))
    bank.says("GET", "/payment_intents/pi_1", an_intent(metadata={"payment_id": "1e" * 16}))
    first, second = await gateway.settlements("po_0")
    assert (first.id, second.id, first.day) == ("po_1", "po_2", NOW.date())
    assert [(line.n, line.kind, line.payment_id, line.amount_minor) for line in first.lines] == [
        (1, LineKind.CAPTURE, "0f" * 16, 2000),
        (2, LineKind.CHARGEBACK, "1e" * 16, -600),
        (3, LineKind.CHARGEBACK_WON, "1e" * 16, 100),
    ]
    assert bank.asked[0][2]["ending_before"] == "po_0"
    for odd in (a_transaction("charge", 2000, fee=30), a_transaction("fee", -5)):
        bank.says("GET", "/balance_transactions", a_list(odd, url="/v1/balance_transactions"))
        with pytest.raises(GatewayError, match=re.escape(odd["id"])):
            await gateway.settlements(None)


def test_the_sdk_is_the_one_the_extra_names() -> None:
    assert int(stripe.VERSION.split(".")[0]) >= 15
