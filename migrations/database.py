"""Connections to the house's Postgres: where it is, as which role, and how values travel.

Every connection has the jsonb codec (any msgspec-encodable value in, plain Python out) and speaks UTC. This module
knows roles and addresses; it knows no table.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg
import msgspec

if TYPE_CHECKING:
    from asyncpg import Record
    from asyncpg.pool import PoolConnectionProxy

    Connection: TypeAlias = asyncpg.Connection[Record] | PoolConnectionProxy[Record]
    Pool: TypeAlias = asyncpg.Pool[Record]


DATABASE_NAME = "gavelhouse"
OWNER_LOGIN = "gavelhouse_owner"


class Role(StrEnum):
    """Whom a connection acts as. The owner migrates and owns; the server, the sandbox bank and the vault only use."""

    OWNER = "gavelhouse_owner"
    APP = "gavelhouse_app"
    BANK = "gavelhouse_bank"
    VAULT = "gavelhouse_vault"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the database is: a URL of one's own server, or the socket folder of the embedded one.

    On the embedded server each role logs in under its own name. By URL the one login takes on the role at the start of
    each connection, so that the same grants bind it; the owner stays what the URL says.
    """

    url: str | None = None
    socket_folder: Path | None = None
    database: str = DATABASE_NAME

    def parameters(self, role: Role) -> dict[str, Any]:
        """What `asyncpg.connect` needs to arrive there as `role`."""
        settings = {"TimeZone": "UTC", "jit": "off", "application_name": "gavelhouse"}
        if self.url is not None:
            if role is not Role.OWNER:
                settings["role"] = role.value
            return {"dsn": self.url, "server_settings": settings}
        return {
            "host": str(self.socket_folder),
            "port": 5432,
            "user": role.value,
            "database": self.database,
            "server_settings": settings,
        }

    def with_database(self, database: str) -> Address:
        """The same server, another database on it."""
        if self.url is None:
            return replace(self, database=database)
        return replace(self, url=urlunsplit(urlsplit(self.url)._replace(path=f"/{database}")), database=database)

    def as_url(self, role: Role = Role.APP) -> str:
        """A URL that a child process can be given in its environment, and that psql understands."""
        if self.url is not None:
            return self.url
        return f"postgresql://{role.value}@/{self.database}?host={quote(str(self.socket_folder), safe='')}&port=5432"


async def connect(address: Address, role: Role = Role.APP) -> asyncpg.Connection[Record]:
    """One connection, prepared as every connection of the house is. Raises asyncpg's and OS errors unchanged."""
    connection: asyncpg.Connection[Record] = await asyncpg.connect(**address.parameters(role))
    await prepare_connection(connection)
    return connection


async def create_pool(
    address: Address, role: Role = Role.APP, *, min_size: int = 2, max_size: int = 10
) -> asyncpg.Pool[Record]:
    """An opened pool of prepared connections; the caller closes it."""
    pool = asyncpg.create_pool(
        **address.parameters(role), min_size=min_size, max_size=max_size, init=prepare_connection
    )
    return await pool


async def prepare_connection(connection: Any) -> None:
    """Set the json codecs. jsonb travels in its binary form, which is a version byte before the text."""
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", format="binary", encoder=_encode_jsonb, decoder=_decode_jsonb
    )
    await connection.set_type_codec(
        "json", schema="pg_catalog", format="binary", encoder=msgspec.json.encode, decoder=msgspec.json.decode
    )


def _encode_jsonb(value: object) -> bytes:
    return b"\x01" + msgspec.json.encode(value)


def _decode_jsonb(wire: bytes) -> Any:
    return msgspec.json.decode(wire[1:])
