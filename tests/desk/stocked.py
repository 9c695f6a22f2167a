"""A house's desk with something on it: money in quarantine, a deal in inspection, one in escrow, payouts held and returned."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from escrow.facts import BankNotice, NoticeKind
from market import money_acts
from tests.deal.traded import Stage, case_of, fall, pays, stage
from tests.sell.stall import incoming, party

if TYPE_CHECKING:
    from tests.door.house_server import Server


@dataclass
class Stocked:
    """What lies on the desk. `strange` are notices that fit nothing, as the bank told of them."""

    ann: int
    bob: int
    strange: list[BankNotice]
    inspecting: Stage
    funded_case: int
    inspecting_case: int
    held_payout: int
    returned_payout: int


async def stock(server: Server) -> Stocked:
    """Put everything on the desk."""
    house = server.house
    now = house.node_time.now()
    async with house.pool.acquire() as conn:
        ann, bob = [await party(conn, operator=True, now=now) for _ in range(2)]
        strange = [
            msgspec.structs.replace(
                incoming(f"for the vase {n}", 1_234_00 * n),
                booked_at=now,
                sender_holder="李雷",
                sender_number=f"6222020{n}",
            )
            for n in (1, 2)
        ]
        for n, notice in enumerate(strange):
            async with conn.transaction():
                await house.escrow.inbox.receive(conn, notice, now - timedelta(days=5 * n))
        stages = [await stage(conn, bidders=2, desk=house.escrow, now=now) for _ in range(4)]
        cases = []
        for each in stages:
            await fall(conn, each, closed_at=now, struck_at=now)
            case = await case_of(conn, each)
            await pays(conn, house.escrow, case.reference, case.due_minor, now)
            cases.append(case.id)
        payouts = []
        for each, case_id in zip(stages[1:], cases[1:], strict=True):
            async with conn.transaction():
                await house.escrow.settlement.ship(conn, case_id, each.seller, "SF", f"SF{case_id}", now)
                await house.escrow.settlement.receive(conn, case_id, each.winner, now)
        for each, case_id in zip(stages[2:], cases[2:], strict=True):
            async with conn.transaction():
                await house.escrow.settlement.confirm_receipt(conn, case_id, each.winner, now)
                payout = await house.escrow.payouts.payout_of_case(conn, case_id)
                assert payout is not None
                payouts.append(payout.id)
        async with conn.transaction():
            await money_acts.hold_payout(conn, house.escrow, payouts[0], ann, "the name differs", now)
            # In one transaction, so that the house's clock finds nothing to carry.
            await house.escrow.wallet.register_bank_account(conn, stages[3].seller, "韩梅梅", "622202000011112222", now)
            sent = await house.escrow.payouts.payout_of_case(conn, cases[3])
            assert sent is not None
            back = incoming(sent.end_to_end_id, sent.amount_minor)
            await house.escrow.inbox.receive(
                conn, msgspec.structs.replace(back, kind=NoticeKind.PAYOUT_RETURNED, reason="AC04"), now
            )
    return Stocked(
        ann=ann,
        bob=bob,
        strange=strange,
        inspecting=stages[1],
        funded_case=cases[0],
        inspecting_case=cases[1],
        held_payout=payouts[0],
        returned_payout=payouts[1],
    )
