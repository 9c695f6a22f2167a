"""A call board of 100,000 orders cleared durably: every post taken from, price printed and party told in one transaction,
then every contract drawn up. Beside it the way in which each fill does all of it in the transaction of the match.

`python -m benchmarks.clearing [--orders 100000] [--contracts 3000] [--json] [--seconds 3]`. One run, one database, fsync
and synchronous_commit on, contracts with their documents and notices. `longest_ms`: how long the event loop, and with it
whatever else the node does, waited at most while the board cleared.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from auction.signing import Signer
from benchmarks.coil_boards import CONFIG, NOW, prepared
from benchmarks.report import tell
from market import notices
from market.contracting import desk as contracting
from market.contracting.facts import Contract, ContractHooks, Origin, OriginKind
from market.currencies import money_text
from market.documents.desk import steps_of
from market.load.processes import cpu_seconds_of_family
from market.matching import desk, fill_contracts, store
from market.matching.acts import Enter
from market.matching.board_facts import Board, StoredOrder
from market.matching.board_terms import terms_of
from market.matching.contract_clock import AT_ONCE
from market.matching.facts import Mode, Trade
from market.trading import posts, prints
from market.trading import store as trading_store
from migrations.database import Role, connect, create_pool
from migrations.embedded_postgres import EmbeddedPostgres, create_database

if TYPE_CHECKING:
    from migrations.database import Address, Connection

RATIO_GOAL = 10.0
"""The board is free again so many times sooner."""
PARTIES, ACTS, SAMPLE = 2_000, 500, 200
SIGNER = Signer.derived("to measure")


def _spread(dice: random.Random, is_supply: bool) -> int:
    """So that three in four meet others."""
    return dice.randrange(-1_000, 1_000) + (-500 if is_supply else 500)


async def enter(conn: Connection, board: Board, entering: Sequence[tuple[int, int]]) -> None:
    """Every post enters the board, as many in a transaction as a program can send."""
    for at in range(0, len(entering), ACTS):
        acts = [Enter(post_id=post, party_id=party) for post, party in entering[at : at + ACTS]]
        async with conn.transaction():
            answers, _ = await desk.act(conn, board.id, acts, NOW)
        assert all(isinstance(one, StoredOrder) for one in answers)


async def analysed(address: Address) -> None:
    """What the database does by itself a minute after so many rows came."""
    conn = await connect(address, Role.OWNER)
    await conn.execute("analyze")
    await conn.close()


async def clear(conn: Connection, board: Board) -> float:
    """The matching transaction; the longest that the event loop waited meanwhile, in seconds."""
    assert board.next_at is not None
    async with watched() as longest, conn.transaction():
        cleared = await desk.clear_board(conn, board.id, board.next_at, CONFIG, SIGNER)
    assert cleared is not None
    return longest[0]


@asynccontextmanager
async def watched() -> AsyncIterator[list[float]]:
    """The longest turn of the event loop so far, in seconds."""
    longest = [0.0]

    async def watch() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.001)
            longest[0] = max(longest[0], time.perf_counter() - began - 0.001)

    task = asyncio.create_task(watch())
    try:
        yield longest
    finally:
        task.cancel()


async def draw(conn: Connection, most: int) -> int:
    """So many contracts and a few, as the clock draws them."""
    done = 0
    while done < most:
        async with conn.transaction():
            looked_at = await fill_contracts.draw_some(conn, NOW, CONFIG, AT_ONCE, oldest=False)
        if not looked_at:
            break
        done += looked_at
    return done


async def fill_by_fill(conn: Connection, board: Board) -> int:
    """The other way: match, then for each fill both posts, its print, its contract, and the notices, in one transaction; how
    many fills.
    """
    orders = [one async for part in store.live_orders(conn, board.id) for one in part]
    by_side = {side: [one for one in orders if one.side == side] for side in ("supply", "demand")}
    pairs = zip(by_side["supply"], by_side["demand"], strict=False)
    meeting = [(one, other) for one, other in pairs if one.price_minor <= other.price_minor]
    category = await trading_store.category(conn, board.category)
    assert category is not None
    async with conn.transaction():
        trades = [
            Trade(supply=s.seq, demand=d.seq, units=min(s.rest, d.rest), price_minor=s.price_minor) for s, d in meeting
        ]
        fills = await store.insert_fills(conn, board.id, None, trades, {one.seq: one.id for one in orders}, NOW)
        for fill, (supply, demand) in zip(fills, meeting, strict=True):
            (sold,) = (await posts.lock_many(conn, [supply.post_id])).values()
            for order in (supply, demand):
                assert await posts.take(conn, order.post_id, fill.units, NOW)
            await prints.record(
                conn,
                source="match",
                ref=fill.id,
                category=board.category,
                term=board.term,
                currency=board.currency,
                price_minor=fill.price_minor,
                quantity=fill.units,
                now=NOW,
            )
            terms = terms_of(
                board,
                category,
                sold.attributes,
                units=fill.units,
                price_minor=fill.price_minor,
                seller_id=supply.party_id,
                buyer_id=demand.party_id,
                at=NOW,
            )
            made = await contracting.draw_up(conn, Origin(OriginKind.MATCH, fill.id), terms, NOW, CONFIG)
            assert isinstance(made, Contract)
            for order in (supply, demand):
                told: dict[str, str | int] = {"price": money_text(fill.price_minor, board.currency)}
                await notices.notify(conn, [order.party_id], "board_sold", told, f"/boards/{board.id}", NOW)
                await posts.off_board(conn, order.post_id)
    return len(fills)


class Work:
    """Time and CPU seconds, this program's and the database's, since it was made; a busy machine blurs the CPU less."""

    def __init__(self, postgres: EmbeddedPostgres) -> None:
        self._postgres = postgres
        self._began, self._cpu = time.perf_counter(), self._cpu_seconds()

    def _cpu_seconds(self) -> float:
        assert self._postgres.process_id is not None, "it has been started"
        return time.process_time() + (cpu_seconds_of_family(self._postgres.process_id) or 0.0)

    def so_far(self) -> tuple[float, float]:
        """Seconds by the clock, and of CPU."""
        return time.perf_counter() - self._began, self._cpu_seconds() - self._cpu


async def run(postgres: EmbeddedPostgres, orders: int, contracts: int) -> dict[str, float | int]:
    """Both ways on one database."""
    await create_database(postgres.address)
    board, sample, made = await prepared(
        postgres.address, Mode.CALL, parties=PARTIES, posts=orders + SAMPLE, spread=_spread
    )
    contracting.use_hooks(ContractHooks(on_drawn_up=steps_of(CONFIG).on_drawn_up))
    pool = await create_pool(postgres.address, Role.APP, min_size=1, max_size=2)
    async with pool.acquire() as conn:
        await enter(conn, sample, made[orders:])
        work = Work(postgres)
        other_fills = await fill_by_fill(conn, sample)
        other_seconds, other_cpu = work.so_far()
        work = Work(postgres)
        await enter(conn, board, made[:orders])
        entering, _ = work.so_far()
        await analysed(postgres.address)
        work = Work(postgres)
        longest = await clear(conn, board)
        seconds, cpu = work.so_far()
        fills = await conn.fetchval("select count(*) from market.fill where board_id = $1", board.id)
        work = Work(postgres)
        drawn = await draw(conn, contracts)
        drawing, drawing_cpu = work.so_far()
    await pool.close()
    ratio = (other_seconds / other_fills) / (seconds / fills)
    return {
        "orders": orders,
        "entered_per_second": orders / entering,
        "fills": fills,
        "cleared_seconds": seconds,
        "cpu_seconds": cpu,
        "ms_a_fill": seconds * 1000 / fills,
        "fill_by_fill_ms_a_fill": other_seconds * 1000 / other_fills,
        "ratio": ratio,
        "ratio_of_cpu": (other_cpu / other_fills) / (cpu / fills),
        "longest_ms": longest * 1000,
        "contracts_per_second": drawn / drawing,
        "cpu_ms_a_contract": drawing_cpu * 1000 / drawn,
        "within_goal": ratio >= RATIO_GOAL,
    }


def main() -> int:
    """1 if the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--contracts", type=int, default=3_000, help="so many of the fills are drawn up")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--seconds", type=float, help="taken like every benchmark's; the size is given by --orders")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="gavelhouse-bench-"))
    os.chmod(folder, 0o711)
    with EmbeddedPostgres(folder / "data") as postgres:
        row = uvloop.run(run(postgres, given.orders, given.contracts))
    tell(row, as_json=given.json)
    return int(not row["within_goal"])


if __name__ == "__main__":
    sys.exit(main())
