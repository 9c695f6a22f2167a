"""What the UBL documents share: parties, references, delivery, goods, sums. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time

from market.currencies import EXPONENTS
from market.documents.flaws import Code, Why
from market.documents.records import Address, Agency, Party, Place, Reference, ReferenceKind
from market.documents.texts import decimal_text, is_reference, minor_of, whole_of
from market.documents.ubl.xml import Child, Node, branch, leaf, need, refuse

HOUSE_SCHEME, GLN_SCHEME = "GAVELHOUSE", "GLN"
MODES = {"sea": "1", "rail": "2", "road": "3", "air": "4", "post": "5"}
"""UN/ECE Recommendation 19."""
_CLOCK = re.compile(r"(\d\d):(\d\d)(?::(\d\d)(?:\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?")


def heading(number: str, issued_at: datetime, note: str) -> list[Child]:
    at = issued_at.astimezone(UTC)
    return [
        leaf("UBLVersionID", "2.1"),
        leaf("ID", number),
        leaf("IssueDate", f"{at:%Y-%m-%d}"),
        leaf("IssueTime", f"{at:%H:%M:00Z}"),
        leaf("Note", note),
    ]


def party(name: str, given: Party, *, wrapped: bool = True, address: Address | None = None) -> Child:
    """A party; most stand in a `Party` of their own. With its address where goods are collected or delivered."""
    scheme = GLN_SCHEME if given.agency is Agency.GLN else HOUSE_SCHEME
    inner = [
        branch("PartyIdentification", leaf("ID", given.code, schemeID=scheme)),
        branch("PartyName", leaf("Name", given.name)),
    ]
    if address is not None:
        inner.append(
            branch(
                "PostalAddress",
                leaf("StreetName", address.street),
                leaf("CityName", address.city),
                leaf("PostalZone", address.postcode),
                branch("Country", leaf("IdentificationCode", address.country)),
            )
        )
        inner.append(branch("Contact", leaf("Telephone", address.phone)))
    return branch(name, branch("Party", inner)) if wrapped else branch(name, inner)


def party_of(node: Node) -> Party:
    """The party in an element, with or without a `Party` of its own."""
    inside = node.first("Party") or node
    number = need(inside, "PartyIdentification/ID")
    agency = Agency.GLN if number.attributes.get("schemeID", "").upper() in ("GLN", "0088") else Agency.HOUSE
    if len(number.text) > 35:
        refuse(number, Why.ELEMENT_TOO_LONG, Code.TOO_LONG, "≤ 35")
    return Party(code=number.text, agency=agency, name=inside.value("PartyName/Name"))


def address_of(node: Node) -> Address | None:
    """The address of the party in an element, if it has one."""
    inside = node.first("Party") or node
    given = inside.first("PostalAddress")
    if given is None:
        return None
    lines = [each.text for each in given.all("AddressLine/Line")]
    streets = [given.value("StreetName"), given.value("BuildingNumber"), given.value("AdditionalStreetName"), *lines]
    street = ", ".join(each for each in streets if each)
    if not street:
        need(given, "StreetName")
    return Address(
        street=street,
        city=need(given, "CityName").text,
        postcode=given.value("PostalZone"),
        country=need(given, "Country/IdentificationCode").text,
        phone=inside.value("Contact/Telephone"),
    )


def document_number(node: Node) -> str:
    """The document's own number, under which it goes on to systems of either spelling."""
    found = need(node, "ID")
    if len(found.text) > 35:
        refuse(found, Why.ELEMENT_TOO_LONG, Code.TOO_LONG, "≤ 35")
    if not is_reference(found.text):
        refuse(found, Why.CHARACTER, Code.INVALID_CHARACTER, "ISO 8859-1")
    return found.text


def reference(name: str, each: Reference | None) -> Child:
    """A reference to one document; `kind` goes along where the element does not say it."""
    if each is None:
        return None
    return branch(name, leaf("ID", each.number), leaf("DocumentTypeCode", each.kind.value))


def split(references: Iterable[Reference], elements: dict[ReferenceKind, str], other: str) -> list[Child]:
    """Each reference in the element that is made for it, the rest in `other`."""
    parts: list[Child] = []
    for each in references:
        name = elements.get(each.kind, other)
        if name in ("OrderReference", "Contract"):
            parts.append(branch(name, leaf("ID", each.number)))
        else:
            parts.append(reference(name, each))
    return parts


def references_of(node: Node, elements: dict[ReferenceKind, str], other: str) -> tuple[Reference, ...]:
    """In the order of their kinds."""
    found: list[Reference] = []
    for kind, name in elements.items():
        found += [
            Reference(kind=kind, number=each.value("ID"))
            for each in node.all(name)
            if each.value("ID") not in ("", "-")
        ]
    kinds = {kind.value: kind for kind in ReferenceKind}
    for each in node.all(other):
        kind_found = kinds.get(each.value("DocumentTypeCode"))
        if kind_found is not None and each.value("ID"):
            found.append(Reference(kind=kind_found, number=each.value("ID")))
    for one in found:
        if len(one.number) > 35:
            refuse(node, Why.ELEMENT_TOO_LONG, Code.TOO_LONG, "≤ 35")
    order = list(ReferenceKind)
    return tuple(sorted(found, key=lambda each: order.index(each.kind)))


def amount(name: str, minor: int | None, currency: str, exponent: int) -> Child:
    return None if minor is None else leaf(name, decimal_text(minor, exponent), currencyID=currency)


