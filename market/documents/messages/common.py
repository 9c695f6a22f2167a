"""What the messages share: heads, parties, delivery and lines, written and read. Pure.

Writers give parts (a segment with its group) in any order; `arranged` puts them where the message's structure has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import NoReturn, TypeVar

from market.documents.edifact import Segment, segment
from market.documents.flaws import Code, Flaw, FlawedError, Why, short
from market.documents.records import Address, Agency, Kind, Party, Place, Reference, ReferenceKind
from market.documents.structures import Group, Tree, structure_of
from market.documents.texts import carried, in_latin, joined, pieces, whole_of

T = TypeVar("T")
Part = Sequence[Segment]
GLN_AGENCY, HOUSE_AGENCY = "9", "ZZZ"
REFERENCES = {
    ReferenceKind.POST: "PL",
    ReferenceKind.REQUEST: "AHU",
    ReferenceKind.OFFER: "AAG",
    ReferenceKind.ORDER: "ON",
    ReferenceKind.CONTRACT: "CT",
    ReferenceKind.DESPATCH: "AAK",
    ReferenceKind.INVOICE: "IV",
    ReferenceKind.PAYMENT: "PQ",
    ReferenceKind.DEAL: "ACE",
    ReferenceKind.TRANSPORT: "CN",
}
TRANSPORTS = {"sea": "1", "rail": "2", "road": "3", "air": "4", "post": "5"}
_DATES = {"101": "%y%m%d", "102": "%Y%m%d", "203": "%Y%m%d%H%M", "204": "%Y%m%d%H%M%S"}
_DIGITS = {"101": 6, "102": 8, "203": 12, "204": 14}


def arranged(kind: Kind, parts: Iterable[Part], within: str = "") -> list[Segment]:
    """The segments of all parts in the order of the message, or of the group that `within` opens."""
    places = structure_of(kind.upper())
    for tag in within.split():
        places = next(place.within for place in places if place.tag == tag)
    order = {place.tag: at for at, place in enumerate(places)}
    sorted_parts = sorted((part for part in parts if part), key=lambda part: order[part[0].tag])
    return [each for part in sorted_parts for each in part]


def beginning(code: str, number: str, function: str = "9", answer: str = "") -> Part:
    return [segment("BGM", code, number, function, answer)]


def instant(qualifier: str, at: datetime) -> Part:
    return [segment("DTM", (qualifier, f"{at.astimezone(UTC):%Y%m%d%H%M}", "203"))]


def day(qualifier: str, on: date) -> Part:
    return [segment("DTM", (qualifier, f"{on:%Y%m%d}", "102"))]


def notes(qualifier: str, text: str) -> list[Part]:
    """A free text; each FTX takes five lines of seventy."""
    plain = in_latin(text, named="text")
    lines = pieces(plain, 70)
    return [[segment("FTX", qualifier, "", "", lines[at : at + 5])] for at in range(0, len(lines), 5)]


def references(given: Iterable[Reference]) -> list[Part]:
    return [[segment("RFF", (REFERENCES[each.kind], each.number))] for each in given]


def party(role: str, given: Party, address: Address | None = None) -> Part:
    """A party; with an address also what stands on the label below the name, and whom to call."""
    agency = GLN_AGENCY if given.agency is Agency.GLN else HOUSE_AGENCY
    name = pieces(in_latin(given.name, named=given.code), 35)[:5]
    named = (role, (given.code, "", agency), "", name)
    if address is None:
        return [segment("NAD", *named)]
    street, city, postcode = street_lines(address), city_text(address), postcode_text(address)
    one = segment("NAD", *named, street, city, "", postcode, address.country)
    phone = carried(address.phone)
    return [one, segment("CTA", "IC"), segment("COM", (phone, "TE"))] if phone else [one]


def street_lines(address: Address) -> list[str]:
    """Four lines of thirty-five; a longer street is in the XML alone, as is a text of other letters."""
    lines = pieces(in_latin(address.street, named="street"), 35)
    return lines if len(lines) <= 4 else ["[street: longer, see the XML]"]


def city_text(address: Address) -> str:
    city = in_latin(address.city, named="city")
    return city if len(city) <= 35 else "[city: longer, see the XML]"


def postcode_text(address: Address) -> str:
    """Nine characters at most; a longer one is left away."""
    postcode = carried(address.postcode) or ""
    return postcode if len(postcode) <= 9 else ""


def place_parts(place: Place, *, dated: bool = True) -> list[Part]:
    """Terms of delivery, the country, how the goods travel; one day as "requested", several as "earliest" and "latest"."""
    where = pieces(in_latin(place.place, named="place"), 70)[:2]
    parts: list[Part] = [
        [segment("TOD", "6", "", (place.term, "", "", *where)), segment("LOC", "1", (place.country, "162", "5"))]
    ]
    if place.transport in TRANSPORTS:
        parts.append([segment("TDT", "20", "", TRANSPORTS[place.transport])])
    if place.partial:
        parts.append([segment("FTX", "DEL", "", ("PAR", "", HOUSE_AGENCY))])
    if dated:
        parts += window(place.from_date, place.to_date)
    return parts


def window(from_date: date, to_date: date) -> list[Part]:
    if from_date == to_date:
        return [day("2", to_date)]
    return [day("64", from_date), day("63", to_date)]


def described(title_en: str, title_zh: str, n: int, limit: int = 99) -> list[Part]:
    """The goods in words: each IMD takes two parts of thirty-five."""
    words = pieces(in_latin(title_en, title_zh, named=f"goods {n}"), 35)[: 2 * limit]
    return [[segment("IMD", "F", "", ("", "", "", *words[at : at + 2]))] for at in range(0, len(words), 2)]


def attributes(given: dict[str, str]) -> list[Part]:
    """Each property of the goods as `name=value`, as far as the character set carries it."""
    parts: list[Part] = []
    for name, value in given.items():
        plain = carried(f"{name}={value}")
        if plain is not None:
            parts.append([segment("FTX", "PRD", "", "", pieces(plain, 70)[:5])])
    return parts


# Reading


def refuse(
    tree: Tree, group: Group, why: Why, code: Code, right: str = "", element: int = 1, component: int = 1
) -> NoReturn:
    """Say what is wrong with one element of one segment."""
    said = group.segment.text(element, component)
    raise FlawedError(
        Flaw(
            why=why,
            code=code,
            message=tree.message.reference,
            tag=group.segment.tag,
            segment=group.at,
            element=element,
            component=component
            if element <= len(group.segment.elements) and len(group.segment.elements[element - 1]) > 1
            else 0,
            said=short(said),
            right=right,
        )
    )


def missing(tree: Tree, tag: str, right: str) -> NoReturn:
    """Say which segment is not there; it would stand before the message's end."""
    at = len(tree.message.segments) + 2
    raise FlawedError(
        Flaw(
            why=Why.SEGMENT_MISSING, code=Code.MISSING, message=tree.message.reference, tag=tag, segment=at, right=right
        )
    )


