"""The statement reader takes what a bank writes and nothing else: each way to be wrong is refused under its own name."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from escrow.camt053 import StatementError, StatementFault, read_statements
from tests.desk.bank_papers import ACCOUNT, Line, statement

DAY = date(2026, 3, 2)
AT = datetime(2026, 3, 2, 10, 30, 15, 123456, UTC)
EXPONENTS = {"CNY": 2, "JPY": 0, "KWD": 3}
IN = Line(bank_id="BT-1", minor=123_450, at=AT, reference="GH-C-AB7K2M  for the vase")
OUT = Line(bank_id="BT-2", minor=-100, at=AT, end_to_end_id="GH-P-AB7K2M")
GOOD = statement(DAY, [IN, OUT], opening=5_000)


def test_a_statement_is_read_to_the_last_unit_and_microsecond() -> None:
    (read,) = read_statements(GOOD, EXPONENTS)
    assert (read.account, read.currency, read.opening_minor, read.closing_minor) == (ACCOUNT, "CNY", 5_000, 128_350)
    came, went = read.entries
    assert (came.bank_id, came.is_credit, came.amount_minor, came.booked_at) == ("BT-1", True, 123_450, AT)
    assert came.reference == "GH-C-AB7K2M  for the vase" and came.end_to_end_id == ""
    assert (went.end_to_end_id, went.signed_minor, went.other_number) == ("GH-P-AB7K2M", -100, "622202000011112222")


def test_a_reversed_booking_names_what_it_undoes_even_under_the_same_id() -> None:
    undone = [
        Line(bank_id="RV-1", minor=-123_450, at=AT, reverses="BT-1"),
        Line(bank_id="BT-2", minor=100, at=AT, reverses=""),
    ]
    (read,) = read_statements(statement(DAY, [IN, OUT, *undone]), EXPONENTS)
    assert [(one.bank_id, one.is_reversal, one.original_id) for one in read.entries] == [
        ("BT-1", False, ""), ("BT-2", False, ""), ("RV-1", True, "BT-1"), ("BT-2/RVSL", True, "BT-2"),
    ]  # fmt: skip
    assert read.closing_minor == 0
    with pytest.raises(StatementError):
        read_statements(statement(DAY, undone).replace(b">true<", b">maybe<"), EXPONENTS)


@pytest.mark.parametrize(("currency", "exponent"), [("JPY", 0), ("KWD", 3)])
def test_amounts_have_the_decimals_of_their_currency(currency: str, exponent: int) -> None:
    body = statement(DAY, [IN], currency=currency, exponent=exponent)
    assert read_statements(body, EXPONENTS)[0].entries[0].amount_minor == 123_450


def _with(old: str, new: str, body: bytes = GOOD) -> bytes:
    assert old.encode() in body
    return body.replace(old.encode(), new.encode(), 1)


def _batch(*parts: tuple[str, str]) -> bytes:
    """A sum of 1,234.50 that the bank booked at once; of each of its payments the bank's name and what it says of its sum."""
    head, _, rest = GOOD.decode().partition("<NtryDtls>")
    details = "".join(
        f"<TxDtls><Refs>{name}<EndToEndId>E-{n}</EndToEndId></Refs><AmtDtls>{told}</AmtDtls>"
        f"<RmtInf><Ustrd>GH-C-{n}</Ustrd></RmtInf></TxDtls>"
        for n, (name, told) in enumerate(parts, start=1)
    )
    return f"{head}<NtryDtls>{details}{rest[rest.index('</NtryDtls>') :]}".encode()


def _told(amount: str, currency: str = "CNY") -> str:
    return f'<TxAmt><Amt Ccy="{currency}">{amount}</Amt></TxAmt>'


def test_of_a_batch_that_was_booked_in_one_sum_each_payment_is_read() -> None:
    named = [f"<AcctSvcrRef>BT-{n}</AcctSvcrRef>" for n in (7, 8)]
    (read,) = read_statements(_batch((named[0], _told("1000.00")), (named[1], _told("234.50"))), EXPONENTS)
    assert [(one.bank_id, one.amount_minor, one.reference, one.end_to_end_id) for one in read.entries[:2]] == [
        ("BT-7", 100_000, "GH-C-1", "E-1"),
        ("BT-8", 23_450, "GH-C-2", "E-2"),
    ]
    assert (read.credits_minor, read.closing_minor, read.entries[2].bank_id) == (123_450, 128_350, "BT-2")
    (read,) = read_statements(_batch((named[0], _told("1000.00")), (named[0], _told("234.50"))), EXPONENTS)
    assert [one.bank_id for one in read.entries] == ["BT-1/1", "BT-1/2", "BT-2"]


