"""Notices: what the house has told a party, written in the transaction of what happened, shown at `/notices`.

The text is the catalogue's `notice.<kind>` with the stored parameters, so that it reads in the party's language of today.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct, convert

from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Connection

_QUERIES = load_queries("market", "notices")
PAGE_SIZE = 50


class Notice(Struct, frozen=True, kw_only=True):
    """One notice to one party. `link` is a path of this house."""

    id: int
    kind: str
    params: dict[str, str | int]
    link: str
    created_at: datetime
    read_at: datetime | None


async def notify(
    conn: Connection,
    party_ids: Sequence[int],
    kind: str,
    params: Mapping[str, str | int],
    link: str,
    now: datetime,
) -> None:
    """The same notice to each of `party_ids`, in one statement. `link` must start with a single slash."""
    if party_ids:
        await conn.execute(_QUERIES.insert_notices, list(party_ids), kind, dict(params), link, now)


class Told(Struct, frozen=True, kw_only=True):
    """One of many notices that are told together."""

    party_id: int
    kind: str
    params: Mapping[str, str | int]
    link: str


async def notify_each(conn: Connection, told: Sequence[Told], now: datetime) -> None:
    """Many notices, to each party its own, in one statement."""
    if told:
        columns = zip(*((one.party_id, one.kind, one.params, one.link) for one in told), strict=True)
        await conn.execute(_QUERIES.insert_each_notice, *columns, now)


async def notices_of(conn: Connection, party_id: int, *, before_id: int | None = None) -> list[Notice]:
    """A page of the party's notices, newest first."""
    rows = await conn.fetch(_QUERIES.notices_of, party_id, before_id, PAGE_SIZE)
    return [convert(dict(row), Notice) for row in rows]


async def read(conn: Connection, notice_id: int, party_id: int, now: datetime) -> str | None:
    """Mark one as read; its link, or None when it is not the party's."""
    link: str | None = await conn.fetchval(_QUERIES.read_notice, notice_id, party_id, now)
    return link


async def read_all(conn: Connection, party_id: int, now: datetime) -> None:
    """Mark everything as read."""
    await conn.execute(_QUERIES.read_all_notices, party_id, now)
