"""A bidder takes a bid back: one step of the caller's transaction on the locked lot.

What may be taken back, and what the lot then looks like, is `auction.formats.english_retraction`'s; here it is read,
written and put into the public log. After the commit the caller tells the node: `bidding.refresh(lot_id)`.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from auction import desk, store
from auction.chain import EventKind
from auction.facts import DeskRefusal, RetractionReason, Standing
from auction.formats import format_name
from auction.formats.english_retraction import Placed, retract, retractable_until

__all__ = ["UnknownLotError", "retract_bid", "retractable"]

UnknownLotError = desk.UnknownLotError

if TYPE_CHECKING:
    from migrations.database import Connection


async def retract_bid(
    conn: Connection, *, lot_id: int, party_id: int, client_bid_id: UUID, reason: RetractionReason, now: datetime
) -> Standing | DeskRefusal:
    """Take one of the party's own bids back, with a reason that everybody can read. Raises UnknownLotError."""
    room = await desk.locked(conn, lot_id)
    if format_name(room.lot) != "english":
        return DeskRefusal.NO_RETRACTION
    retracted = retract(
        room.lot,
        room.standing,
        await store.bids_that_stand(conn, lot_id),
        room.ranks,
        party_id=party_id,
        client_bid_id=client_bid_id,
        retractions_so_far=await store.count_retractions(conn, lot_id, party_id),
        now=now,
    )
    if isinstance(retracted, DeskRefusal):
        return retracted
    await store.insert_retractions(conn, lot_id, retracted.taken_back, client_bid_id, reason, now)
    if not retracted.shows:
        return await desk.save(conn, room, retracted.standing)
    named = retracted.taken_back[0]
    detail = {"paddle": room.paddles[party_id], "reason": reason.value, "seq": named.seq if named.is_public else None}
    return await desk.log(conn, room, EventKind.RETRACTED, retracted.standing, now, detail=detail)


async def retractable(conn: Connection, lot_id: int, party_id: int, now: datetime) -> list[tuple[Placed, datetime]]:
    """The party's bids that may be taken back, the latest first, each with until when (as things stand)."""
    room = (await store.rooms(conn, [lot_id])).get(lot_id)
    if room is None or format_name(room.lot) != "english" or room.lot.rule.retraction_seconds is None:
        return []
    own = [one for one in await store.bids_that_stand(conn, lot_id) if one.bid.party_id == party_id]
    ends = [(one, retractable_until(room.lot, room.standing, one.bid.stamped_at, now)) for one in reversed(own)]
    return [(one, end) for one, end in ends if end is not None]
