"""Reading and writing cases, events, timers and deposits: one typed function for each named query."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

import msgspec

from escrow.facts import Action, Case, CaseEvent, Deposit, DepositState, State
from escrow.rules import Clock
from migrations.queries import load_queries

if TYPE_CHECKING:
    from asyncpg import Record

    from migrations.database import Connection

_queries = load_queries("escrow", "cases")
_Row = TypeVar("_Row")


class StaleCaseError(Exception):
    """A case was saved over another version than it was judged at: a lock was forgotten."""


def read(row: Record, kind: type[_Row]) -> _Row:
    """A row as its fact: columns by name, others left aside."""
    return msgspec.convert(dict(row), kind)


def read_one(row: Record | None, kind: type[_Row]) -> _Row | None:
    return None if row is None else read(row, kind)


async def insert_case(
    conn: Connection, case: Case, *, timer_id: int, account: int, funded_version: int | None = None
) -> None:
    """A case that opens: it waits for its payment from now on, or as a part has its money already."""
    await conn.execute(
        _queries.insert_case,
        case.id,
        case.subject,
        case.buyer_id,
        case.seller_id,
        case.currency,
        case.price_minor,
        case.deposit_minor,
        case.deposit_id,
        case.commission_bp,
        case.commission_minor,
        case.contract_sha256,
        case.timers,
        case.reference,
        case.state,
        case.opened_at,
        timer_id,
        account,
        case.transaction_bp,
        case.service_minor,
        case.fees_minor,
        case.reserve_bp,
        case.lines,
        case.reinstates_id,
        case.parent_id,
        case.ship_by_at,
        funded_version,
    )


async def new_case_ids(conn: Connection) -> tuple[int, int]:
    """The ids that the next case and its timer will have."""
    row = await conn.fetchrow(_queries.new_case_ids)
    assert row is not None
    return row["case_id"], row["timer_id"]


async def case_by_id(conn: Connection, case_id: int) -> Case | None:
    row = await conn.fetchrow(_queries.case_by_id, case_id)
    case = read_one(row, Case)
    if row is None or case is None or case.parent_id is None:
        return case
    return msgspec.structs.replace(
        case, charged_back_minor=row["parent_charged_back_minor"], withheld_minor=row["parent_withheld_minor"]
    )


async def lock_case(conn: Connection, case_id: int) -> Case | None:
    """The case as it stands, and nobody else changes it until this transaction ends. Read after the lock was got: a
    statement that waited for it would still see the clock and the claim of before.
    """
    await conn.execute(_queries.lock_case, case_id)
    return await case_by_id(conn, case_id)


async def case_named(conn: Connection, reference: str) -> int | None:
    """The number of the case that a bank reference names."""
    found: int | None = await conn.fetchval(_queries.case_id_by_reference, reference)
    return found


async def lock_case_by_reference(conn: Connection, reference: str) -> Case | None:
    case_id: int | None = await conn.fetchval(_queries.case_id_by_reference, reference)
    return None if case_id is None else await lock_case(conn, case_id)


async def case_of_subject(conn: Connection, subject: str) -> Case | None:
    return read_one(await conn.fetchrow(_queries.case_of_subject, subject), Case)


async def cases_of_party(conn: Connection, party_id: int, limit: int = 200) -> list[Case]:
    return [read(row, Case) for row in await conn.fetch(_queries.cases_of_party, party_id, limit)]


async def cases_in_state(conn: Connection, state: State, limit: int = 200) -> list[Case]:
    return [read(row, Case) for row in await conn.fetch(_queries.cases_in_state, state, limit)]


async def cases_by_deadline(conn: Connection, states: Sequence[State], limit: int = 200) -> list[Case]:
    return [read(row, Case) for row in await conn.fetch(_queries.cases_by_deadline, list(states), limit)]


async def parts_of(conn: Connection, case_id: int) -> list[Case]:
    return [read(row, Case) for row in await conn.fetch(_queries.parts_of, case_id)]


async def is_sold_again(conn: Connection, case: Case) -> bool:
    """Whether another case of the same subject runs or was carried out, or this one was reinstated before."""
    return bool(await conn.fetchval(_queries.is_sold_again, case.id, case.subject))


async def count_charged_back(conn: Connection, case_id: int, charged_back_minor: int, withheld_minor: int) -> None:
    await conn.execute(_queries.count_charged_back, case_id, charged_back_minor, withheld_minor)


async def save_case(
    conn: Connection,
    case: Case,
    *,
    judged_version: int,
    timer_id: int | None,
    funded_version: int | None = None,
    sealed_version: int | None = None,
) -> None:
    """Save a case after a step; what a part withholds counts at its parent. Raises StaleCaseError when it is no longer
    the version that was judged.
    """
    is_part = case.parent_id is not None
    status = await conn.execute(
        _queries.save_case,
        case.id,
        judged_version,
        case.state,
        case.version,
        case.state_since,
        timer_id,
        case.ship_by_at,
        case.carrier,
        case.tracking_number,
        case.inspection_extended,
        funded_version,
        sealed_version,
        case.lines,
        case.split_minor,
        case.split_commission_minor,
        case.split_fees_minor,
        case.undisputed_minor,
        case.undisputed_commission_minor,
        case.undisputed_fees_minor,
        case.refunded_minor,
        0 if is_part else case.withheld_minor,
        case.payment_id,
        _ruling_in_force(case),
    )
    if status != "UPDATE 1":
        raise StaleCaseError(f"case {case.id} is not at version {judged_version}")
    if case.parent_id is not None and case.charged_back_minor:
        await count_charged_back(conn, case.parent_id, case.charged_back_minor, case.withheld_minor)


def _ruling_in_force(case: Case) -> int | None:
    """What waits for a second person is no ruling of the case yet."""
    ruling = case.claim.ruling if case.claim else None
    return ruling.id if ruling is not None and ruling.in_force else None


async def insert_event(conn: Connection, event: CaseEvent) -> None:
    await conn.execute(
        _queries.insert_event,
        event.case_id,
        event.n,
        event.at,
        event.actor,
        event.actor_id,
        event.action,
        event.from_state,
        event.to_state,
        event.reason,
        event.detail,
    )


async def case_events(conn: Connection, case_id: int) -> list[CaseEvent]:
    return [read(row, CaseEvent) for row in await conn.fetch(_queries.case_events, case_id)]


async def new_timer_id(conn: Connection) -> int:
    return int(await conn.fetchval(_queries.new_timer_id))


async def insert_timer(conn: Connection, timer_id: int, case_id: int, clock: Clock) -> None:
    await conn.execute(_queries.insert_timer, timer_id, case_id, clock.action, clock.due_at)


async def end_timer(conn: Connection, case_id: int, now: datetime, *, fired: bool) -> None:
    await conn.execute(_queries.end_timer, case_id, now, "fired" if fired else "stopped")


async def claim_due_timer(conn: Connection, now: datetime) -> tuple[int, int, Action] | None:
    """(timer, case, action) of a due timer whose case is now locked; None when none is due and free."""
    row = await conn.fetchrow(_queries.claim_due_timer, now)
    return None if row is None else (row["id"], row["case_id"], Action(row["action"]))


async def postpone_timer(conn: Connection, timer_id: int, try_at: datetime) -> None:
    await conn.execute(_queries.postpone_timer, timer_id, try_at)


async def put_off_defaults(conn: Connection, until: datetime) -> None:
    """No case defaults before `until`; its deadline stays what it was."""
    await conn.execute(_queries.put_off_defaults, until)


async def next_timer_at(conn: Connection) -> datetime | None:
    at: datetime | None = await conn.fetchval(_queries.next_timer_at)
    return at


async def oldest_overdue_at(conn: Connection, now: datetime) -> datetime | None:
    at: datetime | None = await conn.fetchval(_queries.oldest_overdue_at, now)
    return at


async def new_deposit_id(conn: Connection) -> int:
    return int(await conn.fetchval(_queries.new_deposit_id))


async def insert_deposit(conn: Connection, deposit: Deposit, account: int) -> bool:
    """False when the party has a running deposit on this subject already."""
    status = await conn.execute(
        _queries.insert_deposit,
        deposit.id,
        deposit.subject,
        deposit.party_id,
        deposit.currency,
        deposit.amount_minor,
        deposit.reference,
        account,
        deposit.requested_at,
    )
    return status == "INSERT 0 1"


async def deposit_by_id(conn: Connection, deposit_id: int) -> Deposit | None:
    return read_one(await conn.fetchrow(_queries.deposit_by_id, deposit_id), Deposit)


async def lock_deposit(conn: Connection, deposit_id: int) -> Deposit | None:
    return read_one(await conn.fetchrow(_queries.lock_deposit, deposit_id), Deposit)


async def deposit_by_reference(conn: Connection, reference: str) -> Deposit | None:
    return read_one(await conn.fetchrow(_queries.deposit_by_reference, reference), Deposit)


async def deposit_of(conn: Connection, subject: str, party_id: int) -> Deposit | None:
    return read_one(await conn.fetchrow(_queries.deposit_of, subject, party_id), Deposit)


async def lock_held_deposit(conn: Connection, subject: str, party_id: int) -> Deposit | None:
    return read_one(await conn.fetchrow(_queries.lock_held_deposit, subject, party_id), Deposit)


async def lock_running_deposits(
    conn: Connection, subject: str, party_ids: Sequence[int] | None, except_parties: Sequence[int]
) -> list[Deposit]:
    """Those that wait for money or hold it, locked; `party_ids` None means every party's."""
    chosen = None if party_ids is None else list(party_ids)
    rows = await conn.fetch(_queries.lock_running_deposits, subject, chosen, list(except_parties))
    return [read(row, Deposit) for row in rows]


async def deposits_of_party(conn: Connection, party_id: int, limit: int = 200) -> list[Deposit]:
    return [read(row, Deposit) for row in await conn.fetch(_queries.deposits_of_party, party_id, limit)]


async def hold_deposit(conn: Connection, deposit_id: int, held_version: int, now: datetime) -> None:
    await conn.execute(_queries.hold_deposit, deposit_id, held_version, now)


async def end_deposits(conn: Connection, ended: Sequence[tuple[Deposit, DepositState]], now: datetime) -> None:
    """Seal the deposits' empty accounts and say what each has become. A constraint refuses one with money in it."""
    ids = [deposit.id for deposit, _ in ended]
    await conn.execute(_queries.end_deposits, ids, [state for _, state in ended], now)
