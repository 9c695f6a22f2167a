"""Taking in the bank's daily settlement of card payments: a file at a time, its lines matched all at once, one posting.

Tens of thousands of lines are five statements. Whatever the bank and the house see differently is written down for a person;
the money is posted as the bank moved it, so that book and bank account agree. A line in a currency that the book does not
keep, or that can't be read, is written down alone: it holds up no other.

    SettlementConflictError   the bank gives a file that stands, with other content
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from escrow import ledger
from escrow.card_facts import GATEWAY, SettlementFile
from escrow.facts import Leg
from escrow.ledger import Account, Operation
from escrow.rules import BANK
from migrations.queries import load_queries

if TYPE_CHECKING:
    from asyncpg import Record

    from migrations.database import Connection

_queries = load_queries("escrow", "cards")

SETTLED_WITHIN = timedelta(days=2)
_COLUMNS = ("file_id", "n", "kind", "payment_id", "currency", "amount_minor", "at", "said")


class SettlementConflictError(Exception):
    """The bank contradicts itself; nothing was done, and somebody must ask it."""


class Matched(NamedTuple):
    """How many captures a file has settled, and how many of its lines differ from our record."""

    settled: int
    differing: int


async def last_file(conn: Connection) -> str | None:
    """The id of the file that was taken in last."""
    found: str | None = await conn.fetchval(_queries.last_settlement)
    return found


async def take(conn: Connection, file: SettlementFile, now: datetime) -> bool:
    """Match and post one file in the caller's transaction; False when it stood already. Raises SettlementConflictError."""
    if not await insert(conn, file, now):
        return False
    await match(conn, file.id, now)
    await post(conn, file.id, now)
    return True


async def insert(conn: Connection, file: SettlementFile, now: datetime) -> bool:
    """Write the file and its lines down as they came."""
    status = await conn.execute(_queries.insert_settlement, file.id, file.day, file.sha256, len(file.lines), now)
    if status != "INSERT 0 1":
        if await conn.fetchval(_queries.settlement_sha256, file.id) != file.sha256:
            raise SettlementConflictError(f"the settlement file {file.id} stands with other content")
        return False
    lines = [
        (file.id, line.n, line.kind.value, line.payment_id, line.currency, line.amount_minor, line.at, line.said)
        for line in file.lines
    ]
    await conn.copy_records_to_table("card_settlement_line", schema_name="escrow", columns=_COLUMNS, records=lines)
    return True


async def match(conn: Connection, file_id: str, now: datetime) -> Matched:
    """Lay every line beside our own record, in one statement."""
    row = await conn.fetchrow(_queries.match_lines, file_id, now)
    assert row is not None
    return Matched(row["settled"], row["differing"])


async def post(conn: Connection, file_id: str, now: datetime) -> None:
    """Post what the bank moved, by currency, in one operation."""
    sums = await conn.fetch(_queries.sum_lines, file_id)
    legs = tuple(_leg(row) for row in sums if row["net_minor"])
    if not legs:
        return
    accounts = [Account(path=path, currency=leg.currency) for leg in legs for path in (BANK, GATEWAY)]
    await ledger.open_accounts(conn, accounts)
    operation = Operation(kind="card_settlement", subject=f"settlement:{file_id}", actor="bank", legs=legs)
    await ledger.post(conn, operation, now)
    await conn.execute(_queries.settlement_posted, file_id, operation.id)


async def find_unsettled(conn: Connection, now: datetime) -> None:
    """What the bank should have settled by now and has not is a difference."""
    await conn.execute(_queries.find_unsettled, now - SETTLED_WITHIN, now)


def _leg(row: Record) -> Leg:
    debit, credit = (BANK, GATEWAY) if row["net_minor"] > 0 else (GATEWAY, BANK)
    return Leg(debit=debit, credit=credit, currency=row["currency"], amount_minor=abs(row["net_minor"]))
