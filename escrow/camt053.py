"""A bank statement as the desk reads it: ISO 20022 camt.053.001.02 in, balances and booked entries out.

Pure: bytes in, facts out. The file comes from outside, so nothing in it is believed: no document type and no entity (they
can blow up or read files), a bounded size, depth and number of entries, one account a statement, amounts exact to the
currency's smallest unit, and balances that add up.

    StatementError   the file can't be taken; `fault` says why, `detail` where
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from xml.etree import ElementTree
from xml.parsers import expat

from msgspec import Struct, structs

from escrow.facts import LARGEST_AMOUNT_MINOR

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"
LARGEST_FILE_BYTES = 8 * 1024 * 1024
MOST_ENTRIES = 50_000
DEEPEST = 24
_LONGEST_TEXT = 500
_DECIMAL = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)")


class StatementFault(StrEnum):
    """Why a statement is refused; its sentence is `escrow_refusal.<value>`. In the order in which they are tested."""

    TOO_LARGE = "statement_too_large"
    DOCUMENT_TYPE = "statement_document_type"
    TOO_DEEP = "statement_too_deep"
    NOT_XML = "statement_not_xml"
    NOT_CAMT053 = "statement_not_camt053"
    MISSING = "statement_incomplete"
    NOT_A_TIME = "statement_not_a_time"
    UNKNOWN_CURRENCY = "statement_unknown_currency"
    OTHER_CURRENCY = "statement_other_currency"
    NOT_AN_AMOUNT = "statement_not_an_amount"
    NOT_BOOKED = "statement_not_booked"
    SAME_ENTRY_TWICE = "statement_same_entry_twice"
    WRONG_COUNT = "statement_wrong_count"
    BALANCES_DISAGREE = "statement_balances_disagree"


class StatementError(Exception):
    """The file is refused as a whole; nothing of it counts."""

    def __init__(self, fault: StatementFault, detail: str = "") -> None:
        super().__init__(f"{fault}: {detail}")
        self.fault = fault
        self.detail = detail[:200]


class StatementEntry(Struct, frozen=True, kw_only=True):
    """One booked movement. `amount_minor` is above zero; a credit came in, a debit went out. `bank_id` is the bank's own."""

    bank_id: str
    is_credit: bool
    amount_minor: int
    booked_at: datetime
    end_to_end_id: str = ""
    reference: str = ""
    other_holder: str = ""
    other_number: str = ""
    code: str = ""
    return_reason: str | None = None
    is_reversal: bool = False
    """The bank undoes a movement that it had booked (RvslInd): a credit undoes a debit, a debit a credit."""
    original_id: str = ""
    """Of a reversal the bank's own id of what it undoes, where it says so."""

    @property
    def signed_minor(self) -> int:
        return self.amount_minor if self.is_credit else -self.amount_minor

    def told_apart(self) -> StatementEntry:
        """A reversal that the bank has booked under the id of what it undoes."""
        return structs.replace(self, bank_id=f"{self.bank_id}/RVSL", original_id=self.bank_id)


class Statement(Struct, frozen=True, kw_only=True):
    """One account's statement over a period; its balances are below zero when the account is overdrawn."""

    statement_id: str
    account: str
    currency: str
    from_at: datetime
    to_at: datetime
    opening_minor: int
    closing_minor: int
    entries: tuple[StatementEntry, ...]

    @property
    def credits_minor(self) -> int:
        return sum(entry.amount_minor for entry in self.entries if entry.is_credit)

    @property
    def debits_minor(self) -> int:
        return sum(entry.amount_minor for entry in self.entries if not entry.is_credit)


def read_statements(body: bytes, exponents: Mapping[str, int]) -> tuple[Statement, ...]:
    """Every statement of the file. `exponents` are the decimals of the currencies that the house keeps. Raises StatementError."""
    root = _tree(body)
    if root.tag != _q("Document"):
        raise StatementError(StatementFault.NOT_CAMT053, str(root.tag).replace("}", " "))
    found = root.findall(f"{_q('BkToCstmrStmt')}/{_q('Stmt')}")
    if not found:
        raise StatementError(StatementFault.MISSING, "BkToCstmrStmt/Stmt")
    return tuple(_statement(node, exponents) for node in found)


def _statement(node: ElementTree.Element, exponents: Mapping[str, int]) -> Statement:
    currency = _need(node, "Acct/Ccy") if _text(node, "Acct/Ccy") else _balance_currency(node)
    if currency not in exponents:
        raise StatementError(StatementFault.UNKNOWN_CURRENCY, currency)
    account = _text(node, "Acct/Id/Othr/Id") or _text(node, "Acct/Id/IBAN")
    if not account:
        raise StatementError(StatementFault.MISSING, "Acct/Id")
    exponent = exponents[currency]
    booked = node.findall(_q("Ntry"))
    entries = _told_apart([entry for each in booked for entry in _entries(each, currency, exponent)])
    opening, opened_on = _balance(node, "OPBD", currency, exponent)
    closing, closed_on = _balance(node, "CLBD", currency, exponent)
    statement = Statement(
        statement_id=_need(node, "Id"),
        account=account,
        currency=currency,
        from_at=_time(_text(node, "FrToDt/FrDtTm") or opened_on),
        to_at=_time(_text(node, "FrToDt/ToDtTm") or closed_on, end_of_day=not _text(node, "FrToDt/ToDtTm")),
        opening_minor=opening,
        closing_minor=closing,
        entries=entries,
    )
    _check(node, statement, len(booked))
    return statement


