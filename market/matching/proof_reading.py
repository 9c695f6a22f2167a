"""A clearing's proof as a page shows it: a part at a time, since a large one would be a page that nobody could open. Pure.

What stands between is not read at all: a proof of a hundred thousand orders is opened in a few milliseconds.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import islice
from typing import Any

import msgspec
from msgspec import Raw, Struct

MOST_CANDIDATES = 60
MOST_TRADES = 200
MOST_OWN = 50
MOST_STEPS = 600
"""So many prices the picture has; more could not be told apart."""


class Said(Struct, frozen=True, kw_only=True):
    """What of a proof is shown; rows are opened when they are asked for."""

    orders: list[Raw]
    trades: list[Raw]
    curve: list[Raw]
    candidates: list[Raw]
    decided_by: str | None


class _Named(Struct, frozen=True, gc=False):
    alias: str


_NAME_OF = msgspec.json.Decoder(_Named)


def opened(proof: str) -> Said:
    """The proof, its rows unread."""
    return msgspec.json.decode(proof, type=Said)


def rows(part: Sequence[Raw]) -> list[dict[str, Any]]:
    """These rows."""
    return [msgspec.json.decode(one) for one in part]


def own_rows(said: Said, own: Collection[str]) -> list[dict[str, Any]]:
    """The rows of these aliases, in order of time. Of every row no more is read than its alias."""
    wanted = frozenset(own)
    if not wanted:
        return []
    found = (row for row in said.orders if _NAME_OF.decode(row).alias in wanted)
    return rows(list(islice(found, MOST_OWN)))


def candidates(said: Said, price_minor: int | None) -> list[dict[str, Any]]:
    """The candidate prices, of many those around the one that was chosen."""
    middle = len(said.candidates) // 2
    if price_minor is not None and len(said.candidates) > MOST_CANDIDATES:
        middle = _place(said.candidates, "low_minor", price_minor)
    return rows(_around(said.candidates, middle, MOST_CANDIDATES))


def curve(said: Said) -> list[dict[str, Any]]:
    """Demand and supply by price, of very many prices every so-manieth and the last."""
    stride = -(-len(said.curve) // MOST_STEPS)
    return rows([*said.curve[:-1][:: max(stride, 1)], *said.curve[-1:]])


def pairs(said: Said) -> list[tuple[str, str, int]]:
    """Who traded with whom, by their aliases: the first of them."""
    found = rows(said.trades[:MOST_TRADES])
    names = {
        n: msgspec.json.decode(said.orders[n - 1])["alias"] for row in found for n in (row["supply"], row["demand"])
    }
    return [(names[row["supply"]], names[row["demand"]], row["units"]) for row in found]


def _place(part: Sequence[Raw], name: str, price_minor: int) -> int:
    """Of the last row that is not beyond the price; they ascend."""
    low, high = 0, len(part)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if int(msgspec.json.decode(part[middle])[name]) <= price_minor else (low, middle)
    return low


def _around(part: Sequence[Raw], middle: int, most: int) -> Sequence[Raw]:
    first = max(0, min(middle - most // 2, len(part) - most))
    return part[first : first + most]
