"""The bank's key that payments are sealed to: fetched from the bank, pinned at first sight, changed by an operator only."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from escrow import envelopes
from escrow.vault import store
from escrow.vault_facts import VaultRefusal
from escrow.vault_wire import from_base64url

if TYPE_CHECKING:
    from migrations.database import Connection, Pool

TIMEOUT_SECONDS = 5.0
ASK_AGAIN_SECONDS = 300.0
LARGEST_ANSWER = 4096


class _Shown(Struct, frozen=True):
    key_id: str
    point: str


class BankKey:
    """Asks the bank now and then. A bank that is down does not matter as long as a key is pinned."""

    def __init__(self, bank_url: str) -> None:
        self._url = bank_url
        self._point = b""
        self._asked_at = float("-inf")

    async def point(self, pool: Pool, now: datetime) -> bytes | VaultRefusal:
        """The pinned key's point."""
        if self._point and time.monotonic() - self._asked_at < ASK_AGAIN_SECONDS:
            return self._point
        shown = await fetch(self._url)
        async with pool.acquire() as conn:
            if shown is not None:
                await conn.execute(store.queries.pin_bank_key, envelopes.key_id_of(shown), shown, now)
            pinned = await store.bank_key(conn)
        if pinned is None:
            return VaultRefusal.BANK_KEY_UNKNOWN
        if shown is not None and shown != pinned.point:
            self._point = b""
            return VaultRefusal.BANK_KEY_CHANGED
        if shown is not None:
            self._point, self._asked_at = shown, time.monotonic()
        return pinned.point


async def fetch(bank_url: str) -> bytes | None:
    """The key that the bank shows now; None when it does not answer, or with something else."""
    # Takes its time to be imported, and a vault that nobody pays from never needs it.
    import httpx2

    try:
        async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False) as client:
            answer = await client.get(f"{bank_url}/api/card-key")
        shown = msgspec.json.decode(answer.content[:LARGEST_ANSWER], type=_Shown)
        point = from_base64url(shown.point)
    except (httpx2.HTTPError, msgspec.MsgspecError, ValueError):
        return None
    fits = answer.is_success and envelopes.is_point(point) and envelopes.key_id_of(point) == shown.key_id
    return point if fits else None


async def accept(conn: Connection, point: bytes, now: datetime) -> None:
    """On an operator's word this is the bank's key from now on."""
    await conn.execute(store.queries.accept_bank_key, envelopes.key_id_of(point), point, now)
