"""The shill score over the auction's own records: open and closed lots of the last year, read when an operator asks."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct, convert

from market.fraud_facts import LinkState, Verdict, verdict
from market.shill_score import Pair, Play, Suspicion, pairs, suspicions
from migrations.queries import load_queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from migrations.database import Connection

_queries = load_queries("market", "shill")
LOOKED_BACK = timedelta(days=365)
MOST_LOTS = 2_000
MOST_SHOWN = 50


class Suspected(Struct, frozen=True, kw_only=True):
    """What an operator sees: the highest scores, the closest pairs, names, and what is decided about a pair already."""

    suspicions: list[Suspicion]
    pairs: list[Pair]
    names: dict[int, str]
    verdicts: dict[tuple[int, int], Verdict]

    def verdict(self, bidder_id: int, seller_id: int) -> Verdict:
        return self.verdicts.get((bidder_id, seller_id), Verdict.FREE)


async def plays(conn: Connection, now: datetime) -> list[Play]:
    """Who bid how on the newest lots."""
    rows = await conn.fetch(_queries.plays, now - LOOKED_BACK, MOST_LOTS)
    return [convert(dict(row), Play) for row in rows]


async def suspected(conn: Connection, now: datetime) -> Suspected:
    """The scores and pairs of now."""
    played = await plays(conn, now)
    # Thousands of plays are some tenths of a second of arithmetic, in which the saleroom must go on.
    ranked, close = await asyncio.to_thread(lambda: (suspicions(played)[:MOST_SHOWN], pairs(played)[:MOST_SHOWN]))
    people = {each.bidder_id for each in ranked} | {each.seller_id for each in ranked}
    people |= {pair.seller_id for pair in close}
    people |= {party_id for pair in close for party_id in pair.bidder_ids}
    names = {row["id"]: row["display_name"] for row in await conn.fetch(_queries.names, sorted(people))}
    asked = [(each.bidder_id, each.seller_id) for each in ranked]
    return Suspected(suspicions=ranked, pairs=close, names=names, verdicts=await _verdicts(conn, asked))


async def _verdicts(conn: Connection, asked: Sequence[tuple[int, int]]) -> dict[tuple[int, int], Verdict]:
    bidders, sellers = [bidder for bidder, _ in asked], [seller for _, seller in asked]
    states: dict[tuple[int, int], list[LinkState]] = {}
    for row in await conn.fetch(_queries.links_of_pairs, bidders, sellers):
        states.setdefault((row["bidder_id"], row["seller_id"]), []).append(LinkState(row["state"]))
    return {pair: verdict(found) for pair, found in states.items()}
