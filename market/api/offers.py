"""The API's part around a sale: take a bid back, lower the reserve, rights of priority, offers after the close, the relist."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from auction import retracting
from auction.facts import RetractionReason, Standing
from market import priority, relisting, second_chance, trades
from market.api.operations import Call, granted, operation
from market.api.shapes import Currency, Id, Listed, MinorIn, MinorOut, Paging, Reason, minor_in, one_page
from market.listing_facts import Listing
from market.problems import Problem, ProblemError
from market.second_chance_facts import Offer, OfferKind, OfferState


class Retraction(Struct, kw_only=True, forbid_unknown_fields=True):
    """Which of the viewer's own bids is taken back, by the id under which it was placed, and why. The reason is public."""

    bid: UUID
    reason: RetractionReason


class RetractedShape(Struct, kw_only=True):
    """The lot without the bid."""

    lot_id: int
    price_minor: MinorOut | None
    bids: int
    retractions: int


class ReserveWish(Struct, kw_only=True, forbid_unknown_fields=True):
    reserve_minor: MinorIn


class PriorityWish(Struct, kw_only=True, forbid_unknown_fields=True):
    """`rank` 1 is the best; null takes the right back."""

    party_id: Id
    rank: Annotated[int, Meta(ge=1, le=99)] | None
    reason: Reason


class PriorityHolder(Struct, kw_only=True):
    party_id: int
    paddle: int
    rank: int | None


class OfferWish(Struct, kw_only=True, forbid_unknown_fields=True):
    """`price_minor` is needed below the reserve; after a default the price is the runner-up's own highest bid."""

    price_minor: MinorIn | None = None


class OfferShape(Struct, kw_only=True):
    """The offer of a closed lot to one bidder; `case_id` is the deal once it is taken up."""

    id: int
    lot_id: int
    paddle: int
    kind: OfferKind
    currency: Currency
    price_minor: MinorOut
    offered_at: datetime
    expires_at: datetime
    state: OfferState
    case_id: int | None


class RelistShape(Struct, kw_only=True):
    """The new draft; read and edit it like any listing of one's own."""

    id: int
    relist_of: int
    state: Literal["draft", "submitted", "approved", "rejected", "withdrawn"]


@operation("POST", "/lots/{lot_id:int}/retractions", tag="bidding")
async def retract_bid(call: Call, lot_id: int, body: Retraction) -> RetractedShape:
    """Take one of the viewer's own bids back, where the lot's rule allows it."""
    try:
        done: Standing = granted(
            await retracting.retract_bid(
                call.conn,
                lot_id=lot_id,
                party_id=call.viewer.id,
                client_bid_id=body.bid,
                reason=body.reason,
                now=call.now,
            )
        )
    except retracting.UnknownLotError as error:
        raise ProblemError(Problem.NOT_FOUND) from error
    _refresh(call, lot_id)
    return RetractedShape(
        lot_id=lot_id,
        price_minor=None if done.price_minor is None else str(done.price_minor),
        bids=done.bid_count,
        retractions=done.retraction_count,
    )


@operation("POST", "/lots/{lot_id:int}/reserve", tag="selling")
async def lower_reserve(call: Call, lot_id: int, body: ReserveWish) -> ReserveWish:
    """Lower the hidden reserve of the viewer's own running lot; it is never raised."""
    reserve_minor = minor_in(body.reserve_minor)
    granted(
        await relisting.lower_reserve(
            call.conn, lot_id=lot_id, seller_id=call.viewer.id, reserve_minor=reserve_minor, now=call.now
        )
    )
    _refresh(call, lot_id)
    return ReserveWish(reserve_minor=str(reserve_minor))


@operation("POST", "/lots/{lot_id:int}/relist", tag="selling", status=201)
async def relist_lot(call: Call, lot_id: int) -> RelistShape:
    """Put the viewer's own closed lot up again as a new draft, photos and all. Asking again gives the same draft."""
    draft: Listing = granted(await relisting.relist(call.conn, lot_id=lot_id, seller_id=call.viewer.id, now=call.now))
    return RelistShape(id=draft.id, relist_of=lot_id, state=draft.state.value)


