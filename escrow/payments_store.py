"""Reading and writing payouts, their batches, bank accounts, notices of the bank and quarantined money."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from escrow.facts import (
    BankAccount,
    BankNotice,
    NoticeKind,
    Outcome,
    Payout,
    PayoutState,
    Quarantined,
    QuarantineReason,
    QuarantineState,
)
from escrow.store import read, read_one
from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Connection

_payouts = load_queries("escrow", "payouts")
_inbox = load_queries("escrow", "inbox")


class Batch(Struct, frozen=True, kw_only=True):
    """A payout file that is on its way to the bank."""

    id: int
    message_id: str
    body: str
    attempts: int


class StoredNotice(Struct, frozen=True, kw_only=True):
    sha256: bytes
    outcome: Outcome
    reason: QuarantineReason | None
    item_id: int | None


async def new_payout_id(conn: Connection) -> int:
    return int(await conn.fetchval(_payouts.new_payout_id))


async def insert_payout(conn: Connection, payout: Payout, account: int) -> None:
    await conn.execute(
        _payouts.insert_payout,
        payout.id,
        payout.party_id,
        payout.purpose,
        payout.source,
        payout.currency,
        payout.amount_minor,
        payout.case_id,
        payout.quarantine_id,
        payout.state,
        payout.end_to_end_id,
        payout.holder,
        payout.number,
        account,
        payout.queued_at,
    )


async def lock_payout_by_end_to_end_id(conn: Connection, end_to_end_id: str) -> Payout | None:
    return read_one(await conn.fetchrow(_payouts.lock_payout_by_end_to_end_id, end_to_end_id), Payout)


async def payout_by_id(conn: Connection, payout_id: int) -> Payout | None:
    return read_one(await conn.fetchrow(_payouts.payout_by_id, payout_id), Payout)


async def payouts(conn: Connection, state: PayoutState | None, limit: int) -> list[Payout]:
    return [read(row, Payout) for row in await conn.fetch(_payouts.payouts, state, limit)]


async def payouts_page(
    conn: Connection,
    *,
    state: PayoutState | None,
    currency: str | None,
    held: bool | None,
    by_sum: bool,
    limit: int,
    offset: int,
) -> tuple[list[Payout], int]:
    """A page of payouts, and how many there are in all."""
    sort = "sum" if by_sum else "age"
    rows = await conn.fetch(_payouts.payouts_page, state, currency, held, sort, limit, offset)
    return [read(row, Payout) for row in rows], rows[0]["total"] if rows else 0


async def lock_payout(conn: Connection, payout_id: int) -> Payout | None:
    return read_one(await conn.fetchrow(_payouts.lock_payout, payout_id), Payout)


async def hold_payout(conn: Connection, payout_id: int, operator_id: int, reason: str, now: datetime) -> Payout | None:
    """None when it is held already, or has gone into a file."""
    return read_one(await conn.fetchrow(_payouts.hold_payout, payout_id, now, operator_id, reason), Payout)


async def release_payout(conn: Connection, payout_id: int) -> Payout | None:
    """None when it is not held."""
    return read_one(await conn.fetchrow(_payouts.release_payout, payout_id), Payout)


async def payouts_of_party(conn: Connection, party_id: int, limit: int) -> list[Payout]:
    return [read(row, Payout) for row in await conn.fetch(_payouts.payouts_of_party, party_id, limit)]


async def payout_of_case(conn: Connection, case_id: int) -> Payout | None:
    return read_one(await conn.fetchrow(_payouts.payout_of_case, case_id), Payout)


async def payout_of_item(conn: Connection, item_id: int) -> Payout | None:
    return read_one(await conn.fetchrow(_payouts.payout_of_item, item_id), Payout)


async def lock_payouts_with_payee_now(conn: Connection) -> list[tuple[Payout, BankAccount]]:
    """The payouts that wait for an account although their party has one by now."""
    return [
        (
            read(row, Payout),
            BankAccount(party_id=row["party_id"], holder=row["payee_holder"], number=row["payee_number"]),
        )
        for row in await conn.fetch(_payouts.lock_payouts_with_payee_now)
    ]


async def lock_returned_payouts(conn: Connection, party_id: int) -> list[Payout]:
    return [read(row, Payout) for row in await conn.fetch(_payouts.lock_returned_payouts, party_id)]


async def give_payee(conn: Connection, payout_id: int, payee: BankAccount) -> None:
    await conn.execute(_payouts.give_payee, payout_id, payee.holder, payee.number)


async def replace_payout(conn: Connection, payout_id: int, replaced_by: int) -> None:
    await conn.execute(_payouts.replace_payout, payout_id, replaced_by)


async def lock_queued_payouts(conn: Connection, limit: int) -> list[Payout]:
    """Some queued payouts of one currency, that are in no batch yet."""
    return [read(row, Payout) for row in await conn.fetch(_payouts.lock_queued_payouts, limit)]


async def insert_batch(
    conn: Connection, message_id: str, currency: str, body: str, payout_ids: Sequence[int], now: datetime
) -> None:
    batch_id = await conn.fetchval(_payouts.insert_batch, message_id, currency, body, now)
    await conn.execute(_payouts.put_into_batch, list(payout_ids), batch_id)


async def claim_unsent_batch(conn: Connection, now: datetime, next_try_at: datetime) -> Batch | None:
    """A batch to send now. If this process dies, the batch is free again at `next_try_at`."""
    return read_one(await conn.fetchrow(_payouts.claim_unsent_batch, now, next_try_at), Batch)


async def postpone_batch(conn: Connection, batch_id: int, try_at: datetime, error: str) -> None:
    await conn.execute(_payouts.postpone_batch, batch_id, try_at, error)


async def batch_sent(conn: Connection, batch_id: int, now: datetime) -> list[Payout]:
    """The bank has the file; the payouts that are with the bank by this."""
    await conn.execute(_payouts.batch_sent, batch_id, now)
    return [read(row, Payout) for row in await conn.fetch(_payouts.payouts_sent, batch_id, now)]


async def end_payout(
    conn: Connection, payout_id: int, state: PayoutState, reason: str | None, sealed_version: int, now: datetime
) -> None:
    await conn.execute(_payouts.end_payout, payout_id, state, now, reason, sealed_version)


async def next_payout_at(conn: Connection) -> datetime | None:
    at: datetime | None = await conn.fetchval(_payouts.next_payout_at)
    return at


async def bank_account(conn: Connection, party_id: int) -> BankAccount | None:
    return read_one(await conn.fetchrow(_payouts.bank_account, party_id), BankAccount)


async def replace_bank_account(conn: Connection, account: BankAccount, now: datetime) -> None:
    await conn.execute(_payouts.replace_bank_account, account.party_id, now)
    await conn.execute(_payouts.insert_bank_account, account.party_id, account.holder, account.number, now)


async def currency_exponents(conn: Connection) -> dict[str, int]:
    return {row["code"]: row["exponent"] for row in await conn.fetch(_payouts.currencies)}


async def insert_notice(conn: Connection, notice: BankNotice, sha256: bytes, now: datetime) -> bool:
    """False when the bank's id is known already. Waits for another transaction that is receiving the same id."""
    status = await conn.execute(_inbox.insert_notice, notice.bank_id, notice.kind, sha256, notice, now, Outcome.IGNORED)
    return status == "INSERT 0 1"


