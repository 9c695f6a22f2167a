"""A call auction of 100,000 orders, price and every fill: the house's own clearing beside the same in numpy, one run.

`python -m benchmarks.call_auction [--json] [--seconds 3]`. numpy is the reference, here alone: 64-bit integers, so for books
whose sums stay below 2^63. The house's clearing takes Python integers of any size. Both must come to the same.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.report import arguments, tell
from market.matching.columns import Cleared, Column, clear_columns
from market.matching.facts import Rationing, Rules

ORDERS = 100_000
GOAL_MS = 50.0
LEVELS = (200, 2_000, 100_000, 1_000_000_000)


def a_book(levels: int, seed: int) -> tuple[Column, Column]:
    """So many orders, half on each side, their limits anywhere on `levels` prices."""
    dice = random.Random(seed)

    def side() -> Column:
        count = range(ORDERS // 2)
        return Column(
            prices=[10_000 + dice.randrange(levels) for _ in count],
            quantities=[dice.randrange(1, 1_000) for _ in count],
        )

    return side(), side()


def with_numpy(demand: tuple[Any, Any], supply: tuple[Any, Any]) -> tuple[int, int, Any, Any]:
    """Price, volume and fills by the same rules (no reference, by time), vectors all the way."""
    (bid, wanted), (ask, offered) = demand, supply
    bids, asks = np.argsort(-bid, kind="stable"), np.argsort(ask, kind="stable")
    prices = np.unique(np.concatenate((bid, ask)))
    ascending = bids[::-1]
    from_above = np.cumsum(wanted[ascending][::-1])[::-1]
    at = np.searchsorted(bid[ascending], prices, "left")
    asked = np.concatenate((from_above, [0]))[at]
    from_below = np.concatenate(([0], np.cumsum(offered[asks])))
    given = from_below[np.searchsorted(ask[asks], prices, "right")]
    volume = int(np.minimum(asked, given).max())
    low, high = np.concatenate((prices, prices[:-1] + 1)), np.concatenate((prices, prices[1:] - 1))
    over_asked, over_given = np.concatenate((asked, asked[1:])), np.concatenate((given, given[:-1]))
    left = (np.minimum(over_asked, over_given) == volume) & (low <= high)
    over = (over_asked - over_given)[left]
    least = np.abs(over) == np.abs(over).min()
    low, high, over = low[left][least], high[left][least], over[least]
    if (over > 0).all():
        price = int(high.max())
    elif (over < 0).all():
        price = int(low.min())
    else:
        price = (int(low.min()) + int(high.max())) // 2
    return price, volume, _fills(wanted, bids, volume), _fills(offered, asks, volume)


def _fills(quantities: Any, order: Any, volume: int) -> Any:
    sums = np.cumsum(quantities[order])
    units = np.empty_like(quantities)
    units[order] = np.clip(volume - (sums - quantities[order]), 0, quantities[order])
    return units


def best_ms(work: Callable[[], object], seconds: float) -> float:
    """The shortest of as many runs as the time allows, at least three, in time of this program's own on a processor."""
    best, until = float("inf"), time.perf_counter() + seconds
    for n in range(1_000_000):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
        if n >= 2 and time.perf_counter() > until:
            break
    return best * 1000


def main() -> int:
    """Every shape of book in both ways; 1 if one is slower than the goal or the two disagree."""
    given = arguments(__doc__ or "")
    failed = False
    for levels in LEVELS:
        demand, supply = a_book(levels, seed=levels)
        arrays = [(np.array(side.prices), np.array(side.quantities)) for side in (demand, supply)]
        row: dict[str, Any] = {"orders": ORDERS, "prices": levels}
        ours: Cleared | None = None
        for rationing in Rationing:
            rules = Rules(rationing=rationing)
            row[f"{rationing.value}_ms"] = best_ms(partial(clear_columns, demand, supply, rules), given.seconds / 3)
            ours = clear_columns(demand, supply, rules) if rationing is Rationing.TIME else ours
        row["numpy_ms"] = best_ms(partial(with_numpy, *arrays), given.seconds / 3)
        price, volume, bought, sold = with_numpy(*arrays)
        assert ours is not None
        same = (ours.price_minor, ours.volume, ours.bought, ours.sold) == (
            price,
            volume,
            bought.tolist(),
            sold.tolist(),
        )
        row["ratio"] = row["time_ms"] / row["numpy_ms"]
        row["agree"] = same
        row["within_goal"] = max(row["time_ms"], row["pro_rata_ms"]) <= GOAL_MS
        failed = failed or not (same and row["within_goal"])
        tell(row, as_json=given.json)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
