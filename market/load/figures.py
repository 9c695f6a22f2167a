"""What a load test found, in figures and in one sentence."""

from __future__ import annotations

import time

from msgspec import Struct

from market.load.crowd import Crowd, percentile
from market.load.processes import cpu_seconds, cpu_seconds_of_family, resident_bytes
from market.load.throwaway import House

HEADROOM = 0.7
"""What of its best a machine should be planned for: bids come in gusts."""
WARM_UP_SECONDS = 1.0


class Figures(Struct, frozen=True, kw_only=True):
    """`..._cpu` in cores (1.0 is one core, all the time); None where it can't be known."""

    watchers: int
    bidders: int
    lots: int
    seconds: float
    wanted_per_second: float | None
    accepted_per_second: float
    refused_per_second: float
    p50_ms: float
    p99_ms: float
    frames_per_second: float
    node_cpu: float | None
    database_cpu: float | None
    own_cpu: float
    kib_per_watcher: float | None
    lost_sockets: int

    def sentence(self) -> str:
        """What the machine can carry, for who has to buy one."""
        people = f"{self.watchers + self.bidders:,} people watching"
        did = f"{self.accepted_per_second:,.0f} accepted bids a second with {people}, answered within {self.p99_ms:.0f} ms (p99)"
        if self.wanted_per_second is None:
            return f"At its limit this machine carries {did}; plan for at most {HEADROOM * self.accepted_per_second:,.0f} a second."
        if self.accepted_per_second + self.refused_per_second < 0.95 * self.wanted_per_second:
            return f"This machine could not follow {self.wanted_per_second:,.0f} bids a second: it carried {did}."
        if not self.node_cpu:
            return f"This house carries {did}."
        most = HEADROOM * (self.accepted_per_second + self.refused_per_second) / self.node_cpu
        return (
            f"This machine carries {did}, with {self.node_cpu:.0%} of one core; plan for at most {most:,.0f} a second."
        )


async def measure(house: House, *, watchers: int, bidders: int, seconds: float, per_second: float | None) -> Figures:
    """Send a crowd into the house and say what came of it. Raises CrowdError."""
    crowd = Crowd(house.target)
    before = resident_bytes(house.node_pid) if house.node_pid else None
    try:
        await crowd.gather(watchers, bidders)
        after = resident_bytes(house.node_pid) if house.node_pid else None
        weight = None
        if before is not None and after is not None:
            weight = (after - before) / (watchers + bidders) / 1024
        await crowd.bid(min(WARM_UP_SECONDS, seconds), per_second)
        await crowd.last_answers()
        crowd.forget()
        costs = _costs(house)
        took = await crowd.bid(seconds, per_second)
        node, database, own = (_share(cost, took) for cost in zip(costs, _costs(house), strict=True))
        accepted, refused, frames = crowd.accepted, sum(crowd.refused.values()), crowd.frames
        # How long the last ones waited counts, too; else the slowest answers would be the ones left out.
        await crowd.last_answers()
        return Figures(
            watchers=watchers,
            bidders=bidders,
            lots=len(house.target.lots),
            seconds=took,
            wanted_per_second=per_second,
            accepted_per_second=accepted / took,
            refused_per_second=refused / took,
            p50_ms=percentile(crowd.waits, 0.5) * 1000,
            p99_ms=percentile(crowd.waits, 0.99) * 1000,
            frames_per_second=frames / took,
            node_cpu=node,
            database_cpu=database,
            own_cpu=own or 0.0,
            kib_per_watcher=weight,
            lost_sockets=crowd.lost,
        )
    finally:
        crowd.leave()


def _costs(house: House) -> tuple[float | None, float | None, float]:
    """CPU seconds so far: of the node, of the database, of this process."""
    return (
        cpu_seconds(house.node_pid) if house.node_pid else None,
        cpu_seconds_of_family(house.database_pid) if house.database_pid else None,
        time.process_time(),
    )


def _share(cost: tuple[float | None, float | None], seconds: float) -> float | None:
    before, after = cost
    return None if before is None or after is None else (after - before) / seconds
