"""The vault's door: only the house is heard, once, and only the vault is believed; nothing of a request is ever logged."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

import asyncpg
import httpx2
import pytest

from escrow import vault_wire as wire
from escrow.vault.door import Door, place_of
from escrow.vault.operations import Operation
from escrow.vault.stretching import TooBusy
from escrow.vault_client import VaultClient, VaultError
from migrations.database import Role, connect
from tests.vault.vault_process import VaultProcess

if TYPE_CHECKING:
    from migrations.database import Address

BODY = b'{"party_id":7}'


@pytest.fixture
async def http(vault: VaultProcess) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=vault.url, trust_env=False) as http:
        yield http


def headers(secret: str, operation: str = "wallet", body: bytes = BODY, ago_seconds: float = 0) -> dict[str, str]:
    at_ms, nonce = str(int((time.time() - ago_seconds) * 1000)), secrets.token_hex(16)
    return {
        wire.AT: at_ms,
        wire.NONCE: nonce,
        wire.MAC: wire.mac_of_request(secret, operation, at_ms, nonce, body),
    }


async def test_who_signs_with_the_secret_is_answered_once(http: httpx2.AsyncClient, vault: VaultProcess) -> None:
    signed = headers(vault.secret)
    assert (await http.post("/v1/wallet", content=BODY, headers=signed)).status_code == 200
    assert (await http.post("/v1/wallet", content=BODY, headers=signed)).status_code == 401, (
        "the same again is no request"
    )


@pytest.mark.parametrize(
    "how", ["unsigned", "other_secret", "other_operation", "other_body", "old", "future", "no_nonce", "get"]
)
async def test_nobody_else_is_answered(http: httpx2.AsyncClient, vault: VaultProcess, how: str) -> None:
    method, operation, body, signed = "POST", "wallet", BODY, headers(vault.secret)
    if how == "unsigned":
        signed = {}
    elif how == "other_secret":
        signed = headers("another secret")
    elif how == "other_operation":
        operation = "discard_wallet"
    elif how == "other_body":
        body = b'{"party_id":8}'
    elif how == "old":
        signed = headers(vault.secret, ago_seconds=wire.FRESH_SECONDS + 1)
    elif how == "future":
        signed = headers(vault.secret, ago_seconds=-wire.FRESH_SECONDS - 1)
    elif how == "no_nonce":
        signed = {**signed, wire.NONCE: ""}
    elif how == "get":
        method = "GET"
    answer = await http.request(method, f"/v1/{operation}", content=body, headers=signed)
    assert (answer.status_code, answer.content) == (401, b"")


@pytest.mark.parametrize(
    ("operation", "body", "status"),
    [
        ("nothing", BODY, 404),
        ("wallet", b"", 400),
        ("wallet", b'{"party_id":"seven"}', 400),
        ("wallet", b'{"party_id":7,"more":1}', 400),
        ("wallet", b"\xff", 400),
        ("wallet", b" " * (wire.LARGEST_BODY + 1), 413),
    ],
    ids=["unknown", "empty", "no_number", "too_much", "no_utf8", "too_large"],
)
async def test_what_the_house_never_asks_is_malformed(
    http: httpx2.AsyncClient, vault: VaultProcess, operation: str, body: bytes, status: int
) -> None:
    answer = await http.post(f"/v1/{operation}", content=body, headers=headers(vault.secret, operation, body))
    assert answer.status_code == status


async def test_whoever_answers_without_the_secret_is_not_believed(vault: VaultProcess) -> None:
    client = VaultClient(vault.url, "another secret")
    assert not await client.answers()
    with pytest.raises(VaultError, match="does not have the house's secret"):
        await client.wallet(7)
    await client.close()


async def test_nobody_there_is_an_error_and_no_refusal() -> None:
    client = VaultClient("http://127.0.0.1:9", "secret")
    with pytest.raises(VaultError, match="not reached"):
        await client.wallet(7)
    await client.close()


async def through_a_door(act: Callable[[wire.Sealed], Awaitable[object]], body: bytes) -> tuple[object, bytes]:
    """What a door with this one operation answers: status and body."""
    sent: list[dict[str, Any]] = []
    signed = headers("secret", "act", body)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/act",
        "headers": [(name.encode(), value.encode()) for name, value in signed.items()],
    }
    await Door({"act": Operation(wire.Sealed, act)}, "secret")(scope, receive, send)
    return sent[0]["status"], sent[1]["body"]


async def test_what_fails_inside_is_logged_by_place_and_never_by_content(capsys: pytest.CaptureFixture[str]) -> None:
    async def failing(asked: wire.Sealed) -> None:
        raise ValueError(f"can't take {asked.sealed}")

    status, said = await through_a_door(failing, b'{"party_id":7,"sealed":"4111111111111111"}')
    assert status == 500 and b"4111" not in said
    logged = "".join(capsys.readouterr())
    assert "ValueError" in logged and "test_door.py" in logged and "in failing" in logged and "4111" not in logged


async def test_a_full_queue_is_a_refusal_and_no_failure() -> None:
    async def busy(_: wire.Sealed) -> None:
        raise TooBusy

    assert await through_a_door(busy, b'{"party_id":7,"sealed":"x"}') == (
        200,
        b'{"refused":{"refusal":"vault_busy","until":null}}',
    )


def test_the_place_of_an_error_without_a_trace_is_unknown() -> None:
    assert place_of(ValueError("x")) == "unknown"


@pytest.mark.parametrize("role", [Role.APP, Role.BANK])
async def test_neither_server_nor_bank_sees_anything_of_the_vaults_schema(module_database: Address, role: Role) -> None:
    conn = await connect(module_database, role)
    try:
        for table in ("wallet", "protection", "card", "signed_payment", "bank_key"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await conn.fetch(f"select * from vault.{table}")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await conn.execute("set role gavelhouse_vault")
    finally:
        await conn.close()


async def test_the_vault_sees_nothing_of_the_others(module_database: Address) -> None:
    conn = await connect(module_database, Role.VAULT)
    try:
        for table in ("market.party", "escrow.account", "auction.lot", "bank.account"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await conn.fetch(f"select * from {table}")
    finally:
        await conn.close()
