"""Real lots of every format, played through the real bidding and database on a timeline of their own, and their logs.

A lot starts an hour from now and every stamp is given, so nothing waits for a clock. `play` answers with the lot's log as
a reader downloads it, the receipts of its bidders, and what the database says came out.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from msgspec.structs import replace

from auction import desk, proofs_store, sealing, store
from auction.batch import Answer
from auction.chain import EventKind
from auction.closings import close_lot
from auction.facts import Bid, Lot, Rule, Standing
from auction.formats import format_of, sealed
from auction.heads import Heads
from auction.public_log import log_file, receipt
from auction.signing import Signer
from tests.auction.house import SELLER, Node

if TYPE_CHECKING:
    from migrations.database import Connection

SIGNER = Signer("11" * 32)
KEY = sealing.new_key()
RESERVE_NONCE = "ab" * 32
_ids = count(1_000)


@dataclass
class Played:
    """A lot that is over: its file, the receipts, and what the database says."""

    lot: Lot
    data: bytes
    receipts: list[dict[str, Any]]
    closed: Standing
    paddles: dict[int, int]
    fills: dict[int, int] = field(default_factory=dict)

    @property
    def winner(self) -> int | None:
        return None if self.closed.leader_id is None else self.paddles[self.closed.leader_id]

    @property
    def price(self) -> int | None:
        return self.closed.price_minor

    @property
    def lines(self) -> list[bytes]:
        return self.data.split(b"\n")[:-1]


class Stage:
    """One lot being played on a node."""

    def __init__(self, node: Node, heads: Heads, lot: Lot) -> None:
        self.node, self.heads, self.lot = node, heads, lot
        self.paddles: dict[int, int] = {}
        self.bids: list[tuple[int, UUID]] = []

    def at(self, seconds: float) -> datetime:
        return self.lot.starts_at + timedelta(seconds=seconds)

    async def bid(self, party: int, amount: int, seconds: float, *, maximum: bool = False, **details: Any) -> Answer:
        """A bid at its stamp; what it was answered is for the caller to look at."""
        given = Bid(
            lot_id=self.lot.id,
            party_id=party,
            client_bid_id=uuid4(),
            amount_minor=amount,
            is_maximum=maximum,
            stamped_at=self.at(seconds),
            details=json.dumps(details, separators=(",", ":"), sort_keys=True).encode() if details else None,
        )
        self.bids.append((party, given.client_bid_id))
        return await self.node.bidding.submit(given)

    async def stands(self, party: int, amount: int, seconds: float, **more: Any) -> Answer:
        """A bid that is accepted."""
        answer = await self.bid(party, amount, seconds, **more)
        assert answer.refusal is None, answer
        return answer

    async def seal(self, party: int, amount: int, seconds: float) -> Answer:
        """A sealed bid."""
        made = sealing.seal_bid(
            self.lot.rule.public_key, lot=self.lot.id, paddle=self.paddles[party], amount_minor=amount
        )
        return await self.stands(party, 0, seconds, ciphertext=made.ciphertext, commitment=made.commitment)

    async def act(self, step: Callable[[Connection], Awaitable[object]]) -> None:
        """An act of the desk, which must be allowed."""
        async with self.node.pool.acquire() as conn, conn.transaction():
            done = await step(conn)
        assert done is None or isinstance(done, Standing), done
        await self.node.bidding.refresh(self.lot.id)

    async def pause(self, seconds: float) -> None:
        await self.act(lambda conn: desk.pause(conn, self.lot.id, self.at(seconds)))

    async def resume(self, seconds: float) -> None:
        await self.act(lambda conn: desk.resume(conn, self.lot.id, self.at(seconds)))

    async def extend(self, ends: float, seconds: float) -> None:
        await self.act(lambda conn: desk.extend(conn, self.lot.id, self.at(ends), self.at(seconds)))

    async def credit(self, stopped: float, restarted: float) -> None:
        await self.act(lambda conn: desk.credit_outage(conn, self.lot.id, self.at(stopped), self.at(restarted)))

    async def rank(self, party: int, rank: int) -> None:
        await self.act(
            lambda conn: desk.confirm_priority(
                conn, lot_id=self.lot.id, party_id=party, rank=rank, now=self.lot.starts_at
            )
        )

    async def unseal(self, seconds: float) -> None:
        """Time is up and the officers have come, as `market.openings` writes it."""

        async def opened(conn: Connection) -> object:
            room = await desk.locked(conn, self.lot.id)
            now = self.at(seconds)
            passed = format_of(self.lot).advance(self.lot, room.standing, now)
            done = sealed.unseal(self.lot, passed, KEY, RESERVE_NONCE, room.paddles)
            assert isinstance(done, tuple), done
            return await desk.log(conn, room, EventKind.UNSEALED, done[0], now, detail=done[1])

        await self.act(opened)

    async def close(self, *, void: bool = False) -> Played:
        """The hammer, the final head, and everything that can be downloaded."""
        hammers, bidding = self.node.hammers, self.node.bidding
        async with self.node.pool.acquire() as conn:
            ends_at = (await store.rooms(conn, [self.lot.id]))[self.lot.id].standing.ends_at
            now = ends_at + timedelta(days=1)
            async with conn.transaction():
                if void:
                    await desk.void(conn, self.lot.id, self.at(30), hammers)
                else:
                    await close_lot(conn, self.lot.id, now, hammers)
        await bidding.refresh(self.lot.id)
        await self.heads.sign_closed()
        async with self.node.pool.acquire() as conn:
            return await self._played(conn)

    async def log(self, conn: Connection) -> bytes:
        terms = await store.terms(conn, self.lot.id)
        assert terms is not None
        bodies = await proofs_store.log_bodies(conn, self.lot.id)
        return log_file(self.lot.id, terms, bodies, await proofs_store.signed_heads(conn, self.lot.id), SIGNER)

    async def receipts(self, conn: Connection) -> list[dict[str, Any]]:
        """What the house confirms to each bidder, as things stand."""
        room = (await store.rooms(conn, [self.lot.id]))[self.lot.id]
        hides = room.standing.outcome is None and format_of(self.lot).price_moves(self.lot) == "hidden"
        found = [(key, await proofs_store.own_event(conn, *key)) for key in self.bids]
        return [receipt(str(key[1]), own, SIGNER, hides_bids=hides) for key, own in found if own is not None]

    async def _played(self, conn: Connection) -> Played:
        room = (await store.rooms(conn, [self.lot.id]))[self.lot.id]
        assert room.standing.outcome is not None
        awards = self.node.hammers.calls[-1].awards
        return Played(
            lot=self.lot,
            data=await self.log(conn),
            receipts=await self.receipts(conn),
            closed=room.standing,
            paddles=self.paddles,
            fills={award.paddle: award.quantity for award in awards},
        )


async def stage(
    node: Node,
    heads: Heads,
    rule: Rule,
    parties: tuple[int, ...],
    reserve: int | None = None,
    lot_id: int | None = None,
) -> Stage:
    """A lot of this rule, open, with these parties admitted."""
    starts_at = node.node_time.now().replace(microsecond=0) + timedelta(hours=1)
    lot = Lot(
        id=lot_id or next(_ids),
        seller_id=SELLER,
        currency="CNY",
        currency_exponent=2,
        rule=rule,
        starts_at=starts_at,
        reserve_minor=reserve,
    )
    if isinstance(rule, sealed.SealedRule) and reserve is not None:
        promise = sealing.reserve_commitment_of(lot.id, reserve, RESERVE_NONCE)
        lot = replace(lot, rule=replace(rule, reserve_commitment=promise))
    made = Stage(node, heads, lot)
    async with node.pool.acquire() as conn, conn.transaction():
        now = await store.database_time(conn)
        await desk.open_lot(conn, lot, now)
        for party in parties:
            made.paddles[party] = await desk.admit(conn, lot_id=lot.id, party_id=party, now=now)
    return made
