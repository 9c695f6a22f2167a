"""Accepted, durable, acknowledged bids a second: the group commit, beside one transaction a bid and beside what Postgres can.

`python -m benchmarks.bids [--json] [--seconds 3]`. The whole product is measured: rules, refusals, idempotency, hash
chain and the database's own checks; fsync and synchronous_commit are on. The naive way writes the same rows.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import uvloop

from auction import desk, store
from auction.bidding import Bidding
from auction.facts import Bid, EnglishRule, Hammer, Lot, StepBand
from auction.hub import Hub
from auction.limits import Limits
from auction.node_time import NodeTime
from benchmarks.naive import TransactionPerBid
from benchmarks.report import arguments, percentile, tell
from market.load.processes import cpu_seconds_of_family
from migrations.database import Address, Role, connect, create_pool
from migrations.embedded_postgres import EmbeddedPostgres, create_database
from migrations.runner import migrate

if TYPE_CHECKING:
    from migrations.database import Connection, Pool

CASES = ((1, 1), (1, 64), (1, 1000), (100, 64), (100, 1000))
PARTIES = tuple(range(100, 164))
STEP_MINOR = 100
OPEN = Limits(bids_per_second=1e9, burst=1_000_000_000)
GOALS = {(1, 1): 1.2, (1, 64): 18.0, (1, 1000): 30.0, (100, 64): 8.0, (100, 1000): 12.0}

BidOnce = Callable[[int, int], Awaitable[bool]]
"""(lot, number of the bid on that lot) → whether it was accepted."""

PGBENCH_TABLES = """
create schema bench;
create table bench.lot (id int primary key, version bigint, price bigint) with (fillfactor = 50);
create table bench.bid (bidder bigint, idem uuid, lot int, seq bigint, amount bigint, at timestamptz, primary key (bidder, idem));
insert into bench.lot select i, 0, 0 from generate_series(1, 8) i;
create table bench.house_event (like auction.event including indexes);
create table bench.house_bid (like auction.bid including indexes)"""
BARE_ROWS = """
with u as (update bench.lot set version = version + 1, price = price + {rows} where id = :client_id + 1 returning version)
insert into bench.bid select g, gen_random_uuid(), 1, version * {rows} + g, g, now() from u, generate_series(1, {rows}) g;
"""
"""One small row a bid in one table with one index, made by the server itself."""
HOUSE_ROWS = """
with u as (update bench.lot set version = version + 1, price = price + {rows} where id = :client_id + 1 returning version),
e as (
    insert into bench.house_event (lot_id, seq, kind, at, party_id, body, hash)
    select :client_id + 1, version * {rows} + g, 'bid', now(), g, decode(repeat('7b', 215), 'hex'), decode(repeat('a5', 32), 'hex')
    from u, generate_series(1, {rows}) g
)
insert into bench.house_bid (party_id, client_bid_id, lot_id, stamped_at, amount_minor, is_maximum, seq, leads)
select g, gen_random_uuid(), :client_id + 1, now(), g, false, version * {rows} + g, true from u, generate_series(1, {rows}) g;
"""
"""The rows that the house writes for a bid, made by the server itself, with no check, no rule and nobody to answer."""


async def no_hammer(conn: Connection, hammer: Hammer) -> None:
    """Nothing follows from a close here."""


def a_lot(lot_id: int) -> Lot:
    """A lot that stays open."""
    return Lot(
        id=lot_id,
        seller_id=1,
        currency="CNY",
        currency_exponent=2,
        rule=EnglishRule(
            start_price_minor=STEP_MINOR, steps=(StepBand(increment_minor=STEP_MINOR),), extension_seconds=36_000
        ),
        starts_at=datetime.now(UTC) - timedelta(seconds=60),
    )


async def opened(pool: Pool, lot_ids: range) -> None:
    """Fresh lots, with the parties admitted."""
    async with pool.acquire() as conn, conn.transaction():
        now = await store.database_time(conn)
        for lot_id in lot_ids:
            await desk.open_lot(conn, a_lot(lot_id), now)
            await conn.executemany(store.queries.insert_admission, [(lot_id, party, party, now) for party in PARTIES])


async def run_case(bid_once: BidOnce, lot_ids: range, bidders: int, seconds: float) -> dict[str, float]:
    """`bidders` tasks that each bid and wait for the answer, on these lots in turn, for so long."""
    numbers = {lot_id: count() for lot_id in lot_ids}
    waits: list[float] = []
    until = time.perf_counter() + seconds

    async def bidder(index: int) -> None:
        lot_id = lot_ids[index % len(lot_ids)]
        while (began := time.perf_counter()) < until:
            if await bid_once(lot_id, next(numbers[lot_id])):
                waits.append(time.perf_counter() - began)
            lot_id = lot_ids[(lot_id - lot_ids[0] + bidders) % len(lot_ids)]

    began = time.perf_counter()
    await asyncio.gather(*(bidder(index) for index in range(bidders)))
    passed = time.perf_counter() - began
    return {
        "per_second": len(waits) / passed,
        "p50_ms": percentile(waits, 0.5) * 1000,
        "p99_ms": percentile(waits, 0.99) * 1000,
    }


async def group_commit(pool: Pool, lot_ids: range, bidders: int, seconds: float) -> dict[str, float]:
    """The house's way."""
    async with asyncio.TaskGroup() as group:
        node_time = await NodeTime.measured(pool)
        bidding = Bidding(pool, node_time, Hub(), no_hammer, OPEN)
        await bidding.run(group)

        async def bid_once(lot_id: int, number: int) -> bool:
            answer = await bidding.submit(a_bid(lot_id, number, STEP_MINOR * (number + 1), node_time.now()))
            return answer.refusal is None

        figures = await run_case(bid_once, lot_ids, bidders, seconds)
        await bidding.stop()
    return figures


