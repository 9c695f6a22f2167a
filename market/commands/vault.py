"""`gavelhouse vault`: the vault, a process of its own with its own database role and key file; and what is done to its keys."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from market.commands.options import config_options

if TYPE_CHECKING:
    from market.config import Config
    from market.running import Running


@click.command(name="vault")
@config_options
@click.option("--port", "vault_port", type=int, help="The port the vault listens on.")
@click.option("--rotate-key", is_flag=True, help="Put a new key into use; the running vault takes it up by itself.")
@click.option("--forget-older-keys", is_flag=True, help="Drop the keys that nothing is wrapped under any more.")
@click.option(
    "--accept-bank-key", is_flag=True, help="Trust the key that the bank shows now, in place of the pinned one."
)
@click.option("--supervised", is_flag=True, hidden=True)
def command(
    load: Any,
    vault_port: int | None,
    rotate_key: bool,
    forget_older_keys: bool,
    accept_bank_key: bool,
    supervised: bool,
) -> None:
    """Run the vault by itself, for a house whose vault_url names it. A house without starts one of its own."""
    if supervised:
        from market.vault_child import run_supervised

        run_supervised()
        return
    config = load(make_secrets=True, vault_port=vault_port).config
    if rotate_key:
        _rotate(config)
    elif forget_older_keys:
        _with_database(config, _forget)
    elif accept_bank_key:
        _with_database(config, _accept)
    else:
        _serve(config)


def _serve(config: Config) -> None:
    from escrow.vault.app import serve
    from market.running import bring_up_to_date, command_database
    from market.serving import set_up_logging
    from market.vault_child import vault_config
    from market.vault_start import listen

    set_up_logging(config)
    with command_database(config) as running:

        async def run() -> None:
            if running.postgres is not None or running.config.database_url:
                await bring_up_to_date(running)
            listening = listen(config.vault_port)
            click.echo(f"The vault listens on http://127.0.0.1:{listening.getsockname()[1]}", err=True)
            await serve(vault_config(running.config, running.config.address), listening)

        asyncio.run(run())


def _rotate(config: Config) -> None:
    from escrow.vault import keys

    known = keys.rotate(config.vault_keys)
    click.echo(f"Key {known.current.key_id} is in use; {len(known.by_id) - 1} older ones still open what they wrapped.")


def _with_database(config: Config, act: Any) -> None:
    from market.running import command_database

    with command_database(config) as running:
        click.echo(asyncio.run(act(config, running)))


async def _forget(config: Config, running: Running) -> str:
    from escrow.vault import keys, store
    from migrations.database import Role, connect

    conn = await connect(running.config.address, Role.VAULT)
    try:
        known = keys.forget_older(config.vault_keys, needed=await store.outer_keys(conn))
    finally:
        await conn.close()
    return f"Key {known.current.key_id} is the only one."


async def _accept(config: Config, running: Running) -> str:
    from datetime import UTC, datetime

    from escrow.envelopes import key_id_of
    from escrow.vault import bank_key
    from migrations.database import Role, connect

    point = await bank_key.fetch(config.bank_origin)
    if point is None:
        raise click.ClickException(f"The bank at {config.bank_origin} shows no key: is it open?")
    conn = await connect(running.config.address, Role.VAULT)
    try:
        await bank_key.accept(conn, point, datetime.now(UTC))
    finally:
        await conn.close()
    return f"Payments are sealed to the bank's key {key_id_of(point)} from now on."
