"""The wallet's pages over HTTP where no vault answers, the clock of the cashier, and who is let in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from escrow import cashier_store
from escrow.cashier_facts import ChequeState
from market import one_time_codes, phone_store
from market.cashier_clock import CashierClock
from market.phone_store import PhoneMeans, PhoneState
from tests.deal.traded import case_of, fall, stage
from tests.door.house_server import PHRASE, Server, run_server
from tests.wallet.test_cheques import given, written

if TYPE_CHECKING:
    from migrations.database import Address

PAGES = (
    "/wallet", "/wallet/manager", "/wallet/cheques", "/wallet/recorder", "/wallet/recorder?kind=card&least=1&from=2026-01-01",
    "/wallet/recorder?format=print", "/wallet?page=%C2%B2", "/wallet/recorder?page=%D9%A3", "/wallet/statements", "/wallet/top-up", "/wallet/top-up?into=change", "/phone",
    "/phone/devices",
)  # fmt: skip


@pytest.fixture(scope="module")
async def server(module_database: Address, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    async for running in run_server(module_database, tmp_path_factory.mktemp("house")):
        yield running


async def test_every_page_opens_without_a_vault_and_says_so(server: Server) -> None:
    owner = await server.party(phrase=PHRASE)
    headers = await server.cookie(owner)
    async with server.house.pool.acquire() as conn:
        await given(conn, owner, 100_000)
    for path in PAGES:
        page = await server.client.get(path, headers=headers)
        assert page.status_code == 200, f"{path}: {page.text[:500]}"
    manager = await server.client.get("/wallet/manager?lang=zh", headers=headers)
    assert "保险库暂不可用" in manager.text
    moved = await server.client.post(
        "/wallet/top-up", headers=headers, data={"into": "change", "means": "wallet", "amount": "50", "currency": "CNY"}
    )
    assert moved.status_code == 303, moved.text
    back = await server.client.post(
        "/wallet/change/take-out", headers=headers, data={"amount": "20", "currency": "CNY"}
    )
    assert back.status_code == 303
    sheet = (await server.client.get("/wallet/recorder?format=csv&kind=change", headers=headers)).text
    assert sheet.count("\n") == 3 and "50.00" in sheet
    card = {"into": "wallet", "means": "card:1", "amount": "5", "currency": "CNY"}
    locked = await server.client.post("/wallet/top-up", headers=headers, data=card)
    assert locked.status_code == 422


async def test_another_site_and_a_wrong_passphrase_change_nothing(server: Server) -> None:
    owner = await server.party(phrase=PHRASE)
    headers = await server.cookie(owner)
    elsewhere = {**headers, "origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    for path in ("/wallet/lock", "/wallet/cheques", "/wallet/top-up", "/phone/devices/codes", "/phone/1/confirm"):
        assert (await server.client.post(path, headers=elsewhere)).status_code == 403, path
    await server.client.get("/phone/devices", headers=headers)
    house, now = server.house, server.house.node_time.now()
    async with house.pool.acquire() as conn:
        secret = await one_time_codes.begin(conn, owner, house.config.secret_key, now)
    assert secret is not None
    code = one_time_codes.code_at(secret, now.timestamp())
    wrong = {"code": code, "passphrase": "not the right words at all"}
    assert (await server.client.post("/phone/devices/codes", headers=headers, data=wrong)).status_code == 422
    right = {"code": code, "passphrase": PHRASE}
    assert (await server.client.post("/phone/devices/codes", headers=headers, data=right)).status_code == 303
    shown = (await server.client.get("/phone/devices", headers=headers)).text
    assert one_time_codes.secret_text(secret) not in shown, "a secret in use is never shown again"


async def test_the_clock_ends_cheques_and_requests_that_nobody_answered(server: Server) -> None:
    house, now = server.house, server.house.node_time.now()
    async with house.pool.acquire() as conn:
        on = await stage(conn, desk=house.escrow, bidders=2, now=now)
        await fall(conn, on, closed_at=now)
        case = await case_of(conn, on)
        await given(conn, on.winner, 100_000)
        async with conn.transaction():
            cheque = await written(conn, on.winner, on.seller, days=1, now=now - timedelta(days=2))
        request_id = await phone_store.insert(
            conn,
            party_id=on.winner,
            case_id=case.id,
            means=PhoneMeans.WALLET,
            means_label="",
            payee="Seller",
            currency="CNY",
            amount_minor=case.due_minor,
            nonce=bytes(32),
            prepared=None,
            payment_id=None,
            created_at=now - timedelta(minutes=9),
            expires_at=now - timedelta(minutes=4),
        )
        await CashierClock(house).end_due()
        ended = await cashier_store.cheque_by_id(conn, cheque.id)
        request = await phone_store.request_by_id(conn, request_id)
    assert ended is not None and ended.state is ChequeState.EXPIRED
    assert request is not None and request.state is PhoneState.EXPIRED


async def test_sums_and_currencies_that_the_house_does_not_take_are_refused_in_words_of_their_own(
    server: Server,
) -> None:
    owner = await server.party(phrase=PHRASE)
    program = {**await server.bearer(owner), "accept-language": "en"}
    press = {"handle": "a", "card_id": 1}
    for n, (path, more) in enumerate(
        (
            ("/wallet/top-ups", {**press, "into": "wallet"}),
            ("/wallet/top-ups", {**press, "into": "change"}),
            ("/wallet/withdrawals", {}),
            ("/wallet/change/top-ups", {}),
            ("/wallet/change/take-outs", {}),
        )
    ):
        keyed = {**program, "idempotency-key": f"sum-{n}"}
        body = {"amount_minor": 100, "currency": "XXX", **more}
        problem = (await server.client.post(f"/api/v1{path}", headers=keyed, json=body)).json()
        assert problem["code"] == "currency_not_taken", (path, problem)
        assert "XXX" in problem["detail"] and "CNY" in problem["taken"]
        body = {"amount_minor": "9999999999999999", "currency": "CNY", **more}
        keyed["idempotency-key"] += "-large"
        problem = (await server.client.post(f"/api/v1{path}", headers=keyed, json=body)).json()
        assert (problem["code"], problem["most_minor"]) == ("sum_too_large", "1000000000000000"), (path, problem)
        assert "bid" not in problem["detail"].lower()
    headers = await server.cookie(owner)
    typed = {"into": "wallet", "means": "card:1", "amount": "5", "currency": "XXX"}
    page = await server.client.post("/wallet/top-up?lang=zh", headers=headers, data=typed)
    assert page.status_code == 422 and "XXX" in page.text and "KWD" in page.text
