"""API tokens: `gh_` and 32 random bytes, shown once, stored as SHA-256. A token is its party, with the party's roles."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import TYPE_CHECKING

from msgspec import Struct, convert

from market import audit
from market.refusals import MarketRefusal
from market.viewer import Viewer
from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Connection

_QUERIES = load_queries("market", "sessions")
PREFIX = "gh_"
MOST = 20
LONGEST_NAME = 60
TOUCH_EVERY = timedelta(minutes=1)


class Token(Struct, frozen=True, kw_only=True):
    """A token as its owner sees it afterwards."""

    id: int
    name: str
    last_four: str
    created_at: datetime
    last_used_at: datetime | None


async def create_token(conn: Connection, party_id: int, name: str, now: datetime) -> str | MarketRefusal:
    """A new token; the only time that its text is known. A refusal always is a MarketRefusal, a token starts `gh_`."""
    plain = " ".join(name.split())
    if not 1 <= len(plain) <= LONGEST_NAME or not plain.isprintable():
        return MarketRefusal.TOKEN_NAME_MALFORMED
    if len(await tokens_of(conn, party_id)) >= MOST:
        return MarketRefusal.TOO_MANY_TOKENS
    token = PREFIX + token_urlsafe(32)
    token_id = await conn.fetchval(_QUERIES.insert_token, _hash(token), party_id, plain, token[-4:], now)
    await audit.record(conn, party_id, "token.created", f"party:{party_id}", None, {"token": token_id}, now)
    return token


async def viewer_of(conn: Connection, token: str, now: datetime) -> Viewer | None:
    """The viewer behind a bearer token; None when it is unknown, revoked, or the party is disabled."""
    if not token.startswith(PREFIX):
        return None
    row = await conn.fetchrow(_QUERIES.viewer_by_token, _hash(token))
    if row is None:
        return None
    if row["last_used_at"] is None or now - row["last_used_at"] > TOUCH_EVERY:
        await conn.execute(_QUERIES.touch_token, row["token_id"], now)
    return Viewer(
        party_id=row["party_id"],
        roles=frozenset(row["roles"]),
        display_name=row["display_name"],
        language=row["language"],
        token_id=row["token_id"],
        unread_notices=row["unread_notices"],
    )


async def tokens_of(conn: Connection, party_id: int) -> list[Token]:
    """The party's live tokens."""
    return [convert(dict(row), Token) for row in await conn.fetch(_QUERIES.tokens_of, party_id)]


async def revoke(conn: Connection, token_id: int, party_id: int, now: datetime) -> None:
    """One token of the party ends; another's is left alone. The caller closes the party's sockets."""
    await conn.execute(_QUERIES.revoke_token, token_id, party_id, now)
    await audit.record(conn, party_id, "token.revoked", f"party:{party_id}", None, {"token": token_id}, now)


def _hash(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
