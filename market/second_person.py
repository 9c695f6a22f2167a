"""The second person: above a limit an operator's act on a lot takes effect only when another operator asks for the same.

Two operators who press the same within a day agree; one alone, however often, does not. The limit is the house's
(`second_person_above_minor`), in minor units of whatever currency; what counts is the lot's price, or its start price.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from market import audit
from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Connection

_queries = load_queries("market", "second_person")

VALID_FOR = timedelta(days=1)


class Wish(Struct, frozen=True, kw_only=True):
    """What an operator wants done to a lot."""

    lot_id: int
    act: str
    ends_at: datetime | None
    reason: str
    operator_id: int


class Waiting(Struct, frozen=True, kw_only=True):
    """A wish that waits for a second operator."""

    id: int
    lot_id: int
    act: str
    ends_at: datetime | None
    reason: str
    requested_by: int
    requested_by_name: str
    requested_at: datetime
    expires_at: datetime


class Awaited(Struct, frozen=True):
    """Nothing has been done yet: another operator has to ask for the same until `until`."""

    until: datetime


async def agreed(conn: Connection, wish: Wish, above_minor: int, now: datetime) -> Awaited | None:
    """None if the act may be done now: little is at stake, or another operator has asked for it. Else it is remembered."""
    if int(await conn.fetchval(_queries.at_stake, wish.lot_id) or 0) < above_minor:
        return None
    same = [
        one for one in await waiting_on(conn, wish.lot_id, now) if (one.act, one.ends_at) == (wish.act, wish.ends_at)
    ]
    for one in same:
        if one.requested_by != wish.operator_id:
            await conn.execute(_queries.confirm_request, one.id, wish.operator_id, now)
            return None
    if same:
        return Awaited(same[0].expires_at)
    until = now + VALID_FOR
    await conn.execute(
        _queries.insert_request, wish.lot_id, wish.act, wish.ends_at, wish.reason, wish.operator_id, now, until
    )
    await audit.record(conn, wish.operator_id, f"lot.{wish.act}_asked", f"lot:{wish.lot_id}", wish.reason, {}, now)
    return Awaited(until)


async def waiting_on(conn: Connection, lot_id: int, now: datetime) -> list[Waiting]:
    """What waits for a second operator on this lot."""
    return [msgspec.convert(dict(row), Waiting) for row in await conn.fetch(_queries.waiting_requests, lot_id, now)]


async def all_waiting(conn: Connection, now: datetime) -> list[Waiting]:
    """What waits for a second operator on any lot, the oldest first."""
    return [msgspec.convert(dict(row), Waiting) for row in await conn.fetch(_queries.all_waiting, now)]
