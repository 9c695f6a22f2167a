"""Who may bid on which lot: apply, confirm, freeze the deposit, be admitted with a paddle.

Each function is one transaction of the caller's and may be repeated: the second time finds the first one's effect.
The paddle is given in the transaction in which the deposit is held, so nobody is admitted without his deposit and
nobody's deposit is held without his paddle. Locks go lot, then application, then deposit, as in the close.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from auction import desk
from escrow import debts
from escrow.deposits import Deposits
from escrow.facts import Refusal as EscrowRefusal
from escrow.hooks import Hooks
from market import audit, fraud_links, notices
from market.application_facts import (
    Application,
    ApplicationRefusal,
    ApplicationState,
    LotDoor,
    NextStep,
    Qualification,
    next_step,
)
from market.currencies import amounts_text
from market.fraud_facts import Verdict
from market.listing_facts import LONGEST_REASON
from migrations.queries import load_queries

if TYPE_CHECKING:
    from datetime import datetime

    from asyncpg import Record

    from escrow.desk import EscrowDesk
    from escrow.facts import Deposit
    from migrations.database import Connection

__all__ = [
    "Application",
    "ApplicationRefusal",
    "ApplicationState",
    "NextStep",
    "Qualification",
    "admit_again",
    "application_state",
    "apply",
    "confirm",
    "deposit_can_fall",
    "freeze_from_wallet",
    "on_deposit_held",
    "on_deposit_taken_back",
    "owed_still",
    "party_of",
    "reject",
    "tell_of_debt",
]

_queries = load_queries("market", "applications")


async def apply(conn: Connection, *, lot_id: int, party_id: int, now: datetime) -> Application | ApplicationRefusal:
    """Ask to bid on the lot. Asking again gives the application as it stands."""
    lot = await _door_of(conn, lot_id)
    if lot is None:
        return ApplicationRefusal.NO_SUCH_LOT
    if lot.seller_id == party_id:
        return ApplicationRefusal.SELLER_MAY_NOT_BID
    await owed_still(conn, party_id, now)
    if (bar := await _bar(conn, lot_id, party_id)) is not None:
        return bar
    if await _is_linked(conn, lot, party_id, now):
        return ApplicationRefusal.LINKED_TO_SELLER
    if lot.over:
        return ApplicationRefusal.LOT_IS_OVER
    await conn.execute(_queries.insert_application, lot_id, party_id, now)
    return _application(await conn.fetchrow(_queries.application_of, lot_id, party_id))


async def confirm(
    conn: Connection, escrow: EscrowDesk, *, application_id: int, operator_id: int, now: datetime
) -> Application | ApplicationRefusal:
    """The operator's yes. Without a deposit it admits at once; with one it asks for the money.

    A second yes gives the first one's result; a yes after a no is refused.
    """
    application = await _lock(conn, application_id)
    if application is None:
        return ApplicationRefusal.NO_SUCH_APPLICATION
    if application.state is not ApplicationState.APPLIED:
        return application if application.state is ApplicationState.APPROVED else ApplicationRefusal.ALREADY_DECIDED
    lot = await _door_of(conn, application.lot_id)
    assert lot is not None, "an application is for an approved lot, and an approved lot stays"
    if lot.over:
        return ApplicationRefusal.LOT_IS_OVER
    await owed_still(conn, application.party_id, now)
    if (bar := await _bar(conn, application.lot_id, application.party_id)) is not None:
        return bar
    if await _is_linked(conn, lot, application.party_id, now):
        return ApplicationRefusal.LINKED_TO_SELLER
    approved = await _approve(conn, escrow, application, lot, operator_id=operator_id, now=now)
    if approved.deposit_id is None:
        return await _admit(conn, approved, lot, now)
    return approved


async def owed_still(conn: Connection, party_id: int, now: datetime) -> dict[str, int]:
    """What the party owes, by currency, once what lies in its wallet has repaid what it can: nobody waits for the clock."""
    owed = {
        currency: await debts.repay(conn, party_id, currency, now) for currency in await debts.owed_by(conn, party_id)
    }
    return {currency: minor for currency, minor in owed.items() if minor}


async def party_of(conn: Connection, application_id: int) -> int | None:
    """Whose application it is."""
    found: int | None = await conn.fetchval(_queries.party_of_application, application_id)
    return found


async def reject(
    conn: Connection, *, application_id: int, operator_id: int, reason: str, now: datetime
) -> Application | ApplicationRefusal:
    """The operator's no, with the reason that the applicant reads."""
    application = await _lock(conn, application_id)
    if application is None:
        return ApplicationRefusal.NO_SUCH_APPLICATION
    if application.state is not ApplicationState.APPLIED:
        return ApplicationRefusal.ALREADY_DECIDED
    if not (stated := reason.strip()[:LONGEST_REASON]):
        return ApplicationRefusal.REASON_MISSING
    row = await conn.fetchrow(_queries.mark_application_rejected, application_id, operator_id, now, stated)
    await audit.record(conn, operator_id, "application.rejected", f"application:{application_id}", stated, {}, now)
    lot = await _door_of(conn, application.lot_id)
    assert lot is not None, "an application is for an approved lot, and an approved lot stays"
    await _tell(conn, application, lot, "application_rejected", now)
    return _application(row)


