"""A purchase: the supplier who wins is the seller, the lot's owner pays, and bid bonds go where they must."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from msgspec.structs import replace

from auction import store
from auction.batch import judge_batch
from auction.closings import close_lot
from auction.facts import Bid, Outcome
from escrow import books
from escrow.facts import Action, Case, DepositState, State
from market import applications, deals_store, second_chance, trades
from market.catalogue import Catalogue
from market.confirmation import confirmation
from market.my_bids import my_bids
from market.second_chance_facts import Offer, OfferKind
from tests.deal.traded import DEPOSIT, PRICE, Stage, case_of, notices_of, pays, stage
from tests.sell.stall import HOUR, NOW

if TYPE_CHECKING:
    from migrations.database import Connection


async def falls(conn: Connection, on: Stage, outcome: Outcome = Outcome.SOLD) -> None:
    async with conn.transaction():
        hammer = replace(on.hammer(outcome), format="reverse")
        await trades.hammer_handler(trades.TradeTerms(), on.desk)(conn, hammer)


async def bonds(conn: Connection, on: Stage) -> list[DepositState | None]:
    found = [await on.desk.deposits.deposit_of(conn, applications.subject_of(on.lot_id), one) for one in on.bidders]
    return [None if deposit is None else deposit.state for deposit in found]


async def test_the_winner_sells_and_the_lots_owner_buys(conn: Connection) -> None:
    on = await stage(conn)
    await falls(conn, on)
    deal, case = await deals_store.deal_of_lot(conn, on.lot_id), await case_of(conn, on)
    assert deal is not None
    assert (deal.seller_id, deal.buyer_id, deal.hammer_minor) == (on.winner, on.seller, PRICE)
    assert (case.seller_id, case.buyer_id, case.state, case.due_minor) == (
        on.winner,
        on.seller,
        State.AWAITING_PAYMENT,
        PRICE,
    )
    assert (deal.terms.seller_paddle, deal.terms.buyer_paddle) == (on.paddles[on.winner], 0)
    first, second, _ = on.bidders
    told = [(await notices_of(conn, one))[-1] for one in (on.seller, first, second)]
    assert told == ["purchase_made", "purchase_won", "purchase_lost"]
    assert await bonds(conn, on) == [DepositState.HELD, DepositState.FREED, DepositState.FREED]
    mine = {bid.row.lot_id: bid.case_id for bid in await my_bids(conn, first, NOW + HOUR)}
    assert mine[on.lot_id] == case.id
    paper = confirmation(
        deal.terms,
        case_id=case.id,
        contract_sha256=deal.terms_sha256,
        code=deal.verification_code,
        catalogue=Catalogue.load(),
    )
    clauses = {clause.name: clause.value.en for clause in paper.clauses}
    assert str(on.paddles[on.winner]) in clauses["seller"]
    assert clauses["buyer"] == deal.terms.buyer_name


async def test_the_winners_bond_is_held_until_the_case_is_over(conn: Connection) -> None:
    on = await stage(conn)
    await falls(conn, on)
    case = await case_of(conn, on)
    await pays(conn, on.desk, case.reference, PRICE, NOW + 3 * HOUR)
    steps = on.desk.settlement
    acts: list[Callable[[], Awaitable[object]]] = [
        lambda: steps.ship(conn, case.id, on.winner, "SF", "1", NOW + 4 * HOUR),
        lambda: steps.receive(conn, case.id, on.seller, NOW + 5 * HOUR),
        lambda: steps.confirm_receipt(conn, case.id, on.seller, NOW + 6 * HOUR),
    ]
    for step in acts:
        assert await bonds(conn, on) == [DepositState.HELD, DepositState.FREED, DepositState.FREED]
        async with conn.transaction():
            assert isinstance(await step(), Case)
    assert (await case_of(conn, on)).state is State.RELEASED
    assert await bonds(conn, on) == [DepositState.FREED] * 3
    assert await on.desk.wallet.balance(conn, on.winner, "CNY") == DEPOSIT
    assert await books.faults(conn) == []


@pytest.mark.parametrize("by_operator", [False, True], ids=["by the clock", "by an operator"])
async def test_a_supplier_who_does_not_ship_loses_half_of_his_bond_to_the_buyer(
    conn: Connection, by_operator: bool
) -> None:
    on = await stage(conn)
    await falls(conn, on)
    case = await case_of(conn, on)
    await pays(conn, on.desk, case.reference, PRICE, NOW + 3 * HOUR)
    late = NOW + 30 * 24 * HOUR
    async with conn.transaction():
        if by_operator:
            await on.desk.settlement.cancel(conn, case.id, on.operator, "no fault of his", late, as_operator=True)
        else:
            await on.desk.settlement.time_out(conn, case.id, Action.CANCEL, late)
    half = 0 if by_operator else DEPOSIT // 2
    assert (await bonds(conn, on))[0] is (DepositState.FREED if by_operator else DepositState.FORFEITED)
    assert await on.desk.wallet.balance(conn, on.seller, "CNY") == PRICE + half
    assert await on.desk.wallet.balance(conn, on.winner, "CNY") == (DEPOSIT if by_operator else 0)
    assert await books.faults(conn) == []


async def test_without_an_award_every_bond_is_free(conn: Connection) -> None:
    on = await stage(conn)
    await falls(conn, on, Outcome.UNSOLD)
    assert await bonds(conn, on) == [DepositState.FREED] * 3
    assert (await notices_of(conn, on.seller))[-1] == "purchase_unsold_seller"
    assert (await notices_of(conn, on.winner))[-1] == "purchase_unsold"


async def test_the_buyer_may_still_take_the_best_bid_above_his_maximum(conn: Connection) -> None:
    on = await stage(
        conn,
        format="reverse",
        options={"decrement_minor": 100},
        start_price_minor=10_000,
        reserve_minor=9_000,
        extension_seconds=None,
    )
    first, second, third = on.bidders
    for party, price in [(first, 9_300), (second, 9_200), (third, 9_400)]:
        room = await store.lock_room(conn, on.lot_id)
        assert room is not None
        bid = Bid(
            lot_id=on.lot_id,
            party_id=party,
            client_bid_id=uuid4(),
            amount_minor=price,
            is_maximum=False,
            stamped_at=NOW + 2 * HOUR,
        )
        judged = judge_batch(room, [bid])
        assert judged.answers[0].refusal is None
        await store.commit_batch(await store.prepare_batch(conn), [judged])
    async with conn.transaction():
        handler = trades.hammer_handler(trades.TradeTerms(), on.desk)
        room = await close_lot(conn, on.lot_id, NOW + 100 * HOUR, handler)
    assert room is not None and (room.standing.outcome, room.standing.price_minor) == (Outcome.UNSOLD, 9_200)
    now = NOW + 101 * HOUR
    async with conn.transaction():
        made = await second_chance.offer(conn, lot_id=on.lot_id, actor_id=on.seller, price_minor=1, now=now)
    assert isinstance(made, Offer)
    assert (made.party_id, made.price_minor, made.kind) == (second, 9_200, OfferKind.BEST_SUPPLIER)
    async with conn.transaction():
        done = await second_chance.accept(
            conn, on.desk, trades.TradeTerms(), offer_id=made.id, party_id=second, now=now + HOUR
        )
    assert isinstance(done, Offer)
    case = await case_of(conn, on)
    assert (case.seller_id, case.buyer_id, case.price_minor) == (second, on.seller, 9_200)
    assert await books.faults(conn) == []
