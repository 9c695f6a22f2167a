"""The house that `benchmarks.flood` attacks, with the bounds that a house has: `python -m benchmarks.flood_node`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import msgspec
import uvloop
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import WebSocketRoute

from auction.bidding import Bidding
from auction.hub import Hub
from auction.live import Live
from auction.node_time import NodeTime
from market import open_files
from market.config import Config
from market.load.node import Known, Task, _good, _no_hammer, _say_ready
from market.server import server_config
from market.serving import HouseServer
from migrations.database import Address, Role, create_pool


async def serve(task: Task) -> None:
    """Serve until SIGTERM."""
    open_files.raise_limit()
    pool = await create_pool(Address(socket_folder=Path(task.socket_folder)), Role.APP)
    async with asyncio.TaskGroup() as group:
        node_time, hub = await NodeTime.measured(pool), Hub()
        bidding = Bidding(pool, node_time, hub, _no_hammer)
        await bidding.run(group)
        live = Live(bidding, hub, node_time, _good)
        tasks = [*live.run(group), group.create_task(node_time.run(pool))]
        app = Starlette(
            routes=[WebSocketRoute("/live", live.endpoint)], middleware=[Middleware(Known, secret=task.secret)]
        )
        await HouseServer(server_config(Config(port=task.port), app), _say_ready).serve()
        for running in tasks:
            running.cancel()
        await bidding.stop()
    await pool.close()


if __name__ == "__main__":
    uvloop.run(serve(msgspec.json.decode(sys.stdin.buffer.readline(), type=Task)))
