"""A small auction house for tests: the real parts on a real database and a real port, with sign-in by a header.

async with open_node(pool) as node:                 bidding alone
async with serve(pool, ...) as house:               the same behind uvicorn
async with house.connect(party_id) as client:       a WebSocket client of the live protocol
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID, uuid4

import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from websockets.asyncio.client import ClientConnection, connect

from auction import desk, store
from auction.batch import Answer
from auction.bidding import Bidding
from auction.facts import Bid, EnglishRule, Hammer, Lot, StepBand
from auction.hub import Hub, HubProtocol
from auction.limits import Limits
from auction.live import Live, LiveLimits, Viewer, live_endpoint
from auction.messages import SUBPROTOCOL
from auction.node_time import NodeTime
from auction.routes import bid_routes
from tests.ports import free_port

if TYPE_CHECKING:
    from migrations.database import Connection, Pool

SELLER, ANN, BOB, CAT = 1, 11, 12, 13
FAST = Limits(bids_per_second=1e6, burst=1_000_000)
ROOMY = LiveLimits(sockets_per_address=10_000, messages_per_second=10_000)


@dataclass
class TestViewer:
    """Whoever the header names."""

    party_id: int | None
    session_id: str | None


@dataclass
class Hammers:
    """An `on_hammer` that writes into the database in the same transaction, and fails as often as told."""

    failures: int = 0
    calls: list[Hammer] = field(default_factory=list)

    async def __call__(self, conn: Connection, hammer: Hammer) -> None:
        self.calls.append(hammer)
        if self.failures:
            self.failures -= 1
            raise RuntimeError("the trading centre failed")


@dataclass
class Node:
    """One node's bidding."""

    bidding: Bidding
    node_time: NodeTime
    hub: Hub
    pool: Pool
    hammers: Hammers

    async def bid(self, lot_id: int, party_id: int, amount: int, **changes: Any) -> Answer:
        return await self.bidding.submit(self.a_bid(lot_id, party_id, amount, **changes))

    def a_bid(self, lot_id: int, party_id: int, amount: int, **changes: Any) -> Bid:
        fields: dict[str, Any] = {
            "lot_id": lot_id,
            "party_id": party_id,
            "client_bid_id": uuid4(),
            "amount_minor": amount,
            "is_maximum": False,
            "stamped_at": self.node_time.now(),
        }
        return Bid(**{**fields, **changes})


@asynccontextmanager
async def open_node(
    pool: Pool, hammers: Hammers | None = None, limits: Limits = FAST, group: asyncio.TaskGroup | None = None
) -> AsyncIterator[Node]:
    """Bidding without a door."""
    async with asyncio.TaskGroup() as own:
        node_time, hub, hammers = await NodeTime.measured(pool), Hub(), hammers or Hammers()
        bidding = Bidding(pool, node_time, hub, hammers, limits)
        await bidding.run(group or own)
        try:
            yield Node(bidding, node_time, hub, pool, hammers)
        finally:
            await bidding.stop()


