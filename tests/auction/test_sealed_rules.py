"""Sealed bids: every refusal, which version counts, what the winner pays, and what the log proves."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from auction import sealing
from auction.facts import Accepted, Bid, DeskRefusal, Lot, Outcome, Phase, Refusal, Refused, Standing
from auction.formats import sealed
from tests.auction.sealed_lots import ANN, BOB, CAT, KEY, PADDLES, SELLER, Log, a_bid, a_lot, at, withdrawal

LOT = a_lot()
OPEN = sealed.opening(LOT)
GOOD = a_bid(LOT, ANN, 500)
PAUSED = sealed.pause(LOT, OPEN, at(30))
FULL = replace(OPEN, book=sealed.Book(sent={ANN: sealed.MOST_VERSIONS}))


def changed(bid: Bid, **fields: Any) -> Bid:
    return replace(bid, **fields)


ROWS: list[tuple[str, Refusal, Standing, Bid, bool]] = [
    ("another lot", Refusal.UNKNOWN_LOT, OPEN, changed(GOOD, lot_id=8), True),
    ("the sum in the clear", Refusal.SUM_IN_CLEAR, OPEN, changed(GOOD, amount_minor=500), True),
    ("nothing said", Refusal.MALFORMED_DETAILS, OPEN, changed(GOOD, details=None), True),
    ("no object", Refusal.MALFORMED_DETAILS, OPEN, changed(GOOD, details=b"[]"), True),
    ("something else beside", Refusal.MALFORMED_DETAILS, OPEN, a_bid(LOT, ANN, 0, withdraw=True, sum=1), True),
    ("no ciphertext", Refusal.MALFORMED_DETAILS, OPEN, a_bid(LOT, ANN, 0, ciphertext="", commitment="ab" * 32), True),
    ("both at once", Refusal.MALFORMED_DETAILS, OPEN, a_bid(LOT, ANN, 0, ciphertext="AA", withdraw=True), True),
    ("the seller", Refusal.OWN_LOT, OPEN, changed(GOOD, party_id=SELLER), True),
    ("not admitted", Refusal.NOT_ADMITTED, OPEN, GOOD, False),
    ("a microsecond early", Refusal.NOT_STARTED, OPEN, changed(GOOD, stamped_at=at(-0.000001)), True),
    ("at the very end", Refusal.CLOSED, OPEN, changed(GOOD, stamped_at=at(60)), True),
    ("a withdrawal at the very end", Refusal.CLOSED, OPEN, withdrawal(LOT, ANN, 60), True),
    ("while it waits for the officers", Refusal.CLOSED, sealed.advance(LOT, OPEN, at(60)), GOOD, True),
    ("paused", Refusal.PAUSED, PAUSED, changed(GOOD, stamped_at=at(30)), True),  # type: ignore[list-item]
    ("nothing to withdraw", Refusal.NOTHING_TO_WITHDRAW, OPEN, withdrawal(LOT, ANN), True),
    ("one version too many", Refusal.TOO_MANY_VERSIONS, FULL, GOOD, True),
]


@pytest.mark.parametrize(
    ("refusal", "standing", "bid", "admitted"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_a_bid_is_refused(refusal: Refusal, standing: Standing, bid: Bid, admitted: bool) -> None:
    assert sealed.judge(LOT, standing, bid, admitted=admitted, ranks={}) == Refused(refusal=refusal)


def test_a_bid_that_stands_changes_nothing_that_anybody_sees() -> None:
    log = Log(LOT)
    before = sealed.view(LOT, log.standing, PADDLES, at(1)), sealed.public_mark(LOT, log.standing)
    assert isinstance(log.bid(GOOD), Accepted)
    assert (sealed.view(LOT, log.standing, PADDLES, at(1)), sealed.public_mark(LOT, log.standing)) == before
    assert (log.standing.price_minor, log.standing.leader_id, log.standing.bid_count) == (None, None, 0)
    own = sealed.own_view(LOT, log.standing, ANN, at(1))
    assert own is not None and own["received_at"] == at(1) and "seq" not in own
    assert sealed.own_view(LOT, log.standing, BOB, at(1)) == {"received_at": None, "commitment": None, "left": 50}


def played(lot: Lot, *bids: tuple[int, int | None]) -> Log:
    """A lot on which these parties sent these sums (None: withdrew) second by second, then opened and closed."""
    log = Log(lot)
    for second, (party, amount) in enumerate(bids, 1):
        bid = withdrawal(lot, party, second) if amount is None else a_bid(lot, party, amount, second)
        assert isinstance(log.bid(bid), Accepted)
    if log.standing.book.versions:  # type: ignore[union-attr]
        log.open_all()
    log.close()
    return log


FIRST = sealed.Pricing.FIRST
OUTCOMES: list[tuple[str, Lot, list[tuple[int, int | None]], tuple[int, int] | None, str | None]] = [
    ("the second bid is the price", LOT, [(ANN, 500), (BOB, 700), (CAT, 300)], (BOB, 500), "second"),
    ("first price: his own", a_lot(pricing=FIRST), [(ANN, 500), (BOB, 700)], (BOB, 700), "own"),
    ("a single bidder pays the start", LOT, [(ANN, 500)], (ANN, 100), "start"),
    ("a single bidder pays the reserve", a_lot(reserve=400), [(ANN, 500)], (ANN, 400), "reserve"),
    ("the reserve above the second bid", a_lot(reserve=600), [(ANN, 500), (BOB, 700)], (BOB, 600), "reserve"),
    ("the second bid above the reserve", a_lot(reserve=400), [(ANN, 500), (BOB, 700)], (BOB, 500), "second"),
    ("a tie at the top: that sum, the earlier", LOT, [(ANN, 700), (BOB, 700)], (ANN, 700), "second"),
    ("a tie, first price", a_lot(pricing=FIRST), [(BOB, 700), (ANN, 700)], (BOB, 700), "own"),
    ("a version of the same sum comes later", LOT, [(ANN, 700), (BOB, 700), (ANN, 700)], (BOB, 700), "second"),
    ("the last version counts, also a lower one", LOT, [(ANN, 900), (BOB, 700), (ANN, 300)], (BOB, 300), "second"),
    ("his own former version is no second bid", LOT, [(ANN, 500), (ANN, 900)], (ANN, 100), "start"),
    ("withdrawn", LOT, [(ANN, 900), (BOB, 700), (ANN, None)], (BOB, 100), "start"),
    ("withdrawn and sent again", LOT, [(ANN, 900), (ANN, None), (ANN, 200), (BOB, 150)], (ANN, 150), "second"),
    ("the last invalid: the one before counts", LOT, [(ANN, 500), (ANN, 99), (BOB, 300)], (ANN, 300), "second"),
    ("off the grid is void", a_lot(step_minor=50), [(ANN, 525), (BOB, 350)], (BOB, 100), "start"),
    ("at the reserve", a_lot(reserve=500), [(ANN, 500)], (ANN, 500), "reserve"),
    ("below the reserve", a_lot(reserve=501), [(ANN, 500), (BOB, 500)], None, None),
    ("below the reserve, first price", a_lot(reserve=501, pricing=FIRST), [(ANN, 500)], None, None),
    ("all void", LOT, [(ANN, 99)], None, None),
    ("all withdrawn", LOT, [(ANN, 500), (ANN, None)], None, None),
    ("nobody came", LOT, [], None, None),
]


@pytest.mark.parametrize(
    ("lot", "bids", "sold", "price_from"), [row[1:] for row in OUTCOMES], ids=[row[0] for row in OUTCOMES]
)
def test_who_wins_and_what_he_pays(
    lot: Lot, bids: list[tuple[int, int | None]], sold: tuple[int, int] | None, price_from: str | None
) -> None:
    log = played(lot, *bids)
    final = log.standing
    assert (final.leader_id, final.price_minor) == (sold or (None, None))
    assert final.outcome is (Outcome.UNSOLD if sold is None else Outcome.SOLD)
    result = sealed.result(lot, final, PADDLES)
    assert result.detail is not None and result.detail["price_from"] == price_from
    assert result.awards == (() if sold is None else ((sold[0], 1, sold[1]),))
    assert log.refolded() == final


def test_the_log_alone_proves_each_sum_the_reserve_and_the_price() -> None:
    """Only what events say is used: each counted sum meets the commitment of its own event, under its own paddle."""
    commitment = sealing.reserve_commitment_of(7, 600, "ab" * 32)
    log = played(a_lot(reserve=600, reserve_commitment=commitment), (ANN, 500), (BOB, 700), (ANN, 650), (CAT, 99))
    bids = {row.seq: detail for row, detail in zip(log.rows[1:5], log.details("bid"), strict=True)}
    unsealed, closed = log.details("unsealed")[0], log.details("closed")[0]
    assert closed["bids"] == unsealed["bids"] and [bid["amount_minor"] for bid in closed["bids"]] == ["700", "650"]
    for bid in closed["bids"]:
        sent = bids[bid["seq"]]
        assert sent["paddle"] == bid["paddle"]
        said = sealing.commitment_of(7, bid["paddle"], int(bid["amount_minor"]), bid["nonce"])
        assert sent["commitment"] == said
    assert unsealed["voids"] == [{"paddle": PADDLES[CAT], "reason": "below_minimum", "seq": 5, "amount_minor": "99"}]
    assert sealing.reserve_commitment_of(7, int(unsealed["reserve_minor"]), unsealed["reserve_nonce"]) == commitment
    assert (log.standing.price_minor, closed["price_from"]) == (650, "second")


def test_garbage_and_a_copied_bid_are_void_and_stop_nothing() -> None:
    log = Log(LOT)
    log.bid(GOOD)
    stolen: dict[str, Any] = msgspec.json.decode(GOOD.details or b"")
    assert isinstance(log.bid(a_bid(LOT, BOB, 0, **stolen)), Accepted)
    found = log.open_all()
    assert [bid["paddle"] for bid in found["bids"]] == [PADDLES[ANN]]
    assert found["voids"] == [{"paddle": PADDLES[BOB], "reason": "undecryptable", "seq": 3}]
    assert log.close().leader_id == ANN


def test_a_wrong_key_opens_nothing() -> None:
    log = Log(LOT)
    log.bid(GOOD)
    assert log.open_all(sealing.new_key())["bids"] == []


def test_time_up_means_waiting_for_the_officers_unless_there_is_nothing_to_open() -> None:
    log = Log(LOT)
    assert sealed.is_due(LOT, log.standing, at(60)) and not sealed.is_due(LOT, log.standing, at(59.999999))
    log.bid(GOOD)
    waiting = sealed.advance(LOT, log.standing, at(60))
    assert waiting.phase is Phase.OPENING and not sealed.is_due(LOT, waiting, at(10**6))
    with pytest.raises(ValueError, match="not due"):
        sealed.close(LOT, waiting, at(60))


def test_the_opening_comes_after_the_end_and_once() -> None:
    log = Log(LOT)
    log.bid(GOOD)
    assert sealed.unseal(LOT, log.standing, KEY, None, PADDLES) is DeskRefusal.NOT_YET_OPENING
    log.open_all()
    assert sealed.unseal(LOT, log.standing, KEY, None, PADDLES) is DeskRefusal.ALREADY_OPENED
    log.close()
    assert sealed.unseal(LOT, log.standing, KEY, None, PADDLES) is DeskRefusal.LOT_CLOSED


def test_the_desk_moves_the_end_before_it_and_voids_while_officers_are_waited_for() -> None:
    later = sealed.extend(LOT, OPEN, at(90), at(10))
    assert isinstance(later, Standing) and later.ends_at == at(90)
    waiting = sealed.advance(LOT, OPEN, at(60))
    assert sealed.extend(LOT, waiting, at(90), at(61)) is DeskRefusal.LOT_ENDED
    assert sealed.pause(LOT, waiting, at(61)) is DeskRefusal.LOT_ENDED
    voided = sealed.void(LOT, waiting, at(61))
    assert isinstance(voided, Standing) and voided.outcome is Outcome.VOID


def test_an_outage_over_the_end_is_given_back_and_one_during_the_opening_is_not() -> None:
    credited = sealed.credit_outage(LOT, OPEN, at(50), at(80))
    assert credited is not None and credited.ends_at == at(90)
    assert sealed.credit_outage(LOT, sealed.advance(LOT, OPEN, at(60)), at(59), at(80)) is None


def test_a_paused_lot_passes_into_no_opening() -> None:
    assert isinstance(PAUSED, Standing)
    assert sealed.advance(LOT, PAUSED, at(70)) is PAUSED
