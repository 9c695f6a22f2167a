"""The bank's two languages, and money as people write and read it."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files

from escrow.sandbox_bank.accounts import CURRENCIES, BankRefusalError

LANGUAGES = ("zh", "en")
_AMOUNT = re.compile(r"([0-9]{1,15})(?:\.([0-9]+))?")


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """Key → language → sentence."""
    tables = tomllib.loads(files("escrow.sandbox_bank").joinpath("catalogue.toml").read_text(encoding="utf-8"))
    return {f"{area}.{key}": words for area, entries in tables.items() for key, words in entries.items()}


def text(key: str, lang: str, **params: object) -> str:
    return catalogue()[key][lang].format(**params)


def parse_amount(written: str, currency: str) -> int:
    """A typed amount in minor units, exactly; commas between thousands are overlooked. Raises BankRefusalError."""
    exponent = CURRENCIES.get(currency)
    if exponent is None:
        raise BankRefusalError("unknown_currency")
    found = _AMOUNT.fullmatch(re.sub(r"[,\s]", "", written))
    if found is None or len(found[2] or "") > exponent:
        raise BankRefusalError("bad_amount")
    return int(found[1] + (found[2] or "").ljust(exponent, "0"))


def money(amount_minor: int, currency: str) -> str:
    """Minor units as `1,234.50 CNY`; a minus sign for money that went out."""
    exponent = CURRENCIES[currency]
    whole, part = divmod(abs(amount_minor), 10**exponent)
    sign = "−" if amount_minor < 0 else ""
    decimals = f".{part:0{exponent}d}" if exponent else ""
    return f"{sign}{whole:,}{decimals} {currency}"
