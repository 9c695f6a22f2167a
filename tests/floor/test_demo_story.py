"""The demo's story is played through the services: every stage is reached, the book agrees, and a new round follows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from escrow import books
from market.config import Config
from market.data_folder import DataFolderUnusable
from market.demo import loading
from market.demo.lots import LOTS, Stage
from market.robots import Robot, RobotLot, Task, eagerness
from migrations.database import Role, create_pool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from asyncpg import Pool, Record

    from migrations.database import Address

    Told = tuple[Config, Pool[Record]]


@pytest.fixture
def config(database: Address, tmp_path: Path) -> Config:
    return replace(Config(data_dir=tmp_path, port=25000, secret_key="k" * 32), database=database)


@pytest.fixture(scope="module")
async def told(module_database: Address, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Told]:
    """A house in which the story has been told, for those who look at it, and then for those who carry it on."""
    folder = tmp_path_factory.mktemp("told")
    config = replace(Config(data_dir=folder, port=25000, secret_key="k" * 32), database=module_database)
    await loading.load_story(config, {})
    pool = await create_pool(module_database, Role.APP, min_size=1)
    yield config, pool
    await pool.close()


async def test_every_stage_is_reached_and_the_book_agrees(told: Told) -> None:
    config, pool = told
    async with pool.acquire() as conn:
        states = {row[0] for row in await conn.fetch("select state from escrow.escrow_case")}
        assert states == {"awaiting_payment", "funded", "inspecting", "released", "claimed", "arbitration"}
        assert await books.faults(conn) == []
        outcomes = await conn.fetch("select outcome from auction.standing where phase = 'closed'")
        assert sorted(row[0] for row in outcomes) == ["sold"] * 6 + ["unsold"]
        assert await conn.fetchval("select count(*) from escrow.quarantine") == 1
        assert await conn.fetchval("select count(*) from market.listing where state = 'submitted'") == 1
    assert await loading.is_loaded(config)


async def test_every_format_has_an_open_lot_that_robots_have_bid_on(told: Told) -> None:
    _, pool = told
    found = await pool.fetch(
        """
        select listing.format, count(distinct standing.lot_id) as lots, count(bid.lot_id) as bids
        from auction.standing join market.listing on listing.id = standing.lot_id
        left join auction.bid on bid.lot_id = standing.lot_id and bid.refusal is null
        where standing.phase <> 'closed' and standing.ends_at > clock_timestamp() group by 1
        """
    )
    assert {row["format"]: row["lots"] for row in found if row["format"] != "english"} == {
        "dutch": 1, "sealed": 1, "uniform": 1, "reverse": 1,
    }  # fmt: skip
    assert {row["format"] for row in found if row["bids"] >= 3} == {"english", "sealed", "uniform", "reverse"}
    assert loading.wanted([row["format"] for row in found] * 4) == []
    assert [lot.format for lot in loading.wanted(["english", "sealed", "uniform", "reverse"])] == ["dutch"]
    assert await pool.fetchval("select count(*) from auction.sale_lot") == 3
    waiting = "select count(*) from auction.standing where ends_at < clock_timestamp() and outcome is null"
    assert await pool.fetchval(waiting) == 1


async def test_keys_are_fresh_at_each_start(told: Told) -> None:
    config, _ = told
    first, again = await loading.make_keys(config), await loading.make_keys(config)
    assert first.passphrase == again.passphrase
    assert not set(first.links.values()) & set(again.links.values())
    assert len(again.robot_tokens) == 4 and not set(first.robot_tokens) & set(again.robot_tokens)
    assert again.robot_lots


async def test_new_lots_come_when_the_old_are_over_and_only_then(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    config, pool = told
    assert not await loading.load_another_round(config, {})
    before = await pool.fetchval("select count(*) from auction.lot")
    monkeypatch.setattr(loading, "FEWEST_LOTS_TO_COME", 1000)
    assert await loading.load_another_round(config, {})
    on_show = sum(lot.stage is Stage.ON_SHOW for lot in LOTS)
    assert await pool.fetchval("select count(*) from auction.lot") == before + on_show
    async with pool.acquire() as conn:
        assert await books.faults(conn) == []


async def test_after_a_days_stop_the_lots_of_then_go_on_and_the_closed_stay_closed(told: Told) -> None:
    config, pool = told
    closed = "select lot_id, seq, outcome, closed_at from auction.standing where phase = 'closed' order by 1"
    before = await pool.fetch(closed)
    lots = await pool.fetchval("select count(*) from auction.lot")
    delayed = await pool.fetchval(
        "select min(ends_at) from auction.standing where phase = 'delayed' and outcome is null"
    )
    await pool.execute("update auction.heartbeat set beaten_at = clock_timestamp() - interval '1 day'")
    assert not await loading.load_another_round(config, {})
    assert await pool.fetch(closed) == before
    assert await pool.fetchval("select count(*) from auction.lot") == lots
    again = await pool.fetchval("select min(ends_at) from auction.standing where phase = 'delayed' and outcome is null")
    assert again >= delayed + timedelta(minutes=12)


async def test_a_house_that_is_no_demo_is_left_alone(config: Config, owner_pool: Pool[Record]) -> None:
    assert not await loading.is_loaded(config)
    await owner_pool.execute(
        "insert into market.party (email, display_name, created_at) values ('a@a.example', 'Ann', now())"
    )
    with pytest.raises(DataFolderUnusable, match="no demo"):
        await loading.is_loaded(config)


def _state(**changes: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    state = {
        "phase": "timed",
        "leader": None,
        "paused_at": None,
        "next_minor": "100",
        "increment_minor": "10",
        "starts_at": (now - timedelta(hours=1)).isoformat(),
        "ends_at": (now + timedelta(hours=1)).isoformat(),
    }
    return state | changes


@pytest.mark.parametrize(
    ("changes", "may"),
    [
        ({}, True),
        ({"leader": 7}, False),
        ({"phase": "closed", "next_minor": None}, False),
        ({"phase": "opening", "next_minor": None}, False),
        ({"paused_at": "2026-01-01T00:00:00Z"}, False),
        ({"next_minor": "1001"}, False),
        ({"starts_at": "2999-01-01T00:00:00Z", "ends_at": "2999-01-02T00:00:00Z"}, False),
    ],
)
def test_a_robot_bids_only_where_a_bid_is_legal_and_worth_it(changes: dict[str, Any], may: bool) -> None:
    robot = Robot(Task(url="", tokens=[], lots=[RobotLot(lot=1, worth_minor=1000)]), "")
    robot.hear({"type": "subscribed", "lot": 1, "you": {"paddle": 7}} | _state())
    state = _state(**changes)
    said = robot.bid(1, state) if robot.may_bid(1, state, datetime.now(UTC)) else None
    assert (said is not None) is may
    if said is not None:
        assert {"amount", "maximum"} & said.keys() and int(said.get("amount") or said["maximum"]) >= 100


def test_robots_grow_eager_towards_the_end() -> None:
    now = datetime.now(UTC)
    left = [timedelta(days=1), timedelta(minutes=20), timedelta(minutes=1)]
    chances = [eagerness(_state(ends_at=(now + rest).isoformat()), now) for rest in left]
    assert chances == sorted(chances) and chances[-1] <= 0.05
