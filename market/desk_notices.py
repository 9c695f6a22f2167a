"""What operators are told: that somebody's claim, an arbitration or a chargeback waits for one of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from escrow.facts import Action, Case, CaseEvent, State
from market import notices
from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Connection

_queries = load_queries("market", "claims")


async def tell_operators(
    conn: Connection, but: Collection[int], kind: str, params: Mapping[str, str | int], link: str, now: datetime
) -> None:
    """The same notice to every operator but those whom it concerns as parties."""
    operators = [row["id"] for row in await conn.fetch(_queries.other_operators, sorted(but))]
    await notices.notify(conn, operators, kind, params, link, now)


async def on_case_changed(conn: Connection, case: Case, event: CaseEvent, named: Mapping[str, str | int]) -> None:
    """A claim is new; an arbitration has nobody who rules, from its beginning, after an appeal, or after one who was late."""
    params = {**named, "deal": case.id}
    kind = None
    if event.action is Action.CLAIM:
        kind = "desk_claim"
    elif event.to_state is State.ARBITRATION and _is_free(case):
        kind = "desk_arbitration"
    if kind is not None:
        parties = (case.buyer_id, case.seller_id)
        await tell_operators(conn, parties, kind, params, f"/operator/claims/{case.id}", event.at)


def _is_free(case: Case) -> bool:
    return case.claim is not None and case.claim.arbiter_id is None
