"""Who comes after the winner of a lot, at his own highest bid in the public log. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Connection

_queries = load_queries("market", "second_chance")


class Next(Struct, frozen=True, kw_only=True):
    """The best bidder who is left, and what he himself bid at most, as everybody can read it."""

    party_id: int
    paddle: int
    price_minor: int


async def next_bidder(conn: Connection, lot_id: int, without: Sequence[int]) -> Next | None:
    """The best bidder but for these, for those who were asked before and for who is barred from the house."""
    row = await conn.fetchrow(_queries.bidders_in_order, lot_id, list(without))
    return None if row is None else Next(**dict(row))


async def best_supplier(conn: Connection, lot_id: int) -> Next | None:
    """The supplier of a closed purchase whose bid ranks first among those who were not asked before, at his own price."""
    row = await conn.fetchrow(_queries.suppliers_in_order, lot_id)
    return None if row is None else Next(**dict(row))


async def has_second_offer(conn: Connection, lot_id: int) -> bool:
    """Whether the lot's rule passes it on to the runner-up by itself when the winner does not pay."""
    return bool(await conn.fetchval(_queries.has_second_offer, lot_id))


async def held_for(conn: Connection, lot_id: int, winners: Sequence[int]) -> list[int]:
    """Whose deposit stays held until the winner has paid: the runner-up's, where the lot's rule has a second offer."""
    if not await has_second_offer(conn, lot_id):
        return []
    after = await next_bidder(conn, lot_id, winners)
    return [] if after is None else [after.party_id]
