"""Batches: the preview is what happens, above the limit two operators are needed, and of two confirmations one counts."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg
import pytest

from escrow import books, ledger, payments_store
from escrow.facts import PayoutState, Quarantined, QuarantineState, Refusal
from market import audit, batches, money_acts, money_desk
from market.batches import Batch, BatchRefusal, ItemRefused, Previewed
from market.money_acts import Act, Wish
from tests.deal.traded import PRICE, Stage, case_of, fall, house_desk, pays, stage
from tests.sell.stall import DAY, HOUR, NOW, incoming, party

if TYPE_CHECKING:
    from asyncpg import Pool, Record

    from escrow.desk import EscrowDesk
    from migrations.database import Connection

LIMIT = 50_000
LATER = NOW + 3 * HOUR


@dataclass
class Desk:
    """Money in quarantine, and two operators."""

    conn: Connection
    escrow: EscrowDesk
    ann: int
    bob: int

    @classmethod
    async def open(cls, conn: Connection) -> Desk:
        return cls(conn, house_desk(), await party(conn, operator=True), await party(conn, operator=True))

    async def strange_money(self, amount_minor: int, currency: str = "CNY") -> int:
        async with self.conn.transaction():
            got = await self.escrow.inbox.receive(self.conn, incoming("no reference", amount_minor, currency), NOW)
        assert got.item_id is not None
        return got.item_id

    def to_wallet(self, item_id: int, party_id: int) -> Wish:
        return Wish(act=Act.QUARANTINE_APPLY, subject_id=item_id, into_kind="wallet", into_id=party_id)

    async def preview(self, *wishes: Wish) -> Previewed:
        async with self.conn.transaction():
            seen = await batches.preview(self.conn, self.escrow, wishes, self.ann, LIMIT, LATER)
        assert isinstance(seen, Previewed), seen
        return seen

    async def submit(self, *wishes: Wish, by: int = 0, reason: str = "his money") -> Batch | BatchRefusal | ItemRefused:
        async with self.conn.transaction():
            return await batches.submit(self.conn, self.escrow, wishes, reason, by or self.ann, LIMIT, LATER)

    async def confirm(self, batch_id: int, by: int) -> Batch | BatchRefusal | ItemRefused:
        async with self.conn.transaction():
            return await batches.confirm(self.conn, self.escrow, batch_id, by, LATER)


async def test_the_preview_shows_what_happens_and_leaves_nothing(conn: Connection) -> None:
    desk = await Desk.open(conn)
    one, two, owner = await desk.strange_money(700), await desk.strange_money(300), await party(conn)
    wishes = desk.to_wallet(one, owner), desk.to_wallet(two, owner)
    seen = await desk.preview(*wishes)
    assert seen.can_be_done and not seen.needs_second and seen.sums == {"CNY": 1_000}
    shown = [
        (p.leg.credit, p.credit_before_minor, p.credit_after_minor, p.debit_after_minor)
        for line in seen.lines
        for p in line.postings
    ]
    assert shown == [(f"wallet:{owner}", 0, 700, 0), (f"wallet:{owner}", 700, 1_000, 0)]
    assert await ledger.balance(conn, f"wallet:{owner}", "CNY") == 0
    assert (
        len(await desk.escrow.quarantine.items(conn)) == 2
        and await conn.fetchval("select count(*) from market.money_batch") == 0
    )
    done = await desk.submit(*wishes)
    assert isinstance(done, Batch) and done.state == "done" and done.confirmed_by is None
    assert await ledger.balance(conn, f"wallet:{owner}", "CNY") == 1_000 and await books.faults(conn) == []


async def test_a_refund_to_a_buyer_is_previewed_leg_by_leg(conn: Connection) -> None:
    desk, on = await Desk.open(conn), await stage(conn, bidders=2)
    await fall(conn, on)
    case = await case_of(conn, on)
    await pays(conn, on.desk, case.reference, case.due_minor, LATER)
    seen = await desk.preview(Wish(act=Act.CASE_REFUND, subject_id=case.id))
    (posting,) = seen.lines[0].postings
    assert (posting.leg.debit, posting.leg.credit) == (f"escrow:{case.id}", f"wallet:{on.winner}")
    assert (posting.debit_before_minor, posting.debit_after_minor, posting.leg.amount_minor) == (PRICE, 0, PRICE)
    waiting = await desk.submit(Wish(act=Act.CASE_REFUND, subject_id=case.id))
    assert isinstance(waiting, Batch) and waiting.state == "waiting"
    done = await desk.confirm(waiting.id, desk.bob)
    assert isinstance(done, Batch) and done.confirmed_by == desk.bob
    assert await ledger.balance(conn, f"wallet:{on.winner}", "CNY") == PRICE and await books.faults(conn) == []
    acts = [entry.act for entry in await audit.entries_of(conn, f"money_batch:{done.id}")]
    assert acts == ["money_batch.asked", "money_batch.confirmed"]


async def test_small_pieces_of_a_large_sum_need_a_second_person_too(conn: Connection) -> None:
    desk, owner = await Desk.open(conn), await party(conn)
    for _ in range(2):
        done = await desk.submit(desk.to_wallet(await desk.strange_money(20_000), owner))
        assert isinstance(done, Batch) and done.state == "done"
    third = desk.to_wallet(await desk.strange_money(20_000), owner)
    waiting = await desk.submit(third)
    assert isinstance(waiting, Batch) and waiting.needs_second and waiting.at_stake == {"CNY": 60_000}
    assert await desk.confirm(waiting.id, desk.ann) is BatchRefusal.SAME_PERSON
    with pytest.raises(asyncpg.CheckViolationError, match="money_batch_second_is_another"):
        await conn.execute(
            "update market.money_batch set state = 'done', confirmed_by = $2, ended_by = $2, ended_at = now() where id = $1",
            waiting.id,
            desk.ann,
        )
    assert isinstance(await desk.confirm(waiting.id, desk.bob), Batch)
    assert await desk.confirm(waiting.id, desk.bob) is BatchRefusal.NOT_WAITING
    other = await desk.submit(desk.to_wallet(await desk.strange_money(20_000, "USD"), owner))
    assert isinstance(other, Batch) and other.state == "done"


async def test_of_two_who_confirm_at_once_one_does_it(pool: Pool[Record]) -> None:
    async with pool.acquire() as conn, pool.acquire() as second:
        desk = await Desk.open(conn)
        owner, eve = await party(conn), await party(conn, operator=True)
        waiting = await desk.submit(desk.to_wallet(await desk.strange_money(LIMIT), owner))
        assert isinstance(waiting, Batch)
        rival = Desk(second, desk.escrow, desk.ann, eve)
        answers = await asyncio.gather(desk.confirm(waiting.id, desk.bob), rival.confirm(waiting.id, eve))
        assert sorted(isinstance(one, Batch) for one in answers) == [False, True]
        assert BatchRefusal.NOT_WAITING in answers
        assert await ledger.balance(conn, f"wallet:{owner}", "CNY") == LIMIT and await books.faults(conn) == []


async def test_one_act_that_cannot_be_done_stops_them_all(conn: Connection) -> None:
    desk, owner = await Desk.open(conn), await party(conn)
    good = desk.to_wallet(await desk.strange_money(500), owner)
    bad = desk.to_wallet(await desk.strange_money(500), 987_654_321)
    refused = await desk.submit(good, bad)
    assert isinstance(refused, ItemRefused) and (refused.n, refused.refusal) == (2, Refusal.UNKNOWN_PARTY)
    seen = await desk.preview(good, bad)
    assert not seen.can_be_done and seen.lines[1].refusal is Refusal.UNKNOWN_PARTY
    big = desk.to_wallet(await desk.strange_money(LIMIT), owner)
    waiting = await desk.submit(good, big)
    assert isinstance(waiting, Batch)
    async with conn.transaction():  # Meanwhile somebody decides one of the two.
        assert isinstance(
            await money_desk.apply_item(
                conn, desk.escrow, good.subject_id, "wallet", owner, operator_id=desk.bob, reason="x", now=LATER
            ),
            Quarantined,
        )
    late = await desk.confirm(waiting.id, desk.bob)
    assert isinstance(late, ItemRefused) and late.n == 1
    item = await money_desk.item_by_id(conn, desk.escrow, big.subject_id)
    assert item is not None and item.state is QuarantineState.OPEN
    async with conn.transaction():
        taken_back = await batches.withdraw(conn, waiting.id, desk.ann, "one is gone", LATER)
    assert isinstance(taken_back, Batch) and taken_back.state == "withdrawn"


@pytest.mark.parametrize(
    ("wishes", "reason", "refusal"),
    [
        ([], "why", BatchRefusal.EMPTY),
        ([Wish(act=Act.PAYOUT_RELEASE, subject_id=n) for n in range(1, 102)], "why", BatchRefusal.TOO_MANY),
        ([Wish(act=a, subject_id=1) for a in (Act.PAYOUT_RELEASE, Act.PAYOUT_AGAIN)], "why", BatchRefusal.TWICE),
        ([Wish(act=Act.PAYOUT_RELEASE, subject_id=1)], " ", BatchRefusal.REASON_MISSING),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else None,
)
async def test_what_is_no_batch_is_refused(
    conn: Connection, wishes: list[Wish], reason: str, refusal: BatchRefusal
) -> None:
    desk = await Desk.open(conn)
    assert await desk.submit(*wishes, reason=reason) is refusal


async def _released(conn: Connection, on: Stage) -> int:
    """A sale whose payout waits for the seller's account; its id."""
    await fall(conn, on)
    case = await case_of(conn, on)
    await pays(conn, on.desk, case.reference, case.due_minor, LATER)
    async with conn.transaction():
        await on.desk.settlement.ship(conn, case.id, on.seller, "SF", "1", LATER)
        await on.desk.settlement.receive(conn, case.id, on.winner, LATER)
        await on.desk.settlement.confirm_receipt(conn, case.id, on.winner, LATER)
    (payout,) = await on.desk.payouts.payouts(conn)
    return payout.id


