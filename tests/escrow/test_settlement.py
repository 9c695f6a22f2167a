"""A case from the hammer to the seller's money, and each other end that it may take, on a real database."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import asyncpg
import pytest

from escrow import books, ledger
from escrow.facts import (
    Action,
    BankAccount,
    Case,
    DepositState,
    Leg,
    NoticeKind,
    Outcome,
    Payout,
    PayoutPurpose,
    PayoutState,
    QuarantineReason,
    Refusal,
    State,
)
from escrow.sandbox_bank.numbers import account_number
from tests.escrow.trade import (
    BUYER,
    CENTRE,
    DAY,
    HOUR,
    NOW,
    OPERATOR,
    SELLER,
    STRANGER,
    Heard,
    bank_says,
    case_in,
    fresh,
    held_deposit,
    taken,
    terms,
)

if TYPE_CHECKING:
    from asyncpg import Pool, Record

    from escrow.desk import EscrowDesk
    from migrations.database import Connection

SELLERS_NUMBER = account_number(2001)


@pytest.fixture
def conn(tx: Connection) -> Connection:
    return tx


async def test_a_whole_trade_pays_the_seller_the_price_less_the_commission(conn: Connection) -> None:
    heard = Heard()
    desk = heard.desk()
    await desk.wallet.register_bank_account(conn, SELLER, "Li Na", SELLERS_NUMBER, NOW)
    case = await case_in(desk, conn, State.RELEASED, price_minor=123_450, deposit_minor=10_000)
    assert case.due_minor == 113_450
    payout = await desk.payouts.payout_of_case(conn, case.id)
    assert payout is not None and payout.amount_minor == 113_574 and payout.state is PayoutState.QUEUED
    await desk.inbox.receive(conn, bank_says(NoticeKind.PAYOUT_SETTLED, payout), NOW + DAY)

    settled = await fresh(desk, conn, case)
    assert settled.state is State.SETTLED and settled.is_over
    assert await ledger.balance(conn, "commission", "CNY") == 9_876
    assert await ledger.balance(conn, "bank", "CNY") == -9_876
    events = await desk.settlement.case_events(conn, case.id)
    assert [event.to_state for event in events] == [
        State.AWAITING_PAYMENT,
        State.FUNDED,
        State.SHIPPED,
        State.INSPECTING,
        State.RELEASED,
        State.SETTLED,
    ]
    assert events == heard.events and [event.n for event in events] == [1, 2, 3, 4, 5, 6]
    assert events[2].detail == {"carrier": "SF Express", "tracking_number": "SF1040"}
    assert await books.faults(conn) == []


async def test_a_buyer_who_does_not_pay_forfeits_half_to_the_seller_and_half_to_the_house(conn: Connection) -> None:
    desk = Heard().desk()
    case = await case_in(desk, conn, State.AWAITING_PAYMENT, deposit_minor=10_001)
    assert case.clock_due_at == NOW + timedelta(hours=48)
    assert await desk.settlement.time_out(conn, case.id, Action.DEFAULT, NOW + 47 * HOUR) is Refusal.TOO_EARLY
    over = taken(await desk.settlement.time_out(conn, case.id, Action.DEFAULT, NOW + 48 * HOUR))
    assert over.state is State.DEFAULTED
    assert await ledger.balance(conn, "forfeits", "CNY") == 5_001
    payout = await desk.payouts.payout_of_case(conn, case.id)
    assert payout is not None and (payout.amount_minor, payout.purpose) == (5_000, PayoutPurpose.FORFEIT)
    assert payout.state is PayoutState.WAITING_ACCOUNT, "the seller has registered no account"
    deposit = await desk.deposits.deposit_of(conn, "lot:1", BUYER)
    assert deposit is not None and deposit.state is DepositState.FORFEITED
    assert await books.faults(conn) == []


@pytest.mark.parametrize(
    ("who", "as_operator", "after"),
    [(SELLER, False, timedelta(0)), (BUYER, False, 3 * DAY), (OPERATOR, True, timedelta(0))],
)
async def test_before_shipping_a_funded_case_can_be_cancelled_and_the_buyer_has_the_price_back(
    conn: Connection, who: int, as_operator: bool, after: timedelta
) -> None:
    desk = Heard().desk()
    case = await case_in(desk, conn, State.FUNDED)
    if who == BUYER:
        early = await desk.settlement.cancel(conn, case.id, who, "", NOW + 3 * DAY - HOUR)
        assert early is Refusal.TOO_EARLY
    over = taken(
        await desk.settlement.cancel(conn, case.id, who, "broken in store", NOW + after, as_operator=as_operator)
    )
    assert over.state is State.CANCELLED
    assert await desk.wallet.balance(conn, BUYER, "CNY") == 100_000
    assert await books.faults(conn) == []


async def test_what_nobody_does_the_timers_do(conn: Connection) -> None:
    desk = Heard().desk()
    funded = await case_in(desk, conn, State.FUNDED)
    assert funded.ship_by_at == NOW + 3 * DAY and funded.clock_due_at == NOW + 5 * DAY
    over = taken(await desk.settlement.time_out(conn, funded.id, Action.CANCEL, NOW + 5 * DAY))
    assert over.state is State.CANCELLED
    shipped = await case_in(desk, conn, State.SHIPPED, subject="lot:2")
    arrived = taken(await desk.settlement.time_out(conn, shipped.id, Action.RECEIVE, NOW + 10 * DAY))
    assert arrived.clock_due_at == NOW + 13 * DAY
    released = taken(await desk.settlement.time_out(conn, shipped.id, Action.RELEASE, NOW + 13 * DAY))
    assert released.state is State.RELEASED
    assert await books.faults(conn) == []


async def test_an_operator_ends_a_mistaken_sale_with_a_reason_and_the_deposit_is_free(conn: Connection) -> None:
    desk = Heard().desk()
    case = await case_in(desk, conn, State.AWAITING_PAYMENT)
    refused = await desk.settlement.cancel(conn, case.id, OPERATOR, " ", NOW, as_operator=True)
    assert refused is Refusal.REASON_MISSING
    over = taken(await desk.settlement.cancel(conn, case.id, OPERATOR, "wrong lot sold", NOW, as_operator=True))
    assert over.state is State.CANCELLED
    assert await desk.wallet.balance(conn, BUYER, "CNY") == 10_000
    events = await desk.settlement.case_events(conn, case.id)
    assert (events[-1].actor_id, events[-1].reason) == (OPERATOR, "wrong lot sold")


async def test_a_stranger_and_the_wrong_party_are_refused(conn: Connection) -> None:
    desk = Heard().desk()
    case = await case_in(desk, conn, State.FUNDED)
    settlement = desk.settlement
    assert await settlement.ship(conn, case.id, STRANGER, "SF", "1", NOW) is Refusal.NOT_YOURS
    assert await settlement.ship(conn, case.id, BUYER, "SF", "1", NOW) is Refusal.NOT_YOUR_MOVE
    assert await settlement.ship(conn, case.id, SELLER, "SF", " ", NOW) is Refusal.TRACKING_MISSING
    assert await settlement.confirm_receipt(conn, case.id, BUYER, NOW) is Refusal.NOT_IN_THIS_STATE
    assert await settlement.ship(conn, 999, SELLER, "SF", "1", NOW) is Refusal.UNKNOWN_CASE
    assert (await fresh(desk, conn, case)).version == case.version


async def test_the_buyer_can_pay_from_the_wallet_if_it_holds_enough(conn: Connection) -> None:
    desk = Heard().desk()
    case = await case_in(desk, conn, State.AWAITING_PAYMENT)
    assert await desk.settlement.pay_from_wallet(conn, case.id, SELLER, NOW) is Refusal.NOT_YOURS
    assert await desk.settlement.pay_from_wallet(conn, case.id, BUYER, NOW) is Refusal.INSUFFICIENT_BALANCE
    other = await held_deposit(desk, conn, 90_000, subject="lot:2")
    await desk.deposits.free_deposits(conn, "lot:2", [BUYER], NOW)
    assert other.amount_minor == 90_000
    funded = taken(await desk.settlement.pay_from_wallet(conn, case.id, BUYER, NOW))
    assert funded.state is State.FUNDED and await desk.wallet.balance(conn, BUYER, "CNY") == 0


async def test_of_two_payments_at_once_from_one_wallet_the_second_is_told_that_it_is_empty(pool: Pool[Record]) -> None:
    desk = Heard().desk()
    async with pool.acquire() as first, pool.acquire() as second:
        async with first.transaction():
            cases = [await case_in(desk, first, State.AWAITING_PAYMENT, subject=f"lot:{lot}") for lot in (1, 2)]
            await held_deposit(desk, first, 90_000, subject="lot:3")
            await desk.deposits.free_deposits(first, "lot:3", [BUYER], NOW)
        async with second.transaction():
            async with first.transaction():
                taken(await desk.settlement.pay_from_wallet(first, cases[0].id, BUYER, NOW))
                waiting = asyncio.create_task(desk.settlement.pay_from_wallet(second, cases[1].id, BUYER, NOW))
                while not await first.fetchval("select exists (select from pg_locks where not granted)"):
                    pass
            assert await waiting is Refusal.INSUFFICIENT_BALANCE
        assert (await fresh(desk, first, cases[1])).state is State.AWAITING_PAYMENT
        assert await books.faults(first) == []


async def test_a_deposit_above_the_price_funds_the_case_and_the_rest_goes_back(conn: Connection) -> None:
    desk = Heard().desk()
    await held_deposit(desk, conn, 10_000)
    case = await desk.settlement.open_case(conn, terms(7_000, 10_000), NOW)
    assert (case.state, case.deposit_minor, case.due_minor) == (State.FUNDED, 7_000, 0)
    assert await desk.wallet.balance(conn, BUYER, "CNY") == 3_000
    assert await books.faults(conn) == []


async def test_an_inspection_is_extended_once(conn: Connection) -> None:
    desk = Heard().desk()
    case = await case_in(desk, conn, State.INSPECTING)
    longer = taken(await desk.settlement.extend_inspection(conn, case.id, BUYER, NOW + HOUR))
    assert longer.clock_due_at == NOW + timedelta(hours=144) and longer.state_since == NOW
    assert await desk.settlement.extend_inspection(conn, case.id, BUYER, NOW) is Refusal.ALREADY_EXTENDED
    early = await desk.settlement.time_out(conn, case.id, Action.RELEASE, NOW + timedelta(hours=72))
    assert early is Refusal.TOO_EARLY


async def test_a_payout_that_comes_back_goes_again_when_the_seller_mends_the_account(conn: Connection) -> None:
    desk = Heard().desk()
    await desk.wallet.register_bank_account(conn, SELLER, "Li Na", account_number(9), NOW)
    case = await case_in(desk, conn, State.RELEASED)
    first = await desk.payouts.payout_of_case(conn, case.id)
    assert first is not None
    await desk.inbox.receive(conn, bank_says(NoticeKind.PAYOUT_RETURNED, first, "AC01"), NOW)
    assert await desk.wallet.payable(conn, SELLER, "CNY") == 92_000
    assert (await fresh(desk, conn, case)).state is State.RELEASED
    assert [row.why for row in await books.stuck_money(conn)] == ["AC01"]

    answer = await desk.wallet.register_bank_account(conn, SELLER, "Li Na", SELLERS_NUMBER, NOW + HOUR)
    assert answer == BankAccount(party_id=SELLER, holder="Li Na", number=SELLERS_NUMBER)
    again = await desk.payouts.payout_of_case(conn, case.id)
    assert again is not None and again.id != first.id and again.number == SELLERS_NUMBER
    assert await books.stuck_money(conn) == []
    await desk.inbox.receive(conn, bank_says(NoticeKind.PAYOUT_SETTLED, again), NOW + DAY)
    assert (await fresh(desk, conn, case)).state is State.SETTLED
    assert await books.faults(conn) == []


async def test_a_payout_waits_for_the_seller_to_register_an_account(conn: Connection) -> None:
    heard = Heard()
    desk = heard.desk()
    case = await case_in(desk, conn, State.RELEASED)
    waiting = await desk.payouts.payout_of_case(conn, case.id)
    assert waiting is not None and waiting.state is PayoutState.WAITING_ACCOUNT
    assert not await desk.payouts.build_batch(conn, CENTRE, NOW)
    await desk.wallet.register_bank_account(conn, SELLER, "李娜", SELLERS_NUMBER, NOW)
    assert await desk.payouts.build_batch(conn, CENTRE, NOW)
    assert [payout.state for payout in heard.payouts] == [PayoutState.WAITING_ACCOUNT, PayoutState.QUEUED]


async def test_a_withdrawal_leaves_the_wallet_and_comes_back_if_the_bank_returns_it(conn: Connection) -> None:
    desk = Heard().desk()
    await held_deposit(desk, conn, 5_000)
    await desk.deposits.free_deposits(conn, "lot:1", None, NOW)
    wallet = desk.wallet
    assert await wallet.withdraw(conn, BUYER, 5_000, "CNY", NOW) is Refusal.NO_BANK_ACCOUNT
    await wallet.register_bank_account(conn, BUYER, "Wang Xiu", SELLERS_NUMBER, NOW)
    assert await wallet.withdraw(conn, BUYER, 5_001, "CNY", NOW) is Refusal.INSUFFICIENT_BALANCE
    assert await wallet.withdraw(conn, BUYER, 0, "CNY", NOW) is Refusal.BAD_AMOUNT
    payout = await wallet.withdraw(conn, BUYER, 4_000, "CNY", NOW)
    assert isinstance(payout, Payout) and await wallet.balance(conn, BUYER, "CNY") == 1_000
    await desk.inbox.receive(conn, bank_says(NoticeKind.PAYOUT_RETURNED, payout, "AC04"), NOW)
    assert await wallet.balance(conn, BUYER, "CNY") == 5_000
    lines = await wallet.statement(conn, BUYER, "CNY")
    assert sum(line.amount_minor for line in lines) == 5_000
    assert await books.faults(conn) == []


# What the database would refuse if the code were wrong.


@pytest.fixture
async def released(conn: Connection) -> Case:
    return await case_in(Heard().desk(), conn, State.RELEASED)


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("update escrow.escrow_case set state = 'cancelled' where id = $1", "escrow_case_state_is_last_event"),
        (
            "update escrow.escrow_case set state = 'funded', sealed_version = null where id = $1",
            "escrow_case_waits_with_a_clock",
        ),
        ("update escrow.escrow_case set sealed_version = null where id = $1", "escrow_case_ended_is_sealed"),
        ("update escrow.escrow_case set sealed_version = 1 where id = $1", "escrow_case_ended_empty"),
        ("update escrow.escrow_case set tracking_number = '' where id = $1", "escrow_case_shipped_has_tracking"),
        (
            "insert into escrow.case_event (case_id, n, at, actor, action, from_state, to_state) "
            "values ($1, 6, now(), 'bank', 'pay', 'released', 'funded')",
            "case_event_listed",
        ),
        (
            "insert into escrow.case_event (case_id, n, at, actor, action, from_state, to_state) "
            "values ($1, 6, now(), 'timer', 'cancel', 'funded', 'cancelled')",
            "case_event_chain",
        ),
        (
            "insert into escrow.timer (case_id, action, due_at, try_at) select $1::bigint, 'release', now(), now() "
            "union all select $1, 'cancel', now(), now()",
            "timer_one_running",
        ),
    ],
)
async def test_a_case_cannot_be_bent_by_hand(conn: Connection, released: Case, statement: str, constraint: str) -> None:
    with pytest.raises(asyncpg.IntegrityConstraintViolationError) as caught:
        async with conn.transaction():
            await conn.execute(statement, released.id)
            await conn.execute("set constraints all immediate")
    assert caught.value.constraint_name == constraint


async def test_a_released_escrow_can_never_be_posted_to_again(conn: Connection, released: Case) -> None:
    leg = Leg(debit="bank", credit=f"escrow:{released.id}", currency="CNY", amount_minor=100_000)
    again = ledger.Operation(kind="refund", subject="again", actor="mallory", legs=(leg,))
    (posted,) = await ledger.post_many(conn, [again], NOW)
    assert posted.refused_by == "balance_chain"


async def test_a_second_payout_of_one_sale_is_refused_by_the_database(conn: Connection, released: Case) -> None:
    desk: EscrowDesk = Heard().desk()
    payout = await desk.payouts.payout_of_case(conn, released.id)
    assert payout is not None
    copy = (
        "insert into escrow.payout (party_id, purpose, source, currency, amount_minor, case_id, state, end_to_end_id, "
        "account, queued_at) select party_id, purpose, source, currency, amount_minor, case_id, state, 'GH-O-2', "
        "account, queued_at from escrow.payout where id = $1"
    )
    with pytest.raises(asyncpg.UniqueViolationError) as caught:
        async with conn.transaction():
            await conn.execute(copy, payout.id)
    assert caught.value.constraint_name == "payout_once_a_case"


async def test_one_subject_has_one_running_case(conn: Connection, released: Case) -> None:
    with pytest.raises(asyncpg.UniqueViolationError) as caught:
        async with conn.transaction():
            await Heard().desk().settlement.open_case(conn, terms(subject=released.subject), NOW)
    assert caught.value.constraint_name == "escrow_case_one_running"


async def test_a_settled_payout_that_comes_back_leaves_the_case_settled_and_its_money_aside(
    conn: Connection, released: Case
) -> None:
    desk = Heard().desk()
    await desk.wallet.register_bank_account(conn, SELLER, "Li Na", SELLERS_NUMBER, NOW)
    payout = await desk.payouts.payout_of_case(conn, released.id)
    assert payout is not None
    await desk.inbox.receive(conn, bank_says(NoticeKind.PAYOUT_SETTLED, payout), NOW)
    late = await desk.inbox.receive(conn, bank_says(NoticeKind.PAYOUT_RETURNED, payout, "AC01"), NOW)
    assert (late.outcome, late.reason) == (Outcome.QUARANTINED, QuarantineReason.LATE)
    assert (await fresh(desk, conn, released)).state is State.SETTLED
