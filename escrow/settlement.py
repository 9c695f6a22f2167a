"""The life of a case: opened at the hammer, paid, shipped, inspected, released and settled, or ended before.

Each public function is one act inside the caller's transaction: lock, judge (escrow/rules.py), post, save, tell. The
caller has checked who is acting, and the step-up where the act can't be undone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from escrow import ledger, rules, store
from escrow.deposits import Deposits
from escrow.facts import (
    Action,
    Case,
    CaseEvent,
    CaseTerms,
    Leg,
    Payout,
    PayoutPurpose,
    Refusal,
    Role,
    State,
)
from escrow.hooks import Hooks
from escrow.ledger import Account, Operation
from escrow.payouts import Payouts, Source
from escrow.references import Purpose, new_reference
from escrow.rules import Request, Step

if TYPE_CHECKING:
    from migrations.database import Connection


class Actor(Struct, frozen=True, kw_only=True):
    role: Role
    party_id: int | None = None

    def __str__(self) -> str:
        return self.role if self.party_id is None else f"{self.role}:{self.party_id}"


HOUSE, BANK, TIMER, CARRIER = (Actor(role=role) for role in (Role.HOUSE, Role.BANK, Role.TIMER, Role.CARRIER))


@dataclass(frozen=True, slots=True)
class Settlement:
    hooks: Hooks
    deposits: Deposits
    payouts: Payouts

    async def open_case(self, conn: Connection, terms: CaseTerms, now: datetime) -> Case:
        """Open a case for a sale; the buyer's held deposit of the same subject counts towards the price. A deposit that
        is more than the price goes back for the rest, and one that covers it funds the case at once.
        """
        deposit = await store.lock_held_deposit(conn, terms.deposit_subject or terms.subject, terms.buyer_id)
        part = rules.deposit_part(terms, deposit)
        if (deposit.amount_minor if deposit else 0) != terms.deposit_minor:
            raise ValueError(f"{terms.subject}: the contract and the held deposit differ")
        case_id, timer_id = await store.new_case_ids(conn)
        path = rules.escrow_account(case_id)
        accounts = await ledger.open_accounts(conn, [Account(path=path, currency=terms.currency)])
        draft = Case(
            id=case_id,
            subject=terms.subject,
            buyer_id=terms.buyer_id,
            seller_id=terms.seller_id,
            currency=terms.currency,
            price_minor=terms.price_minor,
            deposit_minor=part,
            deposit_id=deposit.id if deposit else None,
            commission_bp=terms.fees.commission_bp,
            commission_minor=rules.commission_minor(terms.price_minor, terms.fees.commission_bp),
            transaction_bp=terms.fees.transaction_bp,
            service_minor=terms.fees.service_minor,
            fees_minor=rules.fees_minor(terms.price_minor, terms.fees),
            reserve_bp=terms.reserve_bp,
            contract_sha256=terms.contract_sha256,
            timers=terms.timers,
            reference=new_reference(Purpose.CASE),
            state=State.NEW,
            version=0,
            opened_at=now,
            state_since=now,
        )
        step = rules.judge(draft, Request(action=Action.OPEN, role=Role.HOUSE, now=now))
        assert isinstance(step, Step) and step.clock is not None, "a case can always be opened, and then it waits"
        await store.insert_case(conn, draft, timer_id=timer_id, account=accounts[path, terms.currency])
        case = msgspec.structs.replace(
            draft, state=step.to, version=1, clock_action=step.clock.action, clock_due_at=step.clock.due_at
        )
        await store.insert_timer(conn, timer_id, case_id, step.clock)
        await self._tell(conn, draft, case, Action.OPEN, HOUSE, now)
        if deposit and deposit.amount_minor > part:
            over = Leg(
                debit=rules.deposit_account(deposit.id),
                credit=rules.wallet(deposit.party_id),
                currency=deposit.currency,
                amount_minor=deposit.amount_minor - part,
            )
            await self._post(conn, case, "deposit_excess_freed", HOUSE, (over,), now)
        if case.due_minor == 0:
            funded = await self._act(conn, case, HOUSE, Request(action=Action.PAY, role=Role.HOUSE, now=now))
            assert isinstance(funded, Case), "a deposit that covers the price pays it"
            return funded
        return case

    async def pay(
        self,
        conn: Connection,
        case: Case,
        actor: Actor,
        source: str,
        received_minor: int,
        now: datetime,
        *,
        reason: str = "",
    ) -> Case | Refusal:
        """The due sum comes from `source` (bank, wallet, suspense); the caller has locked the case. What is over the
        due sum goes to the buyer's wallet.
        """
        request = Request(
            action=Action.PAY,
            role=actor.role,
            now=now,
            source=source,
            received_minor=received_minor,
            reason=reason,
        )
        return await self._act(conn, case, actor, request, detail={"from": source})

    async def pay_from_wallet(self, conn: Connection, case_id: int, actor_id: int, now: datetime) -> Case | Refusal:
        """The buyer pays the due sum from the wallet; refuses when it holds less."""
        case = await store.lock_case(conn, case_id)
        if case is None:
            return Refusal.UNKNOWN_CASE
        if case.buyer_id != actor_id:
            return Refusal.NOT_YOURS
        path = rules.wallet(case.buyer_id)
        if case.state is State.AWAITING_PAYMENT and await ledger.balance(conn, path, case.currency) < case.due_minor:
            return Refusal.INSUFFICIENT_BALANCE
        actor = Actor(role=Role.BUYER, party_id=actor_id)
        try:
            async with conn.transaction():
                return await self.pay(conn, case, actor, path, case.due_minor, now)
        except ledger.PostingRefusedError as error:
            if error.constraint != ledger.OVERDRAWN:
                raise
            return Refusal.INSUFFICIENT_BALANCE  # spent by another act between the look and the posting

    async def ship(
        self, conn: Connection, case_id: int, actor_id: int, carrier: str, tracking_number: str, now: datetime
    ) -> Case | Refusal:
        """The seller has handed the goods to a carrier under a tracking number."""
        carrier, tracking_number = carrier.strip(), tracking_number.strip()
        return await self._by_party(
            conn,
            case_id,
            actor_id,
            Action.SHIP,
            now,
            carrier=carrier,
            tracking_number=tracking_number,
            detail={"carrier": carrier, "tracking_number": tracking_number},
        )

    async def receive(self, conn: Connection, case_id: int, actor_id: int, now: datetime) -> Case | Refusal:
        """The buyer has the goods; the inspection begins."""
        return await self._by_party(conn, case_id, actor_id, Action.RECEIVE, now)

    async def extend_inspection(self, conn: Connection, case_id: int, actor_id: int, now: datetime) -> Case | Refusal:
        """The buyer takes the one extension of the inspection."""
        return await self._by_party(conn, case_id, actor_id, Action.EXTEND_INSPECTION, now)

    async def confirm_receipt(self, conn: Connection, case_id: int, actor_id: int, now: datetime) -> Case | Refusal:
        """The buyer is content: the seller is paid. The caller has asked for the step-up."""
        return await self._by_party(conn, case_id, actor_id, Action.RELEASE, now)

    async def cancel(
        self,
        conn: Connection,
        case_id: int,
        actor_id: int,
        reason: str,
        now: datetime,
        *,
        as_operator: bool = False,
    ) -> Case | Refusal:
        """End a case before anything was shipped; what was paid goes to the buyer's wallet."""
        if not as_operator:
            return await self._by_party(conn, case_id, actor_id, Action.CANCEL, now, reason=reason)
        case = await store.lock_case(conn, case_id)
        if case is None:
            return Refusal.UNKNOWN_CASE
        request = Request(action=Action.CANCEL, role=Role.OPERATOR, now=now, reason=reason)
        return await self._act(conn, case, Actor(role=Role.OPERATOR, party_id=actor_id), request)

    async def time_out(self, conn: Connection, case_id: int, action: Action, now: datetime) -> Case | Refusal:
        """A timer of the case has run out. The clock has locked the case; a timer that is no longer its own does nothing."""
        case = await store.lock_case(conn, case_id)
        if case is None:
            return Refusal.UNKNOWN_CASE
        return await self._act(conn, case, TIMER, Request(action=action, role=Role.TIMER, now=now))

    async def delivered(self, conn: Connection, case_id: int, proof: str, now: datetime) -> Case | Refusal:
        """The carrier's proof of delivery begins the inspection."""
        case = await store.lock_case(conn, case_id)
        if case is None:
            return Refusal.UNKNOWN_CASE
        request = Request(action=Action.RECEIVE, role=Role.CARRIER, now=now, reason=proof)
        return await self._act(conn, case, CARRIER, request)

    async def payout_settled(self, conn: Connection, payout: Payout, now: datetime) -> None:
        """The bank has paid the seller of a case: the case is settled."""
        if payout.purpose is not PayoutPurpose.SALE or payout.case_id is None:
            return
        case = await store.lock_case(conn, payout.case_id)
        assert case is not None, "a payout's case exists by foreign key"
        request = Request(action=Action.SETTLE, role=Role.BANK, now=now)
        await self._act(conn, case, BANK, request, detail={"payout": payout.end_to_end_id})

    async def case_by_id(self, conn: Connection, case_id: int) -> Case | None:
        return await store.case_by_id(conn, case_id)

    async def case_of_subject(self, conn: Connection, subject: str) -> Case | None:
        """The latest case of a subject."""
        return await store.case_of_subject(conn, subject)

    async def cases_of(self, conn: Connection, party_id: int) -> list[Case]:
        """A party's cases on either side, latest first."""
        return await store.cases_of_party(conn, party_id)

    async def cases_in_state(self, conn: Connection, state: State) -> list[Case]:
        """Oldest in its state first."""
        return await store.cases_in_state(conn, state)

    async def case_events(self, conn: Connection, case_id: int) -> list[CaseEvent]:
        return await store.case_events(conn, case_id)

    async def _by_party(
        self,
        conn: Connection,
        case_id: int,
        actor_id: int,
        action: Action,
        now: datetime,
        *,
        reason: str = "",
        carrier: str = "",
        tracking_number: str = "",
        detail: dict[str, Any] | None = None,
    ) -> Case | Refusal:
        case = await store.lock_case(conn, case_id)
        if case is None:
            return Refusal.UNKNOWN_CASE
        role = rules.role_of(case, actor_id)
        if role is None:
            return Refusal.NOT_YOURS
        request = Request(
            action=action, role=role, now=now, reason=reason, carrier=carrier, tracking_number=tracking_number
        )
        return await self._act(conn, case, Actor(role=role, party_id=actor_id), request, detail=detail)

    async def _act(
        self, conn: Connection, case: Case, actor: Actor, request: Request, *, detail: dict[str, Any] | None = None
    ) -> Case | Refusal:
        """The one way by which a case moves: judge, post, end what ends, save with its clock, tell."""
        step = rules.judge(case, request)
        if isinstance(step, Refusal):
            return step
        now = request.now
        after = _after(case, request, step)
        await self._post(conn, case, f"case_{request.action}", actor, step.legs, now)
        if step.deposit_becomes is not None:
            assert case.deposit_id is not None, "a deposit that counts is named"
            deposit = await store.lock_deposit(conn, case.deposit_id)
            assert deposit is not None, "a case's deposit exists by foreign key"
            await self.deposits.end(conn, deposit, step.deposit_becomes, now)
        await self._save(conn, case, after, step, fired=actor is TIMER, now=now)
        await self._tell(conn, case, after, request.action, actor, now, reason=request.reason, detail=detail)
        if step.pays_out is not None:
            await self._pay_out(conn, after, step, now)
        return after

    async def _save(self, conn: Connection, case: Case, after: Case, step: Step, *, fired: bool, now: datetime) -> None:
        account = (await ledger.open_accounts(conn, [_escrow(case)]))[rules.escrow_account(case.id), case.currency]
        funded_version = await ledger.tip(conn, account) if after.state is State.FUNDED else None
        sealed_version, timer_id = None, None
        await store.end_timer(conn, case.id, now, fired=fired)
        if step.clock is not None:
            timer_id = await store.new_timer_id(conn)
            await store.insert_timer(conn, timer_id, case.id, step.clock)
        elif case.clock_due_at is not None:
            sealed_version = (await ledger.seal(conn, [account]))[account]
        await store.save_case(
            conn,
            after,
            judged_version=case.version,
            timer_id=timer_id,
            funded_version=funded_version,
            sealed_version=sealed_version,
        )

    async def _post(
        self, conn: Connection, case: Case, kind: str, actor: Actor, legs: tuple[Leg, ...], now: datetime
    ) -> None:
        if not legs:
            return
        parties = [
            Account(path=path, currency=case.currency, owner_id=owner)
            for owner in (case.buyer_id, case.seller_id)
            for path in (rules.wallet(owner), rules.payable(owner))
        ]
        house = [Account(path=path, currency=case.currency) for path in (rules.BANK, rules.COMMISSION, rules.FORFEITS)]
        await ledger.open_accounts(conn, parties + house)
        await ledger.post(conn, Operation(kind=kind, subject=f"case:{case.id}", actor=str(actor), legs=legs), now)

    async def _tell(
        self,
        conn: Connection,
        before: Case,
        after: Case,
        action: Action,
        actor: Actor,
        now: datetime,
        *,
        reason: str = "",
        detail: dict[str, Any] | None = None,
    ) -> None:
        event = CaseEvent(
            case_id=after.id,
            n=after.version,
            at=now,
            actor=actor.role,
            actor_id=actor.party_id,
            action=action,
            from_state=before.state,
            to_state=after.state,
            reason=reason.strip() or None,
            detail=detail or {},
        )
        await store.insert_event(conn, event)
        await self.hooks.on_case_changed(conn, after, event)

    async def _pay_out(self, conn: Connection, case: Case, step: Step, now: datetime) -> None:
        """What the step left at the seller's payable goes out at once."""
        assert step.pays_out is not None
        path = rules.payable(case.seller_id)
        amount = sum(leg.amount_minor for leg in step.legs if leg.credit == path)
        if amount == 0:
            return
        source = Source(path=path, purpose=step.pays_out, party_id=case.seller_id, case_id=case.id)
        queued = await self.payouts.queue(conn, source, case.currency, amount, now)
        assert isinstance(queued, Payout), "what was just credited can be paid out"


def _escrow(case: Case) -> Account:
    return Account(path=rules.escrow_account(case.id), currency=case.currency)


def _after(case: Case, request: Request, step: Step) -> Case:
    """The case as it is when the step is taken."""
    shipped = step.to is State.SHIPPED
    return msgspec.structs.replace(
        case,
        state=step.to,
        version=case.version + 1,
        state_since=case.state_since if step.to is case.state else request.now,
        clock_action=step.clock.action if step.clock else None,
        clock_due_at=step.clock.due_at if step.clock else None,
        ship_by_at=rules.ship_by(case, request.now) if step.to is State.FUNDED else case.ship_by_at,
        carrier=request.carrier if shipped else case.carrier,
        tracking_number=request.tracking_number if shipped else case.tracking_number,
        inspection_extended=case.inspection_extended or request.action is Action.EXTEND_INSPECTION,
    )
