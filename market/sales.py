"""A sale: many lots under one roof. An operator makes it, puts submitted lots in under numbers, and opens all of them at once.

Each function is one step of the caller's transaction; a refusal is a value. The lots' times follow from the sale's: all
start together, and end together or so long after each other in the order of their numbers. What a lot then is in the
auction is `market.listings.approve`'s to do.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from market import audit, listings, listings_store
from market.listing_facts import Listing, ListingRefusal, ListingState
from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Connection

_queries = load_queries("market", "sales")

MOST_LOTS = 500
MOST_SALES_SHOWN = 200
LONGEST_STAGGER_SECONDS = 86_400
FARTHEST_START = timedelta(days=5 * 366)
LONGEST_SALE = timedelta(days=366)


class SaleRefusal(StrEnum):
    """Why a step on a sale was refused, in the order tested. The sentence is `market_refusal.<value>`."""

    NO_SUCH_SALE = "no_such_sale"
    SALE_IS_OPEN = "sale_is_open"
    SALE_TITLE_MISSING = "sale_title_missing"
    SALE_ENDS_BEFORE_START = "sale_ends_before_start"
    SALE_START_IN_PAST = "sale_start_in_past"
    SALE_OUT_OF_RANGE = "sale_out_of_range"
    NO_SUCH_LISTING = "no_such_listing"
    NOT_SUBMITTED = "not_submitted"
    OTHER_CURRENCY = "other_currency"
    IN_ANOTHER_SALE = "in_another_sale"
    SALE_IS_FULL = "sale_is_full"
    SALE_IS_EMPTY = "sale_is_empty"


class SaleContent(Struct, frozen=True, kw_only=True):
    """What an operator writes of a sale. `stagger_seconds` 0: all lots end at once."""

    title_zh: str = ""
    title_en: str = ""
    description_zh: str = ""
    description_en: str = ""
    currency: str
    starts_at: datetime
    first_end_at: datetime
    stagger_seconds: int = 0
    zone: str = "UTC"

    def title(self, lang: str) -> str:
        """The title in `lang`, else in the other language."""
        return (self.title_zh or self.title_en) if lang == "zh" else (self.title_en or self.title_zh)

    def description(self, lang: str) -> str:
        """The description in `lang`, else in the other language."""
        return (
            (self.description_zh or self.description_en) if lang == "zh" else self.description_en or self.description_zh
        )


class Sale(SaleContent, frozen=True, kw_only=True):
    """A stored sale; `lot_count` where it was counted."""

    id: int
    opened_at: datetime | None
    created_by: int
    created_at: datetime
    lot_count: int = 0


class PlaceInSale(Struct, frozen=True, kw_only=True):
    """Which lot of which sale a listing is, and its neighbours there."""

    sale_id: int
    title_zh: str
    title_en: str
    opened_at: datetime | None
    number: int
    previous_id: int | None
    next_id: int | None

    def title(self, lang: str) -> str:
        """The sale's title in `lang`, else in the other language."""
        return (self.title_zh or self.title_en) if lang == "zh" else (self.title_en or self.title_zh)


class NotOpened(Struct, frozen=True):
    """The lot that keeps a sale from being opened, and why."""

    listing_id: int
    refusal: ListingRefusal


async def create(conn: Connection, *, operator_id: int, content: SaleContent, now: datetime) -> Sale | SaleRefusal:
    """A new sale without lots."""
    if (refusal := _unfit(content, now)) is not None:
        return refusal
    row = await conn.fetchrow(_queries.insert_sale, *msgspec.structs.astuple(content), operator_id, now)
    sale = msgspec.convert(dict(row or {}), Sale)
    await audit.record(conn, operator_id, "sale.created", f"sale:{sale.id}", None, {}, now)
    return sale


