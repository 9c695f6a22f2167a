"""The sandbox bank as a program: its Starlette app, and `serve`, which runs it until a signal ends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware

from escrow.sandbox_bank import accounts, cards
from escrow.sandbox_bank.accounts import BankRefusalError
from escrow.sandbox_bank.answers import guard, on_malformed, on_refusal
from escrow.sandbox_bank.card_doors import CardDoors
from escrow.sandbox_bank.outbox import Outbox
from escrow.sandbox_bank.pages import Doors
from escrow.sandbox_bank.switch import Switch
from migrations.database import Address, Role, create_pool


@dataclass(frozen=True, slots=True, kw_only=True)
class BankConfig:
    """Where the bank's database is, where it listens, and where the house hears its notices (secret: `whsec_…`)."""

    address: Address
    webhook_url: str
    secret: str
    host: str = "127.0.0.1"
    port: int = 8010
    switch_port: int = 0
    """Where the card switch listens for ISO 8583; 0 for the port after the bank's own."""

    @property
    def switch_listens_on(self) -> int:
        return self.switch_port or self.port + 1


@asynccontextmanager
async def running_app(config: BankConfig) -> AsyncIterator[Starlette]:
    """The app with its pool open and its outbox at work."""
    pool = await create_pool(config.address, Role.BANK, min_size=1, max_size=8)
    try:
        async with pool.acquire() as conn:
            await accounts.open_centre(conn, datetime.now(UTC))
            keys = await cards.load_keys(conn, datetime.now(UTC))
            await cards.issue_test_cards(conn, keys, datetime.now(UTC))
        outbox = Outbox(pool, config.webhook_url, config.secret)
        doors = CardDoors(pool, outbox, keys, config.secret).routes()
        switch = await Switch(pool, keys, config.secret).listen(config.host, config.switch_listens_on)
        working = [
            asyncio.create_task(outbox.run(), name="bank outbox"),
            asyncio.create_task(switch, name="bank switch"),
        ]
        try:
            yield Starlette(
                routes=[*Doors(pool, outbox, config.secret).routes(), *doors],
                middleware=[Middleware(BaseHTTPMiddleware, dispatch=guard)],
                exception_handlers={BankRefusalError: on_refusal, msgspec.MsgspecError: on_malformed},
            )
        finally:
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)
    finally:
        await pool.close()


async def serve(config: BankConfig) -> None:
    """Run the bank until SIGTERM or SIGINT."""
    async with running_app(config) as app:
        server = uvicorn.Server(
            uvicorn.Config(app, host=config.host, port=config.port, log_level="warning", access_log=False, ws="none")
        )
        await server.serve()
