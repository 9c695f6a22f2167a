"""Bookings that the bank undoes: named by what they undo, posted once, borne by whom a chargeback would hit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest

from escrow import books, debts, ledger, payments_store, statements
from escrow.desk import EscrowDesk
from escrow.facts import BankNotice, NoticeKind, Outcome, Payout, QuarantineState, State
from escrow.hooks import Hooks
from escrow.matching import MatchKind
from escrow.originals import MOST_ORIGINALS, originals_of
from escrow.statements import EntryRow, StatementRefusal
from market import applications, chargeback_desk, statement_desk, trades
from migrations.database import Role, connect
from tests.deal.traded import DEPOSIT, PRICE, case_of, fall, notices_of, pays, stage
from tests.desk.bank_papers import Line, statement
from tests.desk.test_statements import CENTRE, EVENING, TODAY, line_of, opened
from tests.sell.stall import HOUR, NOW, incoming, party

if TYPE_CHECKING:
    from migrations.database import Address, Connection

DESK = EscrowDesk(
    Hooks(
        on_deposit_held=applications.on_deposit_held,
        on_deposit_taken_back=applications.on_deposit_taken_back,
        deposit_can_fall=applications.deposit_can_fall,
        on_case_changed=trades.on_case_changed,
        on_quarantined=trades.on_quarantined,
        on_payout_changed=trades.on_payout_changed,
        on_chargeback=chargeback_desk.on_chargeback,
        lock_subject=applications.lock_subject,
    )
)


@pytest.fixture
async def conn(module_database: Address) -> AsyncIterator[Connection]:
    made = await connect(module_database, Role.APP)
    transaction = made.transaction()
    await transaction.start()
    yield made
    await transaction.rollback()
    await made.close()


async def booked(conn: Connection, operator: int, *lines: Line) -> EntryRow:
    """The bank's statement of the day is taken in; the one reversed entry of it."""
    await statement_desk.take(conn, statement(TODAY, lines), CENTRE, "upload", operator, EVENING)
    (entry,) = [one for one in await opened(conn, None) if one.is_reversal]
    return entry


async def reverse(
    conn: Connection,
    operator: int,
    entry: EntryRow,
    original: str,
    kind: MatchKind = MatchKind.NOTICE,
    note: str = "gone",
) -> EntryRow | StatementRefusal:
    return await statement_desk.reverse(conn, DESK, entry.id, kind, original, operator, note, EVENING)


async def agrees(conn: Connection) -> None:
    """Book and bank account for every unit of each other."""
    assert await books.faults(conn) == []
    for one in await statements.reconciliation(conn):
        assert (one.unexplained_minor, one.bank_only_minor) == (0, 0), one


async def notice_of(conn: Connection, reference: str) -> BankNotice:
    found = await conn.fetchval(
        "select bank_id from escrow.bank_notice where kind = 'transfer.received' and body ->> 'reference' = $1",
        reference,
    )
    told = await payments_store.transfer_to_reverse(conn, found)
    assert told is not None
    return told


async def withdrawn(
    conn: Connection, operator: int, owner: int, came_minor: int, minor: int
) -> tuple[BankNotice, Payout]:
    """A transfer that an operator has put into its owner's wallet, and what of it the owner has sent to his bank."""
    came = incoming("for Wang", came_minor)
    await DESK.inbox.receive(conn, came, NOW)
    (item,) = await DESK.quarantine.items(conn)
    await DESK.quarantine.apply_quarantined(conn, item.id, operator_id=operator, note="his", now=NOW, wallet_of=owner)
    await DESK.wallet.register_bank_account(conn, owner, "Wang", "622202000011112222", NOW)
    payout = await DESK.wallet.withdraw(conn, owner, minor, "CNY", NOW)
    assert isinstance(payout, Payout)
    return came, payout


