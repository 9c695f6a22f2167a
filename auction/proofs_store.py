"""What the house has signed, in and out of the database: one typed function a query."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from msgspec import Struct

from auction.store import queries

if TYPE_CHECKING:
    from migrations.database import Connection


class SignedHead(Struct, frozen=True):
    """One row: `root` only of the final head, `statement` as it was signed, in JSON."""

    lot_id: int
    seq: int
    at: datetime
    head: bytes
    root: bytes | None
    statement: str


class OwnEvent(Struct, frozen=True, kw_only=True):
    """A party's own bid with the event of its seq; `is_own` if the bid made that event."""

    lot_id: int
    stamped_at: datetime
    amount_minor: int
    is_maximum: bool
    details: bytes | None
    refusal: str | None
    seq: int
    hash: bytes
    is_own: bool
    paddle: int | None


async def keep_signing_key(conn: Connection, public_hex: str, now: datetime) -> None:
    """Remember that the house signs with this key."""
    await conn.execute(queries.insert_signing_key, public_hex, now)


async def signing_keys(conn: Connection) -> list[tuple[str, datetime]]:
    """Every key the house has ever signed with, the newest first."""
    return [(row["public_key"], row["first_used_at"]) for row in await conn.fetch(queries.signing_keys)]


async def keep_heads(conn: Connection, heads: Sequence[SignedHead]) -> None:
    """Store what has been signed; what is there already stays."""
    columns = zip(*((h.lot_id, h.seq, h.at, h.head, h.root, h.statement) for h in heads), strict=True)
    await conn.execute(queries.insert_signed_heads, *map(list, columns))


async def signed_heads(conn: Connection, lot_id: int) -> list[str]:
    """The signed statements of a lot, in order."""
    return [row["statement"] for row in await conn.fetch(queries.signed_heads, lot_id)]


async def final_head(conn: Connection, lot_id: int) -> str | None:
    """The signed statement of a closed lot's final head; None until it is signed."""
    found: str | None = await conn.fetchval(queries.final_head, lot_id)
    return found


async def unsigned_closed(conn: Connection, limit: int) -> list[int]:
    """Closed lots whose final head nobody has signed."""
    return [row["lot_id"] for row in await conn.fetch(queries.unsigned_closed, limit)]


async def log_bodies(conn: Connection, lot_id: int) -> list[bytes]:
    """The exact bytes of every event of a lot, in order."""
    return [row["body"] for row in await conn.fetch(queries.whole_log, lot_id)]


async def own_event(conn: Connection, party_id: int, client_bid_id: UUID) -> OwnEvent | None:
    """The party's bid of this id with its event; None if it was never decided."""
    row = await conn.fetchrow(queries.own_event, party_id, client_bid_id)
    return None if row is None else OwnEvent(**row)
