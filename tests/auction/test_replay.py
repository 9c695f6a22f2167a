"""Recorded auctions through the real engine and a real database: a file of our own, and real ones where they are kept."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from market.recorded_auctions import RecordError, read_auctions
from market.replay import run_replay
from migrations.database import Role

if TYPE_CHECKING:
    from asyncpg import Pool, Record

    from migrations.database import Address
    from migrations.embedded_postgres import EmbeddedPostgres

OWN = Path(__file__).parent.parent / "data" / "recorded_auctions.json"
REAL = Path(__file__).parents[2].parent / "shared" / "data" / "ebay2001_sample.json"


async def replayed(path: Path, pool: Pool[Record]) -> tuple[int, list[dict[str, Any]]]:
    said: list[str] = []
    status = await run_replay(path, "ebay2001", True, pool, said.append)
    return status, [json.loads(line) for line in said]


async def test_every_auction_of_our_own_file_comes_out_as_recorded(pool: Pool[Record]) -> None:
    """Ties, one instant, lost times, early and late bids, repeats, bands, unsold lots: see the items of the file."""
    status, lines = await replayed(OWN, pool)
    assert [line["auction"] for line in lines[:-1] if not line["ok"]] == []
    totals = lines[-1]
    assert (status, totals["auctions"], totals["matched"], totals["bids"]) == (0, 11, 11, 25)
    assert set(totals) == {"auctions", "matched", "bids", "seconds"}
    assert lines[1] == {
        "auction": "2b",
        "winner": None,
        "price": None,
        "expected_winner": None,
        "expected_price": 1000,
        "bids": 2,
        "ok": True,
    }
    # It really went through the house's book: each lot is closed there, each bid answered, each accepted one an event.
    book = (
        "select (select count(*) from auction.standing where outcome is not null), (select count(*) from auction.bid)"
    )
    assert tuple(await pool.fetchrow(book) or ()) == (11, 25)


@pytest.mark.skipif(
    not REAL.exists(), reason=f"the recorded auctions are kept apart from the project, in {REAL.parent}"
)
async def test_every_real_auction_of_2001_comes_out_as_recorded(pool: Pool[Record]) -> None:
    status, lines = await replayed(REAL, pool)
    assert [line["auction"] for line in lines[:-1] if not line["ok"]] == []
    assert (status, lines[-1]["auctions"], lines[-1]["matched"]) == (0, 40, 40)


async def test_one_difference_is_shown_and_changes_the_status(pool: Pool[Record], tmp_path: Path) -> None:
    auctions = json.loads(OWN.read_text())
    auctions[2]["final_price"] += 1
    auctions[3]["winner"] = "bob"
    auctions[0] |= {"winner": "ann", "final_price": 1000}
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(auctions))
    status, lines = await replayed(changed, pool)
    assert (status, lines[-1]["matched"]) == (1, 8)
    assert [line["auction"] for line in lines[:-1] if not line["ok"]] == [1, 3, 4]


async def test_an_empty_file_is_all_as_recorded(pool: Pool[Record], tmp_path: Path) -> None:
    (empty := tmp_path / "empty.json").write_text("[]")
    status, (totals,) = await replayed(empty, pool)
    assert (status, totals["auctions"], totals["matched"]) == (0, 0, 0)


def one_auction(**changes: Any) -> list[dict[str, Any]]:
    bid = {"at": "2020-03-01 11:00:00", "bidder": "ann", "maximum": 1000} | changes.pop("bid", {})
    auction = {
        "auction": 77,
        "currency": "USD",
        "starts": "2020-03-01 10:00:00",
        "ends": "2020-03-03 10:00:00",
        "start_price": 1000,
        "final_price": 1000,
        "winner": "ann",
        "bids": [{name: value for name, value in bid.items() if value is not ...}],
    }
    return [{name: value for name, value in (auction | changes).items() if value is not ...}]


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("{", "is not JSON"),
        ("{}", "is not a list of auctions"),
        ("[3]", "auction number 1 of the file is not a record"),
        (one_auction(auction=...), "auction number 1 of the file: auction is missing"),
        (one_auction(currency=...), "auction 77: currency is missing"),
        (one_auction(currency="dollars"), "auction 77: currency is 'dollars'"),
        (one_auction(starts=...), "auction 77: starts is missing"),
        (one_auction(starts="yesterday"), "auction 77: starts is 'yesterday'"),
        (one_auction(ends="2020-02-01 10:00:00"), "auction 77: ends is '2020-02-01 10:00:00'; it must be later"),
        (one_auction(start_price=9.99), "auction 77: start_price is 9.99"),
        (one_auction(start_price=0), "auction 77: start_price is 0"),
        (one_auction(winner=...), "auction 77: winner is missing"),
        (one_auction(final_price=None), "auction 77: final_price is None"),
        (one_auction(bids=None), "auction 77: bids is None; it must be a list"),
        (one_auction(bids=[4]), "auction 77: bids[0] is not a record"),
        (one_auction(bid={"at": 12}), "auction 77: bids[0]: at is 12"),
        (one_auction(bid={"at": ...}), "auction 77: bids[0]: at is missing"),
        (one_auction(bid={"bidder": ""}), "auction 77: bids[0]: bidder is ''"),
        (one_auction(bid={"maximum": "10.00"}), "auction 77: bids[0]: maximum is '10.00'"),
        (one_auction(bid={"maximum": True}), "auction 77: bids[0]: maximum is True"),
    ],
)
def test_a_file_that_is_not_of_the_form_is_refused_by_auction_and_field(
    content: object, named: str, tmp_path: Path
) -> None:
    (file := tmp_path / "bad.json").write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(RecordError) as refused:
        read_auctions(file)
    assert named in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"none\.json cannot be read"):
        read_auctions(tmp_path / "none.json")


async def command(*arguments: str, database: Address | None = None) -> tuple[int, str, str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GAVELHOUSE_")}
    if database is not None:
        environment["GAVELHOUSE_DATABASE_URL"] = database.as_url(Role.OWNER)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "market.cli",
        "replay",
        *arguments,
        cwd=Path(__file__).parents[2],
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def test_the_command_makes_a_database_on_the_configured_server_and_drops_it(cluster: EmbeddedPostgres) -> None:
    status, out, err = await command(str(OWN), "--json", "--steps", "ebay2001", database=cluster.address)
    assert (status, err) == (0, "")
    assert json.loads(out.splitlines()[-1])["matched"] == 11
    admin = await _connect(cluster.address)
    try:
        assert await admin.fetchval("select count(*) from pg_database where datname like 'gavelhouse_replay_%'") == 0
    finally:
        await admin.close()


async def _connect(address: Address) -> Any:
    from migrations.database import connect

    return await connect(address, Role.OWNER)


async def test_the_command_needs_no_server_and_says_it_in_words_too() -> None:
    status, out, err = await command(str(OWN))
    assert (status, err) == (0, "")
    assert out.splitlines()[0] == "auction 1: unsold, as recorded"
    assert "11 of 11 auctions as recorded" in out.splitlines()[-1]


async def test_the_command_refuses_a_bad_file_before_it_starts_a_database(tmp_path: Path) -> None:
    (file := tmp_path / "bad.json").write_text(json.dumps(one_auction(starts=...)))
    status, out, err = await command(str(file), "--json")
    assert (status, out) == (2, "")
    assert err.startswith("gavelhouse: auction 77: starts is missing")
