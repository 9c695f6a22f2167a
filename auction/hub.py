"""Fan-out: one state of a lot to everybody who watches it, encoded once and written straight to their sockets.

A lot's states go out at most some 25 times a second, the first at once, and a slow watcher gets only the newest of each
lot, so nobody waits for anybody. `HubProtocol` is uvicorn's own WebSocket protocol with two short cuts past ASGI: states
go out without `send`, and messages come in, stamped, without the queue. It leans on names that uvicorn does not document,
hence the pinned minor version and a contract test. Knows nothing of what a state or a message says.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import msgspec
import structlog
from msgspec import Struct
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

EXTENSION = "gavelhouse.hub"
"""Under this name the ASGI scope's extensions hold the connection's HubProtocol."""

FRAMES_PER_SECOND = 25.0
CHUNK = 20
WRITE_SECONDS = 12e-6
LARGEST_SHARE_OF_CORE = 0.4
SEND_BUFFER_BYTES = 32 * 1024
WRITE_HIGH_WATER_BYTES = 4 * 1024
REPLY_BACKLOG_BYTES = 256 * 1024
STUCK_SECONDS = 30.0
LAST_WORD_SECONDS = 2.0
MOST_FRAGMENTS = 128
PINGS_PER_SECOND = 20
POLICY, TRY_AGAIN_LATER = 1008, 1013

_log = structlog.get_logger()
_encode = msgspec.json.encode


def text_frame(payload: bytes) -> bytes:
    """An unmasked, final WebSocket text frame (RFC 6455, 5.2)."""
    length = len(payload)
    if length < 126:
        return bytes((0x81, length)) + payload
    if length < 65_536:
        return b"\x81\x7e" + length.to_bytes(2, "big") + payload
    return b"\x81\x7f" + length.to_bytes(8, "big") + payload


class Listener(Protocol):
    """Who takes a connection's messages: the live session, or a test's."""

    def receive(self, message: bytes, stamp: int, is_text: bool) -> None: ...

    def lost(self) -> None: ...


class Topic:
    """One lot's watchers and the newest frame they were sent."""

    __slots__ = ("frame", "is_waiting", "lot_id", "next_at", "published_at", "queue", "render", "seq", "watchers")

    def __init__(self, lot_id: int, seq: int) -> None:
        self.lot_id = lot_id
        self.seq = seq
        self.watchers: dict[HubProtocol, None] = {}
        self.render: Callable[[], Struct] | None = None
        self.frame = b""
        self.queue: Iterator[HubProtocol] = iter(())
        self.next_at = 0.0
        self.published_at = 0.0
        self.is_waiting = False


