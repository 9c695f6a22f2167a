"""Card payments from the press of the button to the bank's acknowledgement, whoever dies meanwhile.

The row is committed before a byte leaves for the bank. What the bank approves is posted in one transaction together with
the payment's state; a payment that can't be taken any more, or that nobody answers for, is reversed. Captures and
reversals are told until the bank acknowledges them. All that a process knows are rows, so another carries on with them.

What the money is for stands in card_targets, the bank's daily files in card_settlement.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import structlog
from msgspec import Struct

from escrow import card_settlement, card_store, chargeback_answers
from escrow.card_facts import (
    LARGEST_CARD_AMOUNT_MINOR,
    Advice,
    Answer,
    Approved,
    CardDifference,
    CardPayment,
    CardReason,
    CardRefusal,
    CardState,
    CardTarget,
    Declined,
    is_payment_id,
)
from escrow.card_targets import CardTargets, misfit
from escrow.desk import EscrowDesk
from escrow.dual_signature import Flaw, OrderInfo, PreparedPayment, judge_order
from escrow.gateway.protocol import GatewayError, PaymentGateway

if TYPE_CHECKING:
    from migrations.database import Connection, Pool

LONGEST_SLEEP_SECONDS = 15.0
PAUSE_AFTER_FAULT_SECONDS = 1.0
LARGEST_BATCH = 64
_UNDECIDED = (CardState.AUTHORISING, CardState.UNKNOWN)
_TAKEABLE = (*_UNDECIDED, CardState.AUTHORISED)

_log = structlog.get_logger("escrow.cards")


class Pace(Struct, frozen=True, kw_only=True):
    """How patient the house is. `claim_seconds` is longer than one payment's tries take, so that each has one carrier."""

    tries: int = 2
    claim_seconds: float = 20.0
    ask_again_seconds: float = 1.0
    undecided_seconds: float = 60.0
    unposted_seconds: float = 600.0
    first_pause_seconds: float = 0.25
    longest_pause_seconds: float = 60.0
    settle_every_seconds: float = 60.0


