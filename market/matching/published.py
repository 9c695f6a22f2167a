"""What the public sees of boards: levels of the book, last trades, clearings. No party, no post, no order of anybody."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct, convert

from market.matching import store
from market.matching.board_facts import ClearingLine
from market.matching.facts import Side
from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Connection

_queries = load_queries("market", "boards")


class Level(Struct, frozen=True, kw_only=True):
    """What waits at one limit."""

    side: Side
    price_minor: int
    quantity: int
    orders: int


class LastTrade(Struct, frozen=True, kw_only=True):
    """A trade, to the minute."""

    price_minor: int
    units: int
    at: datetime
    clearing: int | None


async def levels(conn: Connection, board_id: int) -> list[Level]:
    """The book by limit: demand and supply, each the lowest price first."""
    return [convert(dict(row), Level) for row in await conn.fetch(_queries.levels, board_id)]


async def last_trades(conn: Connection, board_id: int, limit: int = 20) -> list[LastTrade]:
    """The newest first."""
    return [convert(dict(row), LastTrade) for row in await conn.fetch(_queries.fills_of_board, board_id, limit)]


async def clearings(conn: Connection, board_id: int, limit: int = 20) -> list[ClearingLine]:
    """The newest first."""
    return await store.clearings(conn, board_id, limit=limit)
