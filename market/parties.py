"""Parties: who may be known to the house, and under what name, address, language and roles.

Each function is part of one transaction and takes `conn` first. Hashing is done before, in `market.passphrases`.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from typing import TYPE_CHECKING

from asyncpg import UniqueViolationError
from msgspec import Struct, convert

from market import audit
from market.passphrases import Passphrases
from market.refusals import MarketRefusal
from market.viewer import LANGUAGES, MEMBER, OPERATOR
from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Connection

_QUERIES = load_queries("market", "parties")
_EMAIL = re.compile(r"[^\s@<>()\[\]:;,\\\"]{1,64}@[^\s@<>()\[\]:;,\\\"]{1,190}")
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
LONGEST_NAME = 60


class Party(Struct, frozen=True, kw_only=True):
    """A party without its secrets."""

    id: int
    email: str
    display_name: str
    language: str
    roles: tuple[str, ...]
    created_at: datetime
    disabled_at: datetime | None
    barred_at: datetime | None
    barred_reason: str | None


def plain_email(typed: str) -> str | MarketRefusal:
    """The one form in which an address is stored and looked up: trimmed, NFC, case-folded."""
    email = unicodedata.normalize("NFC", unicodedata.normalize("NFC", typed.strip()).casefold())
    if len(email) > 254 or not _EMAIL.fullmatch(email) or any(unicodedata.category(c) in _UNSEEN for c in email):
        return MarketRefusal.EMAIL_MALFORMED
    if ".." in email or "." not in email.rpartition("@")[2].strip("."):
        return MarketRefusal.EMAIL_MALFORMED
    return email


def plain_name(typed: str) -> str | MarketRefusal:
    """A name as others will see it: NFC, single spaces, nothing invisible (no bidi overrides, no zero widths)."""
    name = " ".join(unicodedata.normalize("NFC", typed).split(" ")).strip()
    if not 1 <= len(name) <= LONGEST_NAME or any(unicodedata.category(c) in _UNSEEN for c in name):
        return MarketRefusal.DISPLAY_NAME_MALFORMED
    return re.sub(r"\s+", " ", name)


async def register(
    conn: Connection, *, email: str, display_name: str, language: str, passphrase_phc: str | None, now: datetime
) -> int | MarketRefusal:
    """A new member; its id. `email` and `display_name` as typed: they are normalised and judged here."""
    key = plain_email(email)
    if isinstance(key, MarketRefusal):
        return key
    name = plain_name(display_name)
    if isinstance(name, MarketRefusal):
        return name
    if language not in LANGUAGES:
        return MarketRefusal.LANGUAGE_UNKNOWN
    try:
        async with conn.transaction():
            party_id: int = await conn.fetchval(_QUERIES.insert_party, key, name, language, passphrase_phc, now)
    except UniqueViolationError:
        return MarketRefusal.EMAIL_TAKEN
    await audit.record(conn, party_id, "party.registered", f"party:{party_id}", None, {}, now)
    return party_id


async def party_by_id(conn: Connection, party_id: int) -> Party | None:
    """The party, or None."""
    row = await conn.fetchrow(_QUERIES.party_by_id, party_id)
    return convert(dict(row), Party) if row else None


async def party_by_email(conn: Connection, email: str) -> Party | None:
    """The party of an address as typed, or None."""
    key = plain_email(email)
    row = None if isinstance(key, MarketRefusal) else await conn.fetchrow(_QUERIES.party_by_email, key)
    return convert(dict(row), Party) if row else None


async def parties(conn: Connection, limit: int = 1000) -> list[Party]:
    """The newest parties first."""
    return [convert(dict(row), Party) for row in await conn.fetch(_QUERIES.parties, limit)]


async def prove(conn: Connection, passphrases: Passphrases, email: str, passphrase: str) -> int | None:
    """Whose address and passphrase these are; None for a wrong one and for no such account, with the same work.

    `conn` is used only before and after the hashing; a hash made with older parameters is renewed.
    """
    key = plain_email(email)
    row = None if isinstance(key, MarketRefusal) else await conn.fetchrow(_QUERIES.passphrase_of_email, key)
    phc: str | None = row["passphrase_phc"] if row else None
    if not await passphrases.verify(passphrase, phc):
        return None
    assert row is not None and phc is not None, "a passphrase is right only against a stored hash"
    if passphrases.is_outdated(phc):
        await conn.execute(_QUERIES.set_passphrase, row["id"], await passphrases.hash(passphrase))
    return int(row["id"])


async def passphrase_is(conn: Connection, passphrases: Passphrases, party_id: int, passphrase: str) -> bool:
    """The step-up: the passphrase asked again, good for the one act of this request."""
    return await passphrases.verify(passphrase, await conn.fetchval(_QUERIES.passphrase_of_party, party_id))


async def has_passphrase(conn: Connection, party_id: int) -> bool:
    """False for a party that has only ever signed in by link."""
    return bool(await conn.fetchval(_QUERIES.has_passphrase, party_id))


async def change_passphrase(conn: Connection, party_id: int, passphrase_phc: str, now: datetime) -> None:
    """A new hash. The caller ends the party's other sessions and sockets."""
    await conn.execute(_QUERIES.set_passphrase, party_id, passphrase_phc)
    await audit.record(conn, party_id, "party.passphrase_changed", f"party:{party_id}", None, {}, now)


async def change_profile(conn: Connection, party_id: int, *, display_name: str, language: str) -> MarketRefusal | None:
    """A new name and language; None when they stand."""
    name = plain_name(display_name)
    if isinstance(name, MarketRefusal):
        return name
    if language not in LANGUAGES:
        return MarketRefusal.LANGUAGE_UNKNOWN
    await conn.execute(_QUERIES.set_profile, party_id, name, language)
    return None


async def make_operator(conn: Connection, party_id: int, actor_id: int | None, now: datetime) -> None:
    """Give the operator's role. `actor_id` None: given at the command line. The caller closes the party's sockets."""
    await _set_roles(conn, party_id, [MEMBER, OPERATOR], actor_id, now)


async def make_member(conn: Connection, party_id: int, actor_id: int | None, now: datetime) -> None:
    """Take the operator's role away."""
    await _set_roles(conn, party_id, [MEMBER], actor_id, now)


async def disable(conn: Connection, party_id: int, actor_id: int | None, reason: str, now: datetime) -> None:
    """The party can't sign in, and is signed out by the next request: a session of a disabled party opens nothing."""
    await conn.execute(_QUERIES.disable_party, party_id, now)
    await audit.record(conn, actor_id, "party.disabled", f"party:{party_id}", reason, {}, now)


async def bar(conn: Connection, party_id: int, actor_id: int | None, reason: str, now: datetime) -> None:
    """The party is admitted to no further lot."""
    await conn.execute(_QUERIES.bar_party, party_id, now, reason)
    await audit.record(conn, actor_id, "party.barred", f"party:{party_id}", reason, {}, now)


async def unbar(conn: Connection, party_id: int, actor_id: int | None, reason: str, now: datetime) -> None:
    """The bar is lifted."""
    await conn.execute(_QUERIES.unbar_party, party_id)
    await audit.record(conn, actor_id, "party.unbarred", f"party:{party_id}", reason, {}, now)


async def _set_roles(conn: Connection, party_id: int, roles: list[str], actor_id: int | None, now: datetime) -> None:
    await conn.execute(_QUERIES.set_roles, party_id, roles)
    await audit.record(conn, actor_id, "party.roles_changed", f"party:{party_id}", None, {"roles": roles}, now)