class CardPayments:
    """The house's card payments over one gateway (None: cards are not taken). `run` must run for anything to go on."""

    def __init__(
        self,
        pool: Pool,
        gateway: PaymentGateway | None,
        desk: EscrowDesk,
        now: Callable[[], datetime],
        pace: Pace | None = None,
        *,
        change_cap_minor: int | None = None,
    ) -> None:
        self._pool = pool
        self._gateway = gateway
        self._targets = CardTargets(desk, change_cap_minor)
        self._now = now
        self._pace = pace or Pace()
        self._woken = asyncio.Event()
        self._group: asyncio.TaskGroup | None = None

    @property
    def are_taken(self) -> bool:
        """Whether the house takes cards at all."""
        return self._gateway is not None

    async def run(self) -> None:
        """Carry payments, tell the bank, fetch its files. Ends by being cancelled."""
        if self._gateway is None:
            return
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                group.create_task(self._gateway.run(), name="card gateway")
                group.create_task(self._keep_telling(), name="card advices")
                group.create_task(self._keep_settling(), name="card settlement")
        finally:
            self._group = None
            await self._gateway.close()

    def wake(self) -> None:
        """Look at what the bank is to be told now."""
        self._woken.set()

    # Paying

    async def pay(
        self,
        target: CardTarget,
        party_id: int,
        prepared: PreparedPayment,
        now: datetime,
        *,
        wallet_key: bytes | None = None,
    ) -> CardPayment | CardRefusal:
        """Pay by card what the prepared order says, if that is what the target awaits from this party. Opens transactions of
        its own; goes on when the caller is cancelled. `CardPayment.outcome` says what to tell the buyer.
        """
        if self._gateway is None or self._group is None:
            return CardRefusal.CARDS_NOT_TAKEN
        order = judged_order(target, prepared, wallet_key)
        if isinstance(order, CardRefusal):
            return order
        payment = CardPayment(
            id=prepared.payment_id,
            target=target,
            party_id=party_id,
            currency=order.currency,
            amount_minor=int(order.amount_minor),
            reference=order.reference,
            gateway=self._gateway.name,
            state=CardState.PREPARED,
            version=1,
            began_at=now,
            state_since=now,
        )
        refusal = await self._begin(payment, prepared)
        if refusal is not None:
            return refusal
        carrying = self._group.create_task(self._carry(payment), name="card payment")
        await asyncio.wait([carrying])
        return payment if carrying.cancelled() else carrying.result()

    async def _begin(self, payment: CardPayment, prepared: PreparedPayment) -> CardRefusal | None:
        async with self._pool.acquire() as conn, conn.transaction():
            awaited = await self._targets.lock(conn, payment.target, payment.currency)
            if isinstance(awaited, CardRefusal):
                return awaited
            refusal = misfit(payment, awaited)
            if refusal is not None:
                return refusal
            return await card_store.insert_payment(conn, payment, prepared, self._claimed_until())

    async def _carry(self, payment: CardPayment) -> CardPayment:
        """A prepared payment to where the bank's answer leads it; at worst it stays a row that is carried on later."""
        assert self._gateway is not None
        try:
            try:
                await self._gateway.ready()
            except GatewayError:
                return await self._step(
                    payment.id, (CardState.PREPARED,), CardState.DECLINED, CardReason.BANK_UNREACHABLE
                )
            sending = await self._step(payment.id, (CardState.PREPARED,), CardState.AUTHORISING)
            return await self._ask(sending) if sending.state is CardState.AUTHORISING else sending
        except Exception as error:
            _log.error("a card payment could not be carried on now", payment=payment.id, error=repr(error))
            return payment

    async def _ask(self, payment: CardPayment) -> CardPayment:
        """Ask the bank, again with the same id if it does not answer; then give the payment up."""
        assert self._gateway is not None
        async with self._pool.acquire() as conn:
            request = await card_store.request_of(conn, payment.id, self._now())
        if request is None:
            return await self._fresh(payment)
        for _ in range(self._pace.tries):
            try:
                answer = await self._gateway.authorise(request)
            except GatewayError as error:
                _log.info("the bank did not answer an authorisation", payment=payment.id, error=str(error))
                continue
            return await self._answered(payment, answer)
        return await self._give_up(payment, CardReason.NO_ANSWER)

    async def _answered(self, payment: CardPayment, answer: Answer) -> CardPayment:
        if isinstance(answer, Declined):
            return await self._step(payment.id, _UNDECIDED, CardState.DECLINED, answer.reason)
        if not isinstance(answer, Approved):
            return await self._undecided(payment)
        if answer.amount_minor < payment.amount_minor:
            return await self._give_up(payment, CardReason.PARTLY_APPROVED, answer)
        return await self._take(payment, answer)

    async def _undecided(self, payment: CardPayment) -> CardPayment:
        if self._now() - payment.began_at > timedelta(seconds=self._pace.undecided_seconds):
            return await self._give_up(payment, CardReason.NO_ANSWER)
        again_at = self._now() + timedelta(seconds=self._pace.ask_again_seconds)
        unknown = await self._step(payment.id, (CardState.AUTHORISING,), CardState.UNKNOWN, try_at=again_at)
        async with self._pool.acquire() as conn:
            await card_store.put_off(conn, unknown, again_at)
        self._woken.set()
        return unknown

    async def _take(self, payment: CardPayment, approved: Approved | None) -> CardPayment:
        """Post what the bank holds, or decide to let it go, in one transaction; a fault leaves it authorised for later."""
        try:
            taken = await self._post(payment, approved)
        except Exception as error:
            _log.error("an approved card payment could not be posted", payment=payment.id, error=repr(error))
            later = self._now() + timedelta(seconds=self._pace.ask_again_seconds)
            return await self._step(payment.id, _UNDECIDED, CardState.AUTHORISED, approved=approved, try_at=later)
        self._woken.set()
        return taken

    async def _post(self, payment: CardPayment, approved: Approved | None) -> CardPayment:
        now = self._now()
        async with self._pool.acquire() as conn, conn.transaction():
            awaited = await self._targets.lock(conn, payment.target, payment.currency)
            held = await card_store.lock_payment(conn, payment.id)
            assert held is not None, "card payments are never deleted"
            if held.state not in _TAKEABLE:
                return held
            if approved is not None and held.state is not CardState.AUTHORISED:
                held = await _write(conn, held, CardState.AUTHORISED, now, now, approved=approved)
            if isinstance(awaited, CardRefusal) or misfit(held, awaited) is not None:
                return await _write(conn, held, CardState.REVERSING, now, now, reason=CardReason.NOT_AWAITED)
            op = await self._targets.post(conn, held, awaited, now)
            after = msgspec.structs.replace(held, state=CardState.CAPTURED, version=held.version + 1, state_since=now)
            await card_store.step(conn, held, after, now, op=op)
            return after

    async def _give_up(self, payment: CardPayment, reason: CardReason, approved: Approved | None = None) -> CardPayment:
        """Not wanted any more: the bank is told to let go of whatever it holds."""
        given_up = await self._step(payment.id, _TAKEABLE, CardState.REVERSING, reason, approved=approved)
        self._woken.set()
        return given_up

    async def _step(
        self,
        payment_id: str,
        expected: tuple[CardState, ...],
        to: CardState,
        reason: CardReason | None = None,
        *,
        approved: Approved | None = None,
        try_at: datetime | None = None,
    ) -> CardPayment:
        """One step in a transaction of its own; a payment that has gone on meanwhile is given as it stands."""
        now = self._now()
        if try_at is None:
            try_at = {CardState.AUTHORISING: self._claimed_until(), CardState.REVERSING: now}.get(to)
        async with self._pool.acquire() as conn, conn.transaction():
            before = await card_store.lock_payment(conn, payment_id)
            assert before is not None, "card payments are never deleted"
            if before.state not in expected:
                return before
            return await _write(conn, before, to, now, try_at, reason=reason, approved=approved)

    # Telling the bank, and carrying on with what another process left

    async def _keep_telling(self) -> None:
        while True:
            self._woken.clear()
            try:
                next_at = await self.carry_due()
            except Exception as error:
                _log.error("card payments could not be carried on", error=repr(error))
                await asyncio.sleep(PAUSE_AFTER_FAULT_SECONDS)
                continue
            seconds = LONGEST_SLEEP_SECONDS
            if next_at is not None:
                seconds = min(max((next_at - self._now()).total_seconds(), 0.01), LONGEST_SLEEP_SECONDS)
            # Not wait_for: before Python 3.12 it loses a cancellation that comes together with the wake-up.
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._woken.wait()

    async def carry_due(self) -> datetime | None:
        """Carry on with every payment that is due; when the next one is."""
        while True:
            async with self._pool.acquire() as conn:
                due = await card_store.claim_due(conn, self._now(), self._claimed_until(), LARGEST_BATCH)
            async with asyncio.TaskGroup() as group:
                for each in due:
                    group.create_task(self._carry_on(each), name="card advice")
            if len(due) < LARGEST_BATCH:
                break
        next_answer_at = (
            await chargeback_answers.tell_due(self._pool, self._gateway, self._now) if self._gateway else None
        )
        async with self._pool.acquire() as conn:
            nexts = (await card_store.next_due_at(conn), next_answer_at)
        return min((at for at in nexts if at is not None), default=None)

    async def _carry_on(self, due: card_store.Due) -> None:
        try:
            async with self._pool.acquire() as conn:
                payment = await card_store.payment_by_id(conn, due.id)
                reference = await card_store.provider_reference(conn, due.id)
            assert payment is not None, "card payments are never deleted"
            try:
                await self._next(payment, due, reference)
            except GatewayError as error:
                _log.info("the bank did not acknowledge", payment=due.id, attempts=due.attempts, error=str(error))
                await self._put_off(payment, due)
        except Exception as error:
            _log.error("a card payment could not be carried on now", payment=due.id, error=repr(error))

    async def _next(self, payment: CardPayment, due: card_store.Due, reference: str | None) -> None:
        """What is owed in each state; every one of these may be done twice and has one effect."""
        match payment.state:
            case CardState.PREPARED:
                await self._step(payment.id, (payment.state,), CardState.DECLINED, CardReason.BANK_UNREACHABLE)
            case CardState.AUTHORISING | CardState.UNKNOWN:
                await self._ask(payment)
            case CardState.AUTHORISED if self._now() - payment.state_since > timedelta(
                seconds=self._pace.unposted_seconds
            ):
                await self._give_up(payment, CardReason.SYSTEM_MALFUNCTION)
            case CardState.AUTHORISED:
                await self._take(payment, None)
            case CardState.CAPTURED:
                await self._tell_capture(payment, self._advice(payment, due, reference))
            case CardState.REVERSING:
                await self._tell_reversal(payment, due, self._advice(payment, due, reference))
            case _:
                pass

    async def _tell_capture(self, payment: CardPayment, advice: Advice) -> None:
        assert self._gateway is not None
        answer = await self._gateway.capture(advice)
        if not answer.accepted:
            _log.error("the bank refuses to capture what was posted", payment=payment.id, code=answer.code)
        async with self._pool.acquire() as conn:
            await card_store.acknowledge(conn, payment.id, self._now(), None if answer.accepted else answer.code)

    async def _tell_reversal(self, payment: CardPayment, due: card_store.Due, advice: Advice) -> None:
        assert self._gateway is not None
        answer = await self._gateway.reverse(advice)
        if answer.accepted:
            await self._step(payment.id, (CardState.REVERSING,), CardState.REVERSED, payment.reason)
            return
        _log.error("the bank refuses to reverse", payment=payment.id, code=answer.code)
        await self._put_off(payment, due)

    def _advice(self, payment: CardPayment, due: card_store.Due, reference: str | None) -> Advice:
        return Advice(
            payment_id=payment.id,
            currency=payment.currency,
            amount_minor=payment.amount_minor,
            at=self._now(),
            began_at=payment.began_at,
            again=due.attempts > 1,
            provider_reference=reference,
        )

    async def _put_off(self, payment: CardPayment, due: card_store.Due) -> None:
        pause = min(self._pace.first_pause_seconds * 2 ** min(due.attempts, 16), self._pace.longest_pause_seconds)
        async with self._pool.acquire() as conn:
            await card_store.put_off(conn, payment, self._now() + timedelta(seconds=pause))

    def _claimed_until(self) -> datetime:
        return self._now() + timedelta(seconds=self._pace.claim_seconds)

    # The bank's daily files

    async def _keep_settling(self) -> None:
        while True:
            await asyncio.sleep(self._pace.settle_every_seconds)
            try:
                await self.settle(self._now())
            except GatewayError as error:
                _log.debug("the bank's settlement files could not be had", error=str(error))
            except Exception as error:
                _log.error("the bank's settlement files could not be taken in", error=repr(error))

    async def settle(self, now: datetime) -> int:
        """Take in the bank's settlement files that are new; how many. Raises GatewayError and SettlementConflictError."""
        if self._gateway is None:
            return 0
        taken = 0
        while True:
            async with self._pool.acquire() as conn:
                files = await self._gateway.settlements(await card_settlement.last_file(conn))
            for file in files:
                async with self._pool.acquire() as conn, conn.transaction():
                    taken += await card_settlement.take(conn, file, self._now())
            if not files:
                break
        async with self._pool.acquire() as conn:
            await card_settlement.find_unsettled(conn, now)
        return taken

    async def settle_today(self) -> int:
        """Ask the bank to close its card day now, and take in what it says. Raises as `settle` does."""
        if self._gateway is None:
            return 0
        await self._gateway.settle_now(self._now().date())
        return await self.settle(self._now())

    # Reading

    async def payment(self, conn: Connection, payment_id: str) -> CardPayment | None:
        return await card_store.payment_by_id(conn, payment_id)

    async def payments_of(self, conn: Connection, party_id: int, limit: int = 200) -> list[CardPayment]:
        """A party's card payments, latest first."""
        return await card_store.payments_of_party(conn, party_id, limit)

    async def payments_for(self, conn: Connection, target: CardTarget, limit: int = 50) -> list[CardPayment]:
        """The card payments for one thing, latest first."""
        return await card_store.payments_of_target(conn, target, limit)

    async def running(self, conn: Connection, target: CardTarget) -> CardPayment | None:
        """The card payment that is being made for it now, if any."""
        return await card_store.running_payment(conn, target)

    async def differences(self, conn: Connection, *, open_only: bool = True, limit: int = 200) -> list[CardDifference]:
        """Where the bank's word and ours differ, the oldest first."""
        return await card_store.differences(conn, open_only, limit)

    async def explain(self, conn: Connection, difference_id: int, operator_id: int, note: str, now: datetime) -> bool:
        """An operator has looked into a difference; False when somebody had before, or without a note."""
        return bool(note.strip()) and await card_store.explain(conn, difference_id, operator_id, note.strip(), now)

    async def _fresh(self, payment: CardPayment) -> CardPayment:
        async with self._pool.acquire() as conn:
            return await card_store.payment_by_id(conn, payment.id) or payment


