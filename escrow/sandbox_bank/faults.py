"""What the bank's switch does wrong on request, to the next so many messages: how a gateway is tried out."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from escrow.sandbox_bank.accounts import BankRefusalError
from migrations.queries import load_queries

if TYPE_CHECKING:
    from migrations.database import Connection

_queries = load_queries("escrow.sandbox_bank", "cards")
LARGEST_TIMES, LONGEST_DELAY_MS = 100_000, 600_000


class FaultKind(StrEnum):
    """LOST: never heard. NO_ANSWER, LATE_ANSWER, DROP_CONNECTION, GARBAGE: done, but the answer fails. SLOW: in time."""

    NO_ANSWER = "no_answer"
    LOST = "lost"
    LATE_ANSWER = "late_answer"
    DROP_CONNECTION = "drop_connection"
    DECLINE = "decline"
    PARTIAL = "partial"
    DUPLICATE_ANSWER = "duplicate_answer"
    GARBAGE = "garbage"
    SLOW = "slow"
    UNDECIDED = "undecided"


APPLIES_TO = ("any", "authorise", "capture", "reverse")
_DELAYS = {FaultKind.LATE_ANSWER: 15_000, FaultKind.SLOW: 1_500}
_ONLY_AUTHORISE = (FaultKind.DECLINE, FaultKind.PARTIAL, FaultKind.UNDECIDED)


class Fault(Struct, frozen=True, kw_only=True):
    fault: FaultKind
    code: str | None
    delay_ms: int


class PendingFault(Struct, frozen=True, kw_only=True):
    id: int
    fault: FaultKind
    applies_to: str
    code: str | None
    delay_ms: int
    remaining: int


async def switch_on(
    conn: Connection,
    kind: str,
    times: int,
    now: datetime,
    *,
    applies_to: str = "any",
    code: str | None = None,
    delay_ms: int | None = None,
) -> None:
    """The next `times` messages of that sort go wrong. Raises BankRefusalError."""
    if kind not in FaultKind.__members__.values() or applies_to not in APPLIES_TO:
        raise BankRefusalError("unknown_fault")
    if not 1 <= times <= LARGEST_TIMES:
        raise BankRefusalError("bad_times")
    delay = _DELAYS.get(FaultKind(kind), 0) if delay_ms is None else delay_ms
    if not 0 <= delay <= LONGEST_DELAY_MS:
        raise BankRefusalError("bad_times")
    if code is not None and not (len(code) == 2 and code.isascii() and code.isalnum() and code == code.upper()):
        raise BankRefusalError("bad_code")
    if kind == FaultKind.DECLINE and code in (None, "00", "09", "10"):
        code = "05"
    wanted = "authorise" if kind in _ONLY_AUTHORISE else applies_to
    await conn.execute(_queries.insert_fault, kind, wanted, code, delay, times, now)


async def switch_all_off(conn: Connection) -> None:
    await conn.execute(_queries.end_faults)


async def pending(conn: Connection) -> list[PendingFault]:
    return [msgspec.convert(dict(row), PendingFault) for row in await conn.fetch(_queries.faults)]


async def take(conn: Connection, message: str) -> Fault | None:
    """What goes wrong with this message; it is one fewer from now on."""
    row = await conn.fetchrow(_queries.take_fault, message)
    return None if row is None else msgspec.convert(dict(row), Fault)
