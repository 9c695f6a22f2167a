"""Who may bid: application, the operator's word, the deposit, the paddle; each step repeatable and safe against two at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from auction import store
from escrow.facts import DepositState
from market import applications, notices, parties
from market.application_facts import Application, ApplicationRefusal, ApplicationState, NextStep
from market.listing_facts import Listing
from tests.sell.stall import NOW, changed, desk, incoming, on_show, party, submitted

if TYPE_CHECKING:
    from migrations.database import Connection, Pool

DESK = desk()


async def people(conn: Connection) -> tuple[int, int, int]:
    return await party(conn), await party(conn), await party(conn, operator=True)


async def applied(conn: Connection, lot_id: int, bidder: int) -> Application:
    done = await applications.apply(conn, lot_id=lot_id, party_id=bidder, now=NOW)
    assert isinstance(done, Application), done
    return done


async def confirmed(conn: Connection, application_id: int, operator: int) -> Application:
    done = await applications.confirm(conn, DESK, application_id=application_id, operator_id=operator, now=NOW)
    assert isinstance(done, Application), done
    return done


async def step_of(conn: Connection, lot_id: int, party_id: int | None) -> NextStep:
    stands = await applications.application_state(conn, DESK, lot_id, party_id)
    assert stands is not None
    return stands.step


async def put_in_wallet(conn: Connection, bidder: int, amount_minor: int) -> None:
    """Money of the bidder's own, left over from a deposit that was freed."""
    other = await DESK.deposits.request_deposit(
        conn, subject="lot:900000001", party_id=bidder, amount_minor=amount_minor, currency="CNY", now=NOW
    )
    await DESK.inbox.receive(conn, incoming(other.reference, amount_minor), NOW)
    await DESK.deposits.free_deposits(conn, "lot:900000001", [bidder], NOW)


async def test_the_whole_way_by_bank_transfer(conn: Connection) -> None:
    seller, bidder, operator = await people(conn)
    lot = await on_show(conn, seller, operator)
    assert await step_of(conn, lot.id, None) is NextStep.SIGN_IN
    assert await step_of(conn, lot.id, seller) is NextStep.OWN_LOT
    assert await step_of(conn, lot.id, bidder) is NextStep.APPLY
    application = await applied(conn, lot.id, bidder)
    assert await step_of(conn, lot.id, bidder) is NextStep.WAIT
    await confirmed(conn, application.id, operator)
    due = await applications.application_state(conn, DESK, lot.id, bidder)
    assert due is not None and (due.step, due.deposit_minor) == (NextStep.PAY_DEPOSIT, 100_000) and due.reference
    assert not due.may_freeze and await store.own_position(conn, lot.id, bidder) is None
    async with conn.transaction():
        await DESK.inbox.receive(conn, incoming(due.reference, 100_000), NOW)
    held = await applications.application_state(conn, DESK, lot.id, bidder)
    position = await store.own_position(conn, lot.id, bidder)
    assert held is not None and position is not None
    assert (held.step, held.paddle) == (NextStep.ADMITTED, position.paddle)
    kinds = [notice.kind for notice in await notices.notices_of(conn, bidder)]
    assert kinds == ["admitted", "deposit_due"]


async def test_without_a_deposit_the_operators_yes_admits(conn: Connection) -> None:
    seller, bidder, operator = await people(conn)
    lot = await on_show(conn, seller, operator, changed(deposit_minor=0))
    done = await confirmed(conn, (await applied(conn, lot.id, bidder)).id, operator)
    assert done.paddle is not None and await step_of(conn, lot.id, bidder) is NextStep.ADMITTED


async def test_the_wallet_covers_the_deposit_once(conn: Connection) -> None:
    seller, bidder, operator = await people(conn)
    lot = await on_show(conn, seller, operator)
    await confirmed(conn, (await applied(conn, lot.id, bidder)).id, operator)
    freeze = {"lot_id": lot.id, "party_id": bidder, "now": NOW}
    assert await applications.freeze_from_wallet(conn, DESK, **freeze) is ApplicationRefusal.WALLET_TOO_LOW
    await put_in_wallet(conn, bidder, 150_000)
    async with conn.transaction():
        first = await applications.freeze_from_wallet(conn, DESK, **freeze)
    again = await applications.freeze_from_wallet(conn, DESK, **freeze)
    assert isinstance(first, Application) and first == again and first.paddle is not None
    assert await DESK.wallet.balance(conn, bidder, "CNY") == 50_000


