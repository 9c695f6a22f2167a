"""What the market wants to be told of, in the same transaction as the act itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from escrow.facts import Case, CaseEvent, Chargeback, Deposit, Payout, Quarantined, Refusal

if TYPE_CHECKING:
    from migrations.database import Connection


async def _nothing(*_: object) -> None:
    return None


async def _yes(*_: object) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """Callables of the market; what is left out does nothing. `lock_subject` runs before the row of a deposit is locked
    when its money arrives, so that the order of locks is always: subject, deposit or case, accounts. `goods_are_free` says
    whether a sale that ended by default can still be carried out: nobody else has, or is being offered, the goods.
    `deposit_can_fall` whether a held deposit secures nothing but its bidder's admission yet: then it falls when its card
    payment is taken back, and the market is told (`on_deposit_taken_back`). `may_ship` says what of its contract is still
    missing before a case's goods may be sent.
    """

    on_deposit_held: Callable[[Connection, Deposit, datetime], Awaitable[None]] = _nothing
    on_case_changed: Callable[[Connection, Case, CaseEvent], Awaitable[None]] = _nothing
    on_quarantined: Callable[[Connection, Quarantined, datetime], Awaitable[None]] = _nothing
    on_payout_changed: Callable[[Connection, Payout, datetime], Awaitable[None]] = _nothing
    on_chargeback: Callable[[Connection, Case | None, Chargeback, datetime], Awaitable[None]] = _nothing
    on_deposit_taken_back: Callable[[Connection, Deposit, datetime], Awaitable[None]] = _nothing
    deposit_can_fall: Callable[[Connection, Deposit], Awaitable[bool]] = _yes
    goods_are_free: Callable[[Connection, Case], Awaitable[bool]] = _yes
    may_ship: Callable[[Connection, int], Awaitable[Refusal | None]] = _nothing
    lock_subject: Callable[[Connection, str], Awaitable[None]] = _nothing
