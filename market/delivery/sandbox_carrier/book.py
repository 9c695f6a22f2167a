"""The carrier's own book in one SQLite file: parcels, and what is to be reported of them until the house has taken it.

A report is written in the transaction that moves the parcel, so whatever the page shows has been or will be told.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
from msgspec import Struct

SCHEMA = """
create table if not exists parcel (
  booking_id      text primary key,
  tracking_number text not null unique,
  order_json      text not null,
  state           text not null,
  booked_at       text not null,
  moved_at        text not null
) strict;
create table if not exists called_off (
  booking_id text primary key
) strict;
create table if not exists report (
  n            integer primary key autoincrement,
  id           text not null unique,
  booking_id   text not null references parcel (booking_id),
  body         text not null,
  due_at       real not null,
  attempts     integer not null default 0,
  delivered_at text
) strict;
create index if not exists report_due on report (due_at) where delivered_at is null;
"""
NEXT = {
    "confirmed": ("collected",),
    "collected": ("in_transit", "delivered", "returned", "lost"),
    "in_transit": ("out_for_delivery", "delivered", "returned", "lost"),
    "out_for_delivery": ("delivered", "attempted", "returned", "lost"),
}
"""What a courier can do with a parcel, by where it is."""


class Order(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST /api/bookings"""

    booking_id: str
    packages: int
    weight_grams: int
    description: str
    collect_from: dict[str, str]
    deliver_to: dict[str, str]

    @property
    def kilograms(self) -> str:
        """The weight for people: `1234.567`."""
        return f"{self.weight_grams // 1000}.{self.weight_grams % 1000:03}".rstrip("0").rstrip(".")


class Parcel(Struct, frozen=True, kw_only=True):
    booking_id: str
    tracking_number: str
    order: Order
    state: str
    booked_at: str
    moved_at: str

    @property
    def next_moves(self) -> tuple[str, ...]:
        return NEXT.get(self.state, ())


class Report(Struct, frozen=True, kw_only=True):
    n: int
    id: str
    body: str
    attempts: int


class CannotError(Exception):
    """The parcel is not where that can be done."""


class Book:
    """The file. Calls are short; one process uses it."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = full")
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        self._db.close()

    def take(self, order: Order, now: datetime) -> Parcel | None:
        """Take a booking. Asked again under one id it answers the same. None: it was called off before it came."""
        with self._transaction():
            found = self.parcel(order.booking_id)
            if found is not None:
                return found
            if self._db.execute("select 1 from called_off where booking_id = ?", (order.booking_id,)).fetchone():
                return None
            number = "SX" + uuid4().hex[:12].upper()
            at = _text(now)
            self._db.execute(
                "insert into parcel values (?, ?, ?, 'confirmed', ?, ?)",
                (order.booking_id, number, msgspec.json.encode(order).decode(), at, at),
            )
        taken = self.parcel(order.booking_id)
        assert taken is not None
        return taken

    def cancel(self, booking_id: str, now: datetime) -> bool:
        """Call a booking off; False when the goods have been collected. One that was never made is never taken."""
        with self._transaction():
            found = self.parcel(booking_id)
            if found is None:
                self._db.execute("insert or ignore into called_off values (?)", (booking_id,))
                return True
            if found.state not in ("confirmed", "cancelled"):
                return False
            self._move(found, "cancelled", now)
        return True

    def move(self, booking_id: str, kind: str, now: datetime, **told: Any) -> Parcel:
        """What a courier did; the report of it goes to the house. Raises CannotError."""
        with self._transaction():
            found = self.parcel(booking_id)
            if found is None or kind not in found.next_moves:
                raise CannotError(kind)
            self._move(found, found.state if kind == "attempted" else kind, now)
            report_id = uuid4().hex
            body = {
                "id": report_id,
                "booking_id": booking_id,
                "kind": kind,
                "at": now,
                "tracking_number": found.tracking_number,
                **told,
            }
            self._db.execute(
                "insert into report (id, booking_id, body, due_at) values (?, ?, ?, ?)",
                (report_id, booking_id, msgspec.json.encode(body).decode(), now.timestamp()),
            )
        moved = self.parcel(booking_id)
        assert moved is not None
        return moved

    def parcel(self, booking_id: str) -> Parcel | None:
        """One parcel."""
        row = self._db.execute("select * from parcel where booking_id = ?", (booking_id,)).fetchone()
        return None if row is None else _parcel(row)

    def parcels(self, limit: int = 100) -> list[Parcel]:
        """The parcels that moved last."""
        rows = self._db.execute("select * from parcel order by moved_at desc limit ?", (limit,))
        return [_parcel(row) for row in rows]

    def due_report(self, now: datetime) -> Report | None:
        """The oldest report that is to be delivered now: those of one parcel go out in their order."""
        row = self._db.execute(
            "select n, id, body, attempts from report as one where delivered_at is null and due_at <= ?"
            " and not exists (select 1 from report as before where before.booking_id = one.booking_id"
            " and before.n < one.n and before.delivered_at is null) order by n limit 1",
            (now.timestamp(),),
        ).fetchone()
        return None if row is None else Report(**dict(row))

    def delivered(self, n: int, now: datetime) -> None:
        """The house has it."""
        self._db.execute("update report set delivered_at = ? where n = ?", (_text(now), n))

    def put_off(self, n: int, until: float) -> None:
        """The house did not take it this time."""
        self._db.execute("update report set attempts = attempts + 1, due_at = ? where n = ?", (until, n))

    def waiting(self) -> int:
        """How many reports the house has not taken yet."""
        return int(self._db.execute("select count(*) from report where delivered_at is null").fetchone()[0])

    def _move(self, parcel: Parcel, state: str, now: datetime) -> None:
        self._db.execute(
            "update parcel set state = ?, moved_at = ? where booking_id = ?", (state, _text(now), parcel.booking_id)
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._db.execute("rollback")
            raise
        self._db.execute("commit")


def _parcel(row: sqlite3.Row) -> Parcel:
    values = dict(row)
    return Parcel(order=msgspec.json.decode(values.pop("order_json"), type=Order), **values)


def _text(now: datetime) -> str:
    return now.astimezone(UTC).isoformat(timespec="milliseconds")
