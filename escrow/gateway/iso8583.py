"""The gateway to a bank that speaks ISO 8583: what the house asks, as messages, and the bank's answers as values.

Settlement files come over the bank's HTTP door, signed. docs/gateway.md lists messages, elements and response codes.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote

import httpx2
import msgspec
from standardwebhooks import Webhook, WebhookVerificationError

from escrow import iso8583
from escrow.card_facts import (
    Acknowledged,
    Advice,
    Answer,
    Approved,
    Authorise,
    CardReason,
    Declined,
    SettlementFile,
    Undecided,
    retrieval_reference,
)
from escrow.certificates import trusted
from escrow.gateway.protocol import GatewayError, NoAnswerError
from escrow.gateway.settlement_file import BadFileError, read_file
from escrow.gateway.switch_link import SwitchLink
from escrow.iso8583 import MalformedError, Message

HTTP_SECONDS = 30.0
PROCESSING_CODE, TERMINAL, MERCHANT = "000000", "GAVEL001", "GAVELHOUSE".ljust(15)
REASONS = {
    "05": CardReason.DO_NOT_HONOUR,
    "12": CardReason.INVALID_TRANSACTION,
    "13": CardReason.INVALID_AMOUNT,
    "14": CardReason.INVALID_CARD,
    "30": CardReason.FORMAT_ERROR,
    "41": CardReason.LOST_CARD,
    "43": CardReason.STOLEN_CARD,
    "51": CardReason.INSUFFICIENT_FUNDS,
    "54": CardReason.EXPIRED_CARD,
    "57": CardReason.NOT_PERMITTED,
    "61": CardReason.OVER_LIMIT,
    "62": CardReason.NOT_PERMITTED,
    "63": CardReason.SECURITY_VIOLATION,
    "91": CardReason.ISSUER_UNAVAILABLE,
    "94": CardReason.DUPLICATE,
    "96": CardReason.SYSTEM_MALFUNCTION,
}
"""Element 39 → why; any other code is `declined`."""


class Iso8583Gateway:
    """One bank: its switch at `host:port`, its HTTP doors at `url`, one shared secret. `run` must run meanwhile."""

    name = "iso8583"

    def __init__(self, link: SwitchLink, url: str, secret: str) -> None:
        self._link = link
        self._verifier = Webhook(secret)
        self._client = httpx2.AsyncClient(base_url=url, timeout=HTTP_SECONDS, verify=trusted(), trust_env=False)

    async def run(self) -> None:
        """Keep the connection to the switch."""
        await self._link.run()

    async def ready(self) -> None:
        """Raises NotSentError when the switch can't be reached."""
        await self._link.ready()

    async def authorise(self, request: Authorise) -> Answer:
        """0100 → 0110."""
        answer = await self._link.ask(authorisation(request))
        try:
            return _judged(answer, request)
        except (MalformedError, ValueError) as error:
            raise NoAnswerError(f"the answer can't be understood: {error}") from error

    async def capture(self, advice: Advice) -> Acknowledged:
        """0220, again 0221 → 0230."""
        return _acknowledged(await self._link.ask(capture(advice)))

    async def reverse(self, advice: Advice) -> Acknowledged:
        """0420, again 0421 → 0430."""
        return _acknowledged(await self._link.ask(reversal(advice)))

    async def represent(self, chargeback_id: str, text: str) -> Acknowledged:
        """Over the bank's HTTP door, where what it can't take has a code."""
        path = f"/api/chargebacks/{quote(chargeback_id, safe='')}/represent"
        try:
            answer = await self._client.post(path, json={"text": text})
        except httpx2.HTTPError as error:
            raise GatewayError(f"{type(error).__name__}: {error}") from error
        if answer.is_success:
            return Acknowledged(accepted=True)
        if answer.status_code not in (400, 404, 422):
            raise GatewayError(f"the bank answered {answer.status_code} to {path}")
        return Acknowledged(accepted=False, code=_code_of(answer))

    async def settlements(self, after: str | None) -> list[SettlementFile]:
        """The files that follow one, each verified and added up."""
        listed = msgspec.json.decode((await self._get("/api/settlements", after=after or "")).content)
        return [await self._file(each["id"]) for each in listed["files"]]

    async def settle_now(self, day: date) -> None:
        """The bank closes the card day so far."""
        await self._request("POST", "/api/settlements")

    async def close(self) -> None:
        await self._client.aclose()

    async def _file(self, file_id: str) -> SettlementFile:
        answer = await self._get(f"/api/settlements/{file_id}")
        try:
            self._verifier.verify(answer.content, dict(answer.headers), json_parse=False)
            file = read_file(answer.content)
        except (WebhookVerificationError, BadFileError, ValueError) as error:
            raise GatewayError(f"the settlement file {file_id} can't be taken: {error}") from error
        if file.id != file_id or answer.headers.get("webhook-id") != file_id:
            raise GatewayError(f"asked for the settlement file {file_id}, the bank gave {file.id}")
        return file

    async def _get(self, path: str, **asked: str) -> httpx2.Response:
        return await self._request("GET", path, params=asked)

    async def _request(self, method: str, path: str, **how: Any) -> httpx2.Response:
        try:
            answer = await self._client.request(method, path, **how)
        except httpx2.HTTPError as error:
            raise GatewayError(f"{type(error).__name__}: {error}") from error
        if not answer.is_success:
            raise GatewayError(f"the bank answered {answer.status_code} to {path}")
        return answer