async def test_money_in_suspense_goes_back_to_the_bank_once(conn: Connection) -> None:
    operator, came = await party(conn, operator=True), incoming("nothing that we know", 7_000)
    await DESK.inbox.receive(conn, came, NOW)
    undo = Line(bank_id="RV-1", minor=-7_000, at=NOW + HOUR, reverses=came.bank_id)
    entry = await booked(conn, operator, line_of(came), undo)
    (one,) = (await originals_of(conn, [entry]))[entry.id]
    assert (one.id, one.surely) == (came.bank_id, True)
    assert await reverse(conn, operator, entry, came.bank_id, note=" ") is StatementRefusal.NOTE_MISSING
    assert await reverse(conn, operator, entry, "ANOTHER") is StatementRefusal.NO_SUCH_ORIGINAL
    assert await statement_desk.take_in(conn, DESK, entry.id, operator, "x", EVENING) in (
        StatementRefusal.NOT_A_CREDIT, StatementRefusal.IS_A_REVERSAL,
    )  # fmt: skip
    done = await reverse(conn, operator, entry, came.bank_id)
    assert isinstance(done, EntryRow) and (done.matched_kind, done.matched_id) == (MatchKind.REVERSAL, "RV-1")
    (item,) = await DESK.quarantine.items(conn, QuarantineState.REVERSED)
    assert await ledger.balance(conn, f"suspense:{item.id}", "CNY") == 0
    await agrees(conn)
    assert await reverse(conn, operator, entry, came.bank_id) is StatementRefusal.ENTRY_DECIDED
    told = BankNotice(
        bank_id="RV-2", kind=NoticeKind.TRANSFER_REVERSED, currency="CNY", amount_minor=7_000,
        reference=came.bank_id, booked_at=NOW,
    )  # fmt: skip
    assert (await DESK.inbox.receive(conn, told, EVENING)).outcome is Outcome.IGNORED, "it is undone already"
    await agrees(conn)


async def test_a_reversal_that_is_told_before_its_transfer_counts_once_that_has_come(conn: Connection) -> None:
    came = incoming("nothing that we know", 7_000)
    told = BankNotice(
        bank_id="RV-8", kind=NoticeKind.TRANSFER_REVERSED, currency="CNY", amount_minor=7_000,
        reference=came.bank_id, booked_at=NOW,
    )  # fmt: skip
    other_sum = msgspec.structs.replace(told, bank_id="RV-9", amount_minor=6_999)
    for early in (other_sum, told):
        assert (await DESK.inbox.receive(conn, early, NOW)).outcome is Outcome.IGNORED
    assert (await DESK.inbox.receive(conn, came, NOW)).outcome is Outcome.QUARANTINED
    (item,) = await DESK.quarantine.items(conn, QuarantineState.REVERSED)
    assert await ledger.balance(conn, f"suspense:{item.id}", "CNY") == 0
    outcomes = [(await DESK.inbox.receive(conn, one, EVENING)).outcome for one in (other_sum, told)]
    assert outcomes == [Outcome.IGNORED, Outcome.TRANSFER_REVERSED]
    assert await books.faults(conn) == []


async def test_what_an_entry_names_is_found_among_many_of_its_sum(conn: Connection) -> None:
    operator, named = await party(conn, operator=True), incoming("the first", 8_000)
    alike = [incoming(f"another {n}", 8_000) for n in range(MOST_ORIGINALS)]
    for one in (named, *(msgspec.structs.replace(one, booked_at=NOW + HOUR / 2) for one in alike)):
        await DESK.inbox.receive(conn, one, NOW)
    entry = await booked(conn, operator, Line(bank_id="RV-5", minor=-8_000, at=NOW + HOUR, reverses=named.bank_id))
    found = (await originals_of(conn, [entry]))[entry.id]
    assert (len(found), found[0].id, found[0].surely) == (MOST_ORIGINALS, named.bank_id, True)


