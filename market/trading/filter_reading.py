"""From an address to the filters of the market's search: what can't be read is left out and told, with what would be right.

A page shows what the rest finds beside what was wrong; a program is refused. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import TypeVar

from msgspec import Struct

from market.currencies import EXPONENTS, AmountProblem, parse_amount
from market.trading.countries import country_code
from market.trading.facts import CURRENCIES, LARGEST_NUMBER, LARGEST_QUANTITY, TERMS, Category, Kind, Side, Value
from market.trading.filters import LAST_PAGE, LONGEST_SEARCH, SORTS, PostFilters, Range
from market.trading.reading import GROUPED, plain_figures

Bound = TypeVar("Bound", int, date)

NAMES: tuple[str, ...] = (
    "q", "side", "category", "currency", "price_from", "price_to", "priced", "named", "quantity_from", "country", "term",
    "delivery_from", "delivery_to", "sort", "page",
)  # fmt: skip
"""What may be asked of all goods; attributes are `attr_<code>`, of whole numbers `attr_<code>_from` and `_to`."""
_ELSEWHERE = frozenset({"lang", "format"})
"""In the address, but no filters."""
LONGEST_TOLD = 40
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class FilterFault(StrEnum):
    """What is wrong with one filter; the sentence is `filter_fault.<value>`."""

    UNKNOWN = "unknown"
    TWICE = "twice"
    TOO_LONG = "too_long"
    NO_SUCH_CHOICE = "no_such_choice"
    NO_SUCH_CATEGORY = "no_such_category"
    NO_SUCH_COUNTRY = "no_such_country"
    NO_SUCH_ATTRIBUTE = "no_such_attribute"
    GOODS_FIRST = "goods_first"
    IN_WORDS = "in_words"
    NOT_A_NUMBER = "not_a_number"
    NOT_AN_AMOUNT = "not_an_amount"
    NEEDS_CURRENCY = "needs_currency"
    NOT_A_DATE = "not_a_date"
    OUT_OF_RANGE = "out_of_range"
    REVERSED = "reversed"


class WrongFilter(Struct, frozen=True, kw_only=True):
    """A filter that was left out: its name in the address, what was typed, why, and figures for the sentence."""

    name: str
    typed: str
    fault: FilterFault
    params: dict[str, str | int] = {}


class ReadFilters(Struct, frozen=True, kw_only=True):
    """The filters that could be read, and the others."""

    filters: PostFilters
    wrong: list[WrongFilter] = []


def filters_from_query(query: Mapping[str, str], categories: Sequence[Category]) -> PostFilters:
    """The filters that can be read."""
    return read_filters(query.items(), categories).filters


def read_filters(
    query: Iterable[tuple[str, str]], categories: Sequence[Category], now: datetime | None = None
) -> ReadFilters:
    """The filters of a page's address. `now` is for an example of a date."""
    reader = _Reader(query, now)
    category = reader.category(categories)
    currency = reader.one_of("currency", CURRENCIES)
    attributes, ranges = reader.attributes(category)
    price_from, price_to = reader.prices(currency)
    delivery_from, delivery_to = reader.days()
    filters = PostFilters(
        q=reader.words(),
        side=reader.one_of("side", tuple(Side)),
        category=category.code if category is not None else "",
        attributes=attributes,
        ranges=ranges,
        currency=currency,
        price_from=price_from,
        price_to=price_to,
        priced=reader.flag("priced") or False,
        named=reader.flag("named") or False,
        quantity_from=reader.whole("quantity_from", 1, LARGEST_QUANTITY),
        country=reader.country(),
        term=reader.one_of("term", TERMS),
        delivery_from=delivery_from,
        delivery_to=delivery_to,
        sort=reader.one_of("sort", SORTS) or "newest",
        page=reader.whole("page", 1, LAST_PAGE) or 1,
    )
    reader.rest()
    return ReadFilters(filters=filters, wrong=reader.wrong)


