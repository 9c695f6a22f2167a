"""The way to the bank: payout files and statements over HTTP, each request signed (Standard Webhooks). It knows no case and no ledger.

BankError   the bank was not reached, or did not take the file; try again with the same message id
"""

from __future__ import annotations

from datetime import UTC, date, datetime

import httpx2
from standardwebhooks import Webhook

from escrow.certificates import trusted

TIMEOUT_SECONDS = 10.0


class BankError(Exception):
    """The bank did not take the file this time."""


class BankClient:
    """One bank at one address. Close it when the program ends."""

    def __init__(self, url: str, secret: str) -> None:
        self._signer = Webhook(secret)
        self._client = httpx2.AsyncClient(base_url=url, timeout=TIMEOUT_SECONDS, verify=trusted(), trust_env=False)

    async def send_payout_file(self, message_id: str, body: str) -> None:
        """Hand in one file; the bank knows a message id it has seen. Raises BankError."""
        sent_at = datetime.now(UTC)
        headers = {
            "content-type": "application/xml; charset=utf-8",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(sent_at.timestamp())),
            "webhook-signature": self._signer.sign(message_id, sent_at, body),
        }
        try:
            answer = await self._client.post("/api/payout-files", content=body.encode(), headers=headers)
        except httpx2.HTTPError as error:
            raise BankError(f"{type(error).__name__}: {error}") from error
        if not answer.is_success:
            raise BankError(f"the bank answered {answer.status_code}: {answer.text[:200]}")

    async def statement(self, day: date, currency: str) -> bytes | None:
        """The statement of a day (camt.053); None when the bank has none of it. Raises BankError."""
        sent_at = datetime.now(UTC)
        message_id = f"statement-{day}-{currency}-{int(sent_at.timestamp() * 1000)}"
        headers = {
            "webhook-id": message_id,
            "webhook-timestamp": str(int(sent_at.timestamp())),
            "webhook-signature": self._signer.sign(message_id, sent_at, ""),
        }
        try:
            answer = await self._client.get(f"/api/statements/{day}", params={"currency": currency}, headers=headers)
        except httpx2.HTTPError as error:
            raise BankError(f"{type(error).__name__}: {error}") from error
        if answer.status_code == 404:
            return None
        if not answer.is_success:
            raise BankError(f"the bank answered {answer.status_code}: {answer.text[:200]}")
        return answer.content

    async def close(self) -> None:
        await self._client.aclose()
