"""Acts on a lot from outside the bidding: opening it, admitting bidders, and what an operator may do to it.

Each is one step of the caller's transaction, on a standing that it locks, and an event of the public log with seq and
hash. A rule that says no is a value (`DeskRefusal`). After the commit the caller tells the node: `bidding.refresh(lot_id)`.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from auction import store
from auction.batch import Room
from auction.chain import EventKind, chain_event, terms_of
from auction.closings import OnHammer, hammer_down
from auction.facts import DeskRefusal, Line, Lot, Standing
from auction.formats import english, format_name, format_of

if TYPE_CHECKING:
    from migrations.database import Connection


class UnknownLotError(Exception):
    """There is no such lot in the auction; the caller was to know."""


async def open_lot(conn: Connection, lot: Lot, now: datetime) -> None:
    """Put an approved lot into the auction: its terms, its first standing and the event 'opened'."""
    opening = replace(format_of(lot).opening(lot), head=sha256(terms_of(lot)).digest())
    event, standing = chain_event(lot, opening, EventKind.OPENED, now, {})
    await store.insert_lot(conn, lot, now)
    await store.append_event(conn, event)
    await store.insert_standing(conn, lot, standing)


async def admit(conn: Connection, *, lot_id: int, party_id: int, now: datetime) -> int:
    """Admit a party to a lot; the paddle it bids under. A second time gives the same paddle."""
    await locked(conn, lot_id)
    paddle = await store.insert_admission(conn, lot_id, party_id, await _free_paddle(conn, lot_id), now)
    await store.touch_standing(conn, lot_id)
    await store.tell_of_admission(conn, lot_id, party_id)
    return paddle


async def remove_admission(conn: Connection, *, lot_id: int, party_id: int, now: datetime) -> bool:
    """Take the admission back: the party may bid no more, what it has bid stands. Whether it was admitted."""
    await locked(conn, lot_id)
    removed = await store.remove_admission(conn, lot_id, party_id, now)
    await store.touch_standing(conn, lot_id)
    await store.tell_of_admission(conn, lot_id, party_id)
    return removed


async def confirm_priority(
    conn: Connection, *, lot_id: int, party_id: int, rank: int | None, now: datetime
) -> DeskRefusal | None:
    """Confirm an admitted party's right of priority on an open lot by its rank, 1 the best; None takes it back.

    It holds for the bids that come from now on.
    """
    room = await locked(conn, lot_id)
    if room.standing.outcome is not None:
        return DeskRefusal.LOT_CLOSED
    if format_of(room.lot).is_due(room.lot, room.standing, now):
        return DeskRefusal.LOT_ENDED
    if not getattr(room.lot.rule, "priority_right", False):
        return DeskRefusal.NO_PRIORITY_RIGHT
    if not await store.set_priority_rank(conn, lot_id, party_id, rank):
        return DeskRefusal.NOT_ADMITTED_YET
    await store.touch_standing(conn, lot_id)
    await store.tell_of_admission(conn, lot_id, party_id)
    return None


async def pause(conn: Connection, lot_id: int, now: datetime) -> Standing | DeskRefusal:
    """Stop the lot's clock."""
    room = await locked(conn, lot_id)
    return await log(conn, room, EventKind.PAUSED, format_of(room.lot).pause(room.lot, room.standing, now), now)


async def resume(conn: Connection, lot_id: int, now: datetime) -> Standing | DeskRefusal:
    """Let the lot's clock run again; the end moves later by the time it stood still."""
    room = await locked(conn, lot_id)
    return await log(conn, room, EventKind.RESUMED, format_of(room.lot).resume(room.lot, room.standing, now), now)


async def extend(conn: Connection, lot_id: int, ends_at: datetime, now: datetime) -> Standing | DeskRefusal:
    """Move the end of the running phase later."""
    room = await locked(conn, lot_id)
    return await log(
        conn, room, EventKind.EXTENDED, format_of(room.lot).extend(room.lot, room.standing, ends_at, now), now
    )


