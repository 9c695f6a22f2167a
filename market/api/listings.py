"""The API for sellers: their own listings, from the draft and its check to the operator's hands."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from market import listings, photos
from market.api.drafts import Draft, Edit, ListingShape, content_of, kept, listing_shape
from market.api.lots import RuleWords, rule_words
from market.api.operations import Call, granted, operation
from market.listing_facts import Listing, ListingState
from market.pages.sell import plain_finding
from market.photo_rendering import PhotoRefusal
from market.problems import Problem, ProblemError
from market.rendering import language_of

IMAGES = ("image/jpeg", "image/png", "image/webp")


class Version(Struct, kw_only=True, forbid_unknown_fields=True):
    version: Annotated[int, Meta(ge=1, le=2**31 - 1)]


class ListingQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    state: ListingState | None = None


class Listings(Struct, kw_only=True):
    items: list[ListingShape]


class FindingShape(Struct, kw_only=True):
    severity: Literal["error", "warning"]
    field: str
    code: str
    text: str


class Checked(Struct, kw_only=True):
    """What the linter says, and the rule in plain words once the draft is whole enough to have one."""

    findings: list[FindingShape]
    rule: RuleWords | None


class PhotoAdded(Struct, kw_only=True):
    id: int
    url: str


@operation("POST", "/lots/check", tag="selling", keyed=False)
async def check_lot(call: Call, body: Draft) -> Checked:
    """What the linter says of a draft, and its rule in words. Stores nothing."""
    content = content_of(body)
    catalogue, lang = call.house.catalogue, language_of(call.request)
    findings = [
        FindingShape(
            severity=found.severity.value,
            field=found.field,
            code=found.code,
            text=plain_finding(found, catalogue, lang, content.currency),
        )
        for found in listings.findings_of(content, call.now)
    ]
    whole = not any(found.severity == "error" for found in findings)
    return Checked(findings=findings, rule=rule_words(call, content, 0, call.viewer.id) if whole else None)


@operation("GET", "/listings", tag="selling")
async def my_listings(call: Call, query: ListingQuery) -> Listings:
    """The viewer's own listings, the last touched first."""
    found = await listings.listings_of_seller(call.conn, call.viewer.id)
    return Listings(items=[listing_shape(one) for one in found if query.state in (None, one.state)])


@operation("GET", "/listings/{lot_id:int}", tag="selling")
async def my_listing(call: Call, lot_id: int) -> ListingShape:
    """One listing of the viewer, or any for an operator."""
    listing = await listings.listing_by_id(call.conn, lot_id)
    if listing is None:
        raise ProblemError(Problem.NOT_FOUND)
    return listing_shape(listing)


@operation("POST", "/lots", tag="selling", status=201)
async def create_lot(call: Call, body: Draft) -> ListingShape:
    """A new draft."""
    return listing_shape(
        await listings.create_draft(call.conn, seller_id=call.viewer.id, content=kept(body), now=call.now)
    )


@operation("PUT", "/lots/{lot_id:int}", tag="selling")
async def edit_lot(call: Call, lot_id: int, body: Edit) -> ListingShape:
    """Write the draft anew over the version that was read."""
    done: Listing = granted(
        await listings.save_draft(
            call.conn,
            listing_id=lot_id,
            seller_id=call.viewer.id,
            version=body.version,
            content=kept(body),
            now=call.now,
        )
    )
    return listing_shape(done)


@operation("POST", "/lots/{lot_id:int}/photos", tag="selling", status=201, body_media_types=IMAGES)
async def add_photo(call: Call, lot_id: int, body: bytes) -> PhotoAdded:
    """Add a photo to a draft: resized, its metadata stripped."""
    image = await photos.render_photo_off_loop(body)
    if isinstance(image, PhotoRefusal):
        raise ProblemError(image)
    photo_id: int = granted(
        await photos.upload_photo(call.conn, listing_id=lot_id, seller_id=call.viewer.id, image=image, now=call.now)
    )
    return PhotoAdded(id=photo_id, url=f"/photos/{photo_id}/960.webp")


@operation("POST", "/lots/{lot_id:int}/submit", tag="selling")
async def submit_lot(call: Call, lot_id: int, body: Version) -> ListingShape:
    """Hand the draft to the operator."""
    done: Listing = granted(
        await listings.submit(
            call.conn, listing_id=lot_id, seller_id=call.viewer.id, version=body.version, now=call.now
        )
    )
    return listing_shape(done)


@operation("POST", "/lots/{lot_id:int}/withdraw", tag="selling")
async def withdraw_lot(call: Call, lot_id: int) -> ListingShape:
    """Give a listing up that is not yet approved."""
    return listing_shape(
        granted(await listings.withdraw(call.conn, listing_id=lot_id, seller_id=call.viewer.id, now=call.now))
    )
