"""The house of a load test, a process of its own: `python -m market.load.node`, its task as a line of JSON on standard input.

The house's own bidding, hub, live door and uvicorn set-up on a database of its own. Only the bounds for each party and
address are lifted, since the whole load comes from one address; and a token is a secret of this run with the party's number.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import uvloop
from msgspec import Struct
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection
from starlette.routing import WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from auction.bidding import Bidding
from auction.facts import Hammer
from auction.hub import Hub
from auction.limits import Limits
from auction.live import Live, LiveLimits
from auction.live import Viewer as SocketViewer
from auction.node_time import NodeTime
from market.config import Config
from market.server import server_config
from market.serving import HouseServer
from market.viewer import Viewer
from migrations.database import Address, Role, create_pool

if TYPE_CHECKING:
    from migrations.database import Connection

OPEN = Limits(bids_per_second=1e9, burst=1_000_000_000)
ROOMY = LiveLimits(sockets_per_address=100_000, sockets_per_session=100_000, messages_per_second=1_000_000)
READY = b"ready"


class Task(Struct, frozen=True, kw_only=True):
    """Which database, which port, which lots it is about, and what every token begins with."""

    socket_folder: str
    port: int
    lots: tuple[int, ...]
    secret: str


class Known:
    """`Authorization: Bearer SECRET.PARTY` is that party; nobody else is anybody."""

    def __init__(self, app: ASGIApp, secret: str) -> None:
        self._app = app
        self._secret = secret

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            token = HTTPConnection(scope).headers.get("authorization", "").removeprefix("Bearer ")
            secret, _, party = token.partition(".")
            known = secrets.compare_digest(secret, self._secret) and party.isascii() and party.isdigit()
            scope["user"] = Viewer(party_id=int(party)) if known else Viewer()
        await self._app(scope, receive, send)


def token_of(secret: str, party_id: int) -> str:
    """The token under which a party bids here."""
    return f"{secret}.{party_id}"


async def serve(task: Task) -> None:
    """Serve until SIGTERM; says `ready` on standard output once the port answers."""
    pool = await create_pool(Address(socket_folder=Path(task.socket_folder)), Role.APP)
    async with asyncio.TaskGroup() as group:
        node_time, hub = await NodeTime.measured(pool), Hub()
        bidding = Bidding(pool, node_time, hub, _no_hammer, OPEN)
        await bidding.run(group)
        live = Live(bidding, hub, node_time, _good, limits=ROOMY)
        tasks = [*live.run(group), group.create_task(node_time.run(pool))]
        app = Starlette(
            routes=[WebSocketRoute("/live", live.endpoint)], middleware=[Middleware(Known, secret=task.secret)]
        )
        await HouseServer(server_config(Config(port=task.port), app), _say_ready).serve()
        for running in tasks:
            running.cancel()
        await bidding.stop()
    await pool.close()


async def _good(_viewer: SocketViewer) -> bool:
    return True


async def _no_hammer(_conn: Connection, _hammer: Hammer) -> None:
    """No lot of a load test ends while it runs."""


def _say_ready() -> None:
    sys.stdout.buffer.write(READY + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    uvloop.run(serve(msgspec.json.decode(sys.stdin.buffer.readline(), type=Task)))
