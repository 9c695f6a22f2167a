"""The door for the bank: POST /webhooks/bank, verified as Standard Webhooks, answered 2xx once the notice is stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
import structlog
from msgspec import Struct
from standardwebhooks import Webhook, WebhookVerificationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from escrow.bank_inbox import NoticeConflictError
from escrow.desk import EscrowDesk
from escrow.facts import LARGEST_AMOUNT_MINOR, BankNotice, NoticeKind

if TYPE_CHECKING:
    from migrations.database import Pool

LARGEST_BODY = 16 * 1024

_log = structlog.get_logger("escrow.routes")


class Sender(Struct, frozen=True, kw_only=True):
    holder: str
    number: str


class NoticeData(Struct, frozen=True, kw_only=True):
    """What a notice is about; `amount_minor` is a string of decimal digits."""

    id: str
    currency: str
    amount_minor: str
    reference: str
    booked_at: datetime
    sender: Sender | None = None
    reason: str | None = None


class WebhookMessage(Struct, frozen=True, kw_only=True):
    """The body of a webhook of the bank."""

    type: NoticeKind
    timestamp: datetime
    data: NoticeData


def routes(pool: Pool, desk: EscrowDesk, secrets: Sequence[str], now: Callable[[], datetime]) -> list[Route]:
    """The escrow's one route; any of `secrets` verifies, so that a secret can be replaced without a gap."""
    verifiers = [Webhook(secret) for secret in secrets]

    async def bank_webhook(request: Request) -> Response:
        body = await _bounded_body(request)
        if body is None:
            return _problem(413, "too_large")
        if not _is_signed(verifiers, body, dict(request.headers)):
            return _problem(401, "bad_signature")
        try:
            notice = _notice(msgspec.json.decode(body, type=WebhookMessage))
        except (msgspec.MsgspecError, ValueError):
            return _problem(422, "malformed_notice")
        try:
            async with pool.acquire() as conn, conn.transaction():
                received = await desk.inbox.receive(conn, notice, now())
        except NoticeConflictError as error:
            _log.error("a notice of the bank contradicts the book", bank_id=notice.bank_id, error=str(error))
            return _problem(409, "id_reused")
        answer = {"outcome": received.outcome, "again": received.again}
        return Response(msgspec.json.encode(answer), media_type="application/json")

    return [Route("/webhooks/bank", bank_webhook, methods=["POST"], name="bank_webhook")]


async def _bounded_body(request: Request) -> bytes | None:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            return None
    return bytes(body)


def _is_signed(verifiers: Sequence[Webhook], body: bytes, headers: dict[str, Any]) -> bool:
    """Right signature and a timestamp within five minutes; whatever is malformed is not signed."""
    for verifier in verifiers:
        try:
            verifier.verify(body, headers, json_parse=False)
        except (WebhookVerificationError, ValueError):
            continue
        return True
    return False


def _notice(message: WebhookMessage) -> BankNotice:
    data = message.data
    digits = data.amount_minor
    if not (digits.isascii() and digits.isdecimal() and 0 < int(digits) <= LARGEST_AMOUNT_MINOR):
        raise ValueError("an amount is a string of decimal digits above zero")
    if data.booked_at.tzinfo is None or "\x00" in body_text(data):
        raise ValueError("a time names its zone, and a text holds no zero byte")
    return BankNotice(
        bank_id=data.id,
        kind=message.type,
        currency=data.currency,
        amount_minor=int(digits),
        reference=data.reference,
        booked_at=data.booked_at,
        sender_holder=data.sender.holder if data.sender else "",
        sender_number=data.sender.number if data.sender else "",
        reason=data.reason,
    )


def body_text(data: NoticeData) -> str:
    """All free text of a notice."""
    sender = f"{data.sender.holder}{data.sender.number}" if data.sender else ""
    return f"{data.id}{data.currency}{data.reference}{sender}{data.reason or ''}"


def _problem(status: int, code: str) -> Response:
    """RFC 9457, for a machine; the bank's people read the code."""
    body = msgspec.json.encode({"type": "about:blank", "status": status, "code": code})
    return Response(body, status_code=status, media_type="application/problem+json")
