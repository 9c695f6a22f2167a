"""The gateway to a payment provider's own SDK (Stripe's), for who installs the extra `stripe`: the same values, other words.

The envelope is then the provider's token of a payment method, which the provider's own form has made in the browser; neither
house nor vault has the number. Payments are known by our id: as idempotency key, and in the metadata of every object.

A reversal that overtakes its request takes the request's idempotency key, so that the request can't hold anything later.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any, TypeVar

import msgspec
import stripe

from escrow.card_facts import (
    Acknowledged,
    Advice,
    Answer,
    Approved,
    Authorise,
    CardReason,
    Declined,
    LineKind,
    SettlementFile,
    SettlementLine,
    Undecided,
)
from escrow.gateway.protocol import GatewayError, NoAnswerError, NotSentError

ANSWER_SECONDS = 10.0
FILES_AT_ONCE = 10
_TOKEN = re.compile(rb"pm_[A-Za-z0-9_]{1,250}")
_T = TypeVar("_T")

REASONS = {
    "insufficient_funds": CardReason.INSUFFICIENT_FUNDS,
    "lost_card": CardReason.LOST_CARD,
    "stolen_card": CardReason.STOLEN_CARD,
    "expired_card": CardReason.EXPIRED_CARD,
    "incorrect_number": CardReason.INVALID_CARD,
    "invalid_number": CardReason.INVALID_CARD,
    "invalid_account": CardReason.INVALID_CARD,
    "invalid_amount": CardReason.INVALID_AMOUNT,
    "do_not_honor": CardReason.DO_NOT_HONOUR,
    "generic_decline": CardReason.DO_NOT_HONOUR,
    "card_velocity_exceeded": CardReason.OVER_LIMIT,
    "withdrawal_count_limit_exceeded": CardReason.OVER_LIMIT,
    "card_not_supported": CardReason.NOT_PERMITTED,
    "currency_not_supported": CardReason.NOT_PERMITTED,
    "restricted_card": CardReason.NOT_PERMITTED,
    "transaction_not_allowed": CardReason.NOT_PERMITTED,
    "authentication_required": CardReason.SECURITY_VIOLATION,
    "security_violation": CardReason.SECURITY_VIOLATION,
    "fraudulent": CardReason.SECURITY_VIOLATION,
    "issuer_not_available": CardReason.ISSUER_UNAVAILABLE,
    "processing_error": CardReason.SYSTEM_MALFUNCTION,
    "duplicate_transaction": CardReason.DUPLICATE,
}
"""The provider's decline code (or, without one, its error code) → why; any other is `declined`."""
_LINES = {
    "charge": LineKind.CAPTURE,
    "payment": LineKind.CAPTURE,
    "dispute": LineKind.CHARGEBACK,
    "dispute_reversal": LineKind.CHARGEBACK_WON,
}


