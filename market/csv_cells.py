"""CSV for spreadsheets, with every cell guarded: a cell that a spreadsheet would run as a formula becomes text."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "|", "%")

BYTE_ORDER_MARK = "\ufeff"
"""Without it Excel reads UTF-8 as the local code page, and Chinese titles turn to noise."""


def guarded_cell(value: object) -> str:
    """The cell's text; strings that would start a formula get a leading apostrophe. Numbers stay numbers."""
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    text = str(value).replace("\x00", "")
    return (
        "'" + text
        if text.lstrip(" \u3000\xa0").startswith(_STARTS_A_FORMULA) or text.startswith(_STARTS_A_FORMULA)
        else text
    )


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A whole CSV file as text, ready to be sent as `text/csv; charset=utf-8`."""
    return csv_lines([header], first=True) + csv_lines(rows)


def csv_lines(rows: Iterable[Sequence[object]], *, first: bool = False) -> str:
    """Some lines of a file that is sent piece by piece; the first piece begins with the byte order mark."""
    out = io.StringIO()
    if first:
        out.write(BYTE_ORDER_MARK)
    csv.writer(out, quoting=csv.QUOTE_MINIMAL).writerows([guarded_cell(cell) for cell in row] for row in rows)
    return out.getvalue()
