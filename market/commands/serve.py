"""`gavelhouse serve`: the house on this machine, until it is told to stop."""

from __future__ import annotations

from typing import Any

import click

from market.commands.options import config_options


@click.command(name="serve")
@config_options
@click.option("--host", help="The address to listen on.")
@click.option("--port", type=int, help="The port to listen on.")
def command(load: Any, host: str | None, port: int | None) -> None:
    """Run the house: database, clocks and web server."""
    from market.running import server_database
    from market.serving import run_house, set_up_logging

    config = load(make_secrets=True, host=host, port=port).config
    set_up_logging(config)
    with server_database(config) as running:
        run_house(running, lambda: click.echo(f"Gavelhouse is open at {config.origin}", err=True))
