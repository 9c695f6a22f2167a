"""Loading the demo: the whole story once, a round of new lots when the old are over, and the keys to get in."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from auction import outages
from escrow.sandbox_bank import accounts as bank
from market import sign_in_links, tokens
from market.config import Config
from market.data_folder import DataFolderUnusable
from market.demo.acts import Secrets, enrol_officers, open_buyers_accounts, register
from market.demo.demo_lot import DemoLot
from market.demo.demo_lot import Stage as LotStage
from market.demo.lots import LOTS
from market.demo.people import PEOPLE, ROBOTS, SHOWN
from market.demo.stage import Stage, open_stage
from market.demo.story import (
    DAYS_BEFORE,
    Scene,
    closing_scenes,
    lot_scenes,
    opening_scenes,
    play,
    sale_scenes,
)
from market.demo.trading import trading_scenes
from market.passphrases import Passphrases
from market.photo_rendering import RenderedPhoto
from migrations.database import Role, connect
from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Connection

FEWEST_LOTS_TO_COME = 4
_WORDS = [
    "amber",
    "anchor",
    "basin",
    "bellows",
    "birch",
    "cedar",
    "cinder",
    "cobalt",
    "copper",
    "ember",
    "flint",
    "garnet",
    "harbour",
    "indigo",
    "juniper",
    "kettle",
    "lantern",
    "linen",
    "marble",
    "meadow",
    "nutmeg",
    "orchard",
    "pepper",
    "quarry",
    "river",
    "saffron",
    "spruce",
    "thimble",
    "timber",
    "velvet",
    "walnut",
    "willow",
]
_queries = load_queries("market", "demo")


class RobotLot(Struct, frozen=True, kw_only=True):
    """A lot that robots watch, and about where they stop."""

    lot: int
    worth_minor: int


class Keys(Struct, frozen=True, kw_only=True):
    """What a person needs to walk in: links that work once, the passphrase for acts that ask for it, and the officers'."""

    passphrase: str
    opening_passphrase: str
    links: dict[str, str]
    emails: dict[str, str]
    """By the links' labels; an API token is asked for by address and passphrase."""
    robot_tokens: list[str]
    robot_lots: list[RobotLot]


async def is_loaded(config: Config) -> bool:
    """True when the story was played before. Raises DataFolderUnusable for anything but an empty house."""
    conn = await connect(config.address, Role.APP)
    try:
        if await conn.fetchval(_queries.demo_is_loaded):
            return True
        if await conn.fetchval(_queries.any_party):
            raise DataFolderUnusable(
                f"The database of {config.data_dir} holds a demo that was interrupted while it was loaded, or a house "
                "that is no demo: choose another --data-dir, or remove this one if nothing in it is needed."
            )
        return False
    finally:
        await conn.close()


async def load_story(config: Config, photographs: Mapping[str, RenderedPhoto]) -> None:
    """Play the whole story into an empty, migrated database."""
    now = await _database_time(config)
    async with open_stage(config, now - timedelta(days=DAYS_BEFORE + 1)) as stage, _secrets(config) as known:
        scenes = opening_scenes(now, known)
        for lot in LOTS:
            scenes += lot_scenes(lot, now, photographs.get(lot.photo))
        traded = [Scene(at=at, act=act) for at, act in trading_scenes(now, config)]
        await play(stage, [*scenes, *sale_scenes(now), *closing_scenes(now), *traded])


async def load_another_round(config: Config, photographs: Mapping[str, RenderedPhoto]) -> bool:
    """New lots on the old rules when fewer than four are still to come, or none of a format. True when there was need."""
    now = await _database_time(config)
    await _give_back(config, now)
    async with open_stage(config, now - timedelta(days=3)) as stage:
        async with stage.pool.acquire() as conn:
            to_come = await conn.fetch(_queries.lots_to_come, now + timedelta(minutes=2))
        lots = wanted([row["format"] for row in to_come])
        if not lots:
            return False
        await _bring_together(config, stage)
        await bank.open_centre(stage.bank, stage.now)
        await open_buyers_accounts(stage)
        scenes = []
        for lot in lots:
            scenes += lot_scenes(lot, now, photographs.get(lot.photo), round_number=int(now.timestamp()))
        await play(stage, scenes)
        return True


