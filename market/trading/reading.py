"""From what people type to the content of a post: one reader for the form's boxes and for the cells of a CSV file.

Exact or refused, never guessed; every fault names its box and says what would be right. Names in either language serve
where a code does. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from msgspec import Struct, field

from market.currencies import EXPONENTS, AmountProblem, decimal_text, parse_amount
from market.trading.countries import country_code
from market.trading.facts import (
    CURRENCIES,
    LARGEST_QUANTITY,
    TERMS,
    VALID_DAYS,
    AttributeType,
    Category,
    Kind,
    PostContent,
    Side,
    Value,
)
from market.trading.rules import Fault, PostFault, faults

YES = frozenset({"1", "yes", "y", "true", "是", "有", "✓"})
NO = frozenset({"0", "no", "n", "false", "否", "无"})
SIDES = {
    "supply": Side.SUPPLY, "sell": Side.SUPPLY, "offer": Side.SUPPLY, "供应": Side.SUPPLY, "供": Side.SUPPLY, "出售": Side.SUPPLY,
    "demand": Side.DEMAND, "buy": Side.DEMAND, "wanted": Side.DEMAND, "求购": Side.DEMAND, "需": Side.DEMAND, "采购": Side.DEMAND,
}  # fmt: skip
COLUMNS: tuple[str, ...] = (
    "side", "category", "title_zh", "title_en", "description_zh", "description_en", "quantity", "minimum", "all_or_none",
    "price", "currency", "country", "place", "latitude", "longitude", "delivery_from", "delivery_to", "term", "valid_days",
    "anonymous",
)  # fmt: skip
"""Every field but the attributes, which are `attr_<code>`."""

_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?", re.ASCII)
GROUPED = re.compile(r"\d{1,3}(,\d{3})+|\d+", re.ASCII)
_DEGREES = re.compile(r"(-?)(\d{1,3})(?:\.(\d{1,6}))?", re.ASCII)


def plain_figures(text: str) -> str:
    """Full-width figures and signs as plain ones. Raised, circled and fractional figures stay what they are: 10² is not 102."""
    if text.isascii() or any(unicodedata.category(letter) == "No" for letter in text):
        return text
    return unicodedata.normalize("NFKC", text)


class ReadPost(Struct, kw_only=True):
    """What was typed, and the content that it makes if nothing is wrong."""

    values: dict[str, str]
    content: PostContent | None = None
    valid_days: int = 30
    faults: list[Fault] = field(default_factory=list)

    @property
    def of_field(self) -> dict[str, Fault]:
        """The first fault of each box."""
        first: dict[str, Fault] = {}
        for each in self.faults:
            first.setdefault(each.field, each)
        return first


def goods_by_name(categories: Sequence[Category]) -> dict[str, Category]:
    """Kinds of goods by their codes and, folded, their names in both languages."""
    kinds = [each for each in categories if not each.is_group]
    by_name = {name.casefold(): each for each in reversed(kinds) for name in (each.name_zh, each.name_en)}
    return by_name | {each.code: each for each in kinds}


def read_post(
    typed: Mapping[str, str],
    goods: Mapping[str, Category],
    now: datetime,
    *,
    party_name: str = "",
    is_new: bool = True,
) -> ReadPost:
    """Read and judge a whole post; `goods` by their names. Faults of reading come first; only what could be read is judged."""
    reader = _Reader({name: value.replace("\x00", "") for name, value in typed.items()}, now.date())
    category = reader.category(goods)
    made: dict[str, Any] = {
        "side": reader.side(),
        "title_zh": reader.line("title_zh"),
        "title_en": reader.line("title_en"),
        "description_zh": reader.text("description_zh"),
        "description_en": reader.text("description_en"),
        "quantity": reader.whole("quantity", 1, LARGEST_QUANTITY, required=True),
        "all_or_none": reader.flag("all_or_none"),
        "minimum": reader.whole("minimum", 1, LARGEST_QUANTITY),
        "currency": reader.one_of("currency", CURRENCIES),
        "country": reader.country(),
        "place": reader.line("place"),
        "latitude": reader.degrees("latitude"),
        "longitude": reader.degrees("longitude"),
        "delivery_from": reader.day("delivery_from"),
        "delivery_to": reader.day("delivery_to"),
        "term": reader.one_of("term", TERMS),
        "anonymous": reader.flag("anonymous"),
    }
    made["price_minor"] = reader.price("price", made["currency"])
    made["minimum"] = made["minimum"] or 1
    made["attributes"] = reader.attributes(category) if category is not None else {}
    valid_days = reader.valid_days()
    read = ReadPost(values=reader.values, valid_days=valid_days, faults=reader.faults)
    if all(made[name] is not None for name in ("side", "quantity", "delivery_from", "delivery_to")) and category:
        content = PostContent(category=category.code, **made)
        named = {each.field for each in read.faults}
        judged = faults(content, category, now, party_name=party_name, is_new=is_new)
        read.faults += [each for each in judged if each.field not in named]
        if not read.faults:
            read.content = content
    return read


def values_of(content: PostContent) -> dict[str, str]:
    """The content as the boxes show it."""
    exponent = EXPONENTS[content.currency]
    values = {
        "side": content.side.value,
        "category": content.category,
        "title_zh": content.title_zh,
        "title_en": content.title_en,
        "description_zh": content.description_zh,
        "description_en": content.description_en,
        "quantity": str(content.quantity),
        "minimum": "" if content.minimum == 1 else str(content.minimum),
        "all_or_none": "1" if content.all_or_none else "",
        "price": "" if content.price_minor is None else decimal_text(content.price_minor, exponent),
        "currency": content.currency,
        "country": content.country,
        "place": content.place,
        "latitude": _degrees_text(content.latitude),
        "longitude": _degrees_text(content.longitude),
        "delivery_from": content.delivery_from.isoformat(),
        "delivery_to": content.delivery_to.isoformat(),
        "term": content.term,
        "anonymous": "1" if content.anonymous else "",
    }
    for code, value in content.attributes.items():
        values[f"attr_{code}"] = "1" if value is True else "0" if value is False else str(value)
    return values


class _Reader:
    def __init__(self, values: dict[str, str], today: date) -> None:
        self.values = values
        self.today = today
        self.faults: list[Fault] = []

    def _typed(self, name: str) -> str:
        return self.values.get(name, "").strip()

    def _plain(self, name: str) -> str:
        return plain_figures(self._typed(name))

    def wrong(self, name: str, code: PostFault, **params: str | int) -> None:
        self.faults.append(Fault(field=name, code=code, params=params))

    def line(self, name: str) -> str:
        return " ".join(unicodedata.normalize("NFC", self._typed(name)).split())

    def text(self, name: str) -> str:
        return unicodedata.normalize("NFC", self._typed(name)).replace("\r\n", "\n").replace("\r", "\n")

    def side(self) -> Side | None:
        typed = self._typed("side").casefold()
        if typed not in SIDES:
            missing = PostFault.NO_SUCH_CHOICE if typed else PostFault.MISSING
            self.wrong("side", missing, **({"value": typed[:40], "choices": "supply, demand"} if typed else {}))
        return SIDES.get(typed)

    def category(self, goods: Mapping[str, Category]) -> Category | None:
        typed = self._typed("category")
        found = goods.get(typed.casefold())
        if found is None and typed:
            self.wrong("category", PostFault.NO_SUCH_CATEGORY, value=typed[:40])
        elif found is None:
            self.wrong("category", PostFault.MISSING)
        return found

    def whole(self, name: str, least: int, most: int, *, required: bool = False) -> int | None:
        typed = self._plain(name).replace("，", ",").replace(" ", "")
        if not typed:
            if required:
                self.wrong(name, PostFault.MISSING)
            return None
        if not GROUPED.fullmatch(typed):
            self.wrong(name, PostFault.NOT_A_NUMBER, value=typed[:40])
            return None
        number = int(typed.replace(",", "")[:20])
        if not least <= number <= most:
            self.wrong(name, PostFault.OUT_OF_RANGE, least=least, most=most)
            return None
        return number

    def flag(self, name: str) -> bool:
        typed = self._typed(name).casefold()
        if typed and typed not in YES | NO:
            self.wrong(name, PostFault.NOT_YES_OR_NO, value=typed[:40])
        return typed in YES

    def one_of(self, name: str, allowed: Sequence[str]) -> str:
        typed = self._plain(name).upper()
        if not typed:
            self.wrong(name, PostFault.MISSING)
        elif typed not in allowed:
            self.wrong(name, PostFault.NO_SUCH_CHOICE, value=typed[:40], choices=", ".join(allowed))
        return typed

    def country(self) -> str:
        typed = self._typed("country")
        code = country_code(typed) if typed else None
        if not typed:
            self.wrong("country", PostFault.MISSING)
        elif code is None:
            self.wrong("country", PostFault.NO_SUCH_COUNTRY, value=typed[:40])
        return code or ""

    def price(self, name: str, currency: str) -> int | None:
        """Empty, or a word for it, asks for offers."""
        typed = self._typed(name)
        if typed.casefold() in ("", "ask", "面议", "询价") or currency not in CURRENCIES:
            return None
        read = parse_amount(typed, EXPONENTS[currency])
        if isinstance(read, AmountProblem):
            self.wrong(name, PostFault.NOT_AN_AMOUNT, value=typed[:40], currency=currency, decimals=EXPONENTS[currency])
            return None
        return read

    def degrees(self, name: str) -> int | None:
        typed = self._plain(name).replace("−", "-")
        if not typed:
            return None
        found = _DEGREES.fullmatch(typed)
        if found is None:
            self.wrong(name, PostFault.NOT_A_NUMBER, value=typed[:40])
            return None
        micro = int(found[2]) * 1_000_000 + int((found[3] or "").ljust(6, "0") or 0)
        return -micro if found[1] else micro

    def day(self, name: str) -> date | None:
        typed = self._plain(name)
        if not typed:
            self.wrong(name, PostFault.MISSING)
            return None
        found = _DATE.fullmatch(typed)
        try:
            if found is None:
                raise ValueError(typed)
            return date(int(found[1]), int(found[2]), int(found[3]))
        except ValueError:
            self.wrong(name, PostFault.NOT_A_DATE, value=typed[:40], example=self.today.isoformat())
            return None

    def valid_days(self) -> int:
        typed = self._plain("valid_days")
        days = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 4 else 0
        if typed and days not in VALID_DAYS:
            self.wrong("valid_days", PostFault.NO_SUCH_CHOICE, value=typed[:40], choices=_listed(VALID_DAYS))
        return days if days in VALID_DAYS else 30

    def attributes(self, category: Category) -> dict[str, Value]:
        made: dict[str, Value] = {}
        for kind in category.attributes:
            typed = self._typed(f"attr_{kind.code}")
            value = self._attribute(kind, typed) if typed else None
            if value is not None:
                made[kind.code] = value
        known = {f"attr_{kind.code}" for kind in category.attributes}
        for name in self.values:
            if name.startswith("attr_") and name not in known and self._typed(name):
                choices = ", ".join(kind.code for kind in category.attributes if not kind.retired)
                self.wrong(name[:60], PostFault.UNKNOWN_ATTRIBUTE, value=name[5:45], choices=choices)
        return made

    def _attribute(self, kind: AttributeType, typed: str) -> Value | None:
        name = f"attr_{kind.code}"
        if kind.kind is Kind.INTEGER:
            return self.whole(name, 0, 10**9)
        if kind.kind is Kind.FLAG:
            return self.flag(name)
        if kind.kind is Kind.TEXT:
            return self.line(name)
        wanted = typed.casefold()
        for choice in kind.choices:
            if wanted in (choice.code, choice.name_en.casefold(), choice.name_zh.casefold()):
                return choice.code
        choices = ", ".join(choice.code for choice in kind.choices if not choice.retired)
        self.wrong(name, PostFault.NO_SUCH_CHOICE, value=typed[:40], choices=choices)
        return None


def _listed(values: Sequence[Any]) -> str:
    return ", ".join(str(value) for value in values)


def _degrees_text(micro: int | None) -> str:
    if micro is None:
        return ""
    whole, rest = divmod(abs(micro), 1_000_000)
    decimals = f"{rest:06d}".rstrip("0")
    return f"{'-' if micro < 0 else ''}{whole}{'.' + decimals if decimals else ''}"
