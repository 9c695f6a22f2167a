"""The shill score: how much a bidder's conduct on one seller's lots looks like bidding for the seller. Pure; no I/O.

After Trevathan & Read, "Detecting Shill Bidding in Online English Auctions" (Handbook of Research on Social and
Organizational Liabilities in Information Security, 2009), and its live form by Majadi, Trevathan & Gray (2018): a shill
bids on much of one seller's lots and on little else, hardly ever wins, bids often, early, soon after others and by the
smallest step, and leaves before the end. Here each trait is a share between 0 and 1; the weights are our own, chosen on
the simulated markets of `benchmarks.shill`, which also measures the threshold. A score is a reason to look, no proof.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from enum import StrEnum
from itertools import combinations

from msgspec import Struct

THRESHOLD = 6.75
"""From here on a pair is shown as suspect."""
FEWEST_LOTS = 3
MOST_BIDDERS_PAIRED = 40


class Trait(StrEnum):
    """What the score is made of; `shill.trait_<value>` says it in words."""

    SELLER_SHARE = "seller_share"
    ONLY_SELLER = "only_seller"
    NEVER_WINS = "never_wins"
    MANY_BIDS = "many_bids"
    QUICK = "quick"
    SMALL_STEPS = "small_steps"
    EARLY = "early"
    LEAVES = "leaves"


WEIGHTS: dict[Trait, float] = {
    Trait.SELLER_SHARE: 2,
    Trait.ONLY_SELLER: 6,
    Trait.NEVER_WINS: 6,
    Trait.MANY_BIDS: 3,
    Trait.QUICK: 3,
    Trait.SMALL_STEPS: 4,
    Trait.EARLY: 2,
    Trait.LEAVES: 5,
}


class Play(Struct, frozen=True, kw_only=True):
    """One bidder on one lot. Times are shares of the lot's running time; `wait` are his mean seconds after another's bid,
    `lot_wait` everybody's; `small_raises` of his `raises` were no larger than the smallest on the lot.
    """

    lot_id: int
    seller_id: int
    bidder_id: int
    is_over: bool
    won: bool
    bids: int
    lot_bids: int
    first: float
    last: float
    raises: int
    small_raises: int
    wait: float | None
    lot_wait: float | None


class Suspicion(Struct, frozen=True, kw_only=True):
    """A bidder and a seller, and how much speaks for a common cause. `traits` are the gravest first."""

    bidder_id: int
    seller_id: int
    score: float
    lots: int
    seller_lots: int
    wins: int
    bids: int
    traits: tuple[tuple[Trait, float], ...]
    lot_ids: tuple[int, ...]

    @property
    def is_suspect(self) -> bool:
        return self.score >= THRESHOLD

    @property
    def reasons(self) -> tuple[tuple[Trait, float], ...]:
        """The traits that are marked, at most four."""
        return tuple((trait, value) for trait, value in self.traits if value >= 0.6)[:4]


class Pair(Struct, frozen=True, kw_only=True):
    """Two bidders who meet on one seller's lots: `together` lots of both, of `either`; `elsewhere` met on others'."""

    bidder_ids: tuple[int, int]
    seller_id: int
    together: int
    either: int
    elsewhere: int
    wins: int
    lot_ids: tuple[int, ...]

    @property
    def share(self) -> float:
        """Of the lots on which either bid, on how many both did."""
        return self.together / self.either


def suspicions(plays: Sequence[Play]) -> list[Suspicion]:
    """Every bidder × seller with enough lots to say anything, the highest score first."""
    lots_of_seller: dict[int, set[int]] = defaultdict(set)
    bids_of_bidder: dict[int, int] = defaultdict(int)
    of_pair: dict[tuple[int, int], list[Play]] = defaultdict(list)
    for play in plays:
        lots_of_seller[play.seller_id].add(play.lot_id)
        bids_of_bidder[play.bidder_id] += play.bids
        of_pair[play.bidder_id, play.seller_id].append(play)
    found = [
        suspicion(own, len(lots_of_seller[seller_id]), bids_of_bidder[bidder_id])
        for (bidder_id, seller_id), own in of_pair.items()
        if len(own) >= FEWEST_LOTS
    ]
    return sorted(found, key=lambda each: (-each.score, each.bidder_id, each.seller_id))


def suspicion(own: Sequence[Play], seller_lots: int, all_bids: int) -> Suspicion:
    """The score of one bidder on one seller's lots; `all_bids` are his bids on everybody's."""
    values = traits_of(own, seller_lots, all_bids)
    weighted = sum(WEIGHTS[trait] * value for trait, value in values.items()) / sum(WEIGHTS.values())
    ranked = sorted(values.items(), key=lambda item: (-item[1] * WEIGHTS[item[0]], item[0]))
    return Suspicion(
        bidder_id=own[0].bidder_id,
        seller_id=own[0].seller_id,
        score=round(10.0 * weighted * evidence(len(own)), 2),
        lots=len(own),
        seller_lots=seller_lots,
        wins=sum(play.won for play in own),
        bids=sum(play.bids for play in own),
        traits=tuple(ranked),
        lot_ids=tuple(sorted(play.lot_id for play in own)),
    )


def evidence(lots: int) -> float:
    """How much so many lots can show: three lots three quarters, six nearly all."""
    return 1.0 - 0.5 ** (lots - 1)


def traits_of(own: Sequence[Play], seller_lots: int, all_bids: int) -> dict[Trait, float]:
    """Each trait of a bidder's plays on one seller's lots, 0 to 1."""
    over = [play for play in own if play.is_over]
    raises = sum(play.raises for play in own)
    wins = sum(play.won for play in over)
    return {
        Trait.SELLER_SHARE: len(own) / seller_lots,
        Trait.ONLY_SELLER: sum(play.bids for play in own) / all_bids,
        # Won lots count double: a shill's win costs its seller the commission and the sale.
        Trait.NEVER_WINS: max(0.0, 1.0 - 2.0 * wins / len(over)) if over else 0.5,
        # Nobody bids against himself, so half of the bids is all that one bidder can have.
        Trait.MANY_BIDS: min(1.0, 2.0 * _mean(play.bids / play.lot_bids for play in own)),
        Trait.QUICK: _mean(_quickness(play) for play in own),
        Trait.SMALL_STEPS: sum(play.small_raises for play in own) / raises if raises else 0.0,
        Trait.EARLY: 1.0 - _mean(play.first for play in own),
        Trait.LEAVES: _mean(1.0 - play.last for play in own if not play.won),
    }


def _quickness(play: Play) -> float:
    if play.wait is None or not play.lot_wait:
        return 0.0
    return play.lot_wait / (play.lot_wait + play.wait)


def pairs(plays: Iterable[Play]) -> list[Pair]:
    """Who bids with whom on whose lots, those who meet on nothing else first. Lots with a crowd say nothing of a pair and
    are left out, which also bounds the work.
    """
    on_lot: dict[int, list[Play]] = defaultdict(list)
    for play in plays:
        on_lot[play.lot_id].append(play)
    met: dict[tuple[int, int], dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    lots_of: dict[tuple[int, int], set[int]] = defaultdict(set)
    wins: dict[tuple[int, int], int] = defaultdict(int)
    for lot_id, bidders in on_lot.items():
        seller_id = bidders[0].seller_id
        for play in bidders:
            lots_of[play.bidder_id, seller_id].add(lot_id)
            wins[play.bidder_id, seller_id] += play.won
        if len(bidders) <= MOST_BIDDERS_PAIRED:
            for one, other in combinations(sorted(play.bidder_id for play in bidders), 2):
                met[one, other][seller_id].append(lot_id)
    found = [
        Pair(
            bidder_ids=both,
            seller_id=seller_id,
            together=len(lot_ids),
            either=len(lots_of[both[0], seller_id] | lots_of[both[1], seller_id]),
            elsewhere=sum(len(others) for other, others in by_seller.items() if other != seller_id),
            wins=wins[both[0], seller_id] + wins[both[1], seller_id],
            lot_ids=tuple(sorted(lot_ids)),
        )
        for both, by_seller in met.items()
        for seller_id, lot_ids in by_seller.items()
        if len(lot_ids) >= FEWEST_LOTS
    ]
    return sorted(found, key=lambda pair: (-_closeness(pair), pair.bidder_ids, pair.seller_id))


def _closeness(pair: Pair) -> float:
    return pair.share * evidence(pair.together) * pair.together / (pair.together + pair.elsewhere)


def _mean(values: Iterable[float]) -> float:
    kept = list(values)
    return sum(kept) / len(kept) if kept else 0.0