class StripeGateway:
    """The SDK's blocking calls on threads of their own; each call may be repeated."""

    name = "stripe"

    def __init__(self, key: str, *, base_url: str | None = None, answer_seconds: float = ANSWER_SECONDS) -> None:
        http = stripe.RequestsClient(timeout=answer_seconds)
        addresses: Any = {"api": base_url} if base_url else {}
        self._api = stripe.StripeClient(key, http_client=http, base_addresses=addresses, max_network_retries=0).v1

    async def run(self) -> None:
        """The SDK keeps no lasting connection."""
        await asyncio.Event().wait()

    async def ready(self) -> None:
        """Each call finds out for itself."""

    async def authorise(self, request: Authorise) -> Answer:
        """A payment intent that is confirmed and waits to be captured."""
        if not _TOKEN.fullmatch(request.envelope):
            return Declined(reason=CardReason.FORMAT_ERROR, code="no_payment_method")
        asked = {
            **_intent(request.payment_id, request.currency, request.amount_minor),
            "payment_method": request.envelope.decode(),
            "confirm": True,
            "error_on_requires_action": True,
        }
        try:
            intent = await self._call(lambda: self._create(asked, request.payment_id))
        except stripe.CardError as error:
            return declined(error)
        except stripe.IdempotencyError:
            return Declined(reason=CardReason.DUPLICATE, code="idempotency_error")
        except stripe.InvalidRequestError as error:
            return Declined(reason=CardReason.INVALID_TRANSACTION, code=error.code or "invalid_request")
        return answered(intent)

    async def capture(self, advice: Advice) -> Acknowledged:
        """What was held is taken."""
        reference = advice.provider_reference or ""
        options: Any = {"idempotency_key": f"{advice.payment_id}:capture"}
        try:
            await self._call(lambda: self._api.payment_intents.capture(reference, options=options))
        except stripe.InvalidRequestError as error:
            intent = await self._call(lambda: self._api.payment_intents.retrieve(reference))
            return Acknowledged(accepted=intent.status == "succeeded", code=error.code or "invalid_request")
        return Acknowledged(accepted=True)

    async def reverse(self, advice: Advice) -> Acknowledged:
        """What was held is let go; what was never heard of never will be."""
        reference = advice.provider_reference or await self._reference(advice)
        try:
            await self._call(lambda: self._api.payment_intents.cancel(reference))
        except stripe.InvalidRequestError as error:
            intent = await self._call(lambda: self._api.payment_intents.retrieve(reference))
            return Acknowledged(accepted=intent.status == "canceled", code=error.code or "invalid_request")
        return Acknowledged(accepted=True)

    async def represent(self, chargeback_id: str, text: str) -> Acknowledged:
        """The provider wants evidence by its own forms: a person answers on its pages."""
        return Acknowledged(accepted=False, code="answer_on_the_providers_page")

    async def settlements(self, after: str | None) -> list[SettlementFile]:
        """The provider's payouts to the house after one, oldest first."""
        asked: Any = {"status": "paid", "limit": FILES_AT_ONCE}
        if after is not None:
            asked["ending_before"] = after
        payouts = (await self._call(lambda: self._api.payouts.list(asked))).data
        return [await self._file(payout) for payout in reversed(payouts)]

    async def settle_now(self, day: date) -> None:
        """The provider pays out on its own schedule."""

    async def close(self) -> None:
        """Nothing is kept open."""

    def _create(self, asked: dict[str, Any], payment_id: str) -> stripe.PaymentIntent:
        params: Any = asked
        options: Any = {"idempotency_key": f"{payment_id}:authorise"}
        return self._api.payment_intents.create(params, options=options)

    async def _reference(self, advice: Advice) -> str:
        """The intent of a payment whose answer never came; an unconfirmed one takes its place if there is none."""
        asked = _intent(advice.payment_id, advice.currency, advice.amount_minor)
        try:
            return (await self._call(lambda: self._create(asked, advice.payment_id))).id
        except stripe.IdempotencyError:
            query: Any = {"query": f"metadata['payment_id']:'{advice.payment_id}'"}
            found = (await self._call(lambda: self._api.payment_intents.search(query))).data
        if not found:
            raise NoAnswerError("the provider has the payment and does not find it yet")
        return found[0].id

    async def _file(self, payout: Any) -> SettlementFile:
        asked: Any = {"payout": payout.id, "limit": 100, "expand": ["data.source"]}

        def all_of_it() -> list[Any]:
            return list(self._api.balance_transactions.list(asked).auto_paging_iter())

        rows = [row for row in await self._call(all_of_it) if row.reporting_category != "payout"]
        lines = tuple([await self._line(n, row) for n, row in enumerate(rows, start=1)])
        day = datetime.fromtimestamp(payout.arrival_date, UTC).date()
        return SettlementFile(id=payout.id, day=day, lines=lines, sha256=sha256(msgspec.json.encode(lines)).digest())

    async def _line(self, n: int, row: Any) -> SettlementLine:
        kind = _LINES.get(row.reporting_category)
        if kind is None or row.fee:
            raise GatewayError(
                f"{row.id} is of category {row.reporting_category} with a fee of {row.fee}: the house reads charges and "
                "disputes without fees (have the provider bill its fees apart)"
            )
        metadata = row.source.metadata
        if kind is not LineKind.CAPTURE:
            intent = await self._call(lambda: self._api.payment_intents.retrieve(row.source.payment_intent))
            metadata = intent.metadata
        return SettlementLine(
            n=n,
            kind=kind,
            payment_id=getattr(metadata, "payment_id", None) or row.id,
            currency=row.currency.upper(),
            amount_minor=row.amount,
            at=datetime.fromtimestamp(row.created, UTC),
        )

    async def _call(self, call: Callable[[], _T]) -> _T:
        """The SDK's call; what is no word of the bank's becomes a GatewayError."""
        try:
            return await asyncio.to_thread(call)
        except (stripe.AuthenticationError, stripe.PermissionError) as error:
            raise NotSentError(f"the provider refuses the house's key: {type(error).__name__}") from error
        except (stripe.APIConnectionError, stripe.RateLimitError, stripe.APIError) as error:
            raise NoAnswerError(f"no answer of the provider: {type(error).__name__}") from error


def answered(intent: Any) -> Answer:
    """What the state of a payment intent says."""
    match intent.status:
        case "requires_capture":
            return Approved(
                amount_minor=intent.amount_capturable,
                authorisation_code=intent.id[-6:].upper(),
                provider_reference=intent.id,
            )
        case "succeeded":
            return Approved(
                amount_minor=intent.amount_received,
                authorisation_code=intent.id[-6:].upper(),
                provider_reference=intent.id,
            )
        case "processing":
            return Undecided(code=intent.status)
        case "requires_action":
            return Declined(reason=CardReason.SECURITY_VIOLATION, code=intent.status)
        case _:
            return Declined(reason=CardReason.INVALID_TRANSACTION, code=intent.status)


def declined(error: stripe.CardError) -> Declined:
    """What the provider's refusal says: the issuer's decline code before its own."""
    issuer = getattr(error.error, "decline_code", None) if error.error else None
    reason = REASONS.get(issuer or "") or REASONS.get(error.code or "") or CardReason.DECLINED
    return Declined(reason=reason, code=issuer or error.code or "")


def _intent(payment_id: str, currency: str, amount_minor: int) -> dict[str, Any]:
    return {
        "amount": amount_minor,
        "currency": currency.lower(),
        "capture_method": "manual",
        "payment_method_types": ["card"],
        "metadata": {"payment_id": payment_id},
    }
