"""What stands where: the segments of D.96A that the house reads and writes, each message's order of them, and the judge of both. Pure.

This is a subset of UN/EDIFACT D.96A (and of CONTRL, D.3): whatever is legal here is legal there. What is legal there and has
no place here would be an agreement that nobody would keep (an allowance, a schedule of deliveries), so it is refused by name.
"""

from __future__ import annotations

import re
from functools import cache

from msgspec import Struct

from market.documents.edifact import Message, Segment
from market.documents.flaws import Code, Flaw, FlawedError, Why, short

SEGMENTS = {
    # element or (its components); `!` must stand; an..N text, n..N number
    "BGM": "(an3 an3 an3 an35) an35 an3 an3",
    "DTM": "(an3! an35 an3)!",
    "PAI": "(an3 an3 an3 an3 an3 an3)!",
    "ALI": "an3 an3 an3 an3 an3 an3 an3",
    "FTX": "an3! an3 (an3! an3 an3) (an70! an70 an70 an70 an70) an3",
    "RFF": "(an3! an35 an6 an35)!",
    "NAD": "an3! (an35! an3 an3) (an35! an35 an35 an35 an35) (an35! an35 an35 an35 an35 an3) (an35! an35 an35 an35)"
    " an35 an9 an9 an3",
    "LOC": "an3! (an25 an3 an3 an70) (an25 an3 an3 an70) (an25 an3 an3 an70) an3",
    "CTA": "an3 (an17 an35)",
    "COM": "(an512! an3!)!",
    "TAX": "an3! (an3 an3 an3 an35) (an6! an3 an3) an15 (an7 an3 an3 an17 an12 an3 an3) an3 an20",
    "MOA": "(an3! n18 an3 an3 an3)!",
    "CUX": "(an3! an3 an3 n4) (an3! an3 an3 n4) n12 an3",
    "PAT": "an3! (an17! an3 an3 an35 an35) (an3! an3 an3 n3)",
    "TDT": "an3! an17 (an3 an17) (an8 an17) (an17 an3 an3 an35) an3 (an3! an3! an17) (an9 an3 an3 an35 an3) an3",
    "TOD": "an3 an3 (an3 an3 an3 an70 an70)",
    "LIN": "n6 an3 (an35 an3 an3 an3) (an3 n6) n2 an3",
    "PIA": "an3! (an35 an3 an3 an3)! (an35 an3 an3 an3) (an35 an3 an3 an3) (an35 an3 an3 an3) (an35 an3 an3 an3)",
    "IMD": "an3 an3 (an17 an3 an3 an35 an35 an3) an3",
    "QTY": "(an3! n15! an3)!",
    "PRI": "(an3! n15 an3 an3 n9 an3) an3",
    "UNS": "an1!",
    "CNT": "(an3! n18! an3)!",
    "DOC": "(an3 an3 an3 an35)! (an35 an3 an35 an3) an3 n2 n2",
    "CPS": "an12! an12 an3",
    "PAC": "n8 (an3 an3 an3) (an17 an3 an3 an35)",
    "QVR": "(n15! an3) an3 (an3 an3 an3 an35)",
    "GID": "n5 (n8 an17 an3 an3 an35) (n8 an17 an3 an3 an35) (n8 an17 an3 an3 an35)",
    "UCI": "an14! (an35! an4 an14)! (an35! an4 an14)! an3! an3 an3 (n3! n3)",
    "UCM": "an14! (an6! an3! an3! an2! an6)! an3! an3 an3 (n3! n3)",
    "UCS": "n6! an3",
    "UCD": "an3! (n3! n3)!",
}
_PARTY = "NAD {most} (LOC 10, RFF 9 (DTM 1), CTA 5 (COM 5))"
_ORDER_LINE = (
    "LIN {least} 200000 (PIA 25, IMD 99, QTY! 10, DTM 35, MOA 10, FTX 99, PRI 25, RFF 10 (DTM 5), TAX 10 (MOA 1),"
    " NAD 10)"
)
_QUOTE_LINE = "LIN! 200000 (PIA 25, IMD 99, QTY! 5, DTM 35, FTX 99, MOA 100, PRI 25, RFF 10 (DTM 5), TAX 10 (MOA 1))"
_QUOTE = (
    "BGM!, DTM! 35, PAI, ALI 5, FTX 99, RFF 10 (DTM 5), CUX 5 (DTM 5), PAT 10 (DTM 5), TOD 5 (LOC 2), "
    + _PARTY.format(most=99)
    + ", TDT 10 (LOC 10), "
    + _QUOTE_LINE
    + ", UNS!, MOA 12, CNT 10"
)
_ORDER = (
    "BGM!, DTM! 35, PAI, ALI 5, FTX 99, RFF 10 (DTM 5), "
    + _PARTY.format(most=99)
    + ", TAX 5 (MOA 1), CUX 5 (DTM 5), PAT 10 (DTM 5), TDT 10 (LOC 10), TOD 5 (LOC 2), "
)
STRUCTURES = {
    # TAG[!] [most] (the segments of its group); `!` must stand, no figure: once
    "REQOTE": _QUOTE,
    "QUOTES": _QUOTE,
    "ORDERS": _ORDER + _ORDER_LINE.format(least="!") + ", UNS!, MOA 12, CNT 10",
    "ORDRSP": _ORDER + _ORDER_LINE.format(least="") + ", UNS!, MOA 12, CNT 10",
    "ORDCHG": _ORDER + _ORDER_LINE.format(least="") + ", UNS!, MOA 12, CNT 10",
    "IFTMIN": "BGM!, CTA, COM 9, DTM 9, TSR 9, FTX 99, CNT 9, LOC 99 (DTM 9), TOD 2 (LOC 9), RFF 99 (DTM 9),"
    " TDT 99 (DTM 9, LOC 99), NAD! 99 (LOC 9, CTA 9 (COM 9), RFF 9), GID 999 (LOC 9, MOA 9, PIA 9, FTX 9, MEA 99,"
    " RFF 9 (DTM 9))",
    "DESADV": "BGM!, DTM 10, ALI 5, RFF 10 (DTM 1), NAD 10 (LOC 10, RFF 10 (DTM 1), CTA 10 (COM 5)), TOD 5 (LOC 5),"
    " TDT 10 (LOC 10), CPS! 9999 (FTX 5, PAC 1000, LIN 9999 (PIA 10, IMD 25, QTY! 10, ALI 10, DTM 5, FTX 5, MOA 5,"
    " RFF 10 (DTM 1))), CNT 5",
    "RECADV": "BGM!, DTM! 10, ALI 5, RFF 10 (DTM 1), NAD! 10 (LOC 10, RFF 10 (DTM 1), CTA 10 (COM 5)), TDT 10 (DTM 10),"
    " CPS 9999 (PAC 1000, LIN 9999 (PIA 10, IMD 25, QTY! 10, QVR 10, DTM 5, RFF 10 (DTM 1))), CNT 1",
    "REMADV": "BGM!, DTM! 5, RFF 5, PAI, FTX 5, NAD 99 (CTA 5 (COM 5)), CUX 5 (DTM 1), DOC! 9999 (MOA! 5, DTM 5, RFF 5,"
    " AJT 100 (MOA 1, FTX 5)), UNS!, MOA! 5",
    "INVOIC": "BGM!, DTM! 35, PAI, ALI 5, FTX 10, RFF 99 (DTM 5), "
    + _PARTY.format(most=99)
    + ", TAX 5 (MOA 1), CUX 5 (DTM 5), PAT 10 (DTM 5), TDT 10 (LOC 10), TOD 5 (LOC 2), LIN 9999999 (PIA 25, IMD 10,"
    " QTY! 5, DTM 35, FTX 5, MOA 5, PRI 25, RFF 10 (DTM 5), TAX 99 (MOA 1)), UNS!, CNT 10, MOA! 100, TAX 10 (MOA 2)",
    "CONTRL": "UCI!, UCM 999999 (UCS 999 (UCD 99))",
}
SEGMENTS |= {
    "TSR": "(an3! an3 an3) (an3! an3 an3 an3 an3 an3) (an3! an3 an3) (an3! an3 an3)",
    "MEA": "an3! (an3 an3 an3 an70) (an3! n18 n18 n18 n2) an3",
    "AJT": "an3! n6",
}
_NUMBER = re.compile(r"-?([0-9]+(\.[0-9]+)?|\.[0-9]+)")


