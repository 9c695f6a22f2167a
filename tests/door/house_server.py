"""A whole house on a port of its own: real uvicorn, real Postgres, real sockets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import uvicorn

from escrow.certificates import trusted
from market import parties, sessions, tokens
from market.app import build_app
from market.config import Config
from market.house import House
from market.http_protocol import BoundedHttpProtocol
from market.server import server_config
from tests.ports import free_port

if TYPE_CHECKING:
    from migrations.database import Address

PHRASE = "quiet river seven lanterns"


class ImpatientProtocol(BoundedHttpProtocol):
    """The house's own, but a head has half a second, so that no test waits for ten."""

    head_seconds = 0.5


@dataclass
class Server:
    """A running house, and the shortest ways to be somebody in it."""

    house: House
    port: int
    app: Any
    client: httpx2.AsyncClient
    numbers: list[int] = field(default_factory=list)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def party(self, *, operator: bool = False, email: str = "", phrase: str | None = None) -> int:
        """A new member or operator."""
        self.numbers.append(1)
        email = email or f"party{len(self.numbers)}@example.org"
        now = self.house.node_time.now()
        phc = await self.house.passphrases.hash(phrase) if phrase else None
        async with self.house.pool.acquire() as conn:
            party = await parties.register(
                conn, email=email, display_name=f"Party {len(self.numbers)}", language="en", passphrase_phc=phc, now=now
            )
            assert isinstance(party, int)
            if operator:
                await parties.make_operator(conn, party, None, now)
        return party

    async def cookie(self, party_id: int) -> dict[str, str]:
        """Request headers of a browser that is signed in as the party, on a page of the house."""
        async with self.house.pool.acquire() as conn:
            token = await sessions.sign_in(conn, party_id, self.house.node_time.now())
        return {"cookie": f"{sessions.COOKIE}={token}", **self.page}

    async def bearer(self, party_id: int) -> dict[str, str]:
        """Request headers of a program with a token of the party."""
        async with self.house.pool.acquire() as conn:
            token = await tokens.create_token(conn, party_id, "test", self.house.node_time.now())
        return {"authorization": f"Bearer {token}"}

    @property
    def page(self) -> dict[str, str]:
        """What a browser says of itself when a page of the house sends a form."""
        return {"origin": self.origin, "sec-fetch-site": "same-origin", "accept": "text/html"}

    async def raw(self, data: bytes, *, keep: bool = False) -> bytes:
        """Everything that comes back for these bytes, until the server closes (or, with `keep`, until it falls silent)."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(data)
            await writer.drain()
            if keep:
                return await asyncio.wait_for(reader.read(65536), 40)
            return await asyncio.wait_for(reader.read(-1), 40)
        except ConnectionResetError:
            return b""
        finally:
            await hang_up(writer)


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """Close a test's own connection, whatever the server has done to it."""
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def run_server(address: Address, folder: Path, **settings: Any) -> AsyncIterator[Server]:
    """A running house on a fresh database, with further settings; it closes in order when the test is through."""
    port = settings.pop("port", None) or free_port()
    config = Config(
        data_dir=folder,
        port=port,
        secret_key="a key for tests only",
        bank_webhook_secret="whsec_" + "dGVzdHMgb25seSwgbm90aGluZyBzZWNyZXQhIQ==",
        database=address,
        **settings,
    )
    app = build_app(config)
    served = server_config(config, app)
    served.http = ImpatientProtocol
    uvicorn_server = uvicorn.Server(served)
    serving = asyncio.create_task(uvicorn_server._serve())
    while not uvicorn_server.started:
        assert not serving.done(), serving.exception()
        await asyncio.sleep(0.01)
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", verify=trusted(), trust_env=False) as client:
        yield Server(app.state.house, port, app, client)
    uvicorn_server.should_exit = True
    await serving
