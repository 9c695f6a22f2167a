"""A WebSocket of the simulated world: uvicorn's protocol object on the node's side, a mailbox on the client's.

Frames are late by a drawn time but keep their order. A cut loses what is under way in both directions.
"""

from __future__ import annotations

import asyncio
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any, cast

import msgspec

from auction.hub import HubProtocol
from tests.simulation.virtual_loop import PROCESS

if TYPE_CHECKING:
    from tests.simulation.node import SimulatedNode

_decode = msgspec.json.decode
_encode = msgspec.json.encode


class Cut(Exception):
    """The connection is gone."""


class WireTransport:
    """The node's kernel: what is written is under way to the client."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def is_closing(self) -> bool:
        return self._wire.is_cut

    def write(self, frame: bytes) -> None:
        self._wire.to_client(frame[2:] if frame[1] < 126 else frame[4:])

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        """Frames of a client that has too much in flight wait in the kernel; the simulated clients never do."""

    resume_reading = pause_reading

    def abort(self) -> None:
        self._wire.cut()


class Wire(HubProtocol):
    """One connection between a client and a node: the house's own protocol object, with no bytes beneath it."""

    def __init__(self, node: SimulatedNode, party_id: int | None, delay: int) -> None:
        self.node = node
        self.loop = cast(Any, node.loop)
        self.delay = delay
        self.context: Context = copy_context()
        self.context.run(PROCESS.set, None)
        # What uvicorn's part and the hub's would have made of a handshake.
        self.lots, self.stale, self.owed = set(), set(), set()
        self.own = {}
        self.close_sent = False
        self.writable = asyncio.Event()
        self.party_id = party_id
        self.transport = cast(Any, WireTransport(self))
        # The client's end.
        self.is_cut = False
        self.inbox: list[dict[str, Any]] = []
        self.woken: asyncio.Future[None] | None = None
        self._there = self._here = 0

    # The node's end

    def close(self, code: int, reason: str = "") -> None:
        self.cut()

    def to_client(self, payload: bytes) -> None:
        """A message is under way; it comes after those before it."""
        if not self.is_cut:
            self._here = max(self._here + 1, self.node.loop.microseconds + self._drawn())
            self.node.loop.call_in(
                self._here - self.node.loop.microseconds, self._arrived, payload, context=self.context
            )

    def _received(self, payload: bytes) -> None:
        if self.listener is not None and not self.is_cut:
            self.listener.receive(payload, self.node.node_time.stamp(), True)

    def _lost(self) -> None:
        self._forget_stuck()
        if self.hub is not None:
            self.hub.detach(self)
        if self.listener is not None:
            self.listener.lost()
            self.listener = None

    # The client's end

    def send(self, kind: str, at: int | None = None, **fields: Any) -> None:
        """Send a message; `at` is the virtual microsecond at which it is to enter the node, if that can still be."""
        if self.is_cut:
            raise Cut
        payload = _encode({"type": kind, **fields})
        soonest = max(self._there + 1, self.node.loop.microseconds + self._drawn())
        self._there = soonest if at is None else max(at, self._there + 1, self.node.loop.microseconds)
        self.node.loop.call_in(
            self._there - self.node.loop.microseconds, self._received, payload, context=self.node.context
        )

    async def next(self) -> dict[str, Any]:
        """The next message; raises Cut when there will be none."""
        while not self.inbox:
            if self.is_cut:
                raise Cut
            self.woken = self.node.loop.create_future()
            await self.woken
        return self.inbox.pop(0)

    def _arrived(self, payload: bytes) -> None:
        if not self.is_cut:
            self.inbox.append(_decode(payload))
            self._wake()

    def _wake(self) -> None:
        if self.woken is not None and not self.woken.done():
            self.woken.set_result(None)

    def cut(self) -> None:
        """The connection breaks: the client knows at once, the node a little later."""
        if not self.is_cut:
            self.is_cut = True
            self._wake()
            self.node.loop.call_in(self._drawn(), self._lost, context=self.node.context)

    def _drawn(self) -> int:
        return 50 + self.node.loop.chance.randrange(self.delay)
