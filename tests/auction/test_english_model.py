"""The judge against a naive model that keeps only the list of accepted bids and works everything out anew each time.

The model ranks all the bids ever accepted and reads price, leader and end off that ranking; the judge carries a
standing from bid to bid. They share no code but the facts.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from hypothesis import event, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, composite

from auction.facts import Accepted, GridBase, Lot, Outcome, Phase, Refusal, Refused, Standing
from auction.formats.english import advance, close, judge, lowest_legal, opening
from tests.auction.english_lots import START, a_bid, a_lot, at, bands

PARTIES = (11, 12, 13)


class Asked(NamedTuple):
    second: int
    party: int
    amount: int
    maximum: bool


def naive_step(lot: Lot, price: int) -> int:
    return next(band.increment_minor for band in lot.rule.steps if band.below_minor is None or price < band.below_minor)


class NaiveAuction:
    """Every answer is worked out from `self.accepted` alone, by ranking; nothing else is remembered."""

    def __init__(self, lot: Lot) -> None:
        self.lot = lot
        self.accepted: list[Asked] = []

    def ranking(self, count: int) -> list[tuple[int, int]]:
        """(amount, party), the best first, of the first `count` bids: a party's highest, the earlier of equals first."""
        best: dict[int, tuple[int, int]] = {}
        for order, asked in enumerate(self.accepted[:count]):
            if asked.party not in best or asked.amount > -best[asked.party][0]:
                best[asked.party] = (-asked.amount, order)
        return [(-amount, party) for (amount, _), party in sorted((key, party) for party, key in best.items())]

    def price(self, count: int) -> int | None:
        """The highest price that any of the first `count` bids made necessary."""
        if count == 0:
            return None
        start, asked, ranks = self.lot.rule.start_price_minor, self.accepted[count - 1], self.ranking(count)
        floors = [start, self.price(count - 1) or start]
        if not asked.maximum:
            floors.append(asked.amount)
        if not self.is_own_raise(count) and len(ranks) > 1:
            top, second = ranks[0][0], ranks[1][0]
            floors.append(min(top, second + naive_step(self.lot, second)))
        if self.lot.reserve_minor is not None and ranks[0][0] >= self.lot.reserve_minor:
            floors.append(self.lot.reserve_minor)
        return max(floors)

    def leader(self, count: int) -> int | None:
        return self.ranking(count)[0][1] if count else None

    def is_own_raise(self, count: int) -> bool:
        return count > 1 and self.accepted[count - 1].party == self.leader(count - 1)

    def is_public(self, count: int) -> bool:
        return not self.is_own_raise(count) or self.price(count) != self.price(count - 1)

    def end(self) -> int:
        """In seconds after the start. Each distinct second of a public bid in the delayed phase is one extension."""
        rule = self.lot.rule
        seconds = [asked.second for count, asked in enumerate(self.accepted, 1) if self.is_public(count)]
        first_end = (rule.timed_seconds or 0) + (rule.extension_seconds or 0)
        window = rule.extension_seconds or rule.soft_close_seconds
        if window is None:
            return first_end
        resets = sorted({second for second in seconds if second + window > first_end})
        cap = None if rule.cap_at is None else int((rule.cap_at - START).total_seconds())
        resets = resets[: rule.cap_extensions]
        return max([first_end, *(second + window if cap is None else min(second + window, cap) for second in resets)])

    def refusal(self, asked: Asked) -> Refusal | None:
        """The first rule the bid breaks."""
        count = len(self.accepted)
        price, base = self.price(count), self.lot.rule.start_price_minor
        step = naive_step(self.lot, base if price is None else price)
        if self.lot.rule.grid_base is GridBase.CURRENT and price is not None:
            base = price
        off_grid = self.lot.rule.grid_base is not GridBase.NONE and (asked.amount - base) % step != 0
        leads = price is not None and asked.party == self.leader(count)
        broken = [
            (asked.amount <= 0, Refusal.MALFORMED_AMOUNT),
            (asked.second < 0, Refusal.NOT_STARTED),
            (asked.second >= self.end(), Refusal.CLOSED),
            (leads and not asked.maximum, Refusal.ALREADY_LEADING),
            (leads and asked.amount <= self.ranking(count)[0][0], Refusal.MAXIMUM_NOT_RAISED),
            (not leads and asked.amount < (base if price is None else price + step), Refusal.BELOW_MINIMUM),
            (off_grid, Refusal.OFF_GRID),
        ]
        return next((refusal for is_broken, refusal in broken if is_broken), None)


@composite
def lots(draw: DrawFn) -> Lot:
    timed, extension, soft_close = draw(
        st.sampled_from([(40, 20, None), (40, None, None), (None, 20, None), (40, None, 20), (5, 60, None)])
    )
    cap = draw(st.sampled_from([(None, None), (1, None), (3, None), (None, 75), (None, 10), (None, 61)]))
    return a_lot(
        start_price_minor=draw(st.sampled_from([100, 95])),
        steps=draw(
            st.sampled_from([bands((None, 10)), bands((130, 5), (200, 20), (None, 50)), bands((150, 7), (None, 3))])
        ),
        grid_base=draw(st.sampled_from(list(GridBase))),
        timed_seconds=timed,
        extension_seconds=extension,
        soft_close_seconds=soft_close,
        cap_extensions=cap[0],
        cap_at=None if cap[1] is None else at(cap[1]),
        reserve=draw(st.sampled_from([None, 100, 150, 165, 400])),
    )


