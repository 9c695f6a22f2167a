"""Reading and writing cheques, small change and records: one typed function for each named query."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from msgspec import Struct

from escrow.cashier_facts import Cheque, ChequeDraft, ChequeState
from escrow.store import read, read_one
from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Connection

_queries = load_queries("escrow", "cashier")


class TransferRecord(Struct, frozen=True, kw_only=True):
    """One transfer in which a party had a side: from and to are accounts of the ledger."""

    op: UUID
    n: int
    at: datetime
    kind: str
    subject: str
    currency: str
    amount_minor: int
    from_path: str
    to_path: str
    is_from_me: bool
    is_to_me: bool


class AccountMovement(Struct, frozen=True, kw_only=True):
    """One line of a month's statement; the amount is signed."""

    at: datetime
    kind: str
    subject: str
    amount_minor: int
    account: str


class StatementMonth(Struct, frozen=True, kw_only=True):
    month: str
    currency: str


async def new_cheque_id(conn: Connection) -> int:
    return int(await conn.fetchval(_queries.new_cheque_id))


async def insert_cheque(
    conn: Connection, draft: ChequeDraft, signature: bytes, public_key: bytes, *, account: int, held_version: int
) -> None:
    await conn.execute(
        _queries.insert_cheque,
        draft.id,
        draft.number,
        draft.writer_id,
        draft.payee_id,
        draft.case_id,
        draft.currency,
        draft.amount_minor,
        draft.memo,
        draft.record(),
        signature,
        public_key,
        draft.written_at,
        draft.expires_at,
        account,
        held_version,
    )


async def cheque_by_id(conn: Connection, cheque_id: int) -> Cheque | None:
    return read_one(await conn.fetchrow(_queries.cheque_by_id, cheque_id), Cheque)


async def lock_cheque(conn: Connection, cheque_id: int) -> Cheque | None:
    return read_one(await conn.fetchrow(_queries.lock_cheque, cheque_id), Cheque)


async def claim_expired_cheque(conn: Connection, now: datetime) -> Cheque | None:
    return read_one(await conn.fetchrow(_queries.claim_expired_cheque, now), Cheque)


async def next_cheque_expiry(conn: Connection) -> datetime | None:
    at: datetime | None = await conn.fetchval(_queries.next_cheque_expiry)
    return at


async def account_of_cheque(conn: Connection, cheque_id: int) -> int:
    return int(await conn.fetchval(_queries.account_of_cheque, cheque_id))


async def end_cheque(
    conn: Connection, cheque_id: int, state: ChequeState, paid_case_id: int | None, now: datetime, sealed_version: int
) -> None:
    await conn.execute(_queries.end_cheque, cheque_id, state.value, paid_case_id, now, sealed_version)


async def cheques_of(conn: Connection, party_id: int, limit: int = 200) -> list[Cheque]:
    return [read(row, Cheque) for row in await conn.fetch(_queries.cheques_of, party_id, limit)]


async def cheques_for_case(conn: Connection, party_id: int, case_id: int, currency: str) -> list[Cheque]:
    return [read(row, Cheque) for row in await conn.fetch(_queries.cheques_for_case, party_id, case_id, currency)]


async def insert_change_move(
    conn: Connection, party_id: int, kind: str, currency: str, amount_minor: int, now: datetime
) -> int:
    return int(await conn.fetchval(_queries.insert_change_move, party_id, kind, currency, amount_minor, now))


async def records(
    conn: Connection, party_id: int, since: datetime, until: datetime, currency: str | None, limit: int
) -> list[TransferRecord]:
    rows = await conn.fetch(_queries.records, party_id, since, until, currency, limit)
    return [read(row, TransferRecord) for row in rows]


async def balances_before(conn: Connection, party_id: int, currency: str, at: datetime) -> dict[str, int]:
    """What wallet, change and payable held at that moment."""
    rows = await conn.fetch(_queries.account_before, party_id, currency, at)
    return {row["kind"]: row["balance_minor"] for row in rows}


async def movements_between(
    conn: Connection, party_id: int, currency: str, since: datetime, until: datetime
) -> list[AccountMovement]:
    rows = await conn.fetch(_queries.movements_between, party_id, currency, since, until)
    return [read(row, AccountMovement) for row in rows]


async def months_of(conn: Connection, party_id: int) -> list[StatementMonth]:
    return [read(row, StatementMonth) for row in await conn.fetch(_queries.months_of, party_id)]