@operation("GET", "/lots/{lot_id:int}/offers", tag="selling")
async def lot_offers(call: Call, lot_id: int) -> list[OfferShape]:
    """Every offer of the viewer's own lot after its close, the latest first."""
    return [_offer(one) for one in await second_chance.offers_of_lot(call.conn, lot_id)]


@operation("POST", "/lots/{lot_id:int}/offers", tag="selling", status=201)
async def offer_lot(call: Call, lot_id: int, body: OfferWish) -> OfferShape:
    """Offer the closed lot to the runner-up (after a default) or to the highest bidder (below the reserve)."""
    price_minor = None if body.price_minor is None else minor_in(body.price_minor)
    made: Offer = granted(
        await second_chance.offer(
            call.conn,
            lot_id=lot_id,
            actor_id=call.viewer.id,
            price_minor=price_minor,
            now=call.now,
            as_operator=call.viewer.is_operator,
        )
    )
    return _offer(made)


@operation("GET", "/offers", tag="bidding")
async def my_offers(call: Call, query: Paging) -> Listed[OfferShape]:
    """What was offered to the viewer, the latest first."""
    offers = await second_chance.offers_of_party(call.conn, call.viewer.id)
    part, pages = one_page(offers, query)
    return Listed(items=[_offer(one) for one in part], page=query.page, pages=pages, total=len(offers))


@operation("POST", "/offers/{offer_id:int}/acceptance", tag="bidding")
async def accept_offer(call: Call, offer_id: int) -> OfferShape:
    """Take the lot at the offered price. Binding: a deal is opened and the price is due."""
    taken: Offer = granted(
        await second_chance.accept(
            call.conn,
            call.house.escrow,
            trades.trade_terms(call.house.config),
            offer_id=offer_id,
            party_id=call.viewer.id,
            now=call.now,
        )
    )
    return _offer(taken)


@operation("POST", "/offers/{offer_id:int}/refusal", tag="bidding")
async def decline_offer(call: Call, offer_id: int) -> OfferShape:
    """Decline the offer; a deposit that was held for it is free."""
    done: Offer = granted(
        await second_chance.decline(call.conn, offer_id=offer_id, party_id=call.viewer.id, now=call.now)
    )
    return _offer(done)


@operation("GET", "/lots/{lot_id:int}/priority", tag="operator")
async def priority_holders(call: Call, lot_id: int) -> list[PriorityHolder]:
    """Who may bid on the lot, with the confirmed rights of priority first."""
    found = await priority.holders(call.conn, lot_id)
    return [PriorityHolder(party_id=one.party_id, paddle=one.paddle, rank=one.rank) for one in found]


@operation("POST", "/lots/{lot_id:int}/priority", tag="operator")
async def confirm_priority(call: Call, lot_id: int, body: PriorityWish) -> list[PriorityHolder]:
    """Confirm a right of priority by its rank, or take it back; with the reason for the audit trail."""
    refusal = await priority.confirm(
        call.conn,
        lot_id=lot_id,
        party_id=body.party_id,
        rank=body.rank,
        operator_id=call.viewer.id,
        reason=body.reason,
        now=call.now,
    )
    if refusal is not None:
        raise ProblemError(refusal)
    _refresh(call, lot_id)
    return await priority_holders(call, lot_id)


def _refresh(call: Call, lot_id: int) -> None:
    async def refresh() -> None:
        await call.house.bidding.refresh(lot_id)

    call.afterwards(refresh)


def _offer(one: Offer) -> OfferShape:
    return OfferShape(
        id=one.id,
        lot_id=one.lot_id,
        paddle=one.paddle,
        kind=one.kind,
        currency=one.currency,
        price_minor=str(one.price_minor),
        offered_at=one.offered_at,
        expires_at=one.expires_at,
        state=one.state,
        case_id=one.case_id,
    )
