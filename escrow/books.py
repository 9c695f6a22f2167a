"""The books as an operator reads them: trial balance, cases by state, money that waits for a person, and a check that
the ledger agrees with what it stands for.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from escrow.facts import State
from escrow.store import read
from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Connection

_ledger = load_queries("escrow", "ledger")
_books = load_queries("escrow", "books")


class TrialRow(Struct, frozen=True, kw_only=True):
    """The sum of all accounts of one kind; per currency, debits equal credits."""

    kind: str
    currency: str
    debit_minor: int
    credit_minor: int


class StateRow(Struct, frozen=True, kw_only=True):
    state: State
    currency: str
    count: int
    held_minor: int


class StuckRow(Struct, frozen=True, kw_only=True):
    """Money that waits for a person: `what` is quarantine or payout, `why` a reason or a state, `since` when."""

    what: str
    id: int
    currency: str
    amount_minor: int
    since: datetime
    why: str


async def trial_balance(conn: Connection) -> list[TrialRow]:
    """Every kind of account by currency."""
    return [read(row, TrialRow) for row in await conn.fetch(_ledger.trial_balance)]


async def cases_by_state(conn: Connection) -> list[StateRow]:
    """How many cases stand where, and what is held for them."""
    return [read(row, StateRow) for row in await conn.fetch(_books.cases_by_state)]


async def stuck_money(conn: Connection) -> list[StuckRow]:
    """The operator's queue, oldest first; the age is now less `since`."""
    return [read(row, StuckRow) for row in await conn.fetch(_books.stuck_money)]


async def faults(conn: Connection) -> list[str]:
    """What does not agree, in words for a log; empty when the book is right."""
    return [row["fault"] for row in await conn.fetch(_books.faults)]
