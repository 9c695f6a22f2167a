"""Statements at the desk: once each, matched by themselves where it is certain, and the day that is closed over them."""

from __future__ import annotations

import itertools
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg
import msgspec
import pytest

from auction.signing import Signer
from escrow import books, day_close, statements
from escrow.day_close import CloseRefusal, DayClose
from escrow.facts import NoticeKind, PayoutState
from escrow.matching import MatchKind
from escrow.payouts import Centre
from escrow.statements import EntryRow, StatementRefusal, StatementRefused
from market import audit, day_book, statement_desk
from migrations.database import Role, connect
from tests.deal.traded import house_desk
from tests.desk.bank_papers import ACCOUNT, Line, statement
from tests.sell.stall import DAY, HOUR, NOW, incoming, party

if TYPE_CHECKING:
    from escrow.facts import BankNotice
    from migrations.database import Address, Connection

CENTRE = Centre(holder="The House", accounts={"CNY": ACCOUNT, "JPY": "622888000000000005"})
TODAY = NOW.date()
EVENING = NOW + 10 * HOUR
SIGNER = Signer("11" * 32)


def line_of(notice: BankNotice, **changes: object) -> Line:
    """The entry that the bank writes of a transfer it told of."""
    fields = {
        "bank_id": notice.bank_id,
        "minor": notice.amount_minor,
        "at": notice.booked_at,
        "reference": notice.reference,
        "holder": notice.sender_holder,
        "number": notice.sender_number,
    }
    return Line(**{**fields, **changes})  # type: ignore[arg-type]


async def receive(conn: Connection, *notices: BankNotice) -> None:
    desk = house_desk()
    async with conn.transaction():
        for notice in notices:
            await desk.inbox.receive(conn, notice, NOW)


async def take(conn: Connection, body: bytes, operator: int, now: datetime = EVENING) -> list[statements.Taken]:
    async with conn.transaction():
        return await statement_desk.take(conn, body, CENTRE, "upload", operator, now)


async def opened(conn: Connection, state: str | None = "open") -> list[EntryRow]:
    return await statements.entries(conn, state=state, currency=None, statement=None, limit=50, offset=0)


async def test_a_statement_matches_itself_counts_once_and_grows(conn: Connection) -> None:
    operator = await party(conn, operator=True)
    one, two = incoming("no reference", 700), incoming("none either", 300)
    await receive(conn, one, two)
    first = statement(TODAY, [line_of(one)])
    (taken,) = await take(conn, first, operator)
    assert (taken.entries, taken.fresh, taken.again) == (1, 1, False)
    (entry,) = await opened(conn, None)
    assert (entry.state, entry.matched_kind, entry.matched_id, entry.matched_by) == (
        "matched",
        MatchKind.NOTICE,
        one.bank_id,
        None,
    )
    (again,) = await take(conn, first, operator)
    assert again.again and again.id == taken.id and len(await opened(conn, None)) == 1
    grown = statement(TODAY, [line_of(one), line_of(two)])
    (more,) = await take(conn, grown, operator, EVENING + HOUR)
    assert (more.fresh, more.again) == (1, False) and [row.state for row in await opened(conn, None)] == ["matched"] * 2
    (balanced,) = await statements.reconciliation(conn)
    assert (balanced.book_minor, balanced.closing_minor, balanced.unexplained_minor) == (1_000, 1_000, 0)
    next_day = statement(TODAY + timedelta(days=1), [], opening=1_000)
    await take(conn, next_day, operator, EVENING + DAY)
    assert [entry.act for entry in await audit.entries_of(conn, f"statement:{more.id}")] == ["statement.taken"]


