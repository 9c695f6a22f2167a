"""The outbox among partners who are slow, full, dead, endless or silent: nobody holds up another, nothing is sent for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from msgspec import Struct, structs

from market.documents import partners, store
from market.documents.folders import Folders
from market.documents.making import Place, make
from market.documents.records import Agency
from market.documents.sending import ANSWER_IN, TRIED_FOR, Outbox
from market.documents.store import Channel, Format
from market.documents.webhooks import Courier, wait_of
from tests.deal.traded import case_of, fall, stage
from tests.documents.samples import RECORDS
from tests.ports import free_port

if TYPE_CHECKING:
    from tests.door.house_server import Server

LATER = timedelta(days=10)
"""The house that runs beside has its own outbox: what is due for these tests is not due for it."""
HOUR = timedelta(hours=1)


class Endpoint:
    """A webhook that does what its path says."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str, bytes]] = []
        self.port = 0
        self.reached = asyncio.Event()

    def url(self, path: str) -> str:
        return f"http://localhost:{self.port}/{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = head.split(" ", 2)[1].strip("/")
        headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        body = await reader.readexactly(int(headers["content-length"]))
        self.got.append((path, headers["webhook-id"], body))
        self.reached.set()
        said = {
            "ok": "200 X\r\ncontent-length: 0",
            "full": "429 X\r\nretry-after: 7200\r\ncontent-length: 0",
            "broken": "500 X\r\ncontent-length: 0",
            "elsewhere": f"307 X\r\nlocation: {self.url('ok')}\r\ncontent-length: 0",
            "endless": "200 X\r\ncontent-length: 1073741824",
            "drip": "200 X\r\ncontent-length: 100",
            "bomb": "200 X\r\ncontent-encoding: gzip\r\ncontent-length: 3",
        }
        with suppress(ConnectionError):
            if path in said:
                writer.write(f"HTTP/1.1 {said[path]}\r\n\r\n".encode())
            if path == "bomb":
                writer.write(b"abc")
            while path == "endless":
                writer.write(bytes(65536))
                await writer.drain()
            await writer.drain()
            if path in ("slow", "drip"):
                await reader.read()
        writer.close()


@asynccontextmanager
async def endpoint() -> AsyncIterator[Endpoint]:
    point = Endpoint()
    listening = await asyncio.start_server(point.serve, "127.0.0.1", 0)
    point.port = listening.sockets[0].getsockname()[1]
    try:
        yield point
    finally:
        listening.close()


class World(Struct, kw_only=True):
    """An outbox with a clock that the test sets, and a deal that documents belong to."""

    server: Server
    at: datetime
    case_id: int
    outbox: Outbox
    courier: Courier
    made: int = 0

    async def partner(self, url: str) -> int:
        party_id, house = await self.server.party(), self.server.house
        channel = Channel.WEBHOOK if url else Channel.QUEUE
        wish = partners.Wish(code=f"W{party_id}", agency=Agency.HOUSE, format=Format.EDIFACT, channel=channel, url=url)
        async with house.pool.acquire() as conn:
            assert isinstance(await partners.save(conn, house.config, party_id, wish, self.at), store.Partner)
        return party_id

    async def documents(self, party_id: int, count: int = 1) -> None:
        house = self.server.house
        async with house.pool.acquire() as conn, conn.transaction():
            for _ in range(count):
                self.made += 1
                step = f"test:{self.case_id}:{self.made}"
                place = Place(step=step, issuer_id=None, recipient_id=party_id, case_id=self.case_id)
                record = structs.replace(RECORDS["orders"], number=f"N{self.made}")  # type: ignore[type-var]
                await make(conn, house.documents.steps.house, record, place, self.at)

    async def send(self) -> int:
        """Everything that is due now; how many tries that was."""
        tries = 0
        while await self.outbox.send_one():
            tries += 1
            self.at += timedelta(milliseconds=1)
        return tries

    async def states(self, party_id: int) -> dict[str, int]:
        query = "select state, count(*) from market.document_delivery where party_id = $1 group by state"
        async with self.server.house.pool.acquire() as conn:
            return {row["state"]: row["count"] for row in await conn.fetch(query, party_id)}

    async def said(self, party_id: int) -> str:
        query = "select said from market.document_delivery where party_id = $1 order by attempts desc limit 1"
        async with self.server.house.pool.acquire() as conn:
            return str(await conn.fetchval(query, party_id))

    async def told(self, party_id: int) -> list[tuple[str, str]]:
        query = "select kind, link from market.notice where party_id = $1 order by id"
        async with self.server.house.pool.acquire() as conn:
            return [(row["kind"], row["link"]) for row in await conn.fetch(query, party_id)]


