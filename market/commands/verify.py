"""`gavelhouse verify`: check a lot's public log and receipts; the same program that the lot's page offers."""

from __future__ import annotations

from pathlib import Path

import click

from market.commands.options import json_option


@click.command(name="verify")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--receipt", multiple=True, type=click.Path(path_type=Path), help="A receipt to look up in the log.")
@click.option("--key", help="The house's public key as you noted it, in hexadecimal.")
@json_option
@click.pass_context
def command(ctx: click.Context, file: Path, receipt: tuple[Path, ...], key: str | None, as_json: bool) -> None:
    """Check the public log FILE of a lot: signatures, chain of hashes, winner and price.

    Exit status 0: genuine; 1: not; 2: a file can't be read.
    """
    from auction.verifier import main

    given = [str(file), *(part for one in receipt for part in ("--receipt", str(one)))]
    given += ["--key", key] if key is not None else []
    status: int = main([*given, *(["--json"] if as_json else [])])  # type: ignore[no-untyped-call]  # short for its readers
    ctx.exit(status)
