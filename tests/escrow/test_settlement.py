"""A case from the hammer to the seller's money, and each other end that it may take, on a real database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from escrow import books, ledger
from escrow.facts import State
from tests.escrow.trade import (
    NOW,
    SELLER,
    Heard,
    case_in,
)

if TYPE_CHECKING:
    from migrations.database import Connection


async def test_a_whole_trade_pays_the_seller_the_price_less_the_commission(conn: Connection) -> None:
    heard = Heard()
    desk = heard.desk()
    await desk.wallet.register_bank_account(conn, SELLER, "Li Na", "XG7600010000100", NOW)
    async with conn.transaction():
        case = await case_in(desk, conn, State.RELEASED, price_minor=123_450, deposit_minor=10_000)
    payout = await desk.payouts.payout_of_case(conn, case.id)
    assert payout is None or payout.amount_minor == 113_574
    assert await ledger.balance(conn, "commission", "CNY") == 9_876
    assert await books.faults(conn) == []
