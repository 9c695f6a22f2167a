"""The index over time as numbers for an SVG: a line between its lowest and highest, bars of volume below it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from market.trading.market_data import IndexDay

WIDTH, HEIGHT = 720, 220
TOP, PRICE_BASE, VOLUME_BASE = 12.0, 160.0, 216.0
VOLUME_HEIGHT = 40.0


class Bar(Struct, frozen=True, kw_only=True):
    x: float
    y: float
    width: float
    height: float


class IndexChart(Struct, frozen=True, kw_only=True):
    """`low_minor` stands at `low_y`, `high_minor` at `high_y`; days are placed by the calendar, not by the row."""

    width: int = WIDTH
    height: int = HEIGHT
    line: str
    dots: tuple[tuple[float, float], ...]
    bars: tuple[Bar, ...]
    low_minor: int
    high_minor: int
    low_y: float = PRICE_BASE
    high_y: float = TOP
    base_y: float = VOLUME_BASE
    days: tuple[date, date]


def index_chart(days: Sequence[IndexDay]) -> IndexChart | None:
    """None where there are fewer than two days to draw."""
    if len(days) < 2:
        return None
    low, high = min(each.index_minor for each in days), max(each.index_minor for each in days)
    span = max((days[-1].day - days[0].day).days, 1)
    most = max(each.volume for each in days)
    width = min(14.0, WIDTH / (span + 1))

    def x_of(day: date) -> float:
        return round(width / 2 + (WIDTH - width) * (day - days[0].day).days / span, 2)

    def y_of(index_minor: int) -> float:
        share = (index_minor - low) / (high - low) if high > low else 0.5
        return round(PRICE_BASE - (PRICE_BASE - TOP) * share, 2)

    dots = tuple((x_of(each.day), y_of(each.index_minor)) for each in days)
    bars = []
    for each in days:
        tall = round(max(VOLUME_HEIGHT * each.volume / most, 1.0), 2)
        left = round(x_of(each.day) - width * 0.35, 2)
        bars.append(Bar(x=left, y=round(VOLUME_BASE - tall, 2), width=round(width * 0.7, 2), height=tall))
    return IndexChart(
        line="M" + "L".join(f"{x} {y}" for x, y in dots),
        dots=dots,
        bars=tuple(bars),
        low_minor=low,
        high_minor=high,
        days=(days[0].day, days[-1].day),
    )
