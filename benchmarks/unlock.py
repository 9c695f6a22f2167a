"""What bidders notice while fifty wallets are unlocked at once: p99 of a bid's answer, quiet and unlocking by turns, in one run.

`python -m benchmarks.unlock [--json]`. A house with its vault as real processes; two bidders a lot take turns over HTTP. Each
unlock is a passphrase stretched by Argon2id in the vault, which is why the server's loop does not feel it; what is left
is the machine that both share. Goal: p99 changes by at most 20 %.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import httpx2

from auction import desk as auction_desk
from benchmarks.report import arguments, percentile, tell
from market import tokens
from migrations.database import Role, create_pool
from migrations.embedded_postgres import EmbeddedPostgres
from tests.checkout.cash_desk import PASSPHRASE, Program
from tests.running_house import running_house
from tests.sell.stall import WHOLE, changed, on_show, party

if TYPE_CHECKING:
    from migrations.database import Connection, Pool
    from tests.running_house import RunningHouse

WALLETS, LOTS, ROUNDS, PAUSE_SECONDS = 50, 8, 4, 0.02
SPREAD_SECONDS = 2.0
"""Fifty people press within so long."""
GOAL = 0.2
STEP_MINOR, START_MINOR = 10_000, 1_000_000
HOUR = timedelta(hours=1)


async def a_program(conn: Connection, client: httpx2.AsyncClient) -> Program:
    """A member with a token."""
    somebody = await party(conn, now=datetime.now(UTC))
    token = await tokens.create_token(conn, somebody, "bench", datetime.now(UTC))
    return Program(client, somebody, {"authorization": f"Bearer {token}"})


async def open_lots(pool: Pool, client: httpx2.AsyncClient) -> list[tuple[int, Program, Program]]:
    """Lots whose bidding has begun, with two bidders each."""
    lots = []
    began = datetime.now(UTC) - HOUR
    async with pool.acquire() as conn, conn.transaction():
        seller, operator = await party(conn), await party(conn, operator=True)
        for _ in range(LOTS):
            content = changed(WHOLE, timed_seconds=7200, reserve_minor=None, deposit_minor=0, starts_at=began)
            listing = await on_show(conn, seller, operator, content, began - HOUR)
            pair = await a_program(conn, client), await a_program(conn, client)
            for each in pair:
                await auction_desk.admit(conn, lot_id=listing.id, party_id=each.party, now=datetime.now(UTC))
            lots.append((listing.id, *pair))
    return lots


class Bidders:
    """They bid on every lot by turns; `waits` collects the seconds to each answer."""

    def __init__(self, lots: list[tuple[int, Program, Program]]) -> None:
        self._lots = lots
        self._counts = dict.fromkeys((lot for lot, *_ in lots), 0)
        self.accepted = 0

    async def bid_until(self, done: asyncio.Event) -> list[float]:
        waits: list[float] = []
        await asyncio.gather(*(self._on(lot, pair, done, waits) for lot, *pair in self._lots))
        return waits

    async def _on(self, lot: int, pair: list[Program], done: asyncio.Event, waits: list[float]) -> None:
        while not done.is_set():
            number = self._counts[lot]
            self._counts[lot] += 1
            amount = START_MINOR + number * STEP_MINOR
            began = time.perf_counter()
            bidder = pair[number % 2]
            headers = {**bidder.headers, "idempotency-key": _bid_id(lot, number)}
            answer = await bidder.client.post(f"/api/v1/lots/{lot}/bids", headers=headers, json={"amount": str(amount)})
            waits.append(time.perf_counter() - began)
            self.accepted += answer.status_code == 200
            await asyncio.sleep(PAUSE_SECONDS)


def _bid_id(lot: int, number: int) -> str:
    return f"{lot:08x}-0000-4000-8000-{number:012x}"


async def unlock(program: Program, sealed: str, after_seconds: float) -> None:
    """As a person does: who is told that the vault is busy tries again."""
    await asyncio.sleep(after_seconds)
    while True:
        answer = await program.ask("POST", "/wallet/vault/unlocking", sealed=sealed)
        if answer.status_code != 503:
            assert answer.is_success, answer.text
            return
        sealed = await program.seal("unlock", passphrase=PASSPHRASE)


async def measure(house: RunningHouse) -> dict[str, float]:
    pool = await create_pool(EmbeddedPostgres(house.folder).attach(), Role.APP, min_size=1, max_size=4)
    limits = httpx2.Limits(max_connections=200, max_keepalive_connections=200)
    async with httpx2.AsyncClient(base_url=house.origin, trust_env=False, timeout=60, limits=limits) as client:
        async with pool.acquire() as conn:
            wallets = [await a_program(conn, client) for _ in range(WALLETS)]
        for each in wallets:
            await each.open_wallet()
        bidders = Bidders(await open_lots(pool, client))
        quiet: list[float] = []
        busy: list[float] = []
        took: list[float] = []
        for turn in range(ROUNDS):
            # Whoever is measured first alternates, so that a machine that warms up favours neither.
            for unlocking in (True, False) if turn % 2 else (False, True):
                # Sealing is the browsers' work: done before, so that it does not delay who measures.
                lines = [await each.seal("unlock", passphrase=PASSPHRASE) for each in wallets] if unlocking else []
                done = asyncio.Event()
                bidding = asyncio.create_task(bidders.bid_until(done))
                began = time.perf_counter()
                if unlocking:
                    pressed = enumerate(zip(wallets, lines, strict=True))
                    await asyncio.gather(
                        *(unlock(one, line, n * SPREAD_SECONDS / WALLETS) for n, (one, line) in pressed)
                    )
                    took.append(time.perf_counter() - began)
                else:
                    await asyncio.sleep(took[-1] if took else 3.0)
                done.set()
                (busy if unlocking else quiet).extend(await bidding)
    await pool.close()
    before, during = percentile(quiet, 0.99), percentile(busy, 0.99)
    return {
        "bids_quiet": len(quiet),
        "bids_unlocking": len(busy),
        "accepted": bidders.accepted,
        "unlock_50_seconds": sum(took) / len(took),
        "p50_quiet_ms": percentile(quiet, 0.5) * 1000,
        "p50_unlocking_ms": percentile(busy, 0.5) * 1000,
        "p99_quiet_ms": before * 1000,
        "p99_unlocking_ms": during * 1000,
        "change": during / before - 1,
    }


def main() -> None:
    options = arguments(__doc__ or "")
    with tempfile.TemporaryDirectory(prefix="gavelhouse-unlock-") as folder:
        os.chmod(folder, 0o711)
        with running_house(Path(folder) / "house", log_level="warning") as house:
            house.start()
            figures = asyncio.run(measure(house))
    tell(figures, as_json=options.json)
    if not options.json:
        met = "kept" if figures["change"] <= GOAL else "not kept"
        print(
            f"p99 of a bid while {WALLETS} wallets unlock: {figures['change']:+.1%} (goal: at most +{GOAL:.0%}, {met})"
        )


if __name__ == "__main__":
    main()
