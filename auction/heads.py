"""Signing the heads of the logs: each open lot that has changed, once a second; each closed lot, once, with its root.

Signing stands beside the bidding, never in its way: what was committed is signed right afterwards, and what a crash left
unsigned is found at the next start. Two nodes that sign the same head say the same thing twice.
"""

from __future__ import annotations

import asyncio
import json
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import asyncpg
import structlog

from auction import proofs_store, store
from auction.merkle import leaf_hash, root_of
from auction.proofs_store import SignedHead
from auction.signing import time_text
from auction.store import CONNECTION_LOST

if TYPE_CHECKING:
    from auction.batch import Room
    from auction.bidding import Bidding
    from auction.signing import Signer
    from migrations.database import Connection

_log = structlog.get_logger()

EVERY_SECONDS = 1.0
LOOK_AGAIN_SECONDS = 30.0
"""So often a node looks for closed lots that nobody has signed: another may have died right after a close."""
CLOSED_AT_ONCE = 100


class Heads:
    """The signing of one node. `run` it in the house's task group."""

    def __init__(self, bidding: Bidding, signer: Signer) -> None:
        self._bidding = bidding
        self._pool = bidding.pool
        self.signer = signer
        self._changed: dict[int, tuple[int, bytes]] = {}
        self._closed: set[int] = set()
        self._fresh: dict[int, tuple[int, datetime, dict[str, Any]]] = {}
        bidding.moved_listeners.append(self.moved)

    def moved(self, room: Room) -> None:
        """The lot has changed, perhaps in what nobody may see: each head is stored and told once, whatever moves."""
        standing = room.standing
        if standing.outcome is None:
            self._changed[room.lot.id] = standing.seq, standing.head
        else:
            self._changed.pop(room.lot.id, None)
            self._closed.add(room.lot.id)

    async def run(self) -> None:
        """Sign until cancelled; a database that is away only makes it later."""
        looked_at: float | None = None
        while True:
            try:
                if looked_at is None or time.monotonic() - looked_at >= LOOK_AGAIN_SECONDS:
                    await self._sign_forgotten()
                    looked_at = time.monotonic()
                await self.sign_changed()
                await self.sign_closed()
            except (*CONNECTION_LOST, asyncpg.PostgresError) as error:
                _log.warning("heads_not_signed", error=repr(error))
            await asyncio.sleep(EVERY_SECONDS)

    async def sign_changed(self) -> None:
        """Sign the head of every open lot that has changed since the last time."""
        if not (changed := self._changed):
            return
        self._changed = {}
        now = self._bidding.now()
        heads = [_signed(self.signer, lot_id, seq, now, head, None) for lot_id, (seq, head) in changed.items()]
        try:
            async with self._pool.acquire() as conn:
                await proofs_store.keep_heads(conn, heads)
        except BaseException:
            self._changed = {**changed, **self._changed}
            raise

    async def sign_closed(self) -> None:
        """Sign the final head of every closed lot that has none."""
        for lot_id in list(self._closed):
            async with self._pool.acquire() as conn:
                await sign_final(conn, self.signer, lot_id, self._bidding.now())
            self._closed.discard(lot_id)

    async def _sign_forgotten(self) -> None:
        async with self._pool.acquire() as conn:
            await proofs_store.keep_signing_key(conn, self.signer.public_hex, self._bidding.now())
            while lot_ids := await proofs_store.unsigned_closed(conn, CLOSED_AT_ONCE):
                for lot_id in lot_ids:
                    await sign_final(conn, self.signer, lot_id, self._bidding.now())

    def fresh(self, room: Room) -> dict[str, Any]:
        """The signed head of an open lot as this node knows it, signed within the last second."""
        now, standing = self._bidding.now(), room.standing
        known = self._fresh.get(room.lot.id)
        if known is not None and known[0] == standing.seq and (now - known[1]).total_seconds() < EVERY_SECONDS:
            return known[2]
        statement: dict[str, Any] = json.loads(
            _signed(self.signer, room.lot.id, standing.seq, now, standing.head, None).statement
        )
        if len(self._fresh) > 10_000:
            self._fresh.clear()
        self._fresh[room.lot.id] = standing.seq, now, statement
        return statement


async def sign_final(conn: Connection, signer: Signer, lot_id: int, now: datetime) -> None:
    """Sign the final head of a closed lot with the Merkle root of its whole log; once signed it stays."""
    room = (await store.rooms(conn, [lot_id])).get(lot_id)
    if room is None or room.standing.outcome is None or await proofs_store.final_head(conn, lot_id) is not None:
        return
    # A long log takes half a second to hash, and bids on other lots must not wait for that.
    bodies = await proofs_store.log_bodies(conn, lot_id)
    root = await asyncio.to_thread(lambda: root_of([leaf_hash(body) for body in bodies]))
    standing = room.standing
    await proofs_store.keep_heads(conn, [_signed(signer, lot_id, standing.seq, now, standing.head, root)])


def _signed(signer: Signer, lot_id: int, seq: int, at: datetime, head: bytes, root: bytes | None) -> SignedHead:
    body = {"at": time_text(at), "head": head.hex(), "lot": lot_id, "seq": seq}
    if root is not None:
        body["root"] = root.hex()
    statement = json.dumps(signer.sign("head", body), sort_keys=True, separators=(",", ":"))
    return SignedHead(lot_id, seq, at, head, root, statement)
