"""The audit trail: who did what to what, and why. Written in the transaction of the act; the table is append-only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct, convert

from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Connection

_QUERIES = load_queries("market", "notices")


class Entry(Struct, frozen=True, kw_only=True):
    """One line of the trail. `actor_id` None: the house itself, or its command line."""

    id: int
    at: datetime
    actor_id: int | None
    actor_name: str | None
    act: str
    subject: str
    reason: str | None
    detail: dict[str, Any]


async def record(
    conn: Connection,
    actor_id: int | None,
    act: str,
    subject: str,
    reason: str | None,
    detail: Mapping[str, object],
    now: datetime,
) -> None:
    """Write one line. `act` is `area.past_tense`, `subject` is `kind:id`; no secrets in `detail`."""
    await conn.execute(_QUERIES.insert_audit, now, actor_id, act, subject, reason, dict(detail))


async def entries_of(conn: Connection, subject: str) -> list[Entry]:
    """What was done to `subject`, oldest first."""
    return [convert(dict(row), Entry) for row in await conn.fetch(_QUERIES.audit_of_subject, subject)]


async def page(conn: Connection, *, before_id: int | None, limit: int) -> list[Entry]:
    """The trail, newest first, below `before_id`."""
    return [convert(dict(row), Entry) for row in await conn.fetch(_QUERIES.audit_page, before_id, limit)]
