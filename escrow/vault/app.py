"""The vault as a program: what it needs, and `serve`, which runs it until a signal or its parent's end stops it."""

from __future__ import annotations

import asyncio
import ctypes
import resource
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
import uvicorn

from escrow.vault import keys, rewrapping, store
from escrow.vault.bank_key import BankKey
from escrow.vault.door import Door
from escrow.vault.letters import Letters
from escrow.vault.operations import operations
from escrow.vault.room import Room, now_ms
from escrow.vault.stretching import Stretcher
from escrow.vault.unlocked import UnlockedWallets
from escrow.vault_facts import VaultRefusal
from migrations.database import Address, Role, create_pool

if TYPE_CHECKING:
    pass

_PR_SET_DUMPABLE = 4
_log = structlog.get_logger("escrow.vault")


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultConfig:
    """Where the vault's database, key file and bank are, and what it shares with the house."""

    address: Address
    secret: str = field(repr=False)
    key_file: Path
    bank_url: str
    judge_passphrase: Callable[[str], VaultRefusal | None]
    """What makes a passphrase too easy is the market's to say."""


@asynccontextmanager
async def running_door(config: VaultConfig) -> AsyncIterator[Door]:
    """The door with its database open. Raises VaultKeyError when the key file does not fit the database."""
    pool = await create_pool(config.address, Role.VAULT, min_size=1, max_size=8)
    stretcher, unlocked = Stretcher(), UnlockedWallets()
    try:
        async with pool.acquire() as conn:
            known = keys.load_or_make(config.key_file, needed=await store.outer_keys(conn))
        room = Room(
            pool=pool,
            keys=known,
            letters=Letters(lambda: room.keys, now_ms),
            stretcher=stretcher,
            unlocked=unlocked,
            judge_passphrase=config.judge_passphrase,
        )
        await rewrapping.rewrap(pool, known)
        watching = asyncio.create_task(rewrapping.watch(room, config.key_file), name="key file")
        try:
            yield Door(operations(room, BankKey(config.bank_url)), config.secret)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
    finally:
        unlocked.close()
        stretcher.close()
        await pool.close()


async def serve(
    config: VaultConfig, listening: socket.socket, until: Callable[[], Awaitable[object]] | None = None
) -> None:
    """Run the vault until SIGTERM or SIGINT, or until `until` returns."""
    shut_away()
    async with running_door(config) as door:
        server = uvicorn.Server(
            uvicorn.Config(
                door,
                http="httptools",
                ws="none",
                lifespan="off",
                interface="asgi3",
                access_log=False,
                log_config=None,
                server_header=False,
                timeout_keep_alive=60,
                timeout_graceful_shutdown=2,
            )
        )
        watching = asyncio.create_task(_leave_after(until, server)) if until else None
        await server.serve(sockets=[listening])
        if watching is not None:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)


def shut_away() -> None:
    """No core file of this process is ever written, and no other process of its user may look into its memory."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


async def _leave_after(until: Callable[[], Awaitable[object]], server: uvicorn.Server) -> None:
    await until()
    server.should_exit = True
