"""Auctions that others have run, as files of recorded proxy bids say them: read, checked, and nothing more.

A file is a JSON list of auctions with the fields `auction, currency, starts, ends, start_price, final_price, winner,
bids`, each bid with `at, bidder, maximum`; money in minor units, times in UTC. What is missing or no such value is named.

RecordError   the file is not of this form; the sentence names the auction and the field
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from auction.facts import LARGEST_AMOUNT_MINOR
from auction.linter import LONGEST_PHASE_SECONDS

_LOST_TIME = re.compile(r"\d{4}-(00-\d\d|\d\d-00)\b.*")
"""A time with no month or no day, such as 0000-00-00 00:00:00 or 1900-01-00 00:00:00, was lost by whoever recorded it.
The bid stands first, as if placed at the start.
"""


class RecordError(Exception):
    """The file does not say what it should."""


class RecordedBid(Struct, frozen=True, kw_only=True):
    at: datetime
    bidder: str
    maximum_minor: int


class RecordedAuction(Struct, frozen=True, kw_only=True):
    """`name` is the file's own mark of the auction, whatever it is. Bids are in the order of time, the lost ones first."""

    name: str | int
    currency: str
    starts_at: datetime
    ends_at: datetime
    start_price_minor: int
    winner: str | None
    price_minor: int | None
    bids: tuple[RecordedBid, ...]


def read_auctions(path: Path) -> list[RecordedAuction]:
    """Every auction of the file, in its order. Raises RecordError."""
    try:
        content = msgspec.json.decode(path.read_bytes())
    except OSError as error:
        raise RecordError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RecordError(f"{path} is not JSON: {error}.") from error
    if not isinstance(content, list):
        raise RecordError(f"{path} is not a list of auctions.")
    return [_auction(number, record) for number, record in enumerate(content, 1)]


class _Fields:
    """One record's fields, read by kind; every complaint begins with where the field stands."""

    def __init__(self, where: str, record: object) -> None:
        if not isinstance(record, dict):
            raise RecordError(f"{where} is not a record with fields.")
        self.where = where
        self._record: Mapping[str, Any] = record

    def wrong(self, name: str, wanted: str) -> RecordError:
        found = f"is {self._record[name]!r:.60}" if name in self._record else "is missing"
        return RecordError(f"{self.where}: {name} {found}; it must be {wanted}.")

    def value(self, name: str, wanted: str) -> Any:
        if name not in self._record:
            raise self.wrong(name, wanted)
        return self._record[name]

    def whole(self, name: str) -> int:
        value = self.value(name, wanted := "a whole number of minor units")
        # JSON's true is an int to Python, and 99.0 is a float however whole it looks.
        if type(value) is not int:
            raise self.wrong(name, wanted)
        return value

    def name(self, name: str) -> str:
        value = self.value(name, wanted := "a name")
        if type(value) is int or (isinstance(value, str) and value.strip()):
            return str(value)
        raise self.wrong(name, wanted)

    def instant(self, name: str) -> datetime:
        value = self.value(name, wanted := "a time such as 2001-07-01 19:20:32")
        try:
            moment = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            raise self.wrong(name, wanted) from None
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)

    def records(self, name: str) -> list[object]:
        value = self.value(name, wanted := "a list")
        if not isinstance(value, list):
            raise self.wrong(name, wanted)
        return value

    def is_null(self, name: str, wanted: str) -> bool:
        return self.value(name, wanted) is None


def _auction(number: int, record: object) -> RecordedAuction:
    fields = _Fields(f"auction number {number} of the file", record)
    name: str | int = fields.value("auction", "a number or a name")
    if type(name) is not int and not isinstance(name, str):
        raise fields.wrong("auction", "a number or a name")
    fields.where = f"auction {name}"
    currency = fields.name("currency")
    if not re.fullmatch("[A-Z]{3}", currency):
        raise fields.wrong("currency", "a code of three capitals")
    start_price = fields.whole("start_price")
    if not 0 < start_price <= LARGEST_AMOUNT_MINOR:
        raise fields.wrong("start_price", "above zero and not absurdly large")
    starts_at, ends_at = fields.instant("starts"), fields.instant("ends")
    if not 1 <= (ends_at - starts_at).total_seconds() <= LONGEST_PHASE_SECONDS:
        raise fields.wrong("ends", "later than its start, by a year at the most")
    winner = None if fields.is_null("winner", "a bidder or null") else fields.name("winner")
    price = None if fields.is_null("final_price", "a sum or null") else fields.whole("final_price")
    if winner is not None and price is None:
        raise fields.wrong("final_price", "a sum, since there is a winner")
    bids = [_bid(fields.where, index, bid, starts_at) for index, bid in enumerate(fields.records("bids"))]
    return RecordedAuction(
        name=name,
        currency=currency,
        starts_at=starts_at,
        ends_at=ends_at,
        start_price_minor=start_price,
        winner=winner,
        price_minor=price,
        # The lost times first, then by time; of one instant, in the file's order (the sort is stable).
        bids=tuple(bid for _, bid in sorted(bids, key=lambda pair: pair[0])),
    )


def _bid(where: str, index: int, record: object, starts_at: datetime) -> tuple[tuple[bool, datetime], RecordedBid]:
    fields = _Fields(f"{where}: bids[{index}]", record)
    was_lost = isinstance(at := fields.value("at", "a time"), str) and _LOST_TIME.fullmatch(at) is not None
    placed_at = starts_at if was_lost else fields.instant("at")
    bid = RecordedBid(at=placed_at, bidder=fields.name("bidder"), maximum_minor=fields.whole("maximum"))
    return (not was_lost, placed_at), bid
