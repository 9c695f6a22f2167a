"""The lot that a seller's draft would become: reading only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from market.listings import is_whole, lot_of_content

if TYPE_CHECKING:
    from auction.facts import Lot
    from market.listing_facts import ListingContent


def lot_to_preview(content: ListingContent, listing_id: int) -> Lot | None:
    """The lot that the draft would become, for the rule in plain words; None while too much is missing to say it."""
    return lot_of_content(content, listing_id, 0) if is_whole(content) else None
