"""The schema as it is after every migration, as plain SQL: what `migrations/schema.sql` holds and a test compares.

`python -m migrations.schema` prints it, from a database made for the moment.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from migrations.database import Address, Role, connect
from migrations.embedded_postgres import EmbeddedPostgres, create_database
from migrations.runner import migrate

_NOISE = re.compile(r"^(--.*|SET .*|SELECT pg_catalog\.set_config.*|\\(un)?restrict .*|)$")


def dump(programs: Path, address: Address) -> str:
    """The schema of a migrated database on the embedded server, without versions, settings and comments of the dump."""
    command = [
        str(programs / "pg_dump"),
        "--schema-only",
        f"--host={address.socket_folder}",
        f"--username={Role.OWNER.value}",
        address.database,
    ]
    made = subprocess.run(command, capture_output=True, text=True, check=True)
    return normalised(made.stdout)


def normalised(dumped: str) -> str:
    """What differs between versions of pg_dump is left out; blank lines separate the statements."""
    blocks = re.split(
        r"\n{2,}", "\n".join(line for line in dumped.splitlines() if line == "" or not _NOISE.match(line))
    )
    return "\n\n".join(block.strip("\n") for block in blocks if block.strip()) + "\n"


async def _migrated(address: Address) -> None:
    await create_database(address)
    conn = await connect(address, Role.OWNER)
    try:
        await migrate(conn)
    finally:
        await conn.close()


def main() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="gavelhouse-schema-") as folder,
        EmbeddedPostgres(Path(folder) / "cluster", {"fsync": "off"}) as postgres,
    ):
        asyncio.run(_migrated(postgres.address))
        sys.stdout.write(dump(postgres.programs, postgres.address))


if __name__ == "__main__":
    main()
