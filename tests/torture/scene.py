"""The clients of a torture: bidders that never give up a bid, watchers that must end with the whole log, readers that are
stuck; and what must be true of all that they saw.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from websockets.exceptions import WebSocketException

from auction import store
from migrations.database import Address, Role, connect, create_pool
from migrations.embedded_postgres import create_database
from migrations.runner import migrate
from tests.auction.house import Client, a_lot, open_lot
from tests.torture.history import Answered, Logged, Stated, violations

if TYPE_CHECKING:
    from migrations.database import Pool

LOTS, BIDDERS, WATCHERS = (1, 2, 3), range(101, 109), 3
PATIENCE_SECONDS = 60
ANSWER_SECONDS = 2.0
GONE = (OSError, WebSocketException, TimeoutError)


@dataclass
class Scene:
    """What the clients know: the port, every answer by request, every state, and whether the torture is over."""

    port: int
    answers: dict[tuple[int, int], dict[str, Any]] = field(default_factory=dict)
    contradictions: list[tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=list)
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    operations: list[Answered] = field(default_factory=list)
    states: list[Stated] = field(default_factory=list)
    asked_again: int = 0
    is_over: bool = False

    def note(self, party: int, answer: dict[str, Any]) -> None:
        """Keep the first answer to a request, and any later one that says something else."""
        first = self.answers.setdefault((party, UUID(answer["id"]).int), answer)
        if first != answer:
            self.contradictions.append((first, answer))
        self.answered.set()

    def saw(self, message: dict[str, Any]) -> None:
        if message["type"] in ("state", "subscribed"):
            self.states.append(Stated(message["lot"], message["seq"], message["head"], message["price_minor"]))


async def prepared(address: Address) -> Pool:
    """A migrated database with the lots open, and a pool to look into it."""
    await create_database(address)
    conn = await connect(address, Role.OWNER)
    await migrate(conn)
    await conn.close()
    pool = await create_pool(address, Role.APP, min_size=0)
    for lot in LOTS:
        await open_lot(pool, a_lot(lot), *BIDDERS)
    return pool


# Clients


async def bid_on(scene: Scene, party: int) -> None:
    """Bid the next legal amount again and again; a bid without an answer is asked for or sent again until it has one."""
    chance = random.Random(party)
    unanswered: dict[str, Any] | None = None
    sent_at = 0.0
    while unanswered is not None or not scene.is_over:
        with suppress(*GONE):
            async with asyncio.timeout(10), Client(scene.port, party) as client:
                if unanswered is not None and chance.random() < 0.5 and await _settled_by_id(scene, client, unanswered):
                    _note(scene, party, client, unanswered, sent_at)
                    unanswered = None
                while unanswered is not None or not scene.is_over:
                    if unanswered is None:
                        unanswered = await _a_bid(scene, client, chance)
                        sent_at = time.monotonic()
                    async with asyncio.timeout(ANSWER_SECONDS):
                        await client.send("bid", **unanswered)
                        client.kept.append(await client.answer(UUID(unanswered["id"])))
                    _note(scene, party, client, unanswered, sent_at)
                    unanswered = None
                    await asyncio.sleep(chance.uniform(0, 0.02))
        await asyncio.sleep(0.02)


async def _settled_by_id(scene: Scene, client: Client, bid: dict[str, Any]) -> bool:
    """Ask what came of a bid that was in flight at a cut; whether it is known."""
    scene.asked_again += 1
    async with asyncio.timeout(ANSWER_SECONDS):
        await client.send("ask", id=bid["id"])
        while True:
            message = await client.next()
            if message["type"] in ("unknown", "error"):
                return False
            client.kept.append(message)
            if message.get("id") == bid["id"]:
                return True


def _note(scene: Scene, party: int, client: Client, bid: dict[str, Any], sent_at: float) -> None:
    """Everything that came for a bid: one answer, or the same one several times."""
    now = time.monotonic()
    for message in client.kept:
        if message.get("id") == bid["id"] and message["type"] in ("accepted", "refused"):
            scene.note(party, message)
            scene.operations.append(
                Answered(
                    f"{party}/{bid['id']}",
                    message["lot"],
                    sent_at,
                    now,
                    message["type"] == "accepted",
                    message["seq"],
                    message.get("hash"),
                    message.get("price_minor"),
                    "maximum" in bid and message.get("leading", False),
                )
            )
        scene.saw(message)
    client.kept.clear()


async def _a_bid(scene: Scene, client: Client, chance: random.Random) -> dict[str, Any]:
    lot = chance.choice(LOTS)
    async with asyncio.timeout(ANSWER_SECONDS):
        state = await client.subscribe(lot)
    scene.saw(state)
    kind = chance.choice(("amount", "amount", "maximum"))
    return {"id": str(uuid4()), "lot": lot, kind: str(int(state["next_minor"]) + 10_000 * chance.randrange(4))}


async def watch(scene: Scene, lot: int) -> list[dict[str, Any]]:
    """Follow one lot by its states, fetching rows by gap; resume wherever the connection was lost. The whole log at last."""
    log: list[dict[str, Any]] = []
    was_over = False
    while not was_over:
        with suppress(*GONE):
            async with Client(scene.port, None) as client:
                async with asyncio.timeout(ANSWER_SECONDS):
                    state = await client.subscribe(lot, seq=len(log))
                while True:
                    scene.saw(state)
                    async with asyncio.timeout(ANSWER_SECONDS):
                        await _fill_gap(client, lot, log, state["seq"])
                    if was_over:
                        return log
                    if scene.is_over:
                        # A resubscription after the last bid's answer shows the last state there will be.
                        await asyncio.sleep(1)
                        was_over, state = True, await client.subscribe(lot)
                    else:
                        state = await _next_state(client, state)
        was_over = False
        await asyncio.sleep(0.02)
    return log


async def _next_state(client: Client, state: dict[str, Any]) -> dict[str, Any]:
    """The next state, or the old one again after half a second; a ping that is not answered ends the connection."""
    with suppress(TimeoutError):
        async with asyncio.timeout(0.5):
            return await client.until("state")
    await client.send("ping", c=1)
    async with asyncio.timeout(ANSWER_SECONDS):
        await client.until("pong")
    return state


async def _fill_gap(client: Client, lot: int, log: list[dict[str, Any]], seq: int) -> None:
    """Fetch what is missing; a row that comes twice is the same row."""
    while len(log) < seq:
        await client.send("history", lot=lot, after=len(log), limit=200)
        rows = (await client.until("history"))["rows"]
        log += [row for row in rows if row["seq"] > len(log)]


async def read_nothing(scene: Scene) -> None:
    """A stuck reader: it watches every lot, asks for much, and never reads an answer."""
    while not scene.is_over:
        with suppress(*GONE):
            async with Client(scene.port, None, {"max_queue": 1}) as client:
                for lot in LOTS:
                    await client.send("subscribe", lot=lot)
                while not scene.is_over:
                    async with asyncio.timeout(1):
                        await client.send("history", lot=1, after=0, limit=200)
                    await asyncio.sleep(0.05)
        await asyncio.sleep(0.1)


async def more_answers(scene: Scene, count: int) -> None:
    """Wait until so many more requests have been answered: the house lives."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        enough = len(scene.answers) + count
        while len(scene.answers) < enough:
            scene.answered.clear()
            await scene.answered.wait()