def _told_apart(entries: list[StatementEntry]) -> tuple[StatementEntry, ...]:
    """A bank may book a reversal under the very id of what it undoes: then it has a name of its own here."""
    booked = {entry.bank_id for entry in entries if not entry.is_reversal}
    return tuple(entry.told_apart() if entry.is_reversal and entry.bank_id in booked else entry for entry in entries)


def _check(node: ElementTree.Element, statement: Statement, booked: int) -> None:
    entries = statement.entries
    if len(entries) > MOST_ENTRIES:
        raise StatementError(StatementFault.TOO_LARGE, f"{len(entries)} Ntry")
    seen: set[str] = set()
    for entry in entries:
        if entry.bank_id in seen:
            raise StatementError(StatementFault.SAME_ENTRY_TWICE, entry.bank_id)
        seen.add(entry.bank_id)
    told = _text(node, "TxsSummry/TtlNtries/NbOfNtries")
    if told and told != str(booked):
        raise StatementError(StatementFault.WRONG_COUNT, f"{told} / {booked}")
    moved = sum(entry.signed_minor for entry in entries)
    if statement.opening_minor + moved != statement.closing_minor:
        raise StatementError(
            StatementFault.BALANCES_DISAGREE, f"{statement.opening_minor} + {moved} ≠ {statement.closing_minor}"
        )
    if statement.from_at > statement.to_at:
        raise StatementError(StatementFault.NOT_A_TIME, "FrToDt")


def _entries(node: ElementTree.Element, currency: str, exponent: int) -> tuple[StatementEntry, ...]:
    """One movement; of a batch that was booked in one sum each of its payments, if they are that sum. If they are not, the
    sum stands for itself, and is nobody's before somebody says so.
    """
    if _need(node, "Sts") != "BOOK":
        raise StatementError(StatementFault.NOT_BOOKED, _need(node, "Sts"))
    amount, nothing = _amount(node, currency, exponent), ElementTree.Element("nothing")
    parts = node.findall(f"{_q('NtryDtls')}/{_q('TxDtls')}")
    bank_id = _text(node, "AcctSvcrRef") or _text(node, "NtryDtls/TxDtls/Refs/AcctSvcrRef") or _text(node, "NtryRef")
    if not bank_id:
        raise StatementError(StatementFault.MISSING, "Ntry/AcctSvcrRef")
    if len(parts) < 2:
        return (_entry(node, parts[0] if parts else nothing, bank_id, amount),)
    sums = [_part_minor(part, currency, exponent) for part in parts]
    if 0 in sums or sum(sums) != amount:
        return (_entry(node, nothing, bank_id, amount),)
    named = [_text(part, "Refs/AcctSvcrRef") for part in parts]
    if "" in named or len(set(named)) < len(named):
        named = [f"{bank_id}/{n}" for n in range(1, len(parts) + 1)]
    return tuple(_entry(node, part, name, minor) for part, name, minor in zip(parts, named, sums, strict=True))


def _part_minor(part: ElementTree.Element, currency: str, exponent: int) -> int:
    """What one payment of a batch is of its sum; 0 where that is not said in the statement's own currency."""
    told = part.find(f"{_q('AmtDtls')}/{_q('TxAmt')}")
    try:
        return 0 if told is None else _amount(told, currency, exponent)
    except StatementError:
        return 0


def _entry(node: ElementTree.Element, told: ElementTree.Element, bank_id: str, amount_minor: int) -> StatementEntry:
    is_credit = _is_credit(node)
    side, account = ("Dbtr", "DbtrAcct") if is_credit else ("Cdtr", "CdtrAcct")
    end_to_end = _text(told, "Refs/EndToEndId")
    is_reversal, named = _is_reversal(node), _text(told, "Refs/AcctSvcrRef")
    return StatementEntry(
        bank_id=bank_id,
        is_credit=is_credit,
        amount_minor=amount_minor,
        booked_at=_time(_text(node, "BookgDt/DtTm") or _need(node, "BookgDt/Dt")),
        end_to_end_id="" if end_to_end == "NOTPROVIDED" else end_to_end,
        reference=_as_typed(told, "RmtInf/Ustrd"),
        other_holder=_as_typed(told, f"RltdPties/{side}/Nm"),
        other_number=_text(told, f"RltdPties/{account}/Id/Othr/Id") or _text(told, f"RltdPties/{account}/Id/IBAN"),
        code=_text(node, "BkTxCd/Prtry/Cd") or _text(node, "BkTxCd/Domn/Cd"),
        return_reason=_text(told, "RtrInf/Rsn/Cd") or None,
        is_reversal=is_reversal,
        original_id=named if is_reversal and named != bank_id else "",
    )


