"""The live door: one WebSocket per tab, many lots each, subprotocol `gavelhouse.v1`.

A message is stamped where it enters, decoded strictly and answered from memory where possible; whatever needs the
database goes to a few workers behind a bounded queue. The door decides who may connect and how much; it knows no rule.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

import msgspec
import structlog
from msgspec import Struct
from starlette.websockets import WebSocket

from auction import store
from auction.batch import Answer, Room, turned_away
from auction.facts import Bid, Refusal
from auction.formats import format_of
from auction.hub import EXTENSION, HubProtocol
from auction.limits import address_key
from auction.messages import (
    SUBPROTOCOL,
    Ask,
    BidUnknown,
    Error,
    History,
    Ping,
    PlaceBid,
    Pong,
    Subscribe,
    Subscribed,
    Unsubscribe,
    Unwatch,
    Watch,
    decode_message,
    encode_message,
    history_rows,
    offer_of,
    told,
)
from auction.own_places import OwnPlaces
from auction.topics import LONGEST_TOPIC, TopicHub

if TYPE_CHECKING:
    from auction.bidding import Bidding
    from auction.hub import Hub
    from auction.node_time import NodeTime

_log = structlog.get_logger()

WORKERS = 4
REST_SECONDS = 1.0
SESSION_ENDED, POLICY, TRY_AGAIN_LATER = 4401, 1008, 1013


class Viewer(Protocol):
    """Who is at the other end, as the trading centre's session says."""

    @property
    def party_id(self) -> int | None: ...

    @property
    def session_id(self) -> object: ...


class LiveLimits(Struct, frozen=True, kw_only=True):
    """The bounds of one connection and of those who open many."""

    sockets_per_session: int = 20
    sockets_per_address: int = 500
    subscriptions: int = 200
    topics: int = 50
    messages_per_second: int = 100
    in_flight: int = 64
    waiting_reads: int = 10_000
    history_rows: int = 200
    recheck_seconds: float = 1800.0


