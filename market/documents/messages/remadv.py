"""REMADV, remittance advice [汇款通知]: the seller's money is freed: what was invoiced, what was kept of it and why, what is paid."""

from __future__ import annotations

from market.currencies import EXPONENTS
from market.documents.edifact import Segment, segment
from market.documents.flaws import Code, Why
from market.documents.messages import common
from market.documents.messages.common import Part, refuse
from market.documents.records import Deduction, Kind, RemittanceAdvice
from market.documents.structures import Group, Tree
from market.documents.texts import amount_said, decimal_text, minor_of

CODE = "481"
_INVOICE = "380"
_DUE, _REMITTED, _ADJUSTED = "9", "12", "165"
_AGREED_CODE = "ZZZ"
_REASONS = {"commission": ("12", ""), "refund": ("1", ""), "fees": ("ZZZ", "FEE"), "reserve": ("ZZZ", "RSV")}
"""AJT 4465, and where the directory has no code for it FTX 4441; docs/documents.md says what they mean."""


def segments(record: RemittanceAdvice) -> list[Segment]:
    """The message's body: one DOC, the invoice; one AJT for each sum that was kept."""
    exponent = record.exponent
    invoice = [
        segment("DOC", _INVOICE, record.invoice_number),
        segment("MOA", (_DUE, decimal_text(record.invoiced_minor, exponent))),
        segment("MOA", (_REMITTED, decimal_text(record.remitted_minor, exponent))),
    ]
    for each in record.deductions:
        reason, text = _REASONS[each.reason]
        invoice.append(segment("AJT", reason))
        invoice.append(segment("MOA", (_ADJUSTED, decimal_text(each.amount_minor, exponent))))
        if text:
            invoice.append(segment("FTX", "ZZZ", "", (text, "", _AGREED_CODE)))
    parts: list[Part] = [
        common.beginning(CODE, record.number),
        common.instant("137", record.issued_at),
        common.day("138", record.paid_on),
        *common.references(record.references[:5]),
        common.party("BY", record.buyer),
        common.party("PR", record.payer),
        common.party("PE", record.seller),
        [segment("CUX", ("2", record.currency, "11"))],
        invoice,
        [segment("UNS", "S")],
        [segment("MOA", (_REMITTED, decimal_text(record.remitted_minor, exponent)))],
    ]
    return common.arranged(Kind.REMADV, parts)


def record(tree: Tree) -> RemittanceAdvice:
    """What it says. Of several invoices the first is read: a deal has one."""
    number, begin = common.number_of(tree)
    common.expect_code(tree, begin, CODE)
    money = common.needed(tree, "CUX", "2")
    currency = money.segment.text(1, 2)
    if currency not in EXPONENTS:
        refuse(tree, money, Why.VALUE_UNKNOWN, Code.INVALID_VALUE, ", ".join(EXPONENTS), 1, 2)
    invoices = tree.all("DOC")
    if len(invoices) > 1:
        refuse(tree, invoices[1], Why.SEGMENT_TOO_OFTEN, Code.TOO_MANY_REPETITIONS, "1")
    exponent, invoice = EXPONENTS[currency], invoices[0]
    remitted = _sum(tree, invoice, _REMITTED, exponent)
    deductions = tuple(_deduction(tree, each, exponent) for each in invoice.all("AJT"))
    due = invoice.first("MOA", _DUE)
    invoiced = remitted if due is None else _minor(tree, due, exponent)
    kept = sum(each.amount_minor for each in deductions)
    if due is not None and invoiced != remitted + kept:
        refuse(tree, due, Why.TOTAL, Code.INVALID_VALUE, amount_said(remitted + kept, exponent), 1, 2)
    for total in tree.all("MOA", _REMITTED):
        if _minor(tree, total, exponent) != remitted:
            refuse(tree, total, Why.TOTAL, Code.INVALID_VALUE, amount_said(remitted, exponent), 1, 2)
    issued = common.issued_at(tree)
    return RemittanceAdvice(
        number=number,
        issued_at=issued,
        buyer=common.party_of(tree, "BY", "PR"),
        seller=common.party_of(tree, "PE", "SU", "SE"),
        payer=common.party_of(tree, "PR", "BY"),
        references=common.references_of(tree),
        currency=currency,
        exponent=exponent,
        paid_on=(common.moment(tree, "138") or issued).date(),
        invoice_number=invoice.segment.text(2),
        invoiced_minor=invoiced,
        deductions=deductions,
        remitted_minor=remitted,
    )


def _deduction(tree: Tree, group: Group, exponent: int) -> Deduction:
    amount, text = group.first("MOA"), group.first("FTX", "ZZZ")
    if amount is None:
        refuse(tree, group, Why.SEGMENT_MISSING, Code.MISSING, "MOA+165")
    code = (group.segment.text(1), "" if text is None else text.segment.text(3))
    reason = next((name for name, said in _REASONS.items() if said == code), None)
    if reason is None:
        refuse(tree, group, Why.VALUE_UNKNOWN, Code.INVALID_VALUE, "12, 1, ZZZ")
    return Deduction(reason=reason, amount_minor=_minor(tree, amount, exponent))


def _sum(tree: Tree, group: Group, qualifier: str, exponent: int) -> int:
    found = group.first("MOA", qualifier)
    if found is None:
        refuse(tree, group, Why.SEGMENT_MISSING, Code.MISSING, f"MOA+{qualifier}")
    return _minor(tree, found, exponent)


def _minor(tree: Tree, group: Group, exponent: int) -> int:
    minor = minor_of(group.segment.text(1, 2), exponent)
    if minor is None:
        refuse(tree, group, Why.TOO_PRECISE, Code.INVALID_DECIMAL, f"{exponent} decimals", 1, 2)
    return minor
