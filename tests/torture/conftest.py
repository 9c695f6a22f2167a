"""What every torture needs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest


@pytest.fixture
def node_log(open_folder: Path) -> Iterator[IO[bytes]]:
    """What the nodes say while they are killed, beside the database's own log."""
    with (open_folder / "node.log").open("wb") as log:
        yield log