def needed(tree: Tree, tag: str, qualifier: str) -> Group:
    found = tree.first(tag, qualifier)
    if found is None:
        missing(tree, tag, f"{tag}+{qualifier}")
    return found


def chosen(tree: Tree, group: Group, table: dict[str, T], element: int, component: int = 1) -> T:
    """What a coded value means here."""
    code = group.segment.text(element, component)
    if code not in table:
        refuse(tree, group, Why.VALUE_UNKNOWN, Code.INVALID_VALUE, ", ".join(filter(None, table)), element, component)
    return table[code]


def number_of(tree: Tree) -> tuple[str, Group]:
    begin = tree.first("BGM")
    assert begin is not None, "the structure has BGM mandatory"
    number = begin.segment.text(2)
    if not number.strip():
        refuse(tree, begin, Why.ELEMENT_MISSING, Code.MISSING, "an..35", 2)
    return number, begin


def expect_code(tree: Tree, begin: Group, *codes: str) -> None:
    if begin.segment.text(1) not in codes:
        refuse(tree, begin, Why.VALUE_UNKNOWN, Code.INVALID_VALUE, ", ".join(codes))


def instant_of(tree: Tree, group: Group) -> datetime:
    """A date, or a date and time, in UTC."""
    text, shape = group.segment.text(1, 2), group.segment.text(1, 3) or "102"
    if shape not in _DATES:
        refuse(tree, group, Why.VALUE_UNKNOWN, Code.INVALID_VALUE, ", ".join(_DATES), 1, 3)
    if len(text) != _DIGITS[shape] or not text.isascii() or not text.isdigit():
        refuse(tree, group, Why.DATE_MALFORMED, Code.INVALID_VALUE, _DATES[shape], 1, 2)
    try:
        return datetime.strptime(text, _DATES[shape]).replace(tzinfo=UTC, second=0)
    except ValueError:
        refuse(tree, group, Why.DATE_MALFORMED, Code.INVALID_VALUE, _DATES[shape], 1, 2)


def moment(tree: Tree, qualifier: str) -> datetime | None:
    found = tree.first("DTM", qualifier)
    return None if found is None else instant_of(tree, found)


def issued_at(tree: Tree) -> datetime:
    return instant_of(tree, needed(tree, "DTM", "137"))


def text_of(groups: Iterable[Group], qualifier: str) -> str:
    """The free text of a kind. Lines that another system broke between words get their space back."""
    lines: list[str] = []
    for each in groups:
        if each.segment.tag == "FTX" and each.segment.text(1) == qualifier and len(each.segment.elements) >= 4:
            lines += each.segment.elements[3]
    return joined(lines, 70)


def references_of(tree: Tree) -> tuple[Reference, ...]:
    """Those that mean something here; others are passed over."""
    kinds = {code: kind for kind, code in REFERENCES.items()}
    return tuple(
        Reference(kind=kinds[each.segment.text(1)], number=each.segment.text(1, 2))
        for each in tree.all("RFF")
        if each.segment.text(1) in kinds and each.segment.text(1, 2)
    )


