"""One lasting connection to a switch that speaks ISO 8583: many questions in flight, each answer matched by its trace number.

The connection is made when it is first needed and again whenever it is lost; an idle one is kept alive by echoes. Knows
messages, no payments.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime

import structlog

from escrow import iso8583
from escrow.gateway.protocol import NoAnswerError, NotSentError
from escrow.iso8583 import Frames, MalformedError, Message

_log = structlog.get_logger("escrow.gateway")

ECHO_SECONDS = 30.0
SILENT_SECONDS = 75.0
SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.05, 10.0
MOST_IN_FLIGHT = 500
LAST_TRACE = 999_999
LINE_LOST = (OSError, RuntimeError)
"""uvloop says RuntimeError of a connection that is closed already."""


class SwitchLink:
    """Ask through `ask`; `run` must run meanwhile, in the caller's task group."""

    def __init__(
        self, host: str, port: int, secret: str, *, answer_seconds: float = 3.0, connect_seconds: float = 1.0
    ) -> None:
        self._host, self._port = host, port
        self._key = iso8583.key_of(secret)
        self._answer_seconds, self._connect_seconds = answer_seconds, connect_seconds
        self._trace = 0
        self._in_flight: dict[str, tuple[Message, asyncio.Future[Message]]] = {}
        self._places = asyncio.Semaphore(MOST_IN_FLIGHT)
        self._wanted = asyncio.Event()
        self._pause = 0.0
        self._connected = asyncio.Event()
        self._writer: asyncio.StreamWriter | None = None
        self.strays = 0
        """Answers that nobody awaited: late ones, and doubles."""

    async def ready(self) -> None:
        """Wait until there is a connection. Raises NotSentError when there is none in time."""
        self._wanted.set()
        try:
            async with asyncio.timeout(self._connect_seconds):
                await self._connected.wait()
        except TimeoutError:
            raise NotSentError(f"no connection to the switch at {self._host}:{self._port}") from None

    async def ask(self, question: Message) -> Message:
        """The answer to a question, which is given its trace number here. Raises NotSentError and NoAnswerError."""
        async with self._places:
            await self.ready()
            return await self._ask(question)

    async def _ask(self, question: Message) -> Message:
        trace = self._next_trace()
        numbered = Message(question.mti, {**question.elements, 11: trace})
        body = iso8583.frame(iso8583.encode(numbered, self._key))
        writer = self._writer
        if writer is None:
            raise NotSentError("the connection to the switch was lost")
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._in_flight[trace] = (numbered, answer)
        try:
            async with asyncio.timeout(self._answer_seconds):
                writer.write(body)
                await writer.drain()
                return await answer
        except TimeoutError:
            raise NoAnswerError(f"no answer to {numbered.mti} within {self._answer_seconds} s") from None
        except LINE_LOST as error:
            raise NoAnswerError(f"the connection was lost: {type(error).__name__}") from error
        finally:
            self._in_flight.pop(trace, None)

    async def run(self) -> None:
        """Keep the connection once it was wanted. Ends by being cancelled."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                await self._converse()
            except (*LINE_LOST, TimeoutError, MalformedError) as error:
                tell = _log.debug if self._pause else _log.warning
                tell("the connection to the bank's switch was lost or not made", error=repr(error))
            finally:
                self._lost()
            await asyncio.sleep(SHORTEST_PAUSE_SECONDS)
            # Whoever needs the switch now does not wait for the next try; an idle house tries ever more seldom.
            self._pause = min(self._pause * 2 or SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause):
                    await self._wanted.wait()
            self._wanted.set()

    async def _converse(self) -> None:
        async with asyncio.timeout(self._connect_seconds):
            reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            self._send(writer, iso8583.SIGN_ON)
            frames, is_signed_on, silent = Frames(), False, 0.0
            while True:
                try:
                    async with asyncio.timeout(ECHO_SECONDS if is_signed_on else self._connect_seconds):
                        data = await reader.read(65536)
                except TimeoutError:
                    silent += ECHO_SECONDS
                    if not is_signed_on or silent >= SILENT_SECONDS:
                        raise
                    self._send(writer, iso8583.ECHO)
                    continue
                if not data:
                    raise ConnectionResetError("the switch has closed the connection")
                silent = 0.0
                for body in frames.feed(data):
                    self._take(iso8583.decode(body, self._key))
                if not is_signed_on:
                    is_signed_on, self._writer, self._pause = True, writer, 0.0
                    self._connected.set()
        finally:
            writer.close()

    def _send(self, writer: asyncio.StreamWriter, code: str) -> None:
        elements: dict[int, str | bytes] = {7: f"{datetime.now(UTC):%m%d%H%M%S}", 11: self._next_trace(), 70: code}
        writer.write(iso8583.frame(iso8583.encode(Message(iso8583.NETWORK, elements), self._key)))

    def _take(self, answer: Message) -> None:
        """Give an answer to whoever awaits it: same trace number, same payment, the right type."""
        if answer.mti == iso8583.NETWORK_ANSWER:
            return
        question, awaited = self._in_flight.get(str(answer.elements.get(11)), (None, None))
        fits = (
            question is not None
            and answer.mti == iso8583.ANSWER_TO[question.mti]
            and answer.elements.get(48) == question.elements.get(48)
        )
        if not fits or awaited is None or awaited.done():
            self.strays += 1
            return
        awaited.set_result(answer)

    def _lost(self) -> None:
        self._writer = None
        self._connected.clear()
        for _, awaited in self._in_flight.values():
            if not awaited.done():
                awaited.set_exception(ConnectionResetError("the connection to the switch was lost"))
                with suppress(Exception):
                    awaited.exception()  # whoever gave up waiting does not fetch it

    def _next_trace(self) -> str:
        self._trace = self._trace % LAST_TRACE + 1
        return f"{self._trace:06d}"
