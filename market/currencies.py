"""The currencies the house trades in, and amounts between people's text and minor units, exactly: no float anywhere.

The browser has the same parser (`static/src/money.ts`); one table of cases tests both.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from enum import StrEnum

from auction.facts import LARGEST_AMOUNT_MINOR

EXPONENTS = {"CNY": 2, "USD": 2, "EUR": 2, "GBP": 2, "HKD": 2, "JPY": 0, "KWD": 3}
"""ISO 4217 code → how many decimals its minor unit has."""

_SIGNS = {"CNY": "¥", "USD": "$", "EUR": "€", "GBP": "£", "HKD": "HK$", "JPY": "JP¥"}
_GROUPED = re.compile(r"\d{1,3}(,\d{3})+|\d+", re.ASCII)


class AmountProblem(StrEnum):
    """Why a typed amount is refused, in the order of testing; the sentence is `amount_problem.<value>`."""

    EMPTY = "empty"
    NOT_A_NUMBER = "not_a_number"
    TOO_MANY_DECIMALS = "too_many_decimals"
    NOT_POSITIVE = "not_positive"
    TOO_LARGE = "too_large"


def currency_sign(currency: str) -> str:
    """The short sign of a currency, each its own, or its code followed by a no-break space."""
    return _SIGNS.get(currency, currency + "\u00a0")


def parse_amount(text: str, exponent: int, *, allow_zero: bool = False) -> int | AmountProblem:
    """Minor units of an amount as people type it: `1,234.5`, full-width digits, spaces and a currency sign allowed.

    Excess decimals are refused, never rounded, and also when they are zeros: "1.000" is a thousand to half of Europe.
    Raised, circled and fractional figures are refused: "10²" is not 102.
    """
    if any(unicodedata.category(letter) == "No" for letter in text):
        return AmountProblem.NOT_A_NUMBER
    plain = unicodedata.normalize("NFKC", text).replace("，", ",").replace("。", ".")
    plain = re.sub(r"HK\$|JP¥|[\s¥$€£'’_]", "", plain)
    if not plain:
        return AmountProblem.EMPTY
    negative = plain[0] in "-−"
    whole, _point, decimals = plain.lstrip("-−+").partition(".")
    if not _GROUPED.fullmatch(whole or "0") or not re.fullmatch(r"\d*", decimals, re.ASCII):
        return AmountProblem.NOT_A_NUMBER
    if not whole and not decimals:
        return AmountProblem.NOT_A_NUMBER
    if len(decimals) > exponent:
        return AmountProblem.TOO_MANY_DECIMALS
    digits = (whole.replace(",", "") or "0") + decimals.ljust(exponent, "0")
    if len(digits.lstrip("0")) > 16:
        return AmountProblem.TOO_LARGE
    minor = int(digits)
    if negative or (minor == 0 and not allow_zero):
        return AmountProblem.NOT_POSITIVE
    return minor if minor <= LARGEST_AMOUNT_MINOR else AmountProblem.TOO_LARGE


def decimal_text(minor: int, exponent: int) -> str:
    """Minor units as a plain decimal string: `1234.50`."""
    sign, digits = ("-" if minor < 0 else ""), str(abs(minor)).rjust(exponent + 1, "0")
    return f"{sign}{digits[:-exponent]}.{digits[-exponent:]}" if exponent else f"{sign}{digits}"


def amounts_text(sums: Iterable[tuple[str, int]]) -> str:
    """Sums in several currencies, the same in both languages: `CNY 550.00, USD 3.00`."""
    return ", ".join(money_text(minor, currency, coded=True) for currency, minor in sums)


def money_text(minor: int, currency: str, *, trim: bool = False, coded: bool = False) -> str:
    """An amount for people, the same in both languages: `¥1,234.50`. `trim` leaves `.00` off whole amounts; `coded`
    writes the code, `CNY 1,234.50`, where the sign alone could be another currency's.
    """
    exponent = EXPONENTS.get(currency, 2)
    whole, _, decimals = decimal_text(abs(minor), exponent).partition(".")
    tail = "" if not decimals or (trim and not decimals.strip("0")) else f".{decimals}"
    sign = f"{currency} " if coded else currency_sign(currency)
    return f"{'-' if minor < 0 else ''}{sign}{int(whole):,}{tail}"