def amount_of(node: Node, currency: str) -> int:
    """Exact minor units; another currency than the document's is refused."""
    if node.attributes.get("currencyID", currency) != currency:
        refuse(node, Why.CURRENCY_DIFFERS, right=currency)
    minor = minor_of(node.text, EXPONENTS[currency])
    if minor is None:
        refuse(node, Why.TOO_PRECISE, Code.INVALID_DECIMAL, f"{EXPONENTS[currency]} decimals")
    return minor


def currency_of(node: Node, *names: str) -> str:
    for name in names:
        found = node.first(name)
        if found is not None:
            if found.text not in EXPONENTS:
                refuse(found, Why.VALUE_UNKNOWN, right=", ".join(EXPONENTS))
            return found.text
    return need(node, names[0]).text


def quantity(name: str, count: int, unit: str) -> Child:
    return leaf(name, str(count), unitCode=unit)


def quantity_of(node: Node) -> tuple[int, str]:
    count = whole_of(node.text)
    if count is None or count < 0 or len(node.text) > 15:
        refuse(node, Why.QUANTITY_MALFORMED, right="1, 2, 3 …")
    return count, node.attributes.get("unitCode", "C62")[:3]


def number_of(node: Node, seen: set[int]) -> int:
    """A line's own number."""
    found = need(node, "ID")
    n = whole_of(found.text)
    if n is None or n < 1 or n in seen or len(found.text) > 6:
        refuse(found, Why.LINE_NUMBER, right="1, 2, 3 …")
    seen.add(n)
    return n


def item(title_en: str, title_zh: str, article: str, properties: dict[str, str] | None = None) -> Child:
    """Both titles, each in its language."""
    named = [
        branch("AdditionalItemProperty", leaf("Name", name), leaf("Value", value))
        for name, value in (properties or {}).items()
    ]
    return branch(
        "Item",
        leaf("Description", title_zh, languageID="zh"),
        leaf("Name", title_en, languageID="en"),
        branch("SellersItemIdentification", leaf("ID", article)),
        named,
    ) or branch("Item", leaf("Name", "-"))


def titles_of(node: Node) -> tuple[str, str]:
    """English and Chinese."""
    descriptions = node.all("Item/Description")
    chinese = next((each.text for each in descriptions if each.attributes.get("languageID", "")[:2] == "zh"), "")
    english = node.value("Item/Name")
    if not english:
        english = next((each.text for each in descriptions if each.attributes.get("languageID", "")[:2] != "zh"), "")
    return ("" if english == "-" else english), chinese


def day_of(node: Node) -> date:
    try:
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}(Z|[+-]\d\d:\d\d)?", node.text, re.ASCII):
            raise ValueError
        return date.fromisoformat(node.text[:10])
    except ValueError:
        refuse(node, Why.DATE_MALFORMED, right="YYYY-MM-DD")


def instant_of(day: Node, clock: Node | None) -> datetime:
    """A date with its time, if it has one, to the minute in UTC."""
    on = day_of(day)
    if clock is None:
        return datetime.combine(on, time(), UTC)
    found = _CLOCK.fullmatch(clock.text)
    try:
        if found is None:
            raise ValueError
        zone = "+00:00" if found[4] in (None, "Z") else found[4]
        at = datetime.fromisoformat(f"{on.isoformat()}T{found[1]}:{found[2]}:00{zone}")
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        refuse(clock, Why.DATE_MALFORMED, right="hh:mm:ssZ")


def issued_at(node: Node) -> datetime:
    return instant_of(need(node, "IssueDate"), node.first("IssueTime"))


def terms(place: Place) -> Child:
    """The Incoterms code and its place."""
    country = branch("Address", branch("Country", leaf("IdentificationCode", place.country)))
    return branch(
        "DeliveryTerms",
        leaf("ID", place.term, schemeID="INCOTERMS"),
        branch("DeliveryLocation", leaf("Name", place.place), country),
    )


def period(place: Place) -> Child:
    return branch(
        "RequestedDeliveryPeriod",
        leaf("StartDate", place.from_date.isoformat()),
        leaf("EndDate", place.to_date.isoformat()),
    )


def shipment_parts(place: Place) -> tuple[Child, Child]:
    """Whether it may be split, and how it travels."""
    mode = branch("ShipmentStage", leaf("TransportModeCode", MODES.get(place.transport)))
    return leaf("SplitConsignmentIndicator", "true" if place.partial else "false"), mode


def delivery(place: Place) -> list[Child]:
    may_split, mode = shipment_parts(place)
    return [branch("Delivery", period(place), branch("Shipment", leaf("ID", "1"), may_split, mode)), terms(place)]


def place_of(agreed: Node | None, when: Node | None, shipment: Node | None, issued: datetime) -> Place | None:
    """Terms of delivery from the elements that carry them."""
    if agreed is None:
        return None
    start = None if when is None else when.first("StartDate")
    end = None if when is None else when.first("EndDate")
    first = day_of(start) if start is not None else None
    last = day_of(end) if end is not None else None
    modes = {code: name for name, code in MODES.items()}
    mode = "" if shipment is None else shipment.value("ShipmentStage/TransportModeCode")
    return Place(
        term=agreed.value("ID"),
        country=agreed.value("DeliveryLocation/Address/Country/IdentificationCode"),
        place=agreed.value("DeliveryLocation/Name"),
        from_date=first or last or issued.date(),
        to_date=last or first or issued.date(),
        transport=modes.get(mode, "any"),
        partial=shipment is not None and shipment.value("SplitConsignmentIndicator") in ("true", "1"),
    )
