"""What is wrong with a document that is well-formed: it differs from what was agreed on, or can't be done now. And where in
the message or the XML that stands. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from market.contracting.terms import TradeTerms
from market.documents.drawing import line_of, place_of
from market.documents.edifact import Message
from market.documents.flaws import Code, Flaw, Why, short
from market.documents.messages.common import REFERENCES
from market.documents.records import Item, Line, LineAct, Priced, ReferenceKind
from market.documents.texts import amount_said, in_latin


class Objection(Struct, frozen=True, kw_only=True):
    """A fault of what a document says. `what` names the thing: `price`, `quantity`, `buyer`, `reference:order` …; `line`
    the line of goods that it is in (0: none). `said` may be the name of a refusal, whose sentence says the rest.
    """

    why: Why
    what: str
    line: int = 0
    code: Code = Code.INVALID_VALUE
    said: str = ""
    right: str = ""


_IN_LINE = {
    # what: (segment, qualifier, element, component)
    "line": ("LIN", "", 1, 0),
    "quantity": ("QTY", "", 1, 2),
    "unit": ("QTY", "", 1, 3),
    "price": ("PRI", "", 1, 2),
    "sum": ("MOA", "203", 1, 2),
}
_IN_GOODS = _IN_LINE | {
    "line": ("GID", "", 1, 0),
    "quantity": ("MEA", "AAE", 3, 2),
    "unit": ("MEA", "AAE", 3, 1),
}
"""The same in a transport instruction, which counts goods otherwise."""
_IN_HEAD = {
    "document": ("BGM", "", 2, 0),
    "verdict": ("BGM", "", 3, 0),
    "valid_until": ("DTM", "36", 1, 2),
    "from_date": ("DTM", "64 2", 1, 2),
    "to_date": ("DTM", "63 2", 1, 2),
    "buyer": ("NAD", "BY CN DP", 2, 1),
    "seller": ("NAD", "SU SE CZ PE", 2, 1),
    "carrier": ("TDT NAD", "20 CA", 5, 4),
    "currency": ("CUX", "2", 1, 2),
    "term": ("TOD", "", 3, 1),
    "place": ("TOD", "", 3, 4),
    "country": ("LOC", "1", 2, 1),
    "transport": ("TDT", "20", 3, 1),
    "carrier_code": ("NAD", "CA FW", 2, 1),
    "collect_from": ("NAD", "CZ SU SE", 5, 1),
    "street": ("NAD", "CN BY", 5, 1),
    "city": ("NAD", "CN BY", 6, 0),
    "postcode": ("NAD", "CN BY", 8, 0),
    "country_to": ("NAD", "CN BY", 9, 0),
    "packages": ("CNT", "11", 1, 2),
    "weight": ("CNT", "7", 1, 2),
    "total": ("MOA", "77 79 86 12 9", 1, 2),
    "tracking": ("RFF", "CN", 1, 2),
} | {f"reference:{kind.value}": ("RFF", code, 1, 2) for kind, code in REFERENCES.items()}
_CONSIGNEE = "Shipment/Consignment/ConsigneeParty"
_PATHS = {
    "line": "ID",
    "quantity": "Quantity",
    "unit": "Quantity/@unitCode",
    "price": "Price/PriceAmount",
    "sum": "LineExtensionAmount",
    "document": "ID",
    "verdict": "OrderResponseCode",
    "valid_until": "ValidityPeriod/EndDate",
    "from_date": "Delivery/RequestedDeliveryPeriod/StartDate",
    "to_date": "Delivery/RequestedDeliveryPeriod/EndDate",
    "buyer": "BuyerCustomerParty",
    "seller": "SellerSupplierParty",
    "currency": "DocumentCurrencyCode",
    "term": "DeliveryTerms/ID",
    "place": "DeliveryTerms/DeliveryLocation",
    "country": "DeliveryTerms/DeliveryLocation/Address/Country",
    "total": "LegalMonetaryTotal",
    "tracking": "Shipment/Delivery/TrackingID",
    "carrier_code": "CarrierParty/PartyIdentification/ID",
    "collect_from": "ConsignorParty/PostalAddress",
    "street": f"{_CONSIGNEE}/PostalAddress/StreetName",
    "city": f"{_CONSIGNEE}/PostalAddress/CityName",
    "postcode": f"{_CONSIGNEE}/PostalAddress/PostalZone",
    "country_to": f"{_CONSIGNEE}/PostalAddress/Country",
    "packages": "Shipment/TotalTransportHandlingUnitQuantity",
    "weight": "Shipment/GrossWeightMeasure",
}
_DELIVERY = {"buyer": "DeliveryCustomerParty", "seller": "DespatchSupplierParty"}
_PATHS_OF = {
    "ForwardingInstructions": {"buyer": _CONSIGNEE, "seller": "ConsignorParty"},
    "DespatchAdvice": _DELIVERY,
    "ReceiptAdvice": _DELIVERY,
    "RemittanceAdvice": {"seller": "AccountingSupplierParty"},
    "Invoice": {"buyer": "AccountingCustomerParty", "seller": "AccountingSupplierParty"},
}
"""Where a document has these in another place than most."""
_LINES_OF = {
    "OrderResponse": "OrderLine/LineItem",
    "OrderChange": "OrderLine/LineItem",
    "DespatchAdvice": "DespatchLine",
    "ReceiptAdvice": "ReceiptLine",
    "Invoice": "InvoiceLine",
    "ForwardingInstructions": "Shipment/GoodsItem",
}


def in_message(found: Objection, message: Message) -> Flaw:
    """The flaw at its segment; at the end of the message where the segment is not there at all."""
    in_line = _IN_GOODS if message.type == "IFTMIN" else _IN_LINE
    tags, qualifiers, element, component = (in_line if found.line else _IN_HEAD).get(found.what, ("BGM", "", 2, 0))
    at, tag = _segment_at(message, found.line, tags.split(), qualifiers.split())
    return Flaw(
        why=found.why,
        code=found.code if at else Code.MISSING,
        message=message.reference,
        tag=tag,
        segment=at or len(message.segments) + 2,
        element=element if at else 0,
        component=component if at else 0,
        said=short(found.said),
        right=short(found.right),
    )


def _segment_at(message: Message, line: int, tags: list[str], qualifiers: list[str]) -> tuple[int, str]:
    inside = 0
    for at, one in enumerate(message.segments, start=2):
        if one.tag in ("LIN", "GID"):
            inside = int(one.text(1)) if one.text(1).isdigit() else inside + 1
        elif one.tag == "UNS":
            inside = 0
        if inside == line and one.tag in tags and (not qualifiers or one.text(1) in qualifiers):
            return at, one.tag
    return 0, tags[0]


def in_xml(found: Objection, name: str) -> Flaw:
    """The flaw with the way to its element."""
    path = (_PATHS | _PATHS_OF.get(name, {})).get(found.what, found.what.replace("reference:", "reference "))
    line = f"{_LINES_OF.get(name, f'{name}Line/LineItem')}[ID={found.line}]"
    where = f"/{name}/{line}/{path}" if found.line else f"/{name}/{path}"
    return Flaw(why=found.why, code=found.code, path=where, said=short(found.said), right=short(found.right))


# What was agreed on


def against(record: Priced, terms: TradeTerms) -> Objection | None:
    """The first thing in which the document is not what was agreed on."""
    return next(_differences(record, terms), None)


def _differences(record: Priced, terms: TradeTerms) -> Iterator[Objection]:
    if record.currency != terms.currency:
        yield _differs("currency", 0, record.currency, terms.currency)
    agreed = {goods.n: line_of(goods) for goods in terms.goods}
    given = {line.n: line for line in record.lines if line.act is not LineAct.DELETED}
    for n, line in given.items():
        if n not in agreed:
            yield _differs("line", n, str(n), ", ".join(map(str, agreed)))
            return
        yield from _line(line, agreed[n], terms.currency_exponent)
    for n in agreed:
        if n not in given:
            yield _differs("document", 0, f"{len(given)}", f"{n}")
    place = record.delivery
    if place is not None:
        stands = place_of(terms.delivery)
        for name in ("term", "country", "from_date", "to_date", "transport"):
            if getattr(place, name) != getattr(stands, name):
                yield _differs(name, 0, str(getattr(place, name)), str(getattr(stands, name)))


def _line(line: Line, agreed: Line, exponent: int) -> Iterator[Objection]:
    if line.unit != agreed.unit:
        yield _differs("unit", line.n, line.unit, agreed.unit)
    if line.quantity != agreed.quantity:
        yield _differs("quantity", line.n, str(line.quantity), str(agreed.quantity))
    if line.unit_price_minor is not None and line.unit_price_minor != agreed.unit_price_minor:
        said = amount_said(line.unit_price_minor, exponent)
        yield _differs("price", line.n, said, amount_said(agreed.unit_price_minor or 0, exponent))


def items_against(
    items: tuple[Item, ...], agreed: tuple[Line, ...], *, whole: bool, each_whole: bool = False
) -> Objection | None:
    """Goods that are not those, or not as many; with `whole` all of them must be there, with `each_whole` all of each."""
    lines = {line.n: line for line in agreed}
    for item in items:
        line = lines.get(item.n)
        if line is None:
            return _differs("line", item.n, str(item.n), ", ".join(map(str, lines)))
        if item.unit != line.unit:
            return _differs("unit", item.n, item.unit, line.unit)
        if not 1 <= item.quantity <= line.quantity or ((whole or each_whole) and item.quantity != line.quantity):
            return _differs("quantity", item.n, str(item.quantity), str(line.quantity))
    if not items or (whole and len(items) != len(lines)):
        return _differs("document", 0, str(len(items)), str(len(lines)))
    return None


def _differs(what: str, line: int, said: str, right: str) -> Objection:
    return Objection(why=Why.DIFFERS_FROM_AGREED, what=what, line=line, said=said, right=right)


def unknown_reference(kind: ReferenceKind, said: str) -> Objection:
    return Objection(
        why=Why.REFERENCE_UNKNOWN,
        what=f"reference:{kind.value}",
        code=Code.REFERENCES_DIFFER,
        said=said,
        right="" if said else f"RFF+{REFERENCES[kind]}",
    )


def same_place(given: str, stands: str) -> bool:
    """Whether a place is the one that stands, as EDIFACT's character set may have carried it."""
    return given in (stands, in_latin(stands, named="place"))
