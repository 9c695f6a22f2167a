"""The demo opens with everything in it, opens again in seconds, and Ctrl-C and kill -9 leave a house that opens again."""

from __future__ import annotations

import os
import signal
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
from tests.running_house import HouseDidNotOpen, RunningHouse, _answers

if TYPE_CHECKING:
    from migrations.database import Address


def _get(url: str) -> httpx2.Response:
    return httpx2.get(url, trust_env=False, timeout=60, follow_redirects=False)


async def _state(address: Address) -> dict[str, Any]:
    conn = await connect(address, Role.OWNER)
    try:
        return {
            "lots": await conn.fetchval("select count(*) from auction.lot"),
            "events": await conn.fetchval("select count(*) from auction.event"),
            "lots that sold and lots with a deal": await conn.fetchrow(
                "select (select array_agg(lot_id order by lot_id) from auction.standing where outcome = 'sold'),"
                " (select array_agg(distinct lot_id order by lot_id) from market.deal where lot_id is not null)"
            ),
            "parties": await conn.fetchval("select count(*) from market.party"),
        }
    finally:
        await conn.close()


def _end(house: RunningHouse, signal_number: signal.Signals) -> None:
    """End the house, and see that its Postgres, bank and robots end with it and that an orderly end says so."""
    assert house.serving is not None
    family = _descendants(house.serving.pid)
    assert len(family) >= 2
    house.serving.send_signal(signal_number)
    status = house.serving.wait(30)
    assert status == (-signal.SIGKILL if signal_number == signal.SIGKILL else 0)
    until = time.monotonic() + 60
    while any(_is_alive(pid) for pid in family):
        assert time.monotonic() < until, "something outlived the house"
        time.sleep(0.02)


def _descendants(pid: int) -> set[int]:
    """The processes under one; Postgres's come and go meanwhile, and one that is gone has none."""
    try:
        children = {int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()}
    except (FileNotFoundError, ProcessLookupError):
        return set()
    return children.union(*(_descendants(child) for child in children))


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_the_keys_open_the_house(demo: tuple[RunningHouse, dict[str, Any]]) -> None:
    house, keys = demo
    assert (keys["url"], keys["bank"]) == (house.origin, house.bank)
    assert (
        len(keys["passphrase"]) >= 15 <= len(keys["opening_passphrase"])
        and keys["passphrase"] != keys["opening_passphrase"]
    )
    assert (
        list(keys["links"])
        == list(keys["emails"])
        == ["bidder", "second bidder", "seller", "operator", "second officer"]
    )
    # Each is good once: it signs in those who look at every page (`tests/journey/test_pages.py`).
    assert all(link.startswith(f"{house.origin}/sign-in/link/") for link in keys["links"].values())


def test_a_link_from_the_command_line_leads_to_the_running_house(demo: tuple[RunningHouse, dict[str, Any]]) -> None:
    house, _ = demo
    elsewhere = RunningHouse(house.folder)
    link = elsewhere.command("user", "sign-in-link", "ada@demo.example")
    assert link.startswith(f"{house.origin}/sign-in/link/")
    assert _get(link).status_code in (200, 303)


def test_a_running_demo_is_found_well_by_the_doctor(demo: tuple[RunningHouse, dict[str, Any]]) -> None:
    house, _ = demo
    answer = msgspec.json.decode(house.command("doctor", "--json"))
    seen = {item["check"]: item["seen"] for item in answer["findings"]}
    assert answer["well"] and seen["migrations"].startswith("all ")
    assert "bank" in seen["bank switch port"], "the switch listens"
    assert seen["house"].startswith(f"open at {house.origin} (process ")


def test_a_killed_bank_is_started_again(demo: tuple[RunningHouse, dict[str, Any]]) -> None:
    house, _ = demo
    assert house.serving is not None
    (bank,) = [
        pid for pid in _descendants(house.serving.pid) if b"\0bank\0" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    os.kill(bank, signal.SIGKILL)
    until = time.monotonic() + 60
    while _is_alive(bank) or not _answers(f"{house.bank}/healthz"):
        assert time.monotonic() < until, "the bank is gone for good"
        time.sleep(0.05)


def test_the_doctor_says_where_the_house_is_open_and_looks_at_its_port(
    demo: tuple[RunningHouse, dict[str, Any]],
) -> None:
    house, _ = demo
    told = RunningHouse(house.folder).command("doctor")
    assert f"{house.port}: the open house listens on it" in told
    assert f"{house.origin} (process " in told.splitlines()[-1] and "can open" not in told


def test_the_calendar_shows_the_lots_in_both_languages(demo: tuple[RunningHouse, dict[str, Any]]) -> None:
    for language, title in (("en", "celadon vase"), ("zh", "青瓷长颈瓶")):
        page = httpx2.get(demo[0].origin, headers={"Accept-Language": language}, trust_env=False).text
        assert title in page


def test_a_second_server_on_the_folder_is_refused_with_a_sentence(demo: tuple[RunningHouse, dict[str, Any]]) -> None:
    second = RunningHouse(demo[0].folder)
    with pytest.raises(HouseDidNotOpen, match="Another gavelhouse"):
        second.start()


async def test_the_demo_opens_again_in_seconds_after_kill_9_and_after_ctrl_c(
    demo: tuple[RunningHouse, dict[str, Any]],
) -> None:
    """The last of those that share the house: it ends it."""
    house, _ = demo
    address = EmbeddedPostgres(house.folder).attach()
    first = await _state(address)
    assert first["lots"] == sum(lot.stage not in (Stage.DRAFT, Stage.SUBMITTED) for lot in LOTS)
    sold, dealt = first["lots that sold and lots with a deal"]
    assert sold == dealt and len(sold) >= 6, "the story's six (`test_demo_story.py`), and what has sold since"
    for end in (signal.SIGKILL, signal.SIGINT):
        _end(house, end)
        started = time.perf_counter()
        house.start_demo("--no-robots", "--no-photos")
        assert time.perf_counter() - started < 60
        again = await _state(address)
        assert (again["lots"], again["parties"]) == (first["lots"], first["parties"])
        assert again["events"] >= first["events"]
    _end(house, signal.SIGTERM)


def test_every_lot_has_both_languages_a_photograph_and_a_rule() -> None:
    for lot in LOTS:
        assert lot.title_en and lot.title_zh and lot.description_en and lot.description_zh
        assert lot.photo in PHOTOS
        assert lot.timed_seconds or lot.extension_seconds or lot.format == "dutch"


@pytest.mark.parametrize("name", ["celadon_vase", "landscape_scroll"])
def test_a_photograph_is_a_picture_and_the_same_each_time(name: str) -> None:
    picture = PHOTOS[name]()
    assert picture.size == (1600, 1200)
    low, high = picture.convert("L").getextrema()
    assert low < 60 and high > 190
