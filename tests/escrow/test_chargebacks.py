"""A buyer's bank takes a card payment back: from what the seller has coming, his reserve, his debt; lost, won, repaid."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from msgspec import structs

from escrow import books, claims_store, ledger
from escrow.desk import EscrowDesk
from escrow.facts import (
    BankNotice,
    Case,
    ClaimReason,
    Fees,
    Line,
    NoticeKind,
    Outcome,
    Payout,
    PayoutState,
    State,
    Timers,
)
from escrow.ledger import Account
from escrow.moves import BANK
from escrow.sandbox_bank.numbers import account_number
from tests.escrow.trade import (
    BUYER,
    DAY,
    NOW,
    OPERATOR,
    SELLER,
    Heard,
    balances,
    bank_says,
    fresh,
    taken,
    terms,
)

if TYPE_CHECKING:
    from migrations.database import Connection

_ids = itertools.count(1)
SOURCES = ("payable:12", "reserve:12", "receivable:12")


@pytest.fixture
def conn(tx: Connection) -> Connection:
    return tx


async def card_sale(
    desk: EscrowDesk,
    conn: Connection,
    *,
    until: State = State.RELEASED,
    subject: str = "lot:1",
    reserve_bp: int = 0,
    lines: tuple[Line, ...] = (),
) -> Case:
    """A sale of 1,000.00 that was paid by card."""
    agreed = terms(subject=subject, reserve_bp=reserve_bp, fees=Fees(commission_bp=800), timers=Timers(), lines=lines)
    case = await desk.settlement.open_case(conn, agreed, NOW)
    await ledger.open_accounts(conn, [Account(path="gateway", currency="CNY")])
    case = taken(await desk.settlement.pay(conn, case, BANK, "gateway", 100_000, NOW, payment_id=f"pay-{case.id}"))
    if until is State.FUNDED:
        return case
    taken(await desk.settlement.ship(conn, case.id, SELLER, "SF", "1", NOW))
    taken(await desk.settlement.receive(conn, case.id, BUYER, NOW))
    return taken(await desk.settlement.confirm_receipt(conn, case.id, BUYER, NOW))


async def bank_tells(
    desk: EscrowDesk,
    conn: Connection,
    kind: NoticeKind,
    case: Case,
    amount_minor: int = 100_000,
    booked_at: datetime = NOW,
) -> Outcome:
    notice = BankNotice(
        bank_id=f"CB-{next(_ids)}",
        kind=kind,
        currency="CNY",
        amount_minor=amount_minor,
        reference=case.payment_id or "",
        booked_at=booked_at,
        reason="4853",
    )
    received = await desk.inbox.receive(conn, notice, NOW + DAY)
    assert (await desk.inbox.receive(conn, notice, NOW + DAY)).again
    return received.outcome


async def test_a_lost_chargeback_is_the_sellers_debt_which_his_next_proceeds_repay(conn: Connection) -> None:
    desk = Heard().desk()
    case = await card_sale(desk, conn)
    assert await bank_tells(desk, conn, NoticeKind.CHARGEBACK, case) is Outcome.CHARGEBACK_OPENED
    assert await bank_tells(desk, conn, NoticeKind.CHARGEBACK, case) is Outcome.IGNORED, "one runs already"
    (chargeback,) = await desk.chargebacks.of_case(conn, case.id)
    held = f"chargeback:{chargeback.id}"
    assert await balances(conn, *SOURCES, held) == [0, 0, -100_000, 100_000]
    assert await desk.chargebacks.owed(conn, SELLER, "CNY") == 100_000
    assert await bank_tells(desk, conn, NoticeKind.CHARGEBACK_LOST, case) is Outcome.CHARGEBACK_LOST
    assert await balances(conn, "gateway", held) == [0, 0]

    first = await card_sale(desk, conn, subject="lot:2")
    assert first.state is State.SETTLED, "nothing of it goes to the bank"
    assert await desk.payouts.payout_of_case(conn, first.id) is None
    assert await balances(conn, "receivable:12") == [-8_000]
    second = await card_sale(desk, conn, subject="lot:3")
    payout = await desk.payouts.payout_of_case(conn, second.id)
    assert payout is not None and payout.amount_minor == 92_000 - 8_000
    assert await balances(conn, *SOURCES, "commission") == [0, 0, 0, 24_000]
    assert await books.faults(conn) == []


async def test_a_won_chargeback_gives_back_what_it_took(conn: Connection) -> None:
    desk = Heard().desk()
    case = await card_sale(desk, conn)
    await bank_tells(desk, conn, NoticeKind.CHARGEBACK, case, 40_000)
    assert await bank_tells(desk, conn, NoticeKind.CHARGEBACK_WON, case, 39_999) is Outcome.IGNORED
    assert await bank_tells(desk, conn, NoticeKind.CHARGEBACK_WON, case, 40_000) is Outcome.CHARGEBACK_WON
    assert await bank_tells(desk, conn, NoticeKind.CHARGEBACK_LOST, case, 40_000) is Outcome.IGNORED
    assert await balances(conn, *SOURCES, "gateway") == [0, 0, 0, -100_000]
    assert (await fresh(desk, conn, case)).charged_back_minor == 0
    (chargeback,) = await desk.chargebacks.of_case(conn, case.id)
    assert (chargeback.state, chargeback.from_receivable_minor) == ("won", 40_000)
    assert await books.faults(conn) == []


async def test_it_takes_from_the_payable_then_the_reserve_then_as_a_debt(conn: Connection) -> None:
    desk = Heard().desk()
    await desk.wallet.register_bank_account(conn, SELLER, "Li Na", account_number(2001), NOW)
    case = await card_sale(desk, conn, reserve_bp=1_000)
    assert await balances(conn, "reserve:12") == [9_200]
    payout = await desk.payouts.payout_of_case(conn, case.id)
    assert payout is not None and payout.amount_minor == 82_800
    await desk.inbox.receive(conn, bank_says(NoticeKind.PAYOUT_RETURNED, payout, "AC04"), NOW)
    assert await balances(conn, *SOURCES) == [82_800, 9_200, 0]
    await bank_tells(desk, conn, NoticeKind.CHARGEBACK, case)
    assert await balances(conn, *SOURCES) == [0, 0, -8_000]
    (chargeback,) = await desk.chargebacks.of_case(conn, case.id)
    assert (chargeback.from_payable_minor, chargeback.from_reserve_minor, chargeback.from_receivable_minor) == (
        82_800,
        9_200,
        8_000,
    )
    await bank_tells(desk, conn, NoticeKind.CHARGEBACK_WON, case)
    # The debt first; what is left goes out again.
    assert await balances(conn, *SOURCES) == [0, 0, 0]
    again = await conn.fetchrow("select * from escrow.payout where purpose = 'chargeback'")
    assert again["amount_minor"] == 92_000 and again["state"] == PayoutState.QUEUED
    assert await books.faults(conn) == []


async def test_what_the_buyer_had_back_already_comes_from_him_and_never_from_the_seller(conn: Connection) -> None:
    desk = Heard().desk()
    case = await card_sale(desk, conn, until=State.FUNDED)
    taken(await desk.settlement.cancel(conn, case.id, SELLER, "", NOW))
    refunded = (await balances(conn, "wallet:11"))[0]
    assert refunded == 100_000
    await desk.wallet.register_bank_account(conn, BUYER, "Wang Wei", account_number(2002), NOW)
    withdrawn = await desk.wallet.withdraw(conn, BUYER, 30_000, "CNY", NOW)
    assert isinstance(withdrawn, Payout)
    await bank_tells(desk, conn, NoticeKind.CHARGEBACK, case)
    assert await balances(conn, "wallet:11", "receivable:11", *SOURCES) == [0, -30_000, 0, 0, 0]
    (chargeback,) = await desk.chargebacks.of_case(conn, case.id)
    assert (chargeback.from_buyer_wallet_minor, chargeback.from_buyer_owed_minor) == (70_000, 30_000)
    assert await books.faults(conn) == []
    await bank_tells(desk, conn, NoticeKind.CHARGEBACK_WON, case)
    assert await balances(conn, "wallet:11", "receivable:11", *SOURCES) == [70_000, 0, 0, 0, 0]
    assert await books.faults(conn) == []


async def test_a_reserve_is_freed_at_its_time_for_what_is_left_of_it(conn: Connection) -> None:
    desk = Heard().desk()
    case = await card_sale(desk, conn, reserve_bp=5_000)
    assert await balances(conn, "reserve:12") == [46_000]
    await bank_tells(desk, conn, NoticeKind.CHARGEBACK, case, 10_000)
    assert await balances(conn, *SOURCES) == [0, 36_000, 0]
    assert await claims_store.claim_due_reserve(conn, NOW + timedelta(days=89)) is None
    due = await claims_store.claim_due_reserve(conn, NOW + timedelta(days=90))
    assert due is not None and due.left_minor == 36_000
    await desk.chargebacks.free_reserve(conn, due, NOW + timedelta(days=90))
    assert await balances(conn, *SOURCES) == [0, 0, 0]
    paid = await conn.fetch("select purpose, amount_minor from escrow.payout order by id")
    assert [tuple(row) for row in paid] == [("sale", 46_000), ("reserve", 36_000)]
    assert await claims_store.claim_due_reserve(conn, NOW + timedelta(days=900)) is None
    assert await books.faults(conn) == []


@pytest.mark.parametrize("end", [NoticeKind.CHARGEBACK_LOST, NoticeKind.CHARGEBACK_WON])
async def test_a_buyer_whose_bank_has_paid_him_is_not_refunded_twice(conn: Connection, end: NoticeKind) -> None:
    desk = Heard().desk()
    case = await card_sale(desk, conn, until=State.FUNDED)
    await bank_tells(desk, conn, NoticeKind.CHARGEBACK, case, 60_000)
    assert await balances(conn, "receivable:12", f"escrow:{case.id}") == [-60_000, 100_000]
    taken(await desk.settlement.cancel(conn, case.id, OPERATOR, "not there", NOW + DAY, as_operator=True))
    assert await balances(conn, "wallet:11", "receivable:12") == [40_000, 0]
    assert await books.faults(conn) == []
    await bank_tells(desk, conn, end, case, 60_000)
    lost = end is NoticeKind.CHARGEBACK_LOST
    assert await balances(conn, "wallet:11", "gateway") == ([40_000, -40_000] if lost else [100_000, -100_000])
    assert await balances(conn, "payable:12", "receivable:12") == [0, 0]
    assert await books.faults(conn) == []


async def test_a_refund_after_the_debt_was_repaid_is_the_sellers(conn: Connection) -> None:
    """His other sale has paid for the chargeback: what is withheld of the refund is not kept from him."""
    desk = Heard().desk()
    case = await card_sale(desk, conn, until=State.FUNDED)
    await bank_tells(desk, conn, NoticeKind.CHARGEBACK, case, 60_000)
    await card_sale(desk, conn, subject="lot:2")
    assert await balances(conn, *SOURCES) == [0, 0, 0]
    taken(await desk.settlement.cancel(conn, case.id, OPERATOR, "not there", NOW + DAY, as_operator=True))
    assert await balances(conn, "wallet:11", *SOURCES) == [40_000, 0, 0, 0]
    paid = await conn.fetch("select purpose, amount_minor from escrow.payout order by id")
    assert [tuple(row) for row in paid] == [("sale", 32_000), ("chargeback", 60_000)]
    assert await books.faults(conn) == []


async def test_what_was_withheld_for_a_lost_chargeback_is_not_given_with_the_next_that_is_won(conn: Connection) -> None:
    desk = Heard().desk()
    case = await card_sale(desk, conn, until=State.FUNDED)
    await bank_tells(desk, conn, NoticeKind.CHARGEBACK, case, 40_000)
    await bank_tells(desk, conn, NoticeKind.CHARGEBACK_LOST, case, 40_000)
    taken(await desk.claims.open(conn, case.id, BUYER, 40_000, ClaimReason.DAMAGED, "It is cracked.", NOW))
    taken(await desk.claims.accept(conn, case.id, SELLER, NOW))
    for kind in (NoticeKind.CHARGEBACK, NoticeKind.CHARGEBACK_WON):
        await bank_tells(desk, conn, kind, case, 30_000)
    assert await balances(conn, "wallet:11", "gateway") == [0, 40_000 - 100_000], "his bank has paid him the 400.00"


@pytest.mark.parametrize("is_first", [True, False], ids=["before", "after"])
async def test_what_a_bank_has_taken_back_counts_for_all_parts_of_the_sale(conn: Connection, is_first: bool) -> None:
    """A chargeback before or after the sale was split: neither the part nor the rest is refunded to the buyer again."""
    desk = Heard().desk()
    lines = (Line(n=1, title="", amount_minor=60_000), Line(n=2, title="", amount_minor=40_000))
    case = await card_sale(desk, conn, until=State.FUNDED, lines=lines)
    if is_first:
        await bank_tells(desk, conn, NoticeKind.CHARGEBACK, case, 70_000)
    part = taken(await desk.settlement.ship_lines(conn, case.id, SELLER, [1], "SF", "1", NOW))
    if not is_first:
        await bank_tells(desk, conn, NoticeKind.CHARGEBACK, case, 70_000)
    taken(await desk.claims.open(conn, part.id, BUYER, 60_000, ClaimReason.DAMAGED, "It is cracked.", NOW))
    taken(await desk.claims.accept(conn, part.id, SELLER, NOW))
    assert await balances(conn, "wallet:11", "receivable:12") == [0, -10_000]
    taken(await desk.settlement.cancel(conn, case.id, SELLER, "", NOW))
    assert await balances(conn, "wallet:11", "receivable:12") == [30_000, 0]
    await bank_tells(desk, conn, NoticeKind.CHARGEBACK_WON, case, 70_000)
    assert await balances(conn, "wallet:11", *SOURCES) == [100_000, 0, 0, 0]
    assert await books.faults(conn) == []


@pytest.mark.parametrize("end", [NoticeKind.CHARGEBACK_LOST, NoticeKind.CHARGEBACK_WON])
async def test_an_end_that_is_told_before_the_beginning_counts_once(conn: Connection, end: NoticeKind) -> None:
    """A notice that had to be sent again comes after the next one; the money does not wait for ever."""
    desk = Heard().desk()
    case = await card_sale(desk, conn)
    assert await bank_tells(desk, conn, end, case, 40_000, NOW + DAY) is Outcome.IGNORED
    assert await bank_tells(desk, conn, NoticeKind.CHARGEBACK, case, 40_000) is Outcome.CHARGEBACK_OPENED
    (chargeback,) = await desk.chargebacks.of_case(conn, case.id)
    assert chargeback.state == ("won" if end is NoticeKind.CHARGEBACK_WON else "lost")
    await bank_tells(desk, conn, NoticeKind.CHARGEBACK, case, 40_000)
    assert [one.state for one in await desk.chargebacks.of_case(conn, case.id)][1:] == ["open"]
    assert await books.faults(conn) == []


async def test_no_more_is_taken_back_than_was_paid(conn: Connection) -> None:
    desk = Heard().desk()
    case = await card_sale(desk, conn)
    await bank_tells(desk, conn, NoticeKind.CHARGEBACK, case, 70_000)
    await bank_tells(desk, conn, NoticeKind.CHARGEBACK_LOST, case, 70_000)
    assert await bank_tells(desk, conn, NoticeKind.CHARGEBACK, case, 30_001) is Outcome.IGNORED
    assert await balances(conn, *SOURCES) == [0, 0, -70_000]
    assert await bank_tells(desk, conn, NoticeKind.CHARGEBACK, case, 30_000) is Outcome.CHARGEBACK_OPENED


async def test_a_chargeback_of_a_payment_that_nobody_knows_is_only_noted(conn: Connection) -> None:
    desk = Heard().desk()
    case = await card_sale(desk, conn)
    for payment_id, amount_minor in (("other", 100_000), (str(case.payment_id), 100_001)):
        named = structs.replace(case, payment_id=payment_id)
        assert await bank_tells(desk, conn, NoticeKind.CHARGEBACK, named, amount_minor) is Outcome.IGNORED
    assert await balances(conn, *SOURCES) == [0, 0, 0]


async def test_a_house_that_was_paid_by_card_alone_pays_its_sellers(conn: Connection) -> None:
    desk = Heard().desk()
    await desk.wallet.register_bank_account(conn, SELLER, "Li Na", account_number(2001), NOW)
    case = await card_sale(desk, conn)
    payout = await desk.payouts.payout_of_case(conn, case.id)
    assert payout is not None
    await desk.inbox.receive(conn, bank_says(NoticeKind.PAYOUT_SETTLED, payout), NOW)
    assert (await fresh(desk, conn, case)).state is State.SETTLED
    assert await balances(conn, "bank", "gateway", "commission") == [92_000, -100_000, 8_000]
