"""What is asked of the market: filters as they stand in the address of the page, and as the database understands them. Pure.

What the house doesn't know is left out, as if it had not been asked: an old link finds too much rather than nothing.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from urllib.parse import urlencode

from msgspec import Struct

from market.currencies import EXPONENTS, AmountProblem, decimal_text, parse_amount
from market.trading.countries import country_names
from market.trading.facts import CURRENCIES, LARGEST_NUMBER, LARGEST_QUANTITY, TERMS, Category, Kind, Side, Value

SORTS: tuple[str, ...] = ("newest", "price", "price_down", "delivery", "lapsing")
PAGE_SIZE = 20
LAST_PAGE = 25
LONGEST_SEARCH = 100
MOST_COUNTED = 500
"""Beyond this many the page says "more than": nobody reads on, and counting all would cost more than finding."""


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

    def wanted(self, categories: Sequence[Category], ids: Sequence[int] | None = None) -> dict[str, Any]:
        """The object that `market.find_posts` takes."""
        words = sorted(set(unicodedata.normalize("NFKC", self.q).lower().split()))
        made: dict[str, Any] = {
            "words": words,
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
            "ids": None if ids is None else list(ids),
        }
        return {name: value for name, value in made.items() if value not in (None, False, [], {})}


def filters_from_query(query: Mapping[str, str], categories: Sequence[Category]) -> PostFilters:
    """The filters of a page's address."""
    known = {each.code: each for each in categories}
    code, currency = query.get("category", ""), query.get("currency", "")
    category = known.get(code)
    currency = currency if currency in CURRENCIES else ""
    page, sort, term, country = (query.get(name, "") for name in ("page", "sort", "term", "country"))
    attributes, ranges = _attributes(query, category)
    return PostFilters(
        q=" ".join(query.get("q", "").replace("\x00", "").split())[:LONGEST_SEARCH],
        side=query.get("side", "") if query.get("side") in tuple(Side) else "",
        category=code if category is not None else "",
        attributes=attributes,
        ranges=ranges,
        currency=currency,
        price_from=_amount(query.get("price_from", ""), currency),
        price_to=_amount(query.get("price_to", ""), currency),
        priced=query.get("priced") == "1",
        named=query.get("named") == "1",
        quantity_from=_whole(query.get("quantity_from", ""), LARGEST_QUANTITY) or None,
        country=country if country in country_names("en") else "",
        term=term if term in TERMS else "",
        delivery_from=_day(query.get("delivery_from", "")),
        delivery_to=_day(query.get("delivery_to", "")),
        sort=sort if sort in SORTS else "newest",
        page=min(_whole(page, 99_999) or 1, LAST_PAGE),
    )


def _attributes(query: Mapping[str, str], category: Category | None) -> tuple[dict[str, Value], tuple[Range, ...]]:
    equal: dict[str, Value] = {}
    ranges = []
    for kind in category.attributes if category is not None else ():
        typed = query.get(f"attr_{kind.code}", "").replace("\x00", "").strip()
        if kind.kind is Kind.CHOICE and kind.choice(typed) is not None:
            equal[kind.code] = typed
        elif kind.kind is Kind.FLAG and typed == "1":
            equal[kind.code] = True
        elif kind.kind is Kind.INTEGER:
            least = _whole(query.get(f"attr_{kind.code}_from", ""), LARGEST_NUMBER)
            most = _whole(query.get(f"attr_{kind.code}_to", ""), LARGEST_NUMBER)
            if least is not None or most is not None:
                ranges.append(Range(code=kind.code, least=least, most=most))
    return equal, tuple(ranges)


def _kinds(code: str, categories: Sequence[Category]) -> list[str]:
    """The kinds of goods that are meant by one of them, or by a group."""
    if not code:
        return []
    below = [each.code for each in categories if each.parent == code]
    # A group that is still empty holds nothing; no kind of goods is called so.
    return below or [code]


def _typed(value: Value) -> str:
    return "1" if value is True else str(value)


def _text(number: int | None) -> str:
    return "" if number is None else str(number)


def _whole(typed: str, most: int) -> int | None:
    plain = unicodedata.normalize("NFKC", typed).replace(",", "").strip()
    if not (plain.isascii() and plain.isdigit()) or len(plain) > 13:
        return None
    return min(int(plain), most)


def _amount(typed: str, currency: str) -> int | None:
    """A price needs its currency: a thousand of what?"""
    if not typed or not currency:
        return None
    read = parse_amount(typed, EXPONENTS[currency])
    return None if isinstance(read, AmountProblem) else read


def _day(typed: str) -> date | None:
    try:
        return date.fromisoformat(typed) if len(typed) == 10 else None
    except ValueError:
        return None
