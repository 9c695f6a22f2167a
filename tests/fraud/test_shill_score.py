"""The shill score: its rules by table, the database's facts beside the plain ones, and a floor under its measure."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from auction import store
from auction.batch import Answer
from auction.facts import StepBand
from benchmarks.shill import SimulatedLot, measure, plays_of, simulate
from market import shill_records
from market.shill_score import THRESHOLD, WEIGHTS, Play, Trait, evidence, pairs, suspicion, suspicions
from tests.auction.house import a_lot, open_lot, open_node

if TYPE_CHECKING:
    from migrations.database import Pool

SHILL, HONEST, SELLER = 7, 8, 1


def play(**changes: Any) -> Play:
    fields: dict[str, Any] = {
        "lot_id": 1, "seller_id": SELLER, "bidder_id": SHILL, "is_over": True, "won": False, "bids": 5, "lot_bids": 10,
        "first": 0.05, "last": 0.6, "raises": 5, "small_raises": 5, "wait": 60.0, "lot_wait": 3000.0,
    }  # fmt: skip
    return Play(**{**fields, **changes})


def plays(lots: int, **changes: Any) -> list[Play]:
    return [play(lot_id=number + 1, **changes) for number in range(lots)]


def test_whoever_does_all_that_a_shill_does_is_suspect() -> None:
    assert suspicion(plays(6), 6, 30).score > 8


WORSE_TO_BETTER = {
    Trait.SELLER_SHARE: ({}, {}),
    Trait.ONLY_SELLER: ({}, {}),
    Trait.NEVER_WINS: ({}, {"won": True}),
    Trait.MANY_BIDS: ({}, {"bids": 1}),
    Trait.QUICK: ({}, {"wait": 20_000.0}),
    Trait.SMALL_STEPS: ({}, {"small_raises": 0}),
    Trait.EARLY: ({}, {"first": 0.55}),
    Trait.LEAVES: ({}, {"last": 0.99}),
}


@pytest.mark.parametrize("trait", WEIGHTS)
def test_each_trait_counts(trait: Trait) -> None:
    worse, better = WORSE_TO_BETTER[trait]
    seller_lots, all_bids = (60, 30) if trait is Trait.SELLER_SHARE else (6, 300 if trait is Trait.ONLY_SELLER else 30)
    assert suspicion(plays(6, **better), seller_lots, all_bids).score < suspicion(plays(6, **worse), 6, 30).score


def test_two_lots_say_nothing_and_more_lots_say_more() -> None:
    assert suspicions(plays(2)) == []
    scores = [suspicions(plays(lots))[0].score for lots in (3, 4, 6, 10)]
    assert scores == sorted(scores) and evidence(3) == 0.75


def test_a_win_in_each_second_lot_takes_the_weightiest_trait_away() -> None:
    won = [play(lot_id=number + 1, won=number % 2 == 0) for number in range(6)]
    assert dict(suspicion(won, 6, 30).traits)[Trait.NEVER_WINS] == 0.0


def test_a_pair_that_meets_on_one_sellers_lots_alone_comes_first() -> None:
    together = [play(lot_id=lot, bidder_id=who) for lot in (1, 2, 3, 4) for who in (SHILL, 9)]
    elsewhere = [play(lot_id=lot, bidder_id=who, seller_id=2) for lot in (11, 12, 13, 14) for who in (3, 4)]
    elsewhere += [play(lot_id=lot, bidder_id=who, seller_id=5) for lot in (21, 22, 23, 24) for who in (3, 4)]
    first, *others = pairs(together + elsewhere)
    assert (first.bidder_ids, first.seller_id, first.together, first.either) == ((SHILL, 9), SELLER, 4, 4)
    assert {pair.elsewhere for pair in others} == {4}


def test_a_crowd_is_no_pair() -> None:
    assert pairs([play(lot_id=lot, bidder_id=who) for lot in (1, 2, 3) for who in range(1, 60)]) == []


def test_rings_are_found_and_honest_bidders_left_alone() -> None:
    (row,) = measure([simulate(seed) for seed in (1, 2, 3, 4)], [THRESHOLD])
    assert row["ring_recall"] >= 0.85 and row["shill_recall"] >= 0.75, row
    assert row["false_positive_rate"] <= 0.01 and row["precision"] >= 0.8, row


async def test_the_database_tells_the_same_facts_as_the_plain_count(pool: Pool) -> None:
    chance = random.Random(4)
    parties = [21, 22, 23, 24]
    told: list[SimulatedLot] = []
    async with open_node(pool) as node:
        starts = node.node_time.now() - timedelta(hours=1)
        for lot_id in (1, 2, 3):
            lot = a_lot(
                lot_id, starts_at=starts, start_price_minor=100, steps=(StepBand(increment_minor=100),),
                extension_seconds=86_400, seller_id=5,
            )  # fmt: skip
            await open_lot(pool, lot, *parties)
            simulated, at, price, leader = SimulatedLot(lot_id, 5), 0.0, 0, 0
            for _ in range(25):
                at += chance.uniform(1, 100)
                bidder = chance.choice([party for party in parties if party != leader])
                price, leader = price + 100 * chance.choice((1, 1, 2, 5)), bidder
                answer: Answer = await node.bid(lot_id, bidder, price, stamped_at=starts + timedelta(seconds=at))
                assert answer.refusal is None
                simulated.bids.append((bidder, at, price))
            told.append(simulated)
        async with pool.acquire() as conn:
            ends = dict(await store.open_ends(conn))
            found = await shill_records.plays(conn, starts)
    plain = [each for lot in told for each in plays_of(lot, (ends[lot.id] - starts).total_seconds(), is_over=False)]
    assert [rounded(each) for each in found] == [rounded(each) for each in plain]


def rounded(one: Play) -> tuple[object, ...]:
    values = [getattr(one, name) for name in one.__struct_fields__]
    return tuple(round(value, 3) if isinstance(value, float) else value for value in values)
