"""The file of a case: messages and evidence of buyer, seller and operators, which all of them read alike.

What stands in it stands for ever; the database refuses any change. Who may open it is the door's question; here is
judged only what may be added, and when. Knows nothing of claims: those are acts of the escrow, shown beside the file.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from escrow.facts import Case, Role
from market import deals_store, notices
from market.evidence_rendering import (
    LARGEST_EVIDENCE_BYTES,
    THUMBNAIL,
    Evidence,
    EvidenceKind,
    EvidenceRefusal,
    render_evidence,
)
from market.photos import off_loop
from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Connection

__all__ = [
    "LARGEST_EVIDENCE_BYTES",
    "CaseFile",
    "CaseFileRefusal",
    "Content",
    "EvidenceRow",
    "MessageRow",
    "add_evidence",
    "add_message",
    "case_file",
    "evidence_content",
    "file_size",
    "may_add",
    "render_off_loop",
]

MOST_MESSAGES = 100
MOST_EVIDENCE = 20
LONGEST_MESSAGE = 4000
_CLOSED = frozenset({"awaiting_payment", "defaulted", "cancelled", "refunded"})

_queries = load_queries("market", "case_files")


class CaseFileRefusal(StrEnum):
    """Why something was not put into a file, in the order tested. The sentence is `market_refusal.<value>`."""

    CLOSED = "case_file_closed"
    NOTHING_SAID = "case_file_nothing_said"
    TOO_LONG = "case_file_too_long"
    ALREADY_THERE = "case_file_already_there"
    FULL = "case_file_full"
    BUSY = "case_file_busy"


class MessageRow(Struct, frozen=True, kw_only=True):
    """One message as everybody reads it."""

    id: int
    author_id: int
    author_role: Role
    author_name: str
    words: str
    created_at: datetime


class EvidenceRow(Struct, frozen=True, kw_only=True):
    """One file without its bytes. `sha256` is of what is handed out, `upload_sha256` of what was handed in."""

    id: int
    author_id: int
    author_role: Role
    author_name: str
    kind: EvidenceKind
    name: str
    size_bytes: int
    width: int | None
    height: int | None
    upload_sha256: bytes
    sha256: bytes
    created_at: datetime


class CaseFile(Struct, frozen=True, kw_only=True):
    """All that was said and shown in a case."""

    messages: tuple[MessageRow, ...]
    evidence: tuple[EvidenceRow, ...]

    @property
    def size(self) -> int:
        return len(self.messages) + len(self.evidence)

    @property
    def entries(self) -> list[MessageRow | EvidenceRow]:
        """Everything by the time at which it came in."""
        return sorted((*self.messages, *self.evidence), key=lambda one: one.created_at)


class Content(Struct, frozen=True, kw_only=True):
    kind: EvidenceKind
    name: str
    content: bytes


def may_add(case: Case) -> bool:
    """From the payment on until the buyer has his money back: also after a release, because a card can be charged back."""
    return case.state not in _CLOSED


async def render_off_loop(upload: bytes, name: str) -> Evidence | EvidenceRefusal | CaseFileRefusal:
    """The evidence that a file is, made in the one thread that decodes photos; BUSY when too many wait there."""
    if upload[:5] == b"%PDF-":
        return await asyncio.to_thread(render_evidence, upload, name)
    done = await off_loop(render_evidence, upload, name)
    return CaseFileRefusal.BUSY if done is None else done


async def add_message(
    conn: Connection, case: Case, *, author_id: int, role: Role, words: str, now: datetime
) -> int | CaseFileRefusal:
    """Write into the file; the message's id."""
    words = words.replace("\r\n", "\n").replace("\x00", "").strip()
    if not may_add(case):
        return CaseFileRefusal.CLOSED
    if not words:
        return CaseFileRefusal.NOTHING_SAID
    if len(words) > LONGEST_MESSAGE:
        return CaseFileRefusal.TOO_LONG
    await conn.execute(_queries.lock_case_file, case.id)
    message_id: int | None = await conn.fetchval(
        _queries.insert_message, case.id, author_id, role.value, words, now, MOST_MESSAGES
    )
    if message_id is None:
        return CaseFileRefusal.FULL
    await _tell_others(conn, case, author_id, now)
    return message_id


async def add_evidence(
    conn: Connection, case: Case, *, author_id: int, role: Role, evidence: Evidence, now: datetime
) -> int | CaseFileRefusal:
    """Hand a file in; its id."""
    if not may_add(case):
        return CaseFileRefusal.CLOSED
    await conn.execute(_queries.lock_case_file, case.id)
    if await conn.fetchval(_queries.evidence_handed_in, case.id, author_id, evidence.upload_sha256) is not None:
        return CaseFileRefusal.ALREADY_THERE
    evidence_id: int | None = await conn.fetchval(
        _queries.insert_evidence,
        case.id,
        author_id,
        role.value,
        evidence.kind.value,
        evidence.name,
        len(evidence.content),
        evidence.width,
        evidence.height,
        evidence.upload_sha256,
        evidence.sha256,
        now,
        MOST_EVIDENCE,
    )
    if evidence_id is None:
        return CaseFileRefusal.FULL
    await conn.execute(_queries.insert_evidence_content, evidence_id, 0, evidence.content)
    if evidence.thumbnail is not None:
        await conn.execute(_queries.insert_evidence_content, evidence_id, THUMBNAIL, evidence.thumbnail)
    await _tell_others(conn, case, author_id, now)
    return evidence_id


async def case_file(conn: Connection, case_id: int) -> CaseFile:
    """The whole file, without the bytes of its evidence."""
    messages = await conn.fetch(_queries.messages_of_case, case_id)
    evidence = await conn.fetch(_queries.evidence_of_case, case_id)
    return CaseFile(
        messages=tuple(msgspec.convert(dict(row), MessageRow) for row in messages),
        evidence=tuple(msgspec.convert(dict(row), EvidenceRow) for row in evidence),
    )


async def file_size(conn: Connection, case_id: int) -> int:
    """How many entries the file has."""
    return int(await conn.fetchval(_queries.file_size, case_id))


async def evidence_content(conn: Connection, case_id: int, evidence_id: int, width: int = 0) -> Content | None:
    """The bytes of one file of this case, whole or (320) small; None when there is no such file in it."""
    row = await conn.fetchrow(_queries.evidence_content, case_id, evidence_id, width)
    return None if row is None else Content(kind=EvidenceKind(row["kind"]), name=row["name"], content=row["content"])


async def _tell_others(conn: Connection, case: Case, author_id: int, now: datetime) -> None:
    """There is something new: told once to each of the others, until he has looked."""
    deal = await deals_store.deal_of_case(conn, case.id)
    assert deal is not None, "a case whose file is open has its contract"
    claim, link = case.claim, f"/deals/{case.id}"
    people = {case.buyer_id, case.seller_id, *((claim.handler_id, claim.arbiter_id) if claim else ())}
    params = deal.named
    for each in sorted(one for one in people if one is not None and one != author_id):
        if not await conn.fetchval(_queries.unread_of_file, each, link):
            await notices.notify(conn, [each], "case_file_added", params, link, now)
