"""The operator's acts on quarantined money: it never goes where nobody could ever fetch it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from escrow import ledger
from escrow.facts import NoticeKind, Quarantined, QuarantineState, Refusal
from market import money_desk
from tests.deal.traded import DEPOSIT, case_of, fall, house_desk, notices_of, pays, stage
from tests.sell.stall import HOUR, NOW, incoming, party

if TYPE_CHECKING:
    from migrations.database import Connection


async def test_who_must_act_for_his_money_is_told(conn: Connection) -> None:
    on = await stage(conn, bidders=2)
    await fall(conn, on)
    case, now = await case_of(conn, on), NOW + 3 * HOUR
    await pays(conn, on.desk, case.reference, case.due_minor, now)
    async with conn.transaction():
        await on.desk.settlement.ship(conn, case.id, on.seller, "SF", "1", now)
        await on.desk.settlement.receive(conn, case.id, on.winner, now)
        await on.desk.settlement.confirm_receipt(conn, case.id, on.winner, now)
    assert (await notices_of(conn, on.seller))[-1] == "payout_waiting"
    loser = on.bidders[1]
    async with conn.transaction():
        for party_id in (on.seller, loser):
            await on.desk.wallet.register_bank_account(conn, party_id, "Li Lei", "622202000011112222", now)
        await on.desk.wallet.withdraw(conn, loser, DEPOSIT, "CNY", now)
        for payout in await on.desk.payouts.payouts(conn):
            notice = incoming(payout.end_to_end_id, payout.amount_minor)
            returned = msgspec.structs.replace(notice, kind=NoticeKind.PAYOUT_RETURNED, reason="AC04")
            await on.desk.inbox.receive(conn, returned, now)
    assert (await notices_of(conn, on.seller))[-1] == "payout_returned"
    assert (await notices_of(conn, loser))[-1] == "payout_back_in_wallet"


async def test_whose_reference_came_with_the_wrong_money_is_told(conn: Connection) -> None:
    on = await stage(conn, bidders=2)
    await fall(conn, on)
    case = await case_of(conn, on)
    told = "select kind, link, params from market.notice where party_id = $1 order by id desc limit 1"
    await pays(conn, on.desk, case.reference, case.due_minor - 100, NOW)
    row = await conn.fetchrow(told, on.winner)
    assert (row["kind"], row["link"]) == ("payment_not_matching", f"/deals/{case.id}")
    assert row["params"]["came"] == "CNY 11,344.00" and row["params"]["asked"] == "CNY 11,345.00"
    async with conn.transaction():
        await on.desk.inbox.receive(conn, incoming(case.reference, case.due_minor, "USD"), NOW)
    assert (await conn.fetchrow(told, on.winner))["params"]["came"] == "USD 11,345.00"
    assert len(await on.desk.quarantine.waiting_for_case(conn, case)) == 2
    loser = on.bidders[1]
    deposit = await on.desk.deposits.deposit_of(conn, case.subject, loser)
    assert deposit is not None
    await pays(conn, on.desk, deposit.reference, DEPOSIT, NOW)
    row = await conn.fetchrow(told, loser)
    assert (row["kind"], row["link"]) == ("payment_not_awaited", f"/lots/{on.lot_id}")
    count = await conn.fetchval("select count(*) from market.notice")
    await pays(conn, on.desk, "no reference", 7_000, NOW)
    assert await conn.fetchval("select count(*) from market.notice") == count


async def test_money_is_credited_only_to_the_wallet_of_a_party(conn: Connection) -> None:
    """A typing error in the party's number would open a wallet that has no owner and that no page shows."""
    desk, operator, nobody = house_desk(), await party(conn, operator=True), 987_654_321
    owner = await party(conn)
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
            conn, desk, received.item_id, "wallet", operator, operator_id=operator, reason="mine", now=NOW
        )
    assert done is Refusal.OWN_MONEY
    async with conn.transaction():
        done = await money_desk.apply_item(
            conn, desk, received.item_id, "wallet", owner, operator_id=operator, reason="his", now=NOW
        )
    assert isinstance(done, Quarantined) and await ledger.balance(conn, f"wallet:{owner}", "CNY") == 7_000
