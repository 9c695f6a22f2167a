"""The API's desk of lots: an operator approves or rejects what was submitted, and pauses, extends or voids what runs."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from auction import store
from auction.facts import Standing
from auction.public import PublicState
from market import listings, trades
from market.api.drafts import ListingShape, listing_shape
from market.api.operations import Call, granted, operation
from market.api.shapes import Instant, Reason, Reasoned, instant_in
from market.control_room import Act, act_on_lot
from market.listing_facts import Listing
from market.second_person import Awaited


class Extension(Struct, kw_only=True, forbid_unknown_fields=True):
    ends_at: Instant
    reason: Reason


class AwaitsSecond(Struct, kw_only=True, tag_field="type", tag="awaits_second"):
    """Nothing has changed yet: so much is at stake that another operator has to ask for the same by `expires_at`."""

    lot: int
    act: Act
    expires_at: datetime


@operation("POST", "/lots/{lot_id:int}/approve", tag="operator")
async def approve_lot(call: Call, lot_id: int) -> ListingShape:
    """Put a submitted lot on show."""
    done: Listing = granted(
        await listings.approve(call.conn, listing_id=lot_id, operator_id=call.viewer.id, now=call.now)
    )
    _refresh(call, lot_id)
    return listing_shape(done)


@operation("POST", "/lots/{lot_id:int}/reject", tag="operator")
async def reject_lot(call: Call, lot_id: int, body: Reasoned) -> ListingShape:
    """Send a submitted lot back with the reason that the seller reads."""
    done: Listing = granted(
        await listings.reject(
            call.conn, listing_id=lot_id, operator_id=call.viewer.id, reason=body.reason, now=call.now
        )
    )
    return listing_shape(done)


@operation("POST", "/lots/{lot_id:int}/pause", tag="operator")
async def pause_lot(call: Call, lot_id: int, body: Reasoned) -> PublicState | AwaitsSecond:
    """Stop the lot's clock."""
    return await _act(call, Act.PAUSE, lot_id, body.reason)


@operation("POST", "/lots/{lot_id:int}/resume", tag="operator")
async def resume_lot(call: Call, lot_id: int, body: Reasoned) -> PublicState | AwaitsSecond:
    """Let the lot's clock run again."""
    return await _act(call, Act.RESUME, lot_id, body.reason)


@operation("POST", "/lots/{lot_id:int}/extend", tag="operator")
async def extend_lot(call: Call, lot_id: int, body: Extension) -> PublicState | AwaitsSecond:
    """Move the end of the running phase later."""
    return await _act(call, Act.EXTEND, lot_id, body.reason, instant_in(body.ends_at, "ends_at"))


@operation("POST", "/lots/{lot_id:int}/void", tag="operator")
async def void_lot(call: Call, lot_id: int, body: Reasoned) -> PublicState | AwaitsSecond:
    """End the lot without a sale; every deposit is freed. This can't be undone."""
    return await _act(call, Act.VOID, lot_id, body.reason)


async def _act(
    call: Call, act: Act, lot_id: int, reason: str, ends_at: datetime | None = None
) -> PublicState | AwaitsSecond:
    done: Standing | Awaited = granted(
        await act_on_lot(
            call.conn,
            act,
            lot_id=lot_id,
            operator_id=call.viewer.id,
            reason=reason,
            now=call.now,
            on_hammer=trades.hammer_handler(trades.trade_terms(call.house.config), call.house.escrow),
            ends_at=ends_at,
            confirmed=True,
            second_person_above_minor=call.house.config.second_person_above_minor,
        )
    )
    if isinstance(done, Awaited):
        return AwaitsSecond(lot=lot_id, act=act, expires_at=done.until)
    assert isinstance(done, Standing), "a refusal is granted to nobody"
    _refresh(call, lot_id)
    state = await store.lot_view(call.conn, lot_id)
    assert state is not None, "the lot was acted on in this transaction"
    return state


def _refresh(call: Call, lot_id: int) -> None:
    async def refresh() -> None:
        await call.house.bidding.refresh(lot_id)

    call.afterwards(refresh)
