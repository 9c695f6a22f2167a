"""A member who owes the house bids on nothing new: whatever right to bid he has rests until he has repaid.

Admission asks for his debts (market/applications.py); what is here is for debts that arise and end while lots are open.
The clock does it, lot by lot, each in a transaction of its own: a chargeback holds accounts, and lots are locked before.
Bids ask for nothing but their admission, as ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from auction import desk
from escrow import debts
from escrow.facts import DepositState
from market import applications, audit, fraud_links
from market.application_facts import Application, ApplicationRefusal, LotDoor
from market.currencies import amounts_text
from market.fraud_facts import Verdict
from migrations.queries import load_queries

if TYPE_CHECKING:
    from datetime import datetime

    from escrow.desk import EscrowDesk
    from migrations.database import Connection

_queries = load_queries("market", "applications")


async def rest_one(conn: Connection, now: datetime) -> bool:
    """The right to bid of one debtor rests: no paddle until he has repaid. What he has bid stands, as every bid does.
    Whether there was one to look at.
    """
    found = await conn.fetchrow(_queries.debtor_to_rest)
    if found is None:
        return False
    lot_id, party_id = found["lot_id"], found["party_id"]
    application, lot = await _locked(conn, lot_id, party_id)
    owed = await debts.owed_by(conn, party_id)
    if application is None or lot is None or lot.over or not owed:
        return True
    await rest(conn, application, lot, owed, now)
    return True


async def rest(conn: Connection, application: Application, lot: LotDoor, owed: dict[str, int], now: datetime) -> None:
    """Take the paddle back, if there is one, and tell its holder why and what to do."""
    if application.admitted_at is not None:
        await desk.remove_admission(conn, lot_id=lot.id, party_id=application.party_id, now=now)
    await conn.execute(_queries.mark_resting, application.id, now)
    detail = {"party": application.party_id, "admitted": application.admitted_at is not None}
    await audit.record(conn, None, "admission.removed", f"lot:{lot.id}", "owes the house", detail, now)
    await applications.tell_of_debt(conn, application, lot, owed, now)


async def resume_one(conn: Connection, escrow: EscrowDesk, now: datetime) -> bool:
    """One right to bid that rested is given again, as its holder owes nothing any more; not if the lot is over, something
    else bars him, or his deposit is gone. Whether there was one to look at.
    """
    found = await conn.fetchrow(_queries.right_to_resume)
    if found is None:
        return False
    lot_id, party_id = found["lot_id"], found["party_id"]
    application, lot = await _locked(conn, lot_id, party_id)
    if application is None or application.rests_since is None:
        return True
    await conn.execute(_queries.mark_not_resting, application.id)
    if lot is None or lot.over:
        return True
    held = True
    if application.deposit_id is not None:
        deposit = await escrow.deposits.deposit_by_id(conn, application.deposit_id)
        held = deposit is not None and deposit.state is DepositState.HELD
    if held and await fraud_links.links_found(conn, lot.seller_id, party_id, now) is not Verdict.BARRED:
        await applications.admit_again(conn, lot_id, party_id, now)
    return True


async def refusal_figures(conn: Connection, done: object, party_id: int | None) -> dict[str, Any]:
    """What the sentence of a refusal names: of one for debts the sums."""
    if done is not ApplicationRefusal.OWES_THE_HOUSE or party_id is None:
        return {}
    owed = await debts.owed_by(conn, party_id)
    listed = [{"currency": currency, "owed_minor": str(minor)} for currency, minor in owed.items()]
    return {"sums": amounts_text(owed.items()), "debts": listed}


async def _locked(conn: Connection, lot_id: int, party_id: int) -> tuple[Application | None, LotDoor | None]:
    await applications.lock_subject(conn, applications.subject_of(lot_id))
    row = await conn.fetchrow(_queries.lock_application_of, lot_id, party_id)
    door = await conn.fetchrow(_queries.lot_to_apply_for, lot_id)
    return (
        None if row is None else msgspec.convert(dict(row), Application),
        None if door is None else msgspec.convert(dict(door), LotDoor),
    )
