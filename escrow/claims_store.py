"""Reading and writing claims, rulings, reserves and chargebacks: one typed function for each named query."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from escrow.facts import Case, Chargeback, ChargebackState, Claim, Ruling
from escrow.rules import Division
from escrow.store import read, read_one
from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Connection

_queries = load_queries("escrow", "claims")


class Reserve(Struct, frozen=True, kw_only=True):
    """What is left of the reserve of one case, and whose it is."""

    case_id: int
    party_id: int
    currency: str
    left_minor: int


async def insert_claim(conn: Connection, claim: Claim) -> int:
    return int(
        await conn.fetchval(
            _queries.insert_claim,
            claim.case_id,
            claim.reason,
            claim.statement,
            claim.amount_minor,
            claim.from_state,
            claim.opened_at,
            claim.hard_stop_at,
        )
    )


async def save_claim(conn: Connection, claim: Claim) -> None:
    await conn.execute(
        _queries.save_claim,
        claim.id,
        claim.offer_minor,
        claim.answered_at,
        claim.handler_id,
        claim.arbiter_id,
        claim.return_carrier,
        claim.return_tracking_number,
        claim.returned_at,
        claim.appealed_by,
        claim.appealed_at,
        claim.ended_at,
        claim.outcome,
        claim.awarded_minor,
        claim.appealed_ruling_id,
    )


async def insert_arbiter(conn: Connection, claim: Claim, arbiter_id: int, now: datetime) -> None:
    await conn.execute(_queries.insert_arbiter, claim.id, arbiter_id, claim.handler_id, now)


async def has_ruled(conn: Connection, claim_id: int, arbiter_id: int) -> bool:
    return bool(await conn.fetchval(_queries.has_ruled, claim_id, arbiter_id))


async def insert_ruling(
    conn: Connection,
    claim: Claim,
    arbiter_id: int,
    parts: Division,
    reason: str,
    second_above_minor: int,
    now: datetime,
) -> Ruling:
    """A ruling as the database has taken it: whether it needs a second person is the database's word."""
    row = await conn.fetchrow(
        _queries.insert_ruling,
        claim.id,
        claim.case_id,
        arbiter_id,
        parts.buyer_minor,
        parts.seller_minor,
        parts.house_minor,
        reason,
        now,
        second_above_minor,
    )
    assert row is not None
    return Ruling(
        id=row["id"],
        claim_id=claim.id,
        arbiter_id=arbiter_id,
        buyer_minor=parts.buyer_minor,
        seller_minor=parts.seller_minor,
        house_minor=parts.house_minor,
        reason=reason,
        proposed_at=now,
        needs_second=row["needs_second"],
    )


async def confirm_ruling(conn: Connection, ruling_id: int, by: int, now: datetime) -> None:
    await conn.execute(_queries.confirm_ruling, ruling_id, by, now)


async def decline_ruling(conn: Connection, ruling_id: int, by: int, why: str, now: datetime) -> None:
    await conn.execute(_queries.decline_ruling, ruling_id, by, now, why)


async def hold_reserve(conn: Connection, case: Case, amount_minor: int, now: datetime, due_at: datetime) -> None:
    await conn.execute(_queries.insert_reserve, case.id, case.seller_id, case.currency, amount_minor, now, due_at)


async def claim_due_reserve(conn: Connection, now: datetime) -> Reserve | None:
    return read_one(await conn.fetchrow(_queries.claim_due_reserve, now), Reserve)


async def end_reserve(conn: Connection, case_id: int, now: datetime) -> None:
    await conn.execute(_queries.end_reserve, case_id, now)


async def postpone_reserve(conn: Connection, case_id: int, try_at: datetime) -> None:
    await conn.execute(_queries.postpone_reserve, case_id, try_at)


async def next_reserve_at(conn: Connection) -> datetime | None:
    at: datetime | None = await conn.fetchval(_queries.next_reserve_at)
    return at


async def lock_reserves(conn: Connection, party_id: int, currency: str) -> list[Reserve]:
    """What is kept back of a party, the oldest first."""
    return [read(row, Reserve) for row in await conn.fetch(_queries.lock_reserves_of_party, party_id, currency)]


async def take_from_reserves(conn: Connection, locked: Sequence[Reserve], wanted_minor: int) -> int:
    """Take up to `wanted_minor` of these; how much there was."""
    taken = 0
    for each in locked:
        part = min(each.left_minor, wanted_minor - taken)
        if part:
            await conn.execute(_queries.take_from_reserve, each.case_id, part)
            taken += part
    return taken


async def new_chargeback_id(conn: Connection) -> int:
    return int(await conn.fetchval(_queries.new_chargeback_id))


async def case_of_payment(conn: Connection, payment_id: str) -> int | None:
    found: int | None = await conn.fetchval(_queries.case_of_payment, payment_id)
    return found


async def refunded_of_sale(conn: Connection, case_id: int) -> int:
    """What the buyer was given back in the case and its parts, with what was withheld of it."""
    return int(await conn.fetchval(_queries.refunded_of_sale, case_id))


async def insert_chargeback(conn: Connection, chargeback: Chargeback, account: int) -> None:
    await conn.execute(
        _queries.insert_chargeback,
        chargeback.id,
        chargeback.case_id,
        chargeback.bank_id,
        chargeback.payment_reference,
        chargeback.party_id,
        chargeback.currency,
        chargeback.amount_minor,
        chargeback.reason,
        chargeback.from_payable_minor,
        chargeback.from_reserve_minor,
        chargeback.from_receivable_minor,
        chargeback.from_buyer_wallet_minor,
        chargeback.from_buyer_owed_minor,
        account,
        chargeback.opened_at,
    )


async def lock_open_chargeback(conn: Connection, payment_reference: str) -> Chargeback | None:
    return read_one(await conn.fetchrow(_queries.lock_open_chargeback, payment_reference), Chargeback)


async def end_chargeback(
    conn: Connection, chargeback_id: int, state: ChargebackState, sealed_version: int, now: datetime
) -> None:
    await conn.execute(_queries.end_chargeback, chargeback_id, state, now, sealed_version)


async def chargebacks_of_case(conn: Connection, case_id: int) -> list[Chargeback]:
    return [read(row, Chargeback) for row in await conn.fetch(_queries.chargebacks_of_case, case_id)]