# What must be so


async def check(pool: Pool, scene: Scene, logs: list[list[dict[str, Any]]]) -> None:
    """The invariants of what was acknowledged and shown; raises AssertionError with what is broken."""
    assert not scene.contradictions, "a request was answered twice, differently"
    stored: dict[int, list[store.LogRow]] = {}
    async with pool.acquire() as conn:
        for lot in LOTS:
            stored[lot] = rows = await store.events(conn, lot, 0, 1_000_000)
            head = sha256(await store.terms(conn, lot) or b"").digest()
            for row in rows:
                head = sha256(head + row.body).digest()
                assert head == row.hash, "the chain is broken"
        kept = await store.first_answers(conn, list(scene.answers))
    for key, answer in scene.answers.items():
        assert key in kept, f"an answer was never recorded: {answer}"
        assert kept[key].seq == answer["seq"], "an answer differs from the record"
        assert (kept[key].refusal is None) == (answer["type"] == "accepted")
    logged = [(lot, row, json.loads(row.body)) for lot, rows in stored.items() for row in rows]
    events = [Logged(lot, row.seq, row.hash.hex(), body["kind"], body["price_minor"]) for lot, row, body in logged]
    found = violations(events, scene.operations, scene.states)
    assert not found, found[:5]
    answered = {(operation.lot, operation.seq) for operation in scene.operations if operation.accepted}
    bids = {(event.lot, event.seq) for event in events if event.kind == "bid"}
    assert bids <= answered, f"bids have an effect without an answer: {await _whose(pool, bids - answered)}"
    ends = {lot: log_hash([body | {"hash": row.hash.hex()} for at, row, body in logged if at == lot]) for lot in LOTS}
    for index, log in enumerate(logs):
        assert log_hash(log) == ends[LOTS[index // WATCHERS]], "a watcher's log differs"


async def _whose(pool: Pool, events: set[tuple[int, int]]) -> list[str]:
    sought = "select b::text from auction.bid b where lot_id = $1 and seq = $2"
    return [row["b"] for lot, seq in sorted(events) for row in await pool.fetch(sought, lot, seq)]


def log_hash(rows: list[dict[str, Any]]) -> str:
    """One figure for a whole log, as its reader has it."""
    return sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()
