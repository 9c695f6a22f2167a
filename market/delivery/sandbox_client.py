"""The sandbox carrier's adapter: bookings over HTTP, reports by webhook, both signed as Standard Webhooks."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx2
import msgspec
from msgspec import Struct
from standardwebhooks import Webhook, WebhookVerificationError

from escrow.certificates import trusted
from market.delivery.carriers import BadReportError, Booked, CarrierError, NotSignedError, NotTaken
from market.delivery.facts import Consignment, EventKind, Report, visible

CODE = "sandbox"
TIMEOUT_SECONDS = 5.0
LARGEST_ANSWER_BYTES = 64 * 1024
LARGEST_PROOF_BYTES = 512 * 1024
CLOCKS_DIFFER = timedelta(days=1)
_WITHOUT_NUMBER = (EventKind.REFUSED, EventKind.CANCELLED)


class Told(Struct, frozen=True, kw_only=True):
    """A report as the sandbox carrier writes it; `proof` is the slip in base64."""

    id: str
    booking_id: UUID
    kind: EventKind
    at: datetime
    tracking_number: str | None = None
    place: str = ""
    note: str = ""
    received_by: str | None = None
    proof: str | None = None


class _Answer(Struct, frozen=True, kw_only=True):
    tracking_number: str | None = None
    refused: str | None = None


class SandboxCarrier:
    """One sandbox carrier at one address."""

    code = CODE
    name = "Sandbox Express"

    def __init__(self, url: str, secret: str) -> None:
        self._webhook = Webhook(secret)
        self._client = httpx2.AsyncClient(base_url=url, timeout=TIMEOUT_SECONDS, verify=trusted(), trust_env=False)

    async def book(self, consignment: Consignment) -> Booked | NotTaken:
        """See `market.delivery.carriers.Carrier`."""
        body = msgspec.json.encode(
            {
                "booking_id": consignment.booking_id,
                "packages": consignment.packages,
                "weight_grams": consignment.weight_grams,
                "description": consignment.description,
                "collect_from": consignment.collect_from,
                "deliver_to": consignment.deliver_to,
            }
        )
        answer = await self._ask("POST", "/api/bookings", str(consignment.booking_id), body)
        number = answer.tracking_number
        if number is None:
            return NotTaken(_words(answer.refused or "", 400) or "refused")
        if not 0 < len(number) <= 80 or visible(number) != number:
            raise CarrierError(
                "the carrier gives a number of no or more than 80 characters, or of some that can't be seen"
            )
        return Booked(number)

    async def cancel(self, booking_id: UUID) -> bool:
        """See `market.delivery.carriers.Carrier`."""
        answer = await self._ask("POST", f"/api/bookings/{booking_id}/cancellation", f"cancel-{booking_id}", b"")
        return answer.refused is None

    def read_report(self, headers: Mapping[str, str], body: bytes) -> Report:
        """See `market.delivery.carriers.Carrier`."""
        try:
            self._webhook.verify(body, dict(headers), json_parse=False)
        except (WebhookVerificationError, ValueError) as error:
            raise NotSignedError(str(error)) from error
        try:
            told = msgspec.json.decode(body, type=Told)
            proof = None if told.proof is None else base64.b64decode(told.proof, validate=True)
        except (msgspec.MsgspecError, binascii.Error, ValueError) as error:
            raise BadReportError(str(error)) from error
        if (fault := _fault(told, proof)) is not None:
            raise BadReportError(fault)
        return Report(
            carrier_id=told.id,
            booking_id=told.booking_id,
            kind=told.kind,
            at=told.at,
            tracking_number=told.tracking_number,
            place=_words(told.place, 120),
            note=_words(told.note, 400),
            received_by=_words(told.received_by or "", 120) or None,
            proof=proof,
        )

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    async def _ask(self, method: str, path: str, message_id: str, body: bytes) -> _Answer:
        sent_at = datetime.now(UTC)
        headers = {
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(sent_at.timestamp())),
            "webhook-signature": self._webhook.sign(message_id, sent_at, body.decode()),
        }
        try:
            async with self._client.stream(method, path, content=body, headers=headers) as answer:
                said = b""
                async for piece in answer.aiter_bytes():
                    said += piece
                    if len(said) > LARGEST_ANSWER_BYTES:
                        raise CarrierError("the carrier's answer has no end")
            if not answer.is_success:
                words = said[:200].decode(errors="replace").replace("\x00", "")
                raise CarrierError(f"the carrier answered {answer.status_code}: {words}")
            return msgspec.json.decode(said, type=_Answer)
        except (httpx2.HTTPError, msgspec.MsgspecError) as error:
            raise CarrierError(f"{type(error).__name__}: {error}") from error


def _fault(told: Told, proof: bytes | None) -> str | None:
    """What keeps a report from being stored, in the order tested."""
    if told.at.tzinfo is None or not 2000 <= told.at.year < 2200:
        return "at is an instant with its time zone"
    if told.at > datetime.now(UTC) + CLOCKS_DIFFER:
        return "at lies in the future"
    if not (0 < len(told.id) <= 80 and visible(told.id) == told.id):
        return "id has 1 to 80 characters that can be seen"
    number = told.tracking_number
    if number is None:
        return None if told.kind in _WITHOUT_NUMBER else "tracking_number is missing"
    if not (0 < len(number) <= 80 and visible(number) == number):
        return "tracking_number has 1 to 80 characters that can be seen"
    return "proof is too large" if len(proof or b"") > LARGEST_PROOF_BYTES else None


def _words(text: str, longest: int) -> str:
    return " ".join(visible(text).split())[:longest]