async def test_what_the_bank_told_under_another_id_is_the_entry_that_undoes_the_same(conn: Connection) -> None:
    operator, came = await party(conn, operator=True), incoming("nothing that we know", 7_000)
    told = BankNotice(
        bank_id="WEBHOOK-1", kind=NoticeKind.TRANSFER_REVERSED, currency="CNY", amount_minor=7_000,
        reference=came.bank_id, booked_at=NOW,
    )  # fmt: skip
    for one in (came, told):
        await DESK.inbox.receive(conn, one, NOW)
    undo = Line(bank_id=came.bank_id, minor=-7_000, at=NOW + HOUR, reverses="")
    await statement_desk.take(conn, statement(TODAY, [line_of(came), undo]), CENTRE, "upload", operator, EVENING)
    assert await opened(conn) == []
    await agrees(conn)


async def test_a_reversed_price_is_the_sellers_debt_and_the_deal_goes_on(conn: Connection) -> None:
    on = await stage(conn, bidders=1, desk=DESK)
    await fall(conn, on)
    case = await case_of(conn, on)
    await pays(conn, DESK, case.reference, case.due_minor, NOW + 2 * HOUR)
    came = [await notice_of(conn, case.reference)]
    deposit = await DESK.deposits.deposit_of(conn, applications.subject_of(on.lot_id), on.winner)
    assert deposit is not None
    came.append(await notice_of(conn, deposit.reference))
    undo = Line(bank_id="RV-3", minor=-case.due_minor, at=NOW + 3 * HOUR, reference=case.reference, reverses="")
    entry = await booked(conn, on.operator, *(line_of(one) for one in came), undo)
    (one,) = (await originals_of(conn, [entry]))[entry.id]
    assert (one.surely, one.case_id) == (True, case.id)
    assert await reverse(conn, on.seller, entry, one.id) is StatementRefusal.OWN_MONEY
    assert isinstance(await reverse(conn, on.operator, entry, one.id), EntryRow)
    assert await debts.owed(conn, on.seller, "CNY") == case.due_minor == PRICE - DEPOSIT
    stands = await DESK.settlement.case_by_id(conn, case.id)
    assert stands is not None and (stands.state, stands.charged_back_minor) == (State.FUNDED, case.due_minor)
    assert "transfer_reversed" in await notices_of(conn, on.seller)
    (chargeback,) = await DESK.chargebacks.of_case(conn, case.id)
    assert chargeback.is_transfer and chargeback.state == "lost"
    await agrees(conn)


async def test_a_reversed_deposit_falls_and_of_two_alike_the_operator_chooses(conn: Connection) -> None:
    on = await stage(conn, bidders=2, desk=DESK)
    came = []
    for bidder in on.bidders:
        deposit = await DESK.deposits.deposit_of(conn, applications.subject_of(on.lot_id), bidder)
        assert deposit is not None
        came.append(await notice_of(conn, deposit.reference))
    undo = Line(bank_id="RV-4", minor=-DEPOSIT, at=NOW + HOUR, end_to_end_id="SAME", reverses="")
    entry = await booked(conn, on.operator, *(line_of(one, end_to_end_id="SAME") for one in came), undo)
    named = (await originals_of(conn, [entry]))[entry.id]
    assert sorted(one.id for one in named) == sorted(one.bank_id for one in came)
    assert not any(one.surely for one in named)
    assert isinstance(await reverse(conn, on.operator, entry, came[1].bank_id), EntryRow)
    stands = [await applications.application_state(conn, DESK, on.lot_id, one) for one in on.bidders]
    assert [one and one.step for one in stands] == ["admitted", "pay_deposit"]
    assert (await notices_of(conn, on.bidders[1]))[-1] == "deposit_taken_back"
    await agrees(conn)


