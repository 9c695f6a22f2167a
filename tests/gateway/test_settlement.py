"""The end of a card day: the bank's file is matched line by line and posted once, and what differs is written down."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import msgspec
import pytest

from escrow import books, card_settlement, ledger, statements
from escrow.card_facts import (
    CardPayment,
    CardPurpose,
    CardState,
    CardTarget,
    DifferenceKind,
    LineKind,
    SettlementFile,
    SettlementLine,
    new_payment_id,
)
from escrow.card_settlement import SettlementConflictError
from escrow.gateway.settlement_file import BadFileError, read_file
from escrow.sandbox_bank.numbers import CENTRE_ACCOUNTS
from migrations.database import Role, connect
from tests.escrow.trade import BUYER
from tests.gateway.cards import GOOD, Bank, Till, now

if TYPE_CHECKING:
    from asyncpg import Pool, Record

    from migrations.database import Address

NS = {"c": "urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"}
WALLET = CardTarget(CardPurpose.WALLET, BUYER)


async def top_up(till: Till, amount_minor: int, currency: str = "CNY") -> CardPayment:
    """A card payment that is captured, here and at the bank."""
    prepared = till.prepared(WALLET, amount_minor, currency=currency)
    paid = await till.cards.pay(WALLET, BUYER, prepared, now())
    assert isinstance(paid, CardPayment), paid
    return await till.until(paid, CardState.CAPTURED, told=True)


async def gateway_balance(till: Till, currency: str) -> int:
    async with till.pool.acquire() as conn:
        return await ledger.balance(conn, "gateway", currency)


async def statement(bank: Bank, currency: str, day: date | None = None) -> ElementTree.Element:
    answer = await bank.client.get(f"/api/statements/{day or now().date()}?currency={currency}")
    assert answer.status_code == 200, answer.text
    return ElementTree.fromstring(answer.content)


async def test_a_day_is_settled_and_the_books_agree(till: Till, bank: Bank, owner_look: Pool[Record]) -> None:
    assert await till.cards.settle_today() == 0, "a day without card payments has no file"
    paid = [await top_up(till, 1_000 + n) for n in range(5)] + [await top_up(till, 700, "JPY")]
    assert (await gateway_balance(till, "CNY"), await gateway_balance(till, "JPY")) == (-5_010, -700)
    assert await till.cards.settle_today() == 1
    assert (await gateway_balance(till, "CNY"), await gateway_balance(till, "JPY")) == (0, 0)
    settled = [await till.fresh(each) for each in paid]
    assert [each.settled_minor for each in settled] == [each.amount_minor for each in paid]
    (file_id,) = {each.settled_file for each in settled}
    assert await till.cards.settle(now()) == 0, "the same file again is none"
    balances = {row["number"]: row["balance_minor"] for row in (await bank.get("/api/accounts"))["accounts"]}
    async with till.pool.acquire() as conn:
        assert await till.cards.differences(conn) == []
        assert -await ledger.balance(conn, "bank", "CNY") == int(balances[CENTRE_ACCOUNTS["CNY"]]) == 5_010

    # The bank's own statement says the same.
    entry = (await statement(bank, "CNY")).find(".//c:Ntry", NS)
    assert entry is not None
    said = [entry.findtext(path, namespaces=NS) for path in (
        "c:Amt", "c:CdtDbtInd", "c:BkTxCd/c:Prtry/c:Cd", "c:NtryDtls/c:TxDtls/c:Refs/c:EndToEndId")]  # fmt: skip
    assert said == ["50.10", "CRDT", "CARD", file_id]
    # And the house's own reader takes it in, and knows the entry for the settlement of that file.
    body = (await bank.client.get(f"/api/statements/{now().date()}?currency=CNY")).content
    async with till.pool.acquire() as conn, conn.transaction():
        (taken,) = await statements.take_file(conn, body, CENTRE_ACCOUNTS, "bank", 1, now())
        (row,) = await conn.fetch("select state, matched_kind, matched_id from escrow.statement_entry")
    assert taken.entries == 1
    assert tuple(row) == ("matched", "card_settlement", f"{file_id}:CNY")
    yen = await statement(bank, "JPY")
    assert yen.findtext(".//c:Ntry/c:Amt", namespaces=NS) == "700"


async def test_a_chargeback_is_taken_told_and_given_again_when_it_is_won(
    till: Till, bank: Bank, owner_look: Pool[Record]
) -> None:
    lost, won = await top_up(till, 2_000), await top_up(till, 3_000)
    await till.cards.settle_today()
    before = await gateway_balance(till, "CNY")
    for payment in (lost, won):
        opened = await bank.post("/api/chargebacks", payment_id=payment.id, reason="fraud")
        await bank.post(f"/api/chargebacks/{opened['id']}/represent", 200, text="the parcel was signed for")
        await bank.post("/api/chargebacks", 422, payment_id=payment.id, reason="fraud")
        payment_won = payment is won
        if payment_won:
            await till.cards.settle_today()
            assert await gateway_balance(till, "CNY") == before - 5_000, "the bank has taken both back"
        await bank.post(f"/api/chargebacks/{opened['id']}/decide", 200, won=payment_won)
        await bank.post(f"/api/chargebacks/{opened['id']}/decide", 422, won=not payment_won)
    await till.cards.settle_today()
    assert await gateway_balance(till, "CNY") == before - 2_000, "the won one is there again"
    notices = await owner_look.fetch("select body::jsonb as body from bank.outbox order by id")
    told = [(row["body"]["type"], row["body"]["data"]["reference"]) for row in notices]
    assert told == [
        ("card.chargeback", lost.id),
        ("card.chargeback_lost", lost.id),
        ("card.chargeback", won.id),
        ("card.chargeback_won", won.id),
    ]
    ids = [row["body"]["data"]["id"] for row in notices]
    assert ids[1] == f"{ids[0]}:lost" and ids[3] == f"{ids[2]}:won"
    async with till.pool.acquire() as conn:
        assert await till.cards.differences(conn) == []
    assert (await bank.get("/api/card-payments"))["faults"] == []
    taken = await statement(bank, "CNY")
    debits = [each.findtext("c:Amt", namespaces=NS) for each in taken.findall(".//c:Ntry", NS)
              if each.findtext("c:CdtDbtInd", namespaces=NS) == "DBIT"]  # fmt: skip
    assert debits == ["50.00"]
    opening, closing = (each.findtext("c:Amt", namespaces=NS) for each in taken.findall(".//c:Bal", NS))
    centre = next(each for each in (await bank.get("/api/accounts"))["accounts"]
                  if each["number"] == CENTRE_ACCOUNTS["CNY"])  # fmt: skip
    assert opening == "0.00" and closing is not None
    assert closing.replace(".", "") == centre["balance_minor"]
    tomorrow = now().date() + timedelta(days=1)
    for asked, why in (
        (f"{tomorrow}?currency=CNY", "day_to_come"),
        ("9999-12-31?currency=CNY", "day_to_come"),
        (f"{now().date()}?currency=XXX", "no_such_account"),
        ("yesterday?currency=CNY", "no_such_day"),
    ):
        answer = await bank.client.get(f"/api/statements/{asked}")
        assert (answer.status_code, answer.json()["code"]) == (404, why)
    assert (await bank.client.get("/api/statements/0001-01-01?currency=CNY")).status_code == 200


def a_file(*lines: tuple[str, str, str, int], name: str = "CARDS-20260302-1") -> SettlementFile:
    told = tuple(
        SettlementLine(n=n, kind=LineKind(kind), payment_id=payment, currency=currency, amount_minor=amount, at=now())
        for n, (kind, payment, currency, amount) in enumerate(lines, start=1)
    )
    return SettlementFile(id=name, day=date(2026, 3, 2), lines=told, sha256=sha256(repr(lines).encode()).digest())


async def test_every_way_in_which_a_file_can_differ_is_found_and_its_money_is_posted_all_the_same(
    till: Till, bank: Bank
) -> None:
    fits, lower, twice = [await top_up(till, 1_000) for _ in range(3)]
    euros = await top_up(till, 1_000, "EUR")
    target = CardTarget(CardPurpose.CASE, (await till.open_case()).id)
    prepared = till.prepared(target, 10_000, "4000000000000002")
    declined = await till.cards.pay(target, BUYER, prepared, now())
    assert isinstance(declined, CardPayment)
    stranger = new_payment_id()
    file = a_file(
        ("capture", fits.id, "CNY", 1_000),
        ("capture", lower.id, "CNY", 990),
        ("capture", twice.id, "CNY", 1_000),
        ("capture", twice.id, "CNY", 1_000),
        ("capture", euros.id, "USD", 1_000),
        ("capture", declined.id, "CNY", 10_000),
        ("capture", stranger, "CNY", 5),
        ("chargeback", stranger, "CNY", -6),
    )
    bank_before = await _bank(till)
    async with till.pool.acquire() as conn, conn.transaction():
        assert await card_settlement.take(conn, file, now())
    async with till.pool.acquire() as conn:
        found = await till.cards.differences(conn)
        assert [(each.kind, each.payment_id, each.ours_minor, each.bank_minor) for each in found] == [
            (DifferenceKind.OTHER_SUM, lower.id, 1_000, 990),
            (DifferenceKind.SETTLED_TWICE, twice.id, 1_000, 1_000),
            (DifferenceKind.OTHER_CURRENCY, euros.id, 1_000, 1_000),
            (DifferenceKind.NOT_CAPTURED, declined.id, 10_000, 10_000),
            (DifferenceKind.UNKNOWN_PAYMENT, stranger, 0, 5),
            (DifferenceKind.UNKNOWN_PAYMENT, stranger, 0, -6),
        ]
        assert await till.cards.explain(conn, found[0].id, 7, "  ", now()) is False, "no explanation without words"
        assert await till.cards.explain(conn, found[0].id, 7, "the bank rounds", now())
        assert await till.cards.explain(conn, found[0].id, 8, "again", now()) is False
        assert len(await till.cards.differences(conn)) == 5
        await card_settlement.find_unsettled(conn, now() + timedelta(days=3))
        await card_settlement.find_unsettled(conn, now() + timedelta(days=4))
        late = [each for each in await till.cards.differences(conn) if each.kind is DifferenceKind.NOT_SETTLED]
        assert [(each.payment_id, each.ours_minor, each.bank_minor) for each in late] == [(euros.id, 1_000, 0)]
    assert (await till.fresh(lower)).settled_minor == 990
    assert await _bank(till) == bank_before + 1_000 + 990 + 2_000 + 10_000 + 5 - 6, (
        "what the bank moved is what is posted"
    )
    async with till.pool.acquire() as conn, conn.transaction():
        assert await card_settlement.take(conn, file, now()) is False
        with pytest.raises(SettlementConflictError):
            await card_settlement.take(conn, a_file(("capture", fits.id, "CNY", 1)), now())


async def test_no_number_of_a_card_stands_in_a_row_of_house_or_bank(
    till: Till, bank: Bank, module_database: Address, caplog: pytest.LogCaptureFixture
) -> None:
    await top_up(till, 1_234)
    issued = await bank.post("/api/cards", holder="Wang", expiry="2030-01", currency="CNY", balance_minor="10000")
    numbers = [GOOD, issued["number"]]
    needles = [each for number in numbers for each in (number, number.encode().hex(), number[:12], number[4:])]
    owner = await connect(module_database, Role.OWNER)
    tables = await owner.fetch("select schemaname, tablename from pg_tables where schemaname in ('bank', 'escrow')")
    found = [
        f"{row['schemaname']}.{row['tablename']}"
        for row in tables
        for text in [await owner.fetchval(_ALL_TEXT.format(f"{row['schemaname']}.{row['tablename']}")) or ""]
        if any(needle in text for needle in needles)
    ]
    await owner.close()
    assert found == []
    assert not any(needle in caplog.text for needle in needles)


_ALL_TEXT = "select string_agg(t::text, ' ') from {} t"


async def _bank(till: Till) -> int:
    async with till.pool.acquire() as conn:
        return -await ledger.balance(conn, "bank", "CNY")


GOOD_FILE = """H,1,CARDS-20260302-1,2026-03-02,Gavelhouse Sandbox Bank
L,1,capture,0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f,CNY,1000,2026-03-02T10:00:00.000000Z
L,2,chargeback,0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f,CNY,-400,2026-03-02T11:00:00.000000Z
S,CNY,2,600
T,2
"""


def test_a_file_is_read_as_it_is_written() -> None:
    file = read_file(GOOD_FILE.encode())
    assert (file.id, file.day, len(file.lines)) == ("CARDS-20260302-1", date(2026, 3, 2), 2)
    assert file.lines[1].kind is LineKind.CHARGEBACK and file.lines[1].amount_minor == -400
    assert file.lines[0].at == datetime(2026, 3, 2, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("H,1,", "H,2,", "the header"),
        ("CARDS-20260302-1", "CARDS-20260303-1", "the header"),
        ("L,2,", "L,3,", "movement 2"),
        ("S,CNY,2,600", "S,CNY,2,601", "add up"),
        ("S,CNY,2,600", "S,CNY,two,600", "a sum is no number"),
        ("S,CNY,2,600", "S,CNY,2,600\nS,EUR,1,5", "add up"),
        ("T,2", "T,3", "add up"),
        ("T,2\n", "", "one H, then L"),
        ("L,1,", "X,1,", "line 2"),
        ("Sandbox", "\udcff", "not UTF-8"),
    ],
    ids=lambda value: "".join(each for each in value if each.isalnum())[:16],
)
def test_a_file_that_contradicts_itself_is_not_taken(old: str, new: str, complaint: str) -> None:
    assert old in GOOD_FILE
    with pytest.raises(BadFileError, match=complaint):
        read_file(GOOD_FILE.replace(old, new, 1).encode("utf-8", "surrogateescape"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("capture,", "present,"),
        (",-400,", ",400,"),
        (",1000,", ",0,"),
        (",1000,", ",1e3,"),
        (",1000,", "," + "9" * 30 + ","),
        ("T10:00:00.000000Z", "T10:00:00"),
        ("2026-03-02T10", "9999-03-02T10"),
        ("L,1,capture,", "L,1,"),
        (",CNY,1000", ",yuan,1000"),
        ("L,1,capture,0f", "L,1,unreadable,0f"),
        ("L,1,capture,0f0f", "L,1,capture,\x00\u4e00"),
    ],
    ids=lambda value: "".join(each for each in value if each.isalnum() and each.isascii())[:16],
)
def test_a_line_that_cannot_be_read_is_kept_in_its_words_and_the_others_are_read(old: str, new: str) -> None:
    assert old in GOOD_FILE
    file = read_file(GOOD_FILE.replace(old, new, 1).encode())
    unread = [line for line in file.lines if line.kind is LineKind.UNREADABLE]
    assert len(file.lines) == 2 and len(unread) == 1
    assert unread[0].said is not None and unread[0].said.isprintable() and unread[0].amount_minor == 0


async def test_a_line_of_which_nothing_can_be_posted_holds_up_no_other(till: Till) -> None:
    good = await top_up(till, 1_000)
    strange = [
        ("capture", good.id, "CNY", 1_000),
        ("capture", "ab" * 16, "XTS", 7_700),
        ("chargeback", "cd" * 16, "XTS", -5),
    ]
    file = a_file(*strange, name="CARDS-20260302-77")
    unread = SettlementLine(
        n=4, kind=LineKind.UNREADABLE, payment_id="", currency="", amount_minor=0, at=now(), said="L,4,\\x00"
    )
    file = msgspec.structs.replace(file, lines=(*file.lines, unread))
    before = await _bank(till)
    async with till.pool.acquire() as conn, conn.transaction():
        assert await card_settlement.take(conn, file, now())
        assert not await card_settlement.take(conn, file, now()), "the same file again"
    assert await _bank(till) == before + 1_000
    assert (await till.fresh(good)).settled_file == file.id
    async with till.pool.acquire() as conn:
        found = [one for one in await till.cards.differences(conn) if one.file_id == file.id]
        assert [(one.kind, one.currency, one.bank_minor, one.line, one.said) for one in found] == [
            (DifferenceKind.UNKNOWN_CURRENCY, "XTS", 7_700, 2, None),
            (DifferenceKind.UNKNOWN_CURRENCY, "XTS", -5, 3, None),
            (DifferenceKind.UNREADABLE_LINE, "", 0, 4, "L,4,\\x00"),
        ]
        assert [row.what for row in await books.stuck_money(conn, now(), what="card_difference")].count(
            "card_difference"
        )


@pytest.fixture
async def owner_look(till_pool: Any, module_database: Any) -> Any:
    """A look into the bank's own schema, which the house's role does not have."""
    from migrations.database import Role, create_pool

    pool = await create_pool(module_database, Role.BANK, min_size=1)
    await pool.execute("select 1")
    yield pool
    await pool.close()
