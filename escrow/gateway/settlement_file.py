"""The bank's daily settlement file, as the house reads it: pure, and sharing nothing with the bank's writer.

BadFileError   the file contradicts itself or has another form than docs/gateway.md says; nothing of it is taken
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import date, datetime
from hashlib import sha256

from escrow.card_facts import LineKind, SettlementFile, SettlementLine

_FILE_ID = re.compile(r"CARDS-([0-9]{8})-[1-9][0-9]{0,5}")
_FIELDS = {"H": 5, "L": 7, "S": 4, "T": 2}


class BadFileError(ValueError):
    """The message names the line."""


def read_file(body: bytes) -> SettlementFile:
    """A file whose lines are numbered without a gap and add up to its sums and count. Raises BadFileError."""
    try:
        rows = [line.split(",") for line in body.decode("utf-8").splitlines()]
    except UnicodeDecodeError as error:
        raise BadFileError("the file is not UTF-8") from error
    for place, row in enumerate(rows, start=1):
        if len(row) != _FIELDS.get(row[0]):
            raise BadFileError(f"line {place} has not the form of an H, L, S or T line")
    kinds = "".join(row[0] for row in rows)
    if not re.fullmatch("HL*S*T", kinds):
        raise BadFileError("the file is not one H, then L, then S lines, then one T")
    file_id, day = _header(rows[0])
    lines = tuple(_line(row, n) for n, row in enumerate(rows[1 : 1 + kinds.count("L")], start=1))
    _check_sums(lines, [row for row in rows if row[0] == "S"], rows[-1])
    return SettlementFile(id=file_id, day=day, lines=lines, sha256=sha256(body).digest())


def _header(row: list[str]) -> tuple[str, date]:
    found = _FILE_ID.fullmatch(row[2])
    try:
        day = date.fromisoformat(row[3])
    except ValueError as error:
        raise BadFileError("the header's day is none") from error
    if row[1] != "1" or found is None or found[1] != f"{day:%Y%m%d}":
        raise BadFileError("the header is not of version 1, or its id is not of its day")
    return row[2], day


def _line(row: list[str], n: int) -> SettlementLine:
    _, number, kind, payment_id, currency, amount, at = row
    try:
        line = SettlementLine(
            n=int(number),
            kind=LineKind(kind),
            payment_id=payment_id,
            currency=currency,
            amount_minor=int(amount),
            at=datetime.fromisoformat(at),
        )
    except ValueError as error:
        raise BadFileError(f"movement {n}: {error}") from error
    is_taken_back = line.kind is LineKind.CHARGEBACK
    if line.n != n or line.amount_minor == 0 or (line.amount_minor < 0) != is_taken_back or line.at.tzinfo is None:
        raise BadFileError(f"movement {n} has a wrong number, sign or time")
    return line


def _check_sums(lines: tuple[SettlementLine, ...], sums: list[list[str]], trailer: list[str]) -> None:
    counts: Counter[str] = Counter()
    totals: Counter[str] = Counter()
    for line in lines:
        counts[line.currency] += 1
        totals[line.currency] += line.amount_minor
    wanted = [["S", currency, str(counts[currency]), str(totals[currency])] for currency in sorted(counts)]
    if sums != wanted or trailer[1] != str(len(lines)):
        raise BadFileError("the lines do not add up to the file's sums and count")