@pytest.mark.parametrize(
    "second", [_told("234.51"), _told("234.50", "USD"), _told("many"), ""], ids=["sum", "currency", "words", "nothing"]
)
def test_a_batch_whose_payments_are_not_its_sum_is_nobodys_payment(second: str) -> None:
    (read,) = read_statements(_batch(("", _told("1000.00")), ("", second)), EXPONENTS)
    whole = read.entries[0]
    assert (whole.bank_id, whole.amount_minor, whole.reference, whole.end_to_end_id) == ("BT-1", 123_450, "", "")


LAUGHS = (
    '<!DOCTYPE a [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02">&b;</Document>'
)
WRONG = {
    "billion laughs": (LAUGHS.encode(), StatementFault.DOCUMENT_TYPE),
    "outside entity": (_with("<Document", '<!DOCTYPE D SYSTEM "file:///etc/passwd"><Document'), StatementFault.DOCUMENT_TYPE),
    "too large": (b" " * (8 * 1024 * 1024 + 1), StatementFault.TOO_LARGE),
    "too deep": (b"<a>" * 500 + b"</a>" * 500, StatementFault.TOO_DEEP),
    "cut off": (GOOD[:-40], StatementFault.NOT_XML),
    "empty": (b"", StatementFault.NOT_XML),
    "no encoding": (_with("UTF-8", "KLINGON"), StatementFault.NOT_XML),
    "not utf-8": (_with("Li Lei", "Li \udcff".encode("utf-8", "surrogateescape").decode("latin-1")).replace(b"\xc3\xbf", b"\xff"), StatementFault.NOT_XML),
    "another format": (_with("camt.053.001.02", "camt.054.001.02"), StatementFault.NOT_CAMT053),
    "no statement": (b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt/></Document>', StatementFault.MISSING),
    "no closing balance": (_with("CLBD", "CLAV"), StatementFault.MISSING),
    "no id": (_with("<AcctSvcrRef>BT-1</AcctSvcrRef><Bk", "<Bk", _with("<Refs><AcctSvcrRef>BT-1</AcctSvcrRef>", "<Refs>", _with("<NtryRef>1</NtryRef>", ""))), StatementFault.MISSING),
    "unknown currency": (GOOD.replace(b"CNY", b"XXX"), StatementFault.UNKNOWN_CURRENCY),
    "two currencies": (_with('Ccy="CNY">1234.50', 'Ccy="USD">1234.50'), StatementFault.OTHER_CURRENCY),
    "half a fen": (_with("1234.50", "1234.505"), StatementFault.NOT_AN_AMOUNT),
    "a flood of digits": (_with("1234.50", "1e999999999"), StatementFault.NOT_AN_AMOUNT),
    "not a number": (_with("1234.50", "NaN"), StatementFault.NOT_AN_AMOUNT),
    "below zero": (_with("1234.50", "-1234.50"), StatementFault.NOT_AN_AMOUNT),
    "only announced": (_with("BOOK", "PDNG"), StatementFault.NOT_BOOKED),
    "no such time": (_with("2026-03-02T10:30:15.123456Z", "2026-02-30T10:30:15Z"), StatementFault.NOT_A_TIME),
    "an entry twice": (statement(DAY, [IN, IN]), StatementFault.SAME_ENTRY_TWICE),
    "wrong count": (statement(DAY, [IN], count=2), StatementFault.WRONG_COUNT),
    "wrong closing": (statement(DAY, [IN], opening=5, closing=6), StatementFault.BALANCES_DISAGREE),
}  # fmt: skip


@pytest.mark.parametrize(("body", "fault"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_refused_by_name(body: bytes, fault: StatementFault) -> None:
    with pytest.raises(StatementError) as refused:
        read_statements(body, EXPONENTS)
    assert refused.value.fault is fault, refused.value


def test_every_fault_has_a_row() -> None:
    assert {fault for _, fault in WRONG.values()} == set(StatementFault)