async def test_a_file_of_several_days_is_taken_whole(conn: Connection) -> None:
    operator = await party(conn, operator=True)
    days = [
        statement(TODAY, [Line(bank_id="B1", minor=700, at=NOW)]),
        statement(TODAY + timedelta(days=1), [Line(bank_id="B2", minor=300, at=NOW + DAY)], opening=700),
    ]
    second = days[1].partition(b"<Stmt>")[2].partition(b"</Stmt>")[0]
    body = days[0].replace(b"</Stmt>", b"</Stmt><Stmt>" + second + b"</Stmt>")
    assert [(one.fresh, one.again) for one in await take(conn, body, operator, EVENING + DAY)] == [(1, False)] * 2
    assert [(one.fresh, one.again) for one in await take(conn, body, operator, EVENING + DAY)] == [(0, True)] * 2
    assert [row.bank_id for row in await opened(conn)] == ["B1", "B2"]
    twice = days[0].replace(
        b"</Stmt>", b"</Stmt><Stmt>" + days[0].partition(b"<Stmt>")[2].partition(b"</Stmt>")[0] + b"</Stmt>"
    )
    with pytest.raises(StatementRefused):
        await take(conn, twice, operator)


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        (statement(TODAY, [], opening=1_000, account="622888000000000099"), StatementRefusal.OTHER_ACCOUNT),
        (statement(TODAY + timedelta(days=3), [], opening=1_000), StatementRefusal.IN_THE_FUTURE),
        (statement(TODAY, [Line(bank_id="B1", minor=999, at=NOW)]), StatementRefusal.CHANGED),
        (statement(TODAY, []), StatementRefusal.CHANGED),
        (statement(TODAY, [Line(bank_id="B1", minor=1_000, at=NOW)], opening=5), StatementRefusal.CHANGED),
        (statement(TODAY + timedelta(days=1), [], opening=999), StatementRefusal.OPENING_DIFFERS),
        (statement(TODAY - timedelta(days=1), [], opening=7), StatementRefusal.CLOSING_DIFFERS),
        (statement(TODAY + timedelta(days=1), [Line(bank_id="B1", minor=1_000, at=NOW)], opening=1_000), StatementRefusal.CHANGED),
    ],
    ids=["other account", "future", "other sum", "entry gone", "other opening", "does not join", "does not lead on", "entry of another day"],
)  # fmt: skip
async def test_a_statement_that_does_not_fit_is_refused_whole(
    module_conn: Connection, body: bytes, refusal: StatementRefusal
) -> None:
    conn = module_conn
    operator = await party(conn, operator=True)
    await take(conn, statement(TODAY, [Line(bank_id="B1", minor=1_000, at=NOW)]), operator)
    before = await conn.fetchval("select count(*) from escrow.bank_statement")
    with pytest.raises(StatementRefused) as refused:
        await take(conn, body, operator)
    assert refused.value.refusal is refusal
    assert await conn.fetchval("select count(*) from escrow.bank_statement") == before


async def test_over_missing_days_it_is_refused_by_name_and_with_them_it_is_taken(conn: Connection) -> None:
    operator = await party(conn, operator=True)
    balances = [0, 10, 30, 20, 20, 50, 90]  # what each of six days opens with, and what the last one closes with
    days = [
        statement(
            TODAY + timedelta(days=n),
            [Line(bank_id=f"D{n}", minor=after - before, at=NOW + n * DAY)] if after != before else [],
            opening=before,
        )
        for n, (before, after) in enumerate(itertools.pairwise(balances))
    ]
    later = EVENING + 5 * DAY
    await take(conn, days[3], operator, later)
    for wanted, first, last in ((5, 4, 4), (0, 1, 2)):
        with pytest.raises(StatementRefused) as refused:
            await take(conn, days[wanted], operator, later)
        missing = refused.value.missing
        assert refused.value.refusal is StatementRefusal.DAYS_MISSING and missing is not None
        assert (missing.first, missing.last) == (TODAY + timedelta(days=first), TODAY + timedelta(days=last))
        assert missing.wanted == (TODAY + timedelta(days=min(first, wanted)), TODAY + timedelta(days=max(last, wanted)))
    async with conn.transaction():
        again = await statement_desk.take_several(conn, days, CENTRE, "bank", operator, later)
    assert [one.again for one in sorted(again, key=lambda one: one.statement_id)] == [n == 3 for n in range(6)]
    rows = await statements.statements(conn, "CNY", 50, 0)
    assert sorted((row.opening_minor, row.closing_minor) for row in rows) == sorted(itertools.pairwise(balances))