async def test_a_held_payout_goes_into_no_file_until_it_is_released(conn: Connection) -> None:
    desk, on = await Desk.open(conn), await stage(conn, bidders=2)
    payout_id = await _released(conn, on)
    async with conn.transaction():
        assert (
            await money_acts.hold_payout(conn, desk.escrow, payout_id, desk.ann, " ", LATER) is Refusal.REASON_MISSING
        )
        await money_acts.hold_payout(conn, desk.escrow, payout_id, desk.ann, "the name differs", LATER)
        await on.desk.wallet.register_bank_account(conn, on.seller, "Li Lei", "622202000011112222", LATER)
    assert (
        await payments_store.lock_queued_payouts(conn, 10) == [] and await payments_store.next_payout_at(conn) is None
    )
    assert [row.what for row in await books.stuck_money(conn, LATER)] == ["payout_held"]
    waiting = await desk.submit(Wish(act=Act.PAYOUT_RELEASE, subject_id=payout_id))
    assert isinstance(waiting, Batch) and waiting.needs_second
    await desk.confirm(waiting.id, desk.bob)
    (queued,) = await payments_store.lock_queued_payouts(conn, 10)
    assert queued.id == payout_id and queued.state is PayoutState.QUEUED
    async with conn.transaction():
        await payments_store.insert_batch(conn, "GH1", "CNY", "<x/>", [payout_id], LATER)
        assert await desk.escrow.payouts.hold(conn, payout_id, desk.ann, "too late", LATER) is Refusal.PAYOUT_HAS_GONE
        assert await desk.escrow.payouts.release(conn, payout_id) is Refusal.PAYOUT_NOT_HELD


async def test_the_alone_limit_looks_back_one_day_only(conn: Connection) -> None:
    desk, owner = await Desk.open(conn), await party(conn)
    await desk.submit(desk.to_wallet(await desk.strange_money(LIMIT - 1), owner))
    wish = desk.to_wallet(await desk.strange_money(LIMIT - 1), owner)
    async with conn.transaction():
        done = await batches.submit(conn, desk.escrow, [wish], "why", desk.ann, LIMIT, LATER + DAY)
    assert isinstance(done, Batch) and done.state == "done"