class Part(Struct, frozen=True):
    """One component's format."""

    is_number: bool
    longest: int
    must: bool


class ElementFormat(Struct, frozen=True):
    parts: tuple[Part, ...]
    must: bool


class Place(Struct, frozen=True):
    """One segment of a message's order, with what may follow it in its group."""

    tag: str
    least: int
    most: int
    within: tuple[Place, ...] = ()


class Group(Struct, frozen=True):
    """A segment as it stood (`at` counts from UNH as 1) and the segments of its group."""

    segment: Segment
    at: int
    within: tuple[Group, ...] = ()

    def all(self, tag: str, qualifier: str = "", at: int = 1) -> list[Group]:
        """The group's own segments of a tag; with a qualifier only those whose element `at` begins with it."""
        return _chosen(self.within, tag, qualifier, at)

    def first(self, tag: str, qualifier: str = "", at: int = 1) -> Group | None:
        return next(iter(self.all(tag, qualifier, at)), None)


class Tree(Struct, frozen=True):
    """A whole message in its order."""

    message: Message
    groups: tuple[Group, ...]

    def all(self, tag: str, qualifier: str = "", at: int = 1) -> list[Group]:
        return _chosen(self.groups, tag, qualifier, at)

    def first(self, tag: str, qualifier: str = "", at: int = 1) -> Group | None:
        return next(iter(self.all(tag, qualifier, at)), None)


