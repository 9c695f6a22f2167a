"""`gavelhouse migrate`: bring the database up to date, or only say what is pending."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from market.commands.options import config_options, json_option, print_json

if TYPE_CHECKING:
    from market.running import Running


@click.command(name="migrate")
@config_options
@click.option("--dry-run", is_flag=True, help="Say what is pending and change nothing.")
@json_option
def command(load: Any, dry_run: bool, as_json: bool) -> None:
    """Bring the database up to date."""
    from market.running import command_database

    with command_database(load().config) as running:
        names = asyncio.run(_pending(running) if dry_run else _apply(running))
    if as_json:
        print_json({"pending" if dry_run else "applied": names})
        return
    for name in names:
        click.echo(f"{'pending' if dry_run else 'applied'}  {name}")
    if not names:
        click.echo("The database is up to date.")


async def _apply(running: Running) -> list[str]:
    from market.running import bring_up_to_date

    return [str(migration) for migration in await bring_up_to_date(running)]


async def _pending(running: Running) -> list[str]:
    from migrations.database import Role, connect
    from migrations.embedded_postgres import create_database
    from migrations.runner import migration_state

    if running.postgres is not None:
        await create_database(running.config.address)
    conn = await connect(running.config.address, Role.OWNER)
    try:
        return list((await migration_state(conn)).pending)
    finally:
        await conn.close()