class Hub:
    """The watchers of this node, by lot, and by party for signing out. One per event loop."""

    def __init__(self, frames_per_second: float = FRAMES_PER_SECOND) -> None:
        self._interval = 1.0 / frames_per_second
        self._topics: dict[int, Topic] = {}
        self._sending: deque[Topic] = deque()
        self._is_pumping = False
        self._by_party: dict[int, set[HubProtocol]] = {}
        self._counts: Counter[object] = Counter()
        self.frames_sent = 0

    # Who is here

    def attach(self, watcher: HubProtocol, party_id: int | None, counted_under: tuple[object, ...]) -> None:
        """Register a connection; `counted_under` are the keys (session, address) whose connections are bounded."""
        watcher.hub, watcher.party_id, watcher.counted_under = self, party_id, counted_under
        self._counts.update(counted_under)
        if party_id is not None:
            self._by_party.setdefault(party_id, set()).add(watcher)

    @property
    def connections(self) -> int:
        """How many connections are open on this node: each is counted under every kind of key."""
        kinds = {key[0]: 0 for key in self._counts if isinstance(key, tuple)}
        for key, count in self._counts.items():
            if isinstance(key, tuple):
                kinds[key[0]] += count
        return max(kinds.values(), default=0)

    def count(self, key: object) -> int:
        """How many connections are open under this key."""
        return self._counts[key]

    def detach(self, watcher: HubProtocol) -> None:
        """The connection is gone."""
        for lot_id in list(watcher.lots):
            self.unwatch(watcher, lot_id)
        for key in watcher.counted_under:
            self._counts[key] -= 1
            if not self._counts[key]:
                del self._counts[key]
        if watcher.party_id is not None and (peers := self._by_party.get(watcher.party_id)) is not None:
            peers.discard(watcher)
            if not peers:
                del self._by_party[watcher.party_id]

    def of_party(self, party_id: int) -> list[HubProtocol]:
        """The party's open connections."""
        return list(self._by_party.get(party_id, ()))

    def close_party(self, party_id: int) -> None:
        """The party has signed out or its roles changed: its connections end now, and come back as who it is then."""
        for watcher in self.of_party(party_id):
            watcher.close(4401, "session ended")

    def watch(self, watcher: HubProtocol, lot_id: int, seq: int) -> None:
        """From now on the watcher gets the lot's states after `seq`, which it has been told."""
        topic = self._topics.get(lot_id)
        if topic is None:
            topic = self._topics[lot_id] = Topic(lot_id, seq)
        topic.watchers[watcher] = None
        watcher.lots.add(lot_id)

    def unwatch(self, watcher: HubProtocol, lot_id: int) -> None:
        """No more states of this lot."""
        watcher.lots.discard(lot_id)
        watcher.stale.discard(lot_id)
        watcher.owed.discard(lot_id)
        watcher.own.pop(lot_id, None)
        if (topic := self._topics.get(lot_id)) is not None:
            topic.watchers.pop(watcher, None)
            if not topic.watchers:
                del self._topics[lot_id]

    def watched(self) -> list[int]:
        """The lots that anybody watches."""
        return [lot_id for lot_id, topic in self._topics.items() if topic.watchers]

    def watchers(self, lot_id: int) -> int:
        """How many watch this lot here."""
        return len(topic.watchers) if (topic := self._topics.get(lot_id)) is not None else 0

    # What goes out

    def publish(self, lot_id: int, seq: int, render: Callable[[], Struct]) -> None:
        """The lot has had event `seq`. `render` is called when the frame goes out, and says what is true then.

        Without a new event there is no frame: its mere arrival would tell that something secret has changed.
        """
        topic = self._topics.get(lot_id)
        if topic is None or seq <= topic.seq:
            return
        topic.seq = seq
        topic.render = render
        topic.published_at = now = time.monotonic()
        if topic.is_waiting:
            return
        if now >= topic.next_at:
            self._begin(topic)
        else:
            topic.is_waiting = True
            asyncio.get_running_loop().call_later(topic.next_at - now, self._begin, topic)

    def _begin(self, topic: Topic) -> None:
        topic.is_waiting = False
        if topic.render is None or not topic.watchers:
            return
        now = time.monotonic()
        topic.frame = text_frame(_encode(topic.render()))
        topic.render = None
        if topic not in self._sending:
            self._sending.append(topic)
        topic.queue = iter(tuple(topic.watchers))
        topic.next_at = now + self._interval_now(now)
        if not self._is_pumping:
            self._is_pumping = True
            asyncio.get_running_loop().call_soon(self._pump)

    def _interval_now(self, now: float) -> float:
        """Wide enough that writing to all who watch lots that move stays under the share of a core."""
        watchers = sum(len(topic.watchers) for topic in self._topics.values() if now - topic.published_at < 1.0)
        return max(self._interval, watchers * WRITE_SECONDS / LARGEST_SHARE_OF_CORE)

    def _pump(self) -> None:
        """Write one chunk, then let the loop run: timers and answers must not wait for a whole broadcast."""
        topic = self._sending.popleft()
        frame, lot_id, sent = topic.frame, topic.lot_id, 0
        for watcher in topic.queue:
            watcher.show(lot_id, frame)
            sent += 1
            if sent == CHUNK:
                self._sending.append(topic)
                break
        self.frames_sent += sent
        if self._sending:
            asyncio.get_running_loop().call_soon(self._pump)
        else:
            self._is_pumping = False

    def newest(self, lot_id: int) -> bytes:
        """The newest frame of a lot, for a watcher that has caught up; empty if there is none."""
        return topic.frame if (topic := self._topics.get(lot_id)) is not None else b""


