"""Made-up cards and passphrases that stand nowhere else, each begun alike so that they can be looked for quickly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from escrow.vault.cards import passes_luhn

BEGINNINGS = {"431274": 16, "621483": 19}
"""First six digits (Visa, UnionPay), and how many there are in all."""
PHRASE = "kestrel-lantern-{number:05}-orchid-quay"
PHRASE_BEGINNING = "kestrel-lantern-"


@dataclass(frozen=True, slots=True)
class Canary:
    number: str
    expiry: str = "2031-12"
    holder: str = "Canary Finch"


def canaries(count: int) -> Iterator[Canary]:
    """The first so many, always the same."""
    for index in range(count):
        begin = list(BEGINNINGS)[index % len(BEGINNINGS)]
        # An odd multiplier spreads the counter over the digits, so that neighbours share no more than their beginning.
        width = BEGINNINGS[begin] - 7
        middle = (index * 7_919_993_717 + 1_234_567) % 10**width
        start = f"{begin}{middle:0{width}}"
        yield Canary(next(start + digit for digit in "0123456789" if passes_luhn(start + digit)))


def phrases(count: int) -> list[str]:
    return [PHRASE.format(number=number) for number in range(count)]
