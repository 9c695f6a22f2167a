"""What the bank does about a card payment: hold, take, let go. Each is one transaction and, by the payment's id, done once.

The bank opens its half of the dual signature with its own key and learns of the order only the digest.
"""

from __future__ import annotations

import secrets
import string
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from msgspec import Struct

from escrow import dual_signature, envelopes
from escrow.dual_signature import PaymentInfo
from escrow.sandbox_bank import cards
from escrow.sandbox_bank.cards import BankKeys, Card
from escrow.sandbox_bank.faults import Fault, FaultKind
from migrations.queries import load_queries

if TYPE_CHECKING:
    from asyncpg import Record

    from migrations.database import Connection

_queries = load_queries("escrow.sandbox_bank", "cards")

OK, PARTLY, IN_PROGRESS = "00", "10", "09"
REFUSED, INVALID, WRONG_SUM, NO_CARD, NOT_FOUND = "05", "12", "13", "14", "25"
LOST, STOLEN, NO_FUNDS, EXPIRED, NOT_PERMITTED, OVER_LIMIT, BLOCKED = "41", "43", "51", "54", "57", "61", "62"
SECURITY, DUPLICATE = "63", "94"
"""Data element 39, as ISO 8583:1987 has it."""
_STATUS_CODES = {"lost": LOST, "stolen": STOLEN, "blocked": BLOCKED}
_CODE_FIGURES = string.digits + string.ascii_uppercase


class Request(Struct, frozen=True, kw_only=True):
    """What an authorisation asks for."""

    payment_id: str
    currency: str
    amount_minor: int
    envelope: bytes
    order_digest: bytes
    signature: bytes
    public_key: bytes

    @property
    def sha256(self) -> bytes:
        """Of everything asked, so that the same again is known from another under the same id."""
        told = f"{self.currency}|{self.amount_minor}|".encode()
        return sha256(told + self.order_digest + self.signature + self.public_key + self.envelope).digest()


class Decision(Struct, frozen=True, kw_only=True):
    """The response code, and what is held if it approves."""

    code: str
    approved_minor: int = 0
    authorisation_code: str | None = None


async def authorise(
    conn: Connection, keys: BankKeys, request: Request, now: datetime, fault: Fault | None = None
) -> Decision:
    """Hold the sum, or say why not. The same request has the same answer for ever, until it is reversed."""
    if fault is not None and fault.fault is FaultKind.UNDECIDED:
        return Decision(code=IN_PROGRESS)
    async with conn.transaction():
        await conn.execute(_queries.lock_payment_id, request.payment_id)
        before = await conn.fetchrow(_queries.payment, request.payment_id)
        if before is not None:
            return _answered_before(before, request)
        info = _opened(keys, request)
        card = None
        if isinstance(info, PaymentInfo):
            card = await cards.card_by_number(conn, keys, info.pan)
            code = await _judged(conn, info, card, request, now)
        else:
            code = info
        if fault is not None and fault.fault is FaultKind.DECLINE:
            code = fault.code or REFUSED
        approved = request.amount_minor if code == OK else 0
        if approved > 1 and fault is not None and fault.fault is FaultKind.PARTIAL:
            code, approved = PARTLY, request.amount_minor // 2
        decision = Decision(
            code=code, approved_minor=approved, authorisation_code=_authorisation_code() if approved else None
        )
        nonce = info.nonce if isinstance(info, PaymentInfo) and code != DUPLICATE else None
        await _write(conn, request, card, nonce, decision, now)
        return decision


async def capture(conn: Connection, payment_id: str, amount_minor: int, now: datetime) -> str:
    """Take what is held; again is the same. The response code."""
    async with conn.transaction():
        await conn.execute(_queries.lock_payment_id, payment_id)
        payment = await conn.fetchrow(_queries.payment, payment_id)
        if payment is None:
            return NOT_FOUND
        if payment["state"] not in ("authorised", "captured"):
            return INVALID
        if payment["approved_minor"] != amount_minor:
            return WRONG_SUM
        if payment["state"] == "authorised":
            await conn.execute(_queries.set_captured, payment_id, now)
        return OK