@pytest.fixture(scope="module")
async def shared(server: Server) -> AsyncIterator[World]:
    house = server.house
    at = house.node_time.now() + LATER
    async with house.pool.acquire() as conn:
        on = await stage(conn, bidders=1, desk=house.escrow, now=at)
        await fall(conn, on, closed_at=at)
        case_id = (await case_of(conn, on)).id
    courier = Courier(may_be_private=True, timeout_seconds=0.5)
    one = World(server=server, at=at, case_id=case_id, outbox=None, courier=courier)  # type: ignore[arg-type]
    one.outbox = Outbox(house.pool, lambda: one.at, courier, Folders(None), house.documents.desk, "k")
    yield one
    await courier.close()


@pytest.fixture
async def world(shared: World) -> AsyncIterator[World]:
    """Nothing of it waits when another test begins."""
    yield shared
    async with shared.server.house.pool.acquire() as conn:
        await conn.execute("update market.document_delivery set state = 'given_up' where state = 'queued'")
        await conn.execute("update market.document_delivery set remind_at = null")


async def test_a_dead_endpoint_with_many_documents_holds_up_nobody_and_is_given_up(world: World) -> None:
    async with endpoint() as point:
        dead, well = await world.partner(f"http://localhost:{free_port()}/in"), await world.partner(point.url("ok"))
        await world.documents(dead, 60)
        await world.documents(well, 3)
        assert await world.send() == 4, "one try for the dead one, who rests; three for the other"
        assert [each[0] for each in point.got] == ["ok"] * 3 and await world.states(well) == {"sent": 3}
        tries, begun = 0, world.at
        while world.at < begun + TRIED_FOR + HOUR:
            world.at += 4 * HOUR
            tries += await world.send()
        assert tries < 20 and await world.states(dead) == {"given_up": 60}
        assert await world.said(dead) == "ConnectError" and await world.told(dead) == [
            ("documents_not_taken", "/partners")
        ]


async def test_one_document_that_a_system_chokes_on_does_not_hold_up_its_others(world: World) -> None:
    async with endpoint() as point:
        party_id = await world.partner(point.url("broken"))
        await world.documents(party_id, 3)
        for _ in range(3):
            assert await world.send() == 1
            world.at += timedelta(seconds=5)
        assert len({each[1] for each in point.got}) == 3, "each has had its turn"
        assert await world.states(party_id) == {"queued": 3} and await world.said(party_id) == "HTTP 500"


async def test_who_asks_to_be_left_alone_is(world: World) -> None:
    async with endpoint() as point:
        party_id = await world.partner(point.url("full"))
        await world.documents(party_id, 2)
        assert await world.send() == 1
        world.at += 2 * HOUR - timedelta(minutes=1)
        assert await world.send() == 0
        world.at += timedelta(minutes=2)
        assert await world.send() == 1 and len(point.got) == 2


@pytest.mark.parametrize(
    ("path", "state", "said"),
    [
        ("elsewhere", "queued", "HTTP 307"),
        ("slow", "queued", "TimeoutError"),
        ("endless", "sent", ""),
        ("drip", "sent", ""),
        ("bomb", "sent", ""),
    ],
)
async def test_an_answer_counts_by_its_status_alone(world: World, path: str, state: str, said: str) -> None:
    async with endpoint() as point:
        party_id = await world.partner(point.url(path))
        await world.documents(party_id)
        assert await world.send() == 1
        assert [each[0] for each in point.got] == [path], "no redirect is followed"
        assert (await world.states(party_id), await world.said(party_id)) == ({state: 1}, said)


