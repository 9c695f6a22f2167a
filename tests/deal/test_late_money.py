"""Late money at the market: the contract stands again, its parties are told, and nobody gets goods that another is offered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import pytest

from escrow import books
from escrow.facts import Case, Quarantined, Refusal, State
from market import deals_store, relisting, second_chance
from market.relisting import RelistRefusal
from migrations.database import Role, connect
from tests.deal.test_second_chance import DEPOSIT, HOUR, OVER, Sale, sold
from tests.deal.traded import notices_of, pays

if TYPE_CHECKING:
    from migrations.database import Address, Connection


async def too_late(conn: Connection, sale: Sale) -> Quarantined:
    """The winner defaults; then his transfer comes."""
    case = await sale.case()
    await sale.default()
    await pays(conn, sale.desk, case.reference, case.due_minor, OVER + 72 * HOUR)
    return (await sale.desk.quarantine.items(conn))[-1]


async def applied(conn: Connection, sale: Sale, item: Quarantined) -> Quarantined | Refusal:
    assert item.case_id is not None
    async with conn.transaction():
        return await sale.desk.quarantine.apply_quarantined(
            conn, item.id, case_id=item.case_id, operator_id=sale.operator, note="slow bank", now=OVER + 73 * HOUR
        )


async def test_a_reinstated_sale_stands_under_the_first_contract(conn: Connection) -> None:
    sale = await sold(conn)
    old = await sale.case()
    assert isinstance(await applied(conn, sale, await too_late(conn, sale)), Quarantined)
    case = await sale.case()
    assert case.id != old.id and case.state is State.FUNDED
    deal = await deals_store.deal_of_case(conn, case.id)
    first = await deals_store.deal_of_case(conn, old.id)
    assert deal is not None and first is not None and deal.terms_sha256 == first.terms_sha256
    assert deal.case_id == case.id
    paper = await deals_store.deal_of_lot(conn, sale.lot_id, case_id=case.id)
    assert paper is not None and paper.terms_sha256 == deal.terms_sha256
    mine = await deals_store.case_of_viewer(conn, sale.lot_id, sale.bidders[0])
    assert mine == case.id, "the lot's page leads to the sale that runs"
    assert (await notices_of(conn, sale.seller))[-1] == "deal_ship"
    stands = await second_chance.sale_of(conn, sale.lot_id)
    assert stands is not None and stands.is_sold
    async with conn.transaction():
        shipped = await sale.desk.settlement.ship(conn, case.id, sale.seller, "SF", "1", OVER + 80 * HOUR)
    assert isinstance(shipped, Case)
    assert await books.faults(conn) == []


async def test_a_sale_is_not_brought_back_and_put_up_again_at_once(conn: Connection, database: Address) -> None:
    """The seller who relists while an operator reinstates waits, and is told that it is sold."""
    sale = await sold(conn)
    item = await too_late(conn, sale)
    assert item.case_id is not None
    seller = await connect(database, Role.APP)
    now = OVER + 73 * HOUR
    async with conn.transaction():
        await sale.desk.quarantine.apply_quarantined(
            conn, item.id, case_id=item.case_id, operator_id=sale.operator, note="slow bank", now=now
        )
        with pytest.raises(asyncpg.LockNotAvailableError):
            async with seller.transaction():
                await seller.execute("set local lock_timeout = '100ms'")
                await relisting.relist(seller, lot_id=sale.lot_id, seller_id=sale.seller, now=now)
    async with seller.transaction():
        late = await relisting.relist(seller, lot_id=sale.lot_id, seller_id=sale.seller, now=now)
    await seller.close()
    assert late is RelistRefusal.RELIST_IS_SOLD


async def test_what_the_runner_up_is_offered_is_not_given_to_the_winner_after_all(conn: Connection) -> None:
    sale = await sold(conn, second_offer=True)
    item = await too_late(conn, sale)
    assert await applied(conn, sale, item) is Refusal.GOODS_ARE_GONE
    offer = await sale.offer()
    await sale.decline(offer, sale.bidders[1], OVER + 73 * HOUR)
    assert isinstance(await applied(conn, sale, item), Quarantined)
    assert await sale.desk.wallet.balance(conn, sale.bidders[1], "CNY") == DEPOSIT
