"""When lots end: one heap and one timer for every open lot, and the transaction that brings the hammer down.

The schedule only says "now look at this lot"; whether its end has really passed is asked again of the standing, under
its lock. So a wrong or late wake-up changes nothing, and what is done twice has one effect.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from msgspec.structs import replace

from auction import store
from auction.batch import Room
from auction.chain import Event, EventKind, chain_event
from auction.facts import Award, Hammer, Outcome, Phase, Standing
from auction.formats import format_name, format_of

if TYPE_CHECKING:
    from auction.node_time import NodeTime
    from migrations.database import Connection

OnHammer = Callable[["Connection", Hammer], Awaitable[None]]

LONGEST_SLEEP_SECONDS = 60.0
"""However far away the next end is, the timer looks again this often: a clock followed slowly moves a little."""


class Closings:
    """Calls `fall_due(lot_id)` once at or after each scheduled instant. A later instant replaces an earlier one cheaply:
    the heap keeps the old entry, and finds out that it is early when it comes up.
    """

    def __init__(self, node_time: NodeTime, fall_due: Callable[[int], None]) -> None:
        self._node_time = node_time
        self._fall_due = fall_due
        self._heap: list[tuple[datetime, int]] = []
        self._due_at: dict[int, datetime] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = False

    def __len__(self) -> int:
        return len(self._due_at)

    def __contains__(self, lot_id: int) -> bool:
        return lot_id in self._due_at

    @property
    def lag_seconds(self) -> float:
        """How long the earliest lot has been due without having been woken; 0 when none is."""
        return max(0.0, -self._node_time.seconds_until(self._heap[0][0])) if self._heap else 0.0

    def schedule(self, lot_id: int, at: datetime) -> None:
        """Wake the lot at `at` instead of whenever it was to be woken."""
        former = self._due_at.get(lot_id)
        self._due_at[lot_id] = at
        if former is not None and former <= at:
            return
        heapq.heappush(self._heap, (at, lot_id))
        if self._heap[0] == (at, lot_id):
            self._arm()

    def forget(self, lot_id: int) -> None:
        """Do not wake the lot: it is closed, or its clock stands still."""
        self._due_at.pop(lot_id, None)

    def stop(self) -> None:
        """Wake nobody any more."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._heap and not self._stopped:
            wait = self._node_time.seconds_until(self._heap[0][0])
            self._timer = asyncio.get_running_loop().call_later(min(max(wait, 0.0), LONGEST_SLEEP_SECONDS), self._wake)

    def _wake(self) -> None:
        now = self._node_time.now()
        while self._heap and self._heap[0][0] <= now:
            at, lot_id = self._heap[0]
            due_at = self._due_at.get(lot_id)
            if due_at is None:
                heapq.heappop(self._heap)
            elif due_at > at:
                heapq.heapreplace(self._heap, (due_at, lot_id))
            else:
                heapq.heappop(self._heap)
                del self._due_at[lot_id]
                self._fall_due(lot_id)
        self._arm()


def wakes_at(room: Room) -> datetime | None:
    """When the lot has to be looked at next: the end of its running phase. None when nothing is to come by itself."""
    standing = room.standing
    if standing.outcome is not None or standing.phase is Phase.OPENING:
        return None
    if standing.paused_at is not None and standing.phase is not Phase.DECIDED:
        return None
    return standing.ends_at


async def close_lot(conn: Connection, lot_id: int, now: datetime, on_hammer: OnHammer) -> Room | None:
    """Close the lot if it is due, in the caller's transaction, and let the trading centre settle it on the same connection.

    Answers with the lot as it now stands, closed or not; None if there is no such lot. Closing twice has one effect.
    """
    room = await store.lock_room(conn, lot_id)
    if room is None or not (rules := format_of(room.lot)).is_due(room.lot, room.standing, now):
        return room
    passed = rules.advance(room.lot, room.standing, now)
    if passed is not room.standing:
        # The node slept through the end of the timed phase; the log still tells it, at its instant.
        event, passed = chain_event(room.lot, passed, EventKind.PHASE, room.standing.ends_at, room.paddles)
        await store.append_event(conn, event)
        room.recent.append((event.seq, event.body, event.hash))
    closed = rules.close(room.lot, passed, now)
    assert closed.closed_at is not None
    detail = rules.result(room.lot, closed, room.paddles).detail
    event, closed = chain_event(room.lot, closed, EventKind.CLOSED, closed.closed_at, room.paddles, detail=detail)
    return await hammer_down(conn, room, event, closed, on_hammer, struck_at=now)


async def hammer_down(
    conn: Connection, room: Room, event: Event, closed: Standing, on_hammer: OnHammer, *, struck_at: datetime
) -> Room:
    """Write the last event and the final standing of a locked lot, and hand the hammer on."""
    lot = room.lot
    closed = replace(closed, version=room.standing.version + 1)
    await store.append_event(conn, event)
    await store.save_standing(conn, lot.id, closed)
    assert closed.outcome is not None and closed.closed_at is not None
    sold = closed.outcome is Outcome.SOLD and closed.leader_id is not None
    awards = format_of(lot).result(lot, closed, room.paddles).awards if closed.outcome is Outcome.SOLD else ()
    await on_hammer(
        conn,
        Hammer(
            lot_id=lot.id,
            seller_id=lot.seller_id,
            currency=lot.currency,
            outcome=closed.outcome,
            winner_id=closed.leader_id if sold else None,
            winner_paddle=room.paddles[closed.leader_id] if sold and closed.leader_id is not None else None,
            price_minor=closed.price_minor if sold else None,
            closed_at=closed.closed_at,
            struck_at=struck_at,
            seq=closed.seq,
            head=closed.head,
            admitted_ids=await store.admitted_ids(conn, lot.id),
            format=format_name(lot),
            awards=tuple(
                Award(party_id=party_id, paddle=room.paddles[party_id], quantity=quantity, total_minor=total)
                for party_id, quantity, total in awards
            ),
        ),
    )
    room.standing = closed
    room.recent.append((event.seq, event.body, event.hash))
    return room


def retry_at(now: datetime, failures: int) -> datetime:
    """When to try a closing again that has failed `failures` times: after 1 s, 2 s, 4 s … at most a minute."""
    return now + timedelta(seconds=min(60.0, 2.0 ** (failures - 1)))
