"""The clock of the outbox: documents go to their recipients' webhooks or folders until they are taken, each at least once.

All it knows is rows: it may be killed at any line and run on several nodes; the recipient knows a message id it has seen.
A CONTRL in the answer to the POST counts like one that is sent to the house.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from asyncpg import PostgresError
from msgspec import structs

from auction.store import CONNECTION_LOST
from market.documents import store
from market.documents.edifact import Interchange, write
from market.documents.edifact_reader import read
from market.documents.folders import Folders
from market.documents.receiving import Desk, receive
from market.documents.records import Party
from market.documents.steps import qualifier
from market.documents.store import Channel, Claimed, Format
from market.documents.webhooks import Courier, UnreachableError, secret_of

if TYPE_CHECKING:
    from asyncpg import Record as Row

    from market.documents.store import Partner
    from migrations.database import Connection, Pool

LONGEST_SLEEP_SECONDS = 1.0
MOST_ATTEMPTS = 60
_CLAIM = timedelta(seconds=60)
"""For how long a claimed delivery belongs to its sender; a killed one only delays it by this."""
_LONGEST_WAIT = timedelta(hours=1)
_log = structlog.get_logger("gavelhouse")


class Outbox:
    """`run` it once in the house's task group."""

    def __init__(
        self, pool: Pool, now: Callable[[], datetime], courier: Courier, folders: Folders, desk: Desk, secret_key: str
    ) -> None:
        self._pool = pool
        self._now = now
        self._courier = courier
        self._folders = folders
        self._desk = desk
        self._secret_key = secret_key

    async def run(self) -> None:
        """Send what is due, for ever."""
        try:
            while True:
                wait = LONGEST_SLEEP_SECONDS
                try:
                    while await self.send_one():
                        pass
                    async with self._pool.acquire() as conn:
                        next_at = await store.next_delivery_at(conn)
                    if next_at is not None:
                        wait = min(wait, (next_at - self._now()).total_seconds())
                except (*CONNECTION_LOST, PostgresError) as error:
                    _log.warning("the documents' outbox could not look", error=repr(error))
                except Exception:  # Whatever one partner answers, the others' documents go on; its own is tried again.
                    _log.exception("a document could not be sent")
                await asyncio.sleep(max(wait, 0.05))
        finally:
            with suppress(Exception):
                await self._courier.close()

    async def send_one(self) -> bool:
        """Send one document that is due, outside of any transaction; False when none is."""
        now = self._now()
        async with self._pool.acquire() as conn:
            claimed = await store.claim_delivery(conn, now, now + _CLAIM)
            if claimed is None:
                return False
            if claimed.attempts > MOST_ATTEMPTS:
                await store.give_up_delivery(conn, claimed.document_id, "")
                return True
            row = await store.document(conn, claimed.document_id)
            partner = await store.partner(conn, claimed.party_id)
        assert row is not None and partner is not None, "a delivery has its document, and its party its address"
        try:
            answer = await self._handed(row, partner)
        except UnreachableError as error:
            async with self._pool.acquire() as conn:
                await self._failed(conn, claimed, str(error))
            return True
        async with self._pool.acquire() as conn, conn.transaction():
            await store.delivery_sent(conn, claimed.document_id, self._now(), "")
            await self._hear(conn, claimed, answer)
        return True

    async def _handed(self, row: Row, partner: Partner) -> bytes:
        """Hand it over the way that the partner has now; what it answered. Raises UnreachableError."""
        body = body_for(row, partner)
        if partner.channel is Channel.FOLDER:
            name = f"{row['reference']}.{'xml' if partner.format is Format.UBL else 'edi'}"
            await asyncio.to_thread(self._folders.put, partner.party_id, name, body)
            return b""
        secret = secret_of(self._secret_key, partner)
        return await self._courier.post(partner, secret, f"document-{row['id']}", body)

    async def _failed(self, conn: Connection, claimed: Claimed, said: str) -> None:
        if claimed.attempts >= MOST_ATTEMPTS:
            await store.give_up_delivery(conn, claimed.document_id, said[:500])
            return
        wait = min(timedelta(seconds=2 ** min(claimed.attempts - 1, 12)), _LONGEST_WAIT)
        await store.postpone_delivery(conn, claimed.document_id, self._now() + wait, said[:500])
        _log.info("a partner did not take a document", document=claimed.document_id, said=said)

    async def _hear(self, conn: Connection, claimed: Claimed, answer: bytes) -> None:
        """An acknowledgement may stand in the answer itself; whatever else stands there is passed over."""
        if not answer.strip():
            return
        form = Format.UBL if answer.lstrip()[:1] == b"<" else Format.EDIFACT
        if form is Format.EDIFACT and not answer.lstrip().startswith((b"UNA", b"UNB")):
            return
        if form is Format.EDIFACT and any(message.type != "CONTRL" for message in read(answer).messages):
            return
        if form is Format.UBL and b"ApplicationResponse" not in answer[:2000]:
            return
        await receive(conn, self._desk, claimed.party_id, form, answer, self._now())


def body_for(row: Row, partner: Partner) -> bytes:
    """The document as this partner reads it: in its format, its interchange addressed to the partner's own code."""
    if partner.format is Format.UBL:
        xml: bytes = row["xml"]
        return xml
    edifact: bytes = row["edifact"]
    reading = read(edifact)
    assert reading.envelope is not None and not reading.flaws, "what the house wrote it can read"
    to = Party(code=partner.code, agency=partner.agency)
    envelope = structs.replace(reading.envelope, recipient=to.code, recipient_qualifier=qualifier(to))
    return write(Interchange(envelope=envelope, messages=reading.messages))
