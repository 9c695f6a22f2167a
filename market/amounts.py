"""Typed amounts of money, read exactly: text and a currency in, minor units or a named error out.

Knows the currencies of the house and their exponents (ISO 4217). No float, no rounding: what can't be read to the
unit is refused. Knows nothing of prices, lots or accounts.
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum

from auction.facts import LARGEST_AMOUNT_MINOR

CURRENCIES: dict[str, int] = {"CNY": 2, "USD": 2, "EUR": 2, "HKD": 2, "JPY": 0, "KWD": 3}
"""The currencies a lot may be sold in, with the exponent of each (ISO 4217)."""

LONGEST_TYPED = 40

_DIGITS_IN_THOUSANDS = re.compile(r"(?:[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.[0-9]+)?")


class AmountError(StrEnum):
    """Why a typed amount was not taken, in the order tested. The sentence is `amount_error.<value>`."""

    MISSING = "missing"
    UNKNOWN_CURRENCY = "unknown_currency"
    NEGATIVE = "negative"
    NOT_A_NUMBER = "not_a_number"
    EXCESS_DECIMALS = "excess_decimals"
    ZERO = "zero"
    OVER_CAP = "over_cap"


def exponent_of(currency: str) -> int:
    """How many decimals the currency has. KeyError for a currency the house does not trade in."""
    return CURRENCIES[currency]


def parse_amount(text: str, currency: str, *, allow_zero: bool = False) -> int | AmountError:
    """Read an amount as a person types it: full-width digits, spaces and commas between thousands are welcome.

    Decimals beyond the currency's exponent are refused even when they are zeros that change nothing: "1.000" is
    a thousand in half of Europe, so a guess could be wrong by a factor of a thousand.
    """
    typed = _plain(text)
    if not typed:
        return AmountError.MISSING
    if currency not in CURRENCIES:
        return AmountError.UNKNOWN_CURRENCY
    if typed.startswith("-"):
        return AmountError.NEGATIVE
    if len(typed) > LONGEST_TYPED or _DIGITS_IN_THOUSANDS.fullmatch(typed) is None:
        return AmountError.NOT_A_NUMBER
    whole, _, decimals = typed.replace(",", "").partition(".")
    exponent = CURRENCIES[currency]
    if len(decimals) > exponent:
        return AmountError.EXCESS_DECIMALS
    minor = int(whole + decimals.ljust(exponent, "0"))
    if minor == 0 and not allow_zero:
        return AmountError.ZERO
    if minor > LARGEST_AMOUNT_MINOR:
        return AmountError.OVER_CAP
    return minor


def typed_amount(minor: int, currency: str) -> str:
    """The amount as it would be typed into a box: plain digits, all decimals of the currency, no separators."""
    exponent = CURRENCIES[currency]
    if exponent == 0:
        return str(minor)
    whole, decimals = divmod(minor, 10**exponent)
    return f"{whole}.{decimals:0{exponent}d}"


def _plain(text: str) -> str:
    """Full-width forms to ASCII (NFKC); the spaces that typists and locales put between thousands are dropped.

    NFKC leaves other scripts' digits alone, and the pattern then refuses them: only 0-9 count.
    """
    narrow = unicodedata.normalize("NFKC", text).strip().replace("，", ",").replace("−", "-").replace("。", ".")
    return re.sub(r"(?<=[0-9])[ '’](?=[0-9]{3}(?![0-9]))", "", narrow)
