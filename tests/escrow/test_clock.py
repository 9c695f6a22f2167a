"""Timers and payout files as rows: fired once whoever looks, taken up again after any death, patient with a deaf bank."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg
import pytest
from structlog.testing import capture_logs

from escrow import books
from escrow.bank_client import BankClient
from escrow.clock import BANK_TELLS_WITHIN, EscrowClock
from escrow.desk import EscrowDesk
from escrow.facts import Action, Case, CaseEvent, PayoutState, State
from escrow.hooks import Hooks
from escrow.sandbox_bank.numbers import account_number
from escrow.sandbox_bank.payout_files import BadFileError, read_file
from tests.escrow.trade import CENTRE, DAY, NOW, SELLER, Heard, case_in, fresh, incoming
from tests.ports import free_port

if TYPE_CHECKING:
    from asyncpg import Pool, Record

    from migrations.database import Connection

SECRET = "whsec_c2VjcmV0IG9mIHRoZSB0ZXN0cw=="


class Hands:
    """What a test turns the clock's time with."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


def clock(pool: Pool[Record], desk: EscrowDesk, hands: Hands) -> EscrowClock:
    """A clock whose bank is at a port where nobody listens."""
    return EscrowClock(pool, hands.now, desk, BankClient(f"http://127.0.0.1:{free_port()}", SECRET), CENTRE)


async def test_two_clocks_at_once_fire_each_timer_once(pool: Pool[Record]) -> None:
    heard = Heard()
    desk = heard.desk()
    async with pool.acquire() as conn:
        for lot in range(12):
            async with conn.transaction():
                await case_in(desk, conn, State.AWAITING_PAYMENT, subject=f"lot:{lot}")
    hands = Hands(NOW + 2 * DAY)
    clocks = [clock(pool, desk, hands) for _ in range(3)]
    with capture_logs() as logs:
        await asyncio.gather(*(each.fire_due_timers() for each in clocks))
    assert logs == [], "no clock stumbles over what another one holds"
    defaults = [event.case_id for event in heard.events if event.action is Action.DEFAULT]
    assert len(defaults) == len(set(defaults)) == 12
    async with pool.acquire() as conn:
        assert await conn.fetchval("select count(*) from escrow.timer where outcome = 'fired'") == 12
        assert await conn.fetchval("select count(*) from escrow.timer where ended_at is null") == 0
        assert await books.faults(conn) == []


async def test_a_timer_whose_clock_is_killed_at_any_line_fires_once_afterwards(pool: Pool[Record]) -> None:
    """The market's hook runs last before the commit; a connection that dies there leaves nothing behind."""
    deaths = 0

    async def die(conn: Connection, case: Case, event: CaseEvent) -> None:
        nonlocal deaths
        if event.action is Action.DEFAULT and deaths == 0:
            deaths += 1
            pid = await conn.fetchval("select pg_backend_pid()")
            async with pool.acquire() as killer:
                await killer.execute("select pg_terminate_backend($1)", pid)
            await conn.execute("select 1")

    desk = EscrowDesk(Hooks(on_case_changed=die))
    async with pool.acquire() as conn, conn.transaction():
        case = await case_in(desk, conn, State.AWAITING_PAYMENT)
    hands = Hands(NOW + 2 * DAY)
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await clock(pool, desk, hands).fire_due_timers()
    async with pool.acquire() as conn:
        again = await desk.settlement.case_by_id(conn, case.id)
        assert again is not None and again.state is State.AWAITING_PAYMENT
    await clock(pool, desk, hands).fire_due_timers()
    async with pool.acquire() as conn:
        over = await desk.settlement.case_by_id(conn, case.id)
        assert over is not None and over.state is State.DEFAULTED and deaths == 1
        assert await conn.fetchval("select count(*) from escrow.case_event") == 2
        assert await books.faults(conn) == []


async def test_after_a_start_the_bank_is_heard_before_anybody_defaults(pool: Pool[Record]) -> None:
    """The buyer paid while the house was down, and the time to pay ran out meanwhile: his money arrives, and counts."""
    desk = Heard().desk()
    async with pool.acquire() as conn, conn.transaction():
        paid = await case_in(desk, conn, State.AWAITING_PAYMENT, subject="lot:1")
        unpaid = await case_in(desk, conn, State.AWAITING_PAYMENT, subject="lot:2")
    hands = Hands(NOW + 3 * DAY)
    ticking = clock(pool, desk, hands)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(_run(ticking))
        await asyncio.sleep(0)
        await ticking.fire_due_timers()
        running.cancel()
    async with pool.acquire() as conn:
        assert await ticking.overdue_seconds(conn) == 0
        async with conn.transaction():
            await desk.inbox.receive(conn, incoming(paid.reference, paid.due_minor), hands.now())
    hands.at += BANK_TELLS_WITHIN
    await ticking.fire_due_timers()
    async with pool.acquire() as conn:
        assert (await fresh(desk, conn, paid)).state is State.FUNDED
        assert (await fresh(desk, conn, unpaid)).state is State.DEFAULTED


