"""The clock of the outbox: documents go to their recipients' webhooks or folders until they are taken, each at least once,
and once more when nobody says what became of them.

All it knows is rows: it may be killed at any line and run on several nodes; the recipient knows a message id it has seen.
A partner has one document on its way at a time, the oldest first, and after a failure it rests: so a dead, slow or full one
holds up nobody else. A CONTRL in the answer to the POST counts like one that is sent to the house.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from asyncpg import PostgresError
from msgspec import Struct, structs

from auction.store import CONNECTION_LOST
from market import notices
from market.documents import store
from market.documents.edifact import Interchange, write
from market.documents.edifact_reader import read
from market.documents.folders import Folders
from market.documents.making import qualifier
from market.documents.receiving import Desk, receive
from market.documents.records import Party
from market.documents.store import Channel, Claimed, Format
from market.documents.webhooks import Courier, NotTakenError, UnreachableError, secret_of

if TYPE_CHECKING:
    from asyncpg import Record as Row

    from market.documents.store import Partner
    from migrations.database import Connection, Pool

LOOK_SECONDS = 1.0
AT_ONCE = 16
"""So many partners are served at the same time."""
TRIED_FOR = timedelta(days=3)
"""What was not taken in this time is given up, and its recipient told."""
_TOO_OLD = TRIED_FOR + timedelta(days=1)
"""Whatever goes wrong before it can be written down: so old a document is not tried any more."""
ANSWER_IN = (timedelta(hours=1), timedelta(hours=5), timedelta(hours=18), timedelta(hours=24))
"""How long an answer is waited for: from the first time that it was taken, and from each further one. So it goes again after an
hour, six hours and a day; and a day after that its recipient is told.
"""
_CLAIM = timedelta(seconds=60)
"""For how long a partner belongs to its sender; a killed one only delays it by this."""
_LONGEST_REST = timedelta(hours=1)
_LONGEST_REST_OF_REACHED = timedelta(minutes=1)
"""Who answers, but not with yes, may well take the next document."""
_HANDFUL = 100
_MISS_EVERY = timedelta(seconds=20)
"""How often answers that stay out are looked for."""
_log = structlog.get_logger("gavelhouse")


class _Job(Struct, frozen=True):
    """A document on its way, and how often in a row its partner has not taken one."""

    claimed: Claimed
    row: Row
    partner: Partner
    failures: int


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
        self._misses_at = now()
        self._under_way: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Send what is due, to several partners at once, for ever."""
        landed = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    landed.clear()
                    await self._start_what_is_due(group, landed)
                    with suppress(TimeoutError):
                        async with asyncio.timeout(LOOK_SECONDS):
                            await landed.wait()
        finally:
            with suppress(Exception):
                await self._courier.close()

    async def _start_what_is_due(self, group: asyncio.TaskGroup, landed: asyncio.Event) -> None:
        try:
            if self._now() >= self._misses_at:
                await self.miss_answers()
                self._misses_at = self._now() + _MISS_EVERY
            while len(self._under_way) < AT_ONCE and (job := await self._next()) is not None:
                task = group.create_task(self._carried(job), name=f"document {job.claimed.document_id}")
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)
                task.add_done_callback(lambda _: landed.set())
        except (*CONNECTION_LOST, PostgresError) as error:
            _log.warning("the documents' outbox could not look", error=repr(error))
        except Exception:
            _log.exception("the documents' outbox could not look")

    async def _carried(self, job: _Job) -> None:
        try:
            await self._carry(job)
        except (*CONNECTION_LOST, PostgresError) as error:
            _log.warning("a document's delivery could not be written down", error=repr(error))
        except Exception:  # Whatever one partner answers, the others' documents go on; its own is tried again.
            _log.exception("a document could not be sent", document=job.claimed.document_id)

    async def send_one(self) -> bool:
        """Send one document that is due, outside of any transaction; False when none is."""
        job = await self._next()
        if job is not None:
            await self._carry(job)
        return job is not None

    async def _next(self) -> _Job | None:
        now = self._now()
        async with self._pool.acquire() as conn, conn.transaction():
            turn = await store.claim_turn(conn, now, now + _CLAIM)
            claimed = None if turn is None else await store.claim_delivery(conn, turn.party_id, now, now + _CLAIM)
            if turn is None or claimed is None:
                return None
            row = await store.document(conn, claimed.document_id)
            partner = await store.partner(conn, claimed.party_id)
        assert row is not None and partner is not None, "a delivery has its document, and its party its address"
        return _Job(claimed, row, partner, turn.failures)

    async def _carry(self, job: _Job) -> None:
        if job.claimed.attempts > 1 and job.claimed.queued_at <= self._now() - _TOO_OLD:
            async with self._pool.acquire() as conn, conn.transaction():
                await self._failed(conn, job, UnreachableError(job.row["said"]))
            return
        try:
            answer = await self._handed(job.row, job.partner)
        except UnreachableError as error:
            async with self._pool.acquire() as conn, conn.transaction():
                await self._failed(conn, job, error)
            return
        now = self._now()
        async with self._pool.acquire() as conn, conn.transaction():
            remind_at = now + ANSWER_IN[min(job.row["resent"], len(ANSWER_IN) - 1)]
            await store.delivery_sent(conn, job.claimed.document_id, now, remind_at)
            await store.end_turn(conn, job.partner, now, 0)
        if answer.strip():  # Whatever is wrong with what it says beside that, it has the document.
            async with self._pool.acquire() as conn, conn.transaction():
                await self._hear(conn, job.claimed, answer)

    async def miss_answers(self) -> int:
        """Send again what was not answered in time; tell whose system stays silent. How many documents that was."""
        now, most = self._now(), len(ANSWER_IN) - 1
        async with self._pool.acquire() as conn, conn.transaction():
            again = await store.send_unanswered(conn, now, most, _HANDFUL)
            silent = await store.unanswered(conn, now, most, _HANDFUL)
            for each in silent:
                said: dict[str, str | int] = {
                    "kind": each.kind.upper(),
                    "number": each.number,
                    "times": each.resent + 1,
                }
                link = f"/documents/{each.document_id}"
                await notices.notify(conn, [each.party_id], "document_unanswered", said, link, now)
        return again + len(silent)

    async def _handed(self, row: Row, partner: Partner) -> bytes:
        """Hand it over the way that the partner has now; what it answered. Raises UnreachableError."""
        body = body_for(row, partner)
        if partner.channel is Channel.FOLDER:
            name = f"{row['reference']}.{'xml' if partner.format is Format.UBL else 'edi'}"
            await asyncio.to_thread(self._folders.put, partner.party_id, name, body)
            return b""
        secret = secret_of(self._secret_key, partner)
        return await self._courier.post(partner, secret, f"document-{row['id']}", body, self._now())

    async def _failed(self, conn: Connection, job: _Job, error: UnreachableError) -> None:
        """The document waits by itself, its partner by how often in a row it has failed; after days both are given up."""
        now, said, claimed = self._now(), str(error)[:500], job.claimed
        is_reached, asked = isinstance(error, NotTakenError), getattr(error, "wait", None) or timedelta(0)
        longest = _LONGEST_REST_OF_REACHED if is_reached else _LONGEST_REST
        rest = max(min(_backed_off(job.failures), longest), asked)
        await store.end_turn(conn, job.partner, now + rest, job.failures + 1)
        wait = max(min(_backed_off(claimed.attempts - 1), _LONGEST_REST), asked)
        await store.postpone_delivery(conn, claimed.document_id, now + wait, said)
        _log.info("a partner did not take a document", document=claimed.document_id, said=said)
        too_old = now - TRIED_FOR
        if claimed.queued_at > too_old:
            return
        lost = int(await store.give_up_delivery(conn, claimed.document_id, said))
        if not is_reached:
            lost += await store.give_up_older(conn, claimed.party_id, too_old, said)
        if lost:
            await notices.notify(conn, [claimed.party_id], "documents_not_taken", {"count": lost}, "/partners", now)

    async def _hear(self, conn: Connection, claimed: Claimed, answer: bytes) -> None:
        """An acknowledgement may stand in the answer itself; whatever else stands there is passed over."""
        form = Format.UBL if answer.lstrip()[:1] == b"<" else Format.EDIFACT
        if form is Format.EDIFACT and not answer.lstrip().startswith((b"UNA", b"UNB")):
            return
        if form is Format.EDIFACT and any(message.type != "CONTRL" for message in read(answer).messages):
            return
        if form is Format.UBL and b"ApplicationResponse" not in answer[:2000]:
            return
        await receive(conn, self._desk, claimed.party_id, form, answer, self._now())


def _backed_off(times: int) -> timedelta:
    return timedelta(seconds=2 ** min(times, 12))


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