async def transaction_per_bid(address: Address, lot_ids: range, bidders: int, seconds: float) -> dict[str, float]:
    """The usual way, by parties in turn."""
    book = await TransactionPerBid.opened(address, lot_ids, STEP_MINOR)

    async def bid_once(lot_id: int, number: int) -> bool:
        answer = await book.bid(a_bid(lot_id, number, STEP_MINOR, datetime.now(UTC)))
        return answer.refusal is None

    figures = await run_case(bid_once, lot_ids, bidders, seconds)
    await book.close()
    return figures


async def with_cpu(postgres: EmbeddedPostgres, case: Awaitable[dict[str, float]], seconds: float) -> dict[str, float]:
    """The figures of a case with what a bid cost in µs of CPU: bidders and house in this process, and the database. A busy
    machine blurs these less than the clock.
    """
    assert postgres.process_id is not None
    own, database = time.process_time(), cpu_seconds_of_family(postgres.process_id) or 0.0
    figures = await case
    own, database = time.process_time() - own, (cpu_seconds_of_family(postgres.process_id) or 0.0) - database
    bids = figures["per_second"] * seconds / 1e6
    return {**figures, "own_cpu_us": own / bids, "database_cpu_us": database / bids}


def a_bid(lot_id: int, number: int, amount: int, now: datetime) -> Bid:
    """The lot's next bid, by the next party in turn."""
    return Bid(
        lot_id=lot_id,
        party_id=PARTIES[number % len(PARTIES)],
        client_bid_id=uuid4(),
        amount_minor=amount,
        is_maximum=False,
        stamped_at=now,
    )


def pgbench(postgres: EmbeddedPostgres, statement: str, rows: int, seconds: float) -> float:
    """Bids a second that Postgres takes in batches of this size from two clients, each with a lot of its own."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(statement.format(rows=rows))
        script.flush()
        os.chmod(script.name, 0o644)
        said = subprocess.run(
            [
                str(postgres.programs / "pgbench"),
                *("-n", "-M", "prepared", "-c", "2", "-j", "1", "-T", str(max(1, round(seconds))), "-f", script.name),
                *("-h", str(postgres.address.socket_folder), "-U", Role.OWNER.value, "gavelhouse"),
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    found = re.search(r"tps = ([0-9.]+)", said)
    assert found is not None, said
    return float(found[1]) * rows


async def measure(postgres: EmbeddedPostgres, seconds: float, say: Callable[[dict[str, Any]], None]) -> None:
    """Every case, both ways side by side, and the limits."""
    await create_database(postgres.address)
    owner = await connect(postgres.address, Role.OWNER)
    await migrate(owner)
    await owner.execute(PGBENCH_TABLES)
    await owner.close()
    pool = await create_pool(postgres.address, Role.APP)
    first, best = 1, {}
    for lots, bidders in CASES:
        naive_lots, group_lots = range(first, first + lots), range(first + lots, first + 2 * lots)
        first += 2 * lots
        await opened(pool, range(naive_lots[0], group_lots[-1] + 1))
        naive = await with_cpu(postgres, transaction_per_bid(postgres.address, naive_lots, bidders, seconds), seconds)
        group = await with_cpu(postgres, group_commit(pool, group_lots, bidders, seconds), seconds)
        best[lots, bidders] = group["per_second"]
        ratio, goal = group["per_second"] / naive["per_second"], GOALS[lots, bidders]
        case = {"lots": lots, "bidders": bidders}
        say({**case, "way": "transaction per bid", **naive})
        say({**case, "way": "group commit", **group})
        cpu = (naive["own_cpu_us"] + naive["database_cpu_us"]) / (group["own_cpu_us"] + group["database_cpu_us"])
        say({**case, "ratio": ratio, "goal": goal, "reached": ratio >= goal, "ratio of CPU": cpu})
    for rows, bidders, goal in ((64, 64, 0.35), (512, 1000, 0.5)):
        for name, statement in (("bare rows", BARE_ROWS), ("the house's rows", HOUSE_ROWS)):
            limit = pgbench(postgres, statement, rows, seconds)
            ratio = best[1, bidders] / limit
            way = {"way": f"pgbench, {name} in batches of {rows}", "per_second": limit}
            say({**way, "ratio": ratio, "goal": goal, "reached": ratio >= goal})
    await pool.close()


def main() -> None:
    options = arguments("Accepted bids a second, beside the naive way and the limit")
    with tempfile.TemporaryDirectory(prefix="gavelhouse-bench-") as folder:
        os.chmod(folder, 0o711)
        with EmbeddedPostgres(Path(folder) / "data") as postgres:
            uvloop.run(measure(postgres, options.seconds, lambda row: tell(row, as_json=options.json)))


if __name__ == "__main__":
    main()
