"""What carriers have reported of a deal, as rows of its timeline."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from market.delivery import store
from market.delivery.facts import EventKind

if TYPE_CHECKING:
    from market.delivery.carriers import Carriers
    from migrations.database import Connection


class Tracked(Struct, frozen=True, kw_only=True):
    """One report and whose it is."""

    at: datetime
    kind: EventKind
    carrier: str
    tracking_number: str | None
    place: str
    note: str


async def tracked(conn: Connection, carriers: Carriers, case_id: int) -> list[Tracked]:
    """Every report of what was booked for this deal, by the carriers' time."""
    found = await store.consignments_of_case(conn, case_id)
    events = await store.events_of(conn, [one.id for one in found])
    rows = [
        Tracked(
            at=event.at,
            kind=event.kind,
            carrier=carriers.name_of(one.carrier),
            tracking_number=one.tracking_number,
            place=event.place,
            note=event.note,
        )
        for one in found
        for event in events[one.id]
    ]
    return sorted(rows, key=lambda row: row.at)
