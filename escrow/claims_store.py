"""Reading and writing claims, rulings, reserves and chargebacks: one typed function for each named query."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from escrow.card_facts import CardPurpose
from escrow.facts import Case, Chargeback, ChargebackAnswer, ChargebackState, Claim, Ruling
from escrow.rules import Division
from escrow.store import read, read_one
from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Connection

_queries = load_queries("escrow", "claims")


class PaidByCard(Struct, frozen=True, kw_only=True):
    """A captured card payment: what it was for, by the kind and the id of that."""

    purpose: CardPurpose
    target_id: int
    party_id: int
    currency: str
    amount_minor: int


class DueAnswer(Struct, frozen=True, kw_only=True):
    """An answer that the bank is to be told now, by the bank's own name of the chargeback."""

    chargeback_id: int
    bank_id: str
    text: str
    attempts: int


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


async def paid_by_card(conn: Connection, payment_id: str) -> PaidByCard | None:
    """What a captured card payment paid, and whose it was."""
    return read_one(await conn.fetchrow(_queries.paid_by_card, payment_id), PaidByCard)


async def case_of_deposit(conn: Connection, deposit_id: int) -> int | None:
    """The case whose price a deposit went into."""
    found: int | None = await conn.fetchval(_queries.case_of_deposit, deposit_id)
    return found


async def secures_a_deal(conn: Connection, deposit_id: int) -> bool:
    return bool(await conn.fetchval(_queries.secures_a_deal, deposit_id))


async def lock_payment_reference(conn: Connection, payment_id: str) -> None:
    await conn.execute(_queries.lock_payment_reference, payment_id)


async def taken_back_before(conn: Connection, payment_id: str) -> tuple[int, int]:
    """What chargebacks that were not won have taken of a payment, and how much of it of the payer's own."""
    row = await conn.fetchrow(_queries.taken_back_before, payment_id)
    assert row is not None, "a sum always has its row"
    return row["amount_minor"], row["payer_minor"]


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
        chargeback.purpose,
        chargeback.payer_id,
        chargeback.deposit_id,
        chargeback.payer_minor,
        chargeback.from_deposit_minor,
        chargeback.from_buyer_change_minor,
    )


async def lock_open_chargeback(conn: Connection, payment_reference: str) -> Chargeback | None:
    return read_one(await conn.fetchrow(_queries.lock_open_chargeback, payment_reference), Chargeback)


async def end_chargeback(
    conn: Connection, chargeback_id: int, state: ChargebackState, sealed_version: int, now: datetime
) -> None:
    await conn.execute(_queries.end_chargeback, chargeback_id, state, now, sealed_version)


async def chargebacks_of_case(conn: Connection, case_id: int) -> list[Chargeback]:
    return [read(row, Chargeback) for row in await conn.fetch(_queries.chargebacks_of_case, case_id)]


async def chargebacks_of_payer(conn: Connection, party_id: int, limit: int = 50) -> list[Chargeback]:
    return [read(row, Chargeback) for row in await conn.fetch(_queries.chargebacks_of_payer, party_id, limit)]


async def hit_by(conn: Connection, bank_id: str) -> set[int]:
    """Whose money this notice of the bank took."""
    rows = await conn.fetch(_queries.hit_by, bank_id)
    return {party for row in rows for party in (row["party_id"], row["payer_id"]) if party is not None}


async def chargeback_by_id(conn: Connection, chargeback_id: int) -> Chargeback | None:
    return read_one(await conn.fetchrow(_queries.chargeback_by_id, chargeback_id), Chargeback)


async def lock_chargeback(conn: Connection, chargeback_id: int) -> Chargeback | None:
    return read_one(await conn.fetchrow(_queries.lock_chargeback, chargeback_id), Chargeback)


async def running_case(conn: Connection, payment_reference: str) -> int | None:
    """The case of the running chargeback of a payment, read without a lock."""
    found: int | None = await conn.fetchval(_queries.running_case, payment_reference)
    return found


# What the house answers.


async def insert_answer(conn: Connection, chargeback_id: int, text: str, operator_id: int, now: datetime) -> bool:
    """False when there is an answer already."""
    status = await conn.execute(_queries.insert_answer, chargeback_id, text, operator_id, now)
    return bool(status == "INSERT 0 1")


async def answer_of(conn: Connection, chargeback_id: int) -> ChargebackAnswer | None:
    return read_one(await conn.fetchrow(_queries.answer_of, chargeback_id), ChargebackAnswer)


async def answers_of(conn: Connection, chargeback_ids: Sequence[int]) -> dict[int, ChargebackAnswer]:
    rows = await conn.fetch(_queries.answers_of, list(chargeback_ids))
    return {row["chargeback_id"]: read(row, ChargebackAnswer) for row in rows}


async def claim_due_answer(conn: Connection, now: datetime, until: datetime) -> DueAnswer | None:
    return read_one(await conn.fetchrow(_queries.claim_due_answer, now, until), DueAnswer)


async def next_answer_at(conn: Connection) -> datetime | None:
    at: datetime | None = await conn.fetchval(_queries.next_answer_at)
    return at


async def answer_told(conn: Connection, chargeback_id: int, told_at: datetime | None, refused_code: str | None) -> None:
    await conn.execute(_queries.answer_told, chargeback_id, told_at, refused_code)


async def postpone_answer(conn: Connection, chargeback_id: int, try_at: datetime, error: str) -> None:
    await conn.execute(_queries.postpone_answer, chargeback_id, try_at, error)
