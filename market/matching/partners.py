"""Recommended partners: who of the other side fits a post best, and why. Pure; every part of the score is shown.

A part gives 0 to 100 points and has a weight; the score is their weighted mean, rounded down. What a part does not know
(no price, no point on the map) gives half the points, so that silence neither helps nor harms.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from enum import StrEnum
from math import asin, cos, radians, sin, sqrt

from msgspec import Struct

from market.matching.facts import Side

EARTH_KM = 6371
UNKNOWN = 50
FAR_KM = 3_000
"""From here on distance gives no points."""
WIDE_BP = 2_500
"""A limit so many hundredths of a percent beyond the other's gives no points."""
SHOWN_TO_KM, SHOWN_TO_KM_OF_ANONYMOUS = 50, 500
"""Distances are told in steps of this: a point on the map is nobody's business."""
CELL, CELL_OF_ANONYMOUS = 500_000, 5_000_000
"""Of the other's point no more than the cell of a fixed grid is known here, in millionths of a degree: distances from enough
points of one's own would else tell the place to the metre, however coarsely each of them is told.
"""


class PartKind(StrEnum):
    PRICE = "price"
    DISTANCE = "distance"
    DATES = "dates"
    ATTRIBUTES = "attributes"
    QUANTITY = "quantity"
    REPUTATION = "reputation"


WEIGHTS = {
    PartKind.PRICE: 30,
    PartKind.DISTANCE: 15,
    PartKind.DATES: 15,
    PartKind.ATTRIBUTES: 20,
    PartKind.QUANTITY: 10,
    PartKind.REPUTATION: 10,
}


class Offered(Struct, frozen=True, kw_only=True):
    """What of a post counts. The point is in millionths of a degree, another's the middle of its cell."""

    post_id: int
    party_id: int
    side: Side
    price_minor: int | None
    quantity: int
    smallest: int
    country: str
    latitude: int | None
    longitude: int | None
    first: date
    last: date
    attributes: Mapping[str, str | int | bool]
    anonymous: bool = False


class Reputation(Struct, frozen=True, kw_only=True):
    """Deals that a party has brought to their end, and claims that it has lost."""

    completed: int = 0
    claims_lost: int = 0


class Part(Struct, frozen=True, kw_only=True):
    """One reason: its points of 100, its weight, and the figures that a sentence about it needs."""

    kind: PartKind
    points: int
    weight: int
    figures: Mapping[str, int] = {}


class Partner(Struct, frozen=True, kw_only=True):
    """A post that fits, with its score of 100 and every part of it."""

    post_id: int
    score: int
    parts: tuple[Part, ...]


def recommended(
    own: Offered, others: Iterable[Offered], reputations: Mapping[int, Reputation], most: int = 20
) -> list[Partner]:
    """The best of those who could trade with `own` at all: the other side, another party, a quantity both can do."""
    found = [
        _scored(own, other, reputations.get(other.party_id, Reputation()))
        for other in others
        if other.side is own.side.other and other.party_id != own.party_id and _quantity_both_can_do(own, other)
    ]
    return sorted(found, key=lambda one: (-one.score, one.post_id))[:most]


def _quantity_both_can_do(own: Offered, other: Offered) -> int:
    """The most that both can trade with each other; 0 where a minimum stands in the way."""
    most = min(own.quantity, other.quantity)
    return most if most >= max(own.smallest, other.smallest) else 0


def _scored(own: Offered, other: Offered, reputation: Reputation) -> Partner:
    parts = (
        _price(own, other),
        _distance(own, other),
        _dates(own, other),
        _attributes(own, other),
        _quantity(own, other),
        _reputation(reputation),
    )
    total = sum(part.points * part.weight for part in parts)
    return Partner(post_id=other.post_id, score=total // sum(part.weight for part in parts), parts=parts)


def _part(kind: PartKind, points: int, **figures: int) -> Part:
    return Part(kind=kind, points=max(0, min(points, 100)), weight=WEIGHTS[kind], figures=figures)


def _price(own: Offered, other: Offered) -> Part:
    """Limits that meet give all points; others the fewer the farther they are apart."""
    supply, demand = (own, other) if own.side is Side.SUPPLY else (other, own)
    if supply.price_minor is None or demand.price_minor is None:
        return _part(PartKind.PRICE, UNKNOWN)
    apart = supply.price_minor - demand.price_minor
    # Rounded up: limits that miss each other by a cent do not meet.
    apart_bp = -(-max(apart, 0) * 10_000 // supply.price_minor)
    return _part(PartKind.PRICE, 100 - 100 * apart_bp // WIDE_BP, apart_bp=apart_bp)


def _distance(own: Offered, other: Offered) -> Part:
    if own.latitude is None or own.longitude is None or other.latitude is None or other.longitude is None:
        return _part(PartKind.DISTANCE, 80 if own.country == other.country else UNKNOWN)
    km = distance_km(own.latitude, own.longitude, other.latitude, other.longitude)
    step = SHOWN_TO_KM_OF_ANONYMOUS if other.anonymous else SHOWN_TO_KM
    shown = (km + step // 2) // step * step
    return _part(PartKind.DISTANCE, 100 - 100 * shown // FAR_KM, km=shown, step_km=step)


def middle_of_cell(degrees: int | None, end: int, cell: int) -> int | None:
    """The middle of the cell in which a latitude (`end` 90) or longitude (180) lies, in millionths of a degree."""
    if degrees is None:
        return None
    last = 2 * end * 1_000_000 // cell - 1
    place = min((degrees + end * 1_000_000) // cell, last)
    return place * cell + cell // 2 - end * 1_000_000


def distance_km(latitude: int, longitude: int, other_latitude: int, other_longitude: int) -> int:
    """Along the surface between two points in millionths of a degree, by the haversine formula, to the kilometre."""
    north, other_north = radians(latitude / 1_000_000), radians(other_latitude / 1_000_000)
    east = radians((other_longitude - longitude) / 1_000_000)
    square = sin((other_north - north) / 2) ** 2 + cos(north) * cos(other_north) * sin(east / 2) ** 2
    return round(2 * EARTH_KM * asin(min(1.0, sqrt(square))))


def _dates(own: Offered, other: Offered) -> Part:
    """The part of the shorter window in which both can deliver."""
    both = (min(own.last, other.last) - max(own.first, other.first)).days + 1
    shorter = min((own.last - own.first).days, (other.last - other.first).days) + 1
    return _part(PartKind.DATES, 100 * max(both, 0) // shorter, days=max(both, 0))


def _attributes(own: Offered, other: Offered) -> Part:
    """Of the attributes that both name, those on which they agree."""
    named = own.attributes.keys() & other.attributes.keys()
    if not named:
        return _part(PartKind.ATTRIBUTES, UNKNOWN, same=0, named=0)
    same = sum(own.attributes[name] == other.attributes[name] for name in named)
    return _part(PartKind.ATTRIBUTES, 100 * same // len(named), same=same, named=len(named))


def _quantity(own: Offered, other: Offered) -> Part:
    """How much of what this post wants the other could do at once."""
    share = 100 * _quantity_both_can_do(own, other) // own.quantity
    return _part(PartKind.QUANTITY, share, share=share)


def _reputation(reputation: Reputation) -> Part:
    """Half for a newcomer; every deal lifts it, a lost claim weighs like five deals."""
    completed, lost = reputation.completed, reputation.claims_lost
    points = 100 * (completed + 1) // (completed + 2 + 5 * lost)
    return _part(PartKind.REPUTATION, points, completed=completed, claims_lost=lost)
