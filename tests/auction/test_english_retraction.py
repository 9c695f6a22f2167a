"""Taking a bid back: when it is allowed, and the lot as if the bid had never been made."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from auction.facts import Bid, DeskRefusal, Line, Lot, Standing
from auction.formats.english import close, judge, opening, pause, view
from auction.formats.english_retraction import Placed, Retracted, retract, retractable_until
from tests.auction.english_lots import ANN, BOB, CAT, a_lot, accepted, after, at, maximum, plain

LOT = a_lot(timed_seconds=600, extension_seconds=60, retraction_seconds=120, retraction_closes_seconds=100)


class Told:
    """A lot as bidding goes, keeping what a retraction reads from the database."""

    def __init__(self, lot: Lot = LOT, **ranks: int) -> None:
        self.lot, self.standing, self.placed = lot, opening(lot), list[Placed]()
        self.ranks = {"ann": ANN, "bob": BOB, "cat": CAT}
        self.confirmed = {self.ranks[name]: rank for name, rank in ranks.items()}
        self.retracted: dict[int, int] = {}

    def bid(self, bid: Bid) -> tuple[Line, ...]:
        verdict = accepted(judge(self.lot, self.standing, bid, admitted=True, ranks=self.confirmed))
        public = bool(verdict.lines)
        self.standing = replace(verdict.standing, seq=self.standing.seq + public)
        rank = (verdict.detail or {}).get("priority")
        self.placed.append(Placed(bid=bid, seq=self.standing.seq, is_public=public, rank=rank))
        return verdict.lines

    def retract(self, bid: Bid, seconds: float, party: int | None = None) -> Retracted | DeskRefusal:
        party = bid.party_id if party is None else party
        answer = retract(
            self.lot,
            self.standing,
            self.placed,
            self.confirmed,
            party_id=party,
            client_bid_id=bid.client_bid_id,
            retractions_so_far=self.retracted.get(party, 0),
            now=at(seconds),
        )
        if isinstance(answer, Retracted):
            self.placed = [one for one in self.placed if one not in answer.taken_back]
            self.standing = answer.standing
            self.retracted[party] = self.retracted.get(party, 0) + 1
        return answer

    @property
    def price_and_leader(self) -> tuple[int | None, int | None]:
        return self.standing.price_minor, self.standing.leader_id


def told(*bids: Bid, lot: Lot = LOT) -> Told:
    story = Told(lot)
    for bid in bids:
        story.bid(bid)
    return story


def refusal(bid: Bid, seconds: float, *, lot: Lot = LOT, party: int | None = None, **changed: Any) -> object:
    story = told(bid, lot=lot)
    story.standing = replace(story.standing, **changed)
    return story.retract(bid, seconds, party)


FIRST, LATE = plain(ANN, 100, 10), plain(ANN, 100, 450)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (told(FIRST).retract(plain(ANN, 100, 10), 20), DeskRefusal.NO_SUCH_BID),
        (refusal(FIRST, 20, party=BOB), DeskRefusal.NO_SUCH_BID),
        (refusal(FIRST, 20, lot=a_lot(timed_seconds=600)), DeskRefusal.NO_RETRACTION),
        (refusal(FIRST, 660), DeskRefusal.LOT_ENDED),
        (refusal(FIRST, 600), DeskRefusal.RETRACTION_DELAYED),
        (refusal(FIRST, 130), DeskRefusal.RETRACTION_TOO_LATE),
        (refusal(LATE, 500), DeskRefusal.RETRACTION_NEAR_END),
        (refusal(replace(FIRST), 20, phase=close(LOT, opening(LOT), at(660)).phase), DeskRefusal.LOT_CLOSED),
    ],
)
def test_a_retraction_is_refused(answer: object, expected: DeskRefusal) -> None:
    assert answer is expected


@pytest.mark.parametrize(("bid", "seconds"), [(FIRST, 129.999999), (LATE, 499.999999)])
def test_each_window_is_open_at_its_end(bid: Bid, seconds: float) -> None:
    assert isinstance(refusal(bid, seconds), Retracted)


def test_no_more_than_two_bids_of_a_bidder_are_taken_back_on_one_lot() -> None:
    story = Told()
    for second in (10, 20, 30):
        bid = plain(ANN, 100, second)
        story.bid(bid)
        answer = story.retract(bid, second + 1)
    assert answer is DeskRefusal.TOO_MANY_RETRACTIONS


def test_the_price_falls_to_where_the_others_had_brought_it() -> None:
    wrong = plain(CAT, 5000, 30)
    story = told(plain(ANN, 100, 10), maximum(BOB, 300, 20), wrong)
    assert story.price_and_leader == (5000, CAT)
    story.retract(wrong, 40)
    assert story.price_and_leader == (110, BOB)
    assert (story.standing.leader_maximum_minor, story.standing.bid_count) == (300, 2)
    assert view(LOT, story.standing, {}, at(40)) == {"retractions": 1}


def test_the_only_bid_taken_back_leaves_a_lot_nobody_has_bid_on() -> None:
    story = told(FIRST)
    story.retract(FIRST, 20)
    assert story.price_and_leader == (None, None)
    assert (story.standing.bid_count, story.standing.leader_maximum_minor, story.standing.retraction_count) == (
        0,
        None,
        1,
    )


def test_what_others_bid_against_it_still_stands() -> None:
    wrong = maximum(ANN, 900, 10)
    story = told(wrong, plain(BOB, 400, 20))
    story.retract(wrong, 30)
    assert story.price_and_leader == (400, BOB)


def test_a_raise_against_the_bid_counts_as_a_maximum_of_who_would_have_led() -> None:
    """Ann bid 100, Bob 110, Ann 120. Without Bob nobody drove Ann to 120, but she has offered it."""
    bob = plain(BOB, 110, 20)
    story = told(plain(ANN, 100, 10), bob, plain(ANN, 120, 30))
    story.retract(bob, 40)
    assert story.price_and_leader == (100, ANN)
    assert story.standing.leader_maximum_minor == 120


def test_with_the_bid_go_the_private_raises_that_stood_on_it() -> None:
    lead, raised = maximum(BOB, 200, 20), maximum(BOB, 900, 30)
    story = told(plain(ANN, 100, 10), lead, raised)
    answer = story.retract(lead, 40)
    assert isinstance(answer, Retracted) and [one.bid for one in answer.taken_back] == [lead, raised]
    assert story.price_and_leader == (100, ANN)


def test_a_private_raise_taken_back_before_it_did_anything_shows_nowhere() -> None:
    raised = maximum(ANN, 900, 30)
    story = told(maximum(ANN, 200, 10), maximum(ANN, 300, 20), raised)
    answer = story.retract(raised, 40)
    assert isinstance(answer, Retracted) and not answer.shows
    assert (story.standing.leader_maximum_minor, story.standing.retraction_count) == (300, 0)


def test_a_private_raise_that_has_answered_others_is_taken_back_in_public() -> None:
    raised = maximum(ANN, 900, 30)
    story = told(maximum(ANN, 200, 10), raised, plain(BOB, 400, 40))
    assert story.price_and_leader == (410, ANN)
    answer = story.retract(raised, 50)
    assert isinstance(answer, Retracted) and answer.shows
    assert story.price_and_leader == (400, BOB)


def test_the_clock_stays_where_the_bid_has_brought_it() -> None:
    lot = a_lot(timed_seconds=600, soft_close_seconds=100, retraction_seconds=120)
    bid = plain(ANN, 100, 590)
    story = told(bid, lot=lot)
    assert story.standing.ends_at == at(690)
    story.retract(bid, 600)
    assert (story.standing.ends_at, story.standing.extension_count) == (at(690), 1)


def test_the_reserve_is_met_no_more_without_the_bid_that_met_it() -> None:
    lot = replace(LOT, reserve_minor=300)
    met = maximum(BOB, 400, 20)
    story = told(plain(ANN, 100, 10), met, lot=lot)
    assert story.standing.reserve_met is True
    story.retract(met, 30)
    assert (story.standing.reserve_met, story.price_and_leader) == (False, (100, ANN))


def test_a_holders_equal_bid_still_goes_before_when_a_third_is_taken_back() -> None:
    wrong = plain(CAT, 800, 30)
    story = Told(replace(LOT, rule=replace(LOT.rule, priority_right=True)), bob=1)
    for bid in (plain(ANN, 200, 10), plain(BOB, 200, 20), wrong):
        story.bid(bid)
    story.retract(wrong, 40)
    assert story.price_and_leader == (200, BOB)


def test_a_paused_lots_window_stands_still_with_its_clock() -> None:
    lot = a_lot(timed_seconds=600, retraction_seconds=900, retraction_closes_seconds=100)
    bid = plain(ANN, 100, 10)
    story = told(bid, lot=lot)
    paused = pause(lot, story.standing, at(300))
    assert isinstance(paused, Standing)
    story.standing = paused
    assert isinstance(story.retract(bid, 550), Retracted)


def test_a_page_is_told_until_when_a_bid_may_be_taken_back() -> None:
    standing = after(LOT, FIRST)
    assert retractable_until(LOT, standing, at(10), at(20)) == at(130)
    assert retractable_until(LOT, standing, at(450), at(460)) == at(500)
    for now in (130, 500, 600, 700):
        assert retractable_until(LOT, standing, at(10), at(now)) is None
    assert retractable_until(a_lot(), opening(a_lot()), at(10), at(20)) is None
