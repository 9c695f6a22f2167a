"""Sales posted a second: the proved ledger one by one and batched, beside the usual three updates and a bare list of rows.

`python -m benchmarks.ledger [--json] [--seconds 3]`. A sale takes the price from a buyer's wallet, gives it less the
commission to a seller, and the commission to the house. The three updates are one transaction a sale on sixteen
connections, as most would write it; the bare list keeps no balance and proves nothing. fsync and synchronous_commit are on.
"""

from __future__ import annotations

import asyncio
import os
import random
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvloop

from benchmarks.report import arguments, tell
from escrow import ledger, rules
from escrow.facts import Leg
from escrow.ledger import Account, Operation
from migrations.database import Role, connect, create_pool
from migrations.embedded_postgres import EmbeddedPostgres, create_database
from migrations.runner import migrate

if TYPE_CHECKING:
    from migrations.database import Address, Connection, Pool

CONNECTIONS, PARTIES, BATCH = 16, 1000, 200
CURRENCY, PRICE_MINOR, RATE_BP = "CNY", 10_000, 800
COMMISSION_MINOR = rules.commission_minor(PRICE_MINOR, RATE_BP)
PLENTY_MINOR = 1_000_000_000_000
GOAL = 5.0

TABLES = f"""
create schema bench;
create table bench.account (id bigint primary key, balance bigint not null check (balance >= 0));
insert into bench.account select i, {PLENTY_MINOR} from generate_series(0, {PARTIES}) i;
create table bench.entry (id bigint generated always as identity primary key, debit bigint, credit bigint, amount bigint, at timestamptz);
create index on bench.entry (debit); create index on bench.entry (credit);
grant usage on schema bench to gavelhouse_app;
grant select, insert, update on all tables in schema bench to gavelhouse_app"""
TAKE = "update bench.account set balance = balance - $2 where id = $1"
GIVE = "update bench.account set balance = balance + $2 where id = $1"
HOUSE_ACCOUNT = 0
BARE = """insert into bench.entry (debit, credit, amount, at)
select d, c, a, now() from unnest($1::bigint[], $2::bigint[], $3::bigint[]) s (d, c, a)"""

Sales = Callable[[], Awaitable[int]]
"""Post some sales; how many."""


