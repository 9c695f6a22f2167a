"""Certificates, revocations and lists in and out of the database: one typed function a query."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from market.contracting.authority import Leaf, Revoked
from migrations.queries import load_queries

if TYPE_CHECKING:
    from asyncpg import Record

    from migrations.database import Connection

_queries = load_queries("market", "pki")


class Certificate(Struct, frozen=True, kw_only=True):
    """A party's certificate, and since when it is revoked."""

    serial: str
    party_id: int
    authority: bytes
    holder: str
    public_key: bytes
    der: bytes
    not_before: datetime
    not_after: datetime
    issued_at: datetime
    revoked_at: datetime | None
    reason: str | None
    party_name: str = ""

    def is_good(self, at: datetime) -> bool:
        """Whether it can sign at this moment."""
        return self.revoked_at is None and self.not_before <= at <= self.not_after

    def state(self, at: datetime) -> str:
        if self.revoked_at is not None:
            return "revoked"
        return "good" if at <= self.not_after else "expired"


class RevocationList(Struct, frozen=True, kw_only=True):
    number: int
    der: bytes
    this_update: datetime
    next_update: datetime


async def insert_authority(conn: Connection, public_key: bytes, der: bytes, now: datetime) -> None:
    await conn.execute(_queries.insert_authority, public_key, der, now)


async def authority(conn: Connection, public_key: bytes) -> bytes | None:
    found: bytes | None = await conn.fetchval(_queries.authority, public_key)
    return found


async def insert_certificate(
    conn: Connection, leaf: Leaf, party_id: int, authority_key: bytes, holder: str, now: datetime
) -> None:
    await conn.execute(
        _queries.insert_certificate,
        leaf.serial,
        party_id,
        authority_key,
        holder,
        leaf.public_key,
        leaf.der,
        leaf.not_before,
        leaf.not_after,
        now,
    )


async def certificate(conn: Connection, serial: str) -> Certificate | None:
    row = await conn.fetchrow(_queries.certificate, serial)
    return None if row is None else _read(row)


async def held_certificate(conn: Connection, serial: str) -> Certificate | None:
    """The certificate as it is and stays until the transaction ends: a revocation waits."""
    await conn.execute(_queries.hold_certificate, serial)
    return await certificate(conn, serial)


async def certificates_of(conn: Connection, party_id: int) -> list[Certificate]:
    return [_read(row) for row in await conn.fetch(_queries.certificates_of_party, party_id)]


async def certificates(
    conn: Connection, sought: str | None, *, limit: int, offset: int
) -> tuple[list[Certificate], int]:
    """A part of everybody's certificates, and how many there are in all; `sought`: a serial, or a part of a name."""
    rows = await conn.fetch(_queries.certificates, sought or None, limit, offset)
    return [_read(row) for row in rows], rows[0]["total"] if rows else 0


async def key_in_use(conn: Connection, public_key: bytes, party_id: int) -> bool:
    found: bool = await conn.fetchval(_queries.key_in_use, public_key, party_id)
    return found


async def insert_revocation(conn: Connection, serial: str, now: datetime, by: int, reason: str, note: str) -> bool:
    """False when it was revoked before."""
    await conn.execute(_queries.take_certificate, serial)
    return await conn.fetchval(_queries.insert_revocation, serial, now, by, reason, note) is not None


async def revoked(conn: Connection, authority_key: bytes) -> list[Revoked]:
    return [msgspec.convert(dict(row), Revoked) for row in await conn.fetch(_queries.revoked, authority_key)]


async def lock_lists(conn: Connection) -> None:
    await conn.execute(_queries.lock_lists)


async def latest_list(conn: Connection, authority_key: bytes) -> RevocationList | None:
    row = await conn.fetchrow(_queries.latest_list, authority_key)
    return None if row is None else msgspec.convert(dict(row), RevocationList)


async def list_by_number(conn: Connection, authority_key: bytes, number: int) -> bytes:
    found: bytes = await conn.fetchval(_queries.list_by_number, authority_key, number)
    return found


async def insert_list(conn: Connection, authority_key: bytes, one: RevocationList) -> None:
    await conn.execute(_queries.insert_list, authority_key, one.number, one.der, one.this_update, one.next_update)


def _read(row: Record) -> Certificate:
    return msgspec.convert({name: row[name] for name in Certificate.__struct_fields__ if name in row}, Certificate)