def _chosen(groups: tuple[Group, ...], tag: str, qualifier: str, at: int) -> list[Group]:
    return [one for one in groups if one.segment.tag == tag and (not qualifier or one.segment.text(at) == qualifier)]


def tree_of(message: Message) -> Tree | Flaw:
    """The message in the order of its type, each segment judged; or the first fault."""
    if message.type not in STRUCTURES:
        return _head_flaw(message, Why.TYPE_UNKNOWN, 1, message.type, ", ".join(STRUCTURES))
    release = "3" if message.type == "CONTRL" else "96A"
    given = (message.version, message.release, message.agency)
    if given != ("D", release, "UN"):
        return _head_flaw(message, Why.VERSION_UNKNOWN, 2, ":".join(given), f"D:{release}:UN")
    try:
        groups, end = _groups(message, structure_of(message.type), 0)
        if end < len(message.segments):
            raise FlawedError(_misplaced(message, end))
    except FlawedError as error:
        return error.flaw
    return Tree(message, groups)


def _groups(
    message: Message, places: tuple[Place, ...], start: int, after: frozenset[str] = frozenset()
) -> tuple[tuple[Group, ...], int]:
    """The groups from `start` on, and where they end; `after` are the tags that may follow them."""
    groups: list[Group] = []
    at = start
    for position, place in enumerate(places):
        found, later = 0, after | {other.tag for other in places[position:]}
        while at < len(message.segments) and message.segments[at].tag == place.tag:
            found += 1
            if found > place.most:
                raise FlawedError(
                    _flaw(message, at, Why.SEGMENT_TOO_OFTEN, Code.TOO_MANY_REPETITIONS, f"≤ {place.most}")
                )
            check_elements(message, at)
            within, end = _groups(message, place.within, at + 1, later)
            groups.append(Group(message.segments[at], at + 2, within))
            at = end
        if found < place.least:
            if at < len(message.segments) and message.segments[at].tag not in later:
                raise FlawedError(_misplaced(message, at))
            raise FlawedError(
                Flaw(
                    why=Why.SEGMENT_MISSING,
                    code=Code.MISSING,
                    message=message.reference,
                    tag=place.tag,
                    segment=at + 2,
                    right=place.tag,
                )
            )
    return tuple(groups), at


