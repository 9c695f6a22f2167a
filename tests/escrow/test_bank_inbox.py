"""Money that arrives: matched to the last unit, once; all else in quarantine with its reason, until it is decided."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
import pytest

from escrow import books, ledger
from escrow.bank_inbox import NoticeConflictError
from escrow.facts import (
    Action,
    DepositState,
    Leg,
    NoticeKind,
    Outcome,
    Payout,
    PayoutState,
    Quarantined,
    QuarantineReason,
    QuarantineState,
    Refusal,
    State,
)
from escrow.pain001 import payout_file
from escrow.sandbox_bank.payout_files import read_file
from tests.escrow.trade import (
    BUYER,
    DAY,
    NOW,
    OPERATOR,
    SELLER,
    Heard,
    bank_says,
    case_in,
    fresh,
    held_deposit,
    incoming,
    terms,
)

if TYPE_CHECKING:
    from asyncpg import Pool, Record

    from migrations.database import Connection


@pytest.fixture
def conn(tx: Connection) -> Connection:
    return tx


async def test_each_misfit_is_quarantined_with_its_reason_and_the_case_stays_as_it_was(conn: Connection) -> None:
    heard = Heard()
    desk = heard.desk()
    case = await case_in(desk, conn, State.AWAITING_PAYMENT)
    wrong = case.reference[:-1] + ("2" if case.reference[-1] != "2" else "3")
    notices = [
        (incoming(case.reference, 89_999), QuarantineReason.WRONG_SUM),
        (incoming(case.reference, 90_000, currency="USD"), QuarantineReason.WRONG_CURRENCY),
        (incoming(wrong, 90_000), QuarantineReason.UNKNOWN_REFERENCE),
        (incoming("for the vase", 90_000), QuarantineReason.UNKNOWN_REFERENCE),
        (incoming(case.reference, 90_000, currency="BTC"), QuarantineReason.UNKNOWN_CURRENCY),
    ]
    for notice, reason in notices:
        received = await desk.inbox.receive(conn, notice, NOW)
        assert (received.outcome, received.reason) == (Outcome.QUARANTINED, reason)
    assert await fresh(desk, conn, case) == case
    items = await desk.quarantine.items(conn)
    assert [item.reason for item in items] == [reason for _, reason in notices] == [item.reason for item in heard.items]
    assert items[0].case_id == items[4].case_id == case.id and items[2].case_id is None
    assert await ledger.balance(conn, f"suspense:{items[0].id}", "CNY") == 89_999
    assert len(await books.stuck_money(conn)) == 5
    assert await books.faults(conn) == []


async def test_money_after_the_payment_or_after_the_end_is_quarantined(conn: Connection) -> None:
    desk = Heard().desk()
    paid = await case_in(desk, conn, State.FUNDED)
    twice = await desk.inbox.receive(conn, incoming(paid.reference, 90_000), NOW)
    assert twice.reason is QuarantineReason.ALREADY_PAID
    unpaid = await case_in(desk, conn, State.AWAITING_PAYMENT, subject="lot:2")
    await desk.settlement.time_out(conn, unpaid.id, Action.DEFAULT, NOW + 2 * DAY)
    late = await desk.inbox.receive(conn, incoming(unpaid.reference, 90_000), NOW + 3 * DAY)
    assert late.reason is QuarantineReason.LATE
    assert (await fresh(desk, conn, unpaid)).state is State.DEFAULTED
    deposit = await desk.deposits.deposit_of(conn, "lot:1", BUYER)
    assert deposit is not None
    again = await desk.inbox.receive(conn, incoming(deposit.reference, 10_000), NOW)
    assert again.reason is QuarantineReason.ALREADY_PAID
    assert await books.faults(conn) == []


async def test_the_same_notice_again_changes_nothing_and_with_other_content_is_a_conflict(conn: Connection) -> None:
    heard = Heard()
    desk = heard.desk()
    case = await case_in(desk, conn, State.AWAITING_PAYMENT)
    notice = incoming(case.reference, 90_000, bank_id="BT-same")
    first = await desk.inbox.receive(conn, notice, NOW)
    again = await desk.inbox.receive(conn, notice, NOW + DAY)
    assert (first.outcome, first.again) == (Outcome.CASE_FUNDED, False)
    assert (again.outcome, again.again) == (Outcome.CASE_FUNDED, True)
    assert len(heard.events) == 2 and await ledger.balance(conn, "bank", "CNY") == -100_000
    with pytest.raises(NoticeConflictError):
        await desk.inbox.receive(conn, incoming(case.reference, 90_001, bank_id="BT-same"), NOW)


async def test_notices_delivered_at_the_same_moment_pay_once(pool: Pool[Record]) -> None:
    heard = Heard()
    desk = heard.desk()
    async with pool.acquire() as conn, conn.transaction():
        case = await case_in(desk, conn, State.AWAITING_PAYMENT)
    same = incoming(case.reference, 90_000)
    others = [incoming(case.reference, 90_000) for _ in range(3)]

    async def deliver(notice: object) -> tuple[str, bool]:
        async with pool.acquire() as conn, conn.transaction():
            received = await desk.inbox.receive(conn, notice, NOW)  # type: ignore[arg-type] # gathered from two lists
            return received.reason or received.outcome, received.again

    outcomes = await asyncio.gather(*(deliver(notice) for notice in [same, *others, same, same]))
    assert sorted(outcomes).count(("case_funded", False)) == 1
    assert [outcome for outcome in outcomes if outcome == ("already_paid", False)] == [("already_paid", False)] * 3
    async with pool.acquire() as conn:
        assert await ledger.balance(conn, f"escrow:{case.id}", "CNY") == 100_000
        assert await ledger.balance(conn, "bank", "CNY") == -10_000 - 4 * 90_000
        assert await books.faults(conn) == []


# What an operator decides.


async def quarantined(conn: Connection, heard: Heard, amount: int, reference: str = "no idea") -> Quarantined:
    await heard.desk().inbox.receive(conn, incoming(reference, amount), NOW)
    return heard.items[-1]


async def test_an_operator_applies_money_to_a_waiting_case_and_the_rest_goes_to_the_buyers_wallet(
    conn: Connection,
) -> None:
    heard = Heard()
    desk = heard.desk()
    case = await case_in(desk, conn, State.AWAITING_PAYMENT)
    item = await quarantined(conn, heard, 90_500)
    trial = await desk.quarantine.dry_run(conn, item.id, NOW, case_id=case.id)
    assert trial == (
        Leg(debit=f"suspense:{item.id}", credit=f"escrow:{case.id}", currency="CNY", amount_minor=90_000),
        Leg(debit=f"deposit:{case.deposit_id}", credit=f"escrow:{case.id}", currency="CNY", amount_minor=10_000),
        Leg(debit=f"suspense:{item.id}", credit=f"wallet:{BUYER}", currency="CNY", amount_minor=500),
    )
    assert (await fresh(desk, conn, case)).state is State.AWAITING_PAYMENT, "a dry run moves nothing"
    applied = await desk.quarantine.apply_quarantined(
        conn, item.id, operator_id=OPERATOR, note="buyer sent the slip", now=NOW, case_id=case.id
    )
    assert isinstance(applied, Quarantined) and applied.state is QuarantineState.APPLIED
    assert (await fresh(desk, conn, case)).state is State.FUNDED
    assert await desk.wallet.balance(conn, BUYER, "CNY") == 500
    event = heard.events[-1]
    assert (event.actor, event.actor_id, event.reason) == ("operator", OPERATOR, "buyer sent the slip")
    assert await books.faults(conn) == []


async def test_an_operator_applies_money_to_a_waiting_deposit_or_to_a_wallet(conn: Connection) -> None:
    heard = Heard()
    desk = heard.desk()
    deposit = await desk.deposits.request_deposit(
        conn, subject="lot:1", party_id=BUYER, amount_minor=5_000, currency="CNY", now=NOW
    )
    item = await quarantined(conn, heard, 5_001, deposit.reference)
    assert (item.reason, item.deposit_id) == (QuarantineReason.WRONG_SUM, deposit.id)
    await desk.quarantine.apply_quarantined(
        conn, item.id, operator_id=OPERATOR, note="one fen over", now=NOW, deposit_id=deposit.id
    )
    assert [each.state for each in heard.deposits] == [DepositState.HELD]
    assert await desk.wallet.balance(conn, BUYER, "CNY") == 1
    other = await quarantined(conn, heard, 700)
    await desk.quarantine.apply_quarantined(
        conn, other.id, operator_id=OPERATOR, note="his money", now=NOW, wallet_of=BUYER
    )
    assert await desk.wallet.balance(conn, BUYER, "CNY") == 701
    assert await books.faults(conn) == []


async def test_what_can_not_be_applied_is_refused_by_name(conn: Connection) -> None:
    heard = Heard()
    desk = heard.desk()
    case = await case_in(desk, conn, State.AWAITING_PAYMENT)
    little = await quarantined(conn, heard, 89_999)
    ops = desk.quarantine
    assert await ops.dry_run(conn, little.id, NOW, case_id=case.id) is Refusal.BELOW_DUE
    assert await ops.dry_run(conn, little.id, NOW, case_id=999) is Refusal.UNKNOWN_CASE
    assert await ops.dry_run(conn, little.id, NOW, deposit_id=999) is Refusal.UNKNOWN_DEPOSIT
    assert await ops.dry_run(conn, little.id, NOW, deposit_id=case.deposit_id) is Refusal.DEPOSIT_NOT_AWAITED
    assert await ops.dry_run(conn, 999, NOW, case_id=case.id) is Refusal.UNKNOWN_ITEM
    await desk.inbox.receive(conn, incoming("x", 90_000, currency="USD"), NOW)
    assert await ops.dry_run(conn, heard.items[-1].id, NOW, case_id=case.id) is Refusal.OTHER_CURRENCY
    await desk.inbox.receive(conn, incoming("x", 90_000, currency="XAU"), NOW)
    assert await ops.dry_run(conn, heard.items[-1].id, NOW, case_id=case.id) is Refusal.UNKNOWN_CURRENCY
    assert await ops.return_quarantined(conn, little.id, OPERATOR, " ", NOW) is Refusal.REASON_MISSING
    no_note = await ops.apply_quarantined(conn, little.id, operator_id=1, note="", now=NOW, case_id=case.id)
    assert no_note is Refusal.REASON_MISSING
    whole = await quarantined(conn, heard, 90_000)
    for into in ({"case_id": case.id}, {"wallet_of": BUYER}):
        own = await ops.apply_quarantined(conn, whole.id, operator_id=BUYER, note="mine", now=NOW, **into)
        assert own is Refusal.OWN_MONEY
    assert await desk.settlement.cancel(conn, case.id, BUYER, "mine", NOW, as_operator=True) is Refusal.OWN_MONEY


async def test_money_sent_back_leaves_once_and_opens_again_if_it_returns(conn: Connection) -> None:
    heard = Heard()
    desk = heard.desk()
    item = await quarantined(conn, heard, 7_000)
    payout = await desk.quarantine.return_quarantined(conn, item.id, OPERATOR, "unknown sender", NOW)
    assert isinstance(payout, Payout) and payout.state is PayoutState.QUEUED
    assert (payout.holder, payout.number) == (item.sender_holder, item.sender_number)
    assert await desk.quarantine.return_quarantined(conn, item.id, OPERATOR, "again", NOW) is Refusal.ITEM_DECIDED
    applied = await desk.quarantine.apply_quarantined(
        conn, item.id, operator_id=OPERATOR, note="too late", now=NOW, wallet_of=BUYER
    )
    assert applied is Refusal.ITEM_DECIDED
    await desk.inbox.receive(conn, bank_says(NoticeKind.PAYOUT_RETURNED, payout, "AC04"), NOW)
    assert [each.id for each in await desk.quarantine.items(conn)] == [item.id]
    second = await desk.quarantine.return_quarantined(conn, item.id, OPERATOR, "right account now", NOW)
    assert isinstance(second, Payout)
    await desk.inbox.receive(conn, bank_says(NoticeKind.PAYOUT_SETTLED, second), NOW)
    (done,) = await desk.quarantine.items(conn, QuarantineState.RETURNED)
    assert done.decided_by == OPERATOR and await ledger.balance(conn, "bank", "CNY") == 0
    assert await books.faults(conn) == []


async def test_a_payout_that_comes_back_after_it_was_settled_is_put_aside_once(conn: Connection) -> None:
    heard = Heard()
    desk = heard.desk()
    await desk.wallet.register_bank_account(conn, SELLER, "Li Lei", "622202000011112222", NOW)
    case = await case_in(desk, conn, State.RELEASED)
    payout = await desk.payouts.payout_of_case(conn, case.id)
    assert payout is not None
    await desk.inbox.receive(conn, bank_says(NoticeKind.PAYOUT_SETTLED, payout), NOW)
    for _ in range(2):
        await desk.inbox.receive(conn, bank_says(NoticeKind.PAYOUT_RETURNED, payout, "AC04"), NOW)
    (item,) = await desk.quarantine.items(conn)
    assert (item.reason, item.amount_minor, item.case_id) == (QuarantineReason.LATE, payout.amount_minor, case.id)
    assert (item.sender_holder, item.sender_number) == ("Li Lei", "622202000011112222")
    assert await books.faults(conn) == []


@pytest.mark.parametrize("kind", [NoticeKind.PAYOUT_SETTLED, NoticeKind.PAYOUT_RETURNED])
async def test_a_notice_of_another_sum_than_the_payouts_is_a_conflict(conn: Connection, kind: NoticeKind) -> None:
    heard = Heard()
    desk = heard.desk()
    item = await quarantined(conn, heard, 7_000)
    payout = await desk.quarantine.return_quarantined(conn, item.id, OPERATOR, "unknown sender", NOW)
    assert isinstance(payout, Payout)
    for wrong in ({"amount_minor": 6_999}, {"currency": "USD"}):
        with pytest.raises(NoticeConflictError):
            async with conn.transaction():
                await desk.inbox.receive(conn, msgspec.structs.replace(bank_says(kind, payout, "AC04"), **wrong), NOW)
    assert await ledger.balance(conn, f"transit:{payout.id}", "CNY") == 7_000


@pytest.mark.parametrize("holder", ["Li\x01Lei", "Li\ufffeLei", "\x01"])
async def test_a_name_that_no_file_can_hold_spoils_nobodys_payout(conn: Connection, holder: str) -> None:
    """A control character in one name would make the whole file unreadable, with everybody's money in it, for ever."""
    desk = Heard().desk()
    refused = await desk.wallet.register_bank_account(conn, BUYER, holder, "622202000011112222", NOW)
    assert refused is Refusal.BAD_ACCOUNT_HOLDER
    notice = msgspec.structs.replace(incoming("x", 500), sender_holder=holder)
    await desk.inbox.receive(conn, notice, NOW)
    (item,) = await desk.quarantine.items(conn)
    payout = await desk.quarantine.return_quarantined(conn, item.id, OPERATOR, "unknown", NOW)
    if holder == "\x01":
        assert payout is Refusal.NO_SENDER_ACCOUNT
        return
    assert isinstance(payout, Payout)
    body = payout_file(message_id="GH1", debtor="centre", debtor_account="XB1", exponent=2, payouts=[payout], now=NOW)
    assert [each.holder for each in read_file(body).payments] == ["LiLei"]


async def test_two_operators_at_once_decide_once(pool: Pool[Record]) -> None:
    heard = Heard()
    desk = heard.desk()
    async with pool.acquire() as conn, conn.transaction():
        await held_deposit(desk, conn, 100)
        item = await quarantined(conn, heard, 7_000)

    async def give_back(operator: int) -> object:
        async with pool.acquire() as conn, conn.transaction():
            return await desk.quarantine.return_quarantined(conn, item.id, operator, "back", NOW)

    async def keep(operator: int) -> object:
        async with pool.acquire() as conn, conn.transaction():
            return await desk.quarantine.apply_quarantined(
                conn, item.id, operator_id=operator, note="his", now=NOW, wallet_of=BUYER
            )

    answers = await asyncio.gather(give_back(1), keep(2), give_back(3), keep(4))
    assert answers.count(Refusal.ITEM_DECIDED) == 3
    async with pool.acquire() as conn:
        assert await books.faults(conn) == []
    assert terms().price_minor == 100_000
