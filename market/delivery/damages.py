"""What a deal's late delivery comes to by its contract as it stands: a figure to claim by, never a payment."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from escrow.facts import HOLDING, Case
from market import deals_store
from market.contracting import desk as contracting
from market.contracting import store as contracts
from market.delivery import store
from market.delivery.lateness import Lateness, lateness

if TYPE_CHECKING:
    from migrations.database import Connection


async def late_delivery(conn: Connection, case: Case, now: datetime) -> Lateness | None:
    """How late the goods of this case are while its money is held; of the price that is the case's own."""
    contract_id = await contracts.id_of_case(conn, case.id) if case.state in HOLDING else None
    if contract_id is None:
        return None
    contract = await contracting.certain(conn, contract_id)
    dates = await store.dates_of(conn, case.id, await deals_store.root_of_case(conn, case.id))
    if not contract.is_trade or dates is None:
        return None
    return lateness(contract.terms, case.own_minor, dates, now.astimezone(UTC).date())