def party_of(tree: Tree, *roles: str) -> Party:
    """Whoever stands there in the first of these roles."""
    for role in roles:
        found = tree.first("NAD", role)
        if found is not None:
            one = found.segment
            if not one.text(2):
                refuse(tree, found, Why.ELEMENT_MISSING, Code.MISSING, "an..35", 2)
            agency = Agency.GLN if one.text(2, 3) == GLN_AGENCY else Agency.HOUSE
            name = joined(one.elements[3][:5], 35) if len(one.elements) >= 4 else ""
            return Party(code=one.text(2), agency=agency, name=name)
    missing(tree, "NAD", f"NAD+{roles[0]}")


def address_of(tree: Tree, *roles: str) -> Address | None:
    """The address of whoever stands in the first of these roles; None where only the party is named."""
    found = next((group for role in roles if (group := tree.first("NAD", role)) is not None), None)
    if found is None or len(found.segment.elements) < 5:
        return None
    one = found.segment
    for element, right in ((5, "an..35"), (6, "an..35"), (9, "DE")):
        if not one.text(element):
            refuse(tree, found, Why.ELEMENT_MISSING, Code.MISSING, right, element)
    phones = [
        each.segment.text(1) for who in found.all("CTA") for each in who.all("COM") if each.segment.text(1, 2) == "TE"
    ]
    return Address(
        street=joined(one.elements[4], 35, ", "),
        city=one.text(6),
        postcode=one.text(8),
        country=one.text(9),
        phone=phones[0] if phones else "",
    )


def place_of(tree: Tree) -> Place | None:
    """Terms of delivery, if the message has any. A day that is not said is the day of the document."""
    terms = tree.first("TOD")
    if terms is None:
        return None
    country = next((each.segment.text(2) for each in terms.all("LOC", "1")), "")
    first, last, only = moment(tree, "64"), moment(tree, "63"), moment(tree, "2")
    issued = issued_at(tree)
    transport = tree.first("TDT", "20")
    modes = {code: name for name, code in TRANSPORTS.items()} | {"": "any"}
    return Place(
        term=terms.segment.text(3),
        country=country,
        place=joined(terms.segment.elements[2][3:5], 70),
        from_date=(first or only or issued).date(),
        to_date=(last or only or first or issued).date(),
        transport="any" if transport is None else chosen(tree, transport, modes, 3),
        partial=any(each.segment.text(1) == "DEL" and each.segment.text(3) == "PAR" for each in tree.all("FTX")),
    )


def agreed_place_of(tree: Tree) -> Place | None:
    """Terms of delivery of a message that says what is agreed on: days without them would be read by nobody."""
    for qualifier in ("64", "63", "2"):
        day = tree.first("DTM", qualifier)
        if day is not None and tree.first("TOD") is None:
            refuse(tree, day, Why.ELEMENT_MISSING, Code.MISSING, "TOD")
    return place_of(tree)


def title_of(line: Group) -> str:
    words = [
        word for each in line.all("IMD") if len(each.segment.elements) >= 3 for word in each.segment.elements[2][3:5]
    ]
    return joined(words, 35)


def quantity_of(tree: Tree, line: Group, *qualifiers: str) -> tuple[int, str]:
    """How many, of which unit (pieces where none is said). A part of a unit is refused."""
    for qualifier in qualifiers:
        found = line.first("QTY", qualifier)
        if found is not None:
            quantity = whole_of(found.segment.text(1, 2))
            if quantity is None or quantity < 0:
                refuse(tree, found, Why.QUANTITY_MALFORMED, Code.INVALID_VALUE, "1, 2, 3 …", 1, 2)
            return quantity, found.segment.text(1, 3) or "C62"
    at = line.at
    raise FlawedError(
        Flaw(
            why=Why.SEGMENT_MISSING,
            code=Code.MISSING,
            message=tree.message.reference,
            tag="QTY",
            segment=at,
            right=f"QTY+{qualifiers[0]}",
        )
    )


def line_number(tree: Tree, line: Group, seen: set[int]) -> int:
    """Its own number, which no other line of the message has; its place where it has none."""
    text = line.segment.text(1)
    n = len(seen) + 1 if not text else whole_of(text)
    if n is None or n < 1 or n in seen:
        refuse(tree, line, Why.LINE_NUMBER, Code.INVALID_VALUE, "1, 2, 3 …")
    seen.add(n)
    return n


def check_line_count(tree: Tree, lines: int) -> None:
    """CNT+2 counts the lines of goods."""
    count = tree.first("CNT", "2")
    if count is not None and whole_of(count.segment.text(1, 2)) != lines:
        refuse(tree, count, Why.LINE_COUNT, Code.COUNT_WRONG, str(lines), 1, 2)


def minutes(at: datetime) -> datetime:
    """The instant as documents know it: to the minute, in UTC."""
    return at.astimezone(UTC).replace(second=0, microsecond=0)
