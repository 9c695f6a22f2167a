"""Topics beside lots: whoever watches one hears that it has changed. What a topic is and who may watch it, the trading
centre says by the one question that it hands in; here a topic is a name, and news is a version with a small state.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol

from auction.messages import News, Watching, encode_message

if TYPE_CHECKING:
    from auction.hub import HubProtocol

LONGEST_TOPIC = 80


class TopicViewer(Protocol):
    """Who asks; the trading centre knows the rest."""

    @property
    def party_id(self) -> int | None: ...


class TopicWatcher(Protocol):
    """One connection that watches topics."""

    topics: set[str]

    @property
    def protocol(self) -> HubProtocol: ...


VersionFor = Callable[[Any, str], Awaitable[int | None]]
"""(viewer, topic) → the topic's version, 0 where it has none to tell; None: there is no such topic for this viewer."""


async def nothing(viewer: TopicViewer, topic: str) -> int | None:
    """A house without topics."""
    return None


class TopicHub:
    """Who watches which topic on this node."""

    def __init__(self, version_for: VersionFor = nothing) -> None:
        self.version_for = version_for
        self._watchers: dict[str, dict[TopicWatcher, None]] = {}

    def watch(self, watcher: TopicWatcher, topic: str, version: int) -> None:
        """From now on the watcher hears of the topic; it is told the version of now."""
        self._watchers.setdefault(topic, {})[watcher] = None
        watcher.topics.add(topic)
        watcher.protocol.reply(encode_message(Watching(topic, version)))

    def unwatch(self, watcher: TopicWatcher, topic: str) -> None:
        """No more news of this topic."""
        watcher.topics.discard(topic)
        watcher.protocol.own.pop(topic, None)
        watcher.protocol.owed.discard(topic)
        if (watchers := self._watchers.get(topic)) is not None:
            watchers.pop(watcher, None)
            if not watchers:
                del self._watchers[topic]

    def forget(self, watcher: TopicWatcher) -> None:
        """The connection is gone."""
        for topic in tuple(watcher.topics):
            self.unwatch(watcher, topic)

    def watched(self) -> tuple[str, ...]:
        """The topics that anybody here watches."""
        return tuple(self._watchers)

    def publish(self, topic: str, version: int, state: dict[str, Any] | None) -> None:
        """Tell everybody here who watches it. A slow reader hears only of the newest version when he has caught up."""
        watchers = self._watchers.get(topic)
        if not watchers:
            return
        payload = encode_message(News(topic, version, state))
        for watcher in watchers:
            watcher.protocol.show_own(topic, payload)

    def look_again(self, topics: Iterable[str]) -> None:
        """News of these may have been lost: version 0 says no more than that."""
        for topic in topics:
            for watcher in tuple(self._watchers.get(topic, ())):
                watcher.protocol.own.pop(topic, None)
            self.publish(topic, 0, None)
