"""What a post may say. Pure: content, its category and the instant in; faults out, each with the box it stands beside.

A fault is told in words that say what would be right: `post_fault.<value>` of the catalogue, with the fault's own figures.
"""

from __future__ import annotations

import unicodedata
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import Struct

from market.currencies import EXPONENTS
from market.trading.facts import (
    CURRENCIES,
    LARGEST_NUMBER,
    LARGEST_QUANTITY,
    LARGEST_SUM_MINOR,
    LONGEST_DESCRIPTION,
    LONGEST_PLACE,
    LONGEST_TEXT,
    LONGEST_TITLE,
    TERMS,
    AttributeType,
    Category,
    Kind,
    PostContent,
    Value,
)
from market.trading.hanzi import simplified

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

FURTHEST_DELIVERY = timedelta(days=3 * 366)
SHORTEST_TELLING_NAME = 3
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


class PostFault(StrEnum):
    """In the order tested."""

    MISSING = "missing"
    TITLE_MISSING = "title_missing"
    TOO_LONG = "too_long"
    UNSEEN = "unseen"
    NO_SUCH_CHOICE = "no_such_choice"
    NOT_A_NUMBER = "not_a_number"
    NOT_YES_OR_NO = "not_yes_or_no"
    NOT_A_DATE = "not_a_date"
    NOT_AN_AMOUNT = "not_an_amount"
    UNKNOWN_ATTRIBUTE = "unknown_attribute"
    NO_SUCH_CATEGORY = "no_such_category"
    NO_SUCH_COUNTRY = "no_such_country"
    OUT_OF_RANGE = "out_of_range"
    MINIMUM_ABOVE_QUANTITY = "minimum_above_quantity"
    MINIMUM_WITH_ALL_OR_NONE = "minimum_with_all_or_none"
    SUM_TOO_LARGE = "sum_too_large"
    POINT_NOT_WHOLE = "point_not_whole"
    WINDOW_REVERSED = "window_reversed"
    WINDOW_PAST = "window_past"
    WINDOW_TOO_FAR = "window_too_far"
    NAMES_ITS_PARTY = "names_its_party"
    TOO_MANY_CELLS = "too_many_cells"
    AMBIGUOUS_COMMA = "ambiguous_comma"
    CARD_NUMBER = "card_number"
    FIXED = "fixed"


class Fault(Struct, frozen=True, kw_only=True):
    """One thing that is wrong: the field, what, and figures for its sentence."""

    field: str
    code: PostFault
    params: dict[str, str | int] = {}


def faults(
    content: PostContent, category: Category | None, today_at: datetime, *, party_name: str = "", is_new: bool = True
) -> list[Fault]:
    """Everything that is wrong with the content, in the order of the form. `party_name`: whom an anonymous post may not name."""
    if category is None or category.is_group or (is_new and category.retired_at is not None):
        return [Fault(field="category", code=PostFault.NO_SUCH_CATEGORY, params={"value": content.category})]
    return [
        *_text_faults(content, party_name),
        *_attribute_faults(content.attributes, category),
        *_figure_faults(content),
        *_delivery_faults(content, today_at),
    ]


def words_of(content: PostContent, category: Category, group: Category | None) -> str:
    """What the search finds the post by beside its own texts: the category's and the attributes' words in both languages, and
    in simplified characters what is written in traditional ones.
    """
    parts = [category.name_en, category.name_zh]
    parts += [group.name_en, group.name_zh] if group is not None else []
    for code, value in content.attributes.items():
        kind = category.attribute(code)
        choice = kind.choice(str(value)) if kind is not None and kind.kind is Kind.CHOICE else None
        if choice is not None:
            parts += [choice.name_en] if choice.name_en == choice.name_zh else [choice.name_en, choice.name_zh]
        elif kind is not None and kind.kind is Kind.FLAG:
            parts += [kind.name_en, kind.name_zh] if value is True else []
        else:
            parts.append(str(value))
    said = [*parts, content.title_zh, content.title_en, content.description_zh, content.description_en, content.place]
    parts += [plain for text in said if (plain := simplified(text)) != text]
    return " ".join(parts)


def attribute_fault(kind: AttributeType, value: Value) -> Fault | None:
    """Whether a value is of the attribute's type."""
    field = f"attr_{kind.code}"
    if kind.kind is Kind.CHOICE:
        if not isinstance(value, str) or kind.choice(value) is None:
            choices = ", ".join(choice.code for choice in kind.choices if not choice.retired)
            return Fault(
                field=field, code=PostFault.NO_SUCH_CHOICE, params={"value": str(value)[:40], "choices": choices}
            )
    elif kind.kind is Kind.FLAG:
        if not isinstance(value, bool):
            return Fault(field=field, code=PostFault.NOT_YES_OR_NO, params={"value": str(value)[:40]})
    elif kind.kind is Kind.INTEGER:
        if isinstance(value, bool) or not isinstance(value, int):
            return Fault(field=field, code=PostFault.NOT_A_NUMBER, params={"value": str(value)[:40]})
        if not 0 <= value <= LARGEST_NUMBER:
            return Fault(field=field, code=PostFault.OUT_OF_RANGE, params={"least": 0, "most": LARGEST_NUMBER})
    elif not isinstance(value, str) or not value.strip():
        return Fault(field=field, code=PostFault.MISSING)
    elif len(value) > LONGEST_TEXT:
        return Fault(field=field, code=PostFault.TOO_LONG, params={"most": LONGEST_TEXT})
    elif not shows_what_it_says(value):
        return Fault(field=field, code=PostFault.UNSEEN)
    return None


