"""`gavelhouse serve`: on the embedded Postgres and on one of one's own, it opens, says when it is ready, and survives."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2
import pytest

from migrations.database import Role
from tests.running_house import RunningHouse, running_house

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrations.database import Address


def _ready(house: RunningHouse) -> int:
    try:
        return httpx2.get(f"{house.origin}/readyz", trust_env=False, timeout=30).status_code
    except httpx2.TransportError:
        return 0


def _postgres_of(house: RunningHouse) -> int:
    return int((house.folder / "postgres" / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0])


@pytest.fixture(scope="module")
def one_house(open_folder: Path) -> Iterator[RunningHouse]:
    """One data folder for the tests that may find it used."""
    with running_house(open_folder / "served") as house:
        yield house


@pytest.fixture
def house(one_house: RunningHouse) -> RunningHouse:
    """A house that is open, whatever the test before did to it."""
    if one_house.serving is None or one_house.serving.poll() is not None:
        one_house.start()
    return one_house


def test_when_its_postgres_is_killed_the_house_gets_it_back(house: RunningHouse) -> None:
    os.kill(_postgres_of(house), signal.SIGKILL)
    until = time.monotonic() + 90
    while _ready(house) == 200 and time.monotonic() < until - 85:
        time.sleep(0.01)
    while _ready(house) != 200:
        assert time.monotonic() < until, house.log()[-3000:]
        time.sleep(0.05)


async def test_a_postgres_of_ones_own_serves_house_bank_and_commands(open_folder: Path, database: Address) -> None:
    url = database.as_url(Role.OWNER)
    with running_house(open_folder / "own-postgres", database_url=url) as house:
        house.start()
        house.start_bank()
        assert _ready(house) == 200
        assert not (house.folder / "postgres").exists()
        assert "/sign-in/link/" in house.command("user", "create", "ann@a.example", "--name", "Ann")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_leaves_in_order(house: RunningHouse, number: signal.Signals) -> None:
    assert house.serving is not None
    house.serving.send_signal(number)
    assert house.serving.wait(90) == 0
    assert not (house.folder / "postgres" / "postmaster.pid").exists()
