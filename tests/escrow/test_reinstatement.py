"""Late money brings a defaulted sale back to life, and the forfeit is undone to the last unit."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from escrow import books
from escrow.desk import EscrowDesk
from escrow.facts import Action, Case, Quarantined, Refusal, State
from escrow.hooks import Hooks
from tests.escrow.trade import (
    BUYER,
    NOW,
    OPERATOR,
    SELLER,
    Heard,
    balances,
    case_in,
    fresh,
    incoming,
    taken,
    terms,
)

if TYPE_CHECKING:
    from migrations.database import Connection

LATE = NOW + timedelta(hours=49)


@pytest.fixture
def conn(tx: Connection) -> Connection:
    return tx


async def defaulted(heard: Heard, conn: Connection, late_minor: int) -> tuple[EscrowDesk, Case, Quarantined]:
    desk = heard.desk()
    case = await case_in(desk, conn, State.AWAITING_PAYMENT, deposit_minor=10_001)
    taken(await desk.settlement.time_out(conn, case.id, Action.DEFAULT, LATE))
    await desk.inbox.receive(conn, incoming(case.reference, late_minor), LATE)
    return desk, await fresh(desk, conn, case), heard.items[-1]


async def test_late_money_carries_the_sale_out_after_all(conn: Connection) -> None:
    heard = Heard()
    desk, old, item = await defaulted(heard, conn, 89_999 + 5)
    applied = await desk.quarantine.apply_quarantined(
        conn, item.id, case_id=old.id, operator_id=OPERATOR, note="The bank was slow.", now=LATE
    )
    assert isinstance(applied, Quarantined)
    new = await desk.settlement.case_of_subject(conn, old.subject)
    assert new is not None and new.reinstates_id == old.id and new.state is State.FUNDED
    assert (await fresh(desk, conn, old)).state is State.DEFAULTED
    assert await balances(conn, f"escrow:{new.id}", "forfeits", "wallet:11", "receivable:12") == [100_000, 0, 5, -5_000]
    assert await books.faults(conn) == []

    # The seller has his half of the forfeit already: his proceeds are less by it.
    taken(await desk.settlement.ship(conn, new.id, SELLER, "SF", "1", LATE))
    taken(await desk.settlement.receive(conn, new.id, BUYER, LATE))
    taken(await desk.settlement.confirm_receipt(conn, new.id, BUYER, LATE))
    payout = await desk.payouts.payout_of_case(conn, new.id)
    assert payout is not None and payout.amount_minor == 92_000 - 5_000
    assert await balances(conn, "receivable:12", "commission") == [0, 8_000]
    assert await books.faults(conn) == []


async def test_it_is_refused_when_it_is_too_little_when_the_goods_are_gone_and_the_second_time(
    conn: Connection,
) -> None:
    heard = Heard()
    desk, old, item = await defaulted(heard, conn, 89_998)

    async def apply(to: Quarantined, by: EscrowDesk = desk) -> object:
        return await by.quarantine.apply_quarantined(
            conn, to.id, case_id=old.id, operator_id=OPERATOR, note="Late.", now=LATE
        )

    assert await apply(item) is Refusal.BELOW_DUE
    await desk.inbox.receive(conn, incoming(old.reference, 89_999), LATE)
    fits = heard.items[-1]

    async def never(conn: Connection, case: Case) -> bool:
        return False

    sold = EscrowDesk(replace(Hooks(), goods_are_free=never))
    assert await apply(fits, sold) is Refusal.GOODS_ARE_GONE
    async with conn.transaction():
        again = await desk.settlement.open_case(conn, terms(), LATE)
        assert await apply(fits) is Refusal.GOODS_ARE_GONE, "the lot was sold to another"
        taken(await desk.settlement.cancel(conn, again.id, OPERATOR, "x", LATE, as_operator=True))
    assert isinstance(await apply(fits), Quarantined)
    await desk.inbox.receive(conn, incoming(old.reference, 89_999), LATE)
    assert await apply(heard.items[-1]) is Refusal.GOODS_ARE_GONE
    cancelled = await case_in(desk, conn, State.AWAITING_PAYMENT, deposit_minor=0, subject="lot:2")
    taken(await desk.settlement.cancel(conn, cancelled.id, OPERATOR, "x", LATE, as_operator=True))
    answer = await desk.settlement.reinstate(conn, cancelled.id, OPERATOR, "bank", 10**6, "x", LATE)
    assert answer is Refusal.NOT_REINSTATABLE
    assert await books.faults(conn) == []
