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
