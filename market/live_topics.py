"""Live topics of the trading centre: what has changed, told by the transaction that changed it.

A topic is `kind:id`: `market:CATEGORY` and `board:ID` are public, `negotiation:ID`, `contract:ID` and `deal:ID` are their
parties' own. News says that there is a new version, with a small state for those who watch; whoever wants more asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Connection

CHANNEL = "market_topics"
LARGEST_NEWS_BYTES = 7_900
"""Postgres passes on notes of less than 8,000 bytes."""

_QUERIES = load_queries("market", "live_topics")


async def announce(conn: Connection, topic: str, version: int, state: Mapping[str, Any] | None = None) -> None:
    """Tell all who watch `topic`, on every node, when this transaction commits. A state that is too large is left out."""
    news = msgspec.json.encode({"topic": topic, "version": version, "state": state})
    if len(news) > LARGEST_NEWS_BYTES:
        news = msgspec.json.encode({"topic": topic, "version": version, "state": None})
    await conn.execute(_QUERIES.announce, CHANNEL, news.decode())
