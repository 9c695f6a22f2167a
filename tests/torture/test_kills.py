"""Kill -9 of the server and of Postgres under bidding clients: what was acknowledged is there, for ever and for everybody.

Twenty-two kills in `make test`; GAVELHOUSE_TORTURE_KILLS=500 pytest tests/torture for a long run.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from uuid import UUID, uuid4

from websockets.exceptions import WebSocketException

from auction import store
from migrations.database import Address, Role, connect, create_pool
from migrations.embedded_postgres import EmbeddedPostgres, create_database
from migrations.parent_death import die_with_parent
from migrations.runner import migrate
from tests.auction.house import Client, a_lot, open_lot
from tests.ports import free_port

if TYPE_CHECKING:
    from migrations.database import Pool

KILLS = int(os.environ.get("GAVELHOUSE_TORTURE_KILLS", "22"))
LOTS, BIDDERS, WATCHERS = (1, 2, 3), range(101, 109), 3
ANSWERS_BETWEEN_KILLS = 8
PATIENCE_SECONDS = 60
GONE = (OSError, WebSocketException, TimeoutError)


@dataclass
class Scene:
    """What the clients know: the port, every answer by request, and whether the torture is over."""

    port: int
    answers: dict[tuple[int, int], dict[str, Any]] = field(default_factory=dict)
    contradictions: list[tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=list)
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    is_over: bool = False

    def note(self, party: int, answer: dict[str, Any]) -> None:
        """Keep the first answer to a request, and any later one that says something else."""
        first = self.answers.setdefault((party, UUID(answer["id"]).int), answer)
        if first != answer:
            self.contradictions.append((first, answer))
        self.answered.set()


async def test_nothing_acknowledged_is_lost_by_killing_server_and_database(
    open_folder: Path, node_log: IO[bytes]
) -> None:
    with EmbeddedPostgres(open_folder / "tortured") as postgres:
        pool = await prepared(postgres.address)
        scene = Scene(free_port())
        watching = [asyncio.create_task(watch(scene, lot)) for lot in LOTS for _ in range(WATCHERS)]
        bidding = [asyncio.create_task(bid_on(scene, party)) for party in BIDDERS]
        async with node_kept_alive(postgres.address, scene.port, node_log) as kill_node, kept_running(postgres):
            for kill in range(KILLS):
                await more_answers(scene)
                if kill % 3 == 2 and postgres.process_id is not None:
                    os.kill(postgres.process_id, signal.SIGKILL)
                else:
                    kill_node()
            await more_answers(scene)
            scene.is_over = True
            async with asyncio.timeout(PATIENCE_SECONDS):
                await asyncio.gather(*bidding)
                logs = await asyncio.gather(*watching)
        await check(pool, scene, logs)
        await pool.close()


async def prepared(address: Address) -> Pool:
    await create_database(address)
    conn = await connect(address, Role.OWNER)
    await migrate(conn)
    await conn.close()
    pool = await create_pool(address, Role.APP, min_size=0)
    for lot in LOTS:
        await open_lot(pool, a_lot(lot), *BIDDERS)
    return pool


async def check(pool: Pool, scene: Scene, logs: list[list[dict[str, Any]]]) -> None:
    """The invariants of what was acknowledged."""
    assert not scene.contradictions, "a request was answered twice, differently"
    stored: dict[int, list[store.LogRow]] = {}
    async with pool.acquire() as conn:
        for lot in LOTS:
            stored[lot] = rows = await store.events(conn, lot, 0, 1_000_000)
            assert [row.seq for row in rows] == list(range(1, len(rows) + 1)), "seq has a gap"
            head = sha256(await store.terms(conn, lot) or b"").digest()
            for row in rows:
                head = sha256(head + row.body).digest()
                assert head == row.hash, "the chain is broken"
        kept = await store.first_answers(conn, list(scene.answers))
    accepted = [answer for answer in scene.answers.values() if answer["type"] == "accepted"]
    assert len(accepted) >= KILLS
    for key, answer in scene.answers.items():
        assert key in kept, f"an answer was never recorded: {answer}"
        assert kept[key].seq == answer["seq"], "an answer differs from the record"
        assert (kept[key].refusal is None) == (answer["type"] == "accepted")
    for answer in accepted:
        row = stored[answer["lot"]][answer["seq"] - 1]
        assert row.hash.hex() == answer["hash"], "an acknowledged bid is not in the log"
    # (An accepted raise of one's own maximum has no event of its own, so there may be more answers than events.)
    answered = {(answer["lot"], answer["seq"]) for answer in accepted}
    bids = {(lot, row.seq) for lot, rows in stored.items() for row in rows if json.loads(row.body)["kind"] == "bid"}
    assert bids <= answered, "a bid has an effect without an answer"
    for index, log in enumerate(logs):
        lot = LOTS[index // WATCHERS]
        assert log == [json.loads(row.body) | {"hash": row.hash.hex()} for row in stored[lot]], (
            "a watcher's log differs"
        )


# Clients


async def bid_on(scene: Scene, party: int) -> None:
    """Bid the next legal amount again and again; a bid without an answer is sent again under its id until it has one."""
    chance = random.Random(party)
    unanswered: dict[str, Any] | None = None
    while unanswered is not None or not scene.is_over:
        with suppress(*GONE):
            async with Client(scene.port, party) as client:
                while unanswered is not None or not scene.is_over:
                    unanswered = unanswered or await a_bid(client, chance)
                    await client.send("bid", **unanswered)
                    scene.note(party, await client.answer(UUID(unanswered["id"])))
                    unanswered = None
                    await asyncio.sleep(chance.uniform(0, 0.02))
        await asyncio.sleep(0.02)


async def a_bid(client: Client, chance: random.Random) -> dict[str, Any]:
    lot = chance.choice(LOTS)
    state = await client.subscribe(lot)
    kind = chance.choice(("amount", "amount", "maximum"))
    return {"id": str(uuid4()), "lot": lot, kind: str(int(state["next_minor"]) + 10_000 * chance.randrange(4))}


async def watch(scene: Scene, lot: int) -> list[dict[str, Any]]:
    """Follow one lot by its states, fetching rows by gap; resume wherever the connection was lost. The whole log at last."""
    log: list[dict[str, Any]] = []
    was_over = False
    while not was_over:
        with suppress(*GONE):
            async with Client(scene.port, None) as client:
                state = await client.subscribe(lot, seq=len(log))
                while True:
                    while len(log) < state["seq"]:
                        await client.send("history", lot=lot, after=len(log), limit=200)
                        log += (await client.until("history"))["rows"]
                    if was_over:
                        return log
                    if scene.is_over:
                        # A resubscription after the last bid's answer shows the last state there will be.
                        await asyncio.sleep(1)
                        was_over, state = True, await client.subscribe(lot)
                    else:
                        with suppress(TimeoutError):
                            async with asyncio.timeout(0.5):
                                state = await client.until("state")
        was_over = False
        await asyncio.sleep(0.02)
    return log


async def more_answers(scene: Scene) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        enough = len(scene.answers) + ANSWERS_BETWEEN_KILLS
        while len(scene.answers) < enough:
            scene.answered.clear()
            await scene.answered.wait()


# Servers


@asynccontextmanager
async def kept_running(postgres: EmbeddedPostgres) -> AsyncIterator[None]:
    task = asyncio.create_task(postgres.keep_running())
    try:
        yield
    finally:
        task.cancel()


async def spawn_node(address: Address, port: int, log: IO[bytes]) -> asyncio.subprocess.Process:
    """A node that has everything loaded and serves once it is given a line."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.torture.node",
        str(address.socket_folder),
        str(port),
        address.database,
        stdin=asyncio.subprocess.PIPE,
        stderr=log,
        preexec_fn=die_with_parent(),
    )


@asynccontextmanager
async def node_kept_alive(address: Address, port: int, log: IO[bytes]) -> AsyncIterator[Any]:
    """A node as a child process; whenever it dies, a spare that waits with everything loaded. Yields what kills it."""
    alive: list[asyncio.subprocess.Process] = []

    async def keep() -> None:
        alive.append(await spawn_node(address, port, log))
        for _ in itertools.count():
            process = alive[-1]
            assert process.stdin is not None
            with suppress(ConnectionError):
                process.stdin.write(b"go\n")
            alive.append(await spawn_node(address, port, log))
            await process.wait()
            alive.remove(process)

    def kill() -> None:
        if len(alive) > 1 and alive[0].returncode is None:
            alive[0].kill()

    keeping = asyncio.create_task(keep())
    try:
        yield kill
    finally:
        keeping.cancel()
        for process in alive:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
