"""A crowd of sockets that watch and bid over the live protocol, as cheap as Python can make them: what it measures is the house.

Every socket watches one lot; bidders bid on it as well, each with a token of its own. Amounts are dealt out in order, one
counter for each lot, so that nearly every bid is legal when it arrives. Knows nothing of how a house is made.
"""

from __future__ import annotations

import asyncio
import random
import ssl
import time
from base64 import b64encode
from collections import deque
from collections.abc import Sequence
from typing import cast
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct
from websockets.frames import Frame, Opcode

from auction.messages import SUBPROTOCOL

CONNECTING_AT_ONCE = 50
CONNECT_SECONDS = 60.0
LAST_ANSWERS_SECONDS = 10.0
SAMPLE = 400_000
"""So many of the latest waits are kept: enough for a percentile, and bounded."""

_STATE = b'{"type":"state"'
_TEXT = Opcode.TEXT
_random = random.Random()


class CrowdError(Exception):
    """The house did not let the crowd in, or stopped answering; the message is a sentence."""


class Target(Struct, frozen=True, kw_only=True):
    """Where the crowd goes: the house's URL, the lots, and the tokens that bidders take in turn."""

    url: str
    lots: tuple[int, ...]
    tokens: tuple[str, ...] = ()


class _Heard(Struct):
    """Whatever of a message the crowd needs to know."""

    type: str
    id: str = ""
    lot: int = 0
    code: str = ""
    lowest_minor: str | None = None
    next_minor: str | None = None
    increment_minor: str = "0"
    you: dict[str, object] | None = None


_hear = msgspec.json.Decoder(_Heard).decode


class _Course(Struct):
    """The amounts of one lot: the next to bid, and the step to the one after."""

    amount: int = 0
    step: int = 1