async def edit(
    conn: Connection, *, sale_id: int, operator_id: int, content: SaleContent, now: datetime
) -> Sale | SaleRefusal:
    """Change words and times of a sale that is not open."""
    sale = await _not_open(conn, sale_id)
    if isinstance(sale, SaleRefusal):
        return sale
    if (refusal := _unfit(content, now)) is not None:
        return refusal
    if content.currency != sale.currency and await conn.fetch(_queries.sale_listings, sale_id):
        return SaleRefusal.OTHER_CURRENCY
    row = await conn.fetchrow(_queries.update_sale, sale_id, *msgspec.structs.astuple(content))
    await audit.record(conn, operator_id, "sale.changed", f"sale:{sale_id}", None, {}, now)
    return msgspec.convert(dict(row or {}), Sale)


async def put_in(
    conn: Connection, *, sale_id: int, listing_id: int, operator_id: int, now: datetime
) -> int | SaleRefusal:
    """Put a submitted listing into a sale; the number it got."""
    sale, listing = await _not_open(conn, sale_id), await listings_store.lock_listing(conn, listing_id)
    if isinstance(sale, SaleRefusal):
        return sale
    if listing is None:
        return SaleRefusal.NO_SUCH_LISTING
    if listing.state is not ListingState.SUBMITTED:
        return SaleRefusal.NOT_SUBMITTED
    if listing.currency != sale.currency:
        return SaleRefusal.OTHER_CURRENCY
    if listing.sale_id is not None:
        return SaleRefusal.IN_ANOTHER_SALE
    number = 1 + int(await conn.fetchval(_queries.last_number, sale_id))
    if number > MOST_LOTS:
        return SaleRefusal.SALE_IS_FULL
    await conn.execute(_queries.put_in_sale, listing_id, sale_id, number)
    await audit.record(conn, operator_id, "sale.lot_added", f"sale:{sale_id}", None, {"lot": listing_id}, now)
    return number


async def take_out(
    conn: Connection, *, sale_id: int, listing_id: int, operator_id: int, now: datetime
) -> SaleRefusal | None:
    """Take a listing out of a sale that is not open; the numbers behind it move up."""
    sale = await _not_open(conn, sale_id)
    if isinstance(sale, SaleRefusal):
        return sale
    mine = [one.id for one in await lots_of(conn, sale_id)]
    if listing_id not in mine:
        return SaleRefusal.NO_SUCH_LISTING
    await conn.execute(_queries.put_in_sale, listing_id, None, None)
    await _number(conn, sale_id, [one for one in mine if one != listing_id])
    await audit.record(conn, operator_id, "sale.lot_removed", f"sale:{sale_id}", None, {"lot": listing_id}, now)
    return None


async def reorder(conn: Connection, *, sale_id: int, listing_id: int, earlier: bool) -> SaleRefusal | None:
    """Move a listing one number up or down; at the end of the row it stays."""
    sale = await _not_open(conn, sale_id)
    if isinstance(sale, SaleRefusal):
        return sale
    order = [one.id for one in await lots_of(conn, sale_id)]
    if listing_id not in order:
        return SaleRefusal.NO_SUCH_LISTING
    place = order.index(listing_id)
    other = place - 1 if earlier else place + 1
    if 0 <= other < len(order):
        order[place], order[other] = order[other], order[place]
        await _number(conn, sale_id, order)
    return None


async def open_sale(
    conn: Connection, *, sale_id: int, operator_id: int, now: datetime
) -> list[Listing] | SaleRefusal | NotOpened:
    """Put every lot of the sale on show at the sale's times, all or none: on NotOpened the caller rolls back."""
    sale = await _not_open(conn, sale_id)
    if isinstance(sale, SaleRefusal):
        return sale
    if sale.starts_at <= now:
        return SaleRefusal.SALE_START_IN_PAST
    await conn.fetch(_queries.lock_sale_listings, sale_id)
    # Whoever has taken his lot back has left a gap in the numbers.
    await _number(conn, sale_id, [one.id for one in await lots_of(conn, sale_id)])
    mine = await lots_of(conn, sale_id)
    if not mine:
        return SaleRefusal.SALE_IS_EMPTY
    opened: list[Listing] = []
    for listing in mine:
        starts_at, timed_seconds = times_of(sale, listing)
        await conn.execute(_queries.schedule_listing, listing.id, starts_at, timed_seconds)
        done = await listings.approve(conn, listing_id=listing.id, operator_id=operator_id, now=now, with_its_sale=True)
        if isinstance(done, ListingRefusal):
            return NotOpened(listing.id, done)
        opened.append(done)
    await conn.execute(_queries.mark_sale_open, sale_id, now)
    await audit.record(conn, operator_id, "sale.opened", f"sale:{sale_id}", None, {"lots": len(opened)}, now)
    return opened


