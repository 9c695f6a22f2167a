"""Posts in and out as CSV: a file that is read whole or not at all, a template to fill in, and the guarded export. Pure.

UTF-8 with or without its mark, or GB18030 as older spreadsheets in China write it; comma, semicolon or tab. Headings are
the fields' names, or their words in either language.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct, field

from market.csv_cells import csv_text
from market.currencies import EXPONENTS, decimal_text
from market.trading.facts import Category, Kind, Post
from market.trading.reading import COLUMNS, ReadPost, read_post
from market.trading.rules import Fault, PostFault

if TYPE_CHECKING:
    from datetime import datetime

    from market.trading.search import PublicPost

MOST_ROWS = 1_000
LARGEST_FILE_BYTES = 2 * 1024 * 1024
LONGEST_CELL = 8_000


class FileFault(StrEnum):
    """Why a file can't be read at all; the sentence is `import_fault.<value>`."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    NOT_TEXT = "not_text"
    NO_HEADINGS = "no_headings"
    HEADING_TWICE = "heading_twice"
    TOO_MANY_ROWS = "too_many_rows"


class Line(Struct, kw_only=True):
    """One row of the file by its number there, the headings being line 1."""

    number: int
    read: ReadPost


class ReadFile(Struct, kw_only=True):
    """What the file holds. It may be taken in if no line has a fault."""

    fault: FileFault | None = None
    lines: list[Line] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    """Headings that say nothing to the house; their columns are left out."""
    encoding: str = ""

    @property
    def faulty(self) -> list[Line]:
        return [line for line in self.lines if line.read.faults]

    @property
    def is_good(self) -> bool:
        return self.fault is None and bool(self.lines) and not self.faulty


def read_file(
    data: bytes,
    categories: Sequence[Category],
    headings: Mapping[str, str],
    now: datetime,
    *,
    party_name: str = "",
) -> ReadFile:
    """Read the whole file. `headings`: a column's words in any language, folded, to its field."""
    if len(data) > LARGEST_FILE_BYTES:
        return ReadFile(fault=FileFault.TOO_LARGE)
    decoded = _decoded(data)
    if decoded is None:
        return ReadFile(fault=FileFault.NOT_TEXT)
    text, encoding = decoded
    rows = _rows(text)
    if rows is None:
        return ReadFile(fault=FileFault.NOT_TEXT, encoding=encoding)
    if not rows:
        return ReadFile(fault=FileFault.EMPTY, encoding=encoding)
    fields = [_field(cell, headings, categories) for cell in rows[0][1]]
    if not {"side", "category", "quantity"} <= {name for name in fields if name}:
        return ReadFile(fault=FileFault.NO_HEADINGS, encoding=encoding)
    named = [name for name in fields if name]
    if len(set(named)) < len(named):
        return ReadFile(fault=FileFault.HEADING_TWICE, encoding=encoding)
    if len(rows) == 1:
        return ReadFile(fault=FileFault.EMPTY, encoding=encoding)
    if len(rows) > MOST_ROWS + 1:
        return ReadFile(fault=FileFault.TOO_MANY_ROWS, encoding=encoding)
    read = ReadFile(encoding=encoding)
    read.unknown = [
        cell.strip()[:40] for cell, name in zip(rows[0][1], fields, strict=True) if not name and cell.strip()
    ]
    for number, cells in rows[1:]:
        typed = {name: _unguarded(cell)[:LONGEST_CELL] for name, cell in zip(fields, cells, strict=False) if name}
        post = read_post(typed, categories, now, party_name=party_name)
        if any(cell.strip() for cell in cells[len(fields) :]):
            # A comma in a figure without quotation marks has moved everything behind it by one cell.
            params: dict[str, str | int] = {"cells": len(cells), "headings": len(fields)}
            post.faults.insert(0, Fault(field="", code=PostFault.TOO_MANY_CELLS, params=params))
        read.lines.append(Line(number=number, read=post))
    return read


def heading_fields(words: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """From each field's words in both languages to the table that `read_file` takes."""
    return {word.casefold().strip(): name for name, texts in words.items() for word in (name, *texts)}


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
    from market.trading.reading import values_of

    codes = list(dict.fromkeys(f"attr_{kind.code}" for each in categories for kind in each.attributes))
    used = [code for code in codes if any(code[5:] in post.attributes for post in posts)]
    header = ["post", "state", "open_quantity", *COLUMNS, *used]
    lines = []
    for post in posts:
        values = values_of(post)
        head: list[object] = [post.id, post.standing(now), post.open_quantity]
        lines.append([*head, *(values.get(name, "") for name in header[3:])])
    return csv_text(header, lines)


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


def _decoded(data: bytes) -> tuple[str, str] | None:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return None if "\x00" in text else (text, "UTF-8" if encoding == "utf-8-sig" else "GB18030")
    return None


def _rows(text: str) -> list[tuple[int, list[str]]] | None:
    """Rows that hold something, each with the number of its first line; None where the quotes never close or cells run wild."""
    first = text.partition("\n")[0]
    delimiter = max((",", ";", "\t"), key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows = []
    try:
        started = 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((started, cells))
            started = reader.line_num + 1
            if len(rows) > MOST_ROWS + 1:
                break
    except csv.Error:
        return None
    return rows


def _field(cell: str, headings: Mapping[str, str], categories: Sequence[Category]) -> str:
    plain = cell.strip().lstrip("\ufeff").casefold()
    if plain in headings:
        return headings[plain]
    if plain.startswith("attr_"):
        return plain
    for category in categories:
        for kind in category.attributes:
            if plain in (kind.name_en.casefold(), kind.name_zh):
                return f"attr_{kind.code}"
    return ""


def _unguarded(cell: str) -> str:
    """The export's own guard against formulas is taken off again."""
    return cell[1:] if len(cell) > 1 and cell[0] == "'" and cell[1] in "=+-@\t＝＋－＠|%" else cell
