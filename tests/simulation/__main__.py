"""`make simulate SEED=… AUCTIONS=…`: any number of simulated auctions. Ends with status 1 and the seeds if one fails."""

from __future__ import annotations

import argparse
import sys
import time

from tests.simulation.run import play_many, told
from tests.simulation.world import LOTS_PER_WORLD

CHUNK = 800


def main() -> int:
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="the first world's seed (0)")
    parser.add_argument("--auctions", type=int, default=10_000, help="how many auctions at least (10000)")
    wanted = parser.parse_args()
    started, done, faults, seed = time.monotonic(), 0, 0, wanted.seed
    while done < wanted.auctions:
        tally = play_many(seed, min(CHUNK, wanted.auctions - done))
        if tally.failures:
            print(told(tally.failures), file=sys.stderr)  # noqa: T201
            return 1
        done, faults, seed = done + tally.auctions, faults + tally.faults, seed + tally.auctions // LOTS_PER_WORLD
        rate = done / (time.monotonic() - started)
        print(f"{done} auctions, {faults} faults, {rate:.0f} a second", flush=True)  # noqa: T201
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
