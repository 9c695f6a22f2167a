"""The six documents with prices as UBL: RequestForQuotation, Quotation, Order, OrderResponse, OrderChange, Invoice. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from market.currencies import EXPONENTS
from market.documents.flaws import Code, Why
from market.documents.messages.priced import ACTS
from market.documents.records import (
    Invoice,
    Kind,
    Line,
    LineAct,
    Order,
    OrderChange,
    OrderResponse,
    Priced,
    Quotation,
    Reference,
    ReferenceKind,
    RequestForQuotation,
    Verdict,
    kind_of,
)
from market.documents.texts import amount_said, minor_of, whole_of
from market.documents.ubl import parts
from market.documents.ubl.xml import Child, Node, branch, document, leaf, need, refuse

OTHER = "AdditionalDocumentReference"
_PAY_WITHIN = "payment-terms"
_VERDICTS = {Verdict.ACCEPTED: "AP", Verdict.CHANGED: "CA", Verdict.REJECTED: "RE"}
_R = ReferenceKind


class Shape(Struct, frozen=True, kw_only=True):
    """How one of them is spelt."""

    name: str
    record: type
    order: str
    """The elements of the document that are used here, in the order of the schema."""
    currency: str
    line: str
    total: str
    references: dict[ReferenceKind, str] = {}
    validity: str = ""
    buyer: str = "BuyerCustomerParty"
    seller: str = "SellerSupplierParty"


_HEAD = "UBLVersionID ID IssueDate IssueTime"
SHAPES: dict[Kind, Shape] = {
    Kind.REQOTE: Shape(
        name="RequestForQuotation",
        record=RequestForQuotation,
        order=f"{_HEAD} Note PricingCurrencyCode LineCountNumeric RequestedValidityPeriod {OTHER} SellerSupplierParty"
        " BuyerCustomerParty Delivery DeliveryTerms Contract RequestForQuotationLine",
        currency="PricingCurrencyCode",
        line="RequestForQuotationLine",
        total="",
        references={_R.CONTRACT: "Contract"},
        validity="RequestedValidityPeriod",
    ),
    Kind.QUOTES: Shape(
        name="Quotation",
        record=Quotation,
        order=f"{_HEAD} Note PricingCurrencyCode LineCountNumeric ValidityPeriod RequestForQuotationDocumentReference"
        f" {OTHER} Contract SellerSupplierParty BuyerCustomerParty Delivery DeliveryTerms QuotedMonetaryTotal QuotationLine",
        currency="PricingCurrencyCode",
        line="QuotationLine",
        total="QuotedMonetaryTotal",
        references={_R.REQUEST: "RequestForQuotationDocumentReference", _R.CONTRACT: "Contract"},
        validity="ValidityPeriod",
    ),
    Kind.ORDERS: Shape(
        name="Order",
        record=Order,
        order=f"{_HEAD} Note DocumentCurrencyCode LineCountNumeric QuotationDocumentReference {OTHER} Contract"
        " BuyerCustomerParty SellerSupplierParty Delivery DeliveryTerms PaymentTerms AnticipatedMonetaryTotal OrderLine",
        currency="DocumentCurrencyCode",
        line="OrderLine",
        total="AnticipatedMonetaryTotal",
        references={_R.OFFER: "QuotationDocumentReference", _R.CONTRACT: "Contract"},
    ),
    Kind.ORDRSP: Shape(
        name="OrderResponse",
        record=OrderResponse,
        order="UBLVersionID ID IssueDate IssueTime OrderResponseCode Note DocumentCurrencyCode LineCountNumeric"
        f" OrderReference {OTHER} Contract SellerSupplierParty BuyerCustomerParty Delivery DeliveryTerms PaymentTerms"
        " LegalMonetaryTotal OrderLine",
        currency="DocumentCurrencyCode",
        line="OrderLine",
        total="LegalMonetaryTotal",
        references={_R.ORDER: "OrderReference", _R.CONTRACT: "Contract"},
    ),
    Kind.ORDCHG: Shape(
        name="OrderChange",
        record=OrderChange,
        order=f"{_HEAD} SequenceNumberID Note DocumentCurrencyCode LineCountNumeric OrderReference"
        f" QuotationDocumentReference {OTHER} Contract BuyerCustomerParty SellerSupplierParty Delivery DeliveryTerms"
        " PaymentTerms AnticipatedMonetaryTotal OrderLine",
        currency="DocumentCurrencyCode",
        line="OrderLine",
        total="AnticipatedMonetaryTotal",
        references={_R.OFFER: "QuotationDocumentReference", _R.ORDER: "OrderReference", _R.CONTRACT: "Contract"},
    ),
    Kind.INVOIC: Shape(
        name="Invoice",
        record=Invoice,
        order="UBLVersionID ID IssueDate IssueTime InvoiceTypeCode Note DocumentCurrencyCode LineCountNumeric"
        f" OrderReference DespatchDocumentReference ContractDocumentReference {OTHER} AccountingSupplierParty"
        " AccountingCustomerParty Delivery DeliveryTerms PaymentTerms LegalMonetaryTotal InvoiceLine",
        currency="DocumentCurrencyCode",
        line="InvoiceLine",
        total="LegalMonetaryTotal",
        references={
            _R.ORDER: "OrderReference",
            _R.DESPATCH: "DespatchDocumentReference",
            _R.CONTRACT: "ContractDocumentReference",
        },
        buyer="AccountingCustomerParty",
        seller="AccountingSupplierParty",
    ),
}
_ANSWER = (Kind.ORDRSP, Kind.ORDCHG)
"""They must name the order that they are about; a hyphen stands where there is none."""


def write(record: Priced) -> bytes:
    """The document."""
    kind = kind_of(record)
    shape = SHAPES[kind]
    children: list[Child] = [
        *parts.heading(record.number, record.issued_at, record.note),
        leaf(shape.currency, record.currency),
        leaf("LineCountNumeric", len(record.lines)),
        *parts.split(_references(record, kind), shape.references, OTHER),
        parts.party(shape.buyer, record.buyer),
        parts.party(shape.seller, record.seller),
        *(parts.delivery(record.delivery) if record.delivery is not None else []),
        *_pay_within(record, kind),
        *_own(record),
        _total(record, shape),
        *(_line(record, line, shape) for line in record.lines),
    ]
    return document(shape.name, shape.order, children)


def _references(record: Priced, kind: Kind) -> tuple[Reference, ...]:
    if kind in _ANSWER and not record.reference(ReferenceKind.ORDER):
        return (*record.references, Reference(kind=ReferenceKind.ORDER, number="-"))
    return record.references


def _own(record: Priced) -> Iterator[Child]:
    """What only one or two of them have."""
    if isinstance(record, RequestForQuotation | Quotation) and record.valid_until is not None:
        until = record.valid_until.astimezone(UTC)
        period = (leaf("EndDate", f"{until:%Y-%m-%d}"), leaf("EndTime", f"{until:%H:%M:00Z}"))
        yield branch(SHAPES[kind_of(record)].validity, period)
    elif isinstance(record, OrderResponse):
        yield leaf("OrderResponseCode", _VERDICTS[record.verdict])
    elif isinstance(record, OrderChange):
        yield leaf("SequenceNumberID", "1")
    elif isinstance(record, Invoice):
        yield leaf("InvoiceTypeCode", "380")


def _pay_within(record: Priced, kind: Kind) -> list[Child]:
    hours = record.pay_within_hours
    if hours is None:
        return []
    if kind in (Kind.REQOTE, Kind.QUOTES):  # These two have no terms of payment of their own.
        return [branch(OTHER, leaf("ID", f"PT{hours}H"), leaf("DocumentTypeCode", _PAY_WITHIN))]
    return [branch("PaymentTerms", branch("SettlementPeriod", leaf("DurationMeasure", hours, unitCode="HUR")))]


def _total(record: Priced, shape: Shape) -> Child:
    if not shape.total:
        return None
    money = (record.currency, record.exponent)
    prepaid = record.prepaid_minor if isinstance(record, Invoice) else 0
    return branch(
        shape.total,
        parts.amount("LineExtensionAmount", record.total_minor, *money),
        parts.amount("TaxInclusiveAmount", record.total_minor, *money) if isinstance(record, Invoice) else None,
        parts.amount("PrepaidAmount", prepaid, *money) if prepaid else None,
        parts.amount("PayableAmount", record.total_minor - prepaid, *money),
    )


def _line(record: Priced, line: Line, shape: Shape) -> Child:
    money = (record.currency, record.exponent)
    price = branch(
        "Price",
        parts.amount("PriceAmount", line.unit_price_minor, *money),
        parts.quantity("BaseQuantity", 1, line.unit) if line.unit_price_minor is not None else None,
    )
    goods = parts.item(line.title_en, line.title_zh, line.article, line.attributes)
    if shape.line == "InvoiceLine":
        return branch(
            shape.line,
            leaf("ID", line.n),
            parts.quantity("InvoicedQuantity", line.quantity, line.unit),
            parts.amount("LineExtensionAmount", line.sum_minor or 0, *money),
            goods,
            price,
        )
    detail = branch(
        "LineItem",
        leaf("ID", line.n),
        leaf("LineStatusCode", ACTS[line.act]),
        parts.quantity("Quantity", line.quantity, line.unit),
        parts.amount("LineExtensionAmount", line.sum_minor, *money),
        price,
        goods,
    )
    return branch(shape.line, leaf("ID", line.n) if shape.line.endswith("QuotationLine") else None, detail)


# Reading


def read(node: Node, kind: Kind) -> Priced:
    """What the document says. Raises FlawedError."""
    shape = SHAPES[kind]
    currency = parts.currency_of(node, shape.currency, "DocumentCurrencyCode", "PricingCurrencyCode")
    lines = tuple(_lines(node, shape, currency))
    _check_counts(node, shape, lines, currency)
    issued = parts.issued_at(node)
    shipped = node.first("Delivery/Shipment")
    fields: dict[str, Any] = {
        "number": parts.document_number(node),
        "issued_at": issued,
        "buyer": parts.party_of(need(node, shape.buyer)),
        "seller": parts.party_of(need(node, shape.seller)),
        "references": parts.references_of(node, shape.references, OTHER),
        "note": node.value("Note"),
        "currency": currency,
        "exponent": EXPONENTS[currency],
        "lines": lines,
        "delivery": parts.place_of(
            node.first("DeliveryTerms"), node.first("Delivery/RequestedDeliveryPeriod"), shipped, issued
        ),
        "pay_within_hours": _hours(node),
        **_own_of(node, shape, currency),
    }
    period = node.first("Delivery/RequestedDeliveryPeriod")
    if period is not None and fields["delivery"] is None:
        # Days without the terms of delivery would be read by nobody.
        refuse(period, Why.ELEMENT_MISSING, Code.MISSING, "DeliveryTerms")
    record: Priced = shape.record(**fields)
    if isinstance(record, Invoice):
        payable = need(node, f"{shape.total}/PayableAmount")
        if parts.amount_of(payable, currency) != record.due_minor:
            refuse(payable, Why.TOTAL, right=amount_said(record.due_minor, record.exponent))
    return record


def _own_of(node: Node, shape: Shape, currency: str) -> dict[str, Any]:
    if shape.validity:
        end = node.first(f"{shape.validity}/EndDate")
        clock = node.first(f"{shape.validity}/EndTime")
        until: datetime | None = None if end is None else parts.instant_of(end, clock)
        return {"valid_until": until}
    if shape.record is OrderResponse:
        code = need(node, "OrderResponseCode")
        verdicts = {said: verdict for verdict, said in _VERDICTS.items()} | {"AC": Verdict.CHANGED}
        if code.text not in verdicts:
            refuse(code, Why.VALUE_UNKNOWN, right=", ".join(verdicts))
        return {"verdict": verdicts[code.text]}
    if shape.record is Invoice:
        prepaid = node.first(f"{shape.total}/PrepaidAmount")
        return {"prepaid_minor": 0 if prepaid is None else parts.amount_of(prepaid, currency)}
    return {}


def _hours(node: Node) -> int | None:
    measure = node.first("PaymentTerms/SettlementPeriod/DurationMeasure")
    if measure is not None:
        factor = {"HUR": 1, "DAY": 24}.get(measure.attributes.get("unitCode", ""))
        count = whole_of(measure.text)
        return None if factor is None or count is None else count * factor
    for each in node.all(OTHER):
        found = re.fullmatch(r"PT([0-9]{1,5})H", each.value("ID"))
        if each.value("DocumentTypeCode") == _PAY_WITHIN and found is not None:
            return int(found[1])
    return None


def _lines(node: Node, shape: Shape, currency: str) -> Iterator[Line]:
    seen: set[int] = set()
    is_invoice = shape.line == "InvoiceLine"
    acts = {code: act for act, code in ACTS.items()}
    for outer in node.all(shape.line):
        line = outer if is_invoice else need(outer, "LineItem")
        n = parts.number_of(line, seen)
        count, unit = parts.quantity_of(need(line, "InvoicedQuantity" if is_invoice else "Quantity"))
        price = _price(line, currency)
        total = line.first("LineExtensionAmount")
        if total is not None and price is not None and parts.amount_of(total, currency) != count * price:
            refuse(total, Why.LINE_SUM, right=amount_said(count * price, EXPONENTS[currency]))
        _check_no_tax(line)
        english, chinese = parts.titles_of(line)
        yield Line(
            n=n,
            title_en=english,
            title_zh=chinese,
            article=line.value("Item/SellersItemIdentification/ID")[:35],
            quantity=count,
            unit=unit,
            unit_price_minor=price,
            attributes={each.value("Name"): each.value("Value") for each in line.all("Item/AdditionalItemProperty")},
            act=acts.get(line.value("LineStatusCode"), LineAct.SAME),
        )


def _price(line: Node, currency: str) -> int | None:
    found = line.first("Price/PriceAmount")
    if found is None:
        return None
    base = line.first("Price/BaseQuantity")
    if base is not None and whole_of(base.text) != 1:
        refuse(base, Why.VALUE_UNKNOWN, right="1")
    price = parts.amount_of(found, currency)
    if price < 0:
        refuse(found, Why.VALUE_UNKNOWN, right="≥ 0")
    return price


def _check_counts(node: Node, shape: Shape, lines: tuple[Line, ...], currency: str) -> None:
    if not lines:
        refuse(node, Why.ELEMENT_MISSING, Code.MISSING, shape.line)
    count = node.first("LineCountNumeric")
    if count is not None and whole_of(count.text) != len(lines):
        refuse(count, Why.LINE_COUNT, Code.COUNT_WRONG, str(len(lines)))
    total = sum(line.sum_minor or 0 for line in lines if line.act is not LineAct.DELETED)
    _check_no_tax(node)
    # What is payable of an invoice is less by what was prepaid: it is compared where the record is made.
    payable = () if shape.record is Invoice else ("PayableAmount",)
    for name in ("LineExtensionAmount", "TaxExclusiveAmount", "TaxInclusiveAmount", *payable):
        found = node.first(f"{shape.total}/{name}") if shape.total else None
        if found is not None and parts.amount_of(found, currency) != total:
            refuse(found, Why.TOTAL, right=amount_said(total, EXPONENTS[currency]))


def _check_no_tax(node: Node) -> None:
    """A tax, an allowance or a charge beside the price was not agreed."""
    for path in ("TaxTotal/TaxAmount", "AllowanceCharge/Amount", "Price/AllowanceCharge/Amount"):
        for each in node.all(path):
            if minor_of(each.text, 3) != 0:
                refuse(each, Why.TAX_NOT_AGREED, right="0")
