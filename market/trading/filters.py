"""What is asked of the market: filters as they stand in the address of the page, and as the database understands them. Pure.

How they are read from an address, and what is said of those that can't be, is in `market.trading.filter_reading`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date
from typing import Any
from urllib.parse import urlencode

from msgspec import Struct

from market.currencies import EXPONENTS, decimal_text
from market.trading.facts import Category, Value
from market.trading.hanzi import simplified

SORTS: tuple[str, ...] = ("newest", "price", "price_down", "delivery", "lapsing")
PAGE_SIZE = 20
LAST_PAGE = 25
LONGEST_SEARCH = 100
MOST_COUNTED = 500
"""Beyond this many the page says "more than": nobody reads on, and counting all would cost more than finding."""


_HYPHENS = re.compile(r"[-\u2010-\u2015\u2212]")
_SHORTEST_PART = 3
_IES, _ES, _S = (
    re.compile(plural, re.ASCII)
    for plural in (r"[a-z]{3,}[^aeiou](?:ies|y)", r"[a-z]{2,}(?:ss|x|ch|sh|zz)es|[a-z]{4,}oes", r"[a-z]{2,}[a-rt-z]s")
)


class Range(Struct, frozen=True, kw_only=True):
    """A whole number between two others, either of which may be missing."""

    code: str
    least: int | None = None
    most: int | None = None


class PostFilters(Struct, frozen=True, kw_only=True):
    """Everything that may be asked; None and empty ask nothing."""

    q: str = ""
    side: str = ""
    category: str = ""
    """A kind of goods or a whole group."""
    attributes: dict[str, Value] = {}
    ranges: tuple[Range, ...] = ()
    currency: str = ""
    price_from: int | None = None
    price_to: int | None = None
    priced: bool = False
    named: bool = False
    quantity_from: int | None = None
    country: str = ""
    term: str = ""
    delivery_from: date | None = None
    delivery_to: date | None = None
    sort: str = "newest"
    page: int = 1

    @property
    def asks_anything(self) -> bool:
        return bool(self.query(with_order=False))

    def query(self, *, with_order: bool = True) -> str:
        """The filters as an address has them, in one order: two searches for the same have the same text."""
        parts = {
            "q": self.q,
            "side": self.side,
            "category": self.category,
            **{f"attr_{code}": _typed(value) for code, value in sorted(self.attributes.items())},
            **{f"attr_{each.code}_from": _text(each.least) for each in self.ranges},
            **{f"attr_{each.code}_to": _text(each.most) for each in self.ranges},
            "currency": self.currency,
            "price_from": self._price(self.price_from),
            "price_to": self._price(self.price_to),
            "priced": "1" if self.priced else "",
            "named": "1" if self.named else "",
            "quantity_from": _text(self.quantity_from),
            "country": self.country,
            "term": self.term,
            "delivery_from": self.delivery_from.isoformat() if self.delivery_from else "",
            "delivery_to": self.delivery_to.isoformat() if self.delivery_to else "",
            "sort": self.sort if with_order and self.sort != "newest" else "",
        }
        return urlencode({name: text for name, text in parts.items() if text})

    def _price(self, minor: int | None) -> str:
        return "" if minor is None else decimal_text(minor, EXPONENTS[self.currency])

    def wanted(self, categories: Sequence[Category]) -> dict[str, Any]:
        """The object that `market.find_posts` takes; the alerts add the `ids` that they ask about."""
        made: dict[str, Any] = {
            "words": needles(self.q),
            "side": self.side or None,
            "categories": _kinds(self.category, categories),
            "attributes": self.attributes,
            "ranges": [{"code": each.code, "least": each.least, "most": each.most} for each in self.ranges],
            "currency": self.currency or None,
            "price_from": self.price_from,
            "price_to": self.price_to,
            # Sorted by price there is no place for a post that names none.
            "priced": self.priced or self.sort in ("price", "price_down") or {self.price_from, self.price_to} != {None},
            "named": self.named,
            "quantity_from": self.quantity_from,
            "country": self.country or None,
            "term": self.term or None,
            "delivery_from": self.delivery_from,
            "delivery_to": self.delivery_to,
        }
        return {name: value for name, value in made.items() if value not in (None, False, [], {})}


def needles(q: str) -> list[str]:
    """What must stand in a post for it to fit the words `q`. Words are found inside longer ones, so the plural of an English
    word asks for its singular (`coils` for `coil`), and one with hyphens for its parts (`hot-rolled` for `hot rolled`).
    Traditional characters ask for the simplified ones, which posts written in them have beside theirs.
    """
    words = simplified(unicodedata.normalize("NFKC", q).lower()).split()
    return sorted({_singular(part) for word in words for part in _parts(word)})


def _parts(word: str) -> list[str]:
    """The number of a model, such as `A-1`, stays whole: its parts stand everywhere."""
    parts = _HYPHENS.split(word)
    return parts if all(len(part) >= _SHORTEST_PART for part in parts) else [word]


def _singular(word: str) -> str:
    if _IES.fullmatch(word):
        return word.removesuffix("y").removesuffix("ies")
    if _ES.fullmatch(word):
        return word[:-2]
    return word[:-1] if _S.fullmatch(word) else word


def _kinds(code: str, categories: Sequence[Category]) -> list[str]:
    """The kinds of goods that are meant by one of them, or by a group."""
    if not code:
        return []
    below = [each.code for each in categories if each.parent == code]
    # A group that is still empty holds nothing; no kind of goods is called so.
    return below or [code]


def _typed(value: Value) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


def _text(number: int | None) -> str:
    return "" if number is None else str(number)
