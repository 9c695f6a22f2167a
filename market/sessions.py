"""Sessions: a random token in a cookie, its SHA-256 in the database, and who it makes the viewer.

A sign-in always makes a new token and ends the one that the browser brought, so a planted token never signs anybody in.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import TYPE_CHECKING

from msgspec import Struct, convert
from starlette.responses import Response

from market import audit, fraud_links
from market.fraud_facts import TraitKind, TraitSource
from market.viewer import Viewer
from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Connection

_QUERIES = load_queries("market", "sessions")
COOKIE = "__Host-gavelhouse"
LIFETIME = timedelta(days=30)
IDLE = timedelta(days=7)
TOUCH_EVERY = timedelta(minutes=1)


class Session(Struct, frozen=True, kw_only=True):
    """Where a party is signed in, as the party's own settings show it."""

    id: int
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    user_agent: str
    address: str


async def sign_in(
    conn: Connection,
    party_id: int,
    now: datetime,
    *,
    replaces: str | None = None,
    user_agent: str = "",
    address: str = "",
    device: str = "",
    how: str = "passphrase",
) -> str:
    """A new session's token for the cookie. `replaces` is the token that the browser brought; it ends. `address` and
    `device` are noted, since a seller who bids on his own lots under another name often uses both.
    """
    if replaces:
        await conn.execute(_QUERIES.end_session_by_token, _hash(replaces))
    token = token_urlsafe(32)
    session_id = await conn.fetchval(
        _QUERIES.insert_session, _hash(token), party_id, now, now + LIFETIME, _plain(user_agent, 200), address[:64]
    )
    detail = {"session": session_id, "how": how, "address": address}
    await audit.record(conn, party_id, "session.started", f"party:{party_id}", None, detail, now)
    await fraud_links.seen(conn, party_id, TraitKind.ADDRESS, address, TraitSource.SIGN_IN, now)
    await fraud_links.seen(conn, party_id, TraitKind.DEVICE, device, TraitSource.SIGN_IN, now)
    return token


async def viewer_of(conn: Connection, token: str, now: datetime) -> Viewer | None:
    """The viewer behind a cookie; None when it is unknown, expired, idle too long, or the party is disabled."""
    row = await conn.fetchrow(_QUERIES.viewer_by_session, _hash(token), now, now - IDLE)
    if row is None:
        return None
    if now - row["last_seen_at"] > TOUCH_EVERY:
        await conn.execute(_QUERIES.touch_session, row["session_id"], now)
    return Viewer(
        party_id=row["party_id"],
        roles=frozenset(row["roles"]),
        display_name=row["display_name"],
        language=row["language"],
        session_id=row["session_id"],
        unread_notices=row["unread_notices"],
    )


async def is_good(conn: Connection, viewer: Viewer, now: datetime) -> bool:
    """Whether an open socket's viewer still stands: its session or token lives and its party is not disabled."""
    if viewer.session_id is not None:
        return bool(await conn.fetchval(_QUERIES.session_is_good, viewer.session_id, now))
    if viewer.token_id is not None:
        return bool(await conn.fetchval(_QUERIES.token_is_good, viewer.token_id))
    return not viewer.is_signed_in


async def sessions_of(conn: Connection, party_id: int, now: datetime) -> list[Session]:
    """Where the party is signed in, the latest used first."""
    rows = await conn.fetch(_QUERIES.sessions_of, party_id, now, now - IDLE)
    return [convert(dict(row), Session) for row in rows]


async def end(conn: Connection, session_id: int, party_id: int, now: datetime) -> None:
    """One session of the party ends; another's is left alone. The caller closes the party's sockets."""
    await conn.execute(_QUERIES.end_session, session_id, party_id)
    await audit.record(conn, party_id, "session.ended", f"party:{party_id}", None, {"session": session_id}, now)


async def end_all(conn: Connection, party_id: int, *, but: int | None, now: datetime) -> None:
    """All sessions of the party end, but one. The caller closes the party's sockets."""
    await conn.execute(_QUERIES.end_sessions_of, party_id, but)
    await audit.record(conn, party_id, "session.all_ended", f"party:{party_id}", None, {"but": but}, now)


async def sweep(conn: Connection, now: datetime) -> None:
    """Forget sessions that can't sign anybody in any more, and traits that nobody was seen with for long."""
    await conn.execute(_QUERIES.sweep_sessions, now, now - IDLE)
    await fraud_links.forget_old(conn, now)


def set_cookie(response: Response, token: str) -> None:
    """`__Host-`: this host only, over TLS (or loopback) only, for every path; not readable by scripts."""
    response.set_cookie(
        COOKIE, token, max_age=int(LIFETIME.total_seconds()), path="/", secure=True, httponly=True, samesite="lax"
    )


def clear_cookie(response: Response) -> None:
    """The browser forgets the token."""
    response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")


def _hash(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()


def _plain(text: str, longest: int) -> str:
    return "".join(sign for sign in text if sign.isprintable())[:longest]
