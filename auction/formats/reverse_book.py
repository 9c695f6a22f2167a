"""The book of a reverse auction: each supplier's last bid, best first, as the log tells it. Pure.

Of two equal total costs the earlier ranks first. Knows nothing of what is legal or of who may see it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from auction.facts import Logged, Lot, Standing
from auction.formats.weighing import fraction_text


class Offer(Struct, frozen=True):
    """One supplier's last bid: its event's seq decides between equal costs."""

    party_id: int
    price_minor: int
    attributes: dict[str, str]
    cost: Fraction
    seq: int
    at: datetime


class Book(Struct, frozen=True):
    """The offers, best first, and how many bids of each supplier have been accepted."""

    offers: tuple[Offer, ...] = ()
    changes: Mapping[int, int] = MappingProxyType({})

    @property
    def bids(self) -> int:
        """How many bids have been accepted altogether."""
        return sum(self.changes.values())


class _BidDetail(Struct):
    attributes: dict[str, str]
    cost: str


class _BidLine(Struct):
    amount_minor: str


class _BidBody(Struct):
    lines: tuple[_BidLine, ...]
    detail: _BidDetail


_read_body = msgspec.json.Decoder(_BidBody).decode


def fold(lot: Lot, standing: Standing, log: Iterable[Logged]) -> Standing:
    """The stored standing with each supplier's last bid, ranked."""
    # Only the last bid of each is decoded: the calendar, too, reads every lot with its log.
    last: dict[int, Logged] = {}
    changes: dict[int, int] = {}
    for event in log:
        if event.kind == "bid" and event.party_id is not None:
            last[event.party_id] = event
            changes[event.party_id] = changes.get(event.party_id, 0) + 1
    offers = sorted(map(_offer_in, last.values()), key=lambda one: (one.cost, one.seq))
    return replace(standing, book=Book(tuple(offers), changes))


def _offer_in(event: Logged) -> Offer:
    assert event.party_id is not None, "somebody bid"
    body = _read_body(event.body)
    price, detail = int(body.lines[0].amount_minor), body.detail
    return Offer(event.party_id, price, detail.attributes, Fraction(detail.cost), event.seq, event.at)


def with_offers(book: Book, offers: tuple[Offer, ...], party_id: int) -> Book:
    """The book after one more bid of this party, with the offers that now stand."""
    return Book(offers, {**book.changes, party_id: book.changes.get(party_id, 0) + 1})


def book_of(standing: Standing) -> Book:
    """The standing's book; a lot is never read without its log."""
    assert isinstance(standing.book, Book), "the lot was read without its log"
    return standing.book


def offer_of(book: Book, party_id: int) -> Offer | None:
    """The party's last bid."""
    return next((offer for offer in book.offers if offer.party_id == party_id), None)


def rank_of(book: Book, party_id: int) -> int | None:
    """The party's rank, 1 the best."""
    return next((rank for rank, offer in enumerate(book.offers, 1) if offer.party_id == party_id), None)


def rival_lead(book: Book, party_id: int) -> Offer | None:
    """The leader's offer, unless this party leads: nobody has to beat himself by the front buffer."""
    return book.offers[0] if book.offers and book.offers[0].party_id != party_id else None


def ranking(standing: Standing, paddles: Mapping[int, int]) -> list[dict[str, Any]]:
    """The whole book for JSON, by paddle."""
    return [
        {"rank": rank, "paddle": paddles[offer.party_id], "seq": offer.seq, "at": offer.at, **spoken(offer)}
        for rank, offer in enumerate(book_of(standing).offers, 1)
    ]


def spoken(offer: Offer) -> dict[str, Any]:
    """An offer for JSON: its price, its figures and its cost."""
    return {
        "price_minor": str(offer.price_minor),
        "attributes": offer.attributes,
        "cost": fraction_text(offer.cost),
    }
