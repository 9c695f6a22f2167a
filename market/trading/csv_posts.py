"""Posts out of a CSV file, which is read whole or not at all. Pure.

UTF-8 with or without its mark, UTF-16 with it, or GB18030 as older spreadsheets in China write it; comma, semicolon or tab.
Headings are the fields' names, or their words in either language. Reading ten thousand lines takes a while: it belongs in a
thread, which `rest` lets others in between.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct, field

from market.card_guard import holds_card_number
from market.trading.facts import Category
from market.trading.reading import ReadPost, goods_by_name, read_post
from market.trading.rules import Fault, PostFault

if TYPE_CHECKING:
    from datetime import datetime

MOST_ROWS = 10_000
LARGEST_FILE_BYTES = 8 * 1024 * 1024
LONGEST_CELL = 8_000
AT_ONCE_BYTES = 64 * 1024
AT_ONCE_ROWS = 10
FIGURES = ("quantity", "minimum", "price")
_LONG_NUMBER = re.compile(r"[0-9](?:[ -]?[0-9]){14}")
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


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
    rest: Callable[[], object] = bool,
) -> ReadFile:
    """Read the whole file. `headings`: a column's words in any language, folded, to its field. `rest` is called about once a
    millisecond.
    """
    if len(data) > LARGEST_FILE_BYTES:
        return ReadFile(fault=FileFault.TOO_LARGE)
    decoded = _decoded(data, rest)
    if decoded is None:
        return ReadFile(fault=FileFault.NOT_TEXT)
    text, encoding = decoded
    delimiter = _delimiter(text)
    rows = _rows(text, delimiter, rest)
    if rows is None:
        return ReadFile(fault=FileFault.NOT_TEXT, encoding=encoding)
    if not rows:
        return ReadFile(fault=FileFault.EMPTY, encoding=encoding)
    heads = rows[0][1]
    fields = [_field(cell, headings, categories) for cell in heads]
    fault = _file_fault(fields, len(rows) - 1)
    if fault is not None:
        return ReadFile(fault=fault, encoding=encoding)
    read, goods = ReadFile(encoding=encoding), goods_by_name(categories)
    read.unknown = [cell.strip()[:40] for cell, name in zip(heads, fields, strict=True) if not name and cell.strip()]
    for place, (number, cells) in enumerate(rows[1:]):
        typed = {name: _unguarded(cell)[:LONGEST_CELL] for name, cell in zip(fields, cells, strict=False) if name}
        post = read_post(typed, goods, now, party_name=party_name)
        post.faults[:0] = _line_faults(typed, cells, len(fields), delimiter)
        # What was typed is of no more use, and ten thousand lines of it are large.
        post.values = {}
        read.lines.append(Line(number=number, read=post))
        if place % AT_ONCE_ROWS == 0:
            rest()
    return read


def _file_fault(fields: Sequence[str], lines: int) -> FileFault | None:
    named = [name for name in fields if name]
    if not {"side", "category", "quantity"} <= set(named):
        return FileFault.NO_HEADINGS
    if len(set(named)) < len(named):
        return FileFault.HEADING_TWICE
    if lines == 0:
        return FileFault.EMPTY
    return FileFault.TOO_MANY_ROWS if lines > MOST_ROWS else None


def _line_faults(typed: Mapping[str, str], cells: Sequence[str], headings: int, delimiter: str) -> Iterator[Fault]:
    """What only a file can have wrong."""
    if len(cells) > headings and any(cell.strip() for cell in cells[headings:]):
        # A comma in a figure without quotation marks has moved everything behind it by one cell.
        params: dict[str, str | int] = {"cells": len(cells), "headings": headings}
        yield Fault(field="", code=PostFault.TOO_MANY_CELLS, params=params)
    if delimiter == ";":
        # Where the list's separator is a semicolon, a comma parts decimals as often as thousands.
        for name in FIGURES:
            if "," in typed.get(name, ""):
                yield Fault(field=name, code=PostFault.AMBIGUOUS_COMMA, params={"value": typed[name][:40]})
    for name, cell in typed.items():
        if _LONG_NUMBER.search(cell) and holds_card_number(cell):
            yield Fault(field=name, code=PostFault.CARD_NUMBER)


def heading_fields(words: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """From each field's words in both languages to the table that `read_file` takes."""
    return {word.casefold().strip(): name for name, texts in words.items() for word in (name, *texts)}


def _decoded(data: bytes, rest: Callable[[], object]) -> tuple[str, str] | None:
    marked = next((encoding for mark, encoding in _MARKS.items() if data.startswith(mark)), "")
    for encoding in (marked,) if marked else ("utf-8", "gb18030"):
        decoder, parts = codecs.getincrementaldecoder(encoding)(), []
        try:
            for start in range(0, len(data) + 1, AT_ONCE_BYTES):
                part = data[start : start + AT_ONCE_BYTES]
                parts.append(decoder.decode(part, final=len(part) < AT_ONCE_BYTES))
                rest()
        except UnicodeDecodeError:
            continue
        text = "".join(parts)
        return None if "\x00" in text else (text, encoding.removesuffix("-sig").upper())
    return None


def _delimiter(text: str) -> str:
    first = text[: 64 * 1024].partition("\n")[0].rstrip("\r")
    if first.lower().startswith("sep=") and len(first) == 5:
        return first[4]
    return max((",", ";", "\t"), key=first.count)


def _rows(text: str, delimiter: str, rest: Callable[[], object]) -> list[tuple[int, list[str]]] | None:
    """Rows that hold something, each with the number of its first line; None where the quotes never close or cells run wild."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows = []
    try:
        started = 1
        for cells in reader:
            # A spreadsheet's own line about the separator is no row.
            if any(cell.strip() for cell in cells) and not (started == 1 and cells[0].lower() == "sep="):
                rows.append((started, cells))
            started = reader.line_num + 1
            if len(rows) > MOST_ROWS + 1:
                break
            if len(rows) % 200 == 0:
                rest()
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
