"""`gavelhouse openapi`: the description of the API, as the server gives it at `/openapi.json`."""

from __future__ import annotations

import click


@click.command(name="openapi")
@click.option("--async", "socket", is_flag=True, help="The live socket's description (AsyncAPI) instead.")
def command(socket: bool) -> None:
    """Print the description of the API (OpenAPI 3.1)."""
    import msgspec

    from market.openapi import asyncapi_document, openapi_document

    document = asyncapi_document() if socket else openapi_document()
    click.echo(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())
