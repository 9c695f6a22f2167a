"""What operators do about links between bidders and sellers: bar, clear, look. Each act with its reason in the audit trail.

Each function is one step of the caller's transaction. A bar takes admissions back, clearing gives them again.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import convert

from market import applications, audit, fraud_links
from market.fraud_facts import FraudRefusal, Link, LinkRow, LinkState, Verdict
from market.listing_facts import LONGEST_REASON
from migrations.queries import load_queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from migrations.database import Connection

_queries = load_queries("market", "fraud")


async def decide(
    conn: Connection, *, link_id: int, bars: bool, operator_id: int, reason: str, now: datetime
) -> Link | FraudRefusal:
    """The operator's word on a link: it bars, or it is cleared. Clearing gives back what the link alone had taken."""
    row = await conn.fetchrow(_queries.lock_link, link_id)
    if row is None:
        return FraudRefusal.NO_SUCH_LINK
    if not (stated := reason.strip()[:LONGEST_REASON]):
        return FraudRefusal.REASON_MISSING
    state = LinkState.BARRING if bars else LinkState.CLEARED
    if row["state"] == state and row["decided_by"] is not None:
        return FraudRefusal.ALREADY_SO
    decided = await conn.fetchrow(_queries.decide_link, link_id, state, operator_id, now, stated)
    assert decided is not None, "the row is locked"
    link = convert(dict(decided), Link)
    await _record(conn, link, operator_id, stated, now)
    await _carry_out(conn, link, operator_id, stated, now)
    return link


async def bar_from_seller(
    conn: Connection, *, seller_id: int, bidder_id: int, operator_id: int, reason: str, now: datetime
) -> Link | FraudRefusal:
    """Keep a bidder from one seller's lots, for what the operator has seen."""
    if len(await conn.fetch(_queries.party_names, [seller_id, bidder_id])) < len({seller_id, bidder_id}):
        return FraudRefusal.UNKNOWN_PARTY
    if seller_id == bidder_id:
        return FraudRefusal.SELLER_IS_BIDDER
    if not (stated := reason.strip()[:LONGEST_REASON]):
        return FraudRefusal.REASON_MISSING
    row = await conn.fetchrow(_queries.bar_pair, seller_id, bidder_id, operator_id, now, stated)
    assert row is not None, "the statement returns what it writes"
    link = convert(dict(row), Link)
    await _record(conn, link, operator_id, stated, now)
    await _carry_out(conn, link, operator_id, stated, now)
    return link


async def links_page(conn: Connection, state: LinkState | None, limit: int, offset: int) -> tuple[list[LinkRow], int]:
    """Links in one state, or all, the newest first, and how many there are."""
    rows: Sequence[object] = await conn.fetch(_queries.links_page, state, limit, offset)
    total = await conn.fetchval(_queries.count_links, state)
    return [convert(dict(row), LinkRow) for row in rows], int(total)  # type: ignore[call-overload]


async def flags_of(conn: Connection, application_ids: Sequence[int]) -> dict[int, bool]:
    """Which of these applications are linked to their seller: True bars, False is to be decided."""
    rows = await conn.fetch(_queries.open_flags_of_lots, list(application_ids))
    return {row["application_id"]: row["barring"] for row in rows}


async def _record(conn: Connection, link: Link, operator_id: int, reason: str, now: datetime) -> None:
    detail = {"link": link.id, "seller": link.seller_id, "kind": link.kind}
    await audit.record(conn, operator_id, f"link.{link.state}", f"party:{link.bidder_id}", reason, detail, now)


async def _carry_out(conn: Connection, link: Link, operator_id: int, reason: str, now: datetime) -> None:
    if link.state is LinkState.BARRING:
        await fraud_links.enforce(conn, link.seller_id, link.bidder_id, operator_id, reason, now)
    elif await fraud_links.standing_verdict(conn, link.seller_id, link.bidder_id) is not Verdict.BARRED:
        for row in await conn.fetch(_queries.lots_to_admit_again, link.seller_id, link.bidder_id):
            await applications.admit_again(conn, row["lot_id"], link.bidder_id, now)
