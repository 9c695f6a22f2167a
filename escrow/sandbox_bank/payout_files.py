"""Payout files as the bank reads them: pain.001.001.03 in, each payment executed or returned, the house told of each.

The reader is the bank's own; it shares nothing with the house's writer (escrow/pain001.py).

    BadFileError   the file is not one that this bank can execute; nothing was done
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from msgspec import Struct

from escrow.sandbox_bank import accounts, numbers
from escrow.sandbox_bank.accounts import CURRENCIES, LARGEST_AMOUNT_MINOR, Account, Order
from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Connection

_queries = load_queries("escrow.sandbox_bank")
_NS = {"p": "urn:iso:std:iso:20022:tech:xsd:pain.001.001.03"}

WRONG_NUMBER, CLOSED, WRONG_CURRENCY, NO_FUNDS = "AC01", "AC04", "AM03", "AM04"
"""ISO 20022 external return reason codes."""


class BadFileError(Exception):
    """The file is refused as a whole; the message says why."""


class Payment(Struct, frozen=True, kw_only=True):
    end_to_end_id: str
    currency: str
    amount_minor: int
    holder: str
    number: str


class PayoutFile(Struct, frozen=True, kw_only=True):
    message_id: str
    debtor_number: str
    payments: tuple[Payment, ...]


def read_file(text: str) -> PayoutFile:
    """The file's payments; its count and control sum must agree. Raises BadFileError."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise BadFileError("a payout file declares no document type")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise BadFileError(f"not XML: {error}") from error
    payments = tuple(_payment(node) for node in root.findall(".//p:CdtTrfTxInf", _NS))
    header = _need(root, ".//p:GrpHdr/p:CtrlSum")
    total = sum((_decimal(node.text) for node in root.findall(".//p:InstdAmt", _NS)), Decimal(0))
    if _need(root, ".//p:GrpHdr/p:NbOfTxs") != str(len(payments)) or _decimal(header) != total:
        raise BadFileError("the count or the control sum does not agree with the payments")
    return PayoutFile(
        message_id=_need(root, ".//p:GrpHdr/p:MsgId"),
        debtor_number=_need(root, ".//p:DbtrAcct/p:Id/p:Othr/p:Id"),
        payments=payments,
    )


async def take(conn: Connection, text: str, now: datetime) -> bool:
    """Execute a file in one transaction; False when it had been executed before. Raises BadFileError."""
    file = read_file(text)
    digest = sha256(text.encode()).digest()
    async with conn.transaction():
        status = await conn.execute(_queries.insert_payout_file, file.message_id, digest, len(file.payments), now)
        if status != "INSERT 0 1":
            if await conn.fetchval(_queries.payout_file, file.message_id) != digest:
                raise BadFileError("this message id was used for another file")
            return False
        found = await accounts.lock_accounts(conn, [file.debtor_number, *(each.number for each in file.payments)])
        centre = found.get(file.debtor_number)
        if centre is None or not centre.is_centre:
            raise BadFileError("the debtor's account is not the centre's")
        left = centre.balance_minor
        for payment in file.payments:
            left -= await _execute(conn, payment, centre, found.get(payment.number), left, now)
    return True


async def _execute(
    conn: Connection, payment: Payment, centre: Account, payee: Account | None, left: int, now: datetime
) -> int:
    """Pay or return one payment; what left the centre's account."""
    order = Order(
        currency=payment.currency,
        amount_minor=payment.amount_minor,
        reference=payment.end_to_end_id,
        from_number=centre.number,
        from_name=payment.holder,
        to_number=payment.number,
        request_key=f"payout:{payment.end_to_end_id}",
    )
    reason = _why_not(payment, centre, payee, left)
    if reason is not None:
        await accounts.tell(conn, "payout.returned", f"BR-{payment.end_to_end_id}", order, now, reason=reason)
        return 0
    await accounts.pay_out(conn, payment.end_to_end_id, payee, order, now)
    await accounts.tell(conn, "payout.settled", f"BP-{payment.end_to_end_id}", order, now)
    return payment.amount_minor


def _why_not(payment: Payment, centre: Account, payee: Account | None, left: int) -> str | None:
    if payee is None and numbers.is_ours(payment.number):
        return WRONG_NUMBER
    if payee is not None and payee.is_closed:
        return CLOSED
    if payment.currency != centre.currency or (payee is not None and payee.currency != payment.currency):
        return WRONG_CURRENCY
    return NO_FUNDS if payment.amount_minor > left else None


def _payment(node: ElementTree.Element) -> Payment:
    amount = node.find("p:Amt/p:InstdAmt", _NS)
    currency = amount.get("Ccy", "") if amount is not None else ""
    if amount is None or currency not in CURRENCIES:
        raise BadFileError("a payment has no amount in a known currency")
    minor = _decimal(amount.text).scaleb(CURRENCIES[currency])
    if minor != minor.to_integral_value() or not 0 < minor <= LARGEST_AMOUNT_MINOR:
        raise BadFileError("a payment's amount is not a sum of its currency")
    return Payment(
        end_to_end_id=_need(node, "p:PmtId/p:EndToEndId"),
        currency=currency,
        amount_minor=int(minor),
        holder=_need(node, "p:Cdtr/p:Nm"),
        number=_need(node, "p:CdtrAcct/p:Id/p:Othr/p:Id"),
    )


def _need(node: ElementTree.Element, path: str) -> str:
    found = node.find(path, _NS)
    if found is None or not (found.text or "").strip():
        raise BadFileError(f"{path.replace('p:', '')} is missing")
    return (found.text or "").strip()


def _decimal(text: str | None) -> Decimal:
    try:
        number = Decimal((text or "").strip())
    except InvalidOperation as error:
        raise BadFileError(f"{text!r} is not an amount") from error
    if not number.is_finite():
        raise BadFileError(f"{text!r} is not an amount")
    return number
