"""The clearing of a uniform-price auction: which bids are filled, how far, why, and the one price. Pure integers.

The objective is priority, not volume or revenue: bids are served in order of price, then time, and each gets as much as
those before it leave. No bid ever gets less because of one behind it. docs/rules.md states it with an example.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from itertools import groupby

from msgspec import Struct


class Marginal(StrEnum):
    """Who gets the last units, where several bids of one price want more than there is."""

    TIME = "time"
    PRO_RATA = "pro_rata"


class Pricing(StrEnum):
    """Which bid sets the one price."""

    LOWEST_ACCEPTED = "lowest_accepted"
    HIGHEST_REJECTED = "highest_rejected"


class Offer(Struct, frozen=True, kw_only=True):
    """One bid in the book. `seq` is its event's, and so its place in time."""

    seq: int
    party_id: int
    price_minor: int
    quantity: int
    all_or_none: bool = False


class Why(StrEnum):
    """Why a bid got what it got."""

    FILLED = "filled"
    PART_LEFT = "part_left"
    SHARED = "shared"
    PASSED_OVER = "passed_over"
    NONE_LEFT = "none_left"
    BELOW_FLOOR = "below_floor"


class Fill(Struct, frozen=True, kw_only=True):
    """How many units a bid got, and why."""

    offer: Offer
    units: int
    why: Why


class Clearing(Struct, frozen=True, kw_only=True):
    """The whole result: every bid in the order of the book, and the price of a unit (None where nothing is sold).
    `set_by` is the seq of the bid that set the price, None where the floor did.
    """

    fills: tuple[Fill, ...]
    floor_minor: int
    price_minor: int | None
    set_by: int | None


def clear(
    offers: Iterable[Offer], *, quantity: int, floor_minor: int, marginal: Marginal, pricing: Pricing
) -> Clearing:
    """Serve the bids at or above the floor in order of price, then time, and find the price of a unit."""
    book = sorted(offers, key=lambda offer: (-offer.price_minor, offer.seq))
    share = _share_pro_rata if marginal is Marginal.PRO_RATA else _serve
    fills: list[Fill] = []
    rest = quantity
    for price, group in groupby(book, key=lambda offer: offer.price_minor):
        level = list(group)
        served = share(level, rest) if price >= floor_minor else _none(level, Why.BELOW_FLOOR)
        rest -= sum(fill.units for fill in served)
        fills += served
    price_minor, set_by = _price(pricing, fills, floor_minor)
    return Clearing(fills=tuple(fills), floor_minor=floor_minor, price_minor=price_minor, set_by=set_by)


def _serve(offers: Sequence[Offer], rest: int) -> list[Fill]:
    """Each in turn takes what it wants of the rest; one that takes all or none, nothing if the rest is too small."""
    fills = []
    for offer in offers:
        if rest == 0:
            fill = Fill(offer=offer, units=0, why=Why.NONE_LEFT)
        elif offer.quantity <= rest:
            fill = Fill(offer=offer, units=offer.quantity, why=Why.FILLED)
        elif offer.all_or_none:
            fill = Fill(offer=offer, units=0, why=Why.PASSED_OVER)
        else:
            fill = Fill(offer=offer, units=rest, why=Why.PART_LEFT)
        rest -= fill.units
        fills.append(fill)
    return fills


def _share_pro_rata(level: Sequence[Offer], rest: int) -> list[Fill]:
    """One price level: first the bids that may be divided, in proportion if they want more than the rest; then those that
    take all or none, in turn. Answers in the order of time.
    """
    divisible = [offer for offer in level if not offer.all_or_none]
    whole = [offer for offer in level if offer.all_or_none]
    if sum(offer.quantity for offer in divisible) > rest > 0:
        fills = _largest_remainder(divisible, rest)
    else:
        fills = _serve(divisible, rest)
    fills += _serve(whole, rest - sum(fill.units for fill in fills))
    return sorted(fills, key=lambda fill: fill.offer.seq)


def _largest_remainder(offers: Sequence[Offer], rest: int) -> list[Fill]:
    """`rest` units in proportion to the quantities, rounded down; what is left, one each to the largest remainders, of
    equal ones to the earlier bid.
    """
    wanted = sum(offer.quantity for offer in offers)
    units = [offer.quantity * rest // wanted for offer in offers]
    by_remainder = sorted(range(len(offers)), key=lambda i: (-(offers[i].quantity * rest % wanted), offers[i].seq))
    for i in by_remainder[: rest - sum(units)]:
        units[i] += 1
    return [Fill(offer=offer, units=given, why=Why.SHARED) for offer, given in zip(offers, units, strict=True)]


def _none(offers: Sequence[Offer], why: Why) -> list[Fill]:
    return [Fill(offer=offer, units=0, why=why) for offer in offers]


def _price(pricing: Pricing, fills: Sequence[Fill], floor_minor: int) -> tuple[int | None, int | None]:
    """The price and the seq that set it. A bid is rejected, whole or in part, where nothing was left for it; one passed over
    while units were left was not beaten by price, and sets none. So no winner ever pays more than he bid.
    """
    accepted = [fill.offer for fill in fills if fill.units]
    if not accepted:
        return None, None
    if pricing is Pricing.LOWEST_ACCEPTED:
        return accepted[-1].price_minor, accepted[-1].seq
    rejected = [fill.offer for fill in fills if fill.why in _BEATEN and fill.units < fill.offer.quantity]
    return (rejected[0].price_minor, rejected[0].seq) if rejected else (floor_minor, None)


_BEATEN = frozenset({Why.PART_LEFT, Why.SHARED, Why.NONE_LEFT})
