"""One-time sign-in links, for a demo, an invitation, or a party who has lost the passphrase. One use, 24 hours."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import TYPE_CHECKING

from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Connection

_QUERIES = load_queries("market", "sessions")
LIFETIME = timedelta(hours=24)


async def create_link(conn: Connection, party_id: int, now: datetime) -> str:
    """The path of a new link; `?next=/path` may be added to it."""
    token = token_urlsafe(32)
    await conn.execute(_QUERIES.insert_link, _hash(token), party_id, now, now + LIFETIME)
    return f"/sign-in/link/{token}"


async def spend(conn: Connection, token: str, now: datetime) -> int | None:
    """Whom the link signs in; None when it is unknown, spent or too old. Of two at once, one gets the party."""
    party_id: int | None = await conn.fetchval(_QUERIES.spend_link, _hash(token), now)
    return party_id


def _hash(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