class Crowd:
    """`await gather(...)`, then `await bid(...)` as often as wanted, then `leave()`."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.clients: list[Client] = []
        self.bidders: list[Client] = []
        self.courses = {lot_id: _Course() for lot_id in target.lots}
        self.frames = 0
        self.accepted = 0
        self.refused: dict[str, int] = {}
        self.waits: deque[float] = deque(maxlen=SAMPLE)
        self.lost = 0
        self.errors = 0
        self.is_closed_loop = False

    async def gather(self, watchers: int, bidders: int) -> None:
        """Open all sockets and subscribe each; returns when the house has answered every one. Raises CrowdError."""
        tokens = self.target.tokens
        if bidders and not tokens:
            raise CrowdError("Bidders need a token each: give --token as often as there are.")
        roles = [None] * watchers + [tokens[index % len(tokens)] for index in range(bidders)]
        first = len(self.clients)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                for start in range(0, len(roles), CONNECTING_AT_ONCE):
                    batch = [
                        self._client(first + start + place, token)
                        for place, token in enumerate(roles[start : start + CONNECTING_AT_ONCE])
                    ]
                    await asyncio.gather(*(client.connect() for client in batch))
        except TimeoutError:
            raise CrowdError(f"Of {len(roles)} sockets {len(self.clients)} were let in within a minute.") from None
        except OSError as error:
            raise CrowdError(f"{self.target.url} can't be reached: {error}.") from error

    async def bid(self, seconds: float, per_second: float | None = None) -> float:
        """Bid for so long: at this rate, or, without one, each bidder again as soon as it is answered. The seconds it took;
        the last bids may still be unanswered.
        """
        self.is_closed_loop = per_second is None
        began = time.perf_counter()
        if per_second is None:
            for bidder in self.bidders:
                if not bidder.sent:
                    bidder.bid()
            await asyncio.sleep(seconds)
        else:
            await self._pace(began, seconds, per_second)
        self.is_closed_loop = False
        return time.perf_counter() - began

    async def _pace(self, began: float, seconds: float, per_second: float) -> None:
        sent, now = 0, began
        while (passed := now - began) < seconds:
            while sent < passed * per_second:
                self.bidders[sent % len(self.bidders)].bid()
                sent += 1
            await asyncio.sleep(0.0005)
            now = time.perf_counter()

    async def last_answers(self) -> None:
        """Wait, but not for ever, until every bid is answered."""
        until = time.perf_counter() + LAST_ANSWERS_SECONDS
        while any(bidder.sent for bidder in self.bidders) and time.perf_counter() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.005)

    def forget(self) -> None:
        """Begin to count anew, as after a run that only warmed everything up."""
        self.frames = self.accepted = 0
        self.refused = {}
        self.waits.clear()

    def leave(self) -> None:
        """Close every socket."""
        for client in self.clients:
            client.close()

    def _client(self, number: int, token: str | None) -> Client:
        client = Client(self, self.target.lots[number % len(self.target.lots)], token)
        self.clients.append(client)
        if token is not None:
            self.bidders.append(client)
        return client


class Client(asyncio.Protocol):
    """One socket of the crowd."""

    def __init__(self, crowd: Crowd, lot_id: int, token: str | None) -> None:
        self.crowd = crowd
        self.lot_id = lot_id
        self.sent: dict[str, float] = {}
        self._token = token
        self._rest = b""
        self._is_open = False
        self._is_leaving = False
        self._subscribed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None

    async def connect(self) -> None:
        """Open and subscribe. Raises OSError or CrowdError."""
        parts = urlsplit(self.crowd.target.url)
        secure = ssl.create_default_context() if parts.scheme == "https" else None
        port = parts.port or (443 if secure else 80)
        await asyncio.get_running_loop().create_connection(lambda: self, parts.hostname or "", port, ssl=secure)
        await self._subscribed

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        parts = urlsplit(self.crowd.target.url)
        who = (
            f"Origin: {parts.scheme}://{parts.netloc}"
            if self._token is None
            else f"Authorization: Bearer {self._token}"
        )
        self._transport.write(
            (
                f"GET {parts.path.rstrip('/')}/live HTTP/1.1\r\nHost: {parts.netloc}\r\n{who}\r\nUpgrade: websocket\r\n"
                f"Connection: Upgrade\r\nSec-WebSocket-Key: {b64encode(_random.randbytes(16)).decode()}\r\n"
                f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n"
            ).encode()
        )

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        if not self._is_open:
            head, end, rest = data.partition(b"\r\n\r\n")
            if not end:
                self._rest = head
                return
            data = rest
            self._upgraded(head)
        self._rest = self._read_frames(data)

    def _upgraded(self, head: bytes) -> None:
        status = head.partition(b"\r\n")[0].decode("ascii", "replace")
        if " 101 " in status:
            self._is_open = True
            self._write(b'{"type":"subscribe","lot":%d}' % self.lot_id)
        else:
            self._refuse(f"The house does not let a socket in: {status[:60]}")

    def _read_frames(self, data: bytes) -> bytes:
        """Follow every whole frame; what is left of one that is still coming."""
        at, size = 0, len(data)
        while size - at >= 2:
            length, body = data[at + 1], at + 2
            if length == 126:
                length, body = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
            elif length == 127:
                length, body = int.from_bytes(data[at + 2 : at + 10], "big"), at + 10
            if size < body + length:
                break
            if data[at] == 0x81:
                if data.startswith(_STATE, body):
                    self.crowd.frames += 1
                else:
                    self._hear(_hear(data[body : body + length]))
            elif data[at] == 0x89 and self._transport is not None:
                self._transport.write(Frame(Opcode.PONG, data[body : body + length]).serialize(mask=True))
            at = body + length
        return data[at:]

    def _hear(self, heard: _Heard) -> None:
        if heard.type in {"accepted", "refused"}:
            self._answered(heard)
        elif heard.type == "subscribed":
            self._shown(heard)
        elif heard.type == "error" and not self._subscribed.done():
            self._refuse(f"The house does not show lot {self.lot_id} ({heard.code})")
        elif heard.type == "error":
            self.crowd.errors += 1

    def _answered(self, heard: _Heard) -> None:
        crowd, sent_at = self.crowd, self.sent.pop(heard.id, None)
        if sent_at is None:
            return
        crowd.waits.append(time.perf_counter() - sent_at)
        if heard.type == "accepted":
            crowd.accepted += 1
        else:
            crowd.refused[heard.code] = crowd.refused.get(heard.code, 0) + 1
            self._catch_up(heard.lowest_minor)
        if crowd.is_closed_loop:
            self.bid()

    def _shown(self, heard: _Heard) -> None:
        self.crowd.courses[self.lot_id].step = max(1, int(heard.increment_minor))
        self._catch_up(heard.next_minor)
        if self._token is not None and not (heard.you or {}).get("admitted"):
            self._refuse(f"The party of a token is not admitted to lot {self.lot_id}: admit it first")
        elif not self._subscribed.done():
            self._subscribed.set_result(None)

    def _catch_up(self, lowest_minor: str | None) -> None:
        course = self.crowd.courses[self.lot_id]
        if lowest_minor is not None and int(lowest_minor) > course.amount:
            course.amount = int(lowest_minor)

    def bid(self) -> None:
        """Send the next amount of the lot."""
        course = self.crowd.courses[self.lot_id]
        # Dashes and all, since the answer names the id as the house writes it.
        number = f"{_random.getrandbits(128):032x}"
        bid_id = f"{number[:8]}-{number[8:12]}-{number[12:16]}-{number[16:20]}-{number[20:]}"
        amount, course.amount = course.amount, course.amount + course.step
        self.sent[bid_id] = time.perf_counter()
        self._write(b'{"type":"bid","id":"%b","lot":%d,"amount":"%d"}' % (bid_id.encode(), self.lot_id, amount))

    def _write(self, payload: bytes) -> None:
        # RFC 6455, 5.3 wants a mask; a mask of zeros is one, and costs nobody the time to take it off.
        length = len(payload)
        head = bytes((0x81, 0x80 | length)) if length < 126 else b"\x81\xfe" + length.to_bytes(2, "big")
        if self._transport is not None:
            self._transport.write(head + b"\0\0\0\0" + payload)

    def _refuse(self, words: str) -> None:
        if not self._subscribed.done():
            self._subscribed.set_exception(CrowdError(f"{words}."))
        self.close()

    def close(self) -> None:
        """End the connection."""
        self._is_leaving = True
        if self._transport is not None:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._subscribed.done():
            self._subscribed.set_exception(CrowdError("The house closed a socket before it had subscribed."))
        if not self._is_leaving:
            self.crowd.lost += 1


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of them lie; nan if there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")
