"""What is true of the offer of a lot after its close, and why a step on it is refused. Frozen values; no I/O."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

OFFER_STANDS = timedelta(days=3)
"""How long an offer can be taken up."""


class OfferKind(StrEnum):
    """To the runner-up after the winner's default, at his own highest bid; or to the highest bidder below the reserve, at a
    price of the seller's. In a purchase that ended above the buyer's hidden maximum: to the best supplier, at his own bid.
    """

    RUNNER_UP = "runner_up"
    HIGHEST_BIDDER = "highest_bidder"
    BEST_SUPPLIER = "best_supplier"


class OfferState(StrEnum):
    OFFERED = "offered"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    LAPSED = "lapsed"


class OfferRefusal(StrEnum):
    """Why a step was refused, in the order tested. The sentence is `market_refusal.<value>`."""

    NO_SUCH_OFFER = "no_such_offer"
    NOT_CLOSED = "not_closed"
    IS_SOLD = "is_sold"
    IS_RELISTED = "is_relisted"
    IS_OFFERED = "is_offered"
    NOT_TO_BE_OFFERED = "not_to_be_offered"
    NOBODY_LEFT = "nobody_left"
    PRICE_MISSING = "price_missing"
    PRICE_UNDER_BID = "price_under_bid"
    OFFER_ENDED = "offer_ended"
    OFFER_BARRED = "offer_barred"


class Offer(Struct, frozen=True, kw_only=True):
    """One offer of a lot to one bidder. `offered_by` None: the house, by the lot's rule. `case_id` once it is taken up."""

    id: int
    lot_id: int
    party_id: int
    paddle: int
    kind: OfferKind
    currency: str
    price_minor: int
    offered_by: int | None
    offered_at: datetime
    expires_at: datetime
    state: OfferState
    ended_at: datetime | None
    case_id: int | None

    def is_open(self, now: datetime) -> bool:
        """Whether it can be taken up."""
        return self.state is OfferState.OFFERED and now < self.expires_at


class Sale(Struct, frozen=True, kw_only=True):
    """Where a closed lot stands: what came of it, whether a sale runs, who has defaulted, what is under way."""

    seller_id: int
    currency: str
    format: str
    title_zh: str
    title_en: str
    outcome: str
    closed_at: datetime
    seq: int
    is_sold: bool
    defaulted_ids: tuple[int, ...]
    is_offered: bool
    relisted_as: int | None

    @property
    def kind(self) -> OfferKind | None:
        """To whom the lot can be offered now, if to anybody."""
        if self.format == "reverse" and self.outcome == "unsold" and not self.is_sold:
            return OfferKind.BEST_SUPPLIER
        if self.format != "english" or self.is_sold:
            return None
        if self.outcome == "unsold":
            return OfferKind.HIGHEST_BIDDER
        return OfferKind.RUNNER_UP if self.defaulted_ids else None


def offer_refusal(sale: Sale | None) -> OfferRefusal | None:
    """Why the lot can't be offered to anybody now."""
    if sale is None:
        return OfferRefusal.NOT_CLOSED
    if sale.is_sold:
        return OfferRefusal.IS_SOLD
    if sale.relisted_as is not None:
        return OfferRefusal.IS_RELISTED
    if sale.is_offered:
        return OfferRefusal.IS_OFFERED
    return OfferRefusal.NOT_TO_BE_OFFERED if sale.kind is None else None