async def test_what_was_applied_to_a_wallet_and_spent_is_its_owners_debt(conn: Connection) -> None:
    operator, owner = await party(conn, operator=True), await party(conn)
    came, _ = await withdrawn(conn, operator, owner, 9_000, 6_000)
    await statement_desk.take(
        conn, statement(TODAY - timedelta(days=1), [line_of(came)]), CENTRE, "upload", operator, NOW
    )
    undo = Line(bank_id=came.bank_id, minor=-9_000, at=NOW + HOUR, reverses="")
    day = statement(TODAY, [undo], opening=9_000)
    for again in (False, True):
        (taken,) = await statement_desk.take(conn, day, CENTRE, "upload", operator, EVENING)
        assert taken.again is again
    (entry,) = [one for one in await opened(conn) if one.is_reversal]
    assert (await originals_of(conn, [entry]))[entry.id][0].surely
    assert isinstance(await reverse(conn, operator, entry, came.bank_id), EntryRow)
    assert (await debts.owed(conn, owner, "CNY"), await DESK.wallet.balance(conn, owner, "CNY")) == (6_000, 0)
    assert "own_transfer_reversed" in await notices_of(conn, owner)
    await agrees(conn)


async def test_a_reversed_payout_comes_in_anew_and_waits_for_an_operator(conn: Connection) -> None:
    operator, owner = await party(conn, operator=True), await party(conn)
    came, payout = await withdrawn(conn, operator, owner, 5_000, 5_000)
    settled = BankNotice(
        bank_id="ST-1", kind=NoticeKind.PAYOUT_SETTLED, currency="CNY", amount_minor=5_000,
        reference=payout.end_to_end_id, booked_at=NOW,
    )  # fmt: skip
    await DESK.inbox.receive(conn, settled, NOW)
    away = Line(bank_id="ST-1", minor=-5_000, at=NOW, end_to_end_id=payout.end_to_end_id)
    undo = Line(bank_id="RV-6", minor=5_000, at=NOW + HOUR, end_to_end_id=payout.end_to_end_id, reverses="ST-1")
    entry = await booked(conn, operator, line_of(came), away, undo)
    (one,) = (await originals_of(conn, [entry]))[entry.id]
    assert (one.kind, one.id, one.surely) == (MatchKind.PAYOUT, str(payout.id), True)
    assert await reverse(conn, owner, entry, one.id, MatchKind.PAYOUT) is StatementRefusal.OWN_MONEY
    done = await reverse(conn, operator, entry, one.id, MatchKind.PAYOUT)
    assert isinstance(done, EntryRow) and done.matched_kind is MatchKind.NOTICE
    (waiting,) = await DESK.quarantine.items(conn)
    assert (waiting.amount_minor, waiting.reason) == (5_000, "late")
    await agrees(conn)
    again = msgspec.structs.replace(settled, bank_id="RV-7", kind=NoticeKind.PAYOUT_RETURNED, reason="x")
    assert (await DESK.inbox.receive(conn, again, EVENING)).outcome is Outcome.IGNORED


async def test_a_payout_that_the_bank_told_of_late_is_the_entry_that_gives_it_back(conn: Connection) -> None:
    operator, owner = await party(conn, operator=True), await party(conn)
    came, payout = await withdrawn(conn, operator, owner, 5_000, 5_000)
    settled = BankNotice(
        bank_id="ST-2", kind=NoticeKind.PAYOUT_SETTLED, currency="CNY", amount_minor=5_000,
        reference=payout.end_to_end_id, booked_at=NOW,
    )  # fmt: skip
    late = msgspec.structs.replace(settled, bank_id="WEBHOOK-2", kind=NoticeKind.PAYOUT_RETURNED, reason="x")
    for one in (settled, late):
        await DESK.inbox.receive(conn, one, NOW)
    away = Line(bank_id="ST-2", minor=-5_000, at=NOW, end_to_end_id=payout.end_to_end_id)
    undo = Line(bank_id="ST-2", minor=5_000, at=NOW + HOUR, end_to_end_id=payout.end_to_end_id, reverses="")
    lines = [line_of(came), away, undo]
    await statement_desk.take(conn, statement(TODAY, lines), CENTRE, "upload", operator, EVENING)
    assert await opened(conn) == []
    await agrees(conn)