async def test_what_is_not_certain_waits_for_an_operator(conn: Connection) -> None:
    operator, desk = await party(conn, operator=True), house_desk()
    known = incoming("the vase", 5_000)
    await receive(conn, known)
    lines = [
        line_of(known, bank_id="OTHER-ID"),
        Line(bank_id="NEVER-TOLD", minor=800, at=NOW, reference="for the cup"),
        Line(bank_id="CHARGE", minor=-30, at=NOW, reference="bank charge"),
    ]
    await take(conn, statement(TODAY, lines), operator)
    entries = {entry.bank_id: entry for entry in await opened(conn)}
    assert set(entries) == {"OTHER-ID", "NEVER-TOLD", "CHARGE"}
    likely = await statements.suggestions_for(conn, list(entries.values()))
    assert [one.candidate.id for one in likely[entries["OTHER-ID"].id]] == [known.bank_id]
    assert likely[entries["CHARGE"].id] == ()
    async with conn.transaction():
        wrong = await statement_desk.match(
            conn, entries["NEVER-TOLD"].id, MatchKind.NOTICE, known.bank_id, operator, "", NOW
        )
        assert wrong is StatementRefusal.NO_SUCH_ROW
        right = await statement_desk.match(
            conn, entries["OTHER-ID"].id, MatchKind.NOTICE, known.bank_id, operator, "same sender", NOW
        )
        assert isinstance(right, EntryRow) and right.matched_by == operator
        assert (
            await statement_desk.explain(conn, entries["OTHER-ID"].id, operator, "x", NOW)
            is StatementRefusal.ENTRY_DECIDED
        )
        assert (
            await statement_desk.explain(conn, entries["CHARGE"].id, operator, " ", NOW)
            is StatementRefusal.NOTE_MISSING
        )
        assert (
            await statement_desk.take_in(conn, desk, entries["CHARGE"].id, operator, "x", NOW)
            is StatementRefusal.NOT_A_CREDIT
        )
        await statement_desk.explain(conn, entries["CHARGE"].id, operator, "monthly charge", NOW)
        taken_in = await statement_desk.take_in(conn, desk, entries["NEVER-TOLD"].id, operator, "no notice came", NOW)
    assert isinstance(taken_in, EntryRow) and taken_in.matched_id == "NEVER-TOLD"
    assert [item.amount_minor for item in await desk.quarantine.items(conn)] == [5_000, 800]
    (one,) = await statements.reconciliation(conn)
    assert (one.bank_only_minor, one.book_only_minor, one.unexplained_minor) == (-30, 0, 0)
    assert await books.faults(conn) == []


async def test_what_other_papers_tell_of_is_not_taken_in_as_a_transfer(conn: Connection) -> None:
    operator, desk = await party(conn, operator=True), house_desk()
    lines = [
        Line(bank_id="DAY-1", minor=7_000, at=NOW, code="CARD", end_to_end_id="CARDS-20260302-1"),
        Line(bank_id="BACK-1", minor=900, at=NOW, code="PAYOUT", end_to_end_id="GH-P-1"),
    ]
    await take(conn, statement(TODAY, lines), operator)
    for entry in await opened(conn):
        taken_in = await statement_desk.take_in(conn, desk, entry.id, operator, "it is there", NOW)
        assert taken_in is StatementRefusal.TOLD_OTHERWISE
    assert await desk.quarantine.items(conn) == []


async def test_a_notice_that_comes_after_its_statement_is_the_same_money(conn: Connection) -> None:
    operator, desk = await party(conn, operator=True), house_desk()
    late = msgspec.structs.replace(incoming("a  cup & saucer", 800), sender_holder="李雷", sender_number="62220200")
    await take(conn, statement(TODAY, [line_of(late)]), operator)
    (entry,) = await opened(conn)
    async with conn.transaction():
        await statement_desk.take_in(conn, desk, entry.id, operator, "the hook was down", NOW)
        assert (await desk.inbox.receive(conn, late, NOW)).again
    assert await statements.match_open(conn, NOW) == 0 and await books.faults(conn) == []


