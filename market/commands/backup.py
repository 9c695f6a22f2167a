"""`gavelhouse backup`: the whole database as of one moment into a folder, while the house goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from market.commands.options import config_options, json_option, print_json

if TYPE_CHECKING:
    from market.running import Running


@click.command(name="backup")
@click.argument("folder", type=click.Path(path_type=Path))
@config_options
@json_option
def command(load: Any, folder: Path, as_json: bool) -> None:
    """Back the house up into a new FOLDER: a dump of its database, and the figures by which a restored one is proved.

    Keys and secrets are not in it: keep copies of the data folder's `secrets` by themselves, and `vault_key` apart from
    every backup.
    """
    from market.backup import BackupError, back_up
    from market.running import command_database

    config = load().config
    if not config.database_url and not (config.data_dir / "postgres" / "PG_VERSION").is_file():
        raise click.ClickException(f"There is no house in {config.data_dir}: choose its folder with --data-dir.")
    try:
        with command_database(config) as running:
            manifest = asyncio.run(back_up(running.config.address, programs_of(running), folder.absolute()))
    except BackupError as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        print_json({"folder": str(folder), "manifest": manifest})
        return
    figures = manifest.figures
    click.echo(f"{folder}: {figures.parties} parties, {figures.lots} lots, {figures.transfers} postings.")
    for fault in figures.faults:
        click.echo(f"The book was at fault when it was backed up: {fault}", err=True)
    click.echo(f"Not in it: {config.data_dir / 'secrets'}. Keep vault_key apart from every backup.")


def programs_of(running: Running) -> Path:
    """The folder of pg_dump and pg_restore."""
    from migrations.postgres_binaries import find_binaries

    return running.postgres.programs if running.postgres else find_binaries(None, running.config.data_dir)
