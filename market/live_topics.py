"""Telling of change: a topic's new version, told by the transaction that changed it, heard by every node at the commit.

A topic is `kind:id`: `market:CATEGORY` and `board:ID` are public, `negotiation:ID`, `contract:ID` and `deal:ID` are their
parties' own. News says that there is a new version, with a small state for those who watch; whoever wants more asks for
it. Who may watch what, and how it is heard, is `market.topic_news`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from migrations.queries import load_queries

if TYPE_CHECKING:
    from datetime import datetime

    from migrations.database import Connection

CHANNEL = "market_topics"
LARGEST_NEWS_BYTES = 7_900
"""Postgres passes on notes of less than 8,000 bytes."""

_QUERIES = load_queries("market", "live_topics")


class Announcement(Struct, frozen=True):
    """What is told, as it travels."""

    topic: str
    version: int
    state: dict[str, Any] | None = None


async def announce(conn: Connection, topic: str, version: int, state: Mapping[str, Any] | None = None) -> None:
    """Tell all who watch `topic`, on every node, when this transaction commits. A state that is too large is left out."""
    news = msgspec.json.encode(Announcement(topic, version, dict(state) if state is not None else None))
    if len(news) > LARGEST_NEWS_BYTES:
        news = msgspec.json.encode(Announcement(topic, version))
    await conn.execute(_QUERIES.announce, CHANNEL, news.decode())


def instant_version(now: datetime) -> int:
    """A version for what has no count of its own: the instant, in microseconds."""
    return int(now.timestamp()) * 1_000_000 + now.microsecond