async def freeze_from_wallet(
    conn: Connection, escrow: EscrowDesk, *, lot_id: int, party_id: int, now: datetime
) -> Application | ApplicationRefusal:
    """Hold the deposit out of the party's wallet instead of waiting for a bank transfer; admits in the same breath."""
    await lock_subject(conn, subject_of(lot_id))
    application = await _lock_of(conn, lot_id, party_id)
    if application is None or application.state is not ApplicationState.APPROVED or application.deposit_id is None:
        return ApplicationRefusal.NO_DEPOSIT_DUE
    if application.admitted_at is not None:
        return application
    lot = await _door_of(conn, lot_id)
    assert lot is not None, "an application is for an approved lot, and an approved lot stays"
    await owed_still(conn, party_id, now)
    if (bar := await _bar(conn, lot_id, party_id)) is not None:
        return bar
    if await _is_linked(conn, lot, party_id, now):
        return ApplicationRefusal.LINKED_TO_SELLER
    if lot.over:
        return ApplicationRefusal.LOT_IS_OVER
    held = await escrow.deposits.freeze_from_wallet(conn, application.deposit_id, now)
    if held is EscrowRefusal.DEBT_FIRST:
        return ApplicationRefusal.DEBT_FIRST
    if isinstance(held, EscrowRefusal):
        return ApplicationRefusal.WALLET_TOO_LOW
    await on_deposit_held(conn, held, now)  # the escrow has called it already; twice has one effect
    return _application(await conn.fetchrow(_queries.application_of, lot_id, party_id))


async def lock_subject(conn: Connection, subject: str) -> None:
    """Lock the lot behind an escrow's subject. The escrow calls it before it locks a deposit."""
    if (lot_id := lot_of(subject)) is not None:
        await conn.execute(_queries.lock_lot_on_show, lot_id)


async def on_deposit_held(conn: Connection, deposit: Deposit, now: datetime) -> None:
    """The escrow's call in the transaction that freezes a deposit: its payer is admitted.

    The lot is locked and open here: the close, which takes the same lock, ends every deposit that is not yet held.
    Who was barred meanwhile, or is linked with the seller (by this very payment, perhaps), gets no paddle; his money is
    freed with the losers' at the close.
    """
    await fraud_links.note_sender(conn, deposit, now)
    lot_id = lot_of(deposit.subject)
    application = None if lot_id is None else await _lock_of(conn, lot_id, deposit.party_id)
    if application is None or application.admitted_at is not None:
        return
    lot = await _door_of(conn, application.lot_id)
    assert lot is not None and not lot.over, "a deposit is held only while its lot is open"
    if (bar := await _bar(conn, application.lot_id, deposit.party_id)) is not None:
        if bar is ApplicationRefusal.OWES_THE_HOUSE:
            await _rests(conn, application, lot, now)
        return
    if await _is_linked(conn, lot, deposit.party_id, now):
        await fraud_links.tell_bidder(conn, deposit.party_id, lot.id, lot.title_zh, lot.title_en, now)
        return
    await _admit(conn, application, lot, now)


async def deposit_can_fall(conn: Connection, deposit: Deposit) -> bool:
    """The escrow's question, the lot locked: while the lot is open a deposit secures nothing but its bidder's paddle. After
    the close it is there for a deal, or for the runner-up's, and whoever was promised it keeps it.
    """
    lot_id = lot_of(deposit.subject)
    lot = None if lot_id is None else await _door_of(conn, lot_id)
    return lot is not None and not lot.over