@composite
def bids(draw: DrawFn) -> list[tuple[int, int, int, bool]]:
    """(seconds since the last, party, how far above the lowest legal amount or -1 for just any, maximum)."""
    gap = st.integers(0, 12)
    above = st.one_of(st.sampled_from([0, 10, 20, 30, 60]), st.integers(-20, 120))
    return draw(st.lists(st.tuples(gap, st.sampled_from(PARTIES), above, st.booleans()), max_size=18))


@settings(max_examples=600, deadline=None)
@given(lots(), bids(), st.integers(-6, 3))
def test_the_judge_and_the_naive_model_agree(lot: Lot, asks: list[tuple[int, int, int, bool]], second: int) -> None:
    naive, standing = NaiveAuction(lot), opening(lot)
    for gap, party, above, maximum in asks:
        second += gap
        asked = Asked(second, party, lowest_legal(lot, standing) + above, maximum)
        verdict = judge(lot, standing, a_bid(party, asked.amount, second, maximum=maximum), admitted=True)
        expected = naive.refusal(asked)
        if isinstance(verdict, Refused):
            event(verdict.refusal)
            assert verdict.refusal is expected
            continue
        assert expected is None
        naive.accepted.append(asked)
        _same(naive, standing, verdict)
        _invariants(lot, standing, verdict, second)
        standing = verdict.standing
    end = at(naive.end())
    closed = close(lot, standing, end)
    assert closed.closed_at == advance(lot, standing, end).ends_at == end
    price = naive.price(len(naive.accepted))
    met = price is not None and price >= (lot.reserve_minor or 0)
    assert closed.outcome is (Outcome.SOLD if met else Outcome.UNSOLD)


def _same(naive: NaiveAuction, before: Standing, verdict: Accepted) -> None:
    count, standing = len(naive.accepted), verdict.standing
    assert standing.price_minor == naive.price(count)
    assert standing.leader_id == naive.leader(count)
    assert standing.leader_maximum_minor == naive.ranking(count)[0][0]
    assert standing.bid_count == sum(naive.is_public(number) for number in range(1, count + 1))
    assert bool(verdict.lines) == naive.is_public(count)
    assert verdict.extended == (standing.extension_count > before.extension_count)
    if standing.phase is Phase.DELAYED or naive.lot.rule.extension_seconds is None:
        assert standing.ends_at == at(naive.end())
    if naive.is_own_raise(count):
        event("own raise")
    if verdict.extended:
        event("extended")


def _invariants(lot: Lot, before: Standing, verdict: Accepted, second: int) -> None:
    """TRUST 3 and 6: the leader is the best, the price rises in lawful steps; the end never moves back."""
    standing, rule = verdict.standing, lot.rule
    assert standing.ends_at >= before.ends_at
    assert (standing.version, standing.seq, standing.head) == (before.version, before.seq, before.head)
    if verdict.lines and standing.phase is Phase.DELAYED and rule.cap_at is None and rule.cap_extensions is None:
        assert rule.extension_seconds is not None
        assert standing.ends_at >= at(second + rule.extension_seconds)
    if standing.ends_at > advance(lot, before, at(second)).ends_at and rule.cap_at is not None:
        assert standing.ends_at <= rule.cap_at
    assert standing.price_minor is not None and standing.leader_maximum_minor is not None
    assert rule.start_price_minor <= standing.price_minor <= standing.leader_maximum_minor
    assert standing.price_minor >= (before.price_minor or 0)
    if verdict.lines:
        last = verdict.lines[-1]
        assert (last.party_id, last.amount_minor) == (standing.leader_id, standing.price_minor)
        assert all(low.amount_minor <= high.amount_minor for low, high in pairwise(verdict.lines))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PARTIES), st.integers(0, 40), st.booleans()), max_size=25))
def test_with_one_step_every_price_is_a_whole_number_of_steps_above_the_start(
    asks: list[tuple[int, int, bool]],
) -> None:
    lot = a_lot(start_price_minor=95, reserve=295)
    standing = opening(lot)
    for party, steps, maximum in asks:
        verdict = judge(lot, standing, a_bid(party, 95 + 10 * steps, 30, maximum=maximum), admitted=True)
        if isinstance(verdict, Accepted):
            standing = verdict.standing
            assert standing.price_minor is not None and (standing.price_minor - 95) % 10 == 0


@settings(max_examples=300, deadline=None)
@given(lots(), bids())
def test_the_lowest_legal_amount_is_legal_and_none_below_it_is(
    lot: Lot, asks: list[tuple[int, int, int, bool]]
) -> None:
    standing = opening(lot)
    for _, party, above, maximum in asks:
        verdict = judge(
            lot, standing, a_bid(party, lowest_legal(lot, standing) + above, 1, maximum=maximum), admitted=True
        )
        standing = verdict.standing if isinstance(verdict, Accepted) else standing
    lowest = lowest_legal(lot, standing)
    assert isinstance(judge(lot, standing, a_bid(99, lowest, 1), admitted=True), Accepted)
    for amount in range(max(1, lowest - 60), lowest):
        assert isinstance(judge(lot, standing, a_bid(99, amount, 1), admitted=True), Refused)