def times_of(sale: SaleContent, listing: Listing) -> tuple[datetime, int | None]:
    """When a lot of the sale starts, and how long its timed phase is. One without a timed phase (a falling price, a
    countdown alone) starts, not ends, so long after the one before.
    """
    assert listing.lot_number is not None, "a lot of a sale has a number"
    later = timedelta(seconds=sale.stagger_seconds * (listing.lot_number - 1))
    if listing.timed_seconds is None:
        return sale.starts_at + later, None
    return sale.starts_at, int((sale.first_end_at + later - sale.starts_at).total_seconds())


async def sale_by_id(conn: Connection, sale_id: int) -> Sale | None:
    """One sale, open or not."""
    row = await conn.fetchrow(_queries.sale_by_id, sale_id)
    return None if row is None else msgspec.convert(dict(row), Sale)


async def sales(conn: Connection, *, with_drafts: bool) -> list[Sale]:
    """Sales, the latest first; those that are not open only `with_drafts`."""
    return [msgspec.convert(dict(row), Sale) for row in await conn.fetch(_queries.sales, with_drafts, MOST_SALES_SHOWN)]


async def lots_of(conn: Connection, sale_id: int) -> list[Listing]:
    """The listings of a sale in the order of their numbers."""
    return [msgspec.convert(dict(row), Listing) for row in await conn.fetch(_queries.sale_listings, sale_id)]


async def place_of(conn: Connection, listing_id: int) -> PlaceInSale | None:
    """The sale that a listing is in, open or not."""
    row = await conn.fetchrow(_queries.place_in_sale, listing_id)
    return None if row is None else msgspec.convert(dict(row), PlaceInSale)


async def waiting(conn: Connection, currency: str) -> list[Listing]:
    """Submitted listings that could be put into a sale of this currency."""
    return [msgspec.convert(dict(row), Listing) for row in await conn.fetch(_queries.waiting_for_a_sale, currency)]


async def watch(conn: Connection, *, party_id: int, lot_id: int, now: datetime) -> None:
    """Put a lot on the party's watch list."""
    await conn.execute(_queries.watch, party_id, lot_id, now)


async def unwatch(conn: Connection, *, party_id: int, lot_id: int) -> None:
    """Take a lot off the party's watch list."""
    await conn.execute(_queries.unwatch, party_id, lot_id)


async def is_watched(conn: Connection, *, party_id: int, lot_id: int) -> bool:
    """Whether the party watches the lot."""
    return bool(await conn.fetchval(_queries.is_watched, party_id, lot_id))


async def watched(conn: Connection, party_id: int) -> list[int]:
    """The lots that the party watches, the last added first."""
    return [row["lot_id"] for row in await conn.fetch(_queries.watched, party_id)]


async def _not_open(conn: Connection, sale_id: int) -> Sale | SaleRefusal:
    row = await conn.fetchrow(_queries.lock_sale, sale_id)
    if row is None:
        return SaleRefusal.NO_SUCH_SALE
    sale = msgspec.convert(dict(row), Sale)
    return SaleRefusal.SALE_IS_OPEN if sale.opened_at is not None else sale


async def _number(conn: Connection, sale_id: int, order: list[int]) -> None:
    """Number these listings from 1."""
    await conn.execute(_queries.number_lots, sale_id, order)


def _unfit(content: SaleContent, now: datetime) -> SaleRefusal | None:
    if not (content.title_zh or content.title_en):
        return SaleRefusal.SALE_TITLE_MISSING
    if content.first_end_at <= content.starts_at:
        return SaleRefusal.SALE_ENDS_BEFORE_START
    if content.starts_at <= now:
        return SaleRefusal.SALE_START_IN_PAST
    if content.starts_at - now > FARTHEST_START or content.first_end_at - content.starts_at > LONGEST_SALE:
        return SaleRefusal.SALE_OUT_OF_RANGE
    return None
