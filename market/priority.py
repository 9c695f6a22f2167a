"""Rights of priority [优先购买权]: the operator confirms who holds one on a lot, and its rank, with a reason in the audit trail.

What a right means for bidding is the auction's. Each function is one transaction of the caller's.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from auction import desk
from auction.facts import DeskRefusal
from market import audit, deals_store, notices
from market.listing_facts import LONGEST_REASON
from migrations.queries import load_queries

if TYPE_CHECKING:
    from datetime import datetime

    from migrations.database import Connection

LOWEST_RANK = 99

_queries = load_queries("market", "priority")


class PriorityRefusal(StrEnum):
    """Why a right was not confirmed, in the order tested. The sentence is `market_refusal.<value>`."""

    NO_SUCH_LOT = "no_such_lot"
    REASON_MISSING = "reason_missing"
    RANK_OUT_OF_RANGE = "rank_out_of_range"


class Holder(Struct, frozen=True, kw_only=True):
    """A party admitted to the lot, and its confirmed right, if it has one."""

    party_id: int
    name: str
    paddle: int
    rank: int | None


async def confirm(
    conn: Connection, *, lot_id: int, party_id: int, rank: int | None, operator_id: int, reason: str, now: datetime
) -> PriorityRefusal | DeskRefusal | None:
    """Confirm the party's right by its rank, 1 the best, or take it back (None). After the commit refresh the lot."""
    if not (stated := reason.strip()[:LONGEST_REASON]):
        return PriorityRefusal.REASON_MISSING
    if rank is not None and not 1 <= rank <= LOWEST_RANK:
        return PriorityRefusal.RANK_OUT_OF_RANGE
    try:
        refusal = await desk.confirm_priority(conn, lot_id=lot_id, party_id=party_id, rank=rank, now=now)
    except desk.UnknownLotError:
        return PriorityRefusal.NO_SUCH_LOT
    if refusal is not None:
        return refusal
    act = "lot.priority_confirmed" if rank is not None else "lot.priority_withdrawn"
    await audit.record(conn, operator_id, act, f"lot:{lot_id}", stated, {"party": party_id, "rank": rank}, now)
    lot = await deals_store.hammer_lot(conn, lot_id)
    params: dict[str, str | int] = {
        "lot": lot_id,
        "title_en": lot.title_en or lot.title_zh,
        "title_zh": lot.title_zh or lot.title_en,
    }
    kind = "priority_withdrawn" if rank is None else "priority_confirmed"
    params |= {} if rank is None else {"rank": rank}
    await notices.notify(conn, [party_id], kind, params, f"/lots/{lot_id}", now)
    return None


async def holders(conn: Connection, lot_id: int) -> list[Holder]:
    """Everybody who may bid on the lot, holders first by rank."""
    return [Holder(**dict(row)) for row in await conn.fetch(_queries.holders, lot_id)]
