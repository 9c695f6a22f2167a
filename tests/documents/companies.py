"""Companies whose systems trade by documents alone: one that fetches EDIFACT, one that takes UBL by webhook."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec import Struct, structs
from standardwebhooks import Webhook

from market.documents import partners, store, ubl
from market.documents.edifact import Envelope, Interchange, write
from market.documents.edifact_reader import read
from market.documents.flaws import Flaw
from market.documents.messages import message_of, record_of
from market.documents.records import Agency, Control, Kind, Party, Record, kind_of
from market.documents.store import Channel, Format
from tests.documents import directory_d96a

if TYPE_CHECKING:
    from httpx2 import Response

    from market.documents.store import Partner
    from tests.door.house_server import Server

_references = itertools.count(100)


class Company(Struct, kw_only=True):
    """A party with a token and a system of its own."""

    server: Server
    id: int
    bearer: dict[str, str]
    party: Party
    format: Format = Format.EDIFACT
    got: list[Record] = []

    def interchange(self, *records: Record, reference: str = "") -> bytes:
        """What its system writes, under a reference of its own."""
        envelope = Envelope(
            sender=self.party.code,
            sender_qualifier="14" if self.party.agency is Agency.GLN else "ZZ",
            recipient="GAVELHOUSE",
            prepared_at=datetime(2026, 11, 22, 8, tzinfo=UTC),
            reference=reference or str(next(_references)),
        )
        messages = tuple(message_of(record, str(n)) for n, record in enumerate(records, start=1))
        return write(Interchange(envelope=envelope, messages=messages))

    async def post(self, body: bytes, path: str = "/edi") -> Response:
        kind = "application/xml" if body.lstrip()[:1] == b"<" else "application/edifact"
        headers = {**self.bearer, "content-type": kind, "accept": "application/json"}
        return await self.server.client.post(path, content=body, headers=headers)

    async def send(self, record: Record) -> Control:
        """Send a document in the company's format; the answer, which is one that the directory finds nothing wrong with."""
        body = ubl.write(record) if self.format is Format.UBL else self.interchange(record)
        answer = await self.post(body)
        assert answer.status_code == 200, answer.text
        return answer_of(answer.content)

    async def says(self, record: Record) -> None:
        answer = await self.send(record)
        assert answer.accepted, answer

    async def fetch(self, kind: Kind) -> Record:
        """The oldest document that waits, which must be of this kind; it is acknowledged at once."""
        waiting = (await self.server.client.get("/api/v1/edi/waiting", headers=self.bearer)).json()
        assert [line["kind"] for line in waiting][:1] == [kind.value], waiting
        answer = await self.server.client.post(f"/api/v1/edi/waiting/{waiting[0]['id']}", headers=self.bearer)
        reading = read(answer.content)
        assert reading.envelope is not None and not reading.flaws
        assert directory_d96a.faults(answer.content) == []
        assert reading.envelope.recipient == self.party.code
        record = record_of(reading.messages[0])
        assert not isinstance(record, Flaw)
        await self.acknowledge(reading.envelope)
        return record

    async def acknowledge(self, envelope: Envelope, *, accepted: bool = True) -> None:
        control = Control(
            number="1",
            issued_at=envelope.prepared_at,
            reference=envelope.reference,
            sender=envelope.sender,
            sender_qualifier="ZZ",
            recipient=self.party.code,
            accepted=accepted,
            code=0 if accepted else 12,
        )
        assert (await self.post(self.interchange(control))).status_code == 204


def answer_of(body: bytes) -> Control:
    """The CONTRL or ApplicationResponse that came back."""
    if body.lstrip()[:1] == b"<":
        record = ubl.read(body)
    else:
        reading = read(body)
        assert not reading.flaws
        record = record_of(reading.messages[0])
    assert isinstance(record, Control), record
    return record


async def company(
    server: Server, *, code: str, agency: Agency, form: Format, url: str = "", phrase: str = "", party_id: int = 0
) -> Company:
    """A party whose system is known to the house; a new one unless it is named."""
    party_id = party_id or await server.party(phrase=phrase or None)
    wish = partners.Wish(
        code=code, agency=agency, format=form, channel=Channel.WEBHOOK if url else Channel.QUEUE, url=url
    )
    async with server.house.pool.acquire() as conn:
        saved = await partners.save(conn, server.house.config, party_id, wish, server.house.node_time.now())
        assert isinstance(saved, store.Partner), saved
        named = (await store.named(conn, [party_id]))[party_id]
    bearer = await server.bearer(party_id)
    return Company(server=server, id=party_id, bearer=bearer, party=named, format=form, got=[])


async def agree(server: Server, one: int, other: int) -> None:
    """Both let messages stand for signatures."""
    async with server.house.pool.acquire() as conn:
        for party_id, other_id in ((one, other), (other, one)):
            assert await partners.consent(conn, party_id, other_id, True, server.house.node_time.now()) is None


class Mailroom:
    """A company's webhook: checks each signature, keeps each document, acknowledges in the answer itself."""

    def __init__(self) -> None:
        self.secret = ""
        self.answers = [503]
        """Statuses to give first, before all is taken."""
        self.ids: list[str] = []
        self.got: asyncio.Queue[Record] = asyncio.Queue()
        self.url = ""

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        pairs = (line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        headers = {name.lower(): value for name, value in pairs}
        body = await reader.readexactly(int(headers["content-length"]))
        sent_at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
        signed = Webhook(self.secret).sign(headers["webhook-id"], sent_at, body.decode())
        assert headers["webhook-signature"] == signed
        status = self.answers.pop(0) if self.answers else 200
        answer = b""
        if status == 200:
            self.ids.append(headers["webhook-id"])
            record = ubl.read(body)
            assert not isinstance(record, Flaw | Control)
            answer = ubl.write(
                Control(
                    number="A",
                    issued_at=record.issued_at,
                    reference=record.number,
                    sender="GAVELHOUSE",
                    sender_qualifier="ZZ",
                    recipient="C",
                    recipient_qualifier="ZZ",
                    accepted=True,
                )
            )
            await self.got.put(record)
        writer.write(
            f"HTTP/1.1 {status} X\r\ncontent-length: {len(answer)}\r\nconnection: close\r\n\r\n".encode() + answer
        )
        await writer.drain()
        writer.close()

    async def next(self, kind: Kind) -> Record:
        async with asyncio.timeout(20):
            record = await self.got.get()
        assert kind_of(record) is kind
        return record

    def known(self, secret: str) -> None:
        self.secret = secret


@asynccontextmanager
async def mailroom() -> AsyncIterator[Mailroom]:
    """A webhook on this machine."""
    room = Mailroom()
    listening = await asyncio.start_server(room._serve, "127.0.0.1", 0)
    room.url = f"http://localhost:{listening.sockets[0].getsockname()[1]}/in"
    async with listening:
        yield room


def changed(partner: Partner, **values: object) -> Partner:
    return structs.replace(partner, **values)
