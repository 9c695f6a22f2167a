"""The uniform-price auction: who may bid what, nothing seen before the close, and the proof after it."""

from __future__ import annotations

import itertools
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from auction.chain import EventKind, chain_event, encode_canonical, lot_of, terms_of
from auction.facts import LARGEST_AMOUNT_MINOR, Bid, Logged, Lot, Outcome, Refusal, Refused, Standing
from auction.formats import uniform
from auction.formats.clearing import Marginal, Pricing
from auction.formats.uniform import UniformRule
from auction.public import public_state
from tests.auction.english_lots import ANN, BOB, CAT, SELLER, START, accepted, at, refused

_ids = itertools.count(1)
PADDLES = {ANN: 417, BOB: 203, CAT: 866}


def a_sale(*, reserve: int | None = None, **rule: Any) -> Lot:
    """Ten units from 100 by 10 for a minute, three bids each, all or none allowed, the highest rejected price."""
    given: dict[str, Any] = {
        "start_price_minor": 100,
        "step_minor": 10,
        "quantity": 10,
        "timed_seconds": 60,
        "bids_per_bidder": 3,
        "allows_all_or_none": True,
        "pricing": Pricing.HIGHEST_REJECTED,
    }
    return Lot(
        id=7,
        seller_id=SELLER,
        currency="CNY",
        currency_exponent=2,
        rule=UniformRule(**(given | rule)),
        starts_at=START,
        reserve_minor=reserve,
    )


def a_bid(party: int, price: Any, quantity: Any = 1, seconds: float = 1, *, lot_id: int = 7, **details: Any) -> Bid:
    return Bid(
        lot_id=lot_id,
        party_id=party,
        client_bid_id=UUID(int=next(_ids)),
        amount_minor=price,
        is_maximum=False,
        stamped_at=at(seconds),
        details=encode_canonical({"quantity": quantity, **details}),
    )


def placed(lot: Lot, *bids: Bid) -> tuple[Standing, list[Logged]]:
    """The standing after these bids, chained as the batcher does, and the log."""
    event, standing = chain_event(lot, uniform.opening(lot), EventKind.OPENED, START, PADDLES)
    events = [event]
    for bid in bids:
        verdict = accepted(uniform.judge(lot, standing, bid, admitted=True, ranks={}))
        event, standing = chain_event(
            lot,
            verdict.standing,
            EventKind.BID,
            bid.stamped_at,
            PADDLES,
            lines=verdict.lines,
            party_id=bid.party_id,
            detail=verdict.detail,
        )
        events.append(event)
    return standing, [Logged(event.seq, event.kind, event.at, event.party_id, event.body) for event in events]


LOT = a_sale()
OPEN = uniform.opening(LOT)
PLAIN = a_sale(allows_all_or_none=False)
ONE, _ = placed(LOT, a_bid(BOB, 150, 4))
FULL, _ = placed(LOT, a_bid(BOB, 150), a_bid(BOB, 150), a_bid(BOB, 150))
SPENT = replace(ONE, book=replace(uniform._book(ONE), changes={BOB: 500}))
PAUSED = replace(OPEN, paused_at=at(30))
CAP = LARGEST_AMOUNT_MINOR

