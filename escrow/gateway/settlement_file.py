"""The bank's daily settlement file, as the house reads it: pure, and sharing nothing with the bank's writer.

BadFileError   the file contradicts itself or has another form than docs/gateway.md says; nothing of it is taken

A single movement that can't be read is no reason to leave the others: it is kept in its own words, for a person.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, date, datetime, time
from hashlib import sha256

from escrow.card_facts import LARGEST_CARD_AMOUNT_MINOR, LineKind, SettlementFile, SettlementLine

_PAYMENT, _CURRENCY = re.compile(r"[\x21-\x7e]{1,64}"), re.compile(r"[A-Z]{3}")
_LONGEST_LINE = 300
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
        if row[0] not in _FIELDS or (row[0] != "L" and len(row) != _FIELDS[row[0]]):
            raise BadFileError(f"line {place} has not the form of an H, L, S or T line")
    kinds = "".join(row[0] for row in rows)
    if not re.fullmatch("HL*S*T", kinds):
        raise BadFileError("the file is not one H, then L, then S lines, then one T")
    file_id, day = _header(rows[0])
    lines = tuple(_line(row, n, day) for n, row in enumerate(rows[1 : 1 + kinds.count("L")], start=1))
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


def _line(row: list[str], n: int, day: date) -> SettlementLine:
    """The movement, or in its own words what can't be one. A number out of turn is the file's fault: a line is missing."""
    if len(row) > 1 and row[1].isascii() and row[1].isdigit() and len(row[1]) < 10 and int(row[1]) != n:
        raise BadFileError(f"movement {n} has the number {row[1]}")
    try:
        return _readable(row, n)
    except ValueError:
        said = ",".join(row).encode("ascii", "backslashreplace").decode().replace("\x00", "\\x00")[:_LONGEST_LINE]
        at = datetime.combine(day, time(), UTC)
        return SettlementLine(
            n=n, kind=LineKind.UNREADABLE, payment_id="", currency="", amount_minor=0, at=at, said=said
        )


def _readable(row: list[str], n: int) -> SettlementLine:
    """Raises ValueError."""
    _, number, kind, payment_id, currency, amount, at = row
    line = SettlementLine(
        n=int(number),
        kind=LineKind(kind),
        payment_id=payment_id,
        currency=currency,
        amount_minor=int(amount),
        at=datetime.fromisoformat(at),
    )
    named = _PAYMENT.fullmatch(payment_id) and _CURRENCY.fullmatch(currency) and kind != LineKind.UNREADABLE
    is_taken_back = line.kind is LineKind.CHARGEBACK
    signed = line.amount_minor != 0 and (line.amount_minor < 0) == is_taken_back
    possible = abs(line.amount_minor) <= LARGEST_CARD_AMOUNT_MINOR and 2000 <= line.at.year < 2200
    if line.n != n or not named or not signed or not possible or line.at.tzinfo is None:
        raise ValueError("a wrong number, name, sign, sum or time")
    return line


def _check_sums(lines: tuple[SettlementLine, ...], sums: list[list[str]], trailer: list[str]) -> None:
    """To the unit, where every line can be read; else the sums may name as many movements more as can't be."""
    counts: Counter[str] = Counter()
    totals: Counter[str] = Counter()
    unread = sum(line.kind is LineKind.UNREADABLE for line in lines)
    for line in lines:
        if line.kind is not LineKind.UNREADABLE:
            counts[line.currency] += 1
            totals[line.currency] += line.amount_minor
    wanted = {currency: (counts[currency], totals[currency]) for currency in counts}
    told = {row[1]: _count_and_sum(row) for row in sums}
    more = sum(count for count, _ in told.values()) - sum(counts.values())
    fits = all(
        told.get(currency) == figures or (currency in told and told[currency][0] > figures[0] and unread)
        for currency, figures in wanted.items()
    )
    in_order = len(told) == len(sums) and list(told) == sorted(told) and (unread or told.keys() == wanted.keys())
    if not fits or not in_order or not 0 <= more <= unread or trailer[1] != str(len(lines)):
        raise BadFileError("the lines do not add up to the file's sums and count")


def _count_and_sum(row: list[str]) -> tuple[int, int]:
    try:
        return int(row[2]), int(row[3])
    except ValueError as error:
        raise BadFileError("a sum is no number") from error