async def notice(conn: Connection, bank_id: str) -> StoredNotice | None:
    return read_one(await conn.fetchrow(_inbox.notice, bank_id), StoredNotice)


async def transfer_to_reverse(conn: Connection, bank_id: str) -> BankNotice | None:
    """What the bank told of a transfer, if it came into the book and was not reversed since."""
    return read_one(await conn.fetchrow(_inbox.transfer_to_reverse, bank_id), BankNotice)


async def reversal_told_early(conn: Connection, transfer: BankNotice) -> BankNotice | None:
    """What the bank told of this transfer's reversal before it told of the transfer."""
    values = (transfer.bank_id, transfer.currency, transfer.amount_minor)
    return read_one(await conn.fetchrow(_inbox.reversal_told_early, *values), BankNotice)


async def credited_from(conn: Connection, path: str) -> list[str]:
    """The accounts to which money went in the operations that took it out of this account."""
    return [row["path"] for row in await conn.fetch(_inbox.credited_from, path)]


async def was_returned_before(conn: Connection, notice: BankNotice) -> bool:
    """Whether another notice has told already that this payout came back."""
    return bool(await conn.fetchval(_inbox.was_returned_before, notice.reference, notice.bank_id))


async def end_told_early(conn: Connection, opened: BankNotice) -> BankNotice | None:
    """How the chargeback ended, if the bank's word of that came before the word of its beginning."""
    row = await conn.fetchrow(
        _inbox.end_told_early, opened.reference, opened.currency, opened.amount_minor, opened.booked_at
    )
    return (
        None if row is None else msgspec.structs.replace(opened, bank_id=row["bank_id"], kind=NoticeKind(row["kind"]))
    )


async def set_notice_outcome(conn: Connection, bank_id: str, outcome: Outcome) -> None:
    await conn.execute(_inbox.set_notice_outcome, bank_id, outcome)


async def new_item_id(conn: Connection) -> int:
    return int(await conn.fetchval(_inbox.new_item_id))


async def insert_item(conn: Connection, item: Quarantined, account: int | None) -> None:
    await conn.execute(
        _inbox.insert_item,
        item.id,
        item.bank_id,
        item.reason,
        item.currency,
        item.amount_minor,
        item.reference,
        item.sender_holder,
        item.sender_number,
        item.booked_at,
        item.received_at,
        item.case_id,
        item.deposit_id,
        account,
    )


async def item_by_id(conn: Connection, item_id: int) -> Quarantined | None:
    return read_one(await conn.fetchrow(_inbox.item_by_id, item_id), Quarantined)


async def lock_item(conn: Connection, item_id: int) -> Quarantined | None:
    return read_one(await conn.fetchrow(_inbox.lock_item, item_id), Quarantined)


async def items(conn: Connection, state: QuarantineState | None, limit: int) -> list[Quarantined]:
    return [read(row, Quarantined) for row in await conn.fetch(_inbox.items, state, limit)]


async def open_items_of_case(conn: Connection, case_id: int) -> list[Quarantined]:
    return [read(row, Quarantined) for row in await conn.fetch(_inbox.open_items_of_case, case_id)]


async def save_item(conn: Connection, item: Quarantined, sealed_version: int | None) -> None:
    await conn.execute(
        _inbox.save_item, item.id, item.state, item.decided_by, item.decided_at, item.note, sealed_version
    )


async def currency_is_known(conn: Connection, currency: str) -> bool:
    return bool(await conn.fetchval(_inbox.currency_is_known, currency))
