"""Does the shill score find rings and leave honest bidders alone? `python -m benchmarks.shill [--json] [--markets 20]`.

Simulated markets with seeds: sellers with lots in a trade of their own, honest bidders of several kinds, and some sellers
with a ring of one to three shills. Told for the threshold that the operator's page uses: recall (rings and shills found),
false positives (honest bidders shown as suspect), precision, and the same for other thresholds. Seeds 1000 and up are
for choosing weights; the figures are of seeds that were not looked at for that.
"""

from __future__ import annotations

import argparse
import heapq
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.report import tell
from market.shill_score import THRESHOLD, Play, Suspicion, suspicions

TRADES, SELLERS, LOTS_A_SELLER, BIDDERS, RINGS = 8, 40, 12, 400, 8
STEP = 10
LOT_SECONDS = 86_400.0


@dataclass
class Bidder:
    """How somebody bids. `reaction` are mean seconds until he answers another's bid; `small` is how often he takes the
    smallest step; `arrives` when he first looks, as a share of the time; `leaves` when he stops.
    """

    id: int
    kind: str
    trades: tuple[int, ...] = ()
    seller: int | None = None
    means: float = 1.0
    interest: float = 0.15
    reaction: float = 3000.0
    small: float = 0.55
    arrives: tuple[float, float] = (0.0, 0.9)
    leaves: float = 1.0


@dataclass
class SimulatedLot:
    """A lot and its accepted bids: (bidder, seconds since the start, amount)."""

    id: int
    seller: int
    bids: list[tuple[int, float, int]] = field(default_factory=list)

    @property
    def winner(self) -> int | None:
        return self.bids[-1][0] if self.bids else None


@dataclass
class Market:
    """What happened, and who was a shill for whom."""

    lots: list[SimulatedLot]
    kinds: dict[int, str]
    shills: dict[int, int]

    def plays(self) -> list[Play]:
        return [play for lot in self.lots for play in plays_of(lot, LOT_SECONDS)]


def simulate(seed: int) -> Market:
    """One market, the same for the same seed."""
    chance = random.Random(seed)
    bidders = [_honest(chance, number) for number in range(BIDDERS)]
    ringed = chance.sample(range(SELLERS), RINGS)
    shills: dict[int, int] = {}
    rings: dict[int, list[Bidder]] = {}
    for seller in ringed:
        careful = chance.random() < 0.5
        rings[seller] = [
            _shill(chance, BIDDERS + len(shills) + n, seller, careful) for n in range(chance.choice((1, 1, 2, 3)))
        ]
        shills |= {shill.id: seller for shill in rings[seller]}
    lots = []
    for number in range(SELLERS * LOTS_A_SELLER):
        seller = number % SELLERS
        lot = SimulatedLot(number + 1, seller)
        value = chance.lognormvariate(7.0, 0.5)
        present = [one for one in bidders if chance.random() < _interest(one, seller)]
        present += [one for one in rings.get(seller, ()) if chance.random() < one.interest]
        # A careful shill bids on others' lots as well, low and without meaning it.
        camouflage = [s for ring in rings.values() for s in ring if s.kind == "careful shill" and s.seller != seller]
        present += [one for one in camouflage if chance.random() < 0.02]
        _run(chance, lot, value, present)
        lots.append(lot)
    kinds = {one.id: one.kind for one in (*bidders, *(shill for ring in rings.values() for shill in ring))}
    return Market(lots, kinds, shills)


def _honest(chance: random.Random, number: int) -> Bidder:
    kind = chance.choices(("ordinary", "sniper", "collector", "hunter", "eager", "poor fan"), (50, 15, 12, 12, 9, 2))[0]
    trades = tuple(chance.sample(range(TRADES), chance.choice((1, 2, 3))))
    common: dict[str, Any] = {"id": number, "kind": kind, "trades": trades, "means": chance.uniform(0.7, 1.25)}
    reaction = chance.uniform(600, 9000)
    match kind:
        case "sniper":
            return Bidder(**common, arrives=(0.96, 0.999), reaction=60)
        case "collector":
            return Bidder(
                **common, seller=chance.randrange(SELLERS), interest=chance.uniform(0.4, 0.8), reaction=reaction
            )
        case "hunter":
            return Bidder(**{**common, "means": chance.uniform(0.4, 0.7)}, interest=0.25, reaction=reaction, small=0.8)
        case "eager":
            return Bidder(**common, reaction=chance.uniform(60, 600), small=0.85, arrives=(0.0, 0.3), interest=0.2)
        case "poor fan":
            means = chance.uniform(0.55, 0.8)
            return Bidder(
                **{**common, "means": means}, seller=chance.randrange(SELLERS), interest=0.6, reaction=reaction
            )
    return Bidder(**common, reaction=reaction)


def _shill(chance: random.Random, number: int, seller: int, careful: bool) -> Bidder:
    if careful:
        return Bidder(
            number, "careful shill", seller=seller, means=chance.uniform(0.75, 0.9), interest=chance.uniform(0.5, 0.8),
            reaction=chance.uniform(300, 2000), small=0.7, arrives=(0.0, 0.4), leaves=chance.uniform(0.85, 0.95),
        )  # fmt: skip
    return Bidder(
        number, "shill", seller=seller, means=chance.uniform(0.75, 0.95), interest=chance.uniform(0.7, 1.0),
        reaction=chance.uniform(30, 300), small=0.9, arrives=(0.0, 0.15), leaves=chance.uniform(0.8, 0.95),
    )  # fmt: skip