async def test_freezing_needs_the_operators_yes(conn: Connection) -> None:
    seller, bidder, operator = await people(conn)
    lot = await on_show(conn, seller, operator)
    await applied(conn, lot.id, bidder)
    done = await applications.freeze_from_wallet(conn, DESK, lot_id=lot.id, party_id=bidder, now=NOW)
    assert done is ApplicationRefusal.NO_DEPOSIT_DUE


async def test_the_seller_never_bids_on_his_own_lot(conn: Connection) -> None:
    seller, _, operator = await people(conn)
    lot = await on_show(conn, seller, operator)
    done = await applications.apply(conn, lot_id=lot.id, party_id=seller, now=NOW)
    assert done is ApplicationRefusal.SELLER_MAY_NOT_BID


async def test_a_lot_that_is_not_on_show_cannot_be_applied_for(conn: Connection) -> None:
    seller, bidder, _ = await people(conn)
    listing = await submitted(conn, seller)
    for lot_id in (listing.id, 987_654_321):
        done = await applications.apply(conn, lot_id=lot_id, party_id=bidder, now=NOW)
        assert done is ApplicationRefusal.NO_SUCH_LOT
    assert await applications.application_state(conn, DESK, listing.id, bidder) is None


async def test_the_barred_are_neither_taken_nor_confirmed(conn: Connection) -> None:
    seller, bidder, operator = await people(conn)
    lot = await on_show(conn, seller, operator)
    application = await applied(conn, lot.id, bidder)
    await parties.bar(conn, bidder, operator, "did not pay", NOW)
    done = await applications.confirm(conn, DESK, application_id=application.id, operator_id=operator, now=NOW)
    assert done is ApplicationRefusal.BARRED
    other = await on_show(conn, seller, operator)
    assert await applications.apply(conn, lot_id=other.id, party_id=bidder, now=NOW) is ApplicationRefusal.BARRED
    assert await step_of(conn, other.id, bidder) is NextStep.BARRED


async def test_who_is_barred_before_he_has_paid_is_not_admitted_by_his_money(conn: Connection) -> None:
    seller, bidder, operator = await people(conn)
    lot = await on_show(conn, seller, operator)
    await confirmed(conn, (await applied(conn, lot.id, bidder)).id, operator)
    due = await applications.application_state(conn, DESK, lot.id, bidder)
    assert due is not None and due.reference is not None
    await put_in_wallet(conn, bidder, 150_000)
    await parties.bar(conn, bidder, operator, "did not pay", NOW)
    frozen = await applications.freeze_from_wallet(conn, DESK, lot_id=lot.id, party_id=bidder, now=NOW)
    assert frozen is ApplicationRefusal.BARRED
    async with conn.transaction():
        await DESK.inbox.receive(conn, incoming(due.reference, 100_000), NOW)
    assert await step_of(conn, lot.id, bidder) is NextStep.BARRED
    assert await store.own_position(conn, lot.id, bidder) is None
    async with conn.transaction():
        await DESK.deposits.free_deposits(conn, applications.subject_of(lot.id), None, NOW)
    assert await DESK.wallet.balance(conn, bidder, "CNY") == 250_000


async def test_applying_twice_is_applying_once(conn: Connection) -> None:
    seller, bidder, operator = await people(conn)
    lot = await on_show(conn, seller, operator)
    assert await applied(conn, lot.id, bidder) == await applied(conn, lot.id, bidder)