def judged_order(target: CardTarget, prepared: PreparedPayment, wallet_key: bytes | None) -> OrderInfo | CardRefusal:
    """The order of a prepared payment, if the buyer signed just this for just this target. Pure."""
    order = judge_order(
        prepared.order,
        payment_digest=prepared.payment_digest,
        signature=prepared.signature,
        public_key=prepared.public_key,
        wallet_key=wallet_key,
    )
    if isinstance(order, Flaw):
        return CardRefusal.BAD_ORDER if order is Flaw.MALFORMED else CardRefusal.BAD_SIGNATURE
    if (order.payment_id, order.subject) != (prepared.payment_id, str(target)) or not is_payment_id(order.payment_id):
        return CardRefusal.ORDER_DIFFERS
    if int(order.amount_minor) > LARGEST_CARD_AMOUNT_MINOR:
        return CardRefusal.AMOUNT_TOO_LARGE
    return order


async def _write(
    conn: Connection,
    before: CardPayment,
    to: CardState,
    now: datetime,
    try_at: datetime | None,
    *,
    reason: CardReason | None = None,
    approved: Approved | None = None,
) -> CardPayment:
    """Save a step of a locked payment; the payment after it."""
    partial = approved.amount_minor if approved and approved.amount_minor < before.amount_minor else None
    after = msgspec.structs.replace(
        before,
        state=to,
        version=before.version + 1,
        state_since=now,
        reason=reason,
        partial_minor=partial or before.partial_minor,
        authorisation_code=approved.authorisation_code if approved else before.authorisation_code,
        acknowledged_at=now if to is CardState.REVERSED else before.acknowledged_at,
    )
    reference = approved.provider_reference if approved else None
    await card_store.step(conn, before, after, try_at, provider_reference=reference)
    return after
