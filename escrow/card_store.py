"""Reading and writing card payments: one typed function for each named query."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

import asyncpg

from escrow.card_facts import (
    Authorise,
    CardDifference,
    CardPayment,
    CardPurpose,
    CardReason,
    CardRefusal,
    CardState,
    CardTarget,
)
from escrow.dual_signature import PreparedPayment
from escrow.store import read
from migrations.queries import load_queries

if TYPE_CHECKING:
    from asyncpg import Record

    from migrations.database import Connection

_queries = load_queries("escrow", "cards")
_REFUSING = {
    "card_payment_pk": CardRefusal.PAYMENT_ID_USED,
    "card_payment_one_running": CardRefusal.PAYMENT_RUNNING,
    "card_payment_currency": CardRefusal.ORDER_DIFFERS,
}


class StalePaymentError(Exception):
    """A card payment was saved over another version than it was judged at: a lock was forgotten."""


class Due(NamedTuple):
    """A payment that this process shall carry on, and the how many-th time it is."""

    id: str
    attempts: int


async def insert_payment(
    conn: Connection, payment: CardPayment, prepared: PreparedPayment, try_at: datetime
) -> CardRefusal | None:
    """A prepared payment with its first event; what stands against it, if anything."""
    try:
        async with conn.transaction():
            await conn.execute(
                _queries.insert_payment,
                payment.id,
                payment.target.purpose,
                payment.target.id,
                payment.party_id,
                payment.currency,
                payment.amount_minor,
                payment.reference,
                payment.gateway,
                prepared.order,
                prepared.payment_digest,
                prepared.signature,
                prepared.public_key,
                prepared.envelope,
                payment.began_at,
                try_at,
            )
    except asyncpg.IntegrityConstraintViolationError as error:
        refusal = _REFUSING.get(error.constraint_name or "")
        if refusal is None:
            raise
        return refusal
    await conn.execute(_queries.insert_event, payment.id, 1, payment.began_at, CardState.NEW, CardState.PREPARED, None)
    return None


async def payment_by_id(conn: Connection, payment_id: str) -> CardPayment | None:
    return _payment(await conn.fetchrow(_queries.payment, payment_id))


async def lock_payment(conn: Connection, payment_id: str) -> CardPayment | None:
    return _payment(await conn.fetchrow(_queries.lock_payment, payment_id))


async def payments_of_party(conn: Connection, party_id: int, limit: int) -> list[CardPayment]:
    return [_read(row) for row in await conn.fetch(_queries.payments_of_party, party_id, limit)]


async def payments_of_target(conn: Connection, target: CardTarget, limit: int) -> list[CardPayment]:
    return [_read(row) for row in await conn.fetch(_queries.payments_of_target, target.purpose, target.id, limit)]


async def running_payment(conn: Connection, target: CardTarget) -> CardPayment | None:
    return _payment(await conn.fetchrow(_queries.running_payment, target.purpose, target.id))


async def step(
    conn: Connection,
    before: CardPayment,
    after: CardPayment,
    try_at: datetime | None,
    *,
    op: UUID | None = None,
    provider_reference: str | None = None,
) -> None:
    """Save one step with its event. The database refuses a step that is not listed. Raises StalePaymentError."""
    status = await conn.execute(
        _queries.save_payment,
        before.id,
        before.version,
        after.state,
        after.state_since,
        after.reason,
        after.partial_minor,
        after.authorisation_code,
        provider_reference,
        op,
        after.acknowledged_at,
        try_at,
    )
    if status != "UPDATE 1":
        raise StalePaymentError(f"card payment {before.id} is not at version {before.version}")
    await conn.execute(
        _queries.insert_event, after.id, after.version, after.state_since, before.state, after.state, after.reason
    )


async def request_of(conn: Connection, payment_id: str, now: datetime) -> Authorise | None:
    """What the bank is asked, the same whenever it is asked; None once it has decided."""
    row = await conn.fetchrow(_queries.request_of, payment_id)
    if row is None:
        return None
    return Authorise(
        payment_id=row["id"],
        currency=row["currency"],
        amount_minor=row["amount_minor"],
        envelope=row["envelope"],
        order_digest=row["order_digest"],
        signature=row["signature"],
        public_key=row["public_key"],
        at=now,
    )


async def provider_reference(conn: Connection, payment_id: str) -> str | None:
    found: str | None = await conn.fetchval(_queries.provider_reference, payment_id)
    return found


async def claim_due(conn: Connection, now: datetime, until: datetime, limit: int) -> list[Due]:
    return [Due(row["id"], row["attempts"]) for row in await conn.fetch(_queries.claim_due, now, until, limit)]


async def put_off(conn: Connection, payment: CardPayment, try_at: datetime) -> None:
    await conn.execute(_queries.put_off, payment.id, payment.version, try_at)


async def next_due_at(conn: Connection) -> datetime | None:
    found: datetime | None = await conn.fetchval(_queries.next_due_at)
    return found


async def acknowledge(conn: Connection, payment_id: str, now: datetime, refused_code: str | None) -> None:
    """The bank has taken the capture, or says (by a code) that it does not."""
    async with conn.transaction():
        await conn.execute(_queries.acknowledge, payment_id, now, refused_code)
        if refused_code is not None:
            await conn.execute(_queries.insert_capture_refused, payment_id, now)


async def differences(conn: Connection, open_only: bool, limit: int) -> list[CardDifference]:
    return [read(row, CardDifference) for row in await conn.fetch(_queries.differences, open_only, limit)]


async def explain(conn: Connection, difference_id: int, operator_id: int, note: str, now: datetime) -> bool:
    status = await conn.execute(_queries.explain_difference, difference_id, operator_id, note, now)
    return bool(status == "UPDATE 1")


def _payment(row: Record | None) -> CardPayment | None:
    return None if row is None else _read(row)


def _read(row: Record) -> CardPayment:
    columns = dict(row)
    target = CardTarget(CardPurpose(columns.pop("purpose")), columns.pop("target_id"))
    columns["state"] = CardState(columns["state"])
    columns["reason"] = CardReason(columns["reason"]) if columns["reason"] else None
    return CardPayment(target=target, **columns)
