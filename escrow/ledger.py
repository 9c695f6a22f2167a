"""The ledger, as the application may use it: open accounts, post operations, seal what is empty, read a balance.

The database keeps the book true (migrations/0003_ledger.sql); this module only words the calls. It knows no case.

    LedgerError
    └── PostingRefusedError   a constraint of the ledger refused the posting; `constraint` is its name
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal
from uuid import NAMESPACE_URL, UUID, uuid5

import asyncpg
import msgspec
from msgspec import Struct

from escrow.facts import Leg
from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Connection

_queries = load_queries("escrow", "ledger")
_NAMESPACE = uuid5(NAMESPACE_URL, "gavelhouse:operation")

OVERDRAWN = "balance_not_below_zero"
"""The constraint that refuses to take more from an account than it holds."""


class LedgerError(Exception):
    """Something about the book that the caller did not plan for."""


class PostingRefusedError(LedgerError):
    """A constraint refused the posting; nothing was written."""

    def __init__(self, constraint: str, operation: Operation) -> None:
        super().__init__(f"{constraint} refuses {operation.kind} of {operation.subject}")
        self.constraint = constraint


class Account(Struct, frozen=True, kw_only=True):
    path: str
    currency: str
    owner_id: int | None = None

    @property
    def kind(self) -> str:
        return self.path.partition(":")[0]


class Operation(Struct, frozen=True, kw_only=True):
    """One act in the book. The id follows from subject and kind, so the same act can't be posted twice."""

    kind: str
    subject: str
    actor: str
    legs: tuple[Leg, ...]

    @property
    def id(self) -> UUID:
        return operation_id(self.subject, self.kind)

    def wire(self) -> dict[str, Any]:
        lines = [
            {
                "debit": leg.debit,
                "credit": leg.credit,
                "currency": leg.currency,
                "amount": leg.amount_minor,
                "reverses_op": leg.reverses_op,
                "reverses_n": leg.reverses_n,
            }
            for leg in self.legs
        ]
        return {"id": str(self.id), "kind": self.kind, "subject": self.subject, "actor": self.actor, "lines": lines}


class Posted(Struct, frozen=True, kw_only=True):
    """What became of one operation of a batch; `refused_by` is the constraint when it was refused."""

    op: UUID
    result: Literal["posted", "replayed", "conflict", "refused"]
    refused_by: str | None = None


def operation_id(subject: str, kind: str) -> UUID:
    """The one id that an act of this kind on this subject can have."""
    return uuid5(_NAMESPACE, f"{subject}/{kind}")


async def open_accounts(conn: Connection, accounts: Iterable[Account]) -> dict[tuple[str, str], int]:
    """Open what does not exist; the id of each by (path, currency)."""
    asked = [
        {"path": each.path, "kind": each.kind, "currency": each.currency, "owner_id": each.owner_id}
        for each in accounts
    ]
    rows = await conn.fetch(_queries.open_accounts, asked)
    return {(row["path"], row["currency"]): row["account"] for row in rows}


async def post(conn: Connection, operation: Operation, now: datetime) -> bool:
    """Post one operation; False when it stood already. Raises PostingRefusedError, and the transaction is lost then."""
    try:
        result = await conn.fetchval(_queries.post, operation.wire(), now)
    except asyncpg.IntegrityConstraintViolationError as error:
        raise PostingRefusedError(error.constraint_name or "", operation) from error
    return bool(result == "posted")


async def post_many(conn: Connection, operations: Sequence[Operation], now: datetime) -> list[Posted]:
    """Post each operation on its own merits, in one statement; the transaction goes on whatever is refused."""
    rows = await conn.fetch(_queries.post_many, [operation.wire() for operation in operations], now)
    return [msgspec.convert(dict(row), Posted) for row in rows]


async def seal(conn: Connection, accounts: Sequence[int]) -> dict[int, int]:
    """Close empty accounts for ever; the version of each one's seal. A constraint refuses an account with money."""
    rows = await conn.fetch(_queries.seal, list(accounts))
    return {row["account"]: row["version"] for row in rows}


async def balance(conn: Connection, path: str, currency: str) -> int:
    """The credit balance of an account; an account that was never opened holds nothing."""
    return int(await conn.fetchval(_queries.balance, path, currency) or 0)


async def tip(conn: Connection, account: int) -> int:
    """The version of a chained account's last balance row; 0 when nothing was ever posted."""
    return int(await conn.fetchval(_queries.tip, account) or 0)


async def lock_balance(conn: Connection, path: str, currency: str) -> int:
    """The balance of an account that nobody else posts to until this transaction ends."""
    return int(await conn.fetchval(_queries.lock_balance, path, currency))


async def lock_owed(conn: Connection, path: str, currency: str) -> int:
    """By how much an account stands below zero, and nobody else asks so until this transaction ends."""
    return max(-await lock_balance(conn, path, currency), 0)


async def roll_up(conn: Connection) -> int:
    """Cut new sums of the hot accounts; how many were cut."""
    return int(await conn.fetchval(_queries.roll_up))
