"""A look at a lot that keeps a book reads its log once for each version, and not at all where the node bids on it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from msgspec import json
from msgspec.structs import replace

from auction import desk, store
from auction.books import Books
from auction.facts import Bid
from auction.formats.uniform import UniformRule
from tests.auction.house import ANN, BOB, a_lot, open_lot, open_node

if TYPE_CHECKING:
    from auction.public import PublicState
    from migrations.database import Pool

UNITS = UniformRule(start_price_minor=100, step_minor=10, quantity=10, timed_seconds=3600)


async def test_the_log_is_read_once_for_each_version_and_never_where_the_node_knows_the_lot(pool: Pool) -> None:
    await open_lot(pool, replace(a_lot(), rule=UNITS), ANN, BOB)

    async def looked(books: Books | None) -> tuple[PublicState | None, object, int]:
        """The state, ANN's own view, and how often the log was read for them."""
        async with pool.acquire() as conn:
            asked: list[str] = []
            with conn.query_logger(lambda query: asked.append(query.query)):
                view = await store.lot_view(conn, 1, books)
                own = await store.own_detail(conn, 1, ANN, datetime.now(UTC), books)
            await asyncio.sleep(0)  # The logger is called a turn of the loop later.
            return view and replace(view, server_at=view.starts_at), own, asked.count(store.queries.log_until)

    async with open_node(pool) as node:
        bidding, others = node.bidding, Books(lambda lot_id: None, 2)

        async def bid(price: int) -> None:
            details = json.encode({"quantity": 3})
            wanted = Bid(lot_id=1, party_id=ANN, client_bid_id=uuid4(), amount_minor=price, is_maximum=False,
                         stamped_at=node.node_time.now(), details=details)  # fmt: skip
            assert (await bidding.submit(wanted)).refusal is None

        await bid(120)
        for reads in (1, 0):
            plain, cached, elsewhere = await looked(None), await looked(bidding.books), await looked(others)
            assert plain[:2] == cached[:2] == elsewhere[:2]
            assert (plain[2], cached[2], elsewhere[2]) == (2, 0, reads)
        await bid(130)
        plain, cached, elsewhere = await looked(None), await looked(bidding.books), await looked(others)
        assert plain[:2] == cached[:2] == elsewhere[:2] and (cached[2], elsewhere[2]) == (0, 1)
        # Somebody else moves it: what the node knows is older than what is stored, and is not shown.
        async with pool.acquire() as conn, conn.transaction():
            await desk.extend(conn, 1, datetime.now(UTC) + timedelta(hours=5), node.node_time.now())
        plain, cached = await looked(None), await looked(bidding.books)
        assert plain[:2] == cached[:2] and plain[0] is not None and plain[0].seq == 2
