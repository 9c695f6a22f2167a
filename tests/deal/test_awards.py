"""One lot, several buyers: each has a contract, a case and a confirmation of his own, and every deposit goes where it must."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from auction.facts import Award
from escrow import books
from escrow.facts import DepositState, State
from market import applications, deals_store, my_bids, trades
from market.catalogue import Catalogue
from market.confirmation import confirmation
from market.listings import listing_by_id
from market.to_do import to_do_of
from tests.deal.traded import DEPOSIT, Stage, notices_of, pays, stage
from tests.sell.stall import HOUR, NOW

if TYPE_CHECKING:
    from migrations.database import Connection

UNIT = 40_000


async def fall_to_many(conn: Connection, on: Stage) -> None:
    """The first bidder gets 2 units, which his deposit covers, the second 9; the third gets none."""
    first, second, _ = on.bidders
    awards = tuple(
        Award(party_id=party, paddle=on.paddles[party], quantity=units, total_minor=units * UNIT)
        for party, units in ((first, 2), (second, 9))
    )
    hammer = replace(on.hammer(), winner_id=None, winner_paddle=None, price_minor=None, awards=awards, format="uniform")
    async with conn.transaction():
        await trades.hammer_handler(trades.TradeTerms(), on.desk)(conn, hammer)
        await trades.hammer_handler(trades.TradeTerms(), on.desk)(conn, hammer)


async def test_each_award_opens_its_own_deal_once(conn: Connection) -> None:
    on = await stage(conn)
    await fall_to_many(conn, on)
    first, second, loser = on.bidders
    deals = [await deals_store.deal_of_lot(conn, on.lot_id, party) for party in (first, second)]
    one, nine = [deal for deal in deals if deal is not None]
    assert [
        (deal.buyer_id, deal.terms.quantity, deal.terms.unit_price_minor, deal.hammer_minor) for deal in (one, nine)
    ] == [
        (first, 2, UNIT, 80_000),
        (second, 9, UNIT, 360_000),
    ]
    cases = [await on.desk.settlement.case_by_id(conn, deal.case_id) for deal in (one, nine)]
    assert [case and (case.subject, case.state, case.due_minor) for case in cases] == [
        (f"lot:{on.lot_id}/paddle:{on.paddles[first]}", State.FUNDED, 0),
        (f"lot:{on.lot_id}/paddle:{on.paddles[second]}", State.AWAITING_PAYMENT, 260_000),
    ]
    states = [await on.desk.deposits.deposit_of(conn, applications.subject_of(on.lot_id), each) for each in on.bidders]
    assert [deposit and deposit.state for deposit in states][2] is DepositState.FREED
    free = [await on.desk.wallet.balance(conn, each, "CNY") for each in on.bidders]
    assert free == [DEPOSIT - 80_000, 0, DEPOSIT] and await books.faults(conn) == []
    assert [(await notices_of(conn, each))[-1] for each in (second, loser)] == ["lot_won", "lot_lost"]
    total = await conn.fetchval("select count(*) from market.deal where lot_id = $1", on.lot_id)
    assert total == 2


async def test_everybody_is_led_to_his_own_part(conn: Connection) -> None:
    on = await stage(conn)
    await fall_to_many(conn, on)
    first, second, loser = on.bidders
    own = [await deals_store.case_of_viewer(conn, on.lot_id, each) for each in (first, second, loser, on.seller)]
    assert own[0] and own[1] and own[0] != own[1] and own[2:] == [None, None]
    paid = await on.desk.settlement.case_by_id(conn, own[1])
    assert paid is not None
    await pays(conn, on.desk, paid.reference, paid.due_minor, NOW + 3 * HOUR)
    listing = await listing_by_id(conn, on.lot_id)
    assert listing is not None
    to_do = await to_do_of(conn, on.seller, NOW + 3 * HOUR, mine=[listing])
    assert sorted(one.link for one in to_do.items if one.kind == "ship") == sorted(f"/deals/{case}" for case in own[:2])
    mine = await my_bids.my_bids(conn, second, NOW + 3 * HOUR)
    assert [one.case_id for one in mine] == [own[1]]


async def test_the_confirmation_states_units_price_and_product(conn: Connection) -> None:
    on = await stage(conn)
    await fall_to_many(conn, on)
    deal = await deals_store.deal_of_lot(conn, on.lot_id, on.bidders[1])
    assert deal is not None
    paper = confirmation(deal.terms, case_id=deal.case_id, contract_sha256=b"", code="", catalogue=Catalogue.load())
    said = {clause.name: (clause.value.zh, clause.value.en) for clause in paper.clauses}
    assert said["quantity"] == ("9 个，单价 CNY 400.00", "9 at CNY 400.00 each")
    assert said["price"][0] == "CNY 3,600.00"
    asked = await deals_store.deal_of_lot(conn, on.lot_id, on.seller, deal.case_id)
    assert asked is not None and asked.case_id == deal.case_id
    assert await deals_store.deal_of_lot(conn, on.lot_id + 1, on.seller, deal.case_id) is None
