"""What the doctor sees of the database: connection, durability, migrations, roles, clock."""

from __future__ import annotations

import asyncio
import time

import asyncpg

from market import data_folder
from market.config import Config
from market.doctor import Finding
from market.doctor.vault import examine_vault
from market.running import Running, command_database
from market.sentences import sentence_of
from migrations.database import Address, Role, connect
from migrations.embedded_postgres import EmbeddedPostgresError, create_database
from migrations.postgres_binaries import LOWEST_VERSION
from migrations.runner import MigrationError, migration_state

LARGEST_CLOCK_DIFFERENCE_SECONDS = 2.0


def database_findings(config: Config) -> list[Finding]:
    """The findings about the database, which also say when there is none to ask."""
    try:
        with command_database(config) as running:
            return asyncio.run(examine_database(running))
    except (EmbeddedPostgresError, data_folder.DataFolderUnusable, data_folder.DataFolderBusy, OSError) as error:
        return [Finding(check="database", verdict="bad", seen="can't be started", mend=sentence_of(error))]


async def examine_database(running: Running) -> list[Finding]:
    """Connection, version, rights, migrations and clock of a database that is up."""
    address = running.config.address
    if running.postgres is not None:
        await create_database(address)
    findings = [await _connection(address)]
    if findings[0].verdict == "good":
        findings += [await _migrations(address), await _role(address), await _clock(address)]
        if await _is_migrated(address):
            findings += await examine_vault(running.config, address)
    return findings


async def _connection(address: Address) -> Finding:
    try:
        conn = await connect(address, Role.OWNER)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
        return Finding(check="database", verdict="bad", seen="no connection", mend=sentence_of(error))
    try:
        major = conn.get_server_version().major
        seen = "Postgres " + await conn.fetchval("select current_setting('server_version')")
        durable = await conn.fetchval(
            "select current_setting('fsync') = 'on' and current_setting('synchronous_commit') <> 'off'"
        )
    finally:
        await conn.close()
    if major < LOWEST_VERSION:
        mend = f"Use Postgres {LOWEST_VERSION} or later."
        return Finding(check="database", verdict="bad", seen=seen, mend=mend)
    if not durable:
        mend = "Set fsync and synchronous_commit to on, else an acknowledged bid can be lost."
        return Finding(check="database", verdict="bad", seen=f"{seen}, not durable", mend=mend)
    return Finding(check="database", verdict="good", seen=seen)


async def _migrations(address: Address) -> Finding:
    conn = await connect(address, Role.OWNER)
    try:
        state = await migration_state(conn)
    except MigrationError as error:
        return Finding(check="migrations", verdict="bad", seen="unreadable", mend=str(error))
    finally:
        await conn.close()
    if state.edited or state.missing:
        names = ", ".join(state.edited + state.missing)
        mend = "Install the program that this database was last used with, or restore a backup."
        return Finding(check="migrations", verdict="bad", seen=f"{names} differ from this program's", mend=mend)
    if state.pending and state.applied:
        mend = "Apply them: gavelhouse migrate (serve does so as well)."
        return Finding(check="migrations", verdict="bad", seen=f"{', '.join(state.pending)} pending", mend=mend)
    if state.pending:
        return Finding(check="migrations", verdict="good", seen="a new database; the first start migrates it")
    return Finding(check="migrations", verdict="good", seen=f"all {len(state.applied)} applied")


async def _is_migrated(address: Address) -> bool:
    conn = await connect(address, Role.OWNER)
    try:
        return bool(await conn.fetchval("select to_regclass('vault.protection') is not null"))
    finally:
        await conn.close()


async def _role(address: Address) -> Finding:
    """The server must be able to act as its role, and that role must not be able to rewrite the book."""
    owner = await connect(address, Role.OWNER)
    try:
        if not await owner.fetchval("select to_regclass('public.migration') is not null"):
            return Finding(check="roles", verdict="good", seen="will be made with the first migration")
    finally:
        await owner.close()
    try:
        conn = await connect(address, Role.APP)
    except (asyncpg.PostgresError, OSError) as error:
        mend = f"Let the login act as {Role.APP.value} (grant {Role.APP.value} to it): {error}"
        return Finding(check="roles", verdict="bad", seen=f"{Role.APP.value} can't be used", mend=mend)
    try:
        is_superuser = await conn.fetchval("select rolsuper from pg_catalog.pg_roles where rolname = current_user")
    finally:
        await conn.close()
    if is_superuser:
        mend = f"Take the right away: alter role {Role.APP.value} nosuperuser."
        return Finding(check="roles", verdict="bad", seen=f"{Role.APP.value} is a superuser", mend=mend)
    return Finding(check="roles", verdict="good", seen=f"{Role.APP.value} owns nothing")


async def _clock(address: Address) -> Finding:
    conn = await connect(address, Role.OWNER)
    before = time.time()
    theirs = (await conn.fetchval("select clock_timestamp()")).timestamp()
    difference = abs(theirs - (before + time.time()) / 2)
    await conn.close()
    seen = f"{difference * 1000:.0f} ms from the database's"
    if difference > LARGEST_CLOCK_DIFFERENCE_SECONDS:
        mend = "Set both machines' clocks by NTP (the house goes by the database's clock, browsers by the house's)."
        return Finding(check="clock", verdict="warning", seen=seen, mend=mend)
    return Finding(check="clock", verdict="good", seen=seen)
