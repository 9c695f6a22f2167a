"""The usual way behind sockets: Starlette, one transaction a bid, and with `--broadcast` one `send_json` to each watcher a bid.

Run by `market.load.throwaway` in place of the house's own node; speaks the same messages.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import msgspec
import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from auction.facts import Bid
from auction.messages import SUBPROTOCOL, told
from auction.public import public_state
from benchmarks.naive import TransactionPerBid
from market.load.node import Task
from market.load.throwaway import STEP_MINOR
from migrations.database import Address


class NaiveNode:
    """Everybody who is connected, by lot."""

    def __init__(self, book: TransactionPerBid, is_broadcasting: bool) -> None:
        self._book = book
        self._is_broadcasting = is_broadcasting
        self._watchers: dict[int, set[WebSocket]] = {}

    async def endpoint(self, websocket: WebSocket) -> None:
        party = websocket.headers.get("authorization", "").rpartition(".")[2]
        await websocket.accept(SUBPROTOCOL)
        with suppress(WebSocketDisconnect, RuntimeError):
            while True:
                message = await websocket.receive_json()
                if message["type"] == "subscribe":
                    self._watchers.setdefault(message["lot"], set()).add(websocket)
                    state = {**self._state(message["lot"]), "type": "subscribed", "you": {"admitted": True}}
                    await websocket.send_json(state)
                else:
                    await self._bid(websocket, message, int(party))
        for watchers in self._watchers.values():
            watchers.discard(websocket)

    async def _bid(self, websocket: WebSocket, message: dict[str, str], party_id: int) -> None:
        bid = Bid(
            lot_id=int(message["lot"]),
            party_id=party_id,
            client_bid_id=UUID(message["id"]),
            amount_minor=int(message["amount"]),
            is_maximum=False,
            stamped_at=datetime.now(UTC),
        )
        answer = await self._book.bid(bid)
        await websocket.send_json(msgspec.to_builtins(told(answer)))
        if self._is_broadcasting:
            state = self._state(bid.lot_id)
            for watcher in tuple(self._watchers[bid.lot_id]):
                with suppress(WebSocketDisconnect, RuntimeError):
                    await watcher.send_json(state)

    def _state(self, lot_id: int) -> dict[str, object]:
        room = self._book.rooms[lot_id]
        state: dict[str, object] = msgspec.to_builtins(
            public_state(room.lot, room.standing, room.paddles, 1, datetime.now(UTC))
        )
        return state


async def serve(task: Task, is_broadcasting: bool) -> None:
    book = await TransactionPerBid.opened(Address(socket_folder=Path(task.socket_folder)), task.lots, STEP_MINOR)
    node = NaiveNode(book, is_broadcasting)
    config = uvicorn.Config(
        Starlette(routes=[WebSocketRoute("/live", node.endpoint)]),
        port=task.port,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        log_config=None,
        access_log=False,
        lifespan="off",
    )
    # A thousand bids may wait for a connection: it leaves them, and whoever waits for them, behind.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, os._exit, 0)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve())
    while not server.started:  # noqa: ASYNC110  # uvicorn tells it in no other way
        await asyncio.sleep(0.01)
    print("ready", flush=True)
    await serving


if __name__ == "__main__":
    uvloop.run(serve(msgspec.json.decode(sys.stdin.buffer.readline(), type=Task), "--broadcast" in sys.argv))