async def test_a_slow_partner_is_waited_for_while_the_others_have_theirs(world: World) -> None:
    async with endpoint() as point:
        slow, well = await world.partner(point.url("slow")), await world.partner(point.url("ok"))
        await world.documents(slow, 5)
        house, courier = world.server.house, Courier(may_be_private=True, timeout_seconds=0.5)
        outbox = Outbox(house.pool, lambda: world.at, courier, Folders(None), house.documents.desk, "k")
        running = asyncio.create_task(outbox.run())
        try:
            async with asyncio.timeout(20):
                await point.reached.wait()
                await world.documents(well, 4)
                while (await world.states(well)).get("sent") != 4:
                    world.at += timedelta(milliseconds=1)
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
        assert [each[0] for each in point.got].count("slow") <= 2, "one at a time"


async def test_what_nobody_acknowledges_is_sent_three_times_more_and_then_told(world: World) -> None:
    async with endpoint() as point:
        silent, heard, fetching = [await world.partner(each) for each in (point.url("ok"), point.url("ok"), "")]
        for each in (silent, heard, fetching):
            await world.documents(each)
        async with world.server.house.pool.acquire() as conn:
            query = "select document_id, reference from market.document_delivery join market.document on id = document_id where party_id = $1"
            mine, theirs, fetched = [await conn.fetchrow(query, each) for each in (silent, heard, fetching)]
            await store.delivery_sent(conn, fetched["document_id"], world.at, None)
            assert await world.send() == 2
            acknowledged = store.DeliveryState.ACKNOWLEDGED
            assert await store.delivery_answered(conn, theirs["reference"], heard, acknowledged, world.at, "")
        for again, wait in enumerate(ANSWER_IN[:-1], start=1):
            world.at += wait - timedelta(minutes=1)
            assert await world.outbox.miss_answers() == 0 and await world.send() == 0
            world.at += timedelta(minutes=1)
            assert await world.outbox.miss_answers() == 1 and await world.outbox.miss_answers() == 0
            assert await world.send() == 1 and len(point.got) == 2 + again
        world.at += ANSWER_IN[-1]
        assert await world.told(silent) == [] and await world.outbox.miss_answers() == 1
        assert await world.told(silent) == [("document_unanswered", f"/documents/{mine['document_id']}")]
        world.at += timedelta(days=30)
        assert await world.outbox.miss_answers() == 0 and await world.send() == 0
        ids = [each for each in point.got if each[1] == f"document-{mine['document_id']}"]
        assert len(ids) == 4 and len(set(ids)) == 1, "the same id, the same bytes, the same interchange reference"
        assert [await world.states(each) for each in (silent, heard, fetching)] == [
            {"sent": 1},
            {"acknowledged": 1},
            {"sent": 1},
        ]
        async with world.server.house.pool.acquire() as conn:
            assert await store.send_again(conn, mine["document_id"], silent, world.at), "the button begins anew"
        assert await world.send() == 1
        world.at += HOUR
        assert await world.outbox.miss_answers() == 1


def test_a_wait_is_seconds_or_a_date_and_a_day_at_most() -> None:
    now = datetime.fromisoformat("2026-11-22T08:00:00+00:00")
    cases = {
        "120": 120,
        "0": 0,
        "999999999999": 86_400,
        "Sun, 22 Nov 2026 08:05:00 GMT": 300,
        "Sun, 22 Nov 2020 08:05:00 GMT": 0,
        "soon": None,
        "-5": None,
        "٣": None,
        "": None,
    }
    waits = {said: wait_of({"retry-after": said}, now) for said in cases}
    assert {said: None if wait is None else int(wait.total_seconds()) for said, wait in waits.items()} == cases
