"""The k-double auction's price: a point between the lowest and the highest price that clear the market. Pure."""

from __future__ import annotations


def k_double(low_minor: int, high_minor: int, k_permille: int, tick_minor: int) -> int:
    """floor((1 - k) low + k high) on the tick, counted from `low_minor`, which lies on it; k in thousandths."""
    above_low = (high_minor - low_minor) * k_permille // 1000
    return low_minor + above_low // tick_minor * tick_minor