# Messages


def authorisation(request: Authorise) -> Message:
    """0100: no card number; the payment half travels sealed in element 127."""
    sealed = request.order_digest + request.signature + request.public_key + request.envelope
    elements = _common(request.payment_id, request.currency, request.amount_minor, request.at)
    return Message(iso8583.AUTHORISE, {**elements, 127: sealed})


def capture(advice: Advice) -> Message:
    """0220 or 0221."""
    mti = iso8583.CAPTURE_AGAIN if advice.again else iso8583.CAPTURE
    return Message(mti, _common(advice.payment_id, advice.currency, advice.amount_minor, advice.at))


def reversal(advice: Advice) -> Message:
    """0420 or 0421; element 90 names the 0100, whose trace number nobody may know any more: the payment id does."""
    mti = iso8583.REVERSE_AGAIN if advice.again else iso8583.REVERSE
    original = f"{iso8583.AUTHORISE}{0:06d}{advice.began_at.astimezone(UTC):%m%d%H%M%S}{0:022d}"
    elements = _common(advice.payment_id, advice.currency, advice.amount_minor, advice.at)
    return Message(mti, {**elements, 90: original})


def _common(payment_id: str, currency: str, amount_minor: int, at: datetime) -> dict[int, str | bytes]:
    moment = at.astimezone(UTC)
    return {
        3: PROCESSING_CODE,
        4: f"{amount_minor:012d}",
        7: f"{moment:%m%d%H%M%S}",
        12: f"{moment:%H%M%S}",
        13: f"{moment:%m%d}",
        37: retrieval_reference(payment_id),
        41: TERMINAL,
        42: MERCHANT,
        48: payment_id,
        49: iso8583.CURRENCY_CODES[currency],
    }


# Answers


def _judged(answer: Message, request: Authorise) -> Answer:
    """What an 0110 says. One that approves another sum or currency than it may is none. Raises MalformedError."""
    code = answer.text(39)
    if code == iso8583.IN_PROGRESS:
        return Undecided(code=code)
    if code not in (iso8583.APPROVED, iso8583.PARTLY_APPROVED):
        return Declined(reason=REASONS.get(code, CardReason.DECLINED), code=code)
    amount = int(answer.text(4))
    whole = amount == request.amount_minor
    if answer.text(49) != iso8583.CURRENCY_CODES[request.currency] or whole != (code == iso8583.APPROVED):
        raise MalformedError("the sum or the currency approved is not what was asked")
    if not 0 < amount <= request.amount_minor:
        raise MalformedError("more was approved than was asked, or nothing")
    return Approved(amount_minor=amount, authorisation_code=answer.text(38))


def _code_of(answer: httpx2.Response) -> str:
    """The bank's word for why not (RFC 9457: the last part of the problem's type)."""
    try:
        problem = msgspec.json.decode(answer.content, type=dict[str, Any])
    except msgspec.DecodeError:
        return str(answer.status_code)
    return str(problem.get("code") or problem.get("type") or answer.status_code).rpartition("/")[2][:100]


def _acknowledged(answer: Message) -> Acknowledged:
    try:
        code = answer.text(39)
    except MalformedError as error:
        raise NoAnswerError(f"the answer can't be understood: {error}") from error
    return Acknowledged(accepted=code == iso8583.APPROVED, code=code)
