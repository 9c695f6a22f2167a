"""Bids over real WebSockets to a server process of its own, beside one transaction a bid with and without a naive broadcast.

`python -m benchmarks.sockets [--json] [--seconds 3]`. One hot lot; every socket watches it. The crowd is that of `gavelhouse bench`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import uvloop
from msgspec.structs import asdict

from benchmarks.report import arguments, tell
from market.load.figures import Figures, measure
from market.load.throwaway import allow_many_sockets, node, open_lots, throwaway_database

WATCHERS, BIDDERS = 1000, 100
HOUSE = ("market.load.node",)
NAIVE = ("benchmarks.naive_node",)
NAIVE_BROADCAST = ("benchmarks.naive_node", "--broadcast")
PARTIES = range(100, 100 + WATCHERS)
SHOWN = (
    "accepted_per_second",
    "refused_per_second",
    "p50_ms",
    "p99_ms",
    "frames_per_second",
    "node_cpu",
    "database_cpu",
    "own_cpu",
)


def measure_all(seconds: float, say: Callable[[dict[str, Any]], None]) -> None:
    """Each way on a lot of its own in one database, in turn."""
    allow_many_sockets(WATCHERS + BIDDERS)
    with throwaway_database() as postgres:
        lots = iter(range(1, 100))

        def run(way: tuple[str, ...], watchers: int, bidders: int, per_second: float | None = None) -> Figures:
            lot_id = next(lots)
            uvloop.run(open_lots(postgres.address, [lot_id], PARTIES))
            with node(postgres, lots=range(lot_id, lot_id + 1), parties=WATCHERS, way=way) as house:
                figures = uvloop.run(
                    measure(house, watchers=watchers, bidders=bidders, seconds=seconds, per_second=per_second)
                )
            shown = {name: value for name, value in asdict(figures).items() if name in SHOWN}
            case = {"way": " ".join(way), "watchers": watchers, "bidders": bidders, "wanted_per_second": per_second}
            say({**case, **shown})
            return figures

        silent = run(NAIVE, 0, WATCHERS)
        loud = run(NAIVE_BROADCAST, 0, WATCHERS)
        house = run(HOUSE, 0, WATCHERS)
        for name, naive, goal in (("no broadcast", silent, 12.0), ("a broadcast per bid", loud, 300.0)):
            # A broadcast to a thousand may take the whole run: a bid not yet answered counts as one.
            ratio = house.accepted_per_second / max(naive.accepted_per_second, 1 / naive.seconds)
            say({"against": f"transaction per bid, {name}", "ratio": ratio, "goal": goal, "reached": ratio >= goal})
        crowded = run(HOUSE, WATCHERS, BIDDERS)
        accepted = crowded.accepted_per_second
        say({"accepted_per_second": accepted, "goal": 10_000.0, "reached": accepted >= 10_000})
        for per_second, goal in ((1000.0, 10.0), (4000.0, 15.0)):
            paced = run(HOUSE, 0, WATCHERS, per_second)
            # Whoever could not keep up has measured something else.
            held = paced.accepted_per_second >= 0.95 * per_second
            say(
                {
                    "wanted_per_second": per_second,
                    "p99_ms": paced.p99_ms,
                    "goal": goal,
                    "reached": held and paced.p99_ms <= goal,
                }
            )


def main() -> None:
    options = arguments("Bids over real sockets, beside the naive way")
    measure_all(options.seconds, lambda row: tell(row, as_json=options.json))


if __name__ == "__main__":
    main()