def _balance(node: ElementTree.Element, code: str, currency: str, exponent: int) -> tuple[int, str]:
    """The booked balance of this code with its sign, and its day."""
    for each in node.findall(_q("Bal")):
        if _text(each, "Tp/CdOrPrtry/Cd") == code:
            minor = _amount(each, currency, exponent, least=0)
            return minor if _is_credit(each) else -minor, _text(each, "Dt/Dt") or _need(each, "Dt/DtTm")
    raise StatementError(StatementFault.MISSING, f"Bal {code}")


def _balance_currency(node: ElementTree.Element) -> str:
    found = node.find(f"{_q('Bal')}/{_q('Amt')}")
    return "" if found is None else found.get("Ccy", "")


def _is_credit(node: ElementTree.Element) -> bool:
    told = _need(node, "CdtDbtInd")
    if told not in ("CRDT", "DBIT"):
        raise StatementError(StatementFault.MISSING, f"CdtDbtInd: {told}")
    return told == "CRDT"


def _is_reversal(node: ElementTree.Element) -> bool:
    told = _text(node, "RvslInd") or "false"
    if told not in ("true", "1", "false", "0"):
        raise StatementError(StatementFault.MISSING, f"RvslInd: {told}")
    return told in ("true", "1")


def _amount(node: ElementTree.Element, currency: str, exponent: int, *, least: int = 1) -> int:
    found = node.find(_q("Amt"))
    if found is None:
        raise StatementError(StatementFault.MISSING, "Amt")
    if found.get("Ccy") != currency:
        raise StatementError(StatementFault.OTHER_CURRENCY, f"{found.get('Ccy')} / {currency}")
    text = (found.text or "").strip()
    if len(text) > 24 or not _DECIMAL.fullmatch(text):  # Neither 1e9999999 nor 1_000 nor ٣ is a sum.
        raise StatementError(StatementFault.NOT_AN_AMOUNT, text)
    number = Decimal(text)
    minor = number.scaleb(exponent)
    if minor != minor.to_integral_value() or not least <= minor <= LARGEST_AMOUNT_MINOR:
        raise StatementError(StatementFault.NOT_AN_AMOUNT, text)
    return int(minor)


def _time(text: str, *, end_of_day: bool = False) -> datetime:
    """A date is the beginning of its day in UTC, or its last instant; a time without a zone is UTC."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise StatementError(StatementFault.NOT_A_TIME, text) from error
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    try:
        return at + timedelta(days=1, microseconds=-1) if end_of_day and len(text) == 10 else at
    except OverflowError as error:
        raise StatementError(StatementFault.NOT_A_TIME, text) from error


def _q(tag: str) -> str:
    return f"{{{NAMESPACE}}}{tag}"


def _text(node: ElementTree.Element, path: str) -> str:
    found = node.find("/".join(_q(tag) for tag in path.split("/")))
    return "" if found is None else " ".join((found.text or "").split())[:_LONGEST_TEXT]


def _as_typed(node: ElementTree.Element, path: str) -> str:
    """What a person typed, with its spaces: it must equal what the bank's notice said of the same movement."""
    found = node.find("/".join(_q(tag) for tag in path.split("/")))
    return "" if found is None else (found.text or "")[:_LONGEST_TEXT]


def _need(node: ElementTree.Element, path: str) -> str:
    text = _text(node, path)
    if not text:
        raise StatementError(StatementFault.MISSING, path)
    return text


def _tree(body: bytes) -> ElementTree.Element:
    """The elements of the file. Raises StatementError for a document type, an entity, too much of anything, or no XML."""
    if len(body) > LARGEST_FILE_BYTES:
        raise StatementError(StatementFault.TOO_LARGE, f"{len(body)} bytes")
    builder = ElementTree.TreeBuilder()
    parser = expat.ParserCreate(namespace_separator="}")
    depth = 0

    def refuse(*_: object) -> int:
        raise StatementError(StatementFault.DOCUMENT_TYPE)

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEEPEST:
            raise StatementError(StatementFault.TOO_DEEP, str(DEEPEST))
        builder.start("{" + tag if "}" in tag else tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end("{" + tag if "}" in tag else tag)

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.UnparsedEntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.buffer_text = True
    try:
        for chunk in _chunks(body):
            parser.Parse(chunk, False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise StatementError(StatementFault.NOT_XML, str(error)) from error
    except (ValueError, LookupError) as error:  # an encoding that Python does not know
        raise StatementError(StatementFault.NOT_XML, str(error)) from error
    return builder.close()


def _chunks(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), 65_536):
        yield body[start : start + 65_536]
