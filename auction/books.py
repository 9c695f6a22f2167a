"""The books of lots as this node has read them, so that a page need not read a whole log for each look at a lot.

A book follows from the log, and the standing's version counts every change of it: the same lot at the same version has the
same book. What the bidding keeps in its rooms is used where it fits; what a page had to read is kept here, apart from the
rooms, whose arrival tells the watchers that a lot has moved.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from msgspec import Struct

    from auction.batch import Room
    from auction.facts import Standing


class Books:
    """The most lately used books, at most so many."""

    def __init__(self, room_of: Callable[[int], Room | None], bound: int) -> None:
        self._room_of = room_of
        self._bound = bound
        self._kept: dict[int, tuple[int, Struct | None]] = {}

    def at(self, lot_id: int, version: int) -> Struct | None:
        """The lot's book at this version, or None if it must be read."""
        room = self._room_of(lot_id)
        if room is not None and room.standing.version == version:
            return room.standing.book
        kept = self._kept.pop(lot_id, None)
        if kept is None:
            return None
        self._kept[lot_id] = kept
        return kept[1] if kept[0] == version else None

    def keep(self, lot_id: int, standing: Standing) -> None:
        """Remember a book that was read. The standing must be committed: another one may get the version of a rollback."""
        self._kept.pop(lot_id, None)
        self._kept[lot_id] = standing.version, standing.book
        if len(self._kept) > self._bound:
            del self._kept[next(iter(self._kept))]
