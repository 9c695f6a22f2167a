"""The judge against a naive model that keeps only the list of accepted bids and works everything out anew each time.

The model ranks all the bids that stand and reads price, leader and end off that ranking; the judge carries a standing
from bid to bid. They share no code but the facts. Options are in it: buying at once, the timed phase's bidders alone,
rights of priority, bids taken back.
"""

from __future__ import annotations

from itertools import count as numbers
from itertools import pairwise, takewhile
from typing import NamedTuple

from hypothesis import event, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, composite
from msgspec.structs import replace

from auction.facts import (
    Accepted,
    Bid,
    BuyNowUntil,
    DeskRefusal,
    EnglishRule,
    GridBase,
    Lot,
    Outcome,
    Phase,
    Refusal,
    Refused,
    Standing,
)
from auction.formats.english import BUYS_NOW, advance, close, judge, lowest_legal, opening
from auction.formats.english_book import TimedBidders
from auction.formats.english_retraction import MOST_RETRACTIONS, Placed, Retracted, retract
from tests.auction.english_lots import START, a_bid, a_lot, at, bands

PARTIES = (11, 12, 13)


class Asked(NamedTuple):
    second: int
    party: int
    amount: int
    maximum: bool
    buys: bool = False
    number: int = 0
    is_public: bool = True


def naive_step(lot: Lot, price: int) -> int:
    rule: EnglishRule = lot.rule
    return next(band.increment_minor for band in rule.steps if band.below_minor is None or price < band.below_minor)


class NaiveAuction:
    """Every answer is worked out from `self.accepted` alone, by ranking. Of what was taken back only the instants of
    public bids are kept, since the end does not move back.
    """

    def __init__(self, lot: Lot, ranks: dict[int, int] | None = None) -> None:
        self.lot = lot
        self.ranks = ranks or {}
        self.accepted: list[Asked] = []
        self.placed: list[Asked] = []
        """The same as they were placed; they differ once something was taken back."""
        self.gone_seconds: list[int] = []

    def ranking(self, count: int) -> list[tuple[int, int]]:
        """(amount, party), the best first, of the first `count` bids: a party's highest, of equals the better right of
        priority first, then the earlier.
        """
        best: dict[int, tuple[int, int, int]] = {}
        for order, asked in enumerate(self.accepted[:count]):
            if asked.party not in best or asked.amount > -best[asked.party][0]:
                best[asked.party] = (-asked.amount, self.ranks.get(asked.party, 99), order)
        return [(-key[0], party) for key, party in sorted((key, party) for party, key in best.items())]

    def accept(self, asked: Asked) -> None:
        self.accepted.append(asked)
        self.placed.append(asked._replace(is_public=self.is_public(len(self.accepted))))

    def retract(self, number: int) -> None:
        """Leave out a bid and the private raises that stood on it, and go through the others again in order."""
        self.gone_seconds += [asked.second for n, asked in enumerate(self.accepted, 1) if self.is_public(n)]
        index = next(n for n, asked in enumerate(self.placed) if asked.number == number)
        gone = {index}
        if self.placed[index].is_public:
            raises = takewhile(lambda n: not self.placed[n].is_public, range(index + 1, len(self.placed)))
            gone |= {n for n in raises if self.placed[n].party == self.placed[index].party}
        self.placed = [asked for n, asked in enumerate(self.placed) if n not in gone]
        self.accepted = []
        for asked in self.placed:
            count = len(self.accepted)
            price = self.price(count)
            if price is not None and asked.party == self.leader(count):
                if asked.amount > self.ranking(count)[0][0]:
                    self.accepted.append(asked._replace(maximum=True))
            elif price is None or asked.amount >= price + naive_step(self.lot, price) or self.matches(asked):
                self.accepted.append(asked)

    def matches(self, asked: Asked) -> bool:
        """Whether this is the price itself, from a holder whose right is better than the leader's."""
        count = len(self.accepted)
        if asked.amount != self.price(count):
            return False
        return self.ranks.get(asked.party, 99) < self.ranks.get(self.leader(count) or 0, 99)

    def on_offer(self) -> bool:
        """Whether the lot can be bought at once."""
        rule, count = self.lot.rule, len(self.accepted)
        price = self.price(count)
        if rule.buy_now_minor is None or price is None or rule.buy_now_until is BuyNowUntil.FIRST_BID:
            return rule.buy_now_minor is not None and price is None
        met = self.lot.reserve_minor is not None and price >= self.lot.reserve_minor
        return not met and self.naive_lowest(price) < rule.buy_now_minor

    def naive_lowest(self, price: int) -> int:
        step = naive_step(self.lot, price)
        base = {GridBase.START: self.lot.rule.start_price_minor, GridBase.CURRENT: price}.get(self.lot.rule.grid_base)
        return next(amount for amount in numbers(price + step) if base is None or (amount - base) % step == 0)

    def is_shut_out(self, asked: Asked) -> bool:
        """Whether the delayed phase is not for this party."""
        timed, delayed = self.lot.rule.timed_seconds, self.lot.rule.extension_seconds
        if not self.lot.rule.only_timed_bidders or timed is None or delayed is None or asked.second < timed:
            return False
        return asked.party not in {earlier.party for earlier in self.placed if earlier.second < timed}

    @property
    def bought(self) -> Asked | None:
        return self.accepted[-1] if self.accepted and self.accepted[-1].buys else None

    def price(self, count: int) -> int | None:
        """The highest price that any of the first `count` bids made necessary."""
        if count == 0:
            return None
        asked, ranks = self.accepted[count - 1], self.ranking(count)
        start: int = self.lot.rule.start_price_minor
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
        rule: EnglishRule = self.lot.rule
        if self.bought is not None:
            return self.bought.second
        seconds = [asked.second for count, asked in enumerate(self.accepted, 1) if self.is_public(count)]
        seconds += self.gone_seconds
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
        lowest = base if price is None else price + step
        matches, on_offer = self.matches(asked), self.on_offer()
        buy_now = self.lot.rule.buy_now_minor or 0
        broken = [
            (asked.amount <= 0, Refusal.MALFORMED_AMOUNT),
            (asked.buys and not buy_now, Refusal.MALFORMED_DETAILS),
            (asked.second < 0, Refusal.NOT_STARTED),
            (self.bought is not None or asked.second >= self.end(), Refusal.CLOSED),
            (self.is_shut_out(asked), Refusal.NOT_A_TIMED_BIDDER),
            (not asked.buys and on_offer and asked.amount >= buy_now, Refusal.BUY_NOW_INSTEAD),
            (asked.buys and not on_offer, Refusal.BUY_NOW_GONE),
            (asked.buys and asked.amount != buy_now, Refusal.BUY_NOW_PRICE),
        ]
        if asked.buys:
            return next((refusal for is_broken, refusal in broken if is_broken), None)
        broken += [
            (leads and not asked.maximum, Refusal.ALREADY_LEADING),
            (leads and asked.amount <= self.ranking(count)[0][0], Refusal.MAXIMUM_NOT_RAISED),
            (not leads and not matches and asked.amount < lowest, Refusal.BELOW_MINIMUM),
            (off_grid and not matches, Refusal.OFF_GRID),
        ]
        return next((refusal for is_broken, refusal in broken if is_broken), None)


