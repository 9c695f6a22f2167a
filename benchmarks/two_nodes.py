"""Two node processes on one hot lot: is the log without gap or duplicate, and does neither node starve?

`python -m benchmarks.two_nodes [--json] [--seconds 3]`. Half the bidders on each node. What one node commits first makes
most of what the other judged meanwhile too low, so many bids are refused; a refusal is an answer and waits as long.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import uvloop

from auction import store
from benchmarks.report import arguments, percentile, tell
from market.load.crowd import Crowd
from market.load.throwaway import House, allow_many_sockets, node, open_lots, throwaway_database
from migrations.database import Address, Role, connect

LOT, BIDDERS, GOAL = 1, 64, 1.5
PARTIES = range(100, 100 + BIDDERS)


async def both(houses: tuple[House, House], seconds: float, tell_row: Callable[[dict[str, Any]], None]) -> list[float]:
    """Bid on both at once; the p99 of each in ms. The amounts are dealt out by one counter."""
    crowds = [Crowd(house.target) for house in houses]
    crowds[1].courses = crowds[0].courses
    for crowd in crowds:
        await crowd.gather(0, BIDDERS // 2)
    for length in (min(1.0, seconds), seconds):
        for crowd in crowds:
            crowd.forget()
        began = time.perf_counter()
        await asyncio.gather(*(crowd.bid(length) for crowd in crowds))
        took = time.perf_counter() - began
        counts = [(crowd.accepted, sum(crowd.refused.values())) for crowd in crowds]
        await asyncio.gather(*(crowd.last_answers() for crowd in crowds))
    slowest = []
    for name, crowd, (accepted, refused) in zip(("first", "second"), crowds, counts, strict=True):
        slowest.append(percentile(list(crowd.waits), 0.99) * 1000)
        figures = {"p50_ms": percentile(list(crowd.waits), 0.5) * 1000, "p99_ms": slowest[-1]}
        tell_row(
            {"node": name, "accepted_per_second": accepted / took, "refused_per_second": refused / took, **figures}
        )
        crowd.leave()
    return slowest


async def gaps_and_duplicates(address: Address) -> tuple[int, int]:
    """How many events the log has, and how many of its seqs are not one after the one before."""
    conn = await connect(address, Role.APP)
    try:
        seqs = [row.seq for row in await store.events(conn, LOT, 0, 10_000_000)]
    finally:
        await conn.close()
    return len(seqs), sum(seq != place for place, seq in enumerate(seqs, start=1))


def measure(seconds: float, say: Callable[[dict[str, Any]], None]) -> None:
    allow_many_sockets(BIDDERS)
    with throwaway_database() as postgres:
        uvloop.run(open_lots(postgres.address, [LOT], PARTIES))
        with (
            node(postgres, lots=[LOT], parties=BIDDERS) as first,
            node(postgres, lots=[LOT], parties=BIDDERS) as second,
        ):
            slowest = uvloop.run(both((first, second), seconds, say))
            events, wrong = uvloop.run(gaps_and_duplicates(postgres.address))
        ratio = max(slowest) / min(slowest)
        say({"slower p99 / faster": ratio, "goal": GOAL, "reached": ratio <= GOAL})
        say({"events": events, "gaps or duplicates": wrong, "goal": 0, "reached": wrong == 0})


def main() -> None:
    options = arguments("Two nodes on one hot lot")
    measure(options.seconds, lambda row: tell(row, as_json=options.json))


if __name__ == "__main__":
    main()
