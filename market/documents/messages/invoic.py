"""INVOIC, commercial invoice [发票]: what the seller is owed, what of it lies in escrow already, and what is left to pay."""

from __future__ import annotations

from market.documents.edifact import Segment, segment
from market.documents.flaws import Code, Why
from market.documents.messages import common, priced
from market.documents.messages.common import Part, refuse
from market.documents.records import Invoice, Kind
from market.documents.structures import Tree
from market.documents.texts import decimal_text, minor_of

CODE = "380"
_LINES, _INVOICE, _PREPAID, _DUE = "79", "77", "113", "9"


def segments(record: Invoice) -> list[Segment]:
    """The message's body."""
    sums = {_LINES: record.total_minor, _INVOICE: record.total_minor}
    if record.prepaid_minor:
        sums[_PREPAID] = record.prepaid_minor
    sums[_DUE] = record.due_minor
    totals: list[Part] = [
        [segment("MOA", (kind, decimal_text(minor, record.exponent)))] for kind, minor in sums.items()
    ]
    head = priced.head(record, CODE, currency_use="4")
    return common.arranged(Kind.INVOIC, [*head, *priced.lines(record, priced.INVOICED), *priced.foot(record), *totals])


def record(tree: Tree) -> Invoice:
    """What it says."""
    fields = priced.fields(tree, CODE, quantity=priced.INVOICED)
    exponent = fields["exponent"]
    prepaid = tree.first("MOA", _PREPAID)
    prepaid_minor = 0 if prepaid is None else minor_of(prepaid.segment.text(1, 2), exponent)
    if prepaid is not None and (prepaid_minor is None or prepaid_minor < 0):
        refuse(tree, prepaid, Why.TOO_PRECISE, Code.INVALID_DECIMAL, f"{exponent} decimals", 1, 2)
    invoice = Invoice(**fields, prepaid_minor=prepaid_minor or 0)
    due = tree.first("MOA", _DUE)
    if due is not None and minor_of(due.segment.text(1, 2), exponent) != invoice.due_minor:
        refuse(tree, due, Why.TOTAL, Code.INVALID_VALUE, decimal_text(invoice.due_minor, exponent), 1, 2)
    return invoice
