"""Payments that wait for a second device, as they are stored. One typed function for each named query."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from escrow.store import read, read_one
from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Connection

_queries = load_queries("market", "checkout")


class PhoneState(StrEnum):
    REQUESTED = "requested"
    CONFIRMED = "confirmed"
    CAPTURED = "captured"
    DECLINED = "declined"
    REFUSED = "refused"
    EXPIRED = "expired"


class PhoneMeans(StrEnum):
    CARD = "card"
    WALLET = "wallet"


class Method(StrEnum):
    """How the payer proved that it was he."""

    PASSKEY = "passkey"
    CODE = "code"


class PhoneRequest(Struct, frozen=True, kw_only=True):
    """One request. `outcome` is why it brought no money: a reason of the card's or a refusal's name."""

    id: int
    party_id: int
    case_id: int
    means: PhoneMeans
    means_label: str
    payee: str
    currency: str
    amount_minor: int
    nonce: bytes
    prepared: bytes | None
    payment_id: str | None
    state: PhoneState
    method: Method | None
    outcome: str | None
    created_at: datetime
    expires_at: datetime
    seen_at: datetime | None
    confirmed_at: datetime | None
    ended_at: datetime | None

    @property
    def is_running(self) -> bool:
        return self.ended_at is None


async def request_by_id(conn: Connection, request_id: int) -> PhoneRequest | None:
    return read_one(await conn.fetchrow(_queries.phone_request, request_id), PhoneRequest)


async def lock_request(conn: Connection, request_id: int) -> PhoneRequest | None:
    return read_one(await conn.fetchrow(_queries.lock_phone_request, request_id), PhoneRequest)


async def running_of_case(conn: Connection, case_id: int) -> PhoneRequest | None:
    return read_one(await conn.fetchrow(_queries.running_phone_request, case_id), PhoneRequest)


async def latest_of_case(conn: Connection, case_id: int, party_id: int) -> PhoneRequest | None:
    """The latest request of the deal, running or ended."""
    requests = await requests_of(conn, party_id)
    return next((each for each in requests if each.case_id == case_id), None)


async def captured_of_case(conn: Connection, case_id: int) -> PhoneRequest | None:
    """The request that paid the deal, if one did."""
    return read_one(await conn.fetchrow(_queries.captured_phone_request, case_id), PhoneRequest)


async def requests_of(conn: Connection, party_id: int, limit: int = 50) -> list[PhoneRequest]:
    return [read(row, PhoneRequest) for row in await conn.fetch(_queries.phone_requests_of, party_id, limit)]


async def seen(conn: Connection, request_id: int, now: datetime) -> None:
    await conn.execute(_queries.phone_request_seen, request_id, now)


async def confirm(conn: Connection, request_id: int, method: Method, now: datetime) -> None:
    await conn.execute(_queries.confirm_phone_request, request_id, method.value, now)


async def end(conn: Connection, request_id: int, state: PhoneState, outcome: str | None, now: datetime) -> None:
    await conn.execute(_queries.end_phone_request, request_id, state.value, outcome, now)


async def expired(conn: Connection, now: datetime) -> list[int]:
    return [row["id"] for row in await conn.fetch(_queries.expired_phone_requests, now)]


async def left_confirmed(conn: Connection, before: datetime) -> list[int]:
    """Requests that somebody confirmed before then and nobody has ended."""
    return [row["id"] for row in await conn.fetch(_queries.confirmed_phone_requests, before)]


async def insert(conn: Connection, **said: object) -> int:
    """A new request; the names are the columns of the statement, in order."""
    return int(await conn.fetchval(_queries.insert_phone_request, *said.values()))
