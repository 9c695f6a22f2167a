"""What a seller has to do next, and the lot that a draft would become: reading only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from escrow.facts import Action, Role
from escrow.rules import next_actions
from market.applications import lot_of
from market.listing_facts import Listing, ListingContent, ListingState
from market.listings import is_whole, lot_of_content

if TYPE_CHECKING:
    from datetime import datetime

    from auction.facts import Lot
    from escrow.desk import EscrowDesk
    from migrations.database import Connection


class ToDo(Struct, frozen=True, kw_only=True):
    """One thing that waits for the seller: `to_do.<kind>` in the catalogue, the lot's title, and where to do it."""

    kind: str
    title_zh: str
    title_en: str
    link: str
    due_at: datetime | None = None

    def title(self, lang: str) -> str:
        """The lot's title in `lang`, else in the other language."""
        return (self.title_zh or self.title_en) if lang == "zh" else (self.title_en or self.title_zh)


async def to_do_of(
    conn: Connection, escrow: EscrowDesk, seller_id: int, mine: list[Listing], now: datetime
) -> list[ToDo]:
    """What waits for the seller, the most pressing first: ship, mend what was sent back, finish drafts."""
    by_id: dict[int | None, Listing] = {listing.id: listing for listing in mine}
    ship = [
        _to_do("ship", by_id[lot_of(case.subject)], f"/deals/{case.id}", case.ship_by_at)
        for case in await escrow.settlement.cases_of(conn, seller_id)
        if lot_of(case.subject) in by_id
        and case.seller_id == seller_id
        and Action.SHIP in next_actions(case, Role.SELLER, now)
    ]
    mend = [_to_do("mend", item, f"/sell/lots/{item.id}") for item in mine if item.state is ListingState.REJECTED]
    finish = [_to_do("finish", item, f"/sell/lots/{item.id}") for item in mine if item.state is ListingState.DRAFT]
    return [*ship, *mend, *finish]


def lot_to_preview(content: ListingContent, listing_id: int) -> Lot | None:
    """The lot that the draft would become, for the rule in plain words; None while too much is missing to say it."""
    return lot_of_content(content, listing_id, 0) if is_whole(content) else None


def _to_do(kind: str, listing: Listing, link: str, due_at: datetime | None = None) -> ToDo:
    return ToDo(kind=kind, title_zh=listing.title_zh, title_en=listing.title_en, link=link, due_at=due_at)
