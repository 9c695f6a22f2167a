"""From a seller's draft to a lot on the block: write, submit, approve, reject, withdraw.

Each function is one transaction of the caller's: lock, judge, save, tell. A refusal is a value. What a lot may look
like is judged by the auction's linter; what the auction then does with it is none of this file's business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from auction import desk, linter
from auction.facts import GridBase, Lot, StepBand
from auction.setup import setup_of
from market import audit, listings_store, notices, openings
from market.currencies import EXPONENTS
from market.listing_facts import LONGEST_REASON, Listing, ListingContent, ListingRefusal, ListingState

if TYPE_CHECKING:
    from datetime import datetime

    from migrations.database import Connection

MOST_LISTINGS_SHOWN = 500


async def create_draft(conn: Connection, *, seller_id: int, content: ListingContent, now: datetime) -> Listing:
    """A new draft. Anything may be missing in it but the currency."""
    return await listings_store.insert_listing(conn, seller_id, content, now)


async def save_draft(
    conn: Connection, *, listing_id: int, seller_id: int, version: int, content: ListingContent, now: datetime
) -> Listing | ListingRefusal:
    """Write the seller's edit over version `version`. An edit of a rejected listing makes it a draft again."""
    listing = await _own(conn, listing_id, seller_id)
    if listing is None:
        return ListingRefusal.NO_SUCH_LISTING
    if not listing.editable:
        return ListingRefusal.NOT_EDITABLE
    if listing.version != version:
        return ListingRefusal.STALE_VERSION
    return await listings_store.update_content(conn, listing_id, content, now)


async def submit(
    conn: Connection, *, listing_id: int, seller_id: int, version: int, now: datetime
) -> Listing | ListingRefusal:
    """Hand the draft to the operator. Errors of the linter block; its warnings do not."""
    listing = await _own(conn, listing_id, seller_id)
    if listing is None:
        return ListingRefusal.NO_SUCH_LISTING
    if not listing.editable:
        return ListingRefusal.NOT_EDITABLE
    if listing.version != version:
        return ListingRefusal.STALE_VERSION
    if (refusal := _unfit(listing, now)) is not None:
        return refusal
    return await listings_store.mark_submitted(conn, listing_id, now)


async def take_back(conn: Connection, *, listing_id: int, seller_id: int, now: datetime) -> Listing | ListingRefusal:
    """Take a submitted listing out of the queue to edit it again."""
    listing = await _own(conn, listing_id, seller_id)
    if listing is None:
        return ListingRefusal.NO_SUCH_LISTING
    if listing.state is not ListingState.SUBMITTED:
        return ListingRefusal.NOT_SUBMITTED
    return await listings_store.mark_draft(conn, listing_id, now)


async def withdraw(conn: Connection, *, listing_id: int, seller_id: int, now: datetime) -> Listing | ListingRefusal:
    """Give the listing up. Once it is approved only the operator can void the lot: bidders rely on it."""
    listing = await _own(conn, listing_id, seller_id)
    if listing is None:
        return ListingRefusal.NO_SUCH_LISTING
    if listing.state in (ListingState.APPROVED, ListingState.WITHDRAWN):
        return ListingRefusal.NOT_WITHDRAWABLE
    return await listings_store.mark_withdrawn(conn, listing_id, now)


async def approve(
    conn: Connection, *, listing_id: int, operator_id: int, now: datetime, with_its_sale: bool = False
) -> Listing | ListingRefusal:
    """Put the lot on the block: the listing is fixed and the auction's lot opened in this transaction.

    The rule is judged again, for a lot that was fine when submitted may by now start in the past. A lot that was put into
    a sale opens with it and not alone.
    """
    listing = await listings_store.lock_listing(conn, listing_id)
    if listing is None:
        return ListingRefusal.NO_SUCH_LISTING
    if listing.state is not ListingState.SUBMITTED:
        return ListingRefusal.NOT_SUBMITTED
    if listing.sale_id is not None and not with_its_sale:
        return ListingRefusal.OPENS_WITH_ITS_SALE
    if (refusal := _unfit(listing, now)) is not None:
        return refusal
    lot = await openings.keyed(conn, lot_from_listing(listing))
    if lot is None:
        return ListingRefusal.SEALING_KEY_MISSING
    approved = await listings_store.mark_approved(conn, listing_id, operator_id, now)
    await desk.open_lot(conn, lot, now)
    await openings.tell_officers(conn, approved, now)
    await audit.record(conn, operator_id, "lot.approved", f"lot:{listing_id}", None, {}, now)
    await _tell_seller(conn, approved, "lot_approved", now)
    return approved