ROWS: list[tuple[str, Refusal, int | None, Lot, Standing, Bid]] = [
    ("another lot", Refusal.UNKNOWN_LOT, None, LOT, OPEN, a_bid(BOB, 100, lot_id=8)),
    ("a float", Refusal.MALFORMED_AMOUNT, 100, LOT, OPEN, a_bid(BOB, 100.0)),
    ("no details", Refusal.MALFORMED_DETAILS, 100, LOT, OPEN, replace(a_bid(BOB, 100), details=None)),
    ("no quantity", Refusal.MALFORMED_DETAILS, 100, LOT, OPEN, replace(a_bid(BOB, 100), details=b"{}")),
    ("half a unit", Refusal.MALFORMED_DETAILS, 100, LOT, OPEN, a_bid(BOB, 100, 1.5)),
    ("a whole float of units", Refusal.MALFORMED_DETAILS, 100, LOT, OPEN, a_bid(BOB, 100, 2.0)),
    ("an unknown detail", Refusal.MALFORMED_DETAILS, 100, LOT, OPEN, a_bid(BOB, 100, maximum=3)),
    ("details that are no object", Refusal.MALFORMED_DETAILS, 100, LOT, OPEN, replace(a_bid(BOB, 1), details=b"[1]")),
    ("a total above the house's cap", Refusal.OVER_CAP, 100, LOT, OPEN, a_bid(BOB, CAP, 2)),
    ("the seller", Refusal.OWN_LOT, None, LOT, OPEN, a_bid(SELLER, 100)),
    ("early", Refusal.NOT_STARTED, None, LOT, OPEN, a_bid(BOB, 100, 1, -0.000001)),
    ("at the very end", Refusal.CLOSED, None, LOT, OPEN, a_bid(BOB, 100, 1, 60)),
    ("paused", Refusal.PAUSED, None, LOT, PAUSED, a_bid(BOB, 100, 1, 30)),
    ("under the start price", Refusal.BELOW_MINIMUM, 100, LOT, OPEN, a_bid(BOB, 99)),
    ("between two steps", Refusal.OFF_GRID, 120, LOT, OPEN, a_bid(BOB, 115)),
    ("a maximum", Refusal.NO_MAXIMUM, None, LOT, OPEN, replace(a_bid(BOB, 100), is_maximum=True)),
    ("no units", Refusal.QUANTITY_OUT_OF_RANGE, None, LOT, OPEN, a_bid(BOB, 100, 0)),
    ("fewer than no units", Refusal.QUANTITY_OUT_OF_RANGE, None, LOT, OPEN, a_bid(BOB, 100, -1)),
    ("more than there are", Refusal.QUANTITY_OUT_OF_RANGE, None, LOT, OPEN, a_bid(BOB, 100, 11)),
    ("all or none", Refusal.ALL_OR_NONE_NOT_OFFERED, None, PLAIN, OPEN, a_bid(BOB, 100, all_or_none=True)),
    ("a fourth bid", Refusal.TOO_MANY_BIDS, None, LOT, FULL, a_bid(BOB, 200)),
    ("no such own bid", Refusal.NO_SUCH_BID, None, LOT, ONE, a_bid(BOB, 200, 5, bid=2)),
    ("somebody else's bid", Refusal.NO_SUCH_BID, None, LOT, ONE, a_bid(ANN, 200, 5, bid=1)),
    ("a lower price", Refusal.BID_NOT_RAISED, 150, LOT, ONE, a_bid(BOB, 140, 9, bid=1)),
    ("fewer units", Refusal.BID_NOT_RAISED, 150, LOT, ONE, a_bid(BOB, 200, 3, bid=1)),
    ("now all or none", Refusal.BID_NOT_RAISED, 150, LOT, ONE, a_bid(BOB, 200, 5, bid=1, all_or_none=True)),
    ("the same again", Refusal.BID_NOT_RAISED, 150, LOT, ONE, a_bid(BOB, 150, 4, bid=1)),
    ("the 501st change", Refusal.TOO_MANY_CHANGES, None, LOT, SPENT, a_bid(BOB, 200, 4, bid=1)),
]


@pytest.mark.parametrize(
    ("refusal", "lowest", "lot", "standing", "bid"), [r[1:] for r in ROWS], ids=[r[0] for r in ROWS]
)
def test_a_bid_is_refused(refusal: Refusal, lowest: int | None, lot: Lot, standing: Standing, bid: Bid) -> None:
    verdict = uniform.judge(lot, standing, bid, admitted=True, ranks={})
    assert verdict == Refused(refusal=refusal, lowest_minor=lowest)


def test_refusals_are_tested_in_their_order_and_admission_among_them() -> None:
    assert [row[1] for row in ROWS] == sorted((row[1] for row in ROWS), key=list(Refusal).index)
    verdict = refused(uniform.judge(LOT, OPEN, a_bid(BOB, 1), admitted=False, ranks={}))
    assert verdict.refusal is Refusal.NOT_ADMITTED


