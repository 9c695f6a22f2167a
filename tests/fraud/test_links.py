"""Parties linked with a seller: found by account, device and address; barred or flagged; told without a name."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from auction import store
from market import applications, audit, fraud_bars, notices, parties, sessions
from market.application_facts import ApplicationRefusal, NextStep
from market.fraud_facts import FraudRefusal, LinkKind, LinkState, TraitKind, TraitSource, Verdict, fingerprint, verdict
from market.fraud_links import links_found, seen, standing_verdict
from market.listing_facts import Listing
from tests.sell.stall import NOW, changed, desk, incoming, on_show, party
from tests.sell.test_applications import applied, confirmed, step_of

if TYPE_CHECKING:
    from migrations.database import Connection

DESK = desk()
IBAN, OTHER = "DE89370400440532013000", "GB29NWBK60161331926819"
HOME = "203.0.114.7"


class Stage:
    """A seller with a lot, a bidder, an operator."""

    def __init__(self, seller: int, bidder: int, operator: int, lot: Listing) -> None:
        self.seller, self.bidder, self.operator, self.lot = seller, bidder, operator, lot


@pytest.fixture
async def stage(conn: Connection) -> Stage:
    seller, bidder, operator = await party(conn), await party(conn), await party(conn, operator=True)
    return Stage(seller, bidder, operator, await on_show(conn, seller, operator, changed(deposit_minor=0)))


async def paid_on(conn: Connection, party_id: int, number: str = IBAN) -> None:
    await seen(conn, party_id, TraitKind.BANK_ACCOUNT, number, TraitSource.PAYOUT_ACCOUNT, NOW)


async def may_bid(conn: Connection, stage: Stage) -> bool:
    position = await store.own_position(conn, stage.lot.id, stage.bidder)
    return position is not None and position.admitted


async def admitted(conn: Connection, stage: Stage) -> None:
    await confirmed(conn, (await applied(conn, stage.lot.id, stage.bidder)).id, stage.operator)
    assert await may_bid(conn, stage)


async def kinds_told(conn: Connection, party_id: int) -> list[str]:
    return [notice.kind for notice in await notices.notices_of(conn, party_id)]


STATES = [
    ([], Verdict.FREE),
    ([LinkState.CLEARED], Verdict.FREE),
    ([LinkState.CLEARED, LinkState.FLAGGED], Verdict.FLAGGED),
    ([LinkState.FLAGGED, LinkState.BARRING, LinkState.CLEARED], Verdict.BARRED),
]


@pytest.mark.parametrize(("states", "comes_to"), STATES, ids=[str(each[1]) + str(len(each[0])) for each in STATES])
def test_the_gravest_link_decides(states: list[LinkState], comes_to: Verdict) -> None:
    assert verdict(states) is comes_to


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "192.168.0.4", "::1", "fe80::1", "testclient", ""])
def test_an_address_that_is_nobodys_says_nothing(address: str) -> None:
    assert fingerprint(TraitKind.ADDRESS, address) is None


def test_one_ipv6_subscriber_has_one_fingerprint() -> None:
    prints = {fingerprint(TraitKind.ADDRESS, f"2a00:1450:1:2:{tail}") for tail in ("aaaa::1", "bbbb::9")}
    assert len(prints) == 1 and None not in prints


async def test_who_is_paid_on_the_sellers_account_can_not_apply(conn: Connection, stage: Stage) -> None:
    await paid_on(conn, stage.seller)
    await paid_on(conn, stage.bidder)
    done = await applications.apply(conn, lot_id=stage.lot.id, party_id=stage.bidder, now=NOW)
    assert done is ApplicationRefusal.LINKED_TO_SELLER
    assert await step_of(conn, stage.lot.id, stage.bidder) is NextStep.LINKED
    assert await kinds_told(conn, stage.operator) == ["link_bars"]
    assert await kinds_told(conn, stage.seller) == ["lot_approved"]


async def test_an_account_that_was_replaced_links_all_the_same(conn: Connection, stage: Stage) -> None:
    for number in (IBAN, OTHER):
        await paid_on(conn, stage.seller, number)
    await paid_on(conn, stage.bidder, IBAN)
    assert await links_found(conn, stage.seller, stage.bidder, NOW) is Verdict.BARRED


async def test_an_admission_is_taken_back_when_the_link_appears_later(conn: Connection, stage: Stage) -> None:
    await paid_on(conn, stage.seller)
    await admitted(conn, stage)
    await paid_on(conn, stage.bidder)
    assert not await may_bid(conn, stage)
    assert await step_of(conn, stage.lot.id, stage.bidder) is NextStep.LINKED
    assert (await kinds_told(conn, stage.bidder))[0] == "linked_to_seller"
    assert "linked_to_seller" not in await kinds_told(conn, stage.seller)
    entry = (await audit.entries_of(conn, f"lot:{stage.lot.id}"))[-1]
    assert (entry.act, entry.reason, entry.actor_id) == ("admission.removed", "linked by payment means", None)


async def test_the_notice_names_no_fact_and_nobody(conn: Connection, stage: Stage) -> None:
    await paid_on(conn, stage.seller)
    await admitted(conn, stage)
    await paid_on(conn, stage.bidder)
    notice = (await notices.notices_of(conn, stage.bidder))[0]
    assert set(notice.params) == {"title_zh", "title_en", "lot"}


async def test_a_deposit_paid_from_the_sellers_account_admits_nobody(conn: Connection) -> None:
    seller, bidder, operator = await party(conn), await party(conn), await party(conn, operator=True)
    lot = await on_show(conn, seller, operator)
    await paid_on(conn, seller)
    application = await confirmed(conn, (await applied(conn, lot.id, bidder)).id, operator)
    assert application.deposit_id is not None
    deposit = await DESK.deposits.deposit_by_id(conn, application.deposit_id)
    assert deposit is not None
    paid = incoming(f"for {deposit.reference.lower()} thanks", lot.deposit_minor)
    async with conn.transaction():
        await DESK.inbox.receive(conn, type(paid)(**{**_fields(paid), "sender_number": IBAN}), NOW)
    assert await store.own_position(conn, lot.id, bidder) is None
    assert await step_of(conn, lot.id, bidder) is NextStep.LINKED
    assert (await kinds_told(conn, bidder))[0] == "linked_to_seller"
    # The operator finds that it was right after all: the money is there, so the paddle comes.
    rows, _ = await fraud_bars.links_page(conn, LinkState.BARRING, 10, 0)
    await fraud_bars.decide(conn, link_id=rows[0].id, bars=False, operator_id=operator, reason="joint account", now=NOW)
    assert await step_of(conn, lot.id, bidder) is NextStep.ADMITTED


def _fields(struct: object) -> dict[str, object]:
    return {name: getattr(struct, name) for name in type(struct).__struct_fields__}  # type: ignore[attr-defined]


async def signed_in(conn: Connection, party_id: int, device: str = "", address: str = "") -> None:
    await sessions.sign_in(conn, party_id, NOW, device=device, address=address)


@pytest.mark.parametrize("how", [{"device": "d" * 43}, {"address": HOME}], ids=["device", "address"])
async def test_a_household_is_flagged_and_not_barred(conn: Connection, stage: Stage, how: dict[str, str]) -> None:
    await signed_in(conn, stage.seller, **how)
    await signed_in(conn, stage.bidder, **how)
    await admitted(conn, stage)
    assert await kinds_told(conn, stage.operator) == ["link_flagged"]
    (row,), total = await fraud_bars.links_page(conn, LinkState.FLAGGED, 10, 0)
    assert total == 1 and row.lot_ids == (stage.lot.id,) and row.kind in how


async def test_a_flag_appears_though_they_met_before(conn: Connection, stage: Stage) -> None:
    await signed_in(conn, stage.seller, device="d" * 43)
    await admitted(conn, stage)
    await signed_in(conn, stage.bidder, device="d" * 43)
    assert await standing_verdict(conn, stage.seller, stage.bidder) is Verdict.FLAGGED
    assert await may_bid(conn, stage)


async def test_a_device_not_seen_for_half_a_year_says_nothing(conn: Connection, stage: Stage) -> None:
    for each in (stage.seller, stage.bidder):
        await signed_in(conn, each, device="d" * 43)
    later = NOW + timedelta(days=181)
    assert await links_found(conn, stage.seller, stage.bidder, later) is Verdict.FREE


async def test_strangers_on_other_lots_are_left_alone(conn: Connection, stage: Stage) -> None:
    stranger = await party(conn)
    for each in (stage.seller, stranger):
        await signed_in(conn, each, device="d" * 43)
    await admitted(conn, stage)
    assert await fraud_bars.links_page(conn, None, 10, 0) == ([], 0)


async def test_an_operator_bars_clears_and_each_is_on_record(conn: Connection, stage: Stage) -> None:
    await admitted(conn, stage)
    act = {"seller_id": stage.seller, "bidder_id": stage.bidder, "operator_id": stage.operator, "now": NOW}
    assert await fraud_bars.bar_from_seller(conn, reason="  ", **act) is FraudRefusal.REASON_MISSING
    assert (
        await fraud_bars.bar_from_seller(conn, reason="x", **{**act, "bidder_id": 10**9}) is FraudRefusal.UNKNOWN_PARTY
    )
    same = {**act, "bidder_id": stage.seller}
    assert await fraud_bars.bar_from_seller(conn, reason="x", **same) is FraudRefusal.SELLER_IS_BIDDER
    link = await fraud_bars.bar_from_seller(conn, reason="bids as a pair", **act)
    assert not isinstance(link, FraudRefusal) and link.kind is LinkKind.OPERATOR
    assert not await may_bid(conn, stage)
    word = {"link_id": link.id, "operator_id": stage.operator, "now": NOW}
    assert await fraud_bars.decide(conn, bars=True, reason="again", **word) is FraudRefusal.ALREADY_SO
    assert await fraud_bars.decide(conn, bars=False, reason="", **word) is FraudRefusal.REASON_MISSING
    await fraud_bars.decide(conn, bars=False, reason="a mistake of mine", **word)
    assert await may_bid(conn, stage)
    acts = [(entry.act, entry.reason) for entry in await audit.entries_of(conn, f"party:{stage.bidder}")]
    assert acts[-2:] == [("link.barring", "bids as a pair"), ("link.cleared", "a mistake of mine")]
    none = {**word, "link_id": 10**9}
    assert await fraud_bars.decide(conn, bars=True, reason="x", **none) is FraudRefusal.NO_SUCH_LINK


async def test_clearing_one_link_leaves_what_another_bars(conn: Connection, stage: Stage) -> None:
    await admitted(conn, stage)
    act = {"seller_id": stage.seller, "bidder_id": stage.bidder, "operator_id": stage.operator, "now": NOW}
    barred = await fraud_bars.bar_from_seller(conn, reason="seen", **act)
    assert not isinstance(barred, FraudRefusal)
    await paid_on(conn, stage.seller)
    await paid_on(conn, stage.bidder)
    word = {"link_id": barred.id, "operator_id": stage.operator, "now": NOW}
    await fraud_bars.decide(conn, bars=False, reason="cleared", **word)
    assert not await may_bid(conn, stage)


async def test_a_barred_party_stays_out_when_a_link_is_cleared(conn: Connection, stage: Stage) -> None:
    await admitted(conn, stage)
    act = {"seller_id": stage.seller, "bidder_id": stage.bidder, "operator_id": stage.operator, "now": NOW}
    barred = await fraud_bars.bar_from_seller(conn, reason="seen", **act)
    assert not isinstance(barred, FraudRefusal)
    await parties.bar(conn, stage.bidder, stage.operator, "did not pay", NOW)
    await fraud_bars.decide(conn, link_id=barred.id, bars=False, operator_id=stage.operator, reason="x", now=NOW)
    assert not await may_bid(conn, stage)