async def test_a_payout_is_matched_by_its_end_to_end_id(conn: Connection) -> None:
    operator, desk, owner = await party(conn, operator=True), house_desk(), await party(conn)
    money = incoming("none", 900)
    await receive(conn, money)
    (item,) = await desk.quarantine.items(conn)
    async with conn.transaction():
        await desk.quarantine.apply_quarantined(
            conn, item.id, operator_id=operator, note="his", now=NOW, wallet_of=owner
        )
        await desk.wallet.register_bank_account(conn, owner, "Li Lei", "622202000011112222", NOW)
        await desk.wallet.withdraw(conn, owner, 400, "CNY", NOW)
        (payout,) = await desk.payouts.payouts(conn, PayoutState.QUEUED)
        settled = incoming(payout.end_to_end_id, 400)
        await desk.inbox.receive(conn, msgspec.structs.replace(settled, kind=NoticeKind.PAYOUT_SETTLED), NOW)
    gone = Line(bank_id="BT-9", minor=-400, at=NOW, end_to_end_id=payout.end_to_end_id)
    await take(conn, statement(TODAY, [line_of(money), gone]), operator)
    assert await opened(conn) == []
    (one,) = await statements.reconciliation(conn)
    assert (one.closing_minor, one.book_minor, one.unexplained_minor) == (500, 500, 0)


async def test_what_commits_while_a_day_is_closed_counts_in_the_next(conn: Connection, database: Address) -> None:
    operator, other = await party(conn, operator=True), await connect(database, Role.APP)
    async with other.transaction():
        await house_desk().inbox.receive(other, incoming("no reference", 700), NOW)
        async with conn.transaction():
            first = await day_book.close(conn, SIGNER, TODAY, operator, "in flight", EVENING)
    await other.close()
    async with conn.transaction():
        second = await day_book.close(conn, SIGNER, TODAY + timedelta(days=1), operator, "no statement", EVENING + DAY)
    assert isinstance(first, DayClose) and isinstance(second, DayClose)
    assert [one.figures.operations for one in (first, second)] == [0, 1]


async def test_a_day_is_closed_once_signed_and_chained(conn: Connection) -> None:
    operator = await party(conn, operator=True)
    money = incoming("none", 900)
    await receive(conn, money)

    async def close(day: date, reason: str = "", now: datetime = EVENING) -> DayClose | CloseRefusal:
        async with conn.transaction():
            return await day_book.close(conn, SIGNER, day, operator, reason, now)

    assert await close(TODAY + timedelta(days=1)) is CloseRefusal.DAY_NOT_BEGUN
    assert await close(TODAY) is CloseRefusal.FAULTS_NEED_A_REASON  # no statement reaches into the day
    await take(conn, statement(TODAY, [line_of(money)]), operator)
    first = await close(TODAY)
    assert isinstance(first, DayClose) and first.figures.faults == () and first.figures.previous_day is None
    shown = {(row.kind, row.moved_minor) for row in first.figures.accounts}
    assert shown == {("bank", -900), ("suspense", 900)}
    assert await close(TODAY) is CloseRefusal.DAY_CLOSED
    assert await close(TODAY - timedelta(days=1)) is CloseRefusal.DAY_BEFORE_LAST_CLOSE
    await receive(conn, incoming("more", 100))
    second = await close(TODAY + timedelta(days=1), "the bank sends it tomorrow", EVENING + DAY)
    assert isinstance(second, DayClose) and second.figures.previous_sha256 == first.sha256.hex()
    assert {row.kind: (row.opening_minor, row.balance_minor) for row in second.figures.accounts}["suspense"] == (
        900,
        1_000,
    )
    assert (await day_book.checked(conn, second, SIGNER)).holds
    forged = msgspec.structs.replace(second, body=second.body.replace("tomorrow", "never"))
    assert not (await day_book.checked(conn, forged, SIGNER)).holds
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await conn.execute("update escrow.day_close set reason = 'x'")
    assert [row.day for row in await day_close.closes(conn, 5, 0)] == [second.day, first.day]


async def test_cash_in_escrow_over_time_ends_at_what_is_held(conn: Connection) -> None:
    """The picture of an empty book is no picture; one deal's money shows on its day and is gone on the next."""
    assert await books.escrow_over_time(conn, NOW, 30) == {}
