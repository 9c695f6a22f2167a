"""What has to run under a command before it can do its work: the data folder held, Postgres up, migrations applied.

Used by every command that needs the database; knows nothing of the web server.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from market import data_folder
from market.config import Config
from migrations.database import Address, Role, connect
from migrations.embedded_postgres import EmbeddedPostgres, create_database
from migrations.runner import Migration, migrate

if TYPE_CHECKING:
    from asyncpg import Connection, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The configuration with the database's address in it, and the embedded server if this process runs one."""

    config: Config
    postgres: EmbeddedPostgres | None = None


@contextmanager
def server_database(config: Config) -> Iterator[Running]:
    """For a server: hold the data folder, start the embedded Postgres unless a URL is configured. Main thread only."""
    with data_folder.hold(config.data_dir):
        if config.database_url:
            yield Running(config=replace(config, database=Address(url=config.database_url)))
            return
        with EmbeddedPostgres(config.data_dir) as postgres:
            yield Running(config=replace(config, database=postgres.address), postgres=postgres)


@contextmanager
def command_database(config: Config) -> Iterator[Running]:
    """For a command: the database of the server that runs on this folder, or one started for the moment."""
    if config.database_url:
        yield Running(config=replace(config, database=Address(url=config.database_url)))
        return
    if data_folder.is_held(config.data_dir):
        yield Running(config=replace(config, database=EmbeddedPostgres(config.data_dir).attach()))
        return
    with server_database(config) as running:
        yield running


async def bring_up_to_date(running: Running) -> list[Migration]:
    """Make the embedded database if there is none, and apply what is pending. Raises MigrationError."""
    address = running.config.address
    if running.postgres is not None:
        await create_database(address)
    conn = await connect(address, Role.OWNER)
    try:
        return await migrate(conn)
    finally:
        await conn.close()


async def connect_up_to_date(running: Running) -> Connection[Record]:
    """A connection as the server's role to a database that is certainly migrated; the caller closes it."""
    if running.postgres is not None or running.config.database_url:
        await bring_up_to_date(running)
    return await connect(running.config.address, Role.APP)
