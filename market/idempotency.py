"""`Idempotency-Key` for the API: one key has one effect, and the same answer for ever.

The answer is stored in the transaction of the effect, so a retry after any crash finds both or neither.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from hmac import digest
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from market.card_guard import holds_card_number
from market.house import house_of
from market.problems import Problem, ProblemError, on_problem, status_of
from migrations.queries import load_queries

if TYPE_CHECKING:
    from asyncpg import Record

    from migrations.database import Connection

_QUERIES = load_queries("market", "notices")
HEADER = "Idempotency-Key"
LONGEST_KEY = 200
Endpoint = Callable[[Request], Awaitable[Response]]
EndpointInTransaction = Callable[[Request, "Connection"], Awaitable[Response]]


class _Refused(Exception):
    """Carries a 4xx answer out of the savepoint, so that its effects are undone and the answer is kept."""

    def __init__(self, response: Response) -> None:
        self.response = response


def idempotent(endpoint: EndpointInTransaction) -> Endpoint:
    """A handler that is given a connection inside the one transaction which also stores its answer.

    A 4xx answer undoes the handler's effects and is stored; an exception, and whatever the house can't do just now (5xx),
    stores nothing, so a retry tries again.
    A second request with the key waits for the first. Another body under the same key is refused.
    """

    @wraps(endpoint)
    async def once(request: Request) -> Response:
        key = request.headers.get(HEADER, "").strip().strip('"')
        if not 1 <= len(key) <= LONGEST_KEY or not key.isprintable():
            raise ProblemError(Problem.KEY_MISSING)
        house = house_of(request)
        secret = house.config.secret_key.encode()
        if holds_card_number(key):
            # Whoever takes a card's number for a key shall have his retries, but the number is not kept.
            key = digest(secret, b"idempotency key\n" + key.encode(), "sha256").hex()
        fingerprint = await _fingerprint(request, secret)
        async with house.pool.acquire() as conn, conn.transaction():
            now = house.node_time.now()
            if await conn.fetchval(_QUERIES.claim_key, request.user.id, key, fingerprint, now) is None:
                return await _stored(conn, request.user.id, key, fingerprint)
            response = await _answer(endpoint, request, conn)
            media_type = response.headers.get("content-type", "")
            await conn.execute(
                _QUERIES.store_answer,
                request.user.id,
                key,
                response.status_code,
                media_type,
                bytes(response.body),
                response.headers.get("location"),
            )
            return response

    return once


async def _answer(endpoint: EndpointInTransaction, request: Request, conn: Connection) -> Response:
    try:
        async with conn.transaction():
            response = await _response_of(endpoint, request, conn)
            if response.status_code >= 400:
                raise _Refused(response)
            return response
    except _Refused as refused:
        return refused.response


async def _response_of(endpoint: EndpointInTransaction, request: Request, conn: Connection) -> Response:
    try:
        return await endpoint(request, conn)
    except ProblemError as error:
        if status_of(error.code) >= 500:
            raise
        response = await on_problem(request, error)
        assert response is not None, "only a socket is closed without an answer"
        return response


async def _stored(conn: Connection, party_id: int, key: str, fingerprint: bytes) -> Response:
    row: Record | None = await conn.fetchrow(_QUERIES.answer_of_key, party_id, key)
    assert row is not None and row["status"] is not None, "a claimed key is committed together with its answer"
    if row["fingerprint"] != fingerprint:
        raise ProblemError(Problem.KEY_REUSED)
    headers = {"Idempotent-Replayed": "true", "Content-Type": row["content_type"]}
    if row["location"] is not None:
        headers["Location"] = row["location"]
    return Response(row["body"], row["status"], headers)


async def _fingerprint(request: Request, secret: bytes) -> bytes:
    """What the request asked for, under the house's key: a body may hold a passphrase, and a bare hash of it, kept for
    ever, could be guessed at a billion tries a second.
    """
    asked = f"{request.method} {request.url.path}?{request.url.query}\n".encode()
    return digest(secret, b"idempotency\n" + asked + await request.body(), "sha256")
