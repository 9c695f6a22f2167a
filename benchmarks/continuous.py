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
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvloop

from benchmarks.report import arguments, tell
from market.config import Config
from market.matching import desk, making
from market.matching.acts import Enter
from market.matching.board_facts import Board, BoardRules, StoredOrder
from market.matching.commits import BoardCommits
from market.matching.continuous import Book
from market.matching.facts import Mode, Order, Side
from migrations.database import Role, connect, create_pool
from migrations.embedded_postgres import EmbeddedPostgres, create_database
from migrations.runner import migrate

if TYPE_CHECKING:
    from migrations.database import Address, Connection, Pool

PURE_GOAL = 100_000
DURABLE_GOAL = 2.0
SENDERS, PARTIES, POSTS = 200, 400, 40_000
NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
CONFIG = Config()


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


async def prepared(address: Address) -> tuple[list[Board], list[tuple[int, int]]]:
    """Two boards, and posts of many parties: supply over demand but for one in ten, which meets."""
    conn = await connect(address, Role.OWNER)
    await migrate(conn)
    parties = await conn.fetch(
        "insert into market.party (email, display_name, language, roles, created_at)"
        " select 'p' || n || '@example.org', 'Party ' || n, 'en', '{member}', $2 from generate_series(1, $1) n returning id",
        PARTIES,
        NOW,
    )
    ids = [row["id"] for row in parties]
    rules = BoardRules(
        category="hot_rolled_coil",
        term="FOB",
        currency="CNY",
        country="CN",
        place="Shanghai",
        lead_days=5,
        window_days=20,
        mode=Mode.CONTINUOUS,
        tick_minor=1,
    )
    boards = []
    for _ in range(2):
        made = await making.open_board(conn, rules, ids[0], "to measure", NOW)
        assert isinstance(made, Board)
        boards.append(made)
    posts = await _posts(conn, ids)
    await conn.close()
    return boards, posts


async def _posts(conn: Connection, ids: list[int]) -> list[tuple[int, int]]:
    dice = random.Random(3)
    sides = [n % 2 for n in range(POSTS)]
    owners = [dice.choice(ids[side::2]) for side in sides]
    limits = [400_000 + (1 if side else -1) * (dice.randrange(-20, 200)) for side in sides]
    rows = await conn.fetch(
        "insert into market.post (party_id, side, category, title_en, quantity, price_minor, currency, country, place,"
        " delivery_from, delivery_to, term, valid_until, posted_at, updated_at, shown_at, listed_at, moved_at)"
        " select p, s, 'hot_rolled_coil', 'Coil', 1 + n % 50, l, 'CNY', 'CN', 'Baoshan', $4, $5, 'FOB', $6, $7, $7, $7,"
        " date_trunc('hour', $7::timestamptz), $7 from unnest($1::bigint[], $2::text[], $3::bigint[])"
        " with ordinality as u (p, s, l, n) order by n returning id, party_id",
        owners,
        [("demand", "supply")[side] for side in sides],
        limits,
        date(2026, 11, 20),
        date(2026, 12, 31),
        NOW + timedelta(days=30),
        NOW,
    )
    return [(row["id"], row["party_id"]) for row in rows]


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
    boards, posts = await prepared(postgres.address)
    pool = await create_pool(postgres.address, Role.APP, min_size=8, max_size=8)
    alone = await one_by_one(pool, boards[0], posts, seconds)
    batched = await together(pool, boards[1], posts, seconds)
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