class _Reader:
    def __init__(self, query: Iterable[tuple[str, str]], now: datetime | None) -> None:
        self.wrong: list[WrongFilter] = []
        self._typed: dict[str, str] = {}
        self._read: set[str] = set()
        self._example = (now.date() if now is not None else date(2026, 12, 31)).isoformat()
        for name, value in query:
            plain = value.replace("\x00", "").strip()
            if plain != self._typed.setdefault(name, plain):
                self._told(name, plain, FilterFault.TWICE)

    def _told(self, name: str, typed: str, fault: FilterFault, **params: str | int) -> None:
        told = WrongFilter(name=name[:LONGEST_TOLD], typed=typed[:LONGEST_TOLD], fault=fault, params=params)
        self.wrong.append(told)

    def _asked(self, name: str) -> str:
        self._read.add(name)
        return self._typed.get(name, "")

    def words(self) -> str:
        asked = " ".join(self._asked("q").split())
        if len(asked) > LONGEST_SEARCH:
            self._told("q", asked, FilterFault.TOO_LONG, most=LONGEST_SEARCH)
            return ""
        return asked

    def one_of(self, name: str, allowed: Sequence[str]) -> str:
        """Small letters do for capitals, and the other way round."""
        asked = self._asked(name)
        found = next((each for each in allowed if asked in (each, each.lower(), each.upper())), "")
        if asked and not found:
            self._told(name, asked, FilterFault.NO_SUCH_CHOICE, choices=", ".join(allowed))
        return found

    def category(self, categories: Sequence[Category]) -> Category | None:
        asked = self._asked("category")
        found = next((each for each in categories if each.code == asked), None)
        if asked and found is None:
            choices = ", ".join(each.code for each in categories if each.retired_at is None)
            self._told("category", asked, FilterFault.NO_SUCH_CATEGORY, choices=choices)
        return found

    def country(self) -> str:
        asked = self._asked("country")
        code = country_code(asked) if asked else ""
        if code is None:
            self._told("country", asked, FilterFault.NO_SUCH_COUNTRY)
        return code or ""

    def flag(self, name: str) -> bool | None:
        asked = self._asked(name)
        if asked not in ("", "0", "1"):
            self._told(name, asked, FilterFault.NO_SUCH_CHOICE, choices="1, 0")
        return {"1": True, "0": False}.get(asked)

    def whole(self, name: str, least: int, most: int) -> int | None:
        asked = self._asked(name)
        if not asked:
            return None
        plain = plain_figures(asked).replace(",", "") if GROUPED.fullmatch(plain_figures(asked)) else ""
        if not plain:
            self._told(name, asked, FilterFault.NOT_A_NUMBER)
        elif len(plain) > 16 or not least <= int(plain) <= most:
            self._told(name, asked, FilterFault.OUT_OF_RANGE, least=least, most=most)
        else:
            return int(plain)
        return None

    def _price(self, name: str, currency: str) -> int | None:
        """A price needs its currency: a thousand of what?"""
        asked = self._asked(name)
        if not asked:
            return None
        if not currency:
            self._told(name, asked, FilterFault.NEEDS_CURRENCY, choices=", ".join(CURRENCIES))
            return None
        read = parse_amount(asked, EXPONENTS[currency])
        if isinstance(read, AmountProblem):
            self._told(name, asked, FilterFault.NOT_AN_AMOUNT, currency=currency, decimals=EXPONENTS[currency])
            return None
        return read

    def days(self) -> tuple[date | None, date | None]:
        return self._ordered("delivery", self._day("delivery_from"), self._day("delivery_to"))

    def _day(self, name: str) -> date | None:
        asked = self._asked(name)
        if not asked:
            return None
        try:
            if not _DAY.fullmatch(asked):
                raise ValueError(asked)
            return date.fromisoformat(asked)
        except ValueError:
            self._told(name, asked, FilterFault.NOT_A_DATE, example=self._example)
            return None

    def prices(self, currency: str) -> tuple[int | None, int | None]:
        return self._ordered("price", self._price("price_from", currency), self._price("price_to", currency))

    def _ordered(self, name: str, first: Bound | None, last: Bound | None) -> tuple[Bound | None, Bound | None]:
        """Nothing lies between two ends that are the wrong way round."""
        if first is None or last is None or first <= last:
            return first, last
        asked = f"{self._typed[f'{name}_from']} – {self._typed[f'{name}_to']}"
        self._told(f"{name}_to", asked, FilterFault.REVERSED)
        return None, None

    def attributes(self, category: Category | None) -> tuple[dict[str, Value], tuple[Range, ...]]:
        equal: dict[str, Value] = {}
        ranges = []
        for kind in category.attributes if category is not None else ():
            name = f"attr_{kind.code}"
            if kind.kind is Kind.CHOICE and (choice := self.one_of(name, [each.code for each in kind.choices])):
                equal[kind.code] = choice
            elif kind.kind is Kind.FLAG and (flag := self.flag(name)) is not None:
                equal[kind.code] = flag
            elif kind.kind is Kind.TEXT and (asked := self._asked(name)):
                self._told(name, asked, FilterFault.IN_WORDS)
            elif kind.kind is Kind.INTEGER:
                ends = self.whole(f"{name}_from", 0, LARGEST_NUMBER), self.whole(f"{name}_to", 0, LARGEST_NUMBER)
                least, most = self._ordered(name, *ends)
                if (least, most) != (None, None):
                    ranges.append(Range(code=kind.code, least=least, most=most))
        self._other_attributes(category)
        return equal, tuple(ranges)

    def _other_attributes(self, category: Category | None) -> None:
        for name, asked in self._typed.items():
            if not name.startswith("attr_") or name in self._read:
                continue
            self._read.add(name)
            if not asked:
                continue
            if category is None or category.is_group:
                self._told(name, asked, FilterFault.GOODS_FIRST)
            else:
                self._told(name, asked, FilterFault.NO_SUCH_ATTRIBUTE, choices=_names(category))

    def rest(self) -> None:
        """What no filter is called."""
        for name, asked in self._typed.items():
            if asked and name not in self._read and name not in _ELSEWHERE:
                self._told(name, asked, FilterFault.UNKNOWN, choices=", ".join(NAMES))


def _names(category: Category) -> str:
    """The attributes that can be asked for, as the address has them without their `attr_`."""
    ends = {Kind.INTEGER: ("_from", "_to"), Kind.TEXT: ()}
    names = [
        f"{kind.code}{end}" for kind in category.attributes if not kind.retired for end in ends.get(kind.kind, ("",))
    ]
    return ", ".join(names)
