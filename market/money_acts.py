"""The acts on money that an operator may put into a batch, each by its one way into the escrow, with its audit line.

A new kind of act is one line in each table here, and a word in `market.money_batch_item`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from escrow import store
from escrow.facts import Payout, Refusal
from market import audit, money_desk
from migrations.queries import load_queries

if TYPE_CHECKING:
    from escrow.desk import EscrowDesk
    from migrations.database import Connection

_queries = load_queries("market", "batches")


class Act(StrEnum):
    """What an operator can do with money; `money_act.<value>` in the catalogue."""

    PAYOUT_RELEASE = "payout_release"
    PAYOUT_AGAIN = "payout_again"
    QUARANTINE_APPLY = "quarantine_apply"
    QUARANTINE_RETURN = "quarantine_return"
    CASE_REFUND = "case_refund"


SUBJECT_OF = {
    Act.PAYOUT_RELEASE: "payout",
    Act.PAYOUT_AGAIN: "payout",
    Act.QUARANTINE_APPLY: "quarantine",
    Act.QUARANTINE_RETURN: "quarantine",
    Act.CASE_REFUND: "case",
}
_UNKNOWN = {
    "payout": Refusal.UNKNOWN_PAYOUT,
    "quarantine": Refusal.UNKNOWN_ITEM,
    "case": Refusal.UNKNOWN_CASE,
}


class Wish(Struct, frozen=True, kw_only=True):
    """One act on one thing; `into` says where quarantined money is applied."""

    act: Act
    subject_id: int
    into_kind: str | None = None
    into_id: int | None = None

    @property
    def subject(self) -> str:
        return f"{SUBJECT_OF[self.act]}:{self.subject_id}"


async def worth(conn: Connection, wish: Wish) -> tuple[str, int] | Refusal:
    """Currency and sum that the act is about."""
    kind = SUBJECT_OF[wish.act]
    row = await conn.fetchrow(_queries.worth_of, kind, wish.subject_id)
    return _UNKNOWN[kind] if row is None else (row["currency"], row["amount_minor"])


async def do(
    conn: Connection, desk: EscrowDesk, wish: Wish, reason: str, operator_id: int, now: datetime
) -> object | StrEnum:
    """Do it; a refusal is a StrEnum, and then nothing was done."""
    return await _DOERS[wish.act](conn, desk, wish, reason, operator_id, now)


async def _payout_release(
    conn: Connection, desk: EscrowDesk, wish: Wish, reason: str, operator_id: int, now: datetime
) -> Payout | Refusal:
    done = await desk.payouts.release(conn, wish.subject_id)
    return await _told(conn, done, "payout.released", reason, operator_id, now)


async def _payout_again(
    conn: Connection, desk: EscrowDesk, wish: Wish, reason: str, operator_id: int, now: datetime
) -> Payout | Refusal:
    done = await desk.payouts.send_again(conn, wish.subject_id, now)
    return await _told(conn, done, "payout.sent_again", reason, operator_id, now)


async def hold_payout(
    conn: Connection, desk: EscrowDesk, payout_id: int, operator_id: int, reason: str, now: datetime
) -> Payout | Refusal:
    """Keep a payout out of the next file. One operator is enough to stop money."""
    done = await desk.payouts.hold(conn, payout_id, operator_id, reason, now)
    return await _told(conn, done, "payout.held", reason.strip(), operator_id, now)


async def _told(
    conn: Connection, done: Payout | Refusal, act: str, reason: str, operator_id: int, now: datetime
) -> Payout | Refusal:
    if isinstance(done, Payout):
        detail = {"currency": done.currency, "amount_minor": done.amount_minor}
        await audit.record(conn, operator_id, act, f"payout:{done.id}", reason, detail, now)
    return done


async def _quarantine_apply(
    conn: Connection, desk: EscrowDesk, wish: Wish, reason: str, operator_id: int, now: datetime
) -> object:
    assert wish.into_kind is not None and wish.into_id is not None, "money is applied to something"
    return await money_desk.apply_item(
        conn, desk, wish.subject_id, wish.into_kind, wish.into_id, operator_id=operator_id, reason=reason, now=now
    )


async def _quarantine_return(
    conn: Connection, desk: EscrowDesk, wish: Wish, reason: str, operator_id: int, now: datetime
) -> object:
    return await money_desk.return_item(conn, desk, wish.subject_id, operator_id=operator_id, reason=reason, now=now)


async def _case_refund(
    conn: Connection, desk: EscrowDesk, wish: Wish, reason: str, operator_id: int, now: datetime
) -> object:
    done = await desk.settlement.cancel(conn, wish.subject_id, operator_id, reason, now, as_operator=True)
    if not isinstance(done, Refusal):
        detail = {"currency": done.currency, "amount_minor": done.price_minor}
        await audit.record(conn, operator_id, "case.refunded", f"case:{done.id}", reason, detail, now)
    return done


async def held_now(conn: Connection, case_id: int) -> bool:
    """Whether money lies in the case, which stays so for the rest of the transaction."""
    case = await store.lock_case(conn, case_id)
    return case is not None and case.held_minor > 0


_DOERS: dict[Act, Callable[[Any, Any, Wish, str, int, datetime], Awaitable[object]]] = {
    Act.PAYOUT_RELEASE: _payout_release,
    Act.PAYOUT_AGAIN: _payout_again,
    Act.QUARANTINE_APPLY: _quarantine_apply,
    Act.QUARANTINE_RETURN: _quarantine_return,
    Act.CASE_REFUND: _case_refund,
}
