"""Sealing the book: the ledger's operations become entries of one log, and the house signs its head.

It stands beside the postings, never in their way: what was committed is sealed within about a second, by whichever node
takes its turn, and what a crash left is found at the next look. A party's receipt is made here too, as the tree and the
house's signature are the auction's way of proving, and the postings are the escrow's.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg
import structlog

from auction.merkle import edge_of, grow, leaf_hash, nodes_of_path, path_of_nodes, root_of_edge
from auction.signing import time_text
from auction.store import CONNECTION_LOST
from escrow import book_store
from escrow.book_log import SALT_BYTES, canonical, concerns, entry_of, line_salt, lines_for, shown_line
from escrow.book_store import Entry, Head

if TYPE_CHECKING:
    from auction.signing import Signer
    from migrations.database import Connection, Pool

EVERY_SECONDS = 1.0
AT_ONCE = 2000
RECEIPT_KIND = "gavelhouse.posting_receipt.v1"

_log = structlog.get_logger()


class BookSeals:
    """The sealing of one node; `now` is the node's time. `run` it in the house's task group."""

    def __init__(self, pool: Pool, signer: Signer, now: Callable[[], datetime]) -> None:
        self._pool = pool
        self._signer = signer
        self._now = now

    async def run(self) -> None:
        """Seal until cancelled; a database that is away only makes it later."""
        while True:
            try:
                async with self._pool.acquire() as conn:
                    while await self.seal(conn) == AT_ONCE:
                        pass
            except (*CONNECTION_LOST, asyncpg.PostgresError) as error:
                _log.warning("book_not_sealed", error=repr(error))
            await asyncio.sleep(EVERY_SECONDS)

    async def seal(self, conn: Connection) -> int:
        """Give the operations that wait their entries, and sign the new head; how many. 0 too if it is another's turn."""
        async with conn.transaction():
            if not await book_store.take_turn(conn):
                return 0
            ops = await book_store.waiting(conn, AT_ONCE)
            if not ops:
                return 0
            size, chained = await book_store.last_entry(conn)
            edge = await book_store.nodes(conn, edge_of(size))
            entries, nodes = [], []
            for recorded in await book_store.recorded(conn, ops):
                salt = secrets.token_bytes(SALT_BYTES)
                leaf = leaf_hash(canonical(entry_of(recorded, salt)))
                linked = sha256(chained + leaf).digest()
                entries.append(Entry(n=size, op=recorded.op, salt=salt, leaf=leaf, previous_hash=chained, hash=linked))
                nodes += grow(edge, size, leaf)
                size, chained = size + 1, linked
            await book_store.append(conn, entries, nodes)
            await book_store.keep_head(conn, self._signed_head(size, root_of_edge(edge, size), chained))
            return len(entries)

    def _signed_head(self, size: int, root: bytes, chained: bytes) -> Head:
        at = self._now()
        body = {"at": time_text(at), "head": chained.hex(), "root": root.hex(), "size": size}
        statement = canonical(self._signer.sign("book", body)).decode()
        return Head(size=size, at=at, root=root, head=chained, statement=statement)

    def _own_statement(self, head: Head) -> dict[str, Any]:
        """The head as it was signed; signed again if the house has another key now, so that one key checks a receipt."""
        statement: dict[str, Any] = json.loads(head.statement)
        if statement["key"] == self._signer.public_hex:
            return statement
        return self._signer.sign("book", {name: statement[name] for name in ("at", "head", "root", "size")})

    async def receipt(self, conn: Connection, party_id: int, op: UUID) -> dict[str, Any] | None:
        """The party's signed receipt for an operation; None if there is no such operation, or it is none of its business.
        An operation that nobody has sealed yet is sealed first.
        """
        found = await book_store.recorded(conn, [op])
        if not found or not concerns(found[0], party_id):
            return None
        entry = await book_store.entry_of(conn, op)
        while entry is None:
            if await self.seal(conn) == 0:
                await asyncio.sleep(0.01)  # another node has its turn, and its entries are about to be there
            entry = await book_store.entry_of(conn, op)
        newest = await book_store.newest_head(conn)
        assert newest is not None, "an entry is never stored without a signed head"
        n, salt = entry
        neighbours = nodes_of_path(n, newest.size)
        known = await book_store.nodes(conn, [place for places in neighbours for place in places])
        (recorded,) = found
        body = {
            "kind": RECEIPT_KIND,
            "party": party_id,
            "entry": entry_of(recorded, salt),
            "lines": [
                {**shown_line(line), "salt": line_salt(salt, line.n).hex()} for line in lines_for(recorded, party_id)
            ],
            "n": n,
            "path": [node.hex() for node in path_of_nodes(neighbours, known)],
            "book": self._own_statement(newest),
        }
        return self._signer.sign("posting receipt", body)
