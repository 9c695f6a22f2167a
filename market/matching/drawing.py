"""Demand and supply of a clearing as the lines of a picture. Pure: numbers for an SVG; the table of prices stands behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

WIDTH, HEIGHT = 640, 220
_EDGE = 10


class Picture(Struct, frozen=True, kw_only=True):
    """Two stepped lines over the prices; where they cross the price stands."""

    width: int = WIDTH
    height: int = HEIGHT
    demand: str
    supply: str
    price_x: float | None
    volume_y: float | None
    low_minor: int
    high_minor: int
    most: int


def picture(curve: Sequence[Mapping[str, Any]], price_minor: int | None, volume: int) -> Picture | None:
    """The picture of a proof's curve; None where there is nothing to see."""
    prices = [int(row["price_minor"]) for row in curve]
    most = max((max(row["demand"], row["supply"]) for row in curve), default=0)
    if len(prices) < 2 or most == 0:
        return None
    low, high = prices[0], prices[-1]

    def x(price: int) -> float:
        return round(_EDGE + (WIDTH - 2 * _EDGE) * (price - low) / (high - low), 1)

    def y(quantity: int) -> float:
        return round(HEIGHT - _EDGE - (HEIGHT - 2 * _EDGE) * quantity / most, 1)

    # Up to and at its limit an order asks for its goods; an offer stands from its limit on.
    demand = f"M{x(low)} {y(curve[0]['demand'])}" + "".join(
        f"H{x(price)}V{y(following['demand'])}" for price, following in zip(prices, curve[1:], strict=False)
    )
    supply = f"M{x(low)} {y(curve[0]['supply'])}" + "".join(
        f"H{x(price)}V{y(row['supply'])}" for price, row in zip(prices[1:], curve[1:], strict=True)
    )
    return Picture(
        demand=f"{demand}H{x(high)}V{y(0)}",
        supply=supply,
        price_x=None if price_minor is None else x(min(max(price_minor, low), high)),
        volume_y=y(volume) if volume else None,
        low_minor=low,
        high_minor=high,
        most=most,
    )
