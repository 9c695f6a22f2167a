"""The options of an English lot: only the timed phase's bidders, buying at once, the right of priority."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from auction.chain import EventKind, chain_event
from auction.facts import (
    Accepted,
    Bid,
    BuyNowUntil,
    DeskRefusal,
    Logged,
    Lot,
    Outcome,
    Phase,
    Refusal,
    Refused,
    Standing,
    Verdict,
)
from auction.formats.english import (
    BUYS_NOW,
    close,
    credit_outage,
    extend,
    fold,
    is_due,
    judge,
    lowest_legal,
    opening,
    pause,
    view,
)
from auction.formats.english_book import TimedBidders
from tests.auction.english_lots import ANN, BOB, CAT, SELLER, a_bid, a_lot, accepted, after, at, maximum, plain, refused

PHASES = {"timed_seconds": 60, "extension_seconds": 60}
ONLY = a_lot(**PHASES, only_timed_bidders=True)
SALE = a_lot(buy_now_minor=500)
UNTIL_MET = a_lot(buy_now_minor=500, buy_now_until=BuyNowUntil.RESERVE_MET, reserve=300)
RIGHT = a_lot(**PHASES, priority_right=True)
DON = 14
PADDLES = {ANN: 101, BOB: 102, CAT: 103, DON: 104}


def buys(party: int, amount: int = 500, seconds: float = 1) -> Bid:
    return replace(a_bid(party, amount, seconds), details=BUYS_NOW)


def ranked(lot: Lot, standing: Standing, bid: Bid, **ranks: int) -> Verdict:
    people = {"ann": ANN, "bob": BOB, "cat": CAT, "don": DON}
    return judge(lot, standing, bid, admitted=True, ranks={people[name]: rank for name, rank in ranks.items()})


# Only the timed phase's bidders


def test_only_who_bid_in_the_timed_phase_may_bid_in_the_delayed_one() -> None:
    standing = after(ONLY, plain(ANN, 100), maximum(BOB, 150, 2))
    assert refused(judge(ONLY, standing, plain(CAT, 200, 60), admitted=True)) == Refused(
        refusal=Refusal.NOT_A_TIMED_BIDDER
    )
    assert after(ONLY, plain(ANN, 160, 60), standing=standing).leader_id == ANN


def test_with_no_bid_in_the_timed_phase_nobody_may_bid_in_the_delayed_one() -> None:
    assert refused(judge(ONLY, opening(ONLY), plain(ANN, 100, 60), admitted=True)).refusal is Refusal.NOT_A_TIMED_BIDDER
    assert close(ONLY, opening(ONLY), at(120)).outcome is Outcome.UNSOLD


def test_a_refused_bid_lets_nobody_into_the_delayed_phase() -> None:
    standing = after(ONLY, plain(ANN, 200))
    refused(judge(ONLY, standing, plain(BOB, 200), admitted=True))
    assert refused(judge(ONLY, standing, plain(BOB, 210, 60), admitted=True)).refusal is Refusal.NOT_A_TIMED_BIDDER


def test_the_book_is_made_from_the_log_as_bidding_made_it() -> None:
    standing, log = opening(ONLY), []
    for bid in (plain(ANN, 100), maximum(BOB, 150, 2), maximum(BOB, 300, 3), plain(ANN, 310, 60)):
        verdict = accepted(judge(ONLY, standing, bid, admitted=True))
        standing = verdict.standing
        if verdict.lines:
            event, standing = chain_event(
                ONLY, standing, EventKind.BID, bid.stamped_at, PADDLES, lines=verdict.lines, party_id=bid.party_id
            )
            log.append(Logged(event.seq, event.kind.value, event.at, event.party_id, event.body))
    assert standing.book == TimedBidders(frozenset({ANN, BOB}))
    assert fold(ONLY, replace(standing, book=None), log).book == standing.book
    event, _ = chain_event(ONLY, standing, EventKind.RETRACTED, at(4), PADDLES, detail={"seq": 1})
    log.append(Logged(event.seq, event.kind.value, event.at, None, event.body))
    assert fold(ONLY, standing, log).book == TimedBidders(frozenset({BOB}))


# Buying at once


@pytest.mark.parametrize(
    ("lot", "standing", "bid", "refusal", "lowest"),
    [
        (a_lot(), opening(a_lot()), buys(BOB), Refusal.MALFORMED_DETAILS, 100),
        (SALE, opening(SALE), replace(buys(BOB), details=b'{"buy_now":1}'), Refusal.MALFORMED_DETAILS, 100),
        (SALE, opening(SALE), replace(buys(BOB), is_maximum=True), Refusal.MALFORMED_DETAILS, 100),
        (SALE, opening(SALE), buys(BOB, 490), Refusal.BUY_NOW_PRICE, 500),
        (SALE, opening(SALE), buys(BOB, 510), Refusal.BUY_NOW_PRICE, 500),
        (SALE, opening(SALE), plain(BOB, 500), Refusal.BUY_NOW_INSTEAD, 100),
        (SALE, opening(SALE), maximum(BOB, 900), Refusal.BUY_NOW_INSTEAD, 100),
        (SALE, after(SALE, plain(ANN, 100)), buys(BOB), Refusal.BUY_NOW_GONE, 110),
        (UNTIL_MET, after(UNTIL_MET, maximum(ANN, 300)), buys(BOB), Refusal.BUY_NOW_GONE, 310),
        (UNTIL_MET, after(UNTIL_MET, plain(ANN, 200)), maximum(ANN, 500), Refusal.BUY_NOW_INSTEAD, 210),
        (SALE, opening(SALE), buys(SELLER), Refusal.OWN_LOT, None),
    ],
)
def test_a_purchase_is_refused(lot: Lot, standing: Standing, bid: Bid, refusal: Refusal, lowest: int | None) -> None:
    assert judge(lot, standing, bid, admitted=True) == Refused(refusal=refusal, lowest_minor=lowest)


def test_a_purchase_ends_the_lot_at_its_own_instant() -> None:
    verdict = accepted(judge(SALE, opening(SALE), buys(BOB, seconds=20), admitted=True))
    bought = verdict.standing
    assert (bought.phase, bought.ends_at, bought.price_minor, bought.leader_id) == (Phase.DECIDED, at(20), 500, BOB)
    assert verdict.detail == {"buy_now": True} and not verdict.extended
    assert is_due(SALE, bought, at(20))
    closed = close(SALE, bought, at(21))
    assert (closed.outcome, closed.closed_at) == (Outcome.SOLD, at(20))


def test_of_two_buyers_the_first_in_order_has_it_whatever_the_stamps() -> None:
    bought = after(SALE, buys(BOB, seconds=20))
    for second in (19, 20, 21):
        assert refused(judge(SALE, bought, buys(ANN, seconds=second), admitted=True)).refusal is Refusal.CLOSED


def test_a_lot_that_is_bought_can_not_be_paused_extended_or_given_time_back() -> None:
    bought = after(SALE, buys(BOB, seconds=20))
    assert pause(SALE, bought, at(19)) is extend(SALE, bought, at(99), at(19)) is DeskRefusal.LOT_ENDED
    assert credit_outage(SALE, bought, at(19), at(400)) is None


def test_a_purchase_stamped_before_a_pause_ends_the_lot() -> None:
    paused = pause(SALE, opening(SALE), at(30))
    assert isinstance(paused, Standing)
    assert is_due(SALE, after(SALE, buys(BOB, seconds=29), standing=paused), at(31))


def test_until_the_reserve_is_met_bids_do_not_take_the_offer_away() -> None:
    standing = after(UNTIL_MET, plain(ANN, 200), maximum(BOB, 250))
    assert view(UNTIL_MET, standing, PADDLES, at(2)) == {"buy_now_minor": "500"}
    assert after(UNTIL_MET, buys(ANN), standing=standing).price_minor == 500
    met = after(UNTIL_MET, maximum(CAT, 300), standing=standing)
    assert view(UNTIL_MET, met, PADDLES, at(2)) == {"buy_now_minor": None}


def test_what_everybody_sees_of_the_offer_ends_with_the_lot() -> None:
    assert view(SALE, opening(SALE), PADDLES, at(2)) == {"buy_now_minor": "500"}
    assert view(SALE, opening(SALE), PADDLES, at(120)) is None
    assert view(a_lot(), opening(a_lot()), PADDLES, at(2)) is None


def test_the_lowest_amount_named_is_always_one_that_may_be_bid() -> None:
    """Where the next bid would reach the price at once the offer is gone, or nothing could be bid at all."""
    lot = a_lot(buy_now_minor=125, buy_now_until=BuyNowUntil.RESERVE_MET, reserve=125)
    standing = after(lot, plain(ANN, 110))
    assert lowest_legal(lot, standing) == 120
    standing = after(lot, plain(BOB, 120), standing=standing)
    assert refused(judge(lot, standing, buys(ANN, 125), admitted=True)).refusal is Refusal.BUY_NOW_GONE
    assert after(lot, plain(ANN, 130), standing=standing).price_minor == 130


# The right of priority


def test_a_holder_bids_as_much_as_the_leader_and_leads() -> None:
    standing = after(RIGHT, plain(ANN, 200))
    verdict = accepted(ranked(RIGHT, standing, plain(BOB, 200, 2), bob=1))
    assert (verdict.standing.leader_id, verdict.standing.price_minor) == (BOB, 200)
    assert verdict.detail == {"priority": 1}
    assert [(line.party_id, line.amount_minor, line.automatic) for line in verdict.lines] == [(BOB, 200, False)]


def test_without_a_confirmed_right_the_same_amount_is_too_low() -> None:
    standing = after(RIGHT, plain(ANN, 200))
    for ranks in ({}, {"cat": 1}):
        assert refused(ranked(RIGHT, standing, plain(BOB, 200), **ranks)).refusal is Refusal.BELOW_MINIMUM


def test_after_a_holder_a_non_holder_must_raise() -> None:
    standing = accepted(ranked(RIGHT, after(RIGHT, plain(ANN, 200)), plain(BOB, 200), bob=1)).standing
    assert refused(ranked(RIGHT, standing, plain(ANN, 200), bob=1)) == Refused(
        refusal=Refusal.BELOW_MINIMUM, lowest_minor=210
    )
    raised = accepted(ranked(RIGHT, standing, plain(ANN, 210), bob=1)).standing
    assert (raised.leader_id, raised.price_minor) == (ANN, 210)
    assert accepted(ranked(RIGHT, raised, plain(BOB, 210), bob=1)).standing.leader_id == BOB


def test_a_match_extends_the_delayed_phase() -> None:
    standing = after(RIGHT, plain(ANN, 200))
    verdict = accepted(ranked(RIGHT, standing, plain(BOB, 200, 100), bob=1))
    assert verdict.extended and verdict.standing.ends_at == at(160)


def test_a_maximum_above_the_match_answers_by_one_step_until_it_is_spent() -> None:
    standing = after(RIGHT, maximum(ANN, 220), plain(CAT, 200))
    assert (standing.leader_id, standing.price_minor) == (ANN, 210)
    answered = accepted(ranked(RIGHT, standing, plain(BOB, 210), bob=1))
    assert (answered.standing.leader_id, answered.standing.price_minor) == (ANN, 220)
    assert answered.detail == {"priority": 1}
    matched = accepted(ranked(RIGHT, answered.standing, plain(BOB, 220), bob=1)).standing
    assert (matched.leader_id, matched.price_minor) == (BOB, 220)


@pytest.mark.parametrize("as_maximum", [False, True])
def test_a_holders_bid_that_equals_a_secret_maximum_leads(as_maximum: bool) -> None:
    standing = after(RIGHT, maximum(ANN, 300))
    verdict = accepted(ranked(RIGHT, standing, a_bid(BOB, 300, maximum=as_maximum), bob=2))
    assert (verdict.standing.leader_id, verdict.standing.price_minor) == (BOB, 300)
    assert [(line.party_id, line.amount_minor) for line in verdict.lines] == [(ANN, 300), (BOB, 300)]
    assert verdict.detail == {"priority": 2}


def test_a_holders_maximum_is_not_passed_by_an_equal_one() -> None:
    standing = accepted(ranked(RIGHT, opening(RIGHT), maximum(BOB, 300), bob=1)).standing
    verdict = accepted(ranked(RIGHT, standing, maximum(ANN, 300), bob=1))
    assert (verdict.standing.leader_id, verdict.detail) == (BOB, None)


@pytest.mark.parametrize(
    ("ranks", "leads"),
    [({"ann": 1, "bob": 2}, ANN), ({"ann": 2, "bob": 1}, BOB), ({"ann": 1, "bob": 1}, ANN)],
    ids=["the better rank stays", "the better rank takes it", "equal ranks: the earlier"],
)
def test_between_holders_rank_then_the_earlier(ranks: dict[str, int], leads: int) -> None:
    standing = accepted(ranked(RIGHT, opening(RIGHT), plain(ANN, 200), **ranks)).standing
    verdict = ranked(RIGHT, standing, plain(BOB, 200), **ranks)
    assert isinstance(verdict, Accepted) is (leads == BOB)
    higher = after(RIGHT, maximum(ANN, 300))
    assert accepted(ranked(RIGHT, higher, maximum(BOB, 300), **ranks)).standing.leader_id == leads


def test_a_match_needs_no_grid_and_a_leader_to_match() -> None:
    lot = a_lot(priority_right=True, reserve=205)
    standing = after(lot, maximum(ANN, 210))
    assert standing.price_minor == 205
    assert accepted(ranked(lot, standing, plain(BOB, 205), bob=1)).standing.price_minor == 210
    assert refused(ranked(RIGHT, opening(RIGHT), plain(BOB, 90), bob=1)).refusal is Refusal.BELOW_MINIMUM
