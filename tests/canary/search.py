"""Finds canaries in any bytes, however they are written: with separators between the digits, as UTF-16, hexadecimal,
base64 at any offset, percent-encoded, or packed two digits a byte.

Needles are the beginnings that all canaries share; what follows one is decoded and must be a canary to the last digit.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass

from tests.canary.numbers import BEGINNINGS, PHRASE_BEGINNING, Canary

_SEPARATORS = b" \t\r\n.,_-+/|:\x00"
_LONGEST = 600
"""So many bytes after a needle are enough for the longest writing of any canary."""
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]*")
_HEX_NOISE = re.compile(rb"\\x|[^0-9a-fA-F]")


@dataclass(frozen=True, slots=True)
class Hit:
    """What was found where, and how it was written."""

    place: str
    writing: str
    canary: str


class Finder:
    """Knows the canaries; `search` looks for them in one piece of a place, in every writing unless told which."""

    def __init__(
        self, cards: Iterable[Canary], phrases: Iterable[str] = (), writings: Container[str] | None = None
    ) -> None:
        self._numbers = {card.number for card in cards}
        self._phrases = set(phrases)
        self._needles = [each for each in _needles() if writings is None or each[1] in writings]

    def search(self, place: str, data: bytes) -> Iterator[Hit]:
        """Every canary in these bytes, each writing of it once."""
        seen: set[tuple[str, str]] = set()
        plain = data.replace(b"%20", b"").replace(b"%2D", b"").translate(None, _SEPARATORS)
        for needle, writing in self._needles:
            source = plain if writing in ("digits", "hexadecimal") else data
            for at in _places_of(needle, source):
                for found in self._read(writing, source, at):
                    if (writing, found) not in seen:
                        seen.add((writing, found))
                        yield Hit(place, writing, found)

    def _read(self, writing: str, source: bytes, at: int) -> Iterator[str]:
        after = source[at : at + _LONGEST]
        if writing == "digits":
            yield from self._numbers_at(after.decode("latin-1"))
        elif writing == "packed":
            yield from self._numbers_at(after[:10].hex())
        elif writing == "hexadecimal":
            digits = _HEX_NOISE.sub(b"", after)
            text = bytes.fromhex(digits[: len(digits) // 2 * 2].decode()).decode("latin-1")
            yield from self._anything_in(text)
        elif writing == "base64":
            # The needle may begin in the middle of a group of four; try each place that it can have in one.
            for start in range(max(0, at - 4), at + 1):
                run = _BASE64.match(source, start, start + _LONGEST)
                assert run is not None
                yield from self._anything_in(_decoded(run[0]).decode("latin-1"))
        else:
            yield from self._phrases_in(source[max(0, at - 2) : at + 200].replace(b"\0", b"").decode("latin-1"))

    def _anything_in(self, text: str) -> Iterator[str]:
        digits = re.sub(r"[ \t\r\n.,_\-+/|:\x00]", "", text)
        for begin in BEGINNINGS:
            for found in re.finditer(begin, digits):
                yield from self._numbers_at(digits[found.start() :])
        yield from self._phrases_in(text.replace("\0", ""))

    def _numbers_at(self, text: str) -> Iterator[str]:
        number = text[: BEGINNINGS.get(text[:6], 0)]
        if number in self._numbers:
            yield number

    def _phrases_in(self, text: str) -> Iterator[str]:
        for found in re.finditer(re.escape(PHRASE_BEGINNING), text):
            tail = text[found.start() : found.start() + 40]
            yield from (phrase for length in range(20, 41) if (phrase := tail[:length]) in self._phrases)


def _decoded(text: bytes) -> bytes:
    """As much of it as is base64, whether it was padded or not."""
    whole = text[:-1] if len(text) % 4 == 1 else text
    return b64decode(whole.translate(bytes.maketrans(b"-_", b"+/")) + b"=" * (-len(whole) % 4))


def _needles() -> Iterator[tuple[bytes, str]]:
    for begin in BEGINNINGS:
        yield begin.encode(), "digits"
        yield bytes.fromhex(begin), "packed"
        for spelled in (begin, f"{begin[:4]} {begin[4:]}"):
            yield from _encoded(spelled.encode())
        yield from _encoded(begin.encode("utf-16-le"))
    yield PHRASE_BEGINNING.encode(), "passphrase"
    yield PHRASE_BEGINNING.encode("utf-16-le"), "passphrase"
    yield from _encoded(PHRASE_BEGINNING.encode())


def _encoded(text: bytes) -> Iterator[tuple[bytes, str]]:
    for digits in {text.hex(), text.hex().upper()}:
        yield digits.encode(), "hexadecimal"
    for offset in range(3):
        # What can't be known, because of the bytes before and after, is left out of the needle.
        whole = b64encode(b"\0" * offset + text)
        start, end = (0, 2, 3)[offset], (offset + len(text)) * 8 // 6
        yield whole[start:end], "base64"


def _places_of(needle: bytes, source: bytes) -> Iterator[int]:
    at = source.find(needle)
    while at >= 0:
        yield at
        at = source.find(needle, at + 1)
