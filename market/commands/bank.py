"""`gavelhouse bank`: the sandbox bank, a process of its own with its own database schema and role."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from market.commands.options import config_options


@click.command(name="bank")
@config_options
@click.option("--port", "bank_port", type=int, help="The port the bank listens on.")
@click.option("--switch-port", "bank_switch_port", type=int, help="The port of its card switch.")
@click.option("--house-url", "public_url", help="Where the house is, to be told of payments.")
def command(load: Any, bank_port: int | None, bank_switch_port: int | None, public_url: str | None) -> None:
    """Run the sandbox bank. The house must have been started on this data folder, whose database it shares."""
    from escrow.sandbox_bank.app import BankConfig, serve
    from market.running import bring_up_to_date, command_database
    from market.serving import set_up_logging

    config = load(
        make_secrets=True, bank_port=bank_port, bank_switch_port=bank_switch_port, public_url=public_url
    ).config
    set_up_logging(config)

    async def run() -> None:
        if running.postgres is not None:
            await bring_up_to_date(running)
        await serve(
            BankConfig(
                address=running.config.address,
                host="127.0.0.1",
                port=config.bank_listens_on,
                switch_port=config.bank_switch_on,
                webhook_url=f"{config.origin}/webhooks/bank",
                secret=config.bank_webhook_secret,
            )
        )

    with command_database(config) as running:
        asyncio.run(run())