def test_before_the_close_nothing_shows_that_anybody_has_bid() -> None:
    """Invariant: two lots, one with bids and one without, are the same to everybody."""
    standing, _ = placed(LOT, a_bid(BOB, 150, 4), a_bid(ANN, 200, 2), a_bid(BOB, 160, 4, bid=1))
    quiet, _ = placed(LOT)
    assert public_state(LOT, standing, PADDLES, 1, at(5)) == public_state(LOT, quiet, PADDLES, 1, at(5))
    assert uniform.public_mark(LOT, standing) == (1, b"")
    own = uniform.own_view(LOT, standing, BOB, at(5))
    assert own == {"bids": [{"all_or_none": False, "bid": 1, "price_minor": "160", "quantity": 4}]}


def test_the_book_comes_back_from_the_log_with_the_replaced_bid_in_its_new_place() -> None:
    standing, log = placed(LOT, a_bid(BOB, 150, 4), a_bid(ANN, 200, 2), a_bid(BOB, 200, 4, bid=1), a_bid(BOB, 110, 1))
    assert uniform.fold(LOT, replace(standing, book=None), log) == standing
    order = [(fill.offer.seq, fill.offer.party_id) for fill in uniform.clearing(LOT, standing).fills]
    assert order == [(3, ANN), (4, BOB), (5, BOB)]


def test_the_close_sells_at_one_price_to_many_and_proves_it() -> None:
    bids = [a_bid(BOB, 150, 4), a_bid(ANN, 200, 2), a_bid(CAT, 120, 9), a_bid(ANN, 130, 3)]
    standing, _ = placed(LOT, *bids)
    closed = uniform.close(LOT, standing, at(61))
    assert (closed.outcome, closed.closed_at, closed.price_minor, closed.leader_id) == (Outcome.SOLD, at(60), 120, None)
    told = uniform.result(LOT, closed, PADDLES)
    assert told.awards == ((ANN, 5, 600), (BOB, 4, 480), (CAT, 1, 120))
    assert told.detail is not None
    assert {key: told.detail[key] for key in ("price_minor", "sold", "set_by", "floor_minor", "quantity")} == {
        "price_minor": "120",
        "sold": 10,
        "set_by": 4,
        "floor_minor": "100",
        "quantity": 10,
    }
    rows = [(row["paddle"], row["price_minor"], row["filled"], row["why"]) for row in told.detail["book"]]
    assert rows == [
        (417, "200", 2, "filled"),
        (203, "150", 4, "filled"),
        (417, "130", 3, "filled"),
        (866, "120", 1, "part_left"),
    ]
    shown = public_state(LOT, closed, PADDLES, 1, at(62))
    assert shown.detail is not None and shown.detail["clearing"] == told.detail and shown.bids == 4


def test_a_reserve_is_the_floor_and_becomes_public_only_with_the_proof() -> None:
    lot = a_sale(reserve=145)
    standing, _ = placed(lot, a_bid(BOB, 150, 4), a_bid(ANN, 140, 2))
    assert "145" not in repr(public_state(lot, standing, PADDLES, 1, at(5)))
    closed = uniform.close(lot, standing, at(60))
    assert (closed.price_minor, closed.reserve_met) == (145, True)
    assert uniform.result(lot, closed, PADDLES).awards == ((BOB, 4, 580),)
    unsold, _ = placed(lot, a_bid(ANN, 140, 2))
    closed = uniform.close(lot, unsold, at(60))
    told = uniform.result(lot, closed, PADDLES)
    assert (closed.outcome, closed.price_minor, told.awards) == (Outcome.UNSOLD, None, ())
    assert told.detail is not None and told.detail["book"][0]["why"] == "below_floor"


def test_the_rule_comes_back_from_the_terms() -> None:
    lot = a_sale(marginal=Marginal.PRO_RATA)
    assert lot_of(terms_of(lot), SELLER, None) == lot