class HubProtocol(WebSocketsSansIOProtocol):
    """A WebSocket connection of the house. Until a listener is set it behaves as uvicorn's own."""

    listener: Listener | None = None
    hub: Hub | None = None
    party_id: int | None = None
    counted_under: tuple[object, ...] = ()
    is_slow = False
    stamp = 0
    _pings = 0
    _pings_since = 0
    _stuck_timer: asyncio.TimerHandle | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lots: set[int] = set()
        self.stale: set[int] = set()
        # What this connection alone is shown, by lot or by topic: the newest, and what it is still owed of that.
        self.own: dict[int | str, bytes] = {}
        self.owed: set[int | str] = set()

    # The connection's life

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        # The kernel would otherwise hold thousands of old states for a reader that is stuck.
        if (sock := transport.get_extra_info("socket")) is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self.transport.set_write_buffer_limits(high=WRITE_HIGH_WATER_BYTES)

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if not self.close_sent:
            self.scope["extensions"][EXTENSION] = {"protocol": self}

    def listen(self, listener: Listener) -> None:
        """From now on messages go to `listener`, and the connection outlives the ASGI call that accepted it."""
        self.listener = listener

    async def run_asgi(self) -> None:
        """uvicorn's own, but a connection with a listener stays open after the application has returned: an idle watcher
        then costs no task and no stack of middleware.
        """
        try:
            await self.app(self.scope, self.receive, self.send)
        except ClientDisconnected:
            pass
        except Exception:
            self.logger.exception("Exception in ASGI application\n")
            self.send_500_response()
        else:
            if self.listener is not None and not self.transport.is_closing():
                self._let_go_of_the_request()
                return
            if not self.handshake_complete:
                self.logger.error("ASGI callable returned without completing handshake.")
                self.send_500_response()
        if self.close_timer is None:
            self.transport.close()

    def _let_go_of_the_request(self) -> None:
        del self.scope, self.request, self.response
        # Messages that came between accept and listen stand in the ASGI queue.
        while not self.queue.empty():
            message = self.queue.get_nowait()
            if message["type"] == "websocket.receive" and self.listener is not None:
                text = message.get("text")
                self.listener.receive((text or "").encode(), self.stamp, text is not None)
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._forget_stuck()
        if self.hub is not None:
            self.hub.detach(self)
        if self.listener is not None:
            self.listener.lost()
            self.listener = None

    # In

    def data_received(self, data: bytes) -> None:
        self.stamp = time.monotonic_ns() // 1000
        super().data_received(data)

    def handle_cont(self, event: Any) -> None:
        # The limit on a message counts its bytes, and a fragment may have none.
        if len(self.frames) >= MOST_FRAGMENTS:
            return self.close(POLICY, "too many fragments")
        return super().handle_cont(event)

    def handle_ping(self) -> None:
        # Each is answered, so who sends them without end and reads nothing would fill our memory.
        if self.stamp - self._pings_since >= 1_000_000:
            self._pings, self._pings_since = 0, self.stamp
        self._pings += 1
        if self._pings > PINGS_PER_SECOND:
            self.conn.data_to_send()
            return self.close(POLICY, "too many pings")
        return super().handle_ping()

    def send_receive_event_to_app(self) -> None:
        listener = self.listener
        if listener is None:
            return super().send_receive_event_to_app()
        frames, self.frames = self.frames, []
        if not self.close_sent:
            message = frames[0] if len(frames) == 1 else b"".join(frames)
            listener.receive(message, self.stamp, self.curr_msg_data_type == "text")
        return None

    # Out

    def show(self, lot_id: int, frame: bytes) -> None:
        """Write a state, or remember that there is a newer one if the watcher is slow."""
        if self.close_sent or self.transport.is_closing():
            return
        if self.is_slow:
            self.stale.add(lot_id)
        else:
            self.transport.write(frame)

    def show_own(self, key: int | str, payload: bytes) -> None:
        """Write what this watcher is shown of the lot or topic, if it is something else than before; a slow one gets it later."""
        if self.close_sent or self.transport.is_closing() or self.own.get(key) == payload:
            return
        self.own[key] = payload
        if self.is_slow:
            self.owed.add(key)
        else:
            self.transport.write(text_frame(payload))

    def reply(self, payload: bytes) -> None:
        """Write an answer to this connection alone; one that asks much and reads nothing is closed."""
        if self.close_sent or self.transport.is_closing():
            return
        if self.is_slow and self.transport.get_write_buffer_size() > REPLY_BACKLOG_BYTES:
            self.close_stuck()
        else:
            self.transport.write(text_frame(payload))

    def close(self, code: int, reason: str = "") -> None:
        """Say why, and end the connection even if nobody reads it."""
        if self.close_sent or self.transport.is_closing():
            return
        self.stop_keepalive()
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.close_timer = self.loop.call_later(LAST_WORD_SECONDS, self.transport.abort)

    def close_stuck(self) -> None:
        """The watcher has not read for too long."""
        self.close(TRY_AGAIN_LATER, "too slow")

    def pause_writing(self) -> None:
        super().pause_writing()
        self.is_slow = True
        if self._stuck_timer is None:
            self._stuck_timer = self.loop.call_later(STUCK_SECONDS, self.close_stuck)

    def resume_writing(self) -> None:
        super().resume_writing()
        self.is_slow = False
        self._forget_stuck()
        stale, self.stale = self.stale, set()
        for lot_id in stale:
            if self.hub is not None and (frame := self.hub.newest(lot_id)):
                self.show(lot_id, frame)
        owed, self.owed = self.owed, set()
        for key in owed:
            if not self.transport.is_closing():
                self.transport.write(text_frame(self.own[key]))

    def _forget_stuck(self) -> None:
        if self._stuck_timer is not None:
            self._stuck_timer.cancel()
            self._stuck_timer = None
