"""The photos of a listing: taken in while it is a draft, ordered, described, and served for ever unchanged.

The bytes are kept in the database (why: migrations/0007_listings.sql). A photo's id is never reused and its bytes
never change, so a browser may keep what it has once loaded.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import msgspec
from msgspec import Struct

from market import listings_store
from market.photo_rendering import SIZES, PhotoRefusal, RenderedPhoto, render_photo
from migrations.queries import load_queries

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from migrations.database import Connection

__all__ = [
    "MOST_PHOTOS",
    "SIZES",
    "Photo",
    "PhotoRefusal",
    "RenderedPhoto",
    "add_photo",
    "delete_photo",
    "describe_photo",
    "off_loop",
    "photo_bytes",
    "photos_of",
    "place_photos",
    "render_photo",
    "render_photo_off_loop",
    "upload_photo",
]

MOST_PHOTOS = 12
MOST_WAITING = 8
LONGEST_ALT = 200
P = ParamSpec("P")
R = TypeVar("R")

_queries = load_queries("market", "photos")

# One thread: a photo's decoding must not take the second core from the bids. Threads start on first use.
_darkroom = ThreadPoolExecutor(max_workers=1, thread_name_prefix="photo")
_waiting = 0


class Photo(Struct, frozen=True, kw_only=True):
    """What a page needs to show it; `width` and `height` are those of the largest size."""

    id: int
    position: int
    width: int
    height: int
    alt_zh: str = ""
    alt_en: str = ""

    def alt(self, lang: str) -> str:
        """The text for those who don't see it, in `lang` or else in the other language; may be empty."""
        return (self.alt_zh or self.alt_en) if lang == "zh" else (self.alt_en or self.alt_zh)


class PhotoBytes(Struct, frozen=True, kw_only=True):
    webp: bytes
    seller_id: int
    public: bool


async def render_photo_off_loop(upload: bytes) -> RenderedPhoto | PhotoRefusal:
    """`render_photo` in the darkroom's one thread. At most 8 wait there; the ninth is told to come back."""
    done = await off_loop(render_photo, upload)
    return PhotoRefusal.BUSY if done is None else done


async def off_loop(render: Callable[P, R], *given: P.args, **named: P.kwargs) -> R | None:
    """What `render` makes in the darkroom's one thread; None when 8 wait there already."""
    global _waiting  # noqa: PLW0603  (only the event loop's thread touches it)
    if _waiting >= MOST_WAITING:
        return None
    _waiting += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_darkroom, partial(render, *given, **named))
    finally:
        _waiting -= 1


async def upload_photo(
    conn: Connection, *, listing_id: int, seller_id: int, image: RenderedPhoto, now: datetime
) -> int | PhotoRefusal:
    """The seller adds a photo to a draft of his. Gives the photo's id."""
    if (refusal := await _fixed(conn, listing_id, seller_id)) is not None:
        return refusal
    return await add_photo(conn, listing_id=listing_id, image=image, now=now)


async def add_photo(
    conn: Connection, *, listing_id: int, image: RenderedPhoto, alt_zh: str = "", alt_en: str = "", now: datetime
) -> int | PhotoRefusal:
    """Store the photo behind the others. The caller holds the listing's lock, or is alone with it."""
    position = await conn.fetchval(_queries.next_photo_position, listing_id)
    if position > MOST_PHOTOS:
        return PhotoRefusal.LIMIT_REACHED
    facts = (listing_id, position, image.sha256, image.width, image.height, alt_zh, alt_en, now)
    photo_id = await conn.fetchval(_queries.insert_photo, *facts)
    if photo_id is None:
        return PhotoRefusal.ALREADY_THERE
    await conn.executemany(_queries.insert_photo_size, [(photo_id, width, webp) for width, webp in image.webp.items()])
    return int(photo_id)


async def delete_photo(conn: Connection, *, listing_id: int, seller_id: int, photo_id: int) -> PhotoRefusal | None:
    """Remove a photo from a draft; those behind it move up."""
    if (refusal := await _fixed(conn, listing_id, seller_id)) is not None:
        return refusal
    position = await conn.fetchval(_queries.delete_photo, listing_id, photo_id)
    if position is None:
        return PhotoRefusal.NOT_FOUND
    await conn.execute(_queries.close_photo_gap, listing_id, position)
    return None


async def place_photos(
    conn: Connection, *, listing_id: int, seller_id: int, photo_ids: Sequence[int]
) -> PhotoRefusal | None:
    """Put the photos of a draft in this order; each of them must be named once."""
    if (refusal := await _fixed(conn, listing_id, seller_id)) is not None:
        return refusal
    if sorted(photo_ids) != sorted(photo.id for photo in await photos_of(conn, listing_id)):
        return PhotoRefusal.NOT_FOUND
    await conn.execute(_queries.place_photos, listing_id, list(photo_ids))
    return None


async def describe_photo(
    conn: Connection, *, listing_id: int, seller_id: int, photo_id: int, alt_zh: str, alt_en: str
) -> PhotoRefusal | None:
    """Write the text for those who don't see the photo."""
    if (refusal := await _fixed(conn, listing_id, seller_id)) is not None:
        return refusal
    texts = (alt_zh.strip()[:LONGEST_ALT], alt_en.strip()[:LONGEST_ALT])
    done = await conn.execute(_queries.describe_photo, listing_id, photo_id, *texts)
    return None if done == "UPDATE 1" else PhotoRefusal.NOT_FOUND


async def photos_of(conn: Connection, listing_id: int) -> list[Photo]:
    """The listing's photos in their order."""
    return [msgspec.convert(dict(row), Photo) for row in await conn.fetch(_queries.photos_of, listing_id)]


async def photo_bytes(conn: Connection, photo_id: int, size: int) -> PhotoBytes | None:
    """One size of a photo, with whose it is and whether everyone may see it."""
    row = await conn.fetchrow(_queries.photo_bytes, photo_id, size)
    return None if row is None else PhotoBytes(webp=row["webp"], seller_id=row["seller_id"], public=row["public"])


async def _fixed(conn: Connection, listing_id: int, seller_id: int) -> PhotoRefusal | None:
    listing = await listings_store.lock_listing(conn, listing_id)
    if listing is None or listing.seller_id != seller_id:
        return PhotoRefusal.NOT_FOUND
    return None if listing.editable else PhotoRefusal.LOT_IS_FIXED