async def reject(
    conn: Connection, *, listing_id: int, operator_id: int, reason: str, now: datetime
) -> Listing | ListingRefusal:
    """Send the listing back with the reason that the seller reads."""
    listing = await listings_store.lock_listing(conn, listing_id)
    if listing is None:
        return ListingRefusal.NO_SUCH_LISTING
    if listing.state is not ListingState.SUBMITTED:
        return ListingRefusal.NOT_SUBMITTED
    if not (stated := reason.strip()[:LONGEST_REASON]):
        return ListingRefusal.REASON_MISSING
    rejected = await listings_store.mark_rejected(conn, listing_id, operator_id, stated, now)
    await audit.record(conn, operator_id, "lot.rejected", f"lot:{listing_id}", stated, {}, now)
    await _tell_seller(conn, rejected, "lot_rejected", now)
    return rejected


async def listing_by_id(conn: Connection, listing_id: int) -> Listing | None:
    """The listing as it stands, the reserve included: choose what you show."""
    return await listings_store.listing_by_id(conn, listing_id)


async def listings_of_seller(conn: Connection, seller_id: int) -> list[Listing]:
    """The seller's listings, the last touched first; at most 500."""
    return await listings_store.listings_of_seller(conn, seller_id, MOST_LISTINGS_SHOWN)


def lot_from_listing(listing: Listing) -> Lot:
    """The auction's lot of a whole listing. A draft with gaps is a mistake of the caller's."""
    return replace(lot_of_content(listing, listing.id, listing.seller_id), sale_id=listing.sale_id)


def lot_of_content(content: ListingContent, lot_id: int, seller_id: int) -> Lot:
    """The lot that whole content describes."""
    assert content.starts_at is not None, "a draft is not yet a lot"
    return Lot(
        id=lot_id,
        seller_id=seller_id,
        currency=content.currency,
        currency_exponent=EXPONENTS[content.currency],
        rule=setup_of(content.format).rule_of(_draft(content)),
        starts_at=content.starts_at,
        reserve_minor=content.reserve_minor,
        deposit_minor=content.deposit_minor,
    )


def is_whole(content: ListingContent) -> bool:
    """Whether the content says enough to be a lot, be it a good one or not."""
    return content.starts_at is not None and setup_of(content.format).is_whole(_draft(content))


def findings_of(content: ListingContent, now: datetime) -> list[linter.Finding]:
    """What the linter says of the draft's rule: errors block submission, warnings ask for a second look."""
    return setup_of(content.format).lint(_draft(content), now)


def _draft(content: ListingContent) -> linter.Draft:
    return linter.Draft(
        currency=content.currency,
        currency_exponent=EXPONENTS[content.currency],
        start_price_minor=content.start_price_minor,
        steps=_bands(content),
        grid_base=GridBase(content.grid_base),
        timed_seconds=content.timed_seconds,
        extension_seconds=content.extension_seconds,
        soft_close_seconds=content.soft_close_seconds,
        cap_extensions=content.cap_extensions,
        cap_at=content.cap_at,
        starts_at=content.starts_at,
        reserve_minor=content.reserve_minor,
        deposit_minor=content.deposit_minor,
        format=content.format,
        options=content.options,
    )


def _bands(content: ListingContent) -> tuple[StepBand, ...]:
    return tuple(StepBand(below_minor=step.below_minor, increment_minor=step.increment_minor) for step in content.steps)


def _unfit(listing: Listing, now: datetime) -> ListingRefusal | None:
    if not (listing.title_zh or listing.title_en):
        return ListingRefusal.TITLE_MISSING
    if any(finding.severity == linter.Severity.ERROR for finding in findings_of(listing, now)):
        return ListingRefusal.RULE_HAS_ERRORS
    return None


async def _tell_seller(conn: Connection, listing: Listing, kind: str, now: datetime) -> None:
    params: dict[str, str | int] = {"title_zh": listing.title("zh"), "title_en": listing.title("en"), "lot": listing.id}
    await notices.notify(conn, [listing.seller_id], kind, params, f"/sell/lots/{listing.id}", now)


async def _own(conn: Connection, listing_id: int, seller_id: int) -> Listing | None:
    """The listing, locked, if it is this seller's; another's is answered like none at all."""
    listing = await listings_store.lock_listing(conn, listing_id)
    return listing if listing is not None and listing.seller_id == seller_id else None
