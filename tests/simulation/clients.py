"""Who uses the house in the simulation: bidders that never give up a bid, watchers that must end with the whole log, and
an operator. What they send and hear is kept for the checks.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg
from msgspec import Struct

from auction import desk, store
from auction.chain import EventKind, encode_canonical
from auction.facts import Bid, DeskRefusal, EnglishRule, Lot
from auction.formats import sealed
from tests.simulation.lots import officers_key, wish_on
from tests.simulation.node import SimulatedNode, TradingCentreError
from tests.simulation.wire import Cut, Wire

if TYPE_CHECKING:
    from tests.simulation.world import World

NOT_KEPT = frozenset({"too_fast", "busy", "id_reused", "unknown_lot", "malformed_amount"})
"""Refusals at the door: the request was never judged, and may come again."""
RESERVE_NONCE = "ab" * 32
TABS = 2
"""How many lots a bidder looks at at once."""
Heard = dict[str, Any]


class Request(Struct):
    """One request to bid as its bidder knows it, in virtual microseconds; `answers` are all that ever came for it."""

    party_id: int
    lot_id: int
    bid_id: UUID
    amount_minor: int
    is_maximum: bool
    sent_at: int
    answered_at: int | None = None
    answers: list[Heard] = []
    details: dict[str, Any] | None = None


class Bidder:
    """Bids on one lot after another. A bid without an answer is asked for, or sent again under its id, until it has one."""

    def __init__(self, world: World, party_id: int, chance: random.Random, bids: int) -> None:
        self.world = world
        self.party_id = party_id
        self.chance = chance
        self.bids = bids
        self.requests: list[Request] = []
        self.states: dict[int, Heard] = {}
        self.seen: list[tuple[str, Heard]] = []
        self.wire: Wire | None = None

    async def run(self) -> None:
        for _ in range(self.bids):
            await asyncio.sleep(self.chance.random() * self.world.pace)
            lots = self.world.running_lots()
            now = self.world.server.now() if self.chance.random() < 0.95 else None
            lots = [lot for lot in lots if now is None or lot.starts_at <= now]
            if lots:
                await self._settle(self.chance.choice(lots))
        if self.wire is not None:
            self.wire.cut()

    async def _settle(self, lot: Lot) -> None:
        """One bid, from the look at the lot to its answer."""
        request: Request | None = None
        while True:
            try:
                wire = await self._connected()
                if request is None:
                    state = await self._look(wire, lot.id)
                    request = self._decide(lot, state)
                    if request is None:
                        return
                    at = self._instant(wire.node, lot, state)
                elif self.chance.random() < 0.4:
                    wire.send("ask", id=request.bid_id)
                    if (await self._answer(wire, request, "unknown")) is not None:
                        return
                    continue
                self._send(wire, request, at)
                at = None
                if self.chance.random() < 0.1:
                    self._send(wire, request, None)
                if (await self._answer(wire, request)) is not None:
                    return
            except (Cut, TimeoutError):
                self._leave()

    async def _connected(self) -> Wire:
        while self.wire is None or self.wire.is_cut:
            node = await self.world.an_open_node()
            self.wire = node.connect(self.party_id, self.world.wire_delay)
            self.states.clear()
        return self.wire

    def _leave(self) -> None:
        if self.wire is not None:
            self.wire.cut()
        self.wire = None

    async def _look(self, wire: Wire, lot_id: int) -> Heard:
        if lot_id not in self.states or self.chance.random() < 0.1:
            while len(self.states) >= TABS:
                left = next(iter(self.states))
                del self.states[left]
                wire.send("unsubscribe", lot=left)
            wire.send("subscribe", lot=lot_id)
            self.states.pop(lot_id, None)
            async with asyncio.timeout(self.world.patience):
                while lot_id not in self.states:
                    self._note(wire, await wire.next())
        return self.states[lot_id]

    def _decide(self, lot: Lot, state: Heard) -> Request | None:
        if not isinstance(lot.rule, EnglishRule):
            return self._wished(lot, state)
        chance, step = self.chance, int(state["increment_minor"])
        lowest = int(state["next_minor"] or lot.rule.start_price_minor)
        amount = lowest + step * chance.choice((0, 0, 0, 0, 1, 1, 2, 5))
        if chance.random() < 0.1:
            amount += chance.choice((-step, -1, 1, step // 2, 10**16, -(10**17)))
        bid_id = UUID(int=chance.getrandbits(128))
        if self.requests and chance.random() < 0.02:
            bid_id = chance.choice(self.requests).bid_id
            return None if self.world.chance.random() < 0.5 else self._reused(lot, bid_id, amount)
        leads = state["price_minor"] is not None and (state.get("you") or {}).get("leading", False)
        is_maximum = chance.random() < (0.8 if leads else 0.35)
        request = Request(self.party_id, lot.id, bid_id, amount, is_maximum, self.world.loop.microseconds, None, [])
        self.requests.append(request)
        return request

    def _wished(self, lot: Lot, state: Heard | None) -> Request:
        wish = wish_on(self.chance, lot, state, self._paddle(lot.id), self.world.sealed)
        bid_id, now = UUID(int=self.chance.getrandbits(128)), self.world.loop.microseconds
        request = Request(self.party_id, lot.id, bid_id, wish.amount, wish.is_maximum, now, None, [], wish.details)
        self.requests.append(request)
        return request

    def _paddle(self, lot_id: int) -> int | None:
        row = self.world.server.tables.rows.get(("admission", lot_id, self.party_id))
        return None if row is None else int(row["paddle"])

    def _reused(self, lot: Lot, bid_id: UUID, amount: int) -> Request:
        """A mistaken client that uses an id twice: it must hear of it, and nothing else may come of it."""
        return Request(self.party_id, lot.id, bid_id, amount + 1, False, self.world.loop.microseconds, None, [])

    def _instant(self, node: SimulatedNode, lot: Lot, state: Heard) -> int | None:
        """Sometimes the very last instants of a phase: a microsecond before the end, at it, and around the next."""
        if self.chance.random() > 0.15:
            return None
        end = datetime.fromisoformat(state["ends_at"]) + timedelta(
            microseconds=self.chance.choice((-1, -1, 0, 0, 1, -900))
        )
        at = node.stamp_of(end)
        return at if 0 < at - self.world.loop.microseconds < 3_000_000 else None

    def _send(self, wire: Wire, request: Request, at: int | None) -> None:
        kind = "maximum" if request.is_maximum else "amount"
        offer: dict[str, Any] = (
            {kind: str(request.amount_minor)} if request.amount_minor or request.details is None else {}
        )
        if request.details is not None:
            offer["details"] = request.details
        wire.send("bid", at, id=request.bid_id, lot=request.lot_id, **offer)

    async def _answer(self, wire: Wire, request: Request, *also: str) -> Heard | None:
        """The answer to the request; None if it has to be sent again."""
        async with asyncio.timeout(self.world.patience):
            while True:
                message = await wire.next()
                self._note(wire, message)
                if message.get("id") != str(request.bid_id):
                    continue
                if message["type"] == "unknown":
                    if also:
                        return None
                    continue
                if message["type"] == "refused" and message["code"] in ("too_fast", "busy"):
                    await asyncio.sleep(0.3)
                    return None
                request.answered_at = self.world.loop.microseconds
                request.answers.append(message)
                return message

    def _note(self, wire: Wire, message: Heard) -> None:
        if message["type"] in ("subscribed", "state"):
            self.states[message["lot"]] = message
            self.seen.append((wire.node.name, message))
        elif message["type"] in ("accepted", "refused"):
            self.world.told.append((self.party_id, message))
        elif message["type"] == "error":
            assert message["code"] in ("busy", "unknown_lot"), message


class Watcher:
    """Follows lots by their states and fetches the rows it misses; resumes wherever it was cut."""

    def __init__(self, world: World, lots: list[int], chance: random.Random) -> None:
        self.world = world
        self.chance = chance
        self.logs: dict[int, list[Heard]] = {lot_id: [] for lot_id in lots}
        self.states: list[Heard] = []
        self.wanted: dict[int, int] = dict.fromkeys(lots, 0)
        self.wire: Wire | None = None

    async def run(self) -> None:
        while True:
            node = await self.world.an_open_node()
            self.wire = wire = node.connect(None, self.world.wire_delay)
            asking: set[int] = set()
            with suppress(Cut):
                for lot_id, log in self.logs.items():
                    wire.send("subscribe", lot=lot_id, seq=len(log), epoch=1)
                while True:
                    self._follow(wire, await wire.next(), asking)
            await asyncio.sleep(self.chance.random())

    def _follow(self, wire: Wire, message: Heard, asking: set[int]) -> None:
        if message["type"] == "error":
            wire.cut()
            raise Cut
        lot_id = message["lot"]
        log = self.logs[lot_id]
        if message["type"] == "history":
            asking.discard(lot_id)
            log += message["rows"]
            if not message["rows"]:
                return  # This node has not heard yet of what another told; its next state will say so.
            if message["rows"][-1]["seq"] != len(log):
                self.world.failures.append(f"history of lot {lot_id} does not join")
        else:
            self.states.append(message)
            self.wanted[lot_id] = max(self.wanted[lot_id], message["seq"])
        if self.wanted[lot_id] > len(log) and lot_id not in asking:
            asking.add(lot_id)
            wire.send("history", lot=lot_id, after=len(log), limit=self.chance.choice((1, 3, 200)))


class Operator:
    """Acts of the desk, through whichever node is open, as a page of the trading centre does them."""

    def __init__(self, world: World, chance: random.Random, acts: int) -> None:
        self.world = world
        self.chance = chance
        self.acts = acts

    async def run(self) -> None:
        for _ in range(self.acts):
            await asyncio.sleep(self.chance.random() * self.world.pace * 3)
            lots = self.world.running_lots()
            if waiting := [lot for lot in lots if self.world.phase_of(lot) == "opening"]:
                await self.act(self.chance.choice(waiting), "unseal")
            elif lots:
                await self.act(self.chance.choice(lots), self.chance.choice(self.kinds))

    kinds = ("pause", "resume", "resume", "extend", "lower_reserve", "void", "remove", "admit", "admit")

    async def act(self, lot: Lot, kind: str) -> bool:
        """One act at one node, in its process; whether it is known to have been done."""
        node = await self.world.an_open_node()
        done: asyncio.Future[bool] = self.world.loop.create_future()
        self.world.loop.spawn(node.process, self._at(node, lot, kind, done))
        with suppress(TimeoutError):
            async with asyncio.timeout(5):
                return await done
        return False

    async def _at(self, node: SimulatedNode, lot: Lot, kind: str, done: asyncio.Future[bool]) -> None:
        now = node.node_time.now()
        try:
            async with node.pool.acquire() as conn, conn.transaction():
                result = await self._do(node, conn, lot, kind, now)
            await node.bidding.refresh(lot.id)
        except (*store.CONNECTION_LOST, asyncpg.PostgresError, TradingCentreError):
            result = DeskRefusal.LOT_ENDED
        if not done.done():
            done.set_result(not isinstance(result, DeskRefusal))

    async def _do(self, node: SimulatedNode, conn: Any, lot: Lot, kind: str, now: datetime) -> object:
        chance, world = self.chance, self.world
        match kind:
            case "pause":
                return await desk.pause(conn, lot.id, now)
            case "resume":
                return await desk.resume(conn, lot.id, now)
            case "extend":
                return await desk.extend(conn, lot.id, now + timedelta(seconds=chance.uniform(1, 12)), now)
            case "lower_reserve":
                wanted = lot.rule.start_price_minor + chance.randrange(20) * 10
                return await desk.lower_reserve(conn, lot.id, wanted, now)
            case "void" if chance.random() < 0.15:
                return await desk.void(conn, lot.id, now, node.hammer)
            case "unseal":
                return await self._unseal(conn, lot, now)
            case "remove":
                return await desk.remove_admission(conn, lot_id=lot.id, party_id=chance.choice(world.parties), now=now)
            case _:
                return await desk.admit(conn, lot_id=lot.id, party_id=chance.choice(world.parties), now=now)

    async def _unseal(self, conn: Any, lot: Lot, now: datetime) -> object:
        """The officers have come: as the trading centre opens the bids, with the key that they put together."""
        room = await desk.locked(conn, lot.id)
        done = sealed.unseal(room.lot, room.standing, officers_key(), RESERVE_NONCE, room.paddles)
        if isinstance(done, DeskRefusal):
            return done
        return await desk.log(conn, room, EventKind.UNSEALED, done[0], now, detail=done[1])


class LateBidder(Bidder):
    """A bid over plain HTTP: stamped when it entered, and held up on its way to the queue, sometimes past the end."""

    async def _settle(self, lot: Lot) -> None:
        node = await self.world.an_open_node()
        now = self.world.loop.microseconds
        if isinstance(lot.rule, EnglishRule):
            amount = lot.rule.start_price_minor + 10 * self.chance.randrange(60)
            request = Request(
                self.party_id, lot.id, UUID(int=self.chance.getrandbits(128)), amount, False, now, None, []
            )
            self.requests.append(request)
        else:
            request = self._wished(lot, None)
        while request.answered_at is None:
            done: asyncio.Future[Heard] = self.world.loop.create_future()
            self.world.loop.spawn(node.process, self._post(node, request, done))
            with suppress(TimeoutError):
                async with asyncio.timeout(self.world.patience):
                    answer = await done
                if answer.get("code") in ("too_fast", "busy"):
                    await asyncio.sleep(0.5)
                    continue
                request.answered_at = self.world.loop.microseconds
                request.answers.append(answer)
                self.world.told.append((self.party_id, answer))
                return
            node = await self.world.an_open_node()

    async def _post(self, node: SimulatedNode, request: Request, done: asyncio.Future[Heard]) -> None:
        stamped_at = node.node_time.now()
        with node.bidding.receiving(request.lot_id, stamped_at):
            await asyncio.sleep(self.chance.choice((0, 0.01, 0.3, 0.7)) * self.chance.random())
            placed = node.bidding.place(
                Bid(
                    lot_id=request.lot_id,
                    party_id=request.party_id,
                    client_bid_id=request.bid_id,
                    amount_minor=request.amount_minor,
                    is_maximum=request.is_maximum,
                    stamped_at=stamped_at,
                    details=None if request.details is None else encode_canonical(request.details),
                )
            )
        answer = self.world.as_told(await placed)
        if not done.done():
            done.set_result(answer)
