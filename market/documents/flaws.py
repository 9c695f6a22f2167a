"""What is wrong with a document that came in: where, why, and the code by which CONTRL says it. Pure."""

from __future__ import annotations

import re
from enum import IntEnum, StrEnum

from msgspec import Struct

LONGEST_SAID = 60


class Code(IntEnum):
    """Syntax error, coded (data element 0085 of the service code list)."""

    SYNTAX_NOT_SUPPORTED = 2
    NOT_THE_RECIPIENT = 7
    INVALID_VALUE = 12
    MISSING = 13
    VALUE_NOT_SUPPORTED = 14
    NOT_SUPPORTED_HERE = 15
    TOO_MANY_CONSTITUENTS = 16
    NO_AGREEMENT = 17
    UNSPECIFIED = 18
    INVALID_DECIMAL = 19
    INVALID_AS_SERVICE_CHARACTER = 20
    INVALID_CHARACTER = 21
    UNKNOWN_SENDER = 23
    DUPLICATE = 26
    REFERENCES_DIFFER = 28
    COUNT_WRONG = 29
    EMPTY = 32
    TOO_MANY_REPETITIONS = 35
    WRONG_KIND_OF_CHARACTER = 37
    TOO_LONG = 39


class Why(StrEnum):
    """Why a document is refused, roughly in the order of testing; the sentence is `documents.flaw.<value>`."""

    TOO_LARGE = "too_large"
    NOT_READABLE = "not_readable"
    SERVICE_CHARACTERS = "service_characters"
    CHARACTER_SET = "character_set"
    SYNTAX_VERSION = "syntax_version"
    CHARACTER = "character"
    CUT_OFF = "cut_off"
    TAG_MALFORMED = "tag_malformed"
    TOO_MANY_PARTS = "too_many_parts"
    NO_MESSAGE = "no_message"
    GROUPS_NOT_USED = "groups_not_used"
    TRAILER_MISSING = "trailer_missing"
    SEGMENT_COUNT = "segment_count"
    MESSAGE_COUNT = "message_count"
    REFERENCE_DIFFERS = "reference_differs"
    REFERENCE_TWICE = "reference_twice"
    RECIPIENT_UNKNOWN = "recipient_unknown"
    SENDER_UNKNOWN = "sender_unknown"
    DUPLICATE_REFERENCE = "duplicate_reference"
    TYPE_UNKNOWN = "type_unknown"
    VERSION_UNKNOWN = "version_unknown"
    SEGMENT_UNKNOWN = "segment_unknown"
    SEGMENT_MISPLACED = "segment_misplaced"
    SEGMENT_MISSING = "segment_missing"
    SEGMENT_TOO_OFTEN = "segment_too_often"
    ELEMENT_MISSING = "element_missing"
    ELEMENT_TOO_LONG = "element_too_long"
    NOT_A_NUMBER = "not_a_number"
    VALUE_UNKNOWN = "value_unknown"
    DATE_MALFORMED = "date_malformed"
    QUANTITY_MALFORMED = "quantity_malformed"
    TOO_PRECISE = "too_precise"
    LINE_NUMBER = "line_number"
    LINE_SUM = "line_sum"
    TOTAL = "total"
    LINE_COUNT = "line_count"
    TAX_NOT_AGREED = "tax_not_agreed"
    CURRENCY_DIFFERS = "currency_differs"
    PARTY_UNKNOWN = "party_unknown"
    PARTY_NOT_YOURS = "party_not_yours"
    REFERENCE_UNKNOWN = "reference_unknown"
    DIFFERS_FROM_AGREED = "differs_from_agreed"
    NO_AGREEMENT = "no_agreement"
    NOT_RECEIVED_HERE = "not_received_here"
    REFUSED = "refused"


class Flaw(Struct, frozen=True, kw_only=True):
    """One fault. In EDIFACT `segment` counts from the message's UNH as 1 (0: the interchange's own UNB and UNZ), `element`
    and `component` from 1 (0: the whole); in UBL `path` says it. `said` is what stood there, `right` what would be right.
    """

    why: Why
    code: Code
    tag: str = ""
    segment: int = 0
    element: int = 0
    component: int = 0
    message: str = ""
    """The reference of the message (UNH 0062) that the fault is in; empty: the interchange."""
    path: str = ""
    said: str = ""
    right: str = ""


class FlawedError(Exception):
    """Carries a flaw out of the reading of one document, to the function that gives it back as a value."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw.why)
        self.flaw = flaw


CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def visible(text: str) -> str:
    """What stood there, a hyphen for each character that no text may have: it is kept, and goes back in the answer."""
    return CONTROL.sub("-", text)


def short(text: str) -> str:
    """What stood there, visible and bounded."""
    text = visible(text)
    return text if len(text) <= LONGEST_SAID else text[: LONGEST_SAID - 1] + "…"
