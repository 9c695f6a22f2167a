"""The payout file: a customer credit transfer initiation, ISO 20022 pain.001.001.03.

Pure: payments in, XML out. Amounts are written with the decimals of their currency; names in any script (UTF-8).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from xml.etree import ElementTree

from escrow.facts import Payout

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.03"

_NOT_IN_XML = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no place for. One such sign in a name would make the whole file, with everybody's money, unreadable."""


def payout_file(
    *, message_id: str, debtor: str, debtor_account: str, exponent: int, payouts: Sequence[Payout], now: datetime
) -> str:
    """One file with one payment block; all payouts are of one currency and have their payee."""
    currency = payouts[0].currency
    total = decimal_text(sum(payout.amount_minor for payout in payouts), exponent)
    document = ElementTree.Element("Document", xmlns=NAMESPACE)
    initiation = ElementTree.SubElement(document, "CstmrCdtTrfInitn")

    header = ElementTree.SubElement(initiation, "GrpHdr")
    _text(header, "MsgId", message_id)
    _text(header, "CreDtTm", now.strftime("%Y-%m-%dT%H:%M:%SZ"))
    _text(header, "NbOfTxs", str(len(payouts)))
    _text(header, "CtrlSum", total)
    _text(header, "InitgPty/Nm", debtor)

    block = ElementTree.SubElement(initiation, "PmtInf")
    _text(block, "PmtInfId", message_id)
    _text(block, "PmtMtd", "TRF")
    _text(block, "NbOfTxs", str(len(payouts)))
    _text(block, "CtrlSum", total)
    _text(block, "ReqdExctnDt", now.strftime("%Y-%m-%d"))
    _text(block, "Dbtr/Nm", debtor)
    account = ElementTree.SubElement(block, "DbtrAcct")
    _text(account, "Id/Othr/Id", debtor_account)
    _text(account, "Ccy", currency)
    _text(block, "DbtrAgt/FinInstnId/Othr/Id", "NOTPROVIDED")
    for payout in payouts:
        _payment(block, payout, exponent)
    return ElementTree.tostring(document, encoding="unicode", xml_declaration=False)


def _payment(block: ElementTree.Element, payout: Payout, exponent: int) -> None:
    assert payout.holder and payout.number, "a payout in a batch has its payee"
    payment = ElementTree.SubElement(block, "CdtTrfTxInf")
    _text(payment, "PmtId/EndToEndId", payout.end_to_end_id)
    amount = _text(payment, "Amt/InstdAmt", decimal_text(payout.amount_minor, exponent))
    amount.set("Ccy", payout.currency)
    _text(payment, "Cdtr/Nm", payout.holder)
    _text(payment, "CdtrAcct/Id/Othr/Id", payout.number)
    _text(payment, "RmtInf/Ustrd", payout.end_to_end_id)


def _text(parent: ElementTree.Element, path: str, text: str) -> ElementTree.Element:
    """Put `text` under a path of new elements; gives the innermost."""
    for tag in path.split("/"):
        parent = ElementTree.SubElement(parent, tag)
    parent.text = _NOT_IN_XML.sub("", text)
    return parent


def decimal_text(amount_minor: int, exponent: int) -> str:
    """Minor units as the decimal number of the file: 123450 with exponent 2 is 1234.50."""
    if exponent == 0:
        return str(amount_minor)
    whole, part = divmod(amount_minor, 10**exponent)
    return f"{whole}.{part:0{exponent}d}"
