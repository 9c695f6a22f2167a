"""`gavelhouse carrier`: the sandbox carrier, a process of its own with a file of its own."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from market.commands.options import config_options


@click.command(name="carrier")
@config_options
@click.option("--port", "carrier_port", type=int, help="The port the carrier listens on.")
@click.option("--house-url", "public_url", help="Where the house is, to be told of parcels.")
def command(load: Any, carrier_port: int | None, public_url: str | None) -> None:
    """Run the sandbox carrier. The house finds it by its setting carrier_url, and shares its secrets folder."""
    from market.delivery.sandbox_carrier.app import CarrierConfig, serve
    from market.serving import set_up_logging

    config = load(make_secrets=True, carrier_port=carrier_port, public_url=public_url).config
    set_up_logging(config)
    asyncio.run(
        serve(
            CarrierConfig(
                file=config.data_dir / "sandbox_carrier.db",
                port=config.carrier_listens_on,
                webhook_url=f"{config.origin}/webhooks/carriers/sandbox",
                secret=config.carrier_secret,
            )
        )
    )
