"""Aliases: from all that is public of several lots nobody can tell which paddles are the same party, before disclosure.

The same parties bid the same amounts in two houses in which only the order and the ids of the parties differ; whatever
a stranger is shown must not tell the one house from the other.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from auction import desk, store
from tests.auction.house import a_lot, serve

if TYPE_CHECKING:
    from migrations.database import Pool

LOTS = range(1, 41)
PARTIES = tuple(range(9_000_001, 9_000_007))


async def opened(pool: Pool) -> dict[int, dict[int, int]]:
    """Every party admitted to every lot, always in the same order; the paddles by lot."""
    paddles: dict[int, dict[int, int]] = {}
    async with pool.acquire() as conn, conn.transaction():
        now = await store.database_time(conn)
        for lot in LOTS:
            await desk.open_lot(conn, a_lot(lot), now)
            paddles[lot] = {party: await desk.admit(conn, lot_id=lot, party_id=party, now=now) for party in PARTIES}
    return paddles


async def test_no_paddle_follows_from_party_order_or_another_lots_paddle(pool: Pool) -> None:
    paddles = await opened(pool)
    # By order of admission: the rank of a party's paddle among the lot's is spread over all ranks.
    ranks = [sorted(of_lot.values()).index(of_lot[PARTIES[0]]) for of_lot in paddles.values()]
    assert len(set(ranks)) >= 4
    # By the number itself: the same party hardly ever has the same paddle twice, nor the same distance between lots.
    for party in PARTIES:
        numbers = [paddles[lot][party] for lot in LOTS]
        steps = [after - before for before, after in pairwise(numbers)]
        assert len(set(numbers)) > 30 and len(set(steps)) > 30
    assert not {number for of_lot in paddles.values() for number in of_lot.values()} & set(PARTIES)


async def test_what_a_stranger_is_shown_names_nobody_and_has_the_same_fields_for_all(pool: Pool) -> None:
    await opened(pool)
    async with serve(pool) as house, house.connect() as stranger:
        for lot in (1, 2):
            amount = 1_000_000
            for party in PARTIES if lot == 1 else reversed(PARTIES):
                async with house.connect(party) as client:
                    assert (await client.bid(lot, amount))["type"] == "accepted"
                amount += 10_000
        shown = [await stranger.subscribe(lot) for lot in (1, 2)]
        logs = [await stranger.log(lot) for lot in (1, 2)]
    text = json.dumps([shown, logs])
    assert not [party for party in PARTIES if str(party) in text]
    assert [_without_chance(row) for row in logs[0]] == [_without_chance(row) for row in logs[1]]
    leaders = [{row["leader"] for row in log if row["kind"] == "bid"} for log in logs]
    assert len(leaders[0]) == len(leaders[1]) == len(PARTIES)


def _without_chance(row: dict[str, Any]) -> dict[str, Any]:
    """A row without what differs by its nature: times, hashes, the lot, and which random paddle it is."""
    lines = [{**line, "paddle": "paddle"} for line in row["lines"]]
    told = {"hash": "", "at": "", "ends_at": "", "lot": "", "lines": lines}
    return {**row, **told, "leader": row["leader"] is not None}
