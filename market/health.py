"""`/healthz`: the process answers. `/readyz`: database, migrations and clocks are in order. `/metrics`: for Prometheus."""

from __future__ import annotations

import asyncio

import msgspec
from asyncpg import PostgresError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auction.store import CONNECTION_LOST
from market.house import House, house_of
from market.metrics import CONTENT_TYPE
from migrations.runner import MigrationError, migration_state

PROBE_SECONDS = 2.0
VAULT_SECONDS = 0.2


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """Each part's state: `ok`, or in a few words what is not in order. Bids don't need the vault: without it a house is
    ready all the same, and payments from wallets wait.
    """

    ready: bool
    database: str
    migrations: str
    clocks: str
    vault: str = "unknown"


async def healthz(_request: Request) -> Response:
    """Answers as long as the event loop turns."""
    return Response("ok\n", media_type="text/plain", headers={"Cache-Control": "no-store"})


async def readyz(request: Request) -> Response:
    """200 when the house can take bids, else 503; the body says which part is not in order."""
    readiness = await readiness_of(house_of(request))
    status = 200 if readiness.ready else 503
    headers = {"Cache-Control": "no-store"}
    return Response(msgspec.json.encode(readiness), status, headers, "application/json")


async def readiness_of(house: House) -> Readiness:
    """Asks the database, with a limit of time; what is broken is named, not explained: anyone may read this."""
    try:
        async with asyncio.timeout(PROBE_SECONDS), house.pool.acquire() as conn:
            if not (await migration_state(conn)).in_order:
                return Readiness(ready=False, database="ok", migrations="not in order", clocks="unknown")
            late = await house.late_clocks(conn)
    except MigrationError:
        return Readiness(ready=False, database="ok", migrations="not in order", clocks="unknown")
    except (TimeoutError, PostgresError, *CONNECTION_LOST):
        return Readiness(ready=False, database="unreachable", migrations="unknown", clocks="unknown")
    vault = "ok" if await house.vault.answers(VAULT_SECONDS) else "no answer"
    clocks = "late: " + ", ".join(late) if late else "ok"
    return Readiness(ready=not late, database="ok", migrations="ok", clocks=clocks, vault=vault)


async def metrics(request: Request) -> Response:
    """Counts and times of this node; operators and their scrapers' tokens only."""
    return Response(house_of(request).metrics.page(), headers={"Content-Type": CONTENT_TYPE})


routes = [
    Route("/healthz", healthz, name="healthz"),
    Route("/readyz", readyz, name="readyz"),
    Route("/metrics", metrics, name="metrics"),
]
