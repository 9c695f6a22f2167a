"""A dry run: the act itself is done inside a savepoint, its postings are read, and then everything is taken back.

So a preview can't differ from what the act would do: every rule, constraint and rounding has had its say.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct

from escrow.facts import Leg
from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Connection

_queries = load_queries("market", "batches")
T = TypeVar("T")


class Preview(Struct, frozen=True, kw_only=True):
    """One posting that would be made, with both accounts before and after it."""

    leg: Leg
    debit_before_minor: int
    credit_before_minor: int

    @property
    def debit_after_minor(self) -> int:
        return self.debit_before_minor - self.leg.amount_minor

    @property
    def credit_after_minor(self) -> int:
        return self.credit_before_minor + self.leg.amount_minor


class _TakeBack(Exception):
    """Ends the savepoint."""


async def rehearse(conn: Connection, act: Callable[[], Awaitable[T]], now: datetime) -> tuple[T, tuple[Preview, ...]]:
    """What the act answers and would post; nothing of it stays. A refusal (a StrEnum) has no postings. The caller is in a
    transaction.
    """
    assert conn.is_in_transaction(), "a savepoint needs a transaction around it"
    before = {row["op"] for row in await conn.fetch(_queries.operations_of_transaction, now)}
    shown: tuple[Preview, ...] = ()
    try:
        async with conn.transaction():
            answer = await act()
            await conn.execute("set constraints all immediate")
            if not isinstance(answer, StrEnum):
                shown = await _postings(conn, before, now)
            raise _TakeBack
    except _TakeBack:
        return answer, shown


async def _postings(conn: Connection, before: set[object], now: datetime) -> tuple[Preview, ...]:
    rows = await conn.fetch(_queries.postings_of_transaction, now)
    legs = [
        Leg(debit=row["debit"], credit=row["credit"], currency=row["currency"], amount_minor=row["amount_minor"])
        for row in rows
        if row["op"] not in before
    ]
    ending = {
        (row["path"], row["currency"]): row["balance_minor"]
        for row in await conn.fetch(
            _queries.balances_of,
            sorted({path for leg in legs for path in (leg.debit, leg.credit)}),
            sorted({leg.currency for leg in legs}),
        )
    }
    for leg in legs:  # Back from where they would end to where they stand.
        ending[leg.debit, leg.currency] += leg.amount_minor
        ending[leg.credit, leg.currency] -= leg.amount_minor
    shown = []
    for leg in legs:
        debit, credit = (leg.debit, leg.currency), (leg.credit, leg.currency)
        shown.append(Preview(leg=leg, debit_before_minor=ending[debit], credit_before_minor=ending[credit]))
        ending[debit] -= leg.amount_minor
        ending[credit] += leg.amount_minor
    return tuple(shown)
