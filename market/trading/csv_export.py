"""Posts as CSV: a file to fill in, a party's own posts, and what a search has found. Pure; cells are guarded against formulas."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from market.csv_cells import csv_lines, csv_text
from market.currencies import EXPONENTS, decimal_text
from market.trading.facts import Category, Kind, Post
from market.trading.reading import COLUMNS, values_of

if TYPE_CHECKING:
    from datetime import datetime

    from market.trading.search import PublicPost


def template(category: Category, lang: str, now: datetime) -> str:
    """A file for one category with its attributes as columns and one line as an example."""
    attributes = [kind for kind in category.attributes if not kind.retired]
    header = [*COLUMNS, *(f"attr_{kind.code}" for kind in attributes)]
    soon = (now + timedelta(days=14)).date()
    example: dict[str, object] = {
        "side": "supply",
        "category": category.code,
        "title_zh": f"现货供应{category.name_zh}",
        "title_en": f"{category.name_en} from stock",
        "quantity": 100,
        "minimum": 10,
        "all_or_none": "no",
        "price": "1000",
        "currency": "CNY",
        "country": "CN",
        "place": "上海" if lang == "zh" else "Shanghai",
        "delivery_from": soon.isoformat(),
        "delivery_to": (soon + timedelta(days=14)).isoformat(),
        "term": "FCA",
        "valid_days": 30,
        "anonymous": "no",
    }
    for kind in attributes:
        usual = {
            Kind.CHOICE: kind.choices[0].code if kind.choices else "",
            Kind.FLAG: "yes",
            Kind.INTEGER: "1",
            Kind.TEXT: "",
        }
        example[f"attr_{kind.code}"] = usual[kind.kind]
    return csv_text(header, [[example.get(name, "") for name in header]])


def public_csv(
    rows: Sequence[PublicPost], lang: str, categories: Sequence[Category], text: Callable[[str], str]
) -> str:
    """What a search has found, as everybody may see it; attributes in one column, since kinds of goods differ."""
    by_code = {each.code: each for each in categories}
    columns = ("post", "side", "category", "title", "attributes", "quantity", "minimum", "unit", "price", "currency",
               "country", "place", "delivery_from", "delivery_to", "term", "party", "valid_until")  # fmt: skip

    def line(post: PublicPost) -> list[object]:
        category = by_code[post.category]
        return [
            post.id,
            text(f"post_side.{post.side.value}"),
            category.name(lang),
            post.title(lang),
            "; ".join(f"{name}: {shown}" for name, shown in attribute_lines(post.attributes, category, lang, text)),
            post.open_quantity,
            post.open_quantity if post.all_or_none else min(post.minimum, post.open_quantity),
            text(f"unit.{category.unit}"),
            "" if post.price_minor is None else decimal_text(post.price_minor, EXPONENTS[post.currency]),
            post.currency,
            post.country,
            post.place,
            post.delivery_from.isoformat(),
            post.delivery_to.isoformat(),
            post.term,
            post.party_name or "",
            post.valid_until.isoformat(),
        ]

    return csv_text([text(f"post_csv.{column}") for column in columns], [line(post) for post in rows])


def own_csv(posts: Sequence[Post], categories: Sequence[Category], now: datetime) -> str:
    """A party's own posts with the columns of the import, so that they can be changed and taken in again."""
    header = own_header({post.category for post in posts}, categories)
    return csv_lines([header], first=True) + own_lines(posts, header, now)


def own_header(kinds: Collection[str], categories: Sequence[Category]) -> list[str]:
    """The columns of posts in these kinds of goods."""
    codes = [f"attr_{kind.code}" for each in categories if each.code in kinds for kind in each.attributes]
    return ["post", "state", "open_quantity", *COLUMNS, *dict.fromkeys(codes)]


def own_lines(posts: Sequence[Post], header: Sequence[str], now: datetime) -> str:
    """Some of the lines below it."""
    lines = []
    for post in posts:
        values = values_of(post)
        head: list[object] = [post.id, post.standing(now), post.open_quantity]
        lines.append([*head, *(values.get(name, "") for name in header[3:])])
    return csv_lines(lines)


def attribute_lines(
    attributes: Mapping[str, str | int | bool], category: Category, lang: str, text: Callable[[str], str]
) -> list[tuple[str, str]]:
    """Name and value of each attribute, in the category's order, as people read them."""
    lines = []
    for kind in category.attributes:
        if kind.code not in attributes:
            continue
        value = attributes[kind.code]
        choice = kind.choice(str(value)) if kind.kind is Kind.CHOICE else None
        if choice is not None:
            shown = choice.name(lang)
        elif kind.kind is Kind.FLAG:
            shown = text("trading.yes" if value else "trading.no")
        else:
            shown = f"{value} {kind.unit}".strip() if kind.kind is Kind.INTEGER else str(value)
        lines.append((kind.name(lang), shown))
    return lines
