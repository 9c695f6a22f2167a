"""One node of the house as a process of its own, to be killed: `python -m tests.torture.node SOCKET_FOLDER PORT DATABASE`.

It loads everything, waits for a line on its standard input, and then serves.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import uvloop

from migrations.database import Address, Role, create_pool
from tests.auction.house import serve


async def main(socket_folder: Path, port: int, database: str) -> None:
    pool = await create_pool(Address(socket_folder=socket_folder, database=database), Role.APP)
    async with serve(pool, port=port):
        await asyncio.Event().wait()


if __name__ == "__main__":
    if sys.stdin.readline():
        uvloop.run(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
