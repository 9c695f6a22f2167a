"""The centre's account statements: ISO 20022 camt.053.001.02, one a day and currency, the bank's own writer."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from escrow.sandbox_bank import numbers
from escrow.sandbox_bank.accounts import CURRENCIES, BankRefusalError
from escrow.sandbox_bank.card_settlements import CLEARING_NUMBER
from migrations.queries import load_queries

if TYPE_CHECKING:
    from asyncpg import Record

    from migrations.database import Connection

_queries = load_queries("escrow.sandbox_bank", "cards")

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"
CARD, TRANSFER, PAYOUT = "CARD", "TRF", "PAYOUT"


async def statement(conn: Connection, day: date, currency: str, now: datetime) -> bytes:
    """The day's statement (today's: so far). Raises BankRefusalError for a currency without an account and a day to come."""
    account = numbers.CENTRE_ACCOUNTS.get(currency)
    if account is None:
        raise BankRefusalError("no_such_account")
    if day > now.astimezone(UTC).date():
        raise BankRefusalError("day_to_come")
    start = datetime.combine(day, time(), UTC)
    end = start + timedelta(days=1)
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        opening = await conn.fetchval(_queries.sum_before, account, start)
        entries = await conn.fetch(_queries.centre_movements, account, start, end)
    closing = opening + sum(row["amount_minor"] for row in entries)
    document = Element("Document", xmlns=NAMESPACE)
    root = SubElement(document, "BkToCstmrStmt")
    identifier = f"{account}-{day:%Y%m%d}"
    header = SubElement(root, "GrpHdr")
    _leaf(header, "MsgId", identifier)
    _leaf(header, "CreDtTm", _moment(now))
    body = SubElement(root, "Stmt")
    _leaf(body, "Id", identifier)
    _leaf(body, "CreDtTm", _moment(now))
    span = SubElement(body, "FrToDt")
    _leaf(span, "FrDtTm", _moment(start))
    _leaf(span, "ToDtTm", _moment(end))
    held = SubElement(body, "Acct")
    _leaf(held, "Id/Othr/Id", account)
    _leaf(held, "Ccy", currency)
    _balance(body, "OPBD", opening, currency, day)
    _balance(body, "CLBD", closing, currency, day)
    _leaf(body, "TxsSummry/TtlNtries/NbOfNtries", str(len(entries)))
    for row in entries:
        _entry(body, row, currency)
    ElementTree.indent(document)
    written: bytes = ElementTree.tostring(document, encoding="utf-8", xml_declaration=True)
    return written


def _balance(parent: Element, code: str, minor: int, currency: str, day: date) -> None:
    balance = SubElement(parent, "Bal")
    _leaf(balance, "Tp/CdOrPrtry/Cd", code)
    _amount(balance, minor, currency)
    _leaf(balance, "Dt/Dt", day.isoformat())


def _entry(parent: Element, row: Record, currency: str) -> None:
    entry = SubElement(parent, "Ntry")
    booked = row["booked_at"].astimezone(UTC)
    _leaf(entry, "NtryRef", str(row["id"]))
    _amount(entry, row["amount_minor"], currency)
    _leaf(entry, "Sts", "BOOK")
    _leaf(entry, "BookgDt/DtTm", _moment(booked))
    _leaf(entry, "ValDt/Dt", booked.date().isoformat())
    _leaf(entry, "AcctSvcrRef", row["transfer_id"])
    kind = _kind(row)
    _leaf(entry, "BkTxCd/Prtry/Cd", kind)
    details = SubElement(SubElement(entry, "NtryDtls"), "TxDtls")
    references = SubElement(details, "Refs")
    _leaf(references, "AcctSvcrRef", row["transfer_id"])
    _leaf(references, "EndToEndId", row["reference"] if kind in (CARD, PAYOUT) else "NOTPROVIDED")
    parties = SubElement(details, "RltdPties")
    role = "Dbtr" if row["amount_minor"] > 0 else "Cdtr"
    _leaf(parties, f"{role}/Nm", row["other_holder"])
    _leaf(parties, f"{role}Acct/Id/Othr/Id", row["other_number"])
    if row["reference"]:
        _leaf(details, "RmtInf/Ustrd", row["reference"])


def _kind(row: Record) -> str:
    if row["other_number"] == CLEARING_NUMBER:
        return CARD
    return PAYOUT if (row["request_key"] or "").startswith("payout:") else TRANSFER


def _amount(parent: Element, minor: int, currency: str) -> None:
    exponent = CURRENCIES[currency]
    amount = SubElement(parent, "Amt", Ccy=currency)
    amount.text = str(Decimal(abs(minor)).scaleb(-exponent).quantize(Decimal(1).scaleb(-exponent)))
    _leaf(parent, "CdtDbtInd", "DBIT" if minor < 0 else "CRDT")


def _leaf(parent: Element, path: str, text: str) -> None:
    """An element at the end of a path of new ones. What XML can't hold is left out."""
    for name in path.split("/"):
        parent = SubElement(parent, name)
    parent.text = "".join(letter for letter in text if letter.isprintable())


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
