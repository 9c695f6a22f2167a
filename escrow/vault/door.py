"""The vault's one door: a POST for each operation, under the MAC of the secret that it shares with the house.

Bodies are bounded, requests are fresh and never asked twice. Nothing of what comes in is ever logged, not even the text
of an error: what failed is named by its kind and its place in the program.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import msgspec
import structlog

from escrow import vault_wire as wire
from escrow.vault.operations import Operation
from escrow.vault.room import now_ms
from escrow.vault.stretching import TooBusy
from escrow.vault_facts import Refused, VaultRefusal

_log = structlog.get_logger("escrow.vault")
_PATH = "/v1/"
MOST_NONCES = 500_000

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Door:
    """An ASGI application without a framework, so that the vault starts quickly and imports little."""

    def __init__(self, operations: Mapping[str, Operation], secret: str) -> None:
        self._operations = operations
        self._secret = secret
        self._nonces: set[str] = set()
        self._ends: deque[tuple[float, str]] = deque()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http", "uvicorn is told to speak nothing else"
        if scope["path"] == "/healthz":
            await _respond(send, 200, b"ok\n", [])
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        body = await _bounded(receive)
        if body is None:
            await _respond(send, 413, b"", [])
            return
        operation = scope["path"].removeprefix(_PATH)
        nonce = headers.get(wire.NONCE, "")
        if scope["method"] != "POST" or not self._is_signed(operation, headers, nonce, body):
            await _respond(send, 401, b"", [])
            return
        status, answer = await self._answer(operation, body)
        mac = wire.mac_of_answer(self._secret, nonce, status, answer)
        await _respond(send, status, answer, [(wire.MAC.encode(), mac.encode())])

    def _is_signed(self, operation: str, headers: Mapping[str, str], nonce: str, body: bytes) -> bool:
        at_ms = headers.get(wire.AT, "")
        expected = wire.mac_of_request(self._secret, operation, at_ms, nonce, body)
        if not wire.is_same(expected, headers.get(wire.MAC, "")) or not nonce:
            return False
        return abs(now_ms() - int(at_ms)) <= wire.FRESH_SECONDS * 1000 and self._is_new(nonce)

    def _is_new(self, nonce: str) -> bool:
        now = time.monotonic()
        while self._ends and self._ends[0][0] < now:
            self._nonces.discard(self._ends.popleft()[1])
        if nonce in self._nonces or len(self._nonces) >= MOST_NONCES:
            return False
        self._nonces.add(nonce)
        self._ends.append((now + 2 * wire.FRESH_SECONDS, nonce))
        return True

    async def _answer(self, name: str, body: bytes) -> tuple[int, bytes]:
        operation = self._operations.get(name)
        if operation is None:
            return 404, msgspec.json.encode(wire.Failed("no such operation"))
        try:
            asked = msgspec.json.decode(body, type=operation.asked)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return 400, msgspec.json.encode(wire.Failed("malformed"))
        try:
            done = await operation.act(asked)
        except TooBusy:
            done = VaultRefusal.BUSY
        except Exception as error:
            _log.error("an operation failed", operation=name, error=type(error).__name__, at=place_of(error))
            return 500, msgspec.json.encode(wire.Failed("the vault has failed; its log says where"))
        if isinstance(done, VaultRefusal):
            done = Refused(done)
        answer = wire.Answer(refused=done) if isinstance(done, Refused) else wire.Answer(done=done)
        return 200, msgspec.json.encode(answer)


def place_of(error: BaseException) -> str:
    """Where an error came up, without its text: `file.py:12 in function`."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "unknown"
    code = trace.tb_frame.f_code
    return f"{code.co_filename.rpartition('/')[2]}:{trace.tb_lineno} in {code.co_name}"


async def _bounded(receive: Receive) -> bytes | None:
    """The whole body; None if it is larger than any request."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > wire.LARGEST_BODY or message["type"] != "http.request":
            return None
        if not message.get("more_body"):
            return bytes(body)


async def _respond(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    plain = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": plain + headers})
    await send({"type": "http.response.body", "body": body})
