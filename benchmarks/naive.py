"""The usual way to take a bid, to compare with: lock the lot's row, judge, update, insert, commit, one transaction a bid.

It writes the same rows under the same checks as the house; the lot's fixed facts are kept in memory.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from auction import store
from auction.batch import Answer, judge_batch
from migrations.database import Role, create_pool

if TYPE_CHECKING:
    from auction.batch import Room
    from auction.facts import Bid
    from migrations.database import Address, Pool

CONNECTIONS = 16

INSERT_BID = """
insert into auction.bid
    (party_id, client_bid_id, lot_id, stamped_at, amount_minor, is_maximum, refusal, lowest_minor, seq, leads)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"""
LOCK = "select version, seq, head, price_minor from auction.standing where lot_id = $1 for update"


class TransactionPerBid:
    """One pool of connections, one transaction a bid."""

    def __init__(self, pool: Pool, rooms: dict[int, Room], step_minor: int) -> None:
        self._pool = pool
        self.rooms = rooms
        self._step_minor = step_minor

    @classmethod
    async def opened(cls, address: Address, lot_ids: Iterable[int], step_minor: int) -> TransactionPerBid:
        """On the lots as they stand now; nobody else may bid on them meanwhile."""
        pool = await create_pool(address, Role.APP, min_size=CONNECTIONS, max_size=CONNECTIONS)
        async with pool.acquire() as conn:
            return cls(pool, await store.rooms(conn, lot_ids), step_minor)

    async def close(self) -> None:
        await self._pool.close()

    async def bid(self, bid: Bid) -> Answer:
        """Bid one step above the price that is found under the lock, so that no bid is wasted."""
        async with self._pool.acquire() as conn, conn.transaction():
            row = await conn.fetchrow(LOCK, bid.lot_id)
            assert row is not None
            room = self.rooms[bid.lot_id]
            # The lock came first, so what this node remembers of the lot is what the row says.
            assert room.standing.version == row["version"]
            bid = replace(bid, amount_minor=(room.standing.price_minor or 0) + self._step_minor)
            judged = judge_batch(room, [bid])
            (answer,) = judged.answers
            if judged.is_changed:
                standing = replace(judged.standing, version=room.standing.version + 1)
                await store.append_event(conn, judged.events[0])
                await store.save_standing(conn, bid.lot_id, standing)
            await conn.execute(
                INSERT_BID,
                bid.party_id,
                bid.client_bid_id,
                bid.lot_id,
                bid.stamped_at,
                bid.amount_minor,
                False,
                answer.refusal,
                answer.lowest_minor,
                answer.seq,
                answer.leading,
            )
            if judged.is_changed:
                room.standing = standing
        return answer
