"""`gavelhouse user`: parties from the command line: register one, make an operator, print a sign-in link."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import click

from market.commands.options import config_options, json_option, print_json

if TYPE_CHECKING:
    from datetime import datetime

    from market.config import LoadedConfig
    from migrations.database import Connection


_PUBLIC_URL = click.option(
    "--public-url", help="How browsers reach the house, where that differs from what the running house says."
)


@click.group(name="user")
def command() -> None:
    """Register parties, make operators, send sign-in links."""


@command.command()
@config_options
@click.argument("email")
@click.option("--name", "display_name", required=True, help="The name that others see.")
@click.option("--language", type=click.Choice(["en", "zh"]), default="en", show_default=True)
@click.option("--operator", is_flag=True, help="Make the party an operator as well.")
@_PUBLIC_URL
@json_option
def create(
    load: Any, email: str, display_name: str, language: str, operator: bool, public_url: str | None, as_json: bool
) -> None:
    """Register a party, who signs in by the printed link and then chooses a passphrase."""
    loaded = load(make_secrets=True, public_url=public_url)

    async def register(conn: Connection, now: datetime) -> str:
        from market import parties, sign_in_links
        from market.refusals import MarketRefusal

        party_id = await parties.register(
            conn, email=email, display_name=display_name, language=language, passphrase_phc=None, now=now
        )
        if isinstance(party_id, MarketRefusal):
            raise click.ClickException(_refusal_text(party_id))
        if operator:
            await parties.make_operator(conn, party_id, None, now)
        return await sign_in_links.create_link(conn, party_id, now)

    _print_link(origin_for(loaded) + _in_transaction(loaded.config, register), as_json)


@command.command("make-operator")
@config_options
@click.argument("email")
def make_operator(load: Any, email: str) -> None:
    """Give a registered party the operator's role."""

    async def promote(conn: Connection, now: datetime) -> str:
        from market import parties

        await parties.make_operator(conn, await _party_id(conn, email), None, now)
        return f"{email} is now an operator."

    click.echo(_in_transaction(load(make_secrets=True).config, promote))


@command.command("sign-in-link")
@config_options
@click.argument("email")
@_PUBLIC_URL
@json_option
def sign_in_link(load: Any, email: str, public_url: str | None, as_json: bool) -> None:
    """Print a link that signs a party in once, within 24 hours."""
    loaded = load(make_secrets=True, public_url=public_url)

    async def link(conn: Connection, now: datetime) -> str:
        from market import sign_in_links

        return await sign_in_links.create_link(conn, await _party_id(conn, email), now)

    _print_link(origin_for(loaded) + _in_transaction(loaded.config, link), as_json)


def origin_for(loaded: LoadedConfig) -> str:
    """Where a link leads: to what was asked for, else to the house that is open on the folder, else as configured."""
    from market import data_folder

    house = None
    if loaded.origins["public_url"] != "command line":
        house = data_folder.open_house_on(loaded.config.data_dir)
    return house.origin if house else loaded.config.origin


async def _party_id(conn: Connection, email: str) -> int:
    from market import parties

    party = await parties.party_by_email(conn, email)
    if party is None:
        raise click.ClickException(f"There is no party with the address {email}.")
    return party.id


def _refusal_text(refusal: Any) -> str:
    from market.catalogue import Catalogue

    return Catalogue.load().text(f"market_refusal.{refusal.value}", "en")


def _in_transaction(config: Any, act: Callable[[Connection, datetime], Awaitable[str]]) -> str:
    """Run `act` in one transaction at the database's own time, as the server's role."""
    from market.running import Running, command_database, connect_up_to_date

    async def acting(running: Running) -> str:
        conn = await connect_up_to_date(running)
        try:
            async with conn.transaction():
                return await act(conn, await conn.fetchval("select clock_timestamp()"))
        finally:
            await conn.close()

    with command_database(config) as running:
        return asyncio.run(acting(running))


def _print_link(link: str, as_json: bool) -> None:
    if as_json:
        print_json({"sign_in_link": link})
    else:
        click.echo(link)
