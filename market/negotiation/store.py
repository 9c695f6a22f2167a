"""Negotiations, their steps and files in and out of the database: one typed function a query, and no decisions."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct, convert

from market.contracting.terms import canonical, read_terms
from market.evidence_rendering import Evidence, EvidenceKind
from market.negotiation.facts import MOST_FILES, Negotiation, NegotiationState, Step, StepKind
from migrations.queries import load_queries

if TYPE_CHECKING:
    from asyncpg import Record

    from migrations.database import Connection

_queries = load_queries("market", "negotiations")


class NegotiationRow(Struct, frozen=True, kw_only=True):
    """One line of a party's list. The names are the parties' own: whoever shows them minds the post's anonymity."""

    negotiation: Negotiation
    title_en: str
    title_zh: str
    poster_id: int
    anonymous: bool
    seller_name: str
    buyer_name: str
    last_kind: StepKind
    last_author_id: int | None
    lapses_at: datetime | None

    def title(self, lang: str) -> str:
        """The post's title in `lang`, else in the other language."""
        return (self.title_zh or self.title_en) if lang == "zh" else (self.title_en or self.title_zh)


class FileRow(Struct, frozen=True, kw_only=True):
    """A file beside step `n`, without its bytes."""

    id: int
    n: int
    author_id: int
    kind: EvidenceKind
    name: str
    size_bytes: int
    sha256: bytes
    created_at: datetime


async def insert_negotiation(
    conn: Connection, *, post_id: int, opener_id: int, seller_id: int, buyer_id: int, now: datetime
) -> Negotiation | None:
    """A new one, whose first step the caller writes next; None where the opener has one open about this post."""
    row = await conn.fetchrow(_queries.insert_negotiation, post_id, opener_id, seller_id, buyer_id, now)
    return None if row is None else _negotiation(row)


async def negotiation(conn: Connection, negotiation_id: int) -> Negotiation | None:
    """One negotiation."""
    row = await conn.fetchrow(_queries.negotiation, negotiation_id)
    return None if row is None else _negotiation(row)


async def lock_negotiation(conn: Connection, negotiation_id: int) -> Negotiation | None:
    """The same, locked until the transaction ends."""
    row = await conn.fetchrow(_queries.lock_negotiation, negotiation_id)
    return None if row is None else _negotiation(row)


async def move_negotiation(conn: Connection, moved: Negotiation, lapses_at: datetime | None) -> Negotiation:
    """Write where it has come to; `lapses_at` is when the offer that stands runs out."""
    row = await conn.fetchrow(
        _queries.move_negotiation,
        moved.id,
        moved.version,
        moved.moved_at,
        moved.state.value,
        lapses_at,
        moved.contract_id,
    )
    assert row is not None, "it was locked a moment ago"
    return _negotiation(row)


async def insert_step(conn: Connection, negotiation_id: int, step: Step) -> None:
    """Write the next step."""
    await conn.execute(
        _queries.insert_step,
        negotiation_id,
        step.n,
        step.kind.value,
        step.author_id,
        step.at,
        None if step.terms is None else canonical(step.terms),
        step.terms_sha256,
        step.words,
        step.valid_until,
        step.firm,
        step.answers,
    )


async def steps_of(conn: Connection, negotiation_id: int) -> list[Step]:
    """All steps, in order."""
    return [_step(row) for row in await conn.fetch(_queries.steps_of, negotiation_id)]


async def negotiations_of_party(
    conn: Connection, party_id: int, *, state: str | None, post_id: int | None, limit: int, offset: int
) -> tuple[list[NegotiationRow], int]:
    """A part of the party's negotiations, those that moved last first, and how many there are in all."""
    rows = await conn.fetch(_queries.negotiations_of_party, party_id, state, post_id, limit, offset, None)
    return [_line(row) for row in rows], rows[0]["total"] if rows else 0


async def negotiation_of_party(conn: Connection, negotiation_id: int, party_id: int) -> NegotiationRow | None:
    """One negotiation as a line of the party's list; None when it is not the party's."""
    row = await conn.fetchrow(_queries.negotiations_of_party, party_id, None, None, 1, 0, negotiation_id)
    return None if row is None else _line(row)


async def due_negotiation(conn: Connection, now: datetime) -> Negotiation | None:
    """One whose standing offer has run out, locked."""
    row = await conn.fetchrow(_queries.due_negotiation, now)
    return None if row is None else _negotiation(row)


async def next_lapse_at(conn: Connection) -> datetime | None:
    """When the next offer runs out."""
    at: datetime | None = await conn.fetchval(_queries.next_lapse_at)
    return at


async def file_handed_in(conn: Connection, negotiation_id: int, author_id: int, upload_sha256: bytes) -> bool:
    """Whether this person has handed in the same file before."""
    return bool(await conn.fetchval(_queries.file_handed_in, negotiation_id, author_id, upload_sha256))


async def insert_file(
    conn: Connection, negotiation_id: int, n: int, author_id: int, evidence: Evidence, now: datetime
) -> int | None:
    """Lay a file beside step `n`; its id, or None when the negotiation holds as many as it may."""
    found: int | None = await conn.fetchval(
        _queries.insert_file,
        negotiation_id,
        n,
        author_id,
        evidence.kind.value,
        evidence.name,
        len(evidence.content),
        evidence.upload_sha256,
        evidence.content,
        evidence.thumbnail,
        now,
        MOST_FILES,
    )
    return found


async def files_of(conn: Connection, negotiation_id: int) -> list[FileRow]:
    """What lies beside the steps, without the bytes."""
    return [convert(dict(row), FileRow) for row in await conn.fetch(_queries.files_of, negotiation_id)]


async def file_content(conn: Connection, negotiation_id: int, file_id: int, *, small: bool) -> Record | None:
    """Kind, name and bytes of one file of this negotiation; a document has no small picture."""
    return await conn.fetchrow(_queries.file_content, negotiation_id, file_id, small)


async def is_told(conn: Connection, party_id: int, kind: str, link: str) -> bool:
    """Whether the party has such a notice and has not looked at it yet."""
    return bool(await conn.fetchval(_queries.notice_unread, party_id, kind, link))


def _line(row: Record) -> NegotiationRow:
    values = {name: row[name] for name in NegotiationRow.__struct_fields__ if name != "negotiation"}
    values["last_kind"] = StepKind(values["last_kind"])
    return NegotiationRow(negotiation=_negotiation(row), **values)


def _negotiation(row: Record) -> Negotiation:
    values = {name: row[name] for name in Negotiation.__struct_fields__}
    return Negotiation(**{**values, "state": NegotiationState(values["state"])})


def _step(row: Record) -> Step:
    values = dict(row)
    terms = values["terms"]
    return Step(**{**values, "kind": StepKind(values["kind"]), "terms": None if terms is None else read_terms(terms)})