def a_sale(number: int, dice: random.Random) -> Operation:
    """Between two parties that differ; half of all sales touch a tenth of the parties."""
    buyer, seller = (dice.randrange(1, PARTIES // 10 if dice.random() < 0.5 else PARTIES + 1) for _ in range(2))
    seller = seller if seller != buyer else seller % PARTIES + 1
    moves = (
        (rules.wallet(buyer), rules.payable(seller), PRICE_MINOR - COMMISSION_MINOR),
        (rules.wallet(buyer), rules.COMMISSION, COMMISSION_MINOR),
    )
    legs = tuple(
        Leg(debit=debit, credit=credit, currency=CURRENCY, amount_minor=minor) for debit, credit, minor in moves
    )
    return Operation(kind="sale", subject=f"sale:{number}", actor="benchmark", legs=legs)


async def per_second(work: Sales, workers: int, seconds: float) -> float:
    """How many sales a second this many workers post side by side."""
    began, until, posted = time.perf_counter(), time.perf_counter() + seconds, 0

    async def worker() -> None:
        nonlocal posted
        while time.perf_counter() < until:
            posted += await work()

    await asyncio.gather(*(worker() for _ in range(workers)))
    return posted / (time.perf_counter() - began)


async def prepared(address: Address) -> None:
    """The schema, the accounts, and money in every wallet."""
    owner = await connect(address, Role.OWNER)
    await migrate(owner)
    await owner.execute(TABLES)
    await owner.close()
    conn = await connect(address, Role.APP)
    parties = range(1, PARTIES + 1)
    accounts = [
        Account(path=path(party), currency=CURRENCY, owner_id=party)
        for party in parties
        for path in (rules.wallet, rules.payable)
    ]
    await ledger.open_accounts(
        conn, [*accounts, *(Account(path=path, currency=CURRENCY) for path in (rules.BANK, rules.COMMISSION))]
    )
    money = [
        Leg(debit=rules.BANK, credit=rules.wallet(party), currency=CURRENCY, amount_minor=PLENTY_MINOR)
        for party in parties
    ]
    top_ups = [
        Operation(kind="top_up", subject=f"party:{number}", actor="benchmark", legs=(leg,))
        for number, leg in enumerate(money)
    ]
    results = await ledger.post_many(conn, top_ups, datetime.now(UTC))
    assert {each.result for each in results} == {"posted"}
    await conn.close()


def ways(pool: Pool) -> dict[str, tuple[Sales, int]]:
    """Each way of posting with its number of workers."""
    numbers, dice = count(), random.Random(1)

    async def three_updates() -> int:
        (legs,) = (a_sale(next(numbers), dice).legs,)
        buyer, seller = (int(path.partition(":")[2]) for path in (legs[0].debit, legs[0].credit))
        async with pool.acquire() as conn, conn.transaction():
            # In the order of their ids, the house last, so that no two sales wait for each other in a circle.
            acts = [(buyer, TAKE, PRICE_MINOR), (seller, GIVE, PRICE_MINOR - COMMISSION_MINOR)]
            for account, act, minor in sorted(acts):
                await conn.execute(act, account, minor)
            await conn.execute(GIVE, HOUSE_ACCOUNT, COMMISSION_MINOR)
        return 1

    async def bare_rows() -> int:
        legs = a_sale(next(numbers), dice).legs
        async with pool.acquire() as conn:
            await conn.execute(BARE, [1, 1], [2, HOUSE_ACCOUNT], [leg.amount_minor for leg in legs])
        return 1

    async def proved_alone() -> int:
        async with pool.acquire() as conn:
            await ledger.post(conn, a_sale(next(numbers), dice), datetime.now(UTC))
        return 1

    async def proved_batch() -> int:
        sales = [a_sale(next(numbers), dice) for _ in range(BATCH)]
        async with pool.acquire() as conn:
            results = await ledger.post_many(conn, sales, datetime.now(UTC))
        return sum(each.result == "posted" for each in results)

    return {
        "three updates": (three_updates, CONNECTIONS),
        "bare rows, unproved": (bare_rows, CONNECTIONS),
        "proved, one by one": (proved_alone, CONNECTIONS),
        f"proved, {BATCH} a statement": (proved_batch, 2),
    }


async def faults(conn: Connection) -> int:
    """By how much the book misses zero, over all accounts."""
    sums = await conn.fetchval("select sum(escrow.balance_of(id)) from escrow.account")
    return int(sums)


async def measure(postgres: EmbeddedPostgres, seconds: float, say: Callable[[dict[str, Any]], None]) -> None:
    """Every way in turn on one database, twice, the better counts."""
    await create_database(postgres.address)
    await prepared(postgres.address)
    pool = await create_pool(postgres.address, Role.APP, min_size=CONNECTIONS, max_size=CONNECTIONS)
    best: dict[str, float] = {}
    for _ in range(2):
        for name, (work, workers) in ways(pool).items():
            best[name] = max(best.get(name, 0.0), await per_second(work, workers, seconds))
    async with pool.acquire() as conn:
        assert await faults(conn) == 0
    await pool.close()
    usual = best["three updates"]
    for name, figure in best.items():
        goal = {"goal": GOAL} if name.startswith(f"proved, {BATCH}") else {}
        say({"way": name, "sales_per_second": figure, "times_three_updates": figure / usual, **goal})


def main() -> None:
    options = arguments("Sales posted a second, beside the usual three updates")
    with tempfile.TemporaryDirectory(prefix="gavelhouse-bench-") as folder:
        os.chmod(folder, 0o711)
        with EmbeddedPostgres(Path(folder) / "data") as postgres:
            uvloop.run(measure(postgres, options.seconds, lambda row: tell(row, as_json=options.json)))


if __name__ == "__main__":
    main()
