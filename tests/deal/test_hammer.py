"""The hammer: losers freed, case and contract written, everyone told, all in one transaction or not at all."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import asyncpg
import pytest

from auction.facts import Outcome
from escrow import books
from escrow.facts import Action, Refusal, State
from market import deals_store, trades
from market.contracts import canonical
from market.fees import sums_of
from tests.deal.traded import DEPOSIT, PRICE, Stage, case_of, fall, notices_of, pays, stage
from tests.sell.stall import DAY, HOUR, NOW

if TYPE_CHECKING:
    from migrations.database import Connection


class PowerCut(Exception):
    """What a test raises in the middle of the closing."""


async def test_a_hammer_frees_the_losers_and_holds_the_winner(conn: Connection) -> None:
    on = await stage(conn)
    await fall(conn, on)
    free = [await on.desk.wallet.balance(conn, each, "CNY") for each in on.bidders]
    assert free == [0, DEPOSIT, DEPOSIT]
    case = await case_of(conn, on)
    assert (case.state, case.price_minor, case.due_minor) == (State.AWAITING_PAYMENT, PRICE, PRICE - DEPOSIT)
    assert await books.faults(conn) == []


async def test_the_case_is_opened_under_the_hash_of_the_contract(conn: Connection) -> None:
    on = await stage(conn)
    await fall(conn, on)
    case, deal = await case_of(conn, on), await deals_store.deal_of_lot(conn, on.lot_id)
    assert deal is not None
    assert case.contract_sha256 == deal.terms_sha256 == sha256(canonical(deal.terms).encode()).digest()
    assert (deal.terms.buyer_id, deal.terms.seller_id, deal.terms.commission_bp) == (on.winner, on.seller, 800)
    assert sums_of(deal.terms.fees, PRICE).commission_minor == case.commission_minor == 98_760


async def test_each_is_told_his_own_part(conn: Connection) -> None:
    on = await stage(conn)
    await fall(conn, on)
    told = [(await notices_of(conn, each))[-1] for each in (*on.bidders, on.seller)]
    assert told == ["lot_won", "lot_lost", "lot_lost", "lot_sold"]


async def test_a_hammer_that_is_killed_leaves_nothing(conn: Connection) -> None:
    on = await stage(conn)
    handler = trades.hammer_handler(trades.TradeTerms(), on.desk)
    with pytest.raises(PowerCut):
        async with conn.transaction():
            await handler(conn, on.hammer())
            raise PowerCut
    assert await deals_store.deal_of_lot(conn, on.lot_id) is None
    assert [await on.desk.wallet.balance(conn, each, "CNY") for each in on.bidders] == [0, 0, 0]
    assert "lot_lost" not in await notices_of(conn, on.bidders[1])
    await fall(conn, on)
    assert (await case_of(conn, on)).state is State.AWAITING_PAYMENT


async def test_a_second_hammer_changes_nothing(conn: Connection) -> None:
    on = await stage(conn)
    await fall(conn, on)
    before = [await notices_of(conn, each) for each in on.bidders]
    await fall(conn, on)
    assert [await notices_of(conn, each) for each in on.bidders] == before
    assert await conn.fetchval("select count(*) from escrow.escrow_case") == 1


async def test_after_an_outage_the_buyer_still_has_the_whole_time_to_pay(conn: Connection) -> None:
    """A house that was down for a week closes its overdue lots at the start; nobody is in default by that."""
    on = await stage(conn)
    ended, struck = NOW + 2 * HOUR, NOW + 7 * DAY
    await fall(conn, on, closed_at=ended, struck_at=struck)
    case, deal = await case_of(conn, on), await deals_store.deal_of_lot(conn, on.lot_id)
    assert deal is not None and deal.terms.closed_at == ended
    assert case.clock_due_at == deal.terms.pay_by == struck + 2 * DAY
    defaulted = await on.desk.settlement.time_out(conn, case.id, Action.DEFAULT, struck + HOUR)
    assert defaulted is Refusal.TOO_EARLY


@pytest.mark.parametrize("outcome", [Outcome.UNSOLD, Outcome.VOID])
async def test_without_a_sale_every_deposit_is_freed(conn: Connection, outcome: Outcome) -> None:
    on = await stage(conn)
    await fall(conn, on, outcome)
    assert [await on.desk.wallet.balance(conn, each, "CNY") for each in on.bidders] == [DEPOSIT] * 3
    kind = f"lot_{outcome.value}"
    assert [(await notices_of(conn, each))[-1] for each in on.bidders] == [kind] * 3
    assert (await notices_of(conn, on.seller))[-1] == f"{kind}_seller"


async def test_a_lot_without_deposit_opens_a_case_for_the_whole_price(conn: Connection) -> None:
    on = await stage(conn, deposit_minor=0)
    await fall(conn, on)
    assert (await case_of(conn, on)).due_minor == PRICE


async def test_a_contract_can_not_be_altered(conn: Connection, owner_pool: asyncpg.Pool[asyncpg.Record]) -> None:
    on = await stage(conn)
    await fall(conn, on)
    for statement in ("update market.deal set hammer_minor = 1", "delete from market.deal"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await conn.execute(statement)
        with pytest.raises(asyncpg.RestrictViolationError):
            await owner_pool.execute(statement)


async def test_the_seller_is_told_to_ship_only_after_the_money_is_held(conn: Connection) -> None:
    on = await stage(conn)
    await fall(conn, on)
    case = await case_of(conn, on)
    assert "deal_ship" not in await notices_of(conn, on.seller)
    await pays(conn, on.desk, case.reference, case.due_minor - 1, NOW + 3 * HOUR)
    assert "deal_ship" not in await notices_of(conn, on.seller)
    await pays(conn, on.desk, case.reference, case.due_minor, NOW + 4 * HOUR)
    assert (await notices_of(conn, on.seller))[-1] == "deal_ship"


async def test_a_hammer_takes_as_many_statements_for_a_hundred_losers_as_for_two(conn: Connection) -> None:
    few, many = await stage(conn), await stage(conn, bidders=101)
    taken = [await _statements(conn, on) for on in (few, many)]
    assert taken[0] == taken[1]
    assert await many.desk.wallet.balance(conn, many.bidders[-1], "CNY") == DEPOSIT


async def _statements(conn: Connection, on: Stage) -> int:
    asked: list[str] = []
    with conn.query_logger(lambda record: asked.append(record.query)):
        await fall(conn, on)
    return len(asked)


async def test_a_deposit_as_high_as_the_price_pays_it_and_the_seller_is_told(conn: Connection) -> None:
    on = await stage(conn, deposit_minor=PRICE + 500)
    await fall(conn, on)
    case = await case_of(conn, on)
    assert (case.state, case.due_minor) == (State.FUNDED, 0)
    assert await on.desk.wallet.balance(conn, on.winner, "CNY") == 500
    assert (await notices_of(conn, on.seller))[-2:] == ["lot_sold", "deal_ship"]
    assert await books.faults(conn) == []