async def reverse(conn: Connection, payment_id: str, now: datetime) -> str:
    """Let go of what is held, if anything; a request that comes later finds itself reversed. The response code."""
    async with conn.transaction():
        await conn.execute(_queries.lock_payment_id, payment_id)
        payment = await conn.fetchrow(_queries.payment, payment_id)
        if payment is None:
            await conn.execute(_queries.insert_overtaken, payment_id, now)
            return OK
        if payment["state"] == "captured":
            return INVALID
        if payment["state"] == "authorised":
            await move(
                conn, payment["card_id"], payment["currency"], payment_id, "release", payment["approved_minor"], now
            )
            await conn.execute(_queries.set_reversed, payment_id, now)
        return OK


async def move(
    conn: Connection,
    card_id: int,
    currency: str,
    payment_id: str,
    kind: str,
    amount_minor: int,
    now: datetime,
    *,
    cause: str = "",
) -> None:
    """Change what a card has left; each cause does so once in each way."""
    await conn.execute(_queries.move, card_id, currency, payment_id, kind, cause or payment_id, amount_minor, now)


def _answered_before(before: Record, request: Request) -> Decision:
    if before["request_sha256"] is not None and before["request_sha256"] != request.sha256:
        return Decision(code=DUPLICATE)
    if before["state"] == "reversed":
        return Decision(code=INVALID)
    return Decision(
        code=before["response_code"],
        approved_minor=before["approved_minor"],
        authorisation_code=before["authorisation_code"],
    )


def _opened(keys: BankKeys, request: Request) -> PaymentInfo | str:
    """The payment half, if the buyer signed just this one for just this request; else the response code."""
    payment = envelopes.open_payment(keys.pairs, request.envelope, request.order_digest)
    if payment is None:
        return SECURITY
    info = dual_signature.judge_payment(
        payment,
        order_digest=request.order_digest,
        signature=request.signature,
        public_key=request.public_key,
    )
    if not isinstance(info, PaymentInfo):
        return SECURITY
    asked = (request.payment_id, request.currency, str(request.amount_minor))
    return info if (info.payment_id, info.currency, info.amount_minor) == asked else SECURITY


async def _judged(conn: Connection, info: PaymentInfo, card: Card | None, request: Request, now: datetime) -> str:
    if await conn.fetchval(_queries.nonce_is_used, info.nonce):
        return DUPLICATE
    if card is None:
        return NO_CARD
    if card.always_code is not None:
        return card.always_code
    if card.status in _STATUS_CODES:
        return _STATUS_CODES[card.status]
    if info.expiry != card.expiry or card.expiry < f"{now:%Y-%m}":
        return EXPIRED
    if card.limit_minor is not None and request.amount_minor > card.limit_minor:
        return OVER_LIMIT
    available = await conn.fetchval(_queries.lock_balance, card.id, request.currency)
    if available is None:
        return NOT_PERMITTED
    return OK if available >= request.amount_minor else NO_FUNDS


async def _write(
    conn: Connection, request: Request, card: Card | None, nonce: str | None, decision: Decision, now: datetime
) -> None:
    await conn.execute(
        _queries.insert_payment,
        request.payment_id,
        card.id if card else None,
        request.currency,
        request.amount_minor,
        decision.approved_minor,
        request.sha256,
        nonce,
        request.order_digest,
        "authorised" if decision.approved_minor else "declined",
        decision.code,
        decision.authorisation_code,
        now,
    )
    if card is not None and decision.approved_minor:
        await move(conn, card.id, request.currency, request.payment_id, "hold", -decision.approved_minor, now)


def _authorisation_code() -> str:
    return "".join(secrets.choice(_CODE_FIGURES) for _ in range(6))
