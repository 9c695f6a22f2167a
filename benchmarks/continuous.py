"""Orders on a continuous board a second: the pure book, then durable, many acts a transaction beside one transaction an act.

`python -m benchmarks.continuous [--json] [--seconds 3]`. Durable means all that an order is: its post locked and marked, the
order written, and of one in ten a trade with both posts taken from, the price printed and both told; its contract follows. One run,
one database, fsync and synchronous_commit on.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvloop

from benchmarks.coil_boards import NOW, prepared
from benchmarks.report import arguments, tell
from market.matching import desk
from market.matching.acts import Enter
from market.matching.board_facts import Board, StoredOrder
from market.matching.commits import BoardCommits
from market.matching.continuous import Book
from market.matching.facts import Mode, Order, Side
from migrations.database import Role, create_pool
from migrations.embedded_postgres import EmbeddedPostgres, create_database

if TYPE_CHECKING:
    from migrations.database import Pool

PURE_GOAL = 100_000
DURABLE_GOAL = 2.0
SENDERS, PARTIES, POSTS = 200, 400, 40_000


def pure_per_second(seconds: float) -> tuple[float, int]:
    """Acts a second on the book alone, in this program's own time on a processor: three in ten withdraw, the others enter."""
    dice = random.Random(7)
    acts: list[Order | int] = []
    for seq in range(1, 200_001):
        if seq > 100 and dice.random() < 0.3:
            acts.append(dice.randrange(max(1, seq - 2_000), seq))
        else:
            side = Side.SUPPLY if dice.random() < 0.5 else Side.DEMAND
            acts.append(
                Order(seq=seq, side=side, price_minor=1_000 + dice.randrange(100), quantity=dice.randrange(1, 100))
            )
    best, trades, until = 0.0, 0, time.perf_counter() + seconds
    while best == 0.0 or time.perf_counter() < until:
        book, trades, began = Book(), 0, time.process_time()
        for act in acts:
            if isinstance(act, int):
                book.withdraw(act)
            else:
                trades += len(book.enter(act))
        best = max(best, len(acts) / (time.process_time() - began))
    return best, trades


def _spread(dice: random.Random, is_supply: bool) -> int:
    """Supply over demand but for one in ten, which meets."""
    return (1 if is_supply else -1) * dice.randrange(-20, 200)


async def one_by_one(pool: Pool, board: Board, posts: list[tuple[int, int]], seconds: float) -> float:
    """A transaction an act, from as many senders at once as there are connections."""
    until, done, began = time.perf_counter() + seconds, 0, time.perf_counter()

    async def sender() -> None:
        nonlocal done
        while posts and time.perf_counter() < until:
            post_id, party_id = posts.pop()
            async with pool.acquire() as conn, conn.transaction():
                (answer,), _ = await desk.act(conn, board.id, [Enter(post_id=post_id, party_id=party_id)], NOW)
            assert isinstance(answer, StoredOrder), answer
            done += 1

    await asyncio.gather(*(sender() for _ in range(pool.get_max_size())))
    return done / (time.perf_counter() - began)


async def together(pool: Pool, board: Board, posts: list[tuple[int, int]], seconds: float) -> float:
    """All that have come while the last transaction committed, in one."""
    commits = BoardCommits(pool, lambda: NOW)
    until, done, began = time.perf_counter() + seconds, 0, time.perf_counter()

    async def sender() -> None:
        nonlocal done
        while posts and time.perf_counter() < until:
            post_id, party_id = posts.pop()
            answer = await commits.do(board.id, Enter(post_id=post_id, party_id=party_id))
            assert isinstance(answer, StoredOrder), answer
            done += 1

    await asyncio.gather(*(sender() for _ in range(SENDERS)))
    return done / (time.perf_counter() - began)


async def durable(postgres: EmbeddedPostgres, seconds: float) -> dict[str, Any]:
    """Both ways on one database, on a board of its own each."""
    await create_database(postgres.address)
    one, other, posts = await prepared(postgres.address, Mode.CONTINUOUS, parties=PARTIES, posts=POSTS, spread=_spread)
    pool = await create_pool(postgres.address, Role.APP, min_size=8, max_size=8)
    alone = await one_by_one(pool, one, posts, seconds)
    batched = await together(pool, other, posts, seconds)
    fills = await pool.fetchval("select count(*) from market.fill")
    await pool.close()
    return {
        "one_transaction_an_order_per_second": alone,
        "together_per_second": batched,
        "ratio": batched / alone,
        "trades": fills,
        "within_goal": batched / alone >= DURABLE_GOAL,
    }


def main() -> int:
    """1 if a goal is missed."""
    given = arguments(__doc__ or "")
    pure, trades = pure_per_second(given.seconds)
    tell({"pure_per_second": pure, "trades": trades, "within_goal": pure >= PURE_GOAL}, as_json=given.json)
    folder = Path(tempfile.mkdtemp(prefix="gavelhouse-bench-"))
    os.chmod(folder, 0o711)
    with EmbeddedPostgres(folder / "data") as postgres:
        row = uvloop.run(durable(postgres, given.seconds))
    tell(row, as_json=given.json)
    return int(not (pure >= PURE_GOAL and row["within_goal"]))


if __name__ == "__main__":
    sys.exit(main())
