"""`gavelhouse verify`: check a lot's public log and receipts, or a receipt for a posting; the same programs that the
pages offer.
"""

from __future__ import annotations

import json
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
    """Check FILE: the public log of a lot (signatures, chain of hashes, winner and price), or a receipt for a posting.

    Exit status 0: genuine; 1: not; 2: a file can't be read.
    """
    from auction import verifier
    from escrow import receipt_verifier

    try:
        data, receipts = file.read_bytes(), [one.read_bytes() for one in receipt]
    except OSError as error:
        click.echo(f"gavelhouse verify: {error}", err=True)
        ctx.exit(2)
    try:
        if receipt_verifier.KIND.encode() in data and data.count(b"\n") <= 1:
            about = receipt_verifier.verify(data, key)  # type: ignore[no-untyped-call]  # short for its readers
        else:
            about = verifier.verify(data, key, [json.loads(one) for one in receipts])  # type: ignore[no-untyped-call]
        found = {"genuine": True, **about}
    except Exception as fault:
        found = {"genuine": False, "fault": str(fault) if type(fault) is ValueError else repr(fault)}
    if as_json:
        click.echo(json.dumps(found))
    else:
        click.echo("GENUINE" if found.pop("genuine") else "NOT GENUINE")
        for name, value in found.items():
            click.echo(f"  {name}: {value}")
    ctx.exit(0 if "fault" not in found else 1)
