"""EDIFACT syntax, version 3 (ISO 9735:1988 with amendment 1), character set UNOC: segments and envelopes to bytes and back. Pure.

It knows nothing of what a segment means. Reading is `market.documents.edifact_reader`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from msgspec import Struct

from market.documents.flaws import Flaw

LONGEST_REFERENCE = 14
MARKS = ":+.? '"

Elements = tuple[tuple[str, ...], ...]


class Segment(Struct, frozen=True):
    """A tag and its data elements, each a tuple of its components."""

    tag: str
    elements: Elements = ()

    def text(self, element: int, component: int = 1) -> str:
        """A component by its places, counted from 1; empty where there is none."""
        if element > len(self.elements) or component > len(self.elements[element - 1]):
            return ""
        return self.elements[element - 1][component - 1]


class Message(Struct, frozen=True, kw_only=True):
    """What stands between UNH and UNT. Segments are counted from UNH as 1, so the first of these is number 2."""

    reference: str
    type: str
    version: str = "D"
    release: str = "96A"
    agency: str = "UN"
    segments: tuple[Segment, ...] = ()


class Envelope(Struct, frozen=True, kw_only=True):
    """From whom, to whom, when, and the reference under which the interchange is acknowledged."""

    sender: str
    recipient: str
    prepared_at: datetime
    reference: str
    sender_qualifier: str = "ZZ"
    recipient_qualifier: str = "ZZ"
    wants_answer: bool = False
    is_test: bool = False


class Interchange(Struct, frozen=True, kw_only=True):
    envelope: Envelope
    messages: tuple[Message, ...] = ()


class Reading(Struct, frozen=True, kw_only=True):
    """What could be read. Without an envelope nobody knows whom to answer. With flaws nothing of it may have an effect; one
    that is not whole may come again, whole, under its reference.
    """

    envelope: Envelope | None
    messages: tuple[Message, ...] = ()
    flaws: tuple[Flaw, ...] = ()
    is_whole: bool = True


def segment(tag: str, *elements: str | Iterable[str]) -> Segment:
    """A segment as it is written: what is empty at an end of an element or of the segment is left away."""
    parts = [(each,) if isinstance(each, str) else tuple(each) for each in elements]
    kept = [trimmed(part) for part in parts]
    while kept and kept[-1] == ("",):
        kept.pop()
    return Segment(tag, tuple(kept))


def write(interchange: Interchange) -> bytes:
    """The interchange as bytes. Every text must be one that ISO 8859-1 carries (`market.documents.texts.carried`)."""
    head = interchange.envelope
    lines = [segment_text(_unb(head))]
    for message in interchange.messages:
        lines += [segment_text(each) for each in _framed(message)]
    lines.append(segment_text(segment("UNZ", str(len(interchange.messages)), head.reference)))
    return ("UNA" + MARKS + "\n" + "\n".join(lines) + "\n").encode("iso-8859-1")


def segment_text(one: Segment) -> str:
    """One segment with its terminator."""
    return "+".join([one.tag, *(":".join(map(_released, element)) for element in one.elements)]) + "'"


def _framed(message: Message) -> Iterator[Segment]:
    kind = (message.type, message.version, message.release, message.agency)
    yield segment("UNH", message.reference, kind)
    yield from message.segments
    yield segment("UNT", str(len(message.segments) + 2), message.reference)


def _unb(head: Envelope) -> Segment:
    at = head.prepared_at.astimezone(UTC)
    return segment(
        "UNB",
        ("UNOC", "3"),
        (head.sender, head.sender_qualifier),
        (head.recipient, head.recipient_qualifier),
        (f"{at:%y%m%d}", f"{at:%H%M}"),
        head.reference,
        "",
        "",
        "",
        "1" if head.wants_answer else "",
        "",
        "1" if head.is_test else "",
    )


def _released(text: str) -> str:
    return re.sub(r"[?+:']", r"?\g<0>", text)


def trimmed(parts: tuple[str, ...]) -> tuple[str, ...]:
    """Without the empty components at the end; one is left."""
    kept = list(parts) or [""]
    while len(kept) > 1 and not kept[-1]:
        kept.pop()
    return tuple(kept)
