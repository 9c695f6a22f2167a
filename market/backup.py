"""A backup of the house: everything in its database as of one moment, and the figures by which a restored one is proved.

The dump is Postgres's own (pg_dump's custom format). The figures are read in the very snapshot that is dumped; a restored
database must show them again, to the last unit. Keys and secrets are never in it: they lie in files beside the data, and
the vault's key opens nothing without the database, as the database opens no wallet without the key.

    BackupError     nothing was made, or nothing was kept; the message is a sentence
"""

from __future__ import annotations

import asyncio
import os
import shutil
from datetime import UTC, datetime
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit, urlunsplit

import msgspec
from msgspec import Struct

from escrow import books
from migrations.database import Address, Role, connect
from migrations.queries import load_queries
from migrations.runner import migrations

if TYPE_CHECKING:
    from migrations.database import Connection

DUMP, MANIFEST = "database.dump", "manifest.json"
_queries = load_queries("market", "backup")


class BackupError(Exception):
    """Nothing was made, or nothing was kept; the message is a sentence."""


class Figures(Struct, frozen=True, kw_only=True):
    """What a database holds, counted in one snapshot. `balances`: what the accounts of a kind hold in a currency."""

    migrations: list[str]
    parties: int
    lots: int
    events: int
    operations: int
    transfers: int
    balances: dict[str, str]
    faults: list[str]


class Manifest(Struct, frozen=True, kw_only=True):
    """What lies in a backup's folder beside the dump."""

    made_at: datetime
    program: str
    sha256: str
    figures: Figures


async def figures_of(conn: Connection) -> Figures:
    """The figures of a house's database, as the owner of all of it reads them."""
    row = await conn.fetchrow(_queries.counts)
    assert row is not None, "a count always has its row"
    return Figures(
        **dict(row),
        migrations=[each["named"] for each in await conn.fetch(_queries.migrations_applied)],
        balances={each["account"]: str(each["minor"]) for each in await conn.fetch(_queries.balances)},
        faults=await books.faults(conn),
    )


async def back_up(address: Address, programs: Path, folder: Path, now: datetime | None = None) -> Manifest:
    """Write the backup into a new folder, readable by this user alone; the house may go on meanwhile. Raises BackupError."""
    from importlib.metadata import version

    unfinished = _room_for(folder)
    conn = await connect(address, Role.OWNER)
    try:
        async with conn.transaction(isolation="repeatable_read", readonly=True):
            if not await conn.fetchval(_queries.is_a_house):
                raise BackupError("This database holds no house yet: there is nothing to back up.")
            figures = await figures_of(conn)
            snapshot = await conn.fetchval(_queries.export_snapshot)
            (unfinished / DUMP).touch(mode=0o600)
            (unfinished / MANIFEST).touch(mode=0o600)
            out = ("--format=custom", f"--snapshot={snapshot}", f"--file={unfinished / DUMP}")
            await _run(programs / "pg_dump", address, *out)
        manifest = Manifest(
            made_at=now or datetime.now(UTC),
            program=version("gavelhouse"),
            sha256=_sha256(unfinished / DUMP),
            figures=figures,
        )
        (unfinished / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
        unfinished.rename(folder)
        return manifest
    finally:
        await conn.close()
        shutil.rmtree(unfinished, ignore_errors=True)


def _room_for(folder: Path) -> Path:
    """A folder beside it, that becomes it once the backup is whole."""
    if folder.exists():
        raise BackupError(f"{folder} is there already; a backup is written into a folder of its own.")
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        unfinished.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise BackupError(f"{folder} can't be written: {error.strerror}.") from error
    return unfinished


def read_manifest(folder: Path) -> Manifest:
    """What the backup says of itself, its dump unchanged since. Raises BackupError."""
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
        digest = _sha256(folder / DUMP)
    except OSError as error:
        raise BackupError(f"{folder} is no backup of gavelhouse: {error.filename} can't be read.") from error
    except msgspec.MsgspecError as error:
        raise BackupError(f"{folder / MANIFEST} is no manifest of a backup: {error}.") from error
    if digest != manifest.sha256:
        raise BackupError(f"{folder / DUMP} was changed or is not whole: its SHA-256 is {digest}.")
    known = {str(one) for one in migrations()}
    if newer := [one for one in manifest.figures.migrations if one not in known]:
        raise BackupError(f"The backup is of a newer gavelhouse (migration {newer[0]}); install that version first.")
    return manifest


async def restore(address: Address, programs: Path, folder: Path) -> Manifest:
    """Bring the backup into an empty database and prove it by its figures. Raises BackupError; then nothing was kept, but
    for a database that came out other than it went in, which is left to be looked at.
    """
    manifest = read_manifest(folder)
    conn = await connect(address, Role.OWNER)
    try:
        if await conn.fetchval(_queries.holds_anything):
            raise BackupError("The database is not empty. A backup is restored into a new one, and never over another.")
        await conn.execute(_queries.make_roles)
        await conn.execute(_queries.close_the_database)
        await _run(
            programs / "pg_restore",
            address,
            "--no-owner",
            "--exit-on-error",
            "--single-transaction",
            str(folder / DUMP),
        )
        restored = await figures_of(conn)
    finally:
        await conn.close()
    if restored != manifest.figures:
        names = [
            each for each in Figures.__struct_fields__ if getattr(restored, each) != getattr(manifest.figures, each)
        ]
        raise BackupError(f"The restored database differs from the backup in: {', '.join(names)}. Do not use it.")
    return manifest


async def _run(program: Path, address: Address, *more: str) -> None:
    """A program of Postgres on the database, as its owner. A password goes by the environment, which others can't read."""
    url = urlsplit(address.as_url(Role.OWNER))
    environment = {**os.environ, "PGOPTIONS": "-c timezone=UTC"}
    if url.password is not None:
        environment["PGPASSWORD"] = unquote(url.password)
        url = url._replace(netloc=url.netloc.replace(f":{url.password}@", "@", 1))
    process = await asyncio.create_subprocess_exec(
        str(program), f"--dbname={urlunsplit(url)}", *more, env=environment, stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    if process.returncode:
        lines = said.decode(errors="replace").strip().splitlines() or ["it says nothing"]
        raise BackupError(f"{program.name} failed: {lines[0]}")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