async def test_a_no_needs_a_reason_and_stands(conn: Connection) -> None:
    seller, bidder, operator = await people(conn)
    lot = await on_show(conn, seller, operator)
    application = await applied(conn, lot.id, bidder)
    say_no = {"application_id": application.id, "operator_id": operator, "now": NOW}
    assert await applications.reject(conn, reason=" ", **say_no) is ApplicationRefusal.REASON_MISSING
    done = await applications.reject(conn, reason="We could not reach you.", **say_no)
    assert isinstance(done, Application) and done.state is ApplicationState.REJECTED
    stands = await applications.application_state(conn, DESK, lot.id, bidder)
    assert stands is not None and (stands.step, stands.reason) == (NextStep.REJECTED, "We could not reach you.")
    assert await applications.confirm(conn, DESK, **say_no) is ApplicationRefusal.ALREADY_DECIDED


async def test_of_a_yes_and_a_no_at_once_one_stands(pool: Pool) -> None:
    async with pool.acquire() as conn:
        seller, bidder, operator = await people(conn)
        lot = await on_show(conn, seller, operator)
        application = await applied(conn, lot.id, bidder)

    async def yes() -> Application | ApplicationRefusal:
        async with pool.acquire() as conn, conn.transaction():
            return await applications.confirm(conn, DESK, application_id=application.id, operator_id=operator, now=NOW)

    async def no() -> Application | ApplicationRefusal:
        async with pool.acquire() as conn, conn.transaction():
            say = {"application_id": application.id, "operator_id": operator, "now": NOW}
            return await applications.reject(conn, reason="no", **say)

    done = await asyncio.gather(yes(), no(), yes(), no())
    states = {one.state for one in done if isinstance(one, Application)}
    assert len(states) == 1
    async with pool.acquire() as conn:
        deposits = await DESK.deposits.deposits_of(conn, bidder)
    assert len(deposits) == (1 if states == {ApplicationState.APPROVED} else 0)


async def test_two_transfers_at_once_admit_once(pool: Pool) -> None:
    async with pool.acquire() as conn:
        seller, bidder, operator = await people(conn)
        lot = await on_show(conn, seller, operator)
        await confirmed(conn, (await applied(conn, lot.id, bidder)).id, operator)
        deposit = await DESK.deposits.deposit_of(conn, f"lot:{lot.id}", bidder)
        assert deposit is not None
        await put_in_wallet(conn, bidder, 100_000)

    async def by_bank() -> None:
        async with pool.acquire() as conn, conn.transaction():
            await DESK.inbox.receive(conn, incoming(deposit.reference, 100_000), NOW)

    async def by_wallet() -> None:
        async with pool.acquire() as conn, conn.transaction():
            await applications.freeze_from_wallet(conn, DESK, lot_id=lot.id, party_id=bidder, now=NOW)

    await asyncio.gather(by_bank(), by_wallet())
    async with pool.acquire() as conn:
        assert await step_of(conn, lot.id, bidder) is NextStep.ADMITTED
        held = [one for one in await DESK.deposits.deposits_of(conn, bidder) if one.state is DepositState.HELD]
        admitted = [one for one in await notices.notices_of(conn, bidder) if one.kind == "admitted"]
        assert (len(held), len(admitted)) == (1, 1)


@pytest.mark.parametrize(
    ("subject", "lot"),
    [
        ("lot:12", 12),
        ("lot:12/paddle:417", 12),
        ("lot:12/paddle:", None),
        ("lot:", None),
        ("case:12", None),
        ("lot:1x", None),
        ("lot:１", None),
    ],
)
def test_only_a_lots_subject_names_a_lot(subject: str, lot: int | None) -> None:
    assert applications.lot_of(subject) == lot


async def test_what_the_seller_wrote_is_what_the_escrow_asks_for(conn: Connection) -> None:
    seller, bidder, operator = await people(conn)
    lot: Listing = await on_show(conn, seller, operator, changed(deposit_minor=123_457))
    await confirmed(conn, (await applied(conn, lot.id, bidder)).id, operator)
    deposit = await DESK.deposits.deposit_of(conn, f"lot:{lot.id}", bidder)
    assert deposit is not None and (deposit.amount_minor, deposit.currency) == (123_457, "CNY")
