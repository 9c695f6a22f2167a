"""ISO 8583:1987 as the house and its bank speak it: messages to bytes and back, and frames on a stream. Pure.

Figures and letters are ASCII, the bitmap is binary, a frame is two bytes of length and the message. Every message ends
with data element 128, a keyed hash of all before it, so that only who shares the key is heard. `docs/gateway.md` lists
the fields; what is not listed is refused with its position.

    MalformedError   the bytes are no message of ours; the text names the element or the place
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from enum import Enum
from hashlib import sha256
from typing import NamedTuple

from msgspec import Struct

LARGEST_FRAME = 2048
MAC_ELEMENT, MAC_BYTES = 128, 8
_HEADER_BYTES, _MTI_FIGURES, _BITMAP_BYTES = 2, 4, 8

CURRENCY_CODES = {"CNY": "156", "USD": "840", "EUR": "978", "GBP": "826", "HKD": "344", "JPY": "392", "KWD": "414"}
"""ISO 4217: letters → figures, as data element 49 has them."""
CURRENCIES = {code: letters for letters, code in CURRENCY_CODES.items()}

AUTHORISE, AUTHORISE_ANSWER = "0100", "0110"
CAPTURE, CAPTURE_AGAIN, CAPTURE_ANSWER = "0220", "0221", "0230"
REVERSE, REVERSE_AGAIN, REVERSE_ANSWER = "0420", "0421", "0430"
NETWORK, NETWORK_ANSWER = "0800", "0810"
SIGN_ON, ECHO = "001", "301"
"""Data element 70 of a network message."""
ANSWER_TO = {
    AUTHORISE: AUTHORISE_ANSWER,
    CAPTURE: CAPTURE_ANSWER,
    CAPTURE_AGAIN: CAPTURE_ANSWER,
    REVERSE: REVERSE_ANSWER,
    REVERSE_AGAIN: REVERSE_ANSWER,
    NETWORK: NETWORK_ANSWER,
}
APPROVED, PARTLY_APPROVED, IN_PROGRESS = "00", "10", "09"
"""Data element 39 when something was approved, and when nothing is decided yet."""


class MalformedError(ValueError):
    """These bytes are no message of ours."""


class Kind(Enum):
    """What an element may consist of."""

    FIGURES = "n"
    LETTERS = "an"
    TEXT = "ans"
    BYTES = "b"


class Element(NamedTuple):
    """One data element: `length` exactly, or after a prefix of `prefix` figures at most so much."""

    kind: Kind
    length: int
    prefix: int = 0


ELEMENTS: Mapping[int, Element] = {
    3: Element(Kind.FIGURES, 6),
    4: Element(Kind.FIGURES, 12),
    7: Element(Kind.FIGURES, 10),
    11: Element(Kind.FIGURES, 6),
    12: Element(Kind.FIGURES, 6),
    13: Element(Kind.FIGURES, 4),
    37: Element(Kind.LETTERS, 12),
    38: Element(Kind.LETTERS, 6),
    39: Element(Kind.LETTERS, 2),
    41: Element(Kind.TEXT, 8),
    42: Element(Kind.TEXT, 15),
    48: Element(Kind.TEXT, 64, prefix=3),
    49: Element(Kind.FIGURES, 3),
    70: Element(Kind.FIGURES, 3),
    90: Element(Kind.FIGURES, 42),
    127: Element(Kind.BYTES, 999, prefix=3),
    MAC_ELEMENT: Element(Kind.BYTES, MAC_BYTES),
}


class Message(Struct, frozen=True):
    """A message type and its elements by number; the hash of element 128 is put and checked by the codec."""

    mti: str
    elements: Mapping[int, str | bytes]

    def text(self, number: int) -> str:
        """An element that must be there. Raises MalformedError."""
        value = self.elements.get(number)
        if not isinstance(value, str):
            raise MalformedError(f"element {number} is missing")
        return value

    def __repr__(self) -> str:
        shown = {number: value for number, value in self.elements.items() if isinstance(value, str)}
        return f"Message({self.mti}, {shown})"


def encode(message: Message, key: bytes) -> bytes:
    """The message's bytes, closed by their keyed hash. Raises MalformedError for what the table does not allow."""
    _check_mti(message.mti)
    if MAC_ELEMENT in message.elements:
        raise MalformedError(f"element {MAC_ELEMENT} is the codec's own")
    numbers = sorted(message.elements)
    body = bytearray(message.mti.encode())
    body += _bitmap([*numbers, MAC_ELEMENT])
    for number in numbers:
        body += _encoded(number, message.elements[number])
    return bytes(body) + mac(bytes(body), key)


def decode(body: bytes, key: bytes) -> Message:
    """The message of these bytes, which someone with the key must have sealed. Raises MalformedError."""
    mti = _ascii(body[:_MTI_FIGURES], "the message type")
    _check_mti(mti)
    numbers, at = _read_bitmap(body)
    if numbers[-1:] != [MAC_ELEMENT] or not hmac.compare_digest(mac(body[:-MAC_BYTES], key), body[-MAC_BYTES:]):
        raise MalformedError(f"element {MAC_ELEMENT} is not the hash of the message by our key")
    elements: dict[int, str | bytes] = {}
    for number in numbers[:-1]:
        elements[number], at = _decoded(number, body, at)
    if at != len(body) - MAC_BYTES:
        raise MalformedError(f"the message has {len(body) - MAC_BYTES - at} bytes too many at {at}")
    return Message(mti, elements)


