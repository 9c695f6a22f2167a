"""The escrow's clocks: one takes what timers have run out for, one carries payouts to the bank.

Each sleeps to its next deadline and is woken when a commit adds an earlier one. All they know is rows: a clock may be
killed at any line, several may run at once, and every timer still fires once and every file counts once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from escrow import claims_store, debts, ledger, payments_store, store
from escrow.bank_client import BankClient, BankError
from escrow.desk import EscrowDesk
from escrow.facts import Refusal
from escrow.payouts import Centre

if TYPE_CHECKING:
    from migrations.database import Connection, Pool

CHANNEL = "escrow_clock"
LONGEST_SLEEP_SECONDS = 15.0
"""A clock looks again at least this often, should a wake-up be lost with its connection."""
PAUSE_AFTER_FAULT_SECONDS = 1.0
BANK_TELLS_WITHIN = timedelta(minutes=2)
"""How long after a start no case defaults: a bank that could not reach the house tries again within this (the sandbox
bank after 30 seconds at the latest), and money that came in time must be heard of first."""
ROLL_UP_EVERY = timedelta(minutes=10)
DEBTS_EVERY = timedelta(seconds=5)
_TIMER_RETRY = timedelta(seconds=30)
_QUIET_ATTEMPTS = 2

_log = structlog.get_logger("escrow.clock")


class TimerRefusedError(Exception):
    """The rules refused what a timer was set for: a fault of ours; the timer is tried again later."""


class EscrowClock:
    """Both clocks of one process; `now` is the node's time."""

    def __init__(
        self, pool: Pool, now: Callable[[], datetime], desk: EscrowDesk, bank: BankClient, centre: Centre
    ) -> None:
        self._pool = pool
        self._now = now
        self._desk = desk
        self._bank = bank
        self._centre = centre
        self._woken = {name: asyncio.Event() for name in ("timers", "payouts")}
        self._rolled_up_at: datetime | None = None
        self._debts_seen_at: datetime | None = None
        self._has_just_started = False

    def run(self, task_group: asyncio.TaskGroup) -> None:
        """Start the clocks in the caller's task group; they run until it is cancelled."""
        self._has_just_started = True
        task_group.create_task(self._keep("timers", self.fire_due_timers), name="escrow timers")
        task_group.create_task(self._keep("payouts", self.carry_payouts), name="escrow payouts")
        task_group.create_task(self._listen(), name="escrow wake-ups")

    def wake(self) -> None:
        """Look at the deadlines again now."""
        for event in self._woken.values():
            event.set()

    async def fire_due_timers(self) -> datetime | None:
        """Take every due timer's action, each in a transaction of its own; when the next one is due."""
        if self._has_just_started:
            async with self._pool.acquire() as conn:
                await store.put_off_defaults(conn, self._now() + BANK_TELLS_WITHIN)
            self._has_just_started = False
        while await self._fire_one():
            pass
        while await self._free_one_reserve():
            pass
        await self._repay_debts()
        async with self._pool.acquire() as conn:
            nexts = (await store.next_timer_at(conn), await claims_store.next_reserve_at(conn))
        return min((at for at in nexts if at is not None), default=None)

    async def carry_payouts(self) -> datetime | None:
        """Build the files that are to be built, send those that are to be sent; when there is something next."""
        async with self._pool.acquire() as conn:
            while await self._build_one(conn):
                pass
        while await self._send_one():
            pass
        async with self._pool.acquire() as conn:
            await self._roll_up(conn)
            return await payments_store.next_payout_at(conn)

    async def overdue_seconds(self, conn: Connection) -> float:
        """For how long the most overdue timer has been due; 0 when the clock is in time."""
        now = self._now()
        oldest = await store.oldest_overdue_at(conn, now)
        return (now - oldest).total_seconds() if oldest else 0.0

    async def _fire_one(self) -> bool:
        now = self._now()
        async with self._pool.acquire() as conn:
            claimed: tuple[int, int, str] | None = None
            try:
                async with conn.transaction():
                    claimed = await store.claim_due_timer(conn, now)
                    if claimed is None:
                        return False
                    _, case_id, action = claimed
                    answer = await self._desk.settlement.time_out(conn, case_id, action, now)
                    if isinstance(answer, Refusal):
                        raise TimerRefusedError(f"{action} of case {case_id}: {answer}")
            except Exception as error:
                if claimed is None:
                    raise
                _log.error("a timer failed", timer=claimed[0], case=claimed[1], action=claimed[2], error=repr(error))
                await store.postpone_timer(conn, claimed[0], now + _TIMER_RETRY)
        return True

    async def _free_one_reserve(self) -> bool:
        """A reserve whose time is over, in a transaction of its own; a row is its timer."""
        now = self._now()
        async with self._pool.acquire() as conn:
            due: claims_store.Reserve | None = None
            try:
                async with conn.transaction():
                    due = await claims_store.claim_due_reserve(conn, now)
                    if due is None:
                        return False
                    await self._desk.chargebacks.free_reserve(conn, due, now)
            except Exception as error:
                if due is None:
                    raise
                _log.error("a reserve was not freed", case=due.case_id, error=repr(error))
                await claims_store.postpone_reserve(conn, due.case_id, now + _TIMER_RETRY)
        return True

    async def _repay_debts(self) -> None:
        """What came to those who owe, each in a transaction of its own; one that fails waits for the next look. Not at every
        wake-up: nothing can leave a debtor's wallet meanwhile.
        """
        now = self._now()
        if self._debts_seen_at is not None and now - self._debts_seen_at < DEBTS_EVERY:
            return
        self._debts_seen_at = now
        async with self._pool.acquire() as conn:
            for debtor in await debts.debtors_with_money(conn):
                try:
                    async with conn.transaction():
                        await debts.repay(conn, debtor.party_id, debtor.currency, self._now())
                except Exception as error:
                    _log.error("a debt was not repaid", party=debtor.party_id, error=repr(error))

    async def _build_one(self, conn: Connection) -> bool:
        async with conn.transaction():
            await self._desk.payouts.give_known_payees(conn, self._now())
            return await self._desk.payouts.build_batch(conn, self._centre, self._now())

    async def _send_one(self) -> bool:
        """Send one file outside of any transaction; the bank knows its message id, so twice is once."""
        async with self._pool.acquire() as conn:
            batch = await self._desk.payouts.claim_batch(conn, self._now())
        if batch is None:
            return False
        try:
            await self._bank.send_payout_file(batch.message_id, batch.body)
        except BankError as error:
            async with self._pool.acquire() as conn:
                try_at = await self._desk.payouts.batch_failed(conn, batch, str(error), self._now())
            # The bank may be opening just now, as the house is.
            tell = _log.info if batch.attempts <= _QUIET_ATTEMPTS else _log.warning
            tell("the bank did not take a payout file", message=batch.message_id, error=str(error), try_at=try_at)
            return True
        async with self._pool.acquire() as conn, conn.transaction():
            await self._desk.payouts.batch_sent(conn, batch, self._now())
        return True

    async def _roll_up(self, conn: Connection) -> None:
        now = self._now()
        if self._rolled_up_at is None or now - self._rolled_up_at >= ROLL_UP_EVERY:
            await ledger.roll_up(conn)
            self._rolled_up_at = now

    async def _keep(self, name: str, work: Callable[[], Awaitable[datetime | None]]) -> None:
        """Work, sleep to the next deadline or until woken, again; a fault is told and does not end the clock."""
        woken = self._woken[name]
        while True:
            woken.clear()
            try:
                next_at = await work()
            except Exception as error:
                _log.error("an escrow clock failed", clock=name, error=repr(error))
                await asyncio.sleep(PAUSE_AFTER_FAULT_SECONDS)
                continue
            # Not wait_for: before Python 3.12 it loses a cancellation that comes together with the wake-up, and the
            # house would wait for this clock for ever when it closes.
            with suppress(TimeoutError):
                async with asyncio.timeout(self._seconds_until(next_at)):
                    await woken.wait()

    def _seconds_until(self, at: datetime | None) -> float:
        if at is None:
            return LONGEST_SLEEP_SECONDS
        return min(max((at - self._now()).total_seconds(), 0.01), LONGEST_SLEEP_SECONDS)

    async def _listen(self) -> None:
        """Hold one connection that hears of new deadlines; when it is lost, take another."""
        while True:
            try:
                await self._listen_once()
            except Exception as error:  # a killed database ends a call in ways that asyncpg has no one name for
                _log.warning("the escrow's wake-ups lost their connection", error=repr(error))
            await asyncio.sleep(PAUSE_AFTER_FAULT_SECONDS)

    async def _listen_once(self) -> None:
        lost = asyncio.Event()
        async with self._pool.acquire() as conn:
            conn.add_termination_listener(lambda _: lost.set())
            await conn.add_listener(CHANNEL, self._on_notify)
            try:
                self.wake()
                await lost.wait()
            finally:
                if not conn.is_closed():
                    await conn.remove_listener(CHANNEL, self._on_notify)

    def _on_notify(self, *_: object) -> None:
        self.wake()
