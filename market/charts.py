"""Pictures of figures as numbers for an SVG: a line over days, bars of shares. Pure; the template draws, a table stands behind."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from msgspec import Struct

WIDTH, HEIGHT = 640, 120
_LEFT, _RIGHT, _TOP, _BOTTOM = 0, 0, 6, 2


class LineChart(Struct, frozen=True, kw_only=True):
    """A stepped line with the area below it. `top_minor` is the highest value, at `top_y`."""

    width: int = WIDTH
    height: int = HEIGHT
    line: str
    area: str
    base_y: float
    top_y: float
    top_minor: int
    days: tuple[date, ...]
    """First, middle and last day, for the axis."""


def line_chart(points: Sequence[tuple[date, int]]) -> LineChart | None:
    """Values by day as steps from zero upwards; None when there is nothing to see."""
    top = max((value for _, value in points), default=0)
    if len(points) < 2 or top <= 0:
        return None
    across, up = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM
    base = float(HEIGHT - _BOTTOM)
    step = across / len(points)
    places = [(_LEFT + n * step, round(base - up * (max(value, 0) / top), 2)) for n, (_, value) in enumerate(points)]
    line = f"M{places[0][0]:.2f} {places[0][1]}"
    for n, (x, y) in enumerate(places):
        line += f"V{y}H{x + step:.2f}" if n else f"H{x + step:.2f}"
    area = f"{line}V{base}H{_LEFT}Z"
    days = (points[0][0], points[len(points) // 2][0], points[-1][0])
    return LineChart(line=line, area=area, base_y=base, top_y=float(_TOP), top_minor=top, days=days)


def shares(values: Sequence[int], width: int = 100) -> tuple[float, ...]:
    """Each value as a length up to `width`, against the largest; what is there at all can be seen."""
    top = max(values, default=0)
    if top <= 0:
        return tuple(0.0 for _ in values)
    return tuple(max(round(width * value / top, 2), 1.5) if value > 0 else 0.0 for value in values)