class Live:
    """The door. `endpoint` is for a WebSocketRoute; `run` its workers once in the house's task group."""

    def __init__(
        self,
        bidding: Bidding,
        hub: Hub,
        node_time: NodeTime,
        recheck: Callable[[Viewer], Awaitable[bool]],
        origins: frozenset[str] | None = None,
        limits: LiveLimits | None = None,
        topics: TopicHub | None = None,
    ) -> None:
        self.bidding = bidding
        self.hub = hub
        self.node_time = node_time
        self.pool = bidding.pool
        self.limits = limits or LiveLimits()
        self.topics = topics or TopicHub()
        self._recheck = recheck
        self._origins = origins
        self._reads: asyncio.Queue[Callable[[], Awaitable[None]]] = asyncio.Queue(self.limits.waiting_reads)
        self._sessions: set[Session] = set()
        self.own_places = OwnPlaces(hub, node_time.now)
        bidding.on_admissions = self._admissions_changed
        bidding.moved_listeners.append(self.own_places.moved)

    def run(self, task_group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        """Start the workers and the re-check of long sessions; the caller cancels them at the end."""
        tasks = [task_group.create_task(self._read(), name="live reader") for _ in range(WORKERS)]
        return [*tasks, task_group.create_task(self._recheck_sessions(), name="live recheck")]

    async def endpoint(self, websocket: WebSocket) -> None:
        """Accept the connection if its origin, its subprotocol and the bounds allow it, and hand it to a session."""
        viewer: Viewer = websocket.user
        extension = websocket.scope.get("extensions", {}).get(EXTENSION)
        address = websocket.client.host if websocket.client is not None else "unknown"
        address = address_key(address)
        # A program has a token and no session: then its party counts.
        owner = viewer.session_id or (address if viewer.party_id is None else f"party {viewer.party_id}")
        counted_under = (("address", address), ("session", owner))
        if not self._may_connect(websocket) or extension is None:
            return await websocket.close(POLICY)
        bounds = self.limits.sockets_per_address, self.limits.sockets_per_session
        if viewer.party_id is None:
            bounds = bounds[0], bounds[0]
        if any(self.hub.count(key) >= bound for key, bound in zip(counted_under, bounds, strict=True)):
            return await websocket.close(TRY_AGAIN_LATER)
        protocol: HubProtocol = extension["protocol"]
        if protocol.disconnected:
            return None
        self.hub.attach(protocol, viewer.party_id, counted_under)
        await websocket.accept(SUBPROTOCOL)
        session = Session(self, protocol, viewer)
        self._sessions.add(session)
        protocol.listen(session)
        return None

    def forget(self, session: Session) -> None:
        """The connection is gone."""
        self._sessions.discard(session)
        self.topics.forget(session)

    async def recheck(self, party_id: int) -> None:
        """A session or token of the party has ended somewhere: its sockets close, those of its other sessions stay."""
        for protocol in self.hub.of_party(party_id):
            if isinstance(session := protocol.listener, Session):
                await self._recheck_session(session)

    async def recheck_all(self) -> None:
        """News may have been lost: ask again for everybody who is signed in."""
        for session in [session for session in self._sessions if session.viewer.party_id is not None]:
            await self._recheck_session(session)

    def read(self, job: Callable[[], Awaitable[None]]) -> bool:
        """Have a worker do what needs the database; False if too much waits already."""
        try:
            self._reads.put_nowait(job)
        except asyncio.QueueFull:
            return False
        return True

    def _may_connect(self, websocket: WebSocket) -> bool:
        # A browser always names the origin of the page, so another site's page can't use the visitor's session.
        # A program that names none must bring its own token, since a session cookie is only ever sent by a browser.
        origin = websocket.headers.get("origin")
        allowed = self._is_ours(origin, websocket) if origin is not None else "authorization" in websocket.headers
        return allowed and SUBPROTOCOL in websocket.scope.get("subprotocols", ())

    def _is_ours(self, origin: str, websocket: WebSocket) -> bool:
        if self._origins is not None:
            return origin in self._origins
        scheme = "https" if websocket.url.scheme == "wss" else "http"
        return origin == f"{scheme}://{websocket.headers.get('host', '')}"

    def _admissions_changed(self, room: Room, party_ids: Collection[int]) -> None:
        """Whoever has the lot's page open and may now bid, or no longer, learns it at once."""
        for party_id in party_ids:
            for protocol in self.hub.of_party(party_id):
                if room.lot.id in protocol.lots and isinstance(protocol.listener, Session):
                    protocol.listener.show(room)

    async def _read(self) -> None:
        while True:
            job = await self._reads.get()
            try:
                await job()
            except store.CONNECTION_LOST as error:
                _log.warning("live_read_failed", error=repr(error))
            except Exception:
                # One question that fails must not end the worker that answers everybody's.
                _log.exception("live_read_failed")

    async def _recheck_sessions(self) -> None:
        interval = self.limits.recheck_seconds
        while True:
            await asyncio.sleep(min(60.0, interval))
            checked_before = time.monotonic() - interval
            for session in [s for s in self._sessions if s.checked_at <= checked_before]:
                await self._recheck_session(session)

    async def _recheck_session(self, session: Session) -> None:
        session.checked_at = time.monotonic()
        if not await self._still_valid(session.viewer):
            session.protocol.close(SESSION_ENDED, "session ended")
            return
        for topic in tuple(session.topics):
            await self._recheck_topic(session, topic)

    async def _recheck_topic(self, session: Session, topic: str) -> None:
        try:
            version = await self.topics.version_for(session.viewer, topic)
        except store.CONNECTION_LOST as error:
            _log.warning("topic_not_rechecked", error=repr(error))
            return
        if version is None:
            self.topics.unwatch(session, topic)
            session.refuse_topic(topic)

    async def _still_valid(self, viewer: Viewer) -> bool:
        if viewer.party_id is None:
            return True
        try:
            return await self._recheck(viewer)
        except store.CONNECTION_LOST as error:
            _log.warning("session_not_rechecked", error=repr(error))
            return True


class Session:
    """One connection: its messages in, its answers out. Called by the protocol, synchronously, in order."""

    __slots__ = (
        "_counted",
        "_counting_since",
        "_in_flight",
        "_is_resting",
        "_live",
        "checked_at",
        "protocol",
        "topics",
        "viewer",
    )

    def __init__(self, live: Live, protocol: HubProtocol, viewer: Viewer) -> None:
        self._live = live
        self.protocol = protocol
        self.viewer = viewer
        self.checked_at = time.monotonic()
        self.topics: set[str] = set()
        self._in_flight = 0
        self._counting_since = 0.0
        self._counted = 0
        self._is_resting = False

    def lost(self) -> None:
        """The connection is gone; bids in flight are decided all the same."""
        self._live.forget(self)

    def receive(self, message: bytes, stamp: int, is_text: bool) -> None:
        """Follow one message, stamped in monotonic µs when its last byte entered."""
        within_rate = self._within_rate(stamp)
        try:
            decoded = decode_message(message) if is_text else None
        except msgspec.ValidationError:
            return self._error("not_understood")
        except msgspec.DecodeError:
            return self._error("not_json")
        if isinstance(decoded, PlaceBid):
            return self._bid(decoded, stamp)
        if not within_rate:
            return self._error("too_many_messages")
        match decoded:
            case Ping():
                self._pong(decoded, stamp)
            case Subscribe():
                self._subscribe(decoded)
            case Unsubscribe():
                self._live.hub.unwatch(self.protocol, decoded.lot)
            case Ask():
                self._ask(decoded)
            case History():
                self._history(decoded)
            case Watch():
                self._watch(decoded.topic)
            case Unwatch():
                self._live.topics.unwatch(self, decoded.topic)
            case _:
                self._error("not_text")
        return None

    def _within_rate(self, stamp: int) -> bool:
        if stamp - self._counting_since >= 1_000_000:
            self._counting_since, self._counted = stamp, 0
        self._counted += 1
        if self._counted <= self._live.limits.messages_per_second:
            return True
        if not self._is_resting:
            # To read and refuse a flood would cost everybody else more than to let it wait at its sender.
            self._is_resting = True
            self.protocol.loop.call_later(REST_SECONDS, self._rested)
            self._pause_reading()
        return False

    def _rested(self) -> None:
        self._is_resting = False
        self._resume_reading()

    def _send(self, message: Struct) -> None:
        self.protocol.reply(encode_message(message))

    def _error(self, code: str) -> None:
        self._send(Error(code))

    def _pong(self, ping: Ping, stamp: int) -> None:
        clock = self._live.node_time
        self._send(Pong(ping.c, clock.at(stamp).timestamp() * 1000.0, clock.now().timestamp() * 1000.0))

    # Bids

    def _bid(self, message: PlaceBid, stamp: int) -> None:
        offer, party_id = offer_of(message.amount, message.maximum, message.details), self.viewer.party_id
        if offer is None:
            return self._error("amount_or_maximum")
        bid = Bid(
            lot_id=message.lot,
            party_id=party_id or 0,
            client_bid_id=message.id,
            amount_minor=offer.amount_minor or 0,
            is_maximum=offer.is_maximum,
            stamped_at=self._live.node_time.at(stamp),
            expected_seq=message.expected_seq,
            details=offer.details,
        )
        if offer.amount_minor is None:
            return self._send(told(turned_away(bid, Refusal.MALFORMED_AMOUNT)))
        if party_id is None:
            return self._send(told(turned_away(bid, Refusal.NOT_ADMITTED)))
        self._in_flight += 1
        if self._in_flight == self._live.limits.in_flight:
            self._pause_reading()
        return self._live.bidding.offer(bid, self._bid_answered)

    def _bid_answered(self, answer: Answer) -> None:
        self._in_flight -= 1
        if self._in_flight == self._live.limits.in_flight // 2:
            self._resume_reading()
        self._send(told(answer))

    def _pause_reading(self) -> None:
        if not self.protocol.transport.is_closing():
            self.protocol.transport.pause_reading()

    def _resume_reading(self) -> None:
        is_held = self._is_resting or self._in_flight >= self._live.limits.in_flight
        if not is_held and not self.protocol.transport.is_closing():
            self.protocol.transport.resume_reading()

    def _ask(self, message: Ask) -> None:
        party_id = self.viewer.party_id
        if party_id is None:
            return self._send(BidUnknown(message.id))
        if self._live.bidding.ask((party_id, message.id.int), lambda answer: self._send(told(answer))):
            return None
        return self._later(lambda: self._ask_database(party_id, message.id))

    async def _ask_database(self, party_id: int, client_bid_id: UUID) -> None:
        async with self._live.pool.acquire() as conn:
            answer = await store.bid_by_client_id(conn, party_id, client_bid_id)
        self._send(BidUnknown(client_bid_id) if answer is None else told(answer))

    # Watching

    def _subscribe(self, message: Subscribe) -> None:
        if len(self.protocol.lots) >= self._live.limits.subscriptions:
            return self._error("too_many_lots")
        room = self._live.bidding.rooms.get(message.lot)
        if room is not None and (self.viewer.party_id is None or self.viewer.party_id in room.paddles):
            return self.show(room)
        return self._later(lambda: self._subscribe_unread(message.lot))

    async def _subscribe_unread(self, lot_id: int) -> None:
        known = 0 < lot_id < 2**63
        if known and self.viewer.party_id is not None:
            # The news of an admission may be still on its way, or lost with its connection.
            async with self._live.pool.acquire() as conn:
                place = await store.own_position(conn, lot_id, self.viewer.party_id)
            if place is not None:
                await self._live.bidding.refresh(lot_id)
        room = await self._live.bidding.room(lot_id) if known else None
        if room is None:
            self._error("unknown_lot")
        elif not self.protocol.transport.is_closing():
            self.show(room)

    def show(self, room: Room) -> None:
        """The lot as it stands with the viewer's own place on it; each change from now on follows."""
        self._live.hub.watch(self.protocol, room.lot.id, room.standing.seq)
        state = msgspec.structs.asdict(self._live.bidding.state(room))
        self._send(Subscribed(you=self._live.own_places.shown(self.protocol, room), **state))

    # Topics

    def _watch(self, topic: str) -> None:
        if len(topic) > LONGEST_TOPIC:
            return self.refuse_topic(topic[:LONGEST_TOPIC])
        if len(self.topics) >= self._live.limits.topics and topic not in self.topics:
            return self._error("too_many_topics")
        return self._later(lambda: self._watch_allowed(topic))

    async def _watch_allowed(self, topic: str) -> None:
        version = await self._live.topics.version_for(self.viewer, topic)
        # Many may have been asked for at once, each within the bound when it was.
        is_full = len(self.topics) >= self._live.limits.topics and topic not in self.topics
        if version is None or is_full:
            self.refuse_topic(topic)
        elif not (self.protocol.close_sent or self.protocol.transport.is_closing()):
            self._live.topics.watch(self, topic, version)

    def refuse_topic(self, topic: str) -> None:
        """There is no such topic for this viewer, or no longer."""
        self._send(Error("unknown_topic", topic))

    def _history(self, message: History) -> None:
        limit = min(max(message.limit, 1), self._live.limits.history_rows)
        room, after = self._live.bidding.rooms.get(message.lot), message.after
        hides = room is not None and format_of(room.lot).price_moves(room.lot) == "hidden"
        if room is not None and after is not None and message.before is None and not hides:
            recent = room.recent
            if after >= room.standing.seq or (recent and recent[0][0] <= after + 1):
                rows = [(body, head) for seq, body, head in recent if seq > after][:limit]
                return self._send(history_rows(message.lot, rows))
        if not 0 < message.lot < 2**63:
            return self._error("unknown_lot")
        return self._later(lambda: self._history_unread(message, limit))

    async def _history_unread(self, message: History, limit: int) -> None:
        largest = 2**63 - 1
        async with self._live.pool.acquire() as conn:
            if message.after is not None:
                after = min(max(message.after, 0), largest)
                rows = await store.events(conn, message.lot, after, limit)
            else:
                before = largest if message.before is None else min(max(message.before, 0), largest)
                rows = await store.events_before(conn, message.lot, before, limit)
        self._send(history_rows(message.lot, [(row.body, row.hash) for row in rows]))

    def _later(self, job: Callable[[], Awaitable[None]]) -> None:
        if not self._live.read(lambda: self._attempt(job)):
            self._error("busy")

    async def _attempt(self, job: Callable[[], Awaitable[None]]) -> None:
        """Whoever asks hears something, even if the database is away just now: he may ask again."""
        try:
            await job()
        except store.CONNECTION_LOST:
            self._error("busy")
            raise


def live_endpoint(
    bidding: Bidding,
    hub: Hub,
    node_time: NodeTime,
    recheck: Callable[[Viewer], Awaitable[bool]],
    *,
    origins: frozenset[str] | None = None,
    limits: LiveLimits | None = None,
) -> Live:
    """The live door: `WebSocketRoute("/live", live.endpoint)`, and `live.run(task_group)` in the lifespan. Without
    `origins` the page must come from the host that the socket is opened to.
    """
    return Live(bidding, hub, node_time, recheck, origins, limits)
