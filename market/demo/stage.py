"""The stage on which the demo's past is played: a clock that is set, the house's own services, the sandbox bank's book.

What happened "three days ago" is done by the same functions as what happens today, with `now` of three days ago.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from auction.bidding import Bidding
from auction.hub import Hub
from auction.limits import Limits
from auction.node_time import NodeTime
from escrow.desk import EscrowDesk
from escrow.facts import BankNotice, NoticeKind
from escrow.hooks import Hooks
from escrow.sandbox_bank import accounts as bank
from market import applications, second_chance, trades
from migrations.database import Role, connect, create_pool

if TYPE_CHECKING:
    from auction.closings import OnHammer
    from market.config import Config
    from migrations.database import Connection, Pool

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NO_LIMITS = Limits(bids_per_second=1e9, burst=10**9)


class SetClock:
    """A monotonic clock that stands at `at` until it is set on."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def microseconds(self) -> int:
        return (self.at - _EPOCH) // timedelta(microseconds=1)


@dataclass(slots=True, kw_only=True)
class Stage:
    """Everything a scene needs. `parties` and `lots` fill up as the story goes on."""

    pool: Pool
    bank: Connection
    clock: SetClock
    bidding: Bidding
    escrow: EscrowDesk
    on_hammer: OnHammer
    parties: dict[str, int] = field(default_factory=dict)
    lots: dict[str, int] = field(default_factory=dict)
    accounts: dict[tuple[str, str], str] = field(default_factory=dict)
    """(party's key, currency) → the number of the party's account at the sandbox bank."""

    @property
    def now(self) -> datetime:
        return self.clock.at

    async def pay(self, payer: str, name: str, currency: str, amount_minor: int, reference: str) -> None:
        """A transfer to the centre at the sandbox bank, and the bank's notice of it taken in by the house.

        The bank tells it again when it starts; the same notice a second time changes nothing.
        """
        number = self.accounts[payer, currency]
        order = bank.Order(currency=currency, amount_minor=amount_minor, reference=reference, from_number=number)
        transfer_id = await bank.transfer(self.bank, order, self.now)
        notice = BankNotice(
            bank_id=transfer_id,
            kind=NoticeKind.TRANSFER_RECEIVED,
            currency=currency,
            amount_minor=amount_minor,
            reference=reference,
            booked_at=self.now,
            sender_holder=name,
            sender_number=number,
        )
        async with self.pool.acquire() as conn, conn.transaction():
            await self.escrow.inbox.receive(conn, notice, self.now)


@asynccontextmanager
async def open_stage(config: Config, at: datetime) -> AsyncIterator[Stage]:
    """The stage, set to `at`. No server may run on the database meanwhile: it would live in another time."""
    escrow = EscrowDesk(
        Hooks(
            on_deposit_held=applications.on_deposit_held,
            on_case_changed=second_chance.on_case_changed,
            on_quarantined=trades.on_quarantined,
            lock_subject=applications.lock_subject,
            goods_are_free=second_chance.goods_are_free,
        ),
        second_person_above_minor=config.second_person_above_minor,
    )
    on_hammer = trades.hammer_handler(trades.trade_terms(config), escrow)
    clock = SetClock(at)
    pool = await create_pool(config.address, Role.APP, max_size=4)
    bank_conn = await connect(config.address, Role.BANK)
    try:
        node_time = NodeTime(0, clock.microseconds)
        bidding = Bidding(pool, node_time, Hub(), on_hammer, _NO_LIMITS, lives_now=False)
        async with asyncio.TaskGroup() as tasks:
            await bidding.run(tasks)
            stage = Stage(pool=pool, bank=bank_conn, clock=clock, bidding=bidding, escrow=escrow, on_hammer=on_hammer)
            try:
                yield stage
            finally:
                await bidding.stop()
    finally:
        await bank_conn.close()
        await pool.close()
