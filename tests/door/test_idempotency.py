"""One key has one effect and one answer: retried, raced, refused, and after a bug."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from market import audit
from market.access.rows import MEMBER
from market.authorization import Guard
from market.house import house_of
from market.idempotency import idempotent
from market.problems import Problem, ProblemError
from tests.door.house_server import Server

if TYPE_CHECKING:
    from migrations.database import Connection


@idempotent
async def act(request: Request, conn: Connection) -> Response:
    """Leaves a line in the audit trail, then ends as the body says."""
    body = await request.json()
    now = house_of(request).node_time.now()
    await audit.record(conn, request.user.id, "test.acted", f"test:{body['subject']}", None, {}, now)
    if body["end"] == "refuse":
        raise ProblemError(Problem.CONFLICT, lowest_minor=1200)
    if body["end"] == "crash":
        raise RuntimeError("a bug after the effect")
    count = await conn.fetchval("select count(*) from market.audit where subject = $1", f"test:{body['subject']}")
    return JSONResponse({"count": count}, 201, {"Location": f"/things/{count}"})


@pytest.fixture(scope="module", autouse=True)
async def route(server: Server) -> AsyncIterator[None]:
    added = Route("/api/v1/test", act, methods=["POST"], name="test")
    added.app = Guard(added.app, "test", MEMBER)
    server.app.router.routes.append(added)
    yield
    server.app.router.routes.remove(added)


async def effects(server: Server, subject: str) -> int:
    async with server.house.pool.acquire() as conn:
        return len(await audit.entries_of(conn, f"test:{subject}"))


async def test_what_is_kept_of_a_request_is_no_bare_hash_of_its_body(server: Server) -> None:
    """A passphrase in a body must not become guessable by whoever reads the table."""
    headers = {
        **await server.bearer(await server.party()),
        "idempotency-key": "bare",
        "content-type": "application/json",
    }
    body = b'{"subject":"bare","end":"well"}'
    assert (await server.client.post("/api/v1/test", content=body, headers=headers)).status_code == 201
    async with server.house.pool.acquire() as conn:
        kept = await conn.fetchval("select fingerprint from market.idempotency where key = 'bare'")
    assert kept != sha256(b"POST /api/v1/test?\n" + body).digest() and len(kept) == 32


async def test_a_retry_gets_the_same_answer_and_has_no_effect(server: Server) -> None:
    headers = {**await server.bearer(await server.party()), "idempotency-key": "k1"}
    first, again = [
        await server.client.post("/api/v1/test", json={"subject": "retry", "end": "well"}, headers=headers)
        for _ in range(2)
    ]
    assert first.status_code == again.status_code == 201
    assert first.content == again.content and first.headers["location"] == again.headers["location"]
    assert "idempotent-replayed" not in first.headers and again.headers["idempotent-replayed"] == "true"
    assert await effects(server, "retry") == 1


async def test_of_twenty_at_once_one_acts_and_all_hear_of_it(server: Server) -> None:
    headers = {**await server.bearer(await server.party()), "idempotency-key": "k2"}
    answers = await asyncio.gather(
        *(
            server.client.post("/api/v1/test", json={"subject": "race", "end": "well"}, headers=headers)
            for _ in range(20)
        )
    )
    assert {(answer.status_code, answer.content) for answer in answers} == {(201, b'{"count":1}')}
    assert await effects(server, "race") == 1


async def test_another_body_under_the_same_key_is_refused(server: Server) -> None:
    headers = {**await server.bearer(await server.party()), "idempotency-key": "k3"}
    await server.client.post("/api/v1/test", json={"subject": "body", "end": "well"}, headers=headers)
    other = await server.client.post("/api/v1/test", json={"subject": "other body", "end": "well"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")
    assert await effects(server, "other body") == 0


async def test_keys_belong_to_their_party(server: Server) -> None:
    for _ in range(2):
        headers = {**await server.bearer(await server.party()), "idempotency-key": "shared"}
        answer = await server.client.post("/api/v1/test", json={"subject": "mine", "end": "well"}, headers=headers)
        assert "idempotent-replayed" not in answer.headers
    assert await effects(server, "mine") == 2


async def test_a_refusal_undoes_the_effect_and_is_the_answer_for_ever(server: Server) -> None:
    headers = {**await server.bearer(await server.party()), "idempotency-key": "k4"}
    for _ in range(2):
        answer = await server.client.post("/api/v1/test", json={"subject": "refused", "end": "refuse"}, headers=headers)
        assert (answer.status_code, answer.json()["lowest_minor"]) == (409, "1200")
        assert answer.headers["content-type"] == "application/problem+json"
    assert await effects(server, "refused") == 0


async def test_a_bug_undoes_the_effect_and_a_retry_tries_again(server: Server) -> None:
    headers = {**await server.bearer(await server.party()), "idempotency-key": "k5"}
    for _ in range(2):
        answer = await server.client.post("/api/v1/test", json={"subject": "bug", "end": "crash"}, headers=headers)
        assert answer.status_code == 500
    assert await effects(server, "bug") == 0
    async with server.house.pool.acquire() as conn:
        assert await conn.fetchval("select count(*) from market.idempotency where key = 'k5'") == 0


@pytest.mark.parametrize("key", [None, "", "x" * 201])
async def test_without_a_proper_key_nothing_is_done(server: Server, key: str | None) -> None:
    headers = await server.bearer(await server.party())
    if key is not None:
        headers["idempotency-key"] = key
    answer = await server.client.post("/api/v1/test", json={"subject": "keyless", "end": "well"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "key_missing")
    assert await effects(server, "keyless") == 0
