"""Who may watch which live topic, and how its news reaches the watchers of this node."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec
import structlog
from msgspec import Struct

from auction.news import Listener
from market.access.rows import Whose
from market.authorization import owners
from market.live_topics import CHANNEL, Announcement
from migrations.queries import load_queries

if TYPE_CHECKING:
    from auction.topics import TopicHub, VersionFor
    from migrations.database import Connection, Pool

_NAMES = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
_NUMBERS = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
_QUERIES = load_queries("market", "live_topics")
_log = structlog.get_logger()


class TopicKind(Struct, frozen=True, kw_only=True):
    """Who may watch the topics of a kind, and how their version is asked for, if they have one to tell."""

    whose: Whose = Whose.ANY
    """ANY: everybody. Else the parties whose thing the id names, and operators if `operator_too`."""
    operator_too: bool = False
    by_name: bool = False
    """The id is a word and not a number."""
    version: str | None = None
    """A query in `queries/live_topics.sql`: the version of $1, null where there is no such thing."""


TOPICS: dict[str, TopicKind] = {
    "market": TopicKind(by_name=True, version=_QUERIES.market_version),
    "board": TopicKind(version=_QUERIES.board_version),
    "negotiation": TopicKind(whose=Whose.OWN_NEGOTIATION, version=_QUERIES.negotiation_version),
    "contract": TopicKind(whose=Whose.OWN_CONTRACT, operator_too=True, version=_QUERIES.contract_version),
    "deal": TopicKind(whose=Whose.OWN_DEAL, operator_too=True, version=_QUERIES.deal_version),
}


async def deal_version(conn: Connection, case_id: int) -> int | None:
    """What a page of a deal is as of, if it asks before it reads; None where there is no such deal."""
    version: int | None = await conn.fetchval(_QUERIES.deal_version, case_id)
    return version


def version_by(pool: Pool) -> VersionFor:
    """The one question that the socket asks: the topic's version for this viewer, None if it is not for him."""

    async def version_for(viewer: Any, topic: str) -> int | None:
        name, _, thing = topic.partition(":")
        kind = TOPICS.get(name)
        if kind is None or not (_NAMES if kind.by_name else _NUMBERS).fullmatch(thing):
            return None
        async with pool.acquire() as conn:
            if not await _may_watch(conn, kind, viewer, thing):
                return None
            if kind.version is None:
                return 0
            version: int | None = await conn.fetchval(kind.version, thing if kind.by_name else int(thing))
            return version

    return version_for


async def _may_watch(conn: Connection, kind: TopicKind, viewer: Any, thing: str) -> bool:
    if kind.whose is Whose.ANY:
        return True
    if viewer.party_id is None:
        return False
    if kind.operator_too and viewer.is_operator:
        return True
    return viewer.party_id in await owners(conn, kind.whose, int(thing))


class TopicNews:
    """Hears what transactions on all nodes announce. `run` it once in the house's task group; the caller cancels it."""

    def __init__(self, pool: Pool, hub: TopicHub) -> None:
        self._hub = hub
        self._heard: dict[str, Announcement] = {}
        self._listener = Listener(pool, CHANNEL, self._note, self._act)

    async def run(self) -> None:
        """Listen for ever; when the connection is lost, on another, and have everybody look again."""
        await self._listener.run()

    def _note(self, payload: str) -> None:
        try:
            news = msgspec.json.decode(payload, type=Announcement)
        except msgspec.DecodeError:
            _log.warning("topic_not_understood", payload=payload[:200])
            return
        # Of a burst only the newest is told: it says all that the others said.
        heard = self._heard.get(news.topic)
        if heard is None or news.version >= heard.version:
            self._heard[news.topic] = news

    async def _act(self, begins: bool) -> None:
        if begins:
            self._hub.look_again(self._hub.watched())
        heard, self._heard = self._heard, {}
        for news in heard.values():
            self._hub.publish(news.topic, news.version, news.state)
