"""The demo opens with everything in it, opens again in seconds, and Ctrl-C and kill -9 leave a house that opens again."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import msgspec
import pytest

from market.demo.lots import LOTS, Stage
from market.demo_photos import PHOTOS
from migrations.database import Role, connect
from migrations.embedded_postgres import EmbeddedPostgres
from tests.running_house import RunningHouse, running_house

if TYPE_CHECKING:
    from migrations.database import Address


def _get(url: str) -> httpx2.Response:
    return httpx2.get(url, trust_env=False, timeout=20, follow_redirects=False)


async def _state(address: Address) -> dict[str, Any]:
    conn = await connect(address, Role.OWNER)
    try:
        return {
            "lots": await conn.fetchval("select count(*) from auction.lot"),
            "events": await conn.fetchval("select count(*) from auction.event"),
            "cases": {
                row[0]: row[1] for row in await conn.fetch("select state, count(*) from escrow.escrow_case group by 1")
            },
            "parties": await conn.fetchval("select count(*) from market.party"),
        }
    finally:
        await conn.close()


async def test_the_demo_opens_again_in_seconds_and_survives_ctrl_c_and_kill_9(open_folder: Path) -> None:
    folder = open_folder / "demo"
    address = EmbeddedPostgres(folder).attach()
    with running_house(folder) as house:
        assert msgspec.json.decode(_get(f"{house.url}/readyz").content)["ready"] is True
        first = await _state(address)
        assert first["lots"] == sum(lot.stage not in (Stage.DRAFT, Stage.SUBMITTED) for lot in LOTS)
        assert sum(first["cases"].values()) == 4
        house.kill()
    for end in ("ctrl-c", "kill -9"):
        started = time.perf_counter()
        with running_house(folder) as house:
            assert time.perf_counter() - started < 30
            again = await _state(address)
            assert {name: again[name] for name in ("lots", "parties")} == {
                name: first[name] for name in ("lots", "parties")
            }
            assert again["events"] >= first["events"]
            if end == "ctrl-c":
                assert house.interrupt() == 0
            else:
                house.kill()


def test_each_link_signs_in_once(house: RunningHouse) -> None:
    for label in ("bidder", "second bidder", "seller", "operator"):
        assert _get(house.links[label]).status_code in (200, 303)
    assert set(house.links) == {"bidder", "second bidder", "seller", "operator"}


def test_the_calendar_shows_the_lots_in_both_languages(house: RunningHouse) -> None:
    for language, title in (("en", "celadon vase"), ("zh", "青瓷长颈瓶")):
        page = httpx2.get(house.url, headers={"Accept-Language": language}, trust_env=False).text
        assert title in page


def test_a_second_server_on_the_folder_is_refused_with_a_sentence(house: RunningHouse) -> None:
    with pytest.raises(AssertionError, match="Another gavelhouse"), running_house(house.folder):
        pass


def test_every_lot_has_both_languages_a_photograph_and_a_rule() -> None:
    for lot in LOTS:
        assert lot.title_en and lot.title_zh and lot.description_en and lot.description_zh
        assert lot.photo in PHOTOS
        assert lot.timed_seconds or lot.extension_seconds


@pytest.mark.parametrize("name", ["celadon_vase", "landscape_scroll"])
def test_a_photograph_is_a_picture_and_the_same_each_time(name: str) -> None:
    picture = PHOTOS[name]()
    assert picture.size == (1600, 1200)
    low, high = picture.convert("L").getextrema()
    assert low < 60 and high > 190
