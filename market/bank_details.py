"""Where to pay a sum to the centre: its account, and the sandbox bank's page with everything filled in."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from escrow.sandbox_bank.numbers import BANK_NAME, CENTRE_ACCOUNTS, CENTRE_HOLDER
from market.currencies import EXPONENTS, decimal_text

if TYPE_CHECKING:
    from market.house import House


def bank_details(house: House, currency: str, amount_minor: int, reference: str) -> dict[str, str]:
    """What a payer copies into his bank's form, and the address of the sandbox bank's form where it stands already."""
    sum_text, number = decimal_text(amount_minor, EXPONENTS[currency]), centre_account(house, currency)
    query = {"to_number": number, "currency": currency, "amount": sum_text, "reference": reference}
    return {
        "sum_text": sum_text,
        "holder": house.config.centre_holder or CENTRE_HOLDER,
        "number": number,
        "bank": BANK_NAME,
        "bank_url": f"{house.config.bank_origin}/?{urlencode(query)}",
    }


def centre_account(house: House, currency: str) -> str:
    """The number of the centre's account in this currency."""
    return {**CENTRE_ACCOUNTS, **house.config.centre_accounts}[currency]
