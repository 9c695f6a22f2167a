"""What a card must be to be taken into a wallet. Pure; what it refuses it names, and it repeats no digit of the number."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from escrow.vault_facts import LONGEST_HOLDER, LONGEST_LABEL, VaultRefusal

_NUMBER = re.compile(r"[0-9]{12,19}")
_LIKE_A_NUMBER = re.compile(r"[0-9]([ .-]?[0-9]){11}")
LONGEST_VALID_YEARS = 25

# Brand: its first digits (ISO/IEC 7812 issuer ranges, each as lowest and highest prefix) and the lengths it issues.
BRANDS: Mapping[str, tuple[tuple[tuple[int, int], ...], range | tuple[int, ...]]] = {
    "unionpay": (((62, 62), (81, 81)), range(16, 20)),
    "visa": (((4, 4),), (13, 16, 19)),
    "mastercard": (((51, 55), (2221, 2720)), (16,)),
    "amex": (((34, 34), (37, 37)), (15,)),
    "jcb": (((3528, 3589),), range(16, 20)),
    "discover": (((6011, 6011), (644, 649), (65, 65)), range(16, 20)),
    "diners": (((300, 305), (36, 36), (38, 39)), range(14, 20)),
    "mir": (((2200, 2204),), range(16, 20)),
}


class Card(Struct, frozen=True, kw_only=True):
    """A card in clear. It shows itself by its last four digits only."""

    number: str
    holder: str
    expiry_month: int
    expiry_year: int
    brand: str

    def __repr__(self) -> str:
        return f"Card({self.brand} …{self.last4})"

    @property
    def last4(self) -> str:
        return self.number[-4:]

    @property
    def expiry(self) -> str:
        """YYYY-MM"""
        return f"{self.expiry_year:04}-{self.expiry_month:02}"


def read_card(content: Mapping[str, str], now: datetime) -> Card | VaultRefusal:
    """The card that an envelope describes, or the first thing that is wrong with it."""
    number = re.sub(r"[ -]", "", content.get("number", "").strip())
    if not _NUMBER.fullmatch(number):
        return VaultRefusal.CARD_NUMBER_MALFORMED
    if not passes_luhn(number):
        return VaultRefusal.CARD_NUMBER_MISTYPED
    brand = brand_of(number)
    if brand is None:
        return VaultRefusal.CARD_BRAND_UNKNOWN
    if len(number) not in BRANDS[brand][1]:
        return VaultRefusal.CARD_NUMBER_LENGTH
    expiry = read_expiry(content.get("expiry_month", ""), content.get("expiry_year", ""), now)
    if isinstance(expiry, VaultRefusal):
        return expiry
    holder = plain_text(content.get("holder", ""))
    if not 2 <= len(holder) <= LONGEST_HOLDER or _LIKE_A_NUMBER.search(holder):
        return VaultRefusal.CARD_HOLDER_MALFORMED
    return Card(number=number, holder=holder, expiry_year=expiry[0], expiry_month=expiry[1], brand=brand)


def passes_luhn(number: str) -> bool:
    """The check digit of ISO/IEC 7812-1, annex B: finds every wrong digit and most swapped ones."""
    digits = [int(digit) for digit in reversed(number)]
    doubled = (2 * digit - 9 * (digit > 4) for digit in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def brand_of(number: str) -> str | None:
    """Whose card the first digits name."""
    for brand, (ranges, _) in BRANDS.items():
        if any(low <= int(number[: len(str(low))]) <= high for low, high in ranges):
            return brand
    return None


def read_expiry(month: str, year: str, now: datetime) -> tuple[int, int] | VaultRefusal:
    """Year and month; the year in two digits or four. A card is good until its month ends."""
    month, year = month.strip(), year.strip()
    if not (re.fullmatch(r"[0-9]{1,2}", month) and re.fullmatch(r"[0-9]{2}|[0-9]{4}", year)):
        return VaultRefusal.CARD_EXPIRY_MALFORMED
    months, years = int(month), int(year) + (2000 if len(year) == 2 else 0)
    if not 1 <= months <= 12 or not 2000 <= years <= now.year + LONGEST_VALID_YEARS:
        return VaultRefusal.CARD_EXPIRY_MALFORMED
    if (years, months) < (now.year, now.month):
        return VaultRefusal.CARD_EXPIRED
    return years, months


def read_label(text: str) -> str | VaultRefusal:
    """The name that its owner gives a card or a passkey; it may be empty, and is no place for a card's number."""
    label = plain_text(text)
    if len(label) > LONGEST_LABEL or _LIKE_A_NUMBER.search(_digits_of_any_script(label)):
        return VaultRefusal.CARD_LABEL_MALFORMED
    return label


def plain_text(text: str) -> str:
    """One line of NFC, without what can't be seen."""
    normal = unicodedata.normalize("NFC", " ".join(text.split()))
    return "".join(sign for sign in normal if sign.isprintable())


def _digits_of_any_script(text: str) -> str:
    return "".join(str(unicodedata.digit(sign, sign)) for sign in text)
