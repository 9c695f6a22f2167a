"""`gavelhouse bench`: what this machine can carry, measured with a crowd of sockets on a house of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from market.commands.options import json_option, print_json

if TYPE_CHECKING:
    from market.load.figures import Figures


@click.command(name="bench")
@click.option(
    "--watchers", default=1000, show_default=True, type=click.IntRange(0, 50_000), help="Sockets that only watch."
)
@click.option(
    "--bidders", default=100, show_default=True, type=click.IntRange(2, 50_000), help="Sockets that watch and bid."
)
@click.option("--lots", default=1, show_default=True, type=click.IntRange(1, 1000), help="Lots they are spread over.")
@click.option("--rate", type=click.FloatRange(1), help="Bids a second in all; without it as fast as answers come.")
@click.option("--seconds", default=10.0, show_default=True, type=click.FloatRange(0.1, 3600), help="How long.")
@click.option("--url", help="A test house that is running, instead of one made for the moment. Its bids are real.")
@click.option("--token", "tokens", multiple=True, help="An API token of a bidder there, once for each.")
@click.option("--lot", "lot_ids", multiple=True, type=click.IntRange(1), help="A lot there that they are admitted to.")
@click.option("--yes", is_flag=True, help="Do not ask whether the bids may be real.")
@json_option
def command(
    watchers: int,
    bidders: int,
    lots: int,
    rate: float | None,
    seconds: float,
    url: str | None,
    tokens: tuple[str, ...],
    lot_ids: tuple[int, ...],
    yes: bool,
    as_json: bool,
) -> int:
    """Find out what this machine can carry.

    A house with a database of its own is opened on loopback in a temporary folder, a crowd of sockets watches and bids,
    and everything is removed again. The crowd works on the same machine and takes its share of it, so a house that has the
    machine to itself carries more.
    """
    from market.load.crowd import CrowdError

    aim = _aim(url, tokens, lot_ids)
    if url and not yes:
        click.confirm(f"Bid on {len(lot_ids)} lots of {url}? The bids there are real.", abort=True)
    try:
        figures = _run(aim, watchers, bidders, lots, seconds, rate, as_json)
    except CrowdError as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        print_json({**_fields(figures), "sentence": figures.sentence()})
    else:
        _show(figures)
    return 0


def _aim(url: str | None, tokens: tuple[str, ...], lot_ids: tuple[int, ...]) -> Any:
    from market.load.crowd import Target

    if url is None:
        if tokens or lot_ids:
            raise click.UsageError(
                "--token and --lot say whom to be and where to bid in the house of --url: give that, too."
            )
        return None
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise click.UsageError(f"--url {url} is no address of a house: it looks like http://127.0.0.1:8000.")
    if len(tokens) < 2 or not lot_ids:
        raise click.UsageError(
            "--url needs --token at least twice (who leads can't bid again) and --lot at least once, "
            "a lot that the tokens' parties are admitted to."
        )
    return Target(url=url.rstrip("/"), lots=lot_ids, tokens=tokens)


def _run(
    aim: Any, watchers: int, bidders: int, lots: int, seconds: float, rate: float | None, as_json: bool
) -> Figures:
    import uvloop

    from market.load.figures import measure
    from market.load.throwaway import House, allow_many_sockets, throwaway_house

    if watchers + bidders < lots:
        raise click.UsageError(f"{lots} lots want at least as many sockets.")
    allow_many_sockets(watchers + bidders)
    if aim is not None:
        house = House(target=aim, node_pid=0, database_pid=None)
        return uvloop.run(measure(house, watchers=watchers, bidders=bidders, seconds=seconds, per_second=rate))
    if not as_json:
        click.echo("Opening a house for the moment …", err=True)
    with throwaway_house(lots=lots, parties=bidders) as house:
        if not as_json:
            click.echo(f"{watchers + bidders:,} sockets, {seconds:g} seconds …", err=True)
        return uvloop.run(measure(house, watchers=watchers, bidders=bidders, seconds=seconds, per_second=rate))


def _fields(figures: Figures) -> dict[str, Any]:
    from msgspec.structs import asdict

    return asdict(figures)


def _show(figures: Figures) -> None:
    from rich.console import Console
    from rich.table import Table

    def cores(value: float | None) -> str:
        return "unknown" if value is None else f"{value:.2f} cores"

    weight = "unknown" if figures.kib_per_watcher is None else f"{figures.kib_per_watcher:.1f} KiB"
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, value in (
        ("accepted bids a second", f"{figures.accepted_per_second:,.0f}"),
        ("refused bids a second", f"{figures.refused_per_second:,.0f}"),
        ("submit to answer, p50 / p99", f"{figures.p50_ms:.1f} / {figures.p99_ms:.1f} ms"),
        ("frames to watchers a second", f"{figures.frames_per_second:,.0f}"),
        ("CPU of the house", cores(figures.node_cpu)),
        ("CPU of its database", cores(figures.database_cpu)),
        ("CPU of this crowd", cores(figures.own_cpu)),
        ("memory of a watcher", weight),
        ("sockets lost", str(figures.lost_sockets)),
    ):
        table.add_row(name, value)
    Console().print(table)
    click.echo(f"\n{figures.sentence()}")
