"""From draft to lot on a real database: who may do what when, and what never changes once it is on show."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import asyncpg
import pytest

from auction import store
from market import audit, listings, notices
from market.listing_facts import Listing, ListingContent, ListingRefusal, ListingState, Step
from tests.sell.stall import DAY, HOUR, NOW, WHOLE, changed, on_show, party, submitted

if TYPE_CHECKING:
    from migrations.database import Connection, Pool


async def test_a_draft_may_have_gaps_and_comes_back_as_written(conn: Connection) -> None:
    seller = await party(conn)
    draft = await listings.create_draft(conn, seller_id=seller, content=ListingContent(currency="JPY"), now=NOW)
    assert (draft.state, draft.version, draft.start_price_minor) == (ListingState.DRAFT, 1, None)
    steps = (Step(increment_minor=100, below_minor=10_000), Step(increment_minor=500))
    content = changed(steps=steps, cap_at=NOW + 3 * DAY, zone="Asia/Shanghai")
    saved = await listings.save_draft(
        conn, listing_id=draft.id, seller_id=seller, version=1, content=content, now=NOW + HOUR
    )
    assert isinstance(saved, Listing)
    assert (saved.steps, saved.cap_at, saved.title_zh, saved.version) == (steps, content.cap_at, WHOLE.title_zh, 2)
    assert await listings.listing_by_id(conn, draft.id) == saved


async def test_a_save_over_another_windows_save_is_refused(conn: Connection) -> None:
    seller = await party(conn)
    draft = await listings.create_draft(conn, seller_id=seller, content=WHOLE, now=NOW)
    save = {"listing_id": draft.id, "seller_id": seller, "version": 1, "now": NOW}
    assert isinstance(await listings.save_draft(conn, content=changed(title_en="First"), **save), Listing)
    assert await listings.save_draft(conn, content=changed(title_en="Second"), **save) is ListingRefusal.STALE_VERSION


async def test_another_sellers_lot_is_none_at_all(conn: Connection) -> None:
    seller, other = await party(conn), await party(conn)
    draft = await listings.create_draft(conn, seller_id=seller, content=WHOLE, now=NOW)
    mine = {"listing_id": draft.id, "seller_id": other, "now": NOW}
    assert await listings.save_draft(conn, version=1, content=WHOLE, **mine) is ListingRefusal.NO_SUCH_LISTING
    assert await listings.submit(conn, version=1, **mine) is ListingRefusal.NO_SUCH_LISTING
    assert await listings.take_back(conn, **mine) is ListingRefusal.NO_SUCH_LISTING
    assert await listings.withdraw(conn, **mine) is ListingRefusal.NO_SUCH_LISTING


@pytest.mark.parametrize(
    ("flaw", "refusal"),
    [
        ({"title_zh": "", "title_en": ""}, ListingRefusal.TITLE_MISSING),
        ({"start_price_minor": None}, ListingRefusal.RULE_HAS_ERRORS),
        ({"steps": ()}, ListingRefusal.RULE_HAS_ERRORS),
        ({"timed_seconds": None, "extension_seconds": None}, ListingRefusal.RULE_HAS_ERRORS),
        ({"starts_at": None}, ListingRefusal.RULE_HAS_ERRORS),
        ({"starts_at": NOW - 2 * DAY}, ListingRefusal.RULE_HAS_ERRORS),
        ({"reserve_minor": 999_999}, ListingRefusal.RULE_HAS_ERRORS),
    ],
)
async def test_what_the_linter_calls_an_error_blocks_submission(
    conn: Connection, flaw: dict[str, object], refusal: ListingRefusal
) -> None:
    seller = await party(conn)
    draft = await listings.create_draft(conn, seller_id=seller, content=changed(**flaw), now=NOW)
    assert await listings.submit(conn, listing_id=draft.id, seller_id=seller, version=1, now=NOW) is refusal


async def test_approval_opens_the_lot_and_says_so(conn: Connection) -> None:
    seller, operator = await party(conn), await party(conn, operator=True)
    listing = await on_show(conn, seller, operator)
    view = await store.lot_view(conn, listing.id)
    assert view is not None and view.seq == 1 and view.price_minor is None
    (entry,) = await audit.entries_of(conn, f"lot:{listing.id}")
    assert (entry.act, entry.actor_id) == ("lot.approved", operator)
    assert [notice.kind for notice in await notices.notices_of(conn, seller)] == ["lot_approved"]


async def test_of_two_operators_at_once_one_approves(pool: Pool) -> None:
    async with pool.acquire() as conn:
        seller, first, second = await party(conn), await party(conn, operator=True), await party(conn, operator=True)
        listing = await submitted(conn, seller)

    async def approve(operator: int) -> Listing | ListingRefusal:
        async with pool.acquire() as conn, conn.transaction():
            return await listings.approve(conn, listing_id=listing.id, operator_id=operator, now=NOW)

    done = await asyncio.gather(approve(first), approve(second), approve(first))
    assert sum(isinstance(one, Listing) for one in done) == 1
    assert done.count(ListingRefusal.NOT_SUBMITTED) == 2
    async with pool.acquire() as conn:
        assert len(await audit.entries_of(conn, f"lot:{listing.id}")) == 1


async def test_a_lot_that_waited_past_its_start_is_not_approved(conn: Connection) -> None:
    seller, operator = await party(conn), await party(conn, operator=True)
    listing = await submitted(conn, seller)
    late = NOW + timedelta(days=3)
    done = await listings.approve(conn, listing_id=listing.id, operator_id=operator, now=late)
    assert done is ListingRefusal.RULE_HAS_ERRORS
    assert await store.lot_view(conn, listing.id) is None


async def test_what_is_on_show_can_no_longer_be_edited_or_withdrawn(conn: Connection) -> None:
    seller, operator = await party(conn), await party(conn, operator=True)
    listing = await on_show(conn, seller, operator)
    mine = {"listing_id": listing.id, "seller_id": seller, "now": NOW}
    version = listing.version
    assert await listings.save_draft(conn, version=version, content=WHOLE, **mine) is ListingRefusal.NOT_EDITABLE
    assert await listings.submit(conn, version=version, **mine) is ListingRefusal.NOT_EDITABLE
    assert await listings.withdraw(conn, **mine) is ListingRefusal.NOT_WITHDRAWABLE
    assert await listings.take_back(conn, **mine) is ListingRefusal.NOT_SUBMITTED


@pytest.mark.parametrize(
    "column", ["title_en = 'Other'", "start_price_minor = 1", "starts_at = now()", "state = 'draft'"]
)
async def test_the_database_itself_holds_what_is_on_show(conn: Connection, column: str) -> None:
    seller, operator = await party(conn), await party(conn, operator=True)
    listing = await on_show(conn, seller, operator)
    with pytest.raises(asyncpg.RestrictViolationError):
        await conn.execute(f"update market.listing set {column} where id = $1", listing.id)


async def test_a_rejected_lot_says_why_and_is_a_draft_again_when_edited(conn: Connection) -> None:
    seller, operator = await party(conn), await party(conn, operator=True)
    listing = await submitted(conn, seller)
    turn_down = {"listing_id": listing.id, "operator_id": operator, "now": NOW}
    assert await listings.reject(conn, reason="   ", **turn_down) is ListingRefusal.REASON_MISSING
    rejected = await listings.reject(conn, reason="The photo shows another vase.", **turn_down)
    assert isinstance(rejected, Listing) and rejected.rejection_reason == "The photo shows another vase."
    edited = await listings.save_draft(
        conn, listing_id=listing.id, seller_id=seller, version=rejected.version, content=WHOLE, now=NOW
    )
    assert isinstance(edited, Listing) and edited.state is ListingState.DRAFT
    again = await listings.submit(conn, listing_id=listing.id, seller_id=seller, version=edited.version, now=NOW)
    assert isinstance(again, Listing) and again.rejection_reason is None


async def test_a_submitted_lot_is_edited_only_after_taking_it_back(conn: Connection) -> None:
    seller = await party(conn)
    listing = await submitted(conn, seller)
    save = {"listing_id": listing.id, "seller_id": seller, "content": WHOLE, "now": NOW}
    assert await listings.save_draft(conn, version=listing.version, **save) is ListingRefusal.NOT_EDITABLE
    back = await listings.take_back(conn, listing_id=listing.id, seller_id=seller, now=NOW)
    assert isinstance(back, Listing)
    assert isinstance(await listings.save_draft(conn, version=back.version, **save), Listing)


async def test_a_withdrawn_lot_is_never_approved(conn: Connection) -> None:
    seller, operator = await party(conn), await party(conn, operator=True)
    listing = await submitted(conn, seller)
    done = await listings.withdraw(conn, listing_id=listing.id, seller_id=seller, now=NOW)
    assert isinstance(done, Listing) and done.state is ListingState.WITHDRAWN
    approved = await listings.approve(conn, listing_id=listing.id, operator_id=operator, now=NOW)
    assert approved is ListingRefusal.NOT_SUBMITTED


def test_the_other_language_stands_in_and_is_named() -> None:
    only_zh = changed(title_en="", description_en="")
    assert (only_zh.title("en"), only_zh.title_lang("en")) == (WHOLE.title_zh, "zh")
    assert (WHOLE.title("en"), WHOLE.title_lang("en"), WHOLE.title_lang("zh")) == (WHOLE.title_en, "en", "zh")