def _interest(one: Bidder, seller: int) -> float:
    if one.seller is not None:
        return one.interest if one.seller == seller else 0.01
    return one.interest if seller % TRADES in one.trades else 0.0


def _run(chance: random.Random, lot: SimulatedLot, value: float, present: Sequence[Bidder]) -> None:
    """An English auction in continuous time: who is not leading and can pay more answers after a while."""
    limit = {one.id: value * one.means * chance.lognormvariate(0, 0.15) for one in present}
    for one in present:
        if one.kind == "careful shill" and one.seller != lot.seller:
            limit[one.id] = value * 0.4
    queue = [(LOT_SECONDS * chance.uniform(*one.arrives), number) for number, one in enumerate(present)]
    heapq.heapify(queue)
    price, leader = int(value * 0.3) // STEP * STEP, -1
    while queue:
        at, number = heapq.heappop(queue)
        one = present[number]
        if at >= LOT_SECONDS * one.leaves:
            continue
        if one.id != leader:
            steps = 1 if chance.random() < one.small else chance.randint(2, 6)
            amount = price + STEP * steps
            if amount > limit[one.id]:
                amount = price + STEP
            if amount > limit[one.id]:
                continue
            price, leader = amount, one.id
            lot.bids.append((one.id, at, amount))
        heapq.heappush(queue, (at + chance.expovariate(1.0 / one.reaction), number))


def plays_of(lot: SimulatedLot, seconds: float, *, is_over: bool = True) -> list[Play]:
    """The facts of the score from a lot's bids, said plainly; `market/queries/shill.sql` says the same to the database."""
    own: dict[int, list[int]] = defaultdict(list)
    raises: dict[int, list[int]] = defaultdict(list)
    waits: dict[int, list[float]] = defaultdict(list)
    highest: int | None = None
    for index, (bidder, at, amount) in enumerate(lot.bids):
        own[bidder].append(index)
        if highest is not None and amount > highest:
            raises[bidder].append(amount - highest)
        highest = amount if highest is None else max(highest, amount)
        if index and lot.bids[index - 1][0] != bidder:
            waits[bidder].append(at - lot.bids[index - 1][1])
    smallest = min((each for some in raises.values() for each in some), default=0)
    all_waits = [wait for some in waits.values() for wait in some]
    return [
        Play(
            lot_id=lot.id,
            seller_id=lot.seller,
            bidder_id=bidder,
            is_over=is_over,
            won=is_over and lot.winner == bidder,
            bids=len(indexes),
            lot_bids=len(lot.bids),
            first=min(1.0, max(0.0, lot.bids[indexes[0]][1] / seconds)),
            last=min(1.0, max(0.0, lot.bids[indexes[-1]][1] / seconds)),
            raises=len(raises[bidder]),
            small_raises=sum(each <= smallest for each in raises[bidder]),
            wait=_mean(waits[bidder]),
            lot_wait=_mean(all_waits),
        )
        for bidder, indexes in sorted(own.items())
    ]


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def measure(markets: Sequence[Market], thresholds: Sequence[float]) -> list[dict[str, float | int]]:
    """One row a threshold. A ring is found when any of its shills is; an honest bidder is wronged when he is shown as
    suspect with any seller.
    """
    judged: list[tuple[Market, list[Suspicion]]] = [(market, suspicions(market.plays())) for market in markets]
    return [_row(judged, threshold) for threshold in thresholds]


def _row(judged: Sequence[tuple[Market, list[Suspicion]]], threshold: float) -> dict[str, float | int]:
    shills = rings = found_shills = found_rings = honest = wronged = 0
    by_kind: dict[str, int] = defaultdict(int)
    for market, ranked in judged:
        shown = {(each.bidder_id, each.seller_id) for each in ranked if each.score >= threshold}
        hit = {(bidder, seller) for bidder, seller in market.shills.items() if (bidder, seller) in shown}
        accused = {bidder for bidder, _ in shown} - set(market.shills)
        shills += len(market.shills)
        rings += len(set(market.shills.values()))
        found_shills += len(hit)
        found_rings += len({seller for _, seller in hit})
        honest += len(market.kinds) - len(market.shills)
        wronged += len(accused)
        for bidder in accused:
            by_kind[market.kinds[bidder]] += 1
    return {
        "threshold": threshold,
        "ring_recall": found_rings / rings,
        "shill_recall": found_shills / shills,
        "false_positive_rate": wronged / honest,
        "precision": found_shills / max(1, found_shills + wronged),
        "shills": shills,
        "honest": honest,
        "wronged": wronged,
        **{f"wronged_{kind.replace(' ', '_')}": number for kind, number in sorted(by_kind.items())},
    }


def main() -> None:
    """The figures."""
    parser = argparse.ArgumentParser(description="Recall and false positives of the shill score on simulated markets.")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--markets", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1, help="the first seed; each market has the next one")
    wanted = parser.parse_args()
    markets = [simulate(wanted.seed + number) for number in range(wanted.markets)]
    for row in measure(markets, sorted({5.5, 6.0, 6.5, 7.0, 7.5, THRESHOLD})):
        tell({**row, "is_used": row["threshold"] == THRESHOLD}, as_json=wanted.json)


if __name__ == "__main__":
    main()