class SignIn:
    """Middleware: the header `x-party` says who is there."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope.get("headers", ()))
        party = headers.get(b"x-party")
        scope["user"] = TestViewer(None if party is None else int(party), None if party is None else f"s{int(party)}")
        await self.app(scope, receive, send)


@dataclass
class House:
    """A served node."""

    node: Node
    live: Live
    port: int
    server: uvicorn.Server
    valid: set[int | None] = field(default_factory=set)
    signed_out: set[int | None] = field(default_factory=set)

    @property
    def bidding(self) -> Bidding:
        return self.node.bidding

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connect(self, party_id: int | None = None, **options: Any) -> Client:
        return Client(self.port, party_id, options)


class Client:
    """One tab: sends messages, and waits for the ones it names while it keeps the others."""

    def __init__(self, port: int, party_id: int | None, options: dict[str, Any] | None = None) -> None:
        self._port = port
        self._party_id = party_id
        self._options = options or {}
        self.kept: list[dict[str, Any]] = []
        self.socket: ClientConnection

    async def __aenter__(self) -> Self:
        headers = {} if self._party_id is None else {"x-party": str(self._party_id)}
        fields: dict[str, Any] = {
            "subprotocols": [SUBPROTOCOL],
            "additional_headers": headers,
            "origin": f"http://127.0.0.1:{self._port}",
            "compression": None,
            "proxy": None,
        }
        self.socket = await connect(f"ws://127.0.0.1:{self._port}/live", **{**fields, **self._options})
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.socket.close()

    async def send(self, kind: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": kind, **fields}, default=str))

    async def next(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(await asyncio.wait_for(self.socket.recv(), 40))
        return message

    async def until(self, kind: str, **wanted: Any) -> dict[str, Any]:
        """The next message of this kind whose fields are so; those before it are kept in `kept`."""
        for index, message in enumerate(self.kept):
            if message["type"] == kind and all(message.get(name) == value for name, value in wanted.items()):
                return self.kept.pop(index)
        while True:
            message = await self.next()
            if message["type"] == kind and all(message.get(name) == value for name, value in wanted.items()):
                return message
            self.kept.append(message)

    async def subscribe(self, lot_id: int, **fields: Any) -> dict[str, Any]:
        await self.send("subscribe", lot=lot_id, **fields)
        return await self.until("subscribed", lot=lot_id)

    async def bid(self, lot_id: int, amount: int, bid_id: UUID | None = None, **fields: Any) -> dict[str, Any]:
        bid_id = bid_id or uuid4()
        await self.send("bid", id=bid_id, lot=lot_id, **({"amount": str(amount)} | fields))
        return await self.answer(bid_id)

    async def answer(self, bid_id: UUID) -> dict[str, Any]:
        """The answer to a bid, whichever it is."""
        while True:
            for index, message in enumerate(self.kept):
                if message.get("id") == str(bid_id):
                    return self.kept.pop(index)
            self.kept.append(await self.next())

    async def log(self, lot_id: int) -> list[dict[str, Any]]:
        """The whole public log, page by page, by history alone."""
        rows: list[dict[str, Any]] = []
        while True:
            await self.send("history", lot=lot_id, after=len(rows), limit=200)
            page = (await self.until("history", lot=lot_id))["rows"]
            if not page:
                return rows
            rows += page


@asynccontextmanager
async def serve(
    pool: Pool,
    hammers: Hammers | None = None,
    limits: Limits = FAST,
    live_limits: LiveLimits = ROOMY,
    port: int | None = None,
) -> AsyncIterator[House]:
    """A node behind uvicorn on a real port."""
    async with asyncio.TaskGroup() as group, open_node(pool, hammers, limits, group) as node:
        signed_out: set[int | None] = set()

        async def recheck(viewer: Viewer) -> bool:
            return viewer.party_id not in signed_out

        live = live_endpoint(node.bidding, node.hub, node.node_time, recheck, limits=live_limits)
        tasks = live.run(group)
        app = Starlette(routes=[WebSocketRoute("/live", live.endpoint), *bid_routes(node.bidding, node.node_time)])
        port = port or free_port()
        server = Server(server_config(SignIn(app), port))
        serving = group.create_task(server.serve())
        await server.is_up.wait()
        try:
            yield House(node, live, port, server, signed_out=signed_out)
        finally:
            server.should_exit = True
            await serving
            for task in tasks:
                task.cancel()


class Server(uvicorn.Server):
    """uvicorn's, which says when it listens and leaves the signals to pytest."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()

    def capture_signals(self) -> AbstractContextManager[None]:
        return nullcontext()


def server_config(app: ASGIApp, port: int) -> uvicorn.Config:
    """As the house sets uvicorn up."""
    return uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        ws=HubProtocol,
        ws_max_size=16 * 1024,
        ws_per_message_deflate=False,
        lifespan="off",
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=2,
    )


def a_lot(lot_id: int = 1, *, starts_at: datetime | None = None, seconds: float = 3600, **changes: Any) -> Lot:
    """A lot of 10 000 CNY, steps of 100.00, already open, ending `seconds` after now unless told otherwise."""
    starts_at = starts_at or datetime.now(UTC) - timedelta(seconds=60)
    rule: dict[str, Any] = {
        "start_price_minor": 1_000_000,
        "steps": (StepBand(increment_minor=10_000),),
        "timed_seconds": None,
        "extension_seconds": 3660,
    }
    rule |= {key: changes.pop(key) for key in list(changes) if key in EnglishRule.__struct_fields__}
    fields: dict[str, Any] = {
        "id": lot_id,
        "seller_id": SELLER,
        "currency": "CNY",
        "currency_exponent": 2,
        "rule": EnglishRule(**rule),
        "starts_at": starts_at,
    }
    return Lot(**{**fields, **changes})


async def open_lot(pool: Pool, lot: Lot, *parties: int) -> dict[int, int]:
    """Open a lot and admit the parties; their paddles."""
    async with pool.acquire() as conn, conn.transaction():
        now = await store.database_time(conn)
        await desk.open_lot(conn, lot, now)
        return {party: await desk.admit(conn, lot_id=lot.id, party_id=party, now=now) for party in parties}


def ends_in(seconds: float) -> dict[str, Any]:
    """Fields of a lot whose only phase (a delayed one of a minute) ends so many seconds from now."""
    return {"starts_at": datetime.now(UTC) - timedelta(seconds=60 - seconds), "extension_seconds": 60}


async def until(is_so: Callable[[], Awaitable[bool]], seconds: float = 60) -> None:
    """Wait until something is so; an error if it takes too long."""
    async with asyncio.timeout(seconds):
        while not await is_so():  # noqa: ASYNC110  # it is another process, or time itself, that is waited for
            await asyncio.sleep(0.02)


async def log_of(pool: Pool, lot_id: int) -> list[store.LogRow]:
    """The whole log as the database has it."""
    async with pool.acquire() as conn:
        return await store.events(conn, lot_id, 0, 1_000_000)


async def cut_connections(pool: Pool) -> None:
    """End every other connection of this database's server role, as a failing network would."""
    await pool.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where usename = current_user and datname = current_database() and pid <> pg_backend_pid()"
    )
