"""Where a canary must not be: logs, every file of the data folder with tables and WAL, a dump, the server's memory."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

from migrations.database import Address, Role
from migrations.embedded_postgres import EmbeddedPostgres
from migrations.postgres_binaries import find_binaries, unprivileged_account
from tests.canary.memory import chunks
from tests.running_house import RunningHouse

_CHUNK = 16 * 1024 * 1024
_OVERLAP = 1024


def written_places(house: RunningHouse, backup: Path) -> Iterator[tuple[str, bytes]]:
    """Everything on disk: logs of house, vault, bank and Postgres, tables, WAL, secrets, and a backup made for this."""
    dump(house, backup)
    logs = [house.folder.with_suffix(f".{name}.log") for name in ("house", "bank")]
    for path in (*logs, backup, *sorted(house.folder.rglob("*"))):
        yield from file_pieces(path)


def memory_places(house: RunningHouse) -> Iterator[tuple[str, bytes]]:
    """The server's memory. The bank's and the vault's are theirs: both see cards because they must."""
    assert house.serving is not None
    for piece in chunks(house.serving.pid):
        yield "memory of the server", piece


def dump(house: RunningHouse, to: Path) -> None:
    """A backup as an operator makes it: every schema, every row."""
    postgres = EmbeddedPostgres(house.folder)
    address: Address = postgres.attach()
    account = unprivileged_account(postgres.cluster)
    programs = find_binaries(account, house.folder / "postgres-programs")
    with to.open("wb") as out:
        subprocess.run(
            [
                str(programs / "pg_dump"),
                f"--host={address.socket_folder}",
                "--username=postgres",
                f"--role={Role.OWNER.value}",
                address.database,
            ],
            stdout=out,
            check=True,
        )
    assert to.stat().st_size > 100_000


def file_pieces(path: Path) -> Iterator[tuple[str, bytes]]:
    """A file in pieces that overlap; what goes away meanwhile is no file."""
    try:
        if not path.is_file() or path.is_symlink():
            return
        with path.open("rb") as file:
            tail = b""
            while piece := file.read(_CHUNK):
                yield str(path), tail + piece
                tail = piece[-_OVERLAP:]
    except (FileNotFoundError, PermissionError):
        return
