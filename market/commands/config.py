"""`gavelhouse config show`: every setting, its value and where it came from."""

from __future__ import annotations

from typing import Any

import click

from market.commands.options import config_options, json_option, print_json


@click.group(name="config")
def command() -> None:
    """Show the configuration."""


@command.command()
@config_options
@click.option("--origin", is_flag=True, help="Say where each value came from.")
@json_option
def show(load: Any, origin: bool, as_json: bool) -> None:
    """Print every setting. Secrets are covered."""
    settings = load().settings()
    if as_json:
        print_json([{"name": item.name, "value": item.value, "origin": item.origin} for item in settings])
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("Setting", "Value", *(["From"] if origin else [])):
        table.add_column(heading, overflow="fold")
    for item in settings:
        table.add_row(item.name, item.value, *([item.origin] if origin else []))
    Console().print(table)