def mac(body: bytes, key: bytes) -> bytes:
    """Element 128: the first eight bytes of HMAC-SHA-256."""
    return hmac.digest(key, body, sha256)[:MAC_BYTES]


def key_of(secret: str) -> bytes:
    """The link's key from the secret that house and bank share."""
    return hmac.digest(secret.encode(), b"gavelhouse iso 8583 link", sha256)


def frame(body: bytes) -> bytes:
    """The message as it goes over the stream."""
    if not 0 < len(body) <= LARGEST_FRAME:
        raise MalformedError(f"a message has 1 to {LARGEST_FRAME} bytes, not {len(body)}")
    return len(body).to_bytes(_HEADER_BYTES, "big") + body


class Frames:
    """Takes a stream's bytes as they come and gives the messages in it. After MalformedError the stream is lost."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that are whole now. Raises MalformedError for a length that no message of ours has."""
        self._rest += data
        whole: list[bytes] = []
        while len(self._rest) >= _HEADER_BYTES:
            length = int.from_bytes(self._rest[:_HEADER_BYTES], "big")
            if not 0 < length <= LARGEST_FRAME:
                raise MalformedError(f"a frame says that it has {length} bytes; it has 1 to {LARGEST_FRAME}")
            if len(self._rest) < _HEADER_BYTES + length:
                break
            whole.append(bytes(self._rest[_HEADER_BYTES : _HEADER_BYTES + length]))
            del self._rest[: _HEADER_BYTES + length]
        return whole


def _check_mti(mti: str) -> None:
    if mti not in ANSWER_TO and mti not in ANSWER_TO.values():
        raise MalformedError(f"{mti!r} is no message type of ours")


def _bitmap(numbers: list[int]) -> bytes:
    """Both bitmaps; the first bit tells that there is a second, and element 128 always lies there."""
    bits = 1 << 127
    for number in numbers:
        bits |= 1 << (128 - number)
    return bits.to_bytes(2 * _BITMAP_BYTES, "big")


def _read_bitmap(body: bytes) -> tuple[list[int], int]:
    end = _MTI_FIGURES + 2 * _BITMAP_BYTES
    if len(body) < end + MAC_BYTES:
        raise MalformedError(f"a message of {len(body)} bytes is too short for its bitmaps and hash")
    bits = int.from_bytes(body[_MTI_FIGURES:end], "big")
    if not bits >> 127:
        raise MalformedError("the second bitmap is missing")
    numbers = [number for number in range(2, 129) if bits >> (128 - number) & 1]
    for number in numbers:
        if number not in ELEMENTS:
            raise MalformedError(f"element {number} is not in our subset")
    return numbers, end


def _encoded(number: int, value: str | bytes) -> bytes:
    element = ELEMENTS.get(number)
    if element is None:
        raise MalformedError(f"element {number} is not in our subset")
    if isinstance(value, bytes) != (element.kind is Kind.BYTES):
        raise MalformedError(f"element {number} is of kind {element.kind.value}")
    if isinstance(value, str):
        _check_text(number, element, value)
        content = value.encode("ascii")
    else:
        content = value
    if element.prefix:
        if len(content) > element.length:
            raise MalformedError(f"element {number} has {len(content)} bytes, but at most {element.length}")
        return f"{len(content):0{element.prefix}d}".encode() + content
    if len(content) != element.length:
        raise MalformedError(f"element {number} has {len(content)} characters instead of {element.length}")
    return content


def _decoded(number: int, body: bytes, at: int) -> tuple[str | bytes, int]:
    element, end = ELEMENTS[number], len(body) - MAC_BYTES
    length = element.length
    if element.prefix:
        figures = _ascii(body[at : at + element.prefix], f"the length of element {number}")
        if len(figures) != element.prefix or not figures.isdecimal() or int(figures) > element.length:
            raise MalformedError(f"element {number} says that it is {figures!r} long; at most {element.length}")
        at, length = at + element.prefix, int(figures)
    if at + length > end:
        raise MalformedError(f"element {number} ends after the message does")
    content = body[at : at + length]
    if element.kind is Kind.BYTES:
        return content, at + length
    value = _ascii(content, f"element {number}")
    _check_text(number, element, value)
    return value, at + length


def _check_text(number: int, element: Element, value: str) -> None:
    fits = value.isascii() and value.isprintable()
    if element.kind is Kind.FIGURES:
        fits = fits and value.isdecimal()
    elif element.kind is Kind.LETTERS:
        fits = fits and value.replace(" ", "0").isalnum()
    if not fits:
        raise MalformedError(f"element {number} is not of kind {element.kind.value}")


def _ascii(content: bytes, what: str) -> str:
    try:
        return content.decode("ascii")
    except UnicodeDecodeError as error:
        raise MalformedError(f"{what} is not ASCII") from error
