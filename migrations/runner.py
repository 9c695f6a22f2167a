"""The runner: brings a database to the state that the numbered `.sql` files of this package describe, once each.

    MigrationError
    ├── EditedMigration      a file differs from what was applied
    ├── MissingMigration     the database has one that this program does not know (it is newer)
    ├── DuplicateMigration   two files carry one number
    └── FailedMigration      Postgres refused the SQL; nothing of that file was kept

Each file runs in a transaction of its own under an advisory lock, so several servers may start at once.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

import asyncpg

if TYPE_CHECKING:
    from migrations.database import Connection

_FILE = re.compile(r"^(?P<number>\d{4})_(?P<name>[a-z0-9_]+)\.sql$")

_LOCK_KEY = 4_709_836_211
"""Any fixed number that nothing else on the database locks."""

_CREATE_TABLE = """
create table if not exists public.migration (
    number integer primary key,
    name text not null,
    sha256 text not null,
    applied_at timestamptz not null default clock_timestamp()
)
"""


class MigrationError(Exception):
    """The database can't be brought to the state of this program; the message is a sentence for the operator."""


class EditedMigration(MigrationError):
    pass


class MissingMigration(MigrationError):
    pass


class DuplicateMigration(MigrationError):
    pass


class FailedMigration(MigrationError):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()

    def __str__(self) -> str:
        return f"{self.number:04}_{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationState:
    """What a database holds against what this program brings. In order when nothing is pending, edited or missing."""

    applied: tuple[str, ...]
    pending: tuple[str, ...]
    edited: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def in_order(self) -> bool:
        return not (self.pending or self.edited or self.missing)


def migrations() -> list[Migration]:
    """The files of this package in order. Gaps between numbers are allowed, a number twice is not."""
    found = []
    for entry in files("migrations").iterdir():
        if match := _FILE.match(entry.name):
            sql = entry.read_text(encoding="utf-8")
            found.append(Migration(number=int(match["number"]), name=match["name"], sql=sql))
    return in_number_order(found)


def in_number_order(found: Sequence[Migration]) -> list[Migration]:
    ordered = sorted(found, key=lambda migration: migration.number)
    for before, after in itertools.pairwise(ordered):
        if before.number == after.number:
            raise DuplicateMigration(f"Two migrations carry one number: {before} and {after}.")
    return ordered


async def migrate(conn: Connection, known: Sequence[Migration] | None = None) -> list[Migration]:
    """Apply what is pending, as the owner role; return what was applied now. Raises MigrationError."""
    known = migrations() if known is None else known
    await conn.execute("select pg_advisory_lock($1)", _LOCK_KEY)
    try:
        await conn.execute(_CREATE_TABLE)
        applied = await _applied(conn)
        _refuse_differences(known, applied)
        pending = [migration for migration in known if migration.number not in applied]
        for migration in pending:
            await _apply(conn, migration)
        return pending
    finally:
        if not conn.is_closed():
            await conn.execute("select pg_advisory_unlock($1)", _LOCK_KEY)


async def migration_state(conn: Connection, known: Sequence[Migration] | None = None) -> MigrationState:
    """Compare without changing anything; the app role may ask."""
    known = migrations() if known is None else known
    exists = await conn.fetchval("select to_regclass('public.migration') is not null")
    applied = await _applied(conn) if exists else {}
    numbers = {migration.number for migration in known}
    return MigrationState(
        applied=tuple(f"{number:04}_{name}" for number, (name, _) in applied.items()),
        pending=tuple(str(migration) for migration in known if migration.number not in applied),
        edited=tuple(str(migration) for migration in known if _is_edited(migration, applied)),
        missing=tuple(f"{number:04}_{name}" for number, (name, _) in applied.items() if number not in numbers),
    )


async def _applied(conn: Connection) -> dict[int, tuple[str, str]]:
    rows = await conn.fetch("select number, name, sha256 from public.migration order by number")
    return {row["number"]: (row["name"], row["sha256"]) for row in rows}


def _is_edited(migration: Migration, applied: dict[int, tuple[str, str]]) -> bool:
    if migration.number not in applied:
        return False
    return applied[migration.number] != (migration.name, migration.sha256)


def _refuse_differences(known: Sequence[Migration], applied: dict[int, tuple[str, str]]) -> None:
    for migration in known:
        if _is_edited(migration, applied):
            raise EditedMigration(
                f"Migration {migration} is not the one that was applied to this database: "
                "put the old file back, or write the change as a new migration."
            )
    numbers = {migration.number for migration in known}
    for number, (name, _) in applied.items():
        if number not in numbers:
            raise MissingMigration(
                f"The database has migration {number:04}_{name}, which this program does not know: "
                "it is newer than the program, so install the newer program."
            )


async def _apply(conn: Connection, migration: Migration) -> None:
    try:
        async with conn.transaction():
            await conn.execute(migration.sql)
            await conn.execute(
                "insert into public.migration (number, name, sha256) values ($1, $2, $3)",
                migration.number,
                migration.name,
                migration.sha256,
            )
    except asyncpg.PostgresError as error:
        raise FailedMigration(f"Migration {migration}{_line_of(migration, error)} failed: {error}") from error


def _line_of(migration: Migration, error: asyncpg.PostgresError) -> str:
    position = getattr(error, "position", None)
    if position is None or not str(position).isdigit():
        return ""
    return f", line {migration.sql[: int(position)].count(chr(10)) + 1},"
