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
from market.trading.facts import Category, PostContent
from market.trading.reading import goods_by_name, read_post
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


class Line(Struct, frozen=True, kw_only=True, gc=False):
    """One row of the file by its number there, the headings being line 1. Ten thousand of them are nothing for the collector
    of garbage, which would hold up everybody to look at them.
    """

    number: int
    content: PostContent | None
    valid_days: int
    faults: tuple[Fault, ...] = ()


class ReadFile(Struct, kw_only=True):
    """What the file holds. It may be taken in if no line has a fault."""

    fault: FileFault | None = None
    lines: list[Line] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    """Headings that say nothing to the house; their columns are left out."""
    encoding: str = ""
    words: dict[str, str] = field(default_factory=dict)
    """From a field to the heading that stands over its column in the file."""

    @property
    def faulty(self) -> list[Line]:
        return [line for line in self.lines if line.faults]

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
    read = ReadFile(encoding=encoding)
    try:
        read.fault = _read_rows(text, read, categories, headings, now, party_name, rest)
    except csv.Error:
        read.fault = FileFault.NOT_TEXT
    # Of a file that is none nothing is told but that.
    return ReadFile(fault=read.fault, encoding=encoding) if read.fault is not None else read


def _read_rows(
    text: str,
    read: ReadFile,
    categories: Sequence[Category],
    headings: Mapping[str, str],
    now: datetime,
    party_name: str,
    rest: Callable[[], object],
) -> FileFault | None:
    delimiter = _delimiter(text)
    rows = _rows(text, delimiter)
    _, heads = next(rows, (0, []))
    if not heads:
        return FileFault.EMPTY
    fields = [_field(cell, headings, categories) for cell in heads]
    if (fault := _heading_fault(fields)) is not None:
        return fault
    read.unknown = [cell.strip()[:40] for cell, name in zip(heads, fields, strict=True) if not name and cell.strip()]
    read.words = {name: cell.strip()[:40] for cell, name in zip(heads, fields, strict=True) if name}
    goods = goods_by_name(categories)
    for number, cells in rows:
        if len(read.lines) == MOST_ROWS:
            return FileFault.TOO_MANY_ROWS
        typed = {name: _unguarded(cell)[:LONGEST_CELL] for name, cell in zip(fields, cells, strict=False) if name}
        post = read_post(typed, goods, now, party_name=party_name)
        faults = (*_line_faults(typed, cells, len(fields), delimiter), *post.faults)
        read.lines.append(Line(number=number, content=post.content, valid_days=post.valid_days, faults=faults))
        if len(read.lines) % AT_ONCE_ROWS == 0:
            rest()
    return None if read.lines else FileFault.EMPTY


def _heading_fault(fields: Sequence[str]) -> FileFault | None:
    named = [name for name in fields if name]
    if not {"side", "category", "quantity"} <= set(named):
        return FileFault.NO_HEADINGS
    return FileFault.HEADING_TWICE if len(set(named)) < len(named) else None


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


def _rows(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Rows that hold something, each with the number of its first line. Raises where quotes never close or cells run wild."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    started = 1
    for cells in reader:
        # A spreadsheet's own line about the separator is no row.
        if any(cell.strip() for cell in cells) and not (started == 1 and cells[0].lower() == "sep="):
            yield started, cells
        started = reader.line_num + 1


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
