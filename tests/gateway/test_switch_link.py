"""The lasting connection alone, on the server's own loop (uvloop), against a switch that breaks it at every message."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import uvloop

from escrow import iso8583
from escrow.gateway.protocol import GatewayError
from escrow.gateway.switch_link import SwitchLink
from escrow.iso8583 import Frames, Message
from tests.gateway.cards import SECRET

KEY = iso8583.key_of(SECRET)
ROUNDS, AT_ONCE = 15, 20
TURNS = 6
"""So many turns of the loop after a connection is gone, whoever asks has met it in every state on its way to being known."""


class BrokenSwitch:
    """Takes everybody in, and then breaks the connection at each message; until it is mended."""

    def __init__(self) -> None:
        self.is_mended = False

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frames = Frames()
        with suppress(OSError, RuntimeError):
            while data := await reader.read(65536):
                for body in frames.feed(data):
                    message = iso8583.decode(body, KEY)
                    if message.mti != iso8583.NETWORK and not self.is_mended:
                        writer.transport.abort()
                        return
                    answer = Message(iso8583.ANSWER_TO[message.mti], {**message.elements, 39: "00"})
                    writer.write(iso8583.frame(iso8583.encode(answer, KEY)))
        writer.close()


async def _ask_often(link: SwitchLink, asker: int) -> list[str]:
    """Whatever is said to one who asks again at once, but for what a gateway may say."""
    said = []
    for n in range(ROUNDS):
        try:
            said.append(repr(await link.ask(Message(iso8583.CAPTURE, {48: f"{asker}-{n}"}))))
        except GatewayError:
            await asyncio.sleep(0)
        except Exception as error:
            said.append(repr(error))
    return said


async def _lasts() -> list[str]:
    switch, said = BrokenSwitch(), []
    server = await asyncio.start_server(switch.converse, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    link = SwitchLink("127.0.0.1", port, SECRET, answer_seconds=5, connect_seconds=5)
    running = asyncio.create_task(link.run())
    said += [
        each for answers in await asyncio.gather(*(_ask_often(link, n) for n in range(AT_ONCE))) for each in answers
    ]
    switch.is_mended = True
    answer = await link.ask(Message(iso8583.CAPTURE, {48: "mended"}))
    said += [f"{answer.text(48)} {answer.text(39)}", "it runs" if not running.done() else "it has ended"]
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    server.close()
    return said


async def test_whatever_breaks_it_the_connection_is_made_again_and_every_question_ends_in_its_own_way() -> None:
    async with asyncio.timeout(60):
        assert await asyncio.to_thread(uvloop.run, _lasts()) == ["mended 00", "it runs"]


async def _answered(link: SwitchLink) -> None:
    """Ask until there is an answer: then the connection is whole."""
    while True:
        with suppress(GatewayError, RuntimeError):
            await link.ask(Message(iso8583.CAPTURE, {48: "again"}))
            return
        await asyncio.sleep(0)


async def _asked_while_it_breaks() -> list[tuple[str, str]]:
    """What each question ended with, and the cause of that, which was asked so many turns after the connection had gone."""
    switch, ended = BrokenSwitch(), list[tuple[str, str]]()
    switch.is_mended = True
    server = await asyncio.start_server(switch.converse, "127.0.0.1", 0)
    link = SwitchLink("127.0.0.1", server.sockets[0].getsockname()[1], SECRET, answer_seconds=5, connect_seconds=5)
    running = asyncio.create_task(link.run())
    for turns in range(TURNS):
        await _answered(link)
        assert link._writer is not None
        link._writer.transport.abort()
        for _ in range(turns):
            await asyncio.sleep(0)
        try:
            await link.ask(Message(iso8583.CAPTURE, {48: f"after {turns}"}))
        except Exception as error:
            ended.append((type(error).__name__, type(error.__cause__).__name__))
    await _answered(link)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    server.close()
    return ended


async def test_who_asks_on_a_connection_that_is_closed_but_not_known_to_be_hears_that_it_is_lost() -> None:
    """uvloop raises RuntimeError there, which nobody above the link knows: it would end the house's task."""
    async with asyncio.timeout(60):
        ended = await asyncio.to_thread(uvloop.run, _asked_while_it_breaks())
    assert ("NoAnswerError", "RuntimeError") in ended
    assert {said for said, _ in ended} <= {"NoAnswerError", "NotSentError"}
