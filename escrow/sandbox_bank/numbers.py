"""Account numbers of the sandbox bank: `XG`, two check digits (ISO 7064 mod 97-10, as an IBAN's), bank code, serial.

Pure. The centre's accounts have fixed numbers, so that the house and the bank agree on them without a handshake.
"""

from __future__ import annotations

from stdnum.iso7064 import mod_97_10

BANK_NAME = "Gavelhouse Sandbox Bank"
_COUNTRY, _BANK_CODE = "XG", "0001"


def account_number(serial: int) -> str:
    """The number of this bank's account with that serial."""
    plain = f"{_BANK_CODE}{serial:08d}"
    return f"{_COUNTRY}{mod_97_10.calc_check_digits(plain + _COUNTRY)}{plain}"


def is_ours(number: str) -> bool:
    """Whether a number would be an account of this bank, existing or not."""
    return number.startswith(_COUNTRY) and number[4:8] == _BANK_CODE


CENTRE_HOLDER = "Gavelhouse Escrow"
CENTRE_ACCOUNTS = {
    currency: account_number(serial)
    for serial, currency in enumerate(("CNY", "USD", "EUR", "GBP", "HKD", "JPY", "KWD"), start=1)
}
FIRST_CUSTOMER_SERIAL = 1001
