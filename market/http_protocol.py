"""The HTTP side of uvicorn with the limits it lacks: how many connections, how long a head, how much time, what is left
over when the answer comes first.

    a connection too many           503, by address and together, before a byte is read
    a head too long or too slow     431, 408
    a body that nobody reads        taken in and thrown away up to a bound after the answer, so that the sender of too
                                    large an upload can read why; then the connection ends
    bytes that lead nowhere         trailers, chunk extensions or blank lines without end: the connection ends

The body's own limits are the door's (`market.door`), since they differ by route.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import Any
from weakref import WeakKeyDictionary

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from auction.limits import address_key
from market.open_files import most_connections

HEAD_BYTES = 16 * 1024
HEAD_SECONDS = 10.0
DRAIN_BYTES = 32 * 1024 * 1024
DRAIN_SECONDS = 10.0
CONNECTIONS_PER_ADDRESS = 1_000
BEGAN_AT = "began_at"
"""Under this name a request's state holds the monotonic second of its first byte."""

_by_address: WeakKeyDictionary[ServerState, Counter[str]] = WeakKeyDictionary()


class HeadTooLarge(Exception):
    """The request line and header fields are more than HEAD_BYTES."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """One connection until it closes or becomes a WebSocket, whose bounds are then its own."""

    head_seconds = HEAD_SECONDS
    drain_seconds = DRAIN_SECONDS
    per_address = CONNECTIONS_PER_ADDRESS

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._head_bytes = 0
        self._chunk_bytes = 0
        self._in_head = True
        self._is_too_large = False
        self._head_timer: asyncio.TimerHandle | None = None
        self._is_received = True
        self._is_upgraded = False
        self._stalled_bytes = 0
        self._has_moved = False
        self._drain_left = 0
        self._drain_timer: asyncio.TimerHandle | None = None
        self._ends_after_drain = False
        self._address: str | None = None

    # The connection's life

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the parent
        super().connection_made(transport)
        if self._is_one_too_many():
            self._refuse(503, "Service Unavailable", "retry-after: 10\r\n")
        else:
            self._start_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_head_timer()
        self._stop_drain()
        self._leave_count()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self) -> None:
        self._is_upgraded = True
        self._leave_count()
        super().handle_websocket_upgrade()

    def _is_one_too_many(self) -> bool:
        address = self.client[0] if self.client else ""
        counts = _by_address.setdefault(self.server_state, Counter())
        # A proxy that we trust stands for all its visitors; it bounds them itself.
        trusted = self.config.proxy_headers and address in (self.config.forwarded_allow_ips or ())
        if address and not trusted:
            self._address = address_key(address)
            counts[self._address] += 1
            if counts[self._address] > self.per_address:
                return True
        return len(self.connections) > most_connections()

    def _leave_count(self) -> None:
        address, self._address = self._address, None
        if address is not None:
            counts = _by_address[self.server_state]
            counts[address] -= 1
            if not counts[address]:
                del counts[address]

    # In

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self._chunk_bytes = len(data)
        in_body = not self._in_head and not self._is_received
        self._has_moved = False
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        # The parser keeps an unfinished field itself, so its callbacks alone would not see an endless one.
        if self._in_head and self._head_bytes > HEAD_BYTES:
            self._refuse(431, "Request Header Fields Too Large")
        elif in_body:
            self._watch_body(len(data))
        elif self._is_idle() and self._head_timer is None and self.timeout_keep_alive_task is None:
            # Blank lines before a request end the wait for it without beginning it.
            self._start_head_timer()

    def _watch_body(self, read: int) -> None:
        self._stalled_bytes = 0 if self._has_moved else self._stalled_bytes + read
        if self._drain_timer is not None:
            self._drain_left -= read
        if self._stalled_bytes > HEAD_BYTES or self._drain_left < 0:
            self.transport.abort()

    def _is_idle(self) -> bool:
        return not self._is_upgraded and self._is_received and (self.cycle is None or self.cycle.response_complete)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"][BEGAN_AT] = time.monotonic()
        self._in_head = True
        self._is_received = False
        self._stalled_bytes = 0
        # Where in the chunk the head begins is not told, so all of the chunk counts; only who sends requests without
        # waiting for answers is ever counted too much.
        self._head_bytes = self._chunk_bytes
        if self._head_timer is None:
            self._start_head_timer()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._stop_head_timer()
        fields = sum(len(name) + len(value) + 4 for name, value in self.headers)
        if len(self.url) + fields > HEAD_BYTES:
            self._is_too_large = True
            raise HeadTooLarge
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not before:
            self.cycle.transport = LingeringTransport(self)  # type: ignore[assignment]

    def on_body(self, body: bytes) -> None:
        self._has_moved = True
        super().on_body(body)

    def on_chunk_header(self) -> None:
        """A chunk of the body begins."""
        self._has_moved = True

    def on_message_complete(self) -> None:
        super().on_message_complete()
        # The next head may begin at any time; it is timed from its first byte, silence until then by the keep-alive.
        self._head_bytes = 0
        self._is_received = True
        if self._drain_timer is not None:
            self._stop_drain()
            if self._ends_after_drain:
                self.transport.close()
            else:
                self._wait_for_next()

    # Out

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self._in_head and not self._is_received and self.cycle.response_complete:
            self._drain()

    def end(self) -> None:
        """Close after the answer; while the request is still on its way, only our half at first. Closing both would send
        a reset, which takes the answer from a client that has not read it yet.
        """
        if self._is_received or self.transport.is_closing():
            self.transport.close()
            return
        self._ends_after_drain = True
        self.transport.write_eof()
        self._drain()

    def _drain(self) -> None:
        if self._drain_timer is None and not self.transport.is_closing():
            self._drain_left = DRAIN_BYTES
            self._drain_timer = self.loop.call_later(self.drain_seconds, self.transport.abort)

    def _stop_drain(self) -> None:
        if self._drain_timer is not None:
            self._drain_timer.cancel()
            self._drain_timer = None
            self._drain_left = 0

    def _wait_for_next(self) -> None:
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    # Refusals

    def send_400_response(self, msg: str) -> None:
        if self._is_too_large:
            self._refuse(431, "Request Header Fields Too Large")
        else:
            super().send_400_response(msg)

    def _start_head_timer(self) -> None:
        self._head_timer = self.loop.call_later(self.head_seconds, self._head_took_too_long)

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_took_too_long(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self._refuse(408, "Request Timeout")

    def _refuse(self, status: int, phrase: str, more: str = "") -> None:
        self._stop_head_timer()
        head = f"HTTP/1.1 {status} {phrase}\r\nconnection: close\r\n{more}content-length: 0\r\n\r\n"
        self.transport.write(head.encode("ascii"))
        self.transport.close()


class LingeringTransport:
    """What an answer is written to: the connection, whose end may have to wait for the rest of the request."""

    __slots__ = ("_protocol",)

    def __init__(self, protocol: BoundedHttpProtocol) -> None:
        self._protocol = protocol

    def write(self, data: bytes) -> None:
        self._protocol.transport.write(data)

    def is_closing(self) -> bool:
        return self._protocol.transport.is_closing()

    def close(self) -> None:
        self._protocol.end()
