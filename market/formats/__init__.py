"""How sellers write a lot of each format, and what its live page is made of: one file a format, all of one shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from market.form_reader import Reader
from market.formats import dutch, english, reverse, sealed, uniform
from market.listing_facts import ListingContent


class MarketFormat(Protocol):
    """What the pages ask of a format. Templates are paths below `market/templates`."""

    @property
    def FORM_TEMPLATE(self) -> str:
        """The fieldsets of price and time in the seller's editor."""

    @property
    def LOT_TEMPLATE(self) -> str:
        """The live side of the lot page: price, clock, panel."""

    @property
    def SCRIPT(self) -> str:
        """The lot page's script among the entries of the build."""

    @property
    def TEXT_AREAS(self) -> tuple[str, ...]:
        """The areas of the catalogue that the script speaks from."""

    @property
    def FIELD_OF_FINDING(self) -> Mapping[str, str]:
        """The form's box for each field of the draft that the linter names."""

    def read_form(self, reader: Reader, currency: str, zone: str) -> dict[str, Any]:
        """The format's options as typed; what is wrong goes to the reader's errors."""

    def form_values(self, content: ListingContent) -> dict[str, str]:
        """The form's text for the options of a stored listing."""


FORMATS: dict[str, MarketFormat] = {
    "english": english,
    "sealed": sealed,
    "dutch": dutch,
    "reverse": reverse,
    "uniform": uniform,
}
"""The formats that a seller can choose, in the order in which they are offered."""


def market_format(name: str) -> MarketFormat:
    """The format by its name."""
    return FORMATS[name]
