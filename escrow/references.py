"""The references that people copy into a bank transfer: made with a check character, found again in what they typed.

Pure. `GH-D-7K3M9Q` asks for a deposit, `GH-P-…` pays a case, `GH-O-…` names a payout, `GH-C-…` an e-cheque. The
alphabet has 31 letters and figures without I, L, O, 0 and 1; as 31 is prime, a weighted sum finds every single wrong
character and every swap.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from enum import StrEnum

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_LENGTH = 6
_FOUND = re.compile(r"GH[\s\-_.]*([DP])[\s\-_.]*((?:[0-9A-Z][\s\-]*){6})(?![0-9A-Z])")
_DASHES = {ord(dash): "-" for dash in "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u30fc"}
"""What keyboards and word processors make of a hyphen."""


class Purpose(StrEnum):
    DEPOSIT = "D"
    CASE = "P"
    PAYOUT = "O"
    CHEQUE = "C"


def new_reference(purpose: Purpose) -> str:
    """A fresh random reference; the database's unique constraint is what makes it one of a kind."""
    body = "".join(secrets.choice(ALPHABET) for _ in range(_LENGTH - 1))
    return f"GH-{purpose}-{body}{check_character(body, purpose)}"


def check_character(body: str, purpose: str) -> str:
    """The last character: Σ weight·value ≡ 0 (mod 31) over the purpose's letter, the body and itself."""
    total = 7 * ALPHABET.find(purpose) if purpose in ALPHABET else 0
    total += sum(weight * ALPHABET.index(letter) for weight, letter in zip(range(_LENGTH, 1, -1), body, strict=True))
    return ALPHABET[-total % len(ALPHABET)]


def find_reference(text: str) -> str | None:
    """The first right reference in what a sender typed: any case, full width, spaces, any dash. None when
    there is none.
    """
    for purpose, written in _FOUND.findall(unicodedata.normalize("NFKC", text).translate(_DASHES).upper()):
        code = re.sub(r"[\s\-]", "", written)
        if set(code) <= set(ALPHABET) and check_character(code[:-1], purpose) == code[-1]:
            return f"GH-{purpose}-{code}"
    return None
