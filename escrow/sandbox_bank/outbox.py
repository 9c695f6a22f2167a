"""Delivery of the bank's notices to the house: signed, until the house answers 2xx, each at least once."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx2
import structlog
from standardwebhooks import Webhook

from escrow.certificates import trusted
from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Pool

_queries = load_queries("escrow.sandbox_bank")
_log = structlog.get_logger("escrow.sandbox_bank")

TIMEOUT_SECONDS = 10.0
_CLAIM = timedelta(seconds=15)
"""For how long a claimed notice belongs to its sender; a killed one only delays it by this."""
_LONGEST_WAIT_SECONDS = 30
_LONGEST_SLEEP_SECONDS = 5.0


class Outbox:
    """Delivers what is due, sleeps to the next try, and is woken when a notice is added."""

    def __init__(self, pool: Pool, webhook_url: str, secret: str) -> None:
        self._pool = pool
        self._url = webhook_url
        self._signer = Webhook(secret)
        self._woken = asyncio.Event()

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, verify=trusted(), trust_env=False) as client:
            while True:
                self._woken.clear()
                try:
                    while await self.deliver_one(client):
                        pass
                    sleep_seconds = await self._seconds_to_next()
                except Exception as error:
                    _log.error("the bank's outbox failed", error=repr(error))
                    sleep_seconds = 1.0
                # Not wait_for: before Python 3.12 it loses a cancellation that comes together with the wake-up.
                with suppress(TimeoutError):
                    async with asyncio.timeout(sleep_seconds):
                        await self._woken.wait()

    async def deliver_one(self, client: httpx2.AsyncClient) -> bool:
        """Deliver one due notice, or put it off; False when none is due."""
        now = datetime.now(UTC)
        async with self._pool.acquire() as conn:
            row = await conn.fetchrow(_queries.claim_notice, now, now + _CLAIM)
        if row is None:
            return False
        answer, taken = await self._send(client, row["message_id"], row["body"])
        now = datetime.now(UTC)
        async with self._pool.acquire() as conn:
            if taken:
                await conn.execute(_queries.notice_delivered, row["id"], now, answer)
            else:
                wait = timedelta(seconds=min(2 ** min(row["attempts"], 10) / 4, _LONGEST_WAIT_SECONDS))
                await conn.execute(_queries.notice_failed, row["id"], now + wait, answer)
                _log.warning("the house did not take a notice", message=row["message_id"], answer=answer)
        return True

    async def _send(self, client: httpx2.AsyncClient, message_id: str, body: str) -> tuple[str, bool]:
        sent_at = datetime.now(UTC)
        headers = {
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(sent_at.timestamp())),
            "webhook-signature": self._signer.sign(message_id, sent_at, body),
        }
        try:
            answer = await client.post(self._url, content=body.encode(), headers=headers)
        except httpx2.HTTPError as error:
            return type(error).__name__, False
        return str(answer.status_code), answer.is_success

    async def _seconds_to_next(self) -> float:
        async with self._pool.acquire() as conn:
            at: datetime | None = await conn.fetchval(_queries.next_notice_at)
        if at is None:
            return _LONGEST_SLEEP_SECONDS
        return min(max((at - datetime.now(UTC)).total_seconds(), 0.01), _LONGEST_SLEEP_SECONDS)
