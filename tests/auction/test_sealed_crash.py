"""The opening's own crash points: a node that dies with the bids opened, and before they are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from unittest.mock import patch
from uuid import uuid4

import msgspec
import pytest

from auction import desk, store
from auction.bidding import Bidding
from auction.chain import EventKind
from auction.facts import Bid, Lot, Outcome, Phase
from auction.formats import sealed
from tests.auction.house import Node, log_of, open_lot, open_node, until
from tests.auction.sealed_lots import ANN, BOB, KEY, a_lot, details_of

if TYPE_CHECKING:
    from migrations.database import Connection, Pool


async def sealed_bids(node: Node, lot: Lot, paddles: dict[int, int], sums: dict[int, int]) -> None:
    """Each party's sealed bid, as a program sends it."""
    for party, amount in sums.items():
        answer = await node.bidding.submit(
            Bid(
                lot_id=lot.id,
                party_id=party,
                client_bid_id=uuid4(),
                amount_minor=0,
                is_maximum=False,
                stamped_at=node.node_time.now(),
                details=msgspec.json.encode(details_of(lot, paddles[party], amount)),
            )
        )
        assert answer.refusal is None


async def unsealed(conn: Connection, lot_id: int) -> None:
    """The last officer's transaction, as far as the auction's part of it goes."""
    room = await desk.locked(conn, lot_id)
    done = sealed.unseal(room.lot, room.standing, KEY, None, room.paddles)
    assert isinstance(done, tuple), done
    await desk.log(conn, room, EventKind.UNSEALED, done[0], await store.database_time(conn), detail=done[1])


async def test_whoever_dies_with_the_bids_opened_another_node_closes_the_lot_once(pool: Pool) -> None:
    began = datetime.now(UTC) - timedelta(seconds=59)
    lot = a_lot(starts_at=began)
    paddles = await open_lot(pool, lot, ANN, BOB)
    async with open_node(pool) as node:
        await sealed_bids(node, lot, paddles, {ANN: 700, BOB: 500})
        assert [row.seq for row in await log_of(pool, lot.id)] == [1]

        async def waits() -> bool:
            room = await node.bidding.room(lot.id)
            return room is not None and room.standing.phase is Phase.OPENING

        await until(waits)
    async with pool.acquire() as conn:
        rolled_back = conn.transaction()
        await rolled_back.start()
        await unsealed(conn, lot.id)
        await rolled_back.rollback()
        room = (await store.rooms(conn, [lot.id]))[lot.id]
        assert (room.standing.phase, room.standing.seq) == (Phase.OPENING, 4)
        async with conn.transaction():
            await unsealed(conn, lot.id)

    async with open_node(pool) as other:

        async def closed() -> bool:
            return bool(other.hammers.calls)

        await until(closed)
        hammer = other.hammers.calls[0]
        await other.bidding.refresh(lot.id)
    assert (hammer.outcome, hammer.winner_id, hammer.price_minor) == (Outcome.SOLD, ANN, 500)
    assert hammer.awards[0].total_minor == 500 and len(other.hammers.calls) == 1
    kinds = [msgspec.json.decode(row.body)["kind"] for row in await log_of(pool, lot.id)]
    assert kinds == ["opened", "bid", "bid", "phase", "unsealed", "closed"]


@pytest.mark.parametrize("withdraws", [False, True])
async def test_whoever_dies_at_the_end_of_a_lot_without_bids_another_node_closes_it(
    pool: Pool, withdraws: bool
) -> None:
    """The end is written before the close; nobody opens a lot that holds no bid, so a node that starts must look for it."""
    lot = a_lot(starts_at=datetime.now(UTC) - timedelta(seconds=59.5))
    paddles = await open_lot(pool, lot, ANN)

    async def waits() -> bool:
        async with pool.acquire() as conn:
            return (await store.rooms(conn, [lot.id]))[lot.id].standing.phase is Phase.OPENING

    async def dies(_: object, lot_id: int) -> None:
        """Nothing more comes of the lot at this node."""

    with patch.object(Bidding, "_close", dies):
        async with open_node(pool) as node:
            if withdraws:
                await sealed_bids(node, lot, paddles, {ANN: 700})
                assert (await node.bid(lot.id, ANN, 0, details=b'{"withdraw":true}')).refusal is None
            await until(waits)
    async with open_node(pool) as other:

        async def closed() -> bool:
            return bool(other.hammers.calls)

        await until(closed, 5)
    assert other.hammers.calls[0].outcome is Outcome.UNSOLD
