"""Consignees, consignments and carriers' reports in and out of the database: one typed function a query, no decisions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec
from asyncpg import UniqueViolationError

from market.delivery.facts import Address, Consignment, ConsignmentState, EventKind, Report, TrackingEvent
from market.delivery.lateness import Dates
from migrations.queries import load_queries

if TYPE_CHECKING:
    from asyncpg import Record

    from migrations.database import Connection

_queries = load_queries("market", "delivery")


class NumberTakenError(Exception):
    """The carrier gives a parcel the number of another."""


async def consignee(conn: Connection, root_id: int) -> Address | None:
    """Where the goods of the deal go, if its buyer has said so."""
    row = await conn.fetchrow(_queries.consignee, root_id)
    return None if row is None else Address(**dict(row))


async def save_consignee(conn: Connection, root_id: int, to: Address, now: datetime) -> None:
    """Where they go from now on."""
    await conn.execute(
        _queries.save_consignee, root_id, to.name, to.lines, to.city, to.postcode, to.country, to.phone, now
    )


async def dates_of(conn: Connection, case_id: int, root_id: int) -> Dates | None:
    """When the goods of a case were paid, handed over and brought; None while nobody has paid."""
    row = await conn.fetchrow(_queries.dates_of, case_id, root_id)
    return None if row is None or row["paid_on"] is None else Dates(**dict(row))


async def insert_consignment(
    conn: Connection,
    *,
    case_id: int,
    booking_id: UUID,
    carrier: str,
    booked_by: int,
    lines: tuple[int, ...],
    packages: int,
    weight_grams: int,
    description: str,
    collect_from: Address,
    deliver_to: Address,
    now: datetime,
) -> Consignment:
    """A new booking, which the clock tells the carrier."""
    row = await conn.fetchrow(
        _queries.insert_consignment,
        case_id,
        booking_id,
        carrier,
        booked_by,
        list(lines),
        packages,
        weight_grams,
        description,
        msgspec.to_builtins(collect_from),
        msgspec.to_builtins(deliver_to),
        now,
    )
    return _consignment(row)


async def consignments_of_case(conn: Connection, case_id: int) -> list[Consignment]:
    """What was booked for the case, or went with it where it is a part, oldest first."""
    return [_consignment(row) for row in await conn.fetch(_queries.consignments_of_case, case_id)]


async def consignment(conn: Connection, consignment_id: int) -> Consignment | None:
    """One consignment."""
    row = await conn.fetchrow(_queries.consignment, consignment_id)
    return None if row is None else _consignment(row)


async def lock_consignment(conn: Connection, consignment_id: int) -> Consignment | None:
    """The same, locked until the transaction ends."""
    row = await conn.fetchrow(_queries.lock_consignment, consignment_id)
    return None if row is None else _consignment(row)


async def lock_booking(conn: Connection, carrier: str, booking_id: UUID) -> Consignment | None:
    """The consignment that a carrier speaks of, locked."""
    row = await conn.fetchrow(_queries.lock_booking, carrier, booking_id)
    return None if row is None else _consignment(row)


async def move_consignment(conn: Connection, moved: Consignment, proof: bytes | None = None) -> Consignment:
    """Write where it has come to; a proof that is there stays. Raises NumberTakenError."""
    with _one_number():
        row = await conn.fetchrow(
            _queries.move_consignment,
            moved.id,
            moved.state.value,
            moved.tracking_number,
            moved.reason,
            moved.received_by,
            proof,
            moved.shipped_case_id,
            moved.moved_at,
        )
    return _consignment(row)


async def number_consignment(conn: Connection, consignment_id: int, number: str) -> None:
    """Write the number that it goes by."""
    with _one_number():
        await conn.execute(_queries.number_consignment, consignment_id, number)


async def case_that_goes_by(conn: Connection, case_id: int, number: str) -> int | None:
    """The deal, or the part of it, that was shipped under this number."""
    found: int | None = await conn.fetchval(_queries.case_that_goes_by, case_id, number)
    return found


async def call_off(conn: Connection, consignment_id: int, now: datetime) -> Consignment:
    """The seller wants it called off: the clock asks the carrier."""
    return _consignment(await conn.fetchrow(_queries.call_off, consignment_id, now))


async def call_off_ended(conn: Connection, now: datetime, limit: int) -> list[Consignment]:
    """What carriers are to be asked to call off, because its deal no longer waits for the goods."""
    return [_consignment(row) for row in await conn.fetch(_queries.call_off_ended, now, limit)]


async def refuse_call_off(conn: Connection, consignment_id: int, now: datetime) -> Consignment:
    """The carrier has the goods already."""
    return _consignment(await conn.fetchrow(_queries.refuse_call_off, consignment_id, now))


async def claim_to_ask(conn: Connection, now: datetime, again_at: datetime, limit: int) -> list[Consignment]:
    """Bookings and call-offs that wait for the carrier; no other node asks for them before `again_at`."""
    return [_consignment(row) for row in await conn.fetch(_queries.claim_to_ask, now, again_at, limit)]


async def ask_later(conn: Connection, consignment_id: int, again_at: datetime, reason: str) -> None:
    """The carrier was not reached."""
    await conn.execute(_queries.ask_later, consignment_id, again_at, reason)


async def next_ask_at(conn: Connection) -> datetime | None:
    """When a carrier is to be asked next."""
    at: datetime | None = await conn.fetchval(_queries.next_ask_at)
    return at


async def insert_event(conn: Connection, consignment_id: int, report: Report, now: datetime) -> bool:
    """Write a report; False when it was told before."""
    made = await conn.fetchval(
        _queries.insert_event,
        consignment_id,
        report.carrier_id,
        report.kind.value,
        report.at,
        now,
        report.place,
        report.note,
    )
    return made is not None


async def events_of(conn: Connection, consignment_ids: list[int]) -> dict[int, list[TrackingEvent]]:
    """What was reported of each, by the carrier's time."""
    found: dict[int, list[TrackingEvent]] = {each: [] for each in consignment_ids}
    for row in await conn.fetch(_queries.events_of, consignment_ids):
        values = dict(row)
        found[values.pop("consignment_id")].append(TrackingEvent(**{**values, "kind": EventKind(values["kind"])}))
    return found


async def proof(conn: Connection, consignment_id: int) -> bytes | None:
    """The signed slip of a delivery."""
    found: bytes | None = await conn.fetchval(_queries.proof, consignment_id)
    return found


async def consignments_of_house(
    conn: Connection, *, state: str | None, limit: int, offset: int
) -> tuple[list[tuple[Consignment, bool]], int]:
    """A part of those in a state (`astray`: of those; else of all that are under way), each with whether it is astray, and
    how many there are in all.
    """
    rows = await conn.fetch(_queries.consignments_of_house, state, limit, offset)
    return [(_consignment(row), row["is_astray"]) for row in rows], rows[0]["total"] if rows else 0


@contextmanager
def _one_number() -> Iterator[None]:
    try:
        yield
    except UniqueViolationError as error:
        if error.constraint_name != "consignment_number":
            raise
        raise NumberTakenError from error


def _consignment(row: Record | None) -> Consignment:
    assert row is not None
    values = {name: row[name] for name in Consignment.__struct_fields__}
    values["state"] = ConsignmentState(values["state"])
    values["lines"] = tuple(values["lines"])
    for name in ("collect_from", "deliver_to"):
        values[name] = msgspec.convert(values[name], Address)
    return Consignment(**values)
