"""`gavelhouse replay`: run recorded auctions through the real engine on a database made for it and dropped after."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from market.commands.options import config_options, json_option

if TYPE_CHECKING:
    from migrations.database import Address


@click.command(name="replay")
@config_options
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--steps", type=click.Choice(["ebay2001"]), default="ebay2001", show_default=True, help="The step table.")
@json_option
@click.pass_context
def command(ctx: click.Context, load: Any, file: Path, steps: str, as_json: bool) -> None:
    """Run the recorded auctions of FILE and compare winner and price.

    Exit status 0: all as recorded; 1: one differs; 2: FILE is not of the form. A database of its own is used, on the
    server of GAVELHOUSE_DATABASE_URL if that is set, and dropped afterwards.
    """
    from market.recorded_auctions import RecordError, read_auctions

    try:
        read_auctions(file)
    except RecordError as error:
        # Before any database is started: a typing error should cost no seconds.
        click.echo(f"gavelhouse: {error}", err=True)
        ctx.exit(2)
    with _server(load().config.database_url) as address:
        ctx.exit(asyncio.run(_replay(address, file, steps, as_json)))


@contextmanager
def _server(database_url: str) -> Iterator[Address]:
    """A server to make the database on: the configured one, or one of our own that lives as long as this command."""
    from migrations.database import Address
    from migrations.embedded_postgres import EmbeddedPostgres, create_database

    if database_url:
        yield Address(url=database_url)
        return
    folder = Path(tempfile.mkdtemp(prefix="gavelhouse-replay-"))
    try:
        # Postgres may run as another, unprivileged user, who must be able to pass through.
        os.chmod(folder, 0o711)
        with EmbeddedPostgres(folder) as postgres:
            asyncio.run(create_database(postgres.address))
            yield postgres.address
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _replay(address: Address, file: Path, steps: str, as_json: bool) -> int:
    from market.replay import run_replay
    from migrations.database import Role, create_pool

    async with _throwaway_database(address) as database:
        pool = await create_pool(database, Role.APP)
        try:
            return await run_replay(file, steps, as_json, pool, click.echo)
        finally:
            await pool.close()


@asynccontextmanager
async def _throwaway_database(server: Address) -> AsyncIterator[Address]:
    from migrations.database import Role, connect
    from migrations.runner import migrate

    name = f"gavelhouse_replay_{secrets.token_hex(6)}"
    admin = await connect(server, Role.OWNER)
    try:
        await admin.execute(f"create database {name}")
        try:
            database = server.with_database(name)
            owner = await connect(database, Role.OWNER)
            try:
                await migrate(owner)
            finally:
                await owner.close()
            yield database
        finally:
            # Not by force: every connection of ours is closed, and only a superuser may force a vacuum worker out.
            await admin.execute(f"drop database {name}")
    finally:
        await admin.close()
