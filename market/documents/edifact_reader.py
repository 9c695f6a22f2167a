"""Bytes of an EDIFACT interchange, syntax version 3, to segments and envelopes; or what keeps them from being read. Pure.

One pass, a bound on everything that is counted, and for each fault the place where it stands. What the messages mean, and
whether their segments may stand where they stand, is asked elsewhere (`market.documents.structures`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec import structs

from market.documents.edifact import LONGEST_REFERENCE, MARKS, Envelope, Message, Reading, Segment, trimmed
from market.documents.flaws import CONTROL, LONGEST_SAID, Code, Flaw, FlawedError, Why, short, visible

BOM = b"\xef\xbb\xbf"
LARGEST_BYTES = 1024 * 1024
MOST_SEGMENTS = 10_000
MOST_MESSAGES = 100
MOST_ELEMENTS = 30
MOST_COMPONENTS = 12
CHARACTER_SETS = ("UNOA", "UNOB", "UNOC")
_TAG = re.compile(r"[A-Z]{3}")
_TIMES = {(6, 4): "%y%m%d%H%M", (8, 4): "%Y%m%d%H%M"}


def read(data: bytes) -> Reading:
    """One interchange, or why it can't be had. Of its messages only the envelopes are judged here. Of one that can't be read
    to its end the envelope is there all the same, if it could be read, so that its sender can be answered.
    """
    if len(data) > LARGEST_BYTES:
        return _unreadable(Why.TOO_LARGE, Code.UNSPECIFIED, right=f"≤ {LARGEST_BYTES} bytes")
    segments: list[Segment] = []
    fault: Flaw | None = None
    flaws: list[Flaw] = []
    try:
        _segments(data.removeprefix(BOM).decode("iso-8859-1"), segments)
    except FlawedError as error:
        fault = error.flaw
    if not segments or segments[0].tag != "UNB":
        said = segments[0].tag if segments else short(data[:LONGEST_SAID].decode("iso-8859-1"))
        missing = Flaw(why=Why.NOT_READABLE, code=Code.MISSING, said=said, right="UNB")
        return Reading(envelope=None, flaws=(fault if fault is not None and not segments else missing,))
    try:
        envelope = _envelope(segments[0], flaws)
    except FlawedError as error:
        return Reading(envelope=None, flaws=(error.flaw,))
    if fault is not None:
        return _broken(segments, envelope, flaws, fault)
    messages = _messages(segments, envelope, flaws)
    return Reading(envelope=envelope, messages=tuple(messages), flaws=tuple(flaws))


def _broken(segments: list[Segment], envelope: Envelope, flaws: list[Flaw], fault: Flaw) -> Reading:
    """What stands before the fault, and in which message the fault is."""
    tags = [each.tag for each in segments]
    start = max((at for at, tag in enumerate(tags) if tag == "UNH"), default=0)
    if not start or "UNT" in tags[start:]:
        return Reading(envelope=envelope, flaws=(*flaws, fault), is_whole=False)
    inside = _message(segments[start:], None, [])
    placed = structs.replace(fault, message=inside.reference, segment=len(segments) - start + 1)
    return Reading(envelope=envelope, messages=(inside,), flaws=(*flaws, placed), is_whole=False)


def _unreadable(why: Why, code: Code, said: str = "", right: str = "") -> Reading:
    return Reading(envelope=None, flaws=(Flaw(why=why, code=code, said=short(said), right=right),))


def _segments(text: str, segments: list[Segment]) -> None:
    """All segments, put into the list. One pass over the text; a bound on everything that is counted. Raises FlawedError."""
    marks, at = _marks(text)
    component, element, decimal, release, _, end = tuple(marks)
    splitter = re.compile("[" + re.escape(component + element + release.strip() + end) + "]")
    elements: list[tuple[str, ...]] = []
    components: list[str] = []
    piece: list[str] = []
    size = len(text)
    while True:
        found = splitter.search(text, at)
        if found is None:
            if text[at:].strip("\r\n ") or elements or components or piece:
                raise FlawedError(Flaw(why=Why.CUT_OFF, code=Code.MISSING, said=short(text[at:]), right=end))
            break
        piece.append(text[at : found.start()])
        at = found.end()
        mark = found.group()
        if mark == release:
            if at >= size:
                raise FlawedError(Flaw(why=Why.CUT_OFF, code=Code.MISSING, right=end))
            piece.append(text[at])
            at += 1
            continue
        components.append("".join(piece))
        piece = []
        if mark == component:
            _bounded(components, MOST_COMPONENTS, len(segments))
            continue
        elements.append(tuple(components))
        components = []
        if mark == element:
            _bounded(elements, MOST_ELEMENTS, len(segments))
            continue
        segments.append(_pointed(_segment(elements), decimal))
        _bounded(segments, MOST_SEGMENTS, len(segments))
        elements = []


def _marks(text: str) -> tuple[str, int]:
    """The six service characters and where the segments begin."""
    at = len(text) - len(text.lstrip("\ufeff\r\n\t "))
    if text[at : at + 3] != "UNA":
        return MARKS, at
    marks = text[at + 3 : at + 9]
    kept = marks[:4] + marks[5:]
    fine = len(marks) == 6 and len(set(kept)) == 5 and marks[2] in ".," and marks[4] in " *"
    # A space where the release character stands says that there is none.
    if not fine or any(mark.isalnum() or not " " < mark < "\x7f" for mark in kept[:3] + kept[3].strip() + kept[4]):
        right = "UNA" + MARKS
        raise FlawedError(
            Flaw(why=Why.SERVICE_CHARACTERS, code=Code.INVALID_AS_SERVICE_CHARACTER, said=short(marks), right=right)
        )
    return marks, at + 9


def _segment(elements: list[tuple[str, ...]]) -> Segment:
    tag = elements[0][0].lstrip("\r\n ")
    if not _TAG.fullmatch(tag) or len(elements[0]) > 1:
        raise FlawedError(Flaw(why=Why.TAG_MALFORMED, code=Code.INVALID_VALUE, said=short(tag), right="BGM"))
    rest = [trimmed(part) for part in elements[1:]]
    while rest and rest[-1] == ("",):
        rest.pop()
    return Segment(tag, tuple(rest))


_NUMBERS_AT = {
    "MOA": (1, 2),
    "QTY": (1, 2),
    "PRI": (1, 2),
    "CNT": (1, 2),
    "PCD": (1, 2),
    "QVR": (1, 1),
    "TAX": (5, 4),
    "MEA": (3, 2),
}


def _pointed(one: Segment, decimal: str) -> Segment:
    """With a point for the decimal mark of a number: ISO 9735 has point and comma stand for each other, whatever UNA says."""
    element, component = _NUMBERS_AT.get(one.tag, (0, 0))
    text = one.text(element, component) if element else ""
    if "," not in text and decimal not in text:
        return one
    elements = [list(each) for each in one.elements]
    elements[element - 1][component - 1] = text.replace(decimal, ".").replace(",", ".")
    return Segment(one.tag, tuple(map(tuple, elements)))


def _bounded(parts: list[str] | list[tuple[str, ...]] | list[Segment], most: int, segment_at: int) -> None:
    if len(parts) > most:
        raise FlawedError(
            Flaw(why=Why.TOO_MANY_PARTS, code=Code.TOO_MANY_CONSTITUENTS, said=f"#{segment_at + 1}", right=f"≤ {most}")
        )


def _envelope(unb: Segment, flaws: list[Flaw]) -> Envelope:
    """From whom, to whom, under which reference: without these nobody can be answered, so it raises FlawedError. What else is
    wrong goes to `flaws`.
    """
    charset, version = unb.text(1, 1), unb.text(1, 2)
    if charset not in CHARACTER_SETS:
        flaws.append(_unb_flaw(Why.CHARACTER_SET, Code.SYNTAX_NOT_SUPPORTED, 1, 1, charset, "UNOC"))
    if version not in ("1", "2", "3"):
        flaws.append(_unb_flaw(Why.SYNTAX_VERSION, Code.SYNTAX_NOT_SUPPORTED, 1, 2, version, "3"))
    for element, longest in ((2, 35), (3, 35), (5, LONGEST_REFERENCE)):
        text = unb.text(element)
        if not text:
            raise FlawedError(_unb_flaw(Why.ELEMENT_MISSING, Code.MISSING, element, 1, "", f"an..{longest}"))
        if len(text) > longest:
            raise FlawedError(_unb_flaw(Why.ELEMENT_TOO_LONG, Code.TOO_LONG, element, 1, text, f"an..{longest}"))
        if CONTROL.search(text):
            raise FlawedError(_unb_flaw(Why.CHARACTER, Code.INVALID_CHARACTER, element, 1, "", "ISO 8859-1"))
    return Envelope(
        sender=unb.text(2),
        sender_qualifier=visible(unb.text(2, 2)[:4]),
        recipient=unb.text(3),
        recipient_qualifier=visible(unb.text(3, 2)[:4]),
        prepared_at=_prepared_at(unb, flaws),
        reference=unb.text(5),
        wants_answer=unb.text(9) == "1",
        is_test=unb.text(11) == "1",
    )


def _prepared_at(unb: Segment, flaws: list[Flaw]) -> datetime:
    day, clock = unb.text(4, 1), unb.text(4, 2)
    shape = _TIMES.get((len(day), len(clock)))
    try:
        if shape is None or not (day + clock).isascii() or not (day + clock).isdigit():
            raise ValueError
        return datetime.strptime(day + clock, shape).replace(tzinfo=UTC)
    except ValueError:
        flaws.append(_unb_flaw(Why.DATE_MALFORMED, Code.INVALID_VALUE, 4, 1, f"{day}:{clock}", "YYMMDD:HHMM"))
        return datetime(1970, 1, 1, tzinfo=UTC)


def _unb_flaw(why: Why, code: Code, element: int, component: int, said: str, right: str) -> Flaw:
    return Flaw(why=why, code=code, tag="UNB", element=element, component=component, said=short(said), right=right)


def _messages(segments: list[Segment], head: Envelope, flaws: list[Flaw]) -> list[Message]:
    """The messages between UNB and UNZ; what is wrong with their frames goes to `flaws`."""
    last = segments[-1]
    body = segments[1:]
    if last.tag != "UNZ":
        flaws.append(Flaw(why=Why.TRAILER_MISSING, code=Code.MISSING, tag="UNZ", right="UNZ"))
    else:
        body = segments[1:-1]
        if last.text(2) != head.reference:
            flaws.append(_frame_flaw(Why.REFERENCE_DIFFERS, Code.REFERENCES_DIFFER, "UNZ", 2, last, head.reference))
    messages: list[Message] = []
    at = 0
    while at < len(body):
        if body[at].tag != "UNH":
            why = Why.GROUPS_NOT_USED if body[at].tag in ("UNG", "UNE") else Why.SEGMENT_MISPLACED
            flaws.append(Flaw(why=why, code=Code.NOT_SUPPORTED_HERE, tag=body[at].tag, said=body[at].tag, right="UNH"))
            return messages
        end = next((n for n in range(at + 1, len(body)) if body[n].tag in ("UNT", "UNH")), len(body))
        messages.append(_message(body[at:end], body[end] if end < len(body) else None, flaws))
        if end == len(body) or body[end].tag == "UNH":
            return messages
        at = end + 1
    if last.tag == "UNZ" and _count(last.text(1)) != len(messages):
        flaws.append(_frame_flaw(Why.MESSAGE_COUNT, Code.COUNT_WRONG, "UNZ", 1, last, str(len(messages))))
    if not messages:
        flaws.append(Flaw(why=Why.NO_MESSAGE, code=Code.EMPTY, tag="UNB", right="UNH"))
    if len(messages) > MOST_MESSAGES:
        flaws.append(Flaw(why=Why.TOO_MANY_PARTS, code=Code.UNSPECIFIED, tag="UNB", right=f"≤ {MOST_MESSAGES}"))
    seen: set[str] = set()
    for message in messages:
        if message.reference in seen:
            flaws.append(
                _unh_flaw(Why.REFERENCE_TWICE, Code.DUPLICATE, message.reference, 1, message.reference, "a new one")
            )
            break
        seen.add(message.reference)
    return messages


def _message(segments: list[Segment], unt: Segment | None, flaws: list[Flaw]) -> Message:
    unh = segments[0]
    reference = unh.text(1)
    message = Message(
        reference=visible(reference[:LONGEST_REFERENCE]),
        type=visible(unh.text(2, 1)[:6]),
        version=visible(unh.text(2, 2)[:3]),
        release=visible(unh.text(2, 3)[:3]),
        agency=visible(unh.text(2, 4)[:2]),
        segments=tuple(segments[1:]),
    )
    if not 1 <= len(reference) <= LONGEST_REFERENCE:
        why, code = (Why.ELEMENT_MISSING, Code.MISSING) if not reference else (Why.ELEMENT_TOO_LONG, Code.TOO_LONG)
        flaws.append(_unh_flaw(why, code, message.reference, 1, reference, f"an..{LONGEST_REFERENCE}"))
    for at, one in enumerate(segments, start=1):
        fault = next(_characters(one), None)
        if fault is not None:
            flaws.append(
                Flaw(
                    why=Why.CHARACTER,
                    code=Code.INVALID_CHARACTER,
                    message=message.reference,
                    tag=one.tag,
                    segment=at,
                    element=fault[0],
                    component=fault[1],
                    right="ISO 8859-1",
                )
            )
            break
    at = len(segments) + 1
    if unt is None or unt.tag != "UNT":
        flaws.append(
            Flaw(
                why=Why.TRAILER_MISSING,
                code=Code.MISSING,
                message=message.reference,
                tag="UNT",
                segment=at,
                said="" if unt is None else unt.tag,
                right="UNT",
            )
        )
        return message
    if _count(unt.text(1)) != at:
        flaws.append(
            Flaw(
                why=Why.SEGMENT_COUNT,
                code=Code.COUNT_WRONG,
                message=message.reference,
                tag="UNT",
                segment=at,
                element=1,
                said=short(unt.text(1)),
                right=str(at),
            )
        )
    if unt.text(2) != reference:
        flaws.append(
            Flaw(
                why=Why.REFERENCE_DIFFERS,
                code=Code.REFERENCES_DIFFER,
                message=message.reference,
                tag="UNT",
                segment=at,
                element=2,
                said=short(unt.text(2)),
                right=message.reference,
            )
        )
    return message


def _characters(one: Segment) -> Iterator[tuple[int, int]]:
    for element, parts in enumerate(one.elements, start=1):
        for component, text in enumerate(parts, start=1):
            if CONTROL.search(text):
                yield element, component


def _count(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else -1


def _frame_flaw(why: Why, code: Code, tag: str, element: int, one: Segment, right: str) -> Flaw:
    return Flaw(why=why, code=code, tag=tag, element=element, said=short(one.text(element)), right=right)


def _unh_flaw(why: Why, code: Code, message: str, element: int, said: str, right: str) -> Flaw:
    return Flaw(
        why=why, code=code, message=message, tag="UNH", segment=1, element=element, said=short(said), right=right
    )
