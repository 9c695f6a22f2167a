"""`gavelhouse restore`: a backup into an empty database, proved by its figures."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from market.commands.options import config_options, json_option, print_json

if TYPE_CHECKING:
    from market.backup import Manifest
    from market.running import Running

SECRETS = {
    "secret_key": "sessions end, and retries of old API requests are refused",
    "signing_key": "logs and receipts are signed with another key from now on",
    "authority_key": "every party needs a new certificate before it signs again",
    "vault_key": "no wallet can be opened, and the vault refuses to start",
}
"""What lies in the data folder and in no backup, and what it means when it is not put back."""


@click.command(name="restore")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@config_options
@json_option
def command(load: Any, folder: Path, as_json: bool) -> None:
    """Restore the backup in FOLDER into an empty database: a new data folder, or a new database of your own server.

    Every figure of the backup is counted again: postings, balances, the book's own checks.
    """
    from market.backup import BackupError
    from market.commands.backup import programs_of
    from market.running import server_database

    config = load().config
    try:
        with server_database(config) as running:
            manifest = asyncio.run(_restore(running, programs_of(running), folder.absolute()))
    except BackupError as error:
        raise click.ClickException(str(error)) from error
    there = {name: bool(getattr(config, name, "")) for name in SECRETS} | {"vault_key": config.vault_keys.is_file()}
    missing = [name for name in SECRETS if not there[name]]
    if as_json:
        print_json({"manifest": manifest, "missing_secrets": missing})
        return
    figures = manifest.figures
    click.echo(
        f"Restored as of {manifest.made_at:%Y-%m-%d %H:%M:%S} UTC: {figures.parties} parties, {figures.transfers} postings; "
        "every figure agrees."
    )
    for name in missing:
        click.echo(
            f"{name} is not in {config.data_dir / 'secrets'}; put it back before you start. Else {SECRETS[name]}."
        )


async def _restore(running: Running, programs: Path, folder: Path) -> Manifest:
    from market.backup import read_manifest, restore
    from migrations.embedded_postgres import create_database

    read_manifest(folder)  # before anything is made
    if running.postgres is not None:
        await create_database(running.config.address)
    return await restore(running.config.address, programs, folder)
