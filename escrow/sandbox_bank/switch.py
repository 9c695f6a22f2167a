"""The bank's switch: ISO 8583 over TCP, many messages at once on each connection, and the faults that were switched on.

It knows messages and sockets; what is done about a payment stands in card_book.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from escrow import iso8583
from escrow.iso8583 import Frames, MalformedError, Message
from escrow.sandbox_bank import card_book, faults
from escrow.sandbox_bank.card_book import Decision, Request
from escrow.sandbox_bank.cards import BankKeys
from escrow.sandbox_bank.faults import Fault, FaultKind

if TYPE_CHECKING:
    from migrations.database import Pool

_log = structlog.get_logger("escrow.sandbox_bank")

MOST_CONNECTIONS, MOST_IN_FLIGHT = 64, 256
IDLE_SECONDS = 300.0
MALFUNCTION = "96"
_DIGEST_BYTES, _SIGNATURE_BYTES, _KEY_BYTES = 32, 64, 32
_ECHOED = (3, 4, 7, 11, 12, 13, 37, 41, 42, 48, 49, 70)
_SORTS = {
    iso8583.AUTHORISE: "authorise",
    iso8583.CAPTURE: "capture",
    iso8583.CAPTURE_AGAIN: "capture",
    iso8583.REVERSE: "reverse",
    iso8583.REVERSE_AGAIN: "reverse",
}

Conversation = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Switch:
    """Answers whoever shares the key."""

    def __init__(self, pool: Pool, keys: BankKeys, secret: str) -> None:
        self._pool = pool
        self._keys = keys
        self._key = iso8583.key_of(secret)
        self._connections = 0

    async def listen(self, host: str, port: int) -> Coroutine[None, None, None]:
        """Take the port, and give what answers there until it is cancelled. Raises OSError when it can't be had."""
        waiting: asyncio.Queue[Conversation] = asyncio.Queue(MOST_CONNECTIONS)

        def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if self._connections + waiting.qsize() >= MOST_CONNECTIONS:
                writer.close()
            else:
                waiting.put_nowait((reader, writer))

        server = await asyncio.start_server(begin, host, port)
        return self._run(server, waiting)

    async def _run(self, server: asyncio.Server, waiting: asyncio.Queue[Conversation]) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    reader, writer = await waiting.get()
                    group.create_task(self._converse(reader, writer), name="bank switch")
        finally:
            server.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        frames, places = Frames(), asyncio.Semaphore(MOST_IN_FLIGHT)
        try:
            async with asyncio.TaskGroup() as group:
                while data := await self._read(reader):
                    for body in frames.feed(data):
                        message = iso8583.decode(body, self._key)
                        await places.acquire()
                        task = group.create_task(self._answer(message, writer), name="bank message")
                        task.add_done_callback(lambda _: places.release())
        except* MalformedError as errors:
            _log.warning("a connection of the switch sent no message of ours", error=str(errors.exceptions[0]))
        except* Exception as errors:  # one caller's trouble is not the others'
            _log.error("a connection of the switch failed", error=repr(errors.exceptions[0]))
        finally:
            self._connections -= 1
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> bytes:
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(IDLE_SECONDS):
                return await reader.read(65536)
        return b""

    async def _answer(self, message: Message, writer: asyncio.StreamWriter) -> None:
        sort = _SORTS.get(message.mti)
        fault = await self._fault(sort) if sort else None
        if fault is not None and fault.fault is FaultKind.LOST:
            return
        try:
            answer = await self._done(message, sort, fault)
        except MalformedError as error:
            _log.warning("a message lacks what it needs", message=message.mti, error=str(error))
            answer = _answer_to(message, {39: "30"})
        except Exception as error:  # a killed database ends a call in ways that asyncpg has no one name for
            # Nobody knows what became of it, so nobody is told: the house asks again or reverses.
            _log.error("the bank could not do it", message=message.mti, error=repr(error))
            return
        await self._send(answer, fault, writer)

    async def _fault(self, sort: str) -> Fault | None:
        try:
            async with self._pool.acquire() as conn:
                return await faults.take(conn, sort)
        except Exception:
            return None

    async def _done(self, message: Message, sort: str | None, fault: Fault | None) -> Message:
        if sort is None:
            return _answer_to(message, {39: card_book.OK})
        now = datetime.now(UTC)
        payment_id = message.text(48)
        async with self._pool.acquire() as conn:
            if sort == "authorise":
                decision = await card_book.authorise(conn, self._keys, _request(message), now, fault)
                return _answer_to(message, _decided(decision))
            if sort == "capture":
                code = await card_book.capture(conn, payment_id, int(message.text(4)), now)
            else:
                code = await card_book.reverse(conn, payment_id, now)
        return _answer_to(message, {39: code})

    async def _send(self, answer: Message, fault: Fault | None, writer: asyncio.StreamWriter) -> None:
        kind = fault.fault if fault else None
        if kind is FaultKind.NO_ANSWER:
            return
        if kind is FaultKind.DROP_CONNECTION:
            writer.transport.abort()
            return
        if fault is not None and kind in (FaultKind.SLOW, FaultKind.LATE_ANSWER):
            await asyncio.sleep(fault.delay_ms / 1000)
        body = iso8583.frame(iso8583.encode(answer, self._key))
        if kind is FaultKind.GARBAGE:
            body = iso8583.frame(os.urandom(len(body) - 2))
        with suppress(OSError, RuntimeError):  # uvloop says RuntimeError of a connection that is closed
            writer.write(body * 2 if kind is FaultKind.DUPLICATE_ANSWER else body)
            await writer.drain()


def _request(message: Message) -> Request:
    """What an authorisation asks. Raises MalformedError."""
    currency = iso8583.CURRENCIES.get(message.text(49))
    sealed = message.elements.get(127)
    if currency is None:
        raise MalformedError("element 49 is no currency of the bank")
    fixed = _DIGEST_BYTES + _SIGNATURE_BYTES + _KEY_BYTES
    if not isinstance(sealed, bytes) or len(sealed) <= fixed:
        raise MalformedError("element 127 does not hold a payment")
    return Request(
        payment_id=message.text(48),
        currency=currency,
        amount_minor=int(message.text(4)),
        order_digest=sealed[:_DIGEST_BYTES],
        signature=sealed[_DIGEST_BYTES : _DIGEST_BYTES + _SIGNATURE_BYTES],
        public_key=sealed[_DIGEST_BYTES + _SIGNATURE_BYTES : fixed],
        envelope=sealed[fixed:],
    )


def _decided(decision: Decision) -> dict[int, str]:
    elements = {39: decision.code}
    if decision.approved_minor:
        elements[4] = f"{decision.approved_minor:012d}"
        elements[38] = decision.authorisation_code or ""
    return elements


def _answer_to(message: Message, elements: dict[int, str]) -> Message:
    """The answer repeats what identifies the question."""
    repeated = {number: message.elements[number] for number in _ECHOED if number in message.elements}
    return Message(iso8583.ANSWER_TO.get(message.mti, iso8583.NETWORK_ANSWER), {**repeated, **elements})