async def lower_reserve(conn: Connection, lot_id: int, reserve_minor: int, now: datetime) -> Standing | DeskRefusal:
    """Lower the hidden reserve; the price jumps to it if the leader's maximum reaches it."""
    room = await locked(conn, lot_id)
    if format_name(room.lot) != "english":
        return DeskRefusal.NO_RESERVE
    lowered = english.lower_reserve(room.lot, room.standing, reserve_minor, now)
    if isinstance(lowered, DeskRefusal):
        return lowered
    await store.lower_reserve(conn, lot_id, reserve_minor)
    room.lot = lowered.lot
    # Nothing public has happened when no price moved; a row would tell that the secret is now another.
    if not lowered.lines and lowered.standing.reserve_met == room.standing.reserve_met:
        return await save(conn, room, await _passed(conn, room, lowered.standing))
    return await log(conn, room, EventKind.RESERVE, lowered.standing, now, lowered.lines)


async def credit_outage(conn: Connection, lot_id: int, stopped_at: datetime, restarted_at: datetime) -> Standing | None:
    """Give the time lost in an outage back to the lot; None if it was not due in it or soon after."""
    room = await locked(conn, lot_id)
    credited = format_of(room.lot).credit_outage(room.lot, room.standing, stopped_at, restarted_at)
    if credited is None:
        return None
    logged = await log(conn, room, EventKind.CREDITED, credited, restarted_at)
    assert isinstance(logged, Standing)
    return logged


async def void(conn: Connection, lot_id: int, now: datetime, on_hammer: OnHammer) -> Standing | DeskRefusal:
    """End the lot without a sale, whoever leads; the trading centre frees the deposits in this same transaction."""
    room = await locked(conn, lot_id)
    voided = format_of(room.lot).void(room.lot, room.standing, now)
    if isinstance(voided, DeskRefusal):
        return voided
    event, standing = chain_event(room.lot, voided, EventKind.VOIDED, now, room.paddles)
    return (await hammer_down(conn, room, event, standing, on_hammer, struck_at=now)).standing


async def locked(conn: Connection, lot_id: int) -> Room:
    """The lot with its standing locked, for an act of its format."""
    room = await store.lock_room(conn, lot_id)
    if room is None:
        raise UnknownLotError(lot_id)
    return room


async def log(
    conn: Connection,
    room: Room,
    kind: EventKind,
    changed: Standing | DeskRefusal,
    now: datetime,
    lines: tuple[Line, ...] = (),
    detail: dict[str, Any] | None = None,
) -> Standing | DeskRefusal:
    """Write what an act has made of a locked lot, and its event; a refusal passes through."""
    if isinstance(changed, DeskRefusal):
        return changed
    changed = await _passed(conn, room, changed)
    event, standing = chain_event(room.lot, changed, kind, now, room.paddles, lines=lines, detail=detail)
    await store.append_event(conn, event)
    return await save(conn, room, standing)


async def save(conn: Connection, room: Room, standing: Standing) -> Standing:
    """Write what an act has made of a locked lot where nothing public has happened."""
    saved = replace(standing, version=room.standing.version + 1)
    await store.save_standing(conn, room.lot.id, saved)
    return saved


async def _passed(conn: Connection, room: Room, changed: Standing) -> Standing:
    """If the act found the timed phase over before the clock did, the log tells that first, at its instant."""
    before = room.standing
    if changed.phase is before.phase:
        return changed
    passed = format_of(room.lot).advance(room.lot, before, before.ends_at)
    if passed is before:  # The act itself has ended the phase, as an opening of sealed bids does.
        return changed
    event, chained = chain_event(room.lot, passed, EventKind.PHASE, before.ends_at, room.paddles)
    await store.append_event(conn, event)
    return replace(changed, seq=chained.seq, head=chained.head)


async def _free_paddle(conn: Connection, lot_id: int) -> int:
    """A random paddle that nobody holds on this lot; numbers grow a digit before they get crowded."""
    taken = await store.taken_paddles(conn, lot_id)
    lowest = 100
    while 2 * len(taken) >= 9 * lowest:
        lowest *= 10
    while (paddle := lowest + secrets.randbelow(9 * lowest)) in taken:
        pass
    return paddle