@composite
def lots(draw: DrawFn, options: bool = False) -> Lot:
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
        only_timed_bidders=options and timed is not None and draw(st.booleans()),
        buy_now_minor=draw(st.sampled_from([None, None, 200, 420])) if options else None,
        buy_now_until=draw(st.sampled_from(list(BuyNowUntil))),
        retraction_seconds=draw(st.sampled_from([None, 15, 60])) if options else None,
        retraction_closes_seconds=draw(st.sampled_from([0, 5])),
    )


@composite
def bids(draw: DrawFn) -> list[tuple[int, int, int, bool]]:
    """(seconds since the last, party, how far above the lowest legal amount or -1 for just any, maximum)."""
    gap = st.integers(0, 12)
    above = st.one_of(st.sampled_from([0, 10, 20, 30, 60]), st.integers(-20, 120))
    return draw(st.lists(st.tuples(gap, st.sampled_from(PARTIES), above, st.booleans()), max_size=18))


@composite
def optional_acts(draw: DrawFn) -> list[tuple[int, int, int | None, str]]:
    """(seconds since the last, party, how far above the lowest or None for the price itself, what is done)."""
    above = st.one_of(st.none(), st.sampled_from([0, 10, 20, 60, 100]), st.integers(-5, 40))
    kinds = st.sampled_from(["plain", "maximum", "maximum", "retract", "buy"])
    return draw(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(PARTIES), above, kinds), max_size=14))


@settings(max_examples=600, deadline=None)
@given(lots(), bids(), st.integers(-6, 3))
def test_the_judge_and_the_naive_model_agree(lot: Lot, asks: list[tuple[int, int, int, bool]], second: int) -> None:
    naive, standing = NaiveAuction(lot), opening(lot)
    for gap, party, above, maximum in asks:
        second += gap
        asked = Asked(second, party, lowest_legal(lot, standing) + above, maximum)
        standing, _ = _asked(naive, standing, asked)
    _closes(naive, standing)