async def _run(ticking: EscrowClock) -> None:
    async with asyncio.TaskGroup() as group:
        ticking.run(group)


async def test_a_timer_that_fails_holds_up_no_other_and_is_tried_again(pool: Pool[Record]) -> None:
    broken = True

    async def fail_for_the_first(conn: Connection, case: Case, event: CaseEvent) -> None:
        if broken and event.action is Action.DEFAULT and case.subject == "lot:0":
            raise RuntimeError("a fault of ours")

    desk = EscrowDesk(Hooks(on_case_changed=fail_for_the_first))
    async with pool.acquire() as conn, conn.transaction():
        for lot in range(3):
            await case_in(desk, conn, State.AWAITING_PAYMENT, subject=f"lot:{lot}")
    hands = Hands(NOW + 2 * DAY)
    ticking = clock(pool, desk, hands)
    next_at = await ticking.fire_due_timers()
    assert next_at == hands.at + timedelta(seconds=30)
    async with pool.acquire() as conn:
        left = await desk.settlement.cases_in_state(conn, State.AWAITING_PAYMENT)
        assert [case.subject for case in left] == ["lot:0"]
        hands.at += timedelta(seconds=31)
        assert await ticking.overdue_seconds(conn) == 31
        broken = False
        assert await ticking.fire_due_timers() is None
        assert await ticking.overdue_seconds(conn) == 0


async def test_a_clock_asleep_wakes_for_a_deadline_that_a_commit_adds(pool: Pool[Record]) -> None:
    heard = Heard()
    desk = heard.desk()
    hands = Hands(NOW + 2 * DAY)

    async def run() -> None:
        async with asyncio.TaskGroup() as group:
            clock(pool, desk, hands).run(group)

    running = asyncio.create_task(run())
    try:
        async with asyncio.timeout(60):
            async with pool.acquire() as conn:
                listening = "select count(*) from pg_stat_activity where query ilike 'listen%' and state = 'idle'"
                while not await conn.fetchval(listening):  # noqa: ASYNC110 -- the database is asked
                    await asyncio.sleep(0)
                async with conn.transaction():
                    await case_in(desk, conn, State.AWAITING_PAYMENT)  # due at once by the clock's time
                defaulted = "select count(*) from escrow.escrow_case where state = 'defaulted'"
                while not await conn.fetchval(defaulted):  # noqa: ASYNC110 -- the database is asked
                    await asyncio.sleep(0)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_deaf_bank_is_tried_again_ever_more_seldom_and_the_file_stays_the_same(pool: Pool[Record]) -> None:
    desk = Heard().desk()
    async with pool.acquire() as conn, conn.transaction():
        await desk.wallet.register_bank_account(conn, SELLER, "李娜 & Söhne <北京>", account_number(2001), NOW)
        await case_in(desk, conn, State.RELEASED, price_minor=123_450)
    hands = Hands()
    ticking = clock(pool, desk, hands)
    waits = []
    for _ in range(4):
        next_at = await ticking.carry_payouts()
        assert next_at is not None
        waits.append((next_at - hands.at).total_seconds())
        hands.at = next_at
    assert waits == [2, 4, 8, 16]
    async with pool.acquire() as conn:
        (batch,) = await conn.fetch("select * from escrow.payout_batch")
        (payout,) = await desk.payouts.payouts(conn)
    assert batch["attempts"] == 4 and "ConnectError" in batch["last_error"]
    assert payout.state is PayoutState.QUEUED
    file = read_file(batch["body"])
    (payment,) = file.payments
    assert (file.message_id, file.debtor_number) == (batch["message_id"], CENTRE.accounts["CNY"])
    assert (payment.amount_minor, payment.currency, payment.holder) == (113_574, "CNY", "李娜 & Söhne <北京>")
    assert (payment.end_to_end_id, payment.number) == (payout.end_to_end_id, account_number(2001))
    forged = batch["body"].replace("1135.74</CtrlSum>", "1135.75</CtrlSum>", 1)
    with pytest.raises(BadFileError):
        read_file(forged)


async def test_a_clock_that_is_woken_and_ended_at_once_ends(pool: Pool[Record]) -> None:
    """The house must be able to close while money is moving, whichever of the two reaches the clock first."""
    idle = asyncio.Event()

    async def nothing_due() -> None:
        idle.set()

    its_clock = clock(pool, Heard().desk(), Hands())
    for turns in range(5):
        idle.clear()
        kept = asyncio.create_task(its_clock._keep("timers", nothing_due))
        await idle.wait()
        await asyncio.sleep(0)
        its_clock.wake()
        for _ in range(turns):
            await asyncio.sleep(0)
        kept.cancel()
        done, _ = await asyncio.wait([kept], timeout=30)
        assert done, f"it lost the cancellation {turns} turns of the loop after the wake-up"