def _text_faults(content: PostContent, party_name: str) -> Iterator[Fault]:
    if not (content.title_zh or content.title_en):
        yield Fault(field="title_en", code=PostFault.TITLE_MISSING)
    longest = {
        "title_zh": LONGEST_TITLE,
        "title_en": LONGEST_TITLE,
        "description_zh": LONGEST_DESCRIPTION,
        "description_en": LONGEST_DESCRIPTION,
        "place": LONGEST_PLACE,
    }
    for field, most in longest.items():
        text: str = getattr(content, field)
        if len(text) > most:
            yield Fault(field=field, code=PostFault.TOO_LONG, params={"most": most})
        elif not shows_what_it_says(text):
            yield Fault(field=field, code=PostFault.UNSEEN)
        elif content.anonymous and _names(text, party_name):
            yield Fault(field=field, code=PostFault.NAMES_ITS_PARTY, params={"name": party_name})
    for code, value in content.attributes.items():
        if content.anonymous and isinstance(value, str) and _names(value, party_name):
            yield Fault(field=f"attr_{code}", code=PostFault.NAMES_ITS_PARTY, params={"name": party_name})


def shows_what_it_says(text: str) -> bool:
    """Nothing invisible and nothing that turns the direction of what follows: no contract could be made of it."""
    return text.isprintable() or all(letter in "\n\t" or unicodedata.category(letter) not in _UNSEEN for letter in text)


def _names(text: str, party_name: str) -> bool:
    folded = _folded(party_name)
    return len(folded) >= SHORTEST_TELLING_NAME and folded in _folded(text)


@lru_cache(maxsize=256)
def _folded(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def _attribute_faults(attributes: Mapping[str, Value], category: Category) -> Iterator[Fault]:
    for kind in category.attributes:
        if kind.code not in attributes:
            if kind.required and not kind.retired:
                yield Fault(field=f"attr_{kind.code}", code=PostFault.MISSING)
        elif (found := attribute_fault(kind, attributes[kind.code])) is not None:
            yield found
    known = {kind.code for kind in category.attributes}
    for code in attributes:
        if code not in known:
            names = ", ".join(kind.code for kind in category.attributes if not kind.retired)
            params: dict[str, str | int] = {"value": code[:40], "choices": names}
            yield Fault(field=f"attr_{code}"[:60], code=PostFault.UNKNOWN_ATTRIBUTE, params=params)


def _figure_faults(content: PostContent) -> Iterator[Fault]:
    if not 1 <= content.quantity <= LARGEST_QUANTITY:
        params: dict[str, str | int] = {"least": 1, "most": LARGEST_QUANTITY}
        yield Fault(field="quantity", code=PostFault.OUT_OF_RANGE, params=params)
    elif not 1 <= content.minimum <= content.quantity:
        yield Fault(field="minimum", code=PostFault.MINIMUM_ABOVE_QUANTITY, params={"most": content.quantity})
    elif content.all_or_none and content.minimum != 1:
        yield Fault(field="minimum", code=PostFault.MINIMUM_WITH_ALL_OR_NONE)
    if content.currency not in CURRENCIES:
        choices = ", ".join(CURRENCIES)
        params = {"value": content.currency[:40], "choices": choices}
        yield Fault(field="currency", code=PostFault.NO_SUCH_CHOICE, params=params)
    if content.price_minor is not None:
        if content.price_minor < 1:
            decimals = EXPONENTS.get(content.currency, 2)
            params = {"value": str(content.price_minor), "currency": content.currency[:40], "decimals": decimals}
            yield Fault(field="price", code=PostFault.NOT_AN_AMOUNT, params=params)
        elif content.price_minor * max(content.quantity, 1) > LARGEST_SUM_MINOR:
            yield Fault(field="price", code=PostFault.SUM_TOO_LARGE)


def _delivery_faults(content: PostContent, today_at: datetime) -> Iterator[Fault]:
    from market.trading.countries import country_names

    if content.country not in country_names("en"):
        yield Fault(field="country", code=PostFault.NO_SUCH_COUNTRY, params={"value": content.country[:40]})
    if not content.place.strip():
        yield Fault(field="place", code=PostFault.MISSING)
    if (content.latitude is None) != (content.longitude is None):
        yield Fault(field="latitude", code=PostFault.POINT_NOT_WHOLE)
    elif content.latitude is not None and content.longitude is not None:
        if abs(content.latitude) > 90_000_000:
            yield Fault(field="latitude", code=PostFault.OUT_OF_RANGE, params={"least": -90, "most": 90})
        if abs(content.longitude) > 180_000_000:
            yield Fault(field="longitude", code=PostFault.OUT_OF_RANGE, params={"least": -180, "most": 180})
    # Somewhere on earth it is still yesterday.
    today = (today_at - timedelta(hours=12)).date()
    if content.delivery_from > content.delivery_to:
        yield Fault(field="delivery_to", code=PostFault.WINDOW_REVERSED)
    elif content.delivery_to < today:
        yield Fault(field="delivery_to", code=PostFault.WINDOW_PAST, params={"date": today.isoformat()})
    elif content.delivery_to - today > FURTHEST_DELIVERY:
        latest = today + FURTHEST_DELIVERY
        yield Fault(field="delivery_to", code=PostFault.WINDOW_TOO_FAR, params={"date": latest.isoformat()})
    if content.term not in TERMS:
        params: dict[str, str | int] = {"value": content.term[:40], "choices": ", ".join(TERMS)}
        yield Fault(field="term", code=PostFault.NO_SUCH_CHOICE, params=params)