@settings(max_examples=300, deadline=None)
@given(lots(options=True), optional_acts(), st.sampled_from([{}, {11: 1}, {11: 2, 12: 1}, {11: 1, 12: 1}]))
def test_the_judge_and_the_naive_model_agree_on_every_option(
    lot: Lot, acts: list[tuple[int, int, int | None, str]], ranks: dict[int, int]
) -> None:
    naive, standing = NaiveAuction(lot, ranks), opening(lot)
    placed: list[Placed] = []
    second, taken_back = 0, dict.fromkeys(PARTIES, 0)
    for gap, party, above, kind in acts:
        second += gap
        if kind == "retract":
            standing = _retracted(naive, standing, placed, above or 0, second, taken_back)
            continue
        buys = kind == "buy"
        lowest = (lot.rule.buy_now_minor or 200) if buys else lowest_legal(lot, standing)
        price = standing.price_minor
        amount = price if above is None and price is not None else lowest + (above or 0)
        before = standing
        asked = Asked(second, party, amount, kind == "maximum", buys)
        rank = ranks.get(party) if naive.matches(asked) else None
        standing, bid = _asked(naive, standing, asked)
        if bid is not None:
            public = standing.bid_count > before.bid_count
            seq = placed[-1].seq + public if placed else 1
            placed.append(Placed(bid=bid, seq=seq, is_public=public, rank=rank))
    _closes(naive, standing)


def _asked(naive: NaiveAuction, standing: Standing, asked: Asked) -> tuple[Standing, Bid | None]:
    """Put one bid to both; the standing after it, and the bid if it stands."""
    lot, expected = naive.lot, naive.refusal(asked)
    bid = a_bid(asked.party, asked.amount, asked.second, maximum=asked.maximum)
    bid = replace(bid, details=BUYS_NOW) if asked.buys else bid
    verdict = judge(lot, standing, bid, admitted=True, ranks=naive.ranks)
    if isinstance(verdict, Refused):
        event(verdict.refusal)
        assert verdict.refusal is expected
        return standing, None
    assert expected is None
    matches = naive.matches(asked)
    naive.accept(asked._replace(number=bid.client_bid_id.int))
    _same(naive, standing, verdict)
    _invariants(lot, standing, verdict, asked.second)
    if verdict.detail is not None:
        event(next(iter(verdict.detail)))
    assert not matches or verdict.detail == {"priority": naive.ranks[asked.party]}
    return verdict.standing, bid


def _retracted(
    naive: NaiveAuction, standing: Standing, placed: list[Placed], which: int, second: int, taken_back: dict[int, int]
) -> Standing:
    """Take one bid back in both; the standing after it."""
    if not placed:
        return standing
    lot, rule, index = naive.lot, naive.lot.rule, which % len(placed)
    bid = placed[index].bid
    answer = retract(
        lot,
        standing,
        placed,
        naive.ranks,
        party_id=bid.party_id,
        client_bid_id=bid.client_bid_id,
        retractions_so_far=taken_back[bid.party_id],
        now=at(second),
    )
    end = standing.ends_at if standing.phase is Phase.TIMED else at(0)
    closes = at(second + rule.retraction_closes_seconds) < end
    timely = rule.retraction_seconds is not None and second < naive.placed[index].second + rule.retraction_seconds
    allowed = closes and timely and taken_back[bid.party_id] < MOST_RETRACTIONS and naive.bought is None
    assert isinstance(answer, Retracted) is allowed
    if isinstance(answer, DeskRefusal):
        event(answer)
        return standing
    event("retracted")
    taken_back[bid.party_id] += 1
    naive.retract(bid.client_bid_id.int)
    placed[:] = [one for one in placed if one not in answer.taken_back]
    count, after = len(naive.accepted), answer.standing
    assert (after.price_minor, after.leader_id) == (naive.price(count), naive.leader(count))
    assert after.leader_maximum_minor == (naive.ranking(count)[0][0] if count else None)
    assert after.bid_count == sum(naive.is_public(number) for number in range(1, count + 1))
    assert (after.ends_at, after.phase, after.extension_count) == (
        standing.ends_at,
        standing.phase,
        standing.extension_count,
    )
    # The next node to read the lot makes its book from the log.
    bidders = TimedBidders(frozenset(one.bid.party_id for one in placed))
    return replace(after, book=bidders) if rule.only_timed_bidders else after


def _closes(naive: NaiveAuction, standing: Standing) -> None:
    lot, end = naive.lot, at(naive.end())
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
    assert standing.ends_at >= before.ends_at or standing.phase is Phase.DECIDED
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
