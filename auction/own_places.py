"""What one party alone is shown of a lot, pushed to its own sockets when it has changed and at no other time.

A lot that hides its bids tells each viewer something else. What goes to one party depends on nothing but that party's own
view: while the others' bids leave it as it is, no frame comes, so neither count nor time of theirs shows. At most some 25
frames a second for each lot, always the newest, and a slow reader gets what it missed once it reads again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec.structs import asdict

from auction.formats import format_of, plain
from auction.hub import FRAMES_PER_SECOND
from auction.messages import OwnPlace, You, encode_message
from auction.public import own_detail

if TYPE_CHECKING:
    from datetime import datetime

    from auction.batch import Room
    from auction.hub import Hub, HubProtocol


def you_on(room: Room, party_id: int | None, now: datetime) -> You | None:
    """The viewer's own place on the lot: the only message that holds a maximum, and it is the viewer's own."""
    if party_id is None:
        return None
    standing = room.standing
    leading = standing.leader_id == party_id
    maximum = standing.leader_maximum_minor if leading else None
    return You(
        room.paddles.get(party_id),
        party_id in room.admitted,
        None if maximum is None else str(maximum),
        leading,
        own_detail(room.lot, standing, room.paddles, room.admitted, party_id, now),
        room.ranks.get(party_id),
    )


class OwnPlaces:
    """The private frames of one node's watchers."""

    def __init__(self, hub: Hub, now: Callable[[], datetime], frames_per_second: float = FRAMES_PER_SECOND) -> None:
        self._hub = hub
        self._now = now
        self._interval = 1.0 / frames_per_second
        self._next_at: dict[int, float] = {}
        self._waiting: dict[int, Room] = {}

    def moved(self, room: Room) -> None:
        """The lot has changed: whoever sees something else for himself now is told, soon if he was told just now."""
        rules = format_of(room.lot)
        if rules.own_view is plain.own_view and rules.owner_view is plain.owner_view:
            return
        lot_id, now = room.lot.id, time.monotonic()
        is_waiting = lot_id in self._waiting
        self._waiting[lot_id] = room
        if not is_waiting:
            wait = max(0.0, self._next_at.get(lot_id, now) - now)
            asyncio.get_running_loop().call_later(wait, self._tell, lot_id)

    def shown(self, watcher: HubProtocol, room: Room) -> You | None:
        """The viewer's place for the answer to a subscription; from now on he is told when it changes."""
        you = you_on(room, watcher.party_id, self._now())
        if you is not None:
            watcher.own[room.lot.id] = _encoded(room, you)
            watcher.owed.discard(room.lot.id)
        return you

    def _tell(self, lot_id: int) -> None:
        room = self._waiting.pop(lot_id)
        self._next_at[lot_id] = time.monotonic() + self._interval
        if room.standing.outcome is not None:
            del self._next_at[lot_id]
        for party_id in {*room.paddles, room.lot.seller_id}:
            watchers = [watcher for watcher in self._hub.of_party(party_id) if lot_id in watcher.lots]
            if watchers and (you := you_on(room, party_id, self._now())) is not None:
                payload = _encoded(room, you)
                for watcher in watchers:
                    watcher.show_own(lot_id, payload)


def _encoded(room: Room, you: You) -> bytes:
    return encode_message(OwnPlace(lot=room.lot.id, **asdict(you)))
