"""What waits for a party: in his deals, contracts and negotiations, on either side, and in his drafts. Reads only."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from market.listing_facts import Listing, ListingState
from migrations.queries import load_queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from migrations.database import Connection

_queries = load_queries("market", "to_do")
MOST_SHOWN = 50


class ToDo(Struct, frozen=True, kw_only=True):
    """One thing that waits: `to_do.<kind>` in the catalogue, what it is about, and the page to do it on. `side`: whether
    it waits for its reader as buyer, as seller, or as the officer who was appointed to a paper.
    """

    kind: str
    side: str
    title_zh: str
    title_en: str
    link: str
    due_at: datetime | None = None

    def title(self, lang: str) -> str:
        """The title in `lang`, else in the other language."""
        return (self.title_zh or self.title_en) if lang == "zh" else (self.title_en or self.title_zh)


class ToDoList(Struct, frozen=True):
    """What is due first; `more` were left off, and stand in the lists of deals, contracts and negotiations."""

    items: tuple[ToDo, ...]
    more: int = 0


async def to_do_of(
    conn: Connection, party_id: int, now: datetime, *, side: str | None = None, mine: Sequence[Listing] = ()
) -> ToDoList:
    """What waits for the party (on this side), what is due first; then, of `mine`, lots to mend and drafts to finish."""
    rows = await conn.fetch(_queries.to_do, party_id, now, side, MOST_SHOWN)
    mend = [_of_lot("mend", item) for item in mine if item.state is ListingState.REJECTED]
    finish = [_of_lot("finish", item) for item in mine if item.state is ListingState.DRAFT]
    items = (*(msgspec.convert(dict(row), ToDo) for row in rows), *mend, *finish)
    return ToDoList(items, rows[0]["total"] - len(rows) if rows else 0)


def _of_lot(kind: str, listing: Listing) -> ToDo:
    link = f"/sell/lots/{listing.id}"
    return ToDo(kind=kind, side="seller", title_zh=listing.title_zh, title_en=listing.title_en, link=link)