async def on_deposit_taken_back(conn: Connection, deposit: Deposit, now: datetime) -> None:
    """The escrow's call when a bank took back what had paid a deposit: no deposit, no bid. The paddle is taken back and the
    deposit asked for anew. What was bid under it stands, as every bid does.
    """
    lot_id = lot_of(deposit.subject)
    application = None if lot_id is None else await _lock_of(conn, lot_id, deposit.party_id)
    if application is None or application.deposit_id != deposit.id:
        return
    lot = await _door_of(conn, application.lot_id)
    assert lot is not None and not lot.over, "a deposit falls only while its lot is open"
    if application.admitted_at is not None:
        await desk.remove_admission(conn, lot_id=lot.id, party_id=deposit.party_id, now=now)
    asked = await Deposits(Hooks()).request_deposit(
        conn,
        subject=deposit.subject,
        party_id=deposit.party_id,
        amount_minor=lot.deposit_minor,
        currency=lot.currency,
        now=now,
    )
    await conn.execute(_queries.mark_deposit_asked_anew, application.id, asked.id)
    detail = {"party": deposit.party_id, "deposit": deposit.id, "admitted": application.admitted_at is not None}
    await audit.record(conn, None, "admission.removed", f"lot:{lot.id}", "deposit taken back", detail, now)
    await _tell(conn, application, lot, "deposit_taken_back", now)


async def admit_again(conn: Connection, lot_id: int, party_id: int, now: datetime) -> None:
    """What barred the party has been cleared: it has the operator's yes and its deposit, and gets its paddle back; if it owes
    the house, once that is repaid.
    """
    await lock_subject(conn, subject_of(lot_id))
    application, lot = await _lock_of(conn, lot_id, party_id), await _door_of(conn, lot_id)
    if application is None or lot is None or lot.over:
        return
    bar = await _bar(conn, lot_id, party_id)
    if bar is None:
        await _admit(conn, application, lot, now)
    elif bar is ApplicationRefusal.OWES_THE_HOUSE and application.rests_since is None:
        await _rests(conn, application, lot, now)


async def application_state(
    conn: Connection, escrow: EscrowDesk, lot_id: int, party_id: int | None
) -> Qualification | None:
    """Where the viewer stands before the lot and what to do next; None when there is no such lot on show."""
    lot = await _door_of(conn, lot_id)
    if lot is None:
        return None
    application, bar, linked = None, None, False
    if party_id is not None:
        row = await conn.fetchrow(_queries.application_of, lot_id, party_id)
        application = None if row is None else _application(row)
        bar = await _bar(conn, lot_id, party_id)
        linked = await fraud_links.standing_verdict(conn, lot.seller_id, party_id) is Verdict.BARRED
    step = next_step(lot, party_id, application, bar=bar, linked=linked)
    stands = Qualification(step=step, lot_id=lot_id, currency=lot.currency, deposit_minor=lot.deposit_minor)
    if step is NextStep.OWES_THE_HOUSE and party_id is not None:
        owed = tuple((await debts.owed_by(conn, party_id)).items())
        return msgspec.structs.replace(
            stands, owed=owed, rests=application is not None and application.rests_since is not None
        )
    if application is None or party_id is None:
        return stands
    stands = msgspec.structs.replace(stands, paddle=application.paddle, reason=application.reason)
    if step is not NextStep.PAY_DEPOSIT or application.deposit_id is None:
        return stands
    deposit = await escrow.deposits.deposit_by_id(conn, application.deposit_id)
    assert deposit is not None, "an approved application names its deposit"
    balance_minor = await escrow.wallet.balance(conn, party_id, lot.currency)
    return msgspec.structs.replace(
        stands, reference=deposit.reference, deposit_id=deposit.id, balance_minor=balance_minor
    )


_LOT_SUBJECT = re.compile(r"lot:([0-9]+)(?:/paddle:[0-9]+)?")


def subject_of(lot_id: int, paddle: int | None = None) -> str:
    """The name under which the escrow knows a lot: its deposits, and its case. Where several buyers each take a part, each
    part's case is named by the buyer's paddle.
    """
    return f"lot:{lot_id}" if paddle is None else f"lot:{lot_id}/paddle:{paddle}"


