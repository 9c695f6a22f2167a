"""Listings in and out of the database: one typed function a query, and no decisions."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from market.listing_facts import Listing, ListingContent
from migrations.queries import load_queries

if TYPE_CHECKING:
    from typing import Any

    from asyncpg import Record

    from migrations.database import Connection

_queries = load_queries("market", "listings")


class WaitingListing(Struct, frozen=True, kw_only=True):
    """A row of the operator's approval queue."""

    listing: Listing
    seller_name: str
    photo_count: int


async def insert_listing(conn: Connection, seller_id: int, content: ListingContent, now: datetime) -> Listing:
    """A new draft of the seller."""
    return _listing(await conn.fetchrow(_queries.insert_listing, seller_id, *_columns(content), now))


async def lock_listing(conn: Connection, listing_id: int) -> Listing | None:
    """The listing, locked until the transaction ends."""
    row = await conn.fetchrow(_queries.lock_listing, listing_id)
    return None if row is None else _listing(row)


async def listing_by_id(conn: Connection, listing_id: int) -> Listing | None:
    """The listing as it stands."""
    row = await conn.fetchrow(_queries.listing_by_id, listing_id)
    return None if row is None else _listing(row)


async def listings_of_seller(conn: Connection, seller_id: int, limit: int) -> list[Listing]:
    """The seller's listings, the last touched first."""
    return [_listing(row) for row in await conn.fetch(_queries.listings_of_seller, seller_id, limit)]


async def update_content(conn: Connection, listing_id: int, content: ListingContent, now: datetime) -> Listing:
    """Write the seller's edit; the listing is a draft afterwards."""
    return _listing(await conn.fetchrow(_queries.update_listing_content, listing_id, *_columns(content), now))


async def mark_submitted(conn: Connection, listing_id: int, now: datetime) -> Listing:
    """Into the operator's queue."""
    return _listing(await conn.fetchrow(_queries.mark_listing_submitted, listing_id, now))


async def mark_draft(conn: Connection, listing_id: int, now: datetime) -> Listing:
    """Back to the seller's desk."""
    return _listing(await conn.fetchrow(_queries.mark_listing_draft, listing_id, now))


async def mark_withdrawn(conn: Connection, listing_id: int, now: datetime) -> Listing:
    """Given up."""
    return _listing(await conn.fetchrow(_queries.mark_listing_withdrawn, listing_id, now))


async def mark_approved(conn: Connection, listing_id: int, operator_id: int, now: datetime) -> Listing:
    """The operator's yes."""
    return _listing(await conn.fetchrow(_queries.mark_listing_approved, listing_id, operator_id, now))


async def mark_rejected(conn: Connection, listing_id: int, operator_id: int, reason: str, now: datetime) -> Listing:
    """The operator's no."""
    return _listing(await conn.fetchrow(_queries.mark_listing_rejected, listing_id, operator_id, now, reason))


async def listings_to_approve(conn: Connection, limit: int, offset: int) -> list[WaitingListing]:
    """The approval queue, the longest waiting first."""
    rows = await conn.fetch(_queries.listings_to_approve, limit, offset)
    return [
        WaitingListing(listing=_listing(row), seller_name=row["seller_name"], photo_count=row["photo_count"])
        for row in rows
    ]


async def count_to_approve(conn: Connection) -> int:
    """How many listings wait for an operator."""
    return int(await conn.fetchval(_queries.count_listings_to_approve))


def _columns(content: ListingContent) -> tuple[Any, ...]:
    return (
        content.title_zh,
        content.title_en,
        content.description_zh,
        content.description_en,
        content.category,
        content.condition,
        content.currency,
        content.start_price_minor,
        msgspec.to_builtins(content.steps),
        content.grid_base,
        content.timed_seconds,
        content.extension_seconds,
        content.soft_close_seconds,
        content.cap_extensions,
        content.cap_at,
        content.reserve_minor,
        content.deposit_minor,
        content.starts_at,
        content.zone,
        content.format,
        content.options,
    )


def _listing(row: Record | None) -> Listing:
    assert row is not None, "the query returns the row that it writes"
    return msgspec.convert(dict(row), Listing)
