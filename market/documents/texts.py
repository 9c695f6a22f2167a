"""Text and figures as EDIFACT's character set UNOC (ISO 8859-1) carries them. Pure.

A text that it can't carry is never sent with holes in it: the English one stands for it, else a bracketed word says that
there is a text and in which language; the whole of it is in the UBL document and on the page.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_NEAREST = str.maketrans(
    {
        "“": '"',
        "”": '"',
        "„": '"',
        "‘": "'",
        "’": "'",
        "–": "-",
        "—": "-",
        "‑": "-",
        "…": "...",
        "€": "EUR",
        "\u3000": " ",
    }
    | {
        "Œ": "OE",
        "œ": "oe",
        "Š": "S",
        "š": "s",
        "Ž": "Z",
        "ž": "z",
        "Ÿ": "Y",
        "™": "(TM)",
        "₂": "2",
        "₃": "3",
        "№": "No.",
    }
    | {"Ł": "L", "ł": "l", "Đ": "D", "đ": "d", "ı": "i", "•": "-", "≤": "<=", "≥": ">=", "−": "-", "（": "(", "）": ")"}
)
_NOT_CARRIED = re.compile(r"[^\x20-\x7e\xa0-\xff]")


def carried(text: str) -> str | None:
    """The text in ISO 8859-1 on one line, with typographic marks and accents at their nearest; None when letters are left
    that it has no place for.
    """
    plain = " ".join(unicodedata.normalize("NFC", text).translate(_NEAREST).split())
    if _NOT_CARRIED.search(plain):
        plain = "".join(_without_accent(letter) for letter in plain)
    return None if _NOT_CARRIED.search(plain) else plain


def _without_accent(letter: str) -> str:
    if not _NOT_CARRIED.search(letter):
        return letter
    return "".join(part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part))


def is_reference(text: str) -> bool:
    """Whether both spellings carry it as a document's number: up to 35 characters of ISO 8859-1."""
    return 0 < len(text) <= 35 and not _NOT_CARRIED.search(text)


def in_latin(english: str, chinese: str = "", *, named: str) -> str:
    """The text that stands in EDIFACT: the English one, else the other when it can be carried, else `named` in brackets."""
    for text in (english, chinese):
        plain = carried(text)
        if plain:
            return plain
    return f"[{named}: in Chinese, see the XML]" if english.strip() or chinese.strip() else ""


def pieces(text: str, longest: int) -> list[str]:
    """The text in parts of at most `longest`, which put together are the text. None begins or ends with a space, which
    another reader might take away; that asks for a text without two spaces in a row.
    """
    parts = []
    rest = text
    while len(rest) > longest:
        cut = longest
        while cut > 1 and (rest[cut - 1] == " " or rest[cut] == " "):
            cut -= 1
        parts.append(rest[:cut])
        rest = rest[cut:]
    return [*parts, rest] if rest else parts


def joined(lines: Iterable[str], longest: int, between: str = " ") -> str:
    """The text of lines of at most `longest`: what `pieces` has cut is whole again, and between shorter lines, which their
    sender has broken where a word ends, stands `between`.
    """
    whole, before = "", ""
    for line in filter(None, lines):
        is_broken = 0 < len(before) < longest - 2 and not before.endswith(" ") and not line.startswith(" ")
        whole += between + line if is_broken else line
        before = line
    return whole


def decimal_text(minor: int, exponent: int, longest: int = 18) -> str:
    """An amount of minor units with its decimals: `1234` of two decimals is `12.34`. Of an amount with more digits than
    there is room for, zeros at the end are left away.
    """
    sign, digits = ("-" if minor < 0 else ""), str(abs(minor)).rjust(exponent + 1, "0")
    whole, part = (digits[:-exponent], digits[-exponent:]) if exponent else (digits, "")
    while part.endswith("0") and len(whole) + len(part) > longest:
        part = part[:-1]
    assert len(whole) + len(part) <= longest, f"{minor} has more than {longest} digits"
    return f"{sign}{whole}.{part}" if part else f"{sign}{whole}"


def amount_said(minor: int, exponent: int) -> str:
    """An amount as a refusal says it: it may be larger than any that a document carries."""
    return decimal_text(minor, exponent, 60)


def minor_of(text: str, exponent: int) -> int | None:
    """Minor units of a decimal number; None when it is none, or is more exact than the currency."""
    found = re.fullmatch(r"(-?)([0-9]{0,18})(?:\.([0-9]{1,18}))?", text)
    if found is None or not (found[2] or found[3]):
        return None
    sign, whole, part = found[1], found[2], found[3] or ""
    if part[exponent:].strip("0"):
        return None
    minor = int(whole + part[:exponent].ljust(exponent, "0"))
    return -minor if sign else minor


def whole_of(text: str) -> int | None:
    """A whole number, also when it is written with decimals that are zeros."""
    return minor_of(text, 0)