def lot_of(subject: str) -> int | None:
    """The lot behind an escrow's subject, if it is one, or one buyer's part of one."""
    found = _LOT_SUBJECT.fullmatch(subject)
    return None if found is None else int(found[1])


async def _approve(
    conn: Connection, escrow: EscrowDesk, application: Application, lot: LotDoor, *, operator_id: int, now: datetime
) -> Application:
    deposit_id = None
    if lot.deposit_minor:
        deposit = await escrow.deposits.request_deposit(
            conn,
            subject=subject_of(lot.id),
            party_id=application.party_id,
            amount_minor=lot.deposit_minor,
            currency=lot.currency,
            now=now,
        )
        deposit_id = deposit.id
    row = await conn.fetchrow(_queries.mark_application_approved, application.id, operator_id, now, deposit_id)
    await audit.record(
        conn, operator_id, "application.confirmed", f"application:{application.id}", None, {"lot": lot.id}, now
    )
    if deposit_id is not None:
        await _tell(conn, application, lot, "deposit_due", now)
    return _application(row)


async def _admit(conn: Connection, application: Application, lot: LotDoor, now: datetime) -> Application:
    paddle = await desk.admit(conn, lot_id=lot.id, party_id=application.party_id, now=now)
    row = await conn.fetchrow(_queries.mark_application_admitted, application.id, paddle, now)
    await _tell(conn, application, lot, "admitted", now, paddle=paddle)
    return _application(row)


async def _rests(conn: Connection, application: Application, lot: LotDoor, now: datetime) -> None:
    """Nothing but its debt keeps the party from its paddle."""
    await conn.execute(_queries.mark_resting, application.id, now)
    await tell_of_debt(conn, application, lot, await debts.owed_by(conn, application.party_id), now)


async def tell_of_debt(
    conn: Connection, application: Application, lot: LotDoor, owed: dict[str, int], now: datetime
) -> None:
    """The bidder reads what he owes, and that he bids again once it is repaid."""
    await _tell(conn, application, lot, "bidding_rests", now, sums=amounts_text(owed.items()))


async def _tell(
    conn: Connection, application: Application, lot: LotDoor, kind: str, now: datetime, **more: str | int
) -> None:
    params = {"title_zh": lot.title_zh or lot.title_en, "title_en": lot.title_en or lot.title_zh, "lot": lot.id, **more}
    await notices.notify(conn, [application.party_id], kind, params, f"/lots/{lot.id}", now)


async def _door_of(conn: Connection, lot_id: int) -> LotDoor | None:
    row = await conn.fetchrow(_queries.lot_to_apply_for, lot_id)
    return None if row is None else msgspec.convert(dict(row), LotDoor)


async def _bar(conn: Connection, lot_id: int, party_id: int) -> ApplicationRefusal | None:
    """What keeps the party from the lot: a bar from the house, what it owes, or the default on a former sale of the goods."""
    row = await conn.fetchrow(_queries.what_bars, lot_id, party_id)
    assert row is not None, "a question without a table always has its row"
    if row["barred"]:
        return ApplicationRefusal.BARRED
    if row["owes"]:
        return ApplicationRefusal.OWES_THE_HOUSE
    return ApplicationRefusal.DEFAULTED_BEFORE if row["defaulted"] else None


async def _is_linked(conn: Connection, lot: LotDoor, party_id: int, now: datetime) -> bool:
    return await fraud_links.links_found(conn, lot.seller_id, party_id, now) is Verdict.BARRED


async def _lock(conn: Connection, application_id: int) -> Application | None:
    lot_id = await conn.fetchval(_queries.lot_of_application, application_id)
    if lot_id is None:
        return None
    await lock_subject(conn, subject_of(lot_id))
    row = await conn.fetchrow(_queries.lock_application, application_id)
    return None if row is None else _application(row)


async def _lock_of(conn: Connection, lot_id: int, party_id: int) -> Application | None:
    row = await conn.fetchrow(_queries.lock_application_of, lot_id, party_id)
    return None if row is None else _application(row)


def _application(row: Record | None) -> Application:
    assert row is not None, "the query returns the row that it writes"
    return msgspec.convert(dict(row), Application)