def wanted(formats_to_come: Sequence[str]) -> list[DemoLot]:
    """The lots to put up again: all that may be on show when too few are to come, else those of formats that have none."""
    on_show = [lot for lot in LOTS if lot.stage is LotStage.ON_SHOW]
    if len(formats_to_come) < FEWEST_LOTS_TO_COME:
        return on_show
    return [lot for lot in on_show if lot.format not in formats_to_come]


async def make_keys(config: Config) -> Keys:
    """Fresh sign-in links and robot tokens; the robots' old tokens end."""
    now = await _database_time(config)
    conn = await connect(config.address, Role.APP)
    try:
        async with conn.transaction():
            by_key = await _parties_by_key(conn)
            links = {
                label: config.origin + await sign_in_links.create_link(conn, by_key[key], now)
                for key, label in SHOWN.items()
            }
            robot_tokens = [await _robot_token(conn, by_key[key], now) for key in ROBOTS]
            to_come = await conn.fetch(_queries.lots_to_come, now)
    finally:
        await conn.close()
    worth = {lot.title_en: lot.worth_minor for lot in LOTS}
    lots = [RobotLot(lot=row["id"], worth_minor=worth[row["title_en"]]) for row in to_come if row["title_en"] in worth]
    email = {person.key: person.email for person in PEOPLE}
    return Keys(
        passphrase=kept_passphrase(config.data_dir),
        opening_passphrase=kept_opening_passphrase(config.data_dir),
        links=links,
        emails={label: email[key] for key, label in SHOWN.items()},
        robot_tokens=robot_tokens,
        robot_lots=lots,
    )


def kept_passphrase(data_dir: Path, name: str = "demo_passphrase") -> str:
    """The passphrase of the demo's people: random words, made once and kept for its owner's eyes."""
    kept = data_dir / "secrets" / name
    if not kept.exists():
        kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept.touch(mode=0o600)
        kept.write_text("-".join(secrets.choice(_WORDS) for _ in range(5)), encoding="utf-8")
    return kept.read_text(encoding="utf-8").strip()


def kept_opening_passphrase(data_dir: Path) -> str:
    """The officers' own, under which they open sealed bids."""
    return kept_passphrase(data_dir, "demo_opening_passphrase")


@asynccontextmanager
async def _secrets(config: Config) -> AsyncIterator[Secrets]:
    passphrases = Passphrases()
    try:
        yield Secrets(
            passphrases=passphrases,
            passphrase=kept_passphrase(config.data_dir),
            opening=kept_opening_passphrase(config.data_dir),
        )
    finally:
        passphrases.close()


async def _bring_together(config: Config, stage: Stage) -> None:
    """Find everybody; who was not in the demo yet when it was loaded joins now."""
    async with stage.pool.acquire() as conn:
        stage.parties.update(await _parties_by_key(conn))
    async with _secrets(config) as known:
        if newcomers := [person for person in PEOPLE if person.key not in stage.parties]:
            await register(stage, newcomers, known)
        await enrol_officers(stage, known)


async def _database_time(config: Config) -> datetime:
    conn = await connect(config.address, Role.APP)
    try:
        now: datetime = await conn.fetchval("select clock_timestamp()")
        return now
    finally:
        await conn.close()


async def _give_back(config: Config, now: datetime) -> None:
    """The lots that the last stop interrupted go on where they were; else the stage would find them over."""
    conn = await connect(config.address, Role.APP)
    try:
        async with conn.transaction():
            await outages.give_back(conn, now)
    finally:
        await conn.close()


async def _parties_by_key(conn: Connection) -> dict[str, int]:
    rows = await conn.fetch(_queries.parties_by_email, [person.email for person in PEOPLE])
    by_email = {row["email"]: int(row["id"]) for row in rows}
    return {person.key: by_email[person.email] for person in PEOPLE if person.email in by_email}


async def _robot_token(conn: Connection, party_id: int, now: datetime) -> str:
    for token in await tokens.tokens_of(conn, party_id):
        await tokens.revoke(conn, token.id, party_id, now)
    made = await tokens.create_token(conn, party_id, "robot", now)
    assert made.startswith(tokens.PREFIX), made
    return str(made)