def check_elements(message: Message, at: int) -> None:
    """Whether the elements of one segment have their lengths and kinds. Raises FlawedError."""
    one, formats = message.segments[at], format_of(message.segments[at].tag)
    if len(one.elements) > len(formats):
        raise FlawedError(_flaw(message, at, Why.TOO_MANY_PARTS, Code.TOO_MANY_CONSTITUENTS, f"≤ {len(formats)}"))
    for place, wanted in enumerate(formats, start=1):
        given = one.elements[place - 1] if place <= len(one.elements) else ()
        is_empty = not any(given)
        if is_empty:
            if wanted.must:
                raise FlawedError(_flaw(message, at, Why.ELEMENT_MISSING, Code.MISSING, "", place))
            continue
        if len(given) > len(wanted.parts):
            right = f"≤ {len(wanted.parts)}"
            raise FlawedError(_flaw(message, at, Why.TOO_MANY_PARTS, Code.TOO_MANY_CONSTITUENTS, right, place))
        for component, part in enumerate(wanted.parts, start=1):
            _check_part(message, at, place, component, part)


def _check_part(message: Message, at: int, place: int, component: int, part: Part) -> None:
    text = message.segments[at].text(place, component)
    shape = f"{'n' if part.is_number else 'an'}..{part.longest}"
    if not text:
        if part.must:
            raise FlawedError(_flaw(message, at, Why.ELEMENT_MISSING, Code.MISSING, shape, place, component))
        return
    if part.is_number and not _NUMBER.fullmatch(text):
        code = Code.WRONG_KIND_OF_CHARACTER
        raise FlawedError(_flaw(message, at, Why.NOT_A_NUMBER, code, shape, place, component))
    length = len(text.replace("-", "").replace(".", "")) if part.is_number else len(text)
    if length > part.longest:
        raise FlawedError(_flaw(message, at, Why.ELEMENT_TOO_LONG, Code.TOO_LONG, shape, place, component))


def _flaw(message: Message, at: int, why: Why, code: Code, right: str, element: int = 0, component: int = 0) -> Flaw:
    one = message.segments[at]
    return Flaw(
        why=why,
        code=code,
        message=message.reference,
        tag=one.tag,
        segment=at + 2,
        element=element,
        component=component,
        said=short(one.text(element, max(component, 1))) if element else "",
        right=right,
    )


def _misplaced(message: Message, at: int) -> Flaw:
    tag = message.segments[at].tag
    why = Why.SEGMENT_MISPLACED if tag in _tags_of(message.type) else Why.SEGMENT_UNKNOWN
    return _flaw(message, at, why, Code.NOT_SUPPORTED_HERE, "")


def _head_flaw(message: Message, why: Why, component: int, said: str, right: str) -> Flaw:
    return Flaw(
        why=why,
        code=Code.VALUE_NOT_SUPPORTED,
        message=message.reference,
        tag="UNH",
        segment=1,
        element=2,
        component=component,
        said=short(said),
        right=right,
    )


@cache
def structure_of(kind: str) -> tuple[Place, ...]:
    """The order of one message's segments."""
    words = re.findall(r"[A-Z]{3}!?|\d+|[(),]", STRUCTURES[kind])
    places, rest = _places(words)
    assert not rest, f"{kind}: {rest}"
    return places


def _places(words: list[str]) -> tuple[tuple[Place, ...], list[str]]:
    places: list[Place] = []
    while words and words[0] != ")":
        word, words = words[0], words[1:]
        if word == ",":
            continue
        least, most = (1 if word.endswith("!") else 0), 1
        if words and words[0].isdigit():
            most, words = int(words[0]), words[1:]
        within: tuple[Place, ...] = ()
        if words and words[0] == "(":
            within, words = _places(words[1:])
            words = words[1:]
        places.append(Place(word[:3], least, most, within))
    return tuple(places), words


@cache
def _tags_of(kind: str) -> frozenset[str]:
    return frozenset(re.findall(r"[A-Z]{3}", STRUCTURES[kind]))


@cache
def format_of(tag: str) -> tuple[ElementFormat, ...]:
    """The formats of one segment's elements."""
    formats = []
    for word in re.findall(r"\([^)]*\)!?|\S+", SEGMENTS[tag]):
        parts = tuple(
            Part(kind == "n", int(longest), bool(must)) for kind, longest, must in re.findall(r"(an|n)(\d+)(!?)", word)
        )
        must = word.endswith(")!") or (not word.startswith("(") and word.endswith("!"))
        formats.append(ElementFormat(parts, must))
    return tuple(formats)
