"""The operator's acts on quarantined money: it never goes where nobody could ever fetch it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from escrow import ledger
from escrow.facts import Quarantined, QuarantineState, Refusal
from market import money_desk
from tests.deal.traded import house_desk
from tests.sell.stall import NOW, incoming, party

if TYPE_CHECKING:
    from migrations.database import Connection


async def test_money_is_credited_only_to_the_wallet_of_a_party(conn: Connection) -> None:
    """A typing error in the party's number would open a wallet that has no owner and that no page shows."""
    desk, operator, nobody = house_desk(), await party(conn, operator=True), 987_654_321
    async with conn.transaction():
        received = await desk.inbox.receive(conn, incoming("no reference", 7_000), NOW)
    assert received.item_id is not None
    previewed = await money_desk.preview(conn, desk, received.item_id, "wallet", nobody, NOW)
    assert previewed is Refusal.UNKNOWN_PARTY
    async with conn.transaction():
        refused = await money_desk.apply_item(
            conn, desk, received.item_id, "wallet", nobody, operator_id=operator, reason="his", now=NOW
        )
    assert refused is Refusal.UNKNOWN_PARTY
    item = await money_desk.item_by_id(conn, desk, received.item_id)
    assert item is not None and item.state is QuarantineState.OPEN
    async with conn.transaction():
        done = await money_desk.apply_item(
            conn, desk, received.item_id, "wallet", operator, operator_id=operator, reason="his", now=NOW
        )
    assert isinstance(done, Quarantined) and await ledger.balance(conn, f"wallet:{operator}", "CNY") == 7_000
