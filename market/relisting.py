"""What a seller does about a lot that has not found its price: lower the reserve while it runs, put it up again after.

Each function is one transaction of the caller's. A relist is a new draft with the words, photos and rule of the old one;
its times are for the seller to set. Whoever defaulted on a former sale of it is not admitted (market.applications). A bar
from the whole house stays an operator's act, also after repeated defaults: the bar hits a livelihood, and a default can
have reasons that no count knows.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from auction import desk
from auction.facts import DeskRefusal, Standing
from market import listings_store
from market.applications import lock_subject, subject_of
from market.listing_facts import Listing, ListingContent
from market.second_chance import sale_of
from migrations.queries import load_queries

if TYPE_CHECKING:
    from datetime import datetime

    from market.second_chance_facts import Sale
    from migrations.database import Connection

_queries = load_queries("market", "relisting")


class RelistRefusal(StrEnum):
    """Why a lot is not put up again, in the order tested. The sentence is `market_refusal.<value>`."""

    NO_SUCH_LOT = "no_such_lot"
    RELIST_NOT_CLOSED = "relist_not_closed"
    RELIST_IS_SOLD = "relist_is_sold"
    RELIST_IS_OFFERED = "relist_is_offered"


async def relist(conn: Connection, *, lot_id: int, seller_id: int, now: datetime) -> Listing | RelistRefusal:
    """Put the seller's own closed lot up again: a new draft. Asking again gives the draft that is there."""
    await lock_subject(conn, subject_of(lot_id))
    listing = await listings_store.lock_listing(conn, lot_id)
    if listing is None or listing.seller_id != seller_id:
        return RelistRefusal.NO_SUCH_LOT
    sale = await sale_of(conn, lot_id)
    if (refusal := relist_refusal(sale)) is not None:
        return refusal
    assert sale is not None, "relist_refusal has looked"
    if sale.relisted_as is not None:
        again = await listings_store.listing_by_id(conn, sale.relisted_as)
        assert again is not None, "listings are never deleted"
        return again
    draft = await listings_store.insert_listing(conn, seller_id, _anew(listing), now)
    await conn.execute(_queries.mark_relist, draft.id, lot_id)
    await conn.execute(_queries.copy_photos, lot_id, draft.id, now)
    await conn.execute(_queries.copy_photo_sizes, lot_id, draft.id)
    return msgspec.structs.replace(draft, relist_of=lot_id)


def relist_refusal(sale: Sale | None) -> RelistRefusal | None:
    """Why the lot can't be put up again now; None also where it was already."""
    if sale is None:
        return RelistRefusal.RELIST_NOT_CLOSED
    if sale.is_sold:
        return RelistRefusal.RELIST_IS_SOLD
    return RelistRefusal.RELIST_IS_OFFERED if sale.is_offered else None


async def lower_reserve(
    conn: Connection, *, lot_id: int, seller_id: int, reserve_minor: int, now: datetime
) -> Standing | DeskRefusal | RelistRefusal:
    """Lower the hidden reserve of the seller's own running lot. After the commit the caller refreshes the lot."""
    listing = await listings_store.lock_listing(conn, lot_id)
    if listing is None or listing.seller_id != seller_id:
        return RelistRefusal.NO_SUCH_LOT
    try:
        lowered = await desk.lower_reserve(conn, lot_id, reserve_minor, now)
    except desk.UnknownLotError:
        return RelistRefusal.NO_SUCH_LOT
    if isinstance(lowered, Standing):
        await conn.execute(_queries.lower_listed_reserve, lot_id, reserve_minor, now)
    return lowered


def _anew(listing: Listing) -> ListingContent:
    """The same content without its times, which lie in the past."""
    kept = {name: getattr(listing, name) for name in ListingContent.__struct_fields__}
    return ListingContent(**{**kept, "starts_at": None, "cap_at": None})
