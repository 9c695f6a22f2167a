"""The life of a case: opened at the hammer, paid, shipped, inspected, released and settled, or ended before.

Each public function is one act inside the caller's transaction: lock, judge (escrow/rules.py), post, save, tell. The
caller has checked who is acting, and the step-up where the act can't be undone. Disputes stand in escrow/claims.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from escrow import debts, ledger, rules, store
from escrow.case_lines import split_off
from escrow.deposits import Deposits
from escrow.facts import (
    SMALLEST_LINE_MINOR,
    Action,
    Case,
    CaseEvent,
    CaseTerms,
    Leg,
    Line,
    Payout,
    PayoutPurpose,
    Refusal,
    Role,
    State,
)
from escrow.hooks import Hooks
from escrow.ledger import Account
from escrow.moves import BANK, CARRIER, HOUSE, TIMER, Actor, Moves
from escrow.payouts import Payouts
from escrow.references import Purpose, new_reference
from escrow.rules import Request, Step

if TYPE_CHECKING:
    from migrations.database import Connection

__all__ = ["BANK", "CARRIER", "HOUSE", "TIMER", "Actor", "Settlement"]


@dataclass(frozen=True, slots=True)
class Settlement:
    hooks: Hooks
    deposits: Deposits
    payouts: Payouts
    moves: Moves

    async def open_case(self, conn: Connection, terms: CaseTerms, now: datetime) -> Case:
        """Open a case for a sale; the buyer's held deposit of the same subject counts towards the price. A deposit that
        is more than the price goes back for the rest, and one that covers it funds the case at once.
        """
        deposit = await store.lock_held_deposit(conn, terms.deposit_subject or terms.subject, terms.buyer_id)
        part = rules.deposit_part(terms, deposit)
        if (deposit.amount_minor if deposit else 0) != terms.deposit_minor:
            raise ValueError(f"{terms.subject}: the contract and the held deposit differ")
        draft = Case(
            id=0,
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
            lines=_lines(terms),
            contract_sha256=terms.contract_sha256,
            timers=terms.timers,
            reference=new_reference(Purpose.CASE),
            state=State.NEW,
            version=0,
            opened_at=now,
            state_since=now,
        )
        case = await self._open(conn, draft, now)
        if deposit and deposit.amount_minor > part:
            over = Leg(
                debit=rules.deposit_account(deposit.id),
                credit=rules.wallet(deposit.party_id),
                currency=deposit.currency,
                amount_minor=deposit.amount_minor - part,
            )
            await self.moves.post(conn, case, "deposit_excess_freed", HOUSE, (over,), now)
        if case.due_minor == 0:
            funded = await self.moves.act(conn, case, HOUSE, Request(action=Action.PAY, role=Role.HOUSE, now=now))
            assert isinstance(funded, Case), "a deposit that covers the price pays it"
            return funded
        return case

    async def _open(self, conn: Connection, draft: Case, now: datetime) -> Case:
        case_id, timer_id = await store.new_case_ids(conn)
        draft = msgspec.structs.replace(draft, id=case_id)
        path = rules.escrow_account(case_id)
        accounts = await ledger.open_accounts(conn, [Account(path=path, currency=draft.currency)])
        step = rules.judge(draft, Request(action=Action.OPEN, role=Role.HOUSE, now=now))
        assert isinstance(step, Step) and step.clock is not None, "a case can always be opened, and then it waits"
        case = msgspec.structs.replace(
            draft, state=step.to, version=1, clock_action=step.clock.action, clock_due_at=step.clock.due_at
        )
        await store.insert_case(conn, case, timer_id=timer_id, account=accounts[path, draft.currency])
        await store.insert_timer(conn, timer_id, case_id, step.clock)
        await self.moves.tell(conn, draft, case, Action.OPEN, HOUSE, now)
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
        payment_id: str | None = None,
        detail: dict[str, Any] | None = None,
    ) -> Case | Refusal:
        """The due sum comes from `source` (bank, gateway, wallet, suspense); the caller has locked the case. What is over
        the due sum goes to the buyer's wallet. `payment_id` is the card payment that a bank may later take back.
        """
        request = Request(
            action=Action.PAY,
            role=actor.role,
            now=now,
            source=source,
            received_minor=received_minor,
            reason=reason,
        )
        changed = msgspec.structs.replace(case, payment_id=payment_id) if payment_id else case
        return await self.moves.act(
            conn, case, actor, request, detail={"from": source, **(detail or {})}, changed=changed
        )

    async def pay_from_wallet(self, conn: Connection, case_id: int, actor_id: int, now: datetime) -> Case | Refusal:
        """The buyer pays the due sum from the wallet; refuses when it holds less."""
        case = await store.lock_case(conn, case_id)
        if case is None:
            return Refusal.UNKNOWN_CASE
        if case.buyer_id != actor_id:
            return Refusal.NOT_YOURS
        if await debts.repay(conn, actor_id, case.currency, now):
            return Refusal.DEBT_FIRST
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

    async def reinstate(
        self,
        conn: Connection,
        case_id: int,
        operator_id: int,
        source: str,
        received_minor: int,
        note: str,
        now: datetime,
    ) -> Case | Refusal:
        """Late money brings a defaulted sale back to life, as long as nobody else has the goods: a new case of the same
        contract, funded by the money and by the forfeited deposit, which is given back. The old one stays as it ended.
        """
        old = await store.lock_case(conn, case_id)
        if old is None:
            return Refusal.UNKNOWN_CASE
        if old.state is not State.DEFAULTED:
            return Refusal.NOT_REINSTATABLE
        if received_minor < old.due_minor:
            return Refusal.BELOW_DUE
        if await store.is_sold_again(conn, old) or not await self.hooks.goods_are_free(conn, old):
            return Refusal.GOODS_ARE_GONE
        draft = msgspec.structs.replace(
            old,
            reference=new_reference(Purpose.CASE),
            state=State.NEW,
            version=0,
            opened_at=now,
            state_since=now,
            clock_action=None,
            clock_due_at=None,
            reinstates_id=old.id,
        )
        case = await self._open(conn, draft, now)
        request = Request(
            action=Action.REINSTATE,
            role=Role.OPERATOR,
            now=now,
            actor_id=operator_id,
            source=source,
            received_minor=received_minor,
            reason=note,
        )
        actor = Actor(role=Role.OPERATOR, party_id=operator_id)
        return await self.moves.act(conn, case, actor, request, detail={"from": source, "reinstates": old.id})

    async def postpone(self, conn: Connection, case_id: int, until: datetime, now: datetime) -> Case | Refusal:
        """The seller has until then to ship: the parties agreed on it, or the goods had to wait for a paper."""
        case = await store.lock_case(conn, case_id)
        if case is None:
            return Refusal.UNKNOWN_CASE
        request = Request(action=Action.POSTPONE, role=Role.HOUSE, now=now, until=until)
        return await self.moves.act(conn, case, HOUSE, request, detail={"until": until.isoformat()})

    async def ship(
        self, conn: Connection, case_id: int, actor_id: int, carrier: str, tracking_number: str, now: datetime
    ) -> Case | Refusal:
        """The seller has handed the goods to a carrier under a tracking number."""
        if (missing := await self._missing(conn, case_id)) is not None:
            return missing
        carrier, tracking_number = carrier.strip(), tracking_number.strip()
        request = Request(
            action=Action.SHIP, role=Role.SELLER, now=now, carrier=carrier, tracking_number=tracking_number
        )
        detail = {"carrier": carrier, "tracking_number": tracking_number}
        return await self.moves.by_party(conn, case_id, actor_id, request, detail=detail)

    async def _missing(self, conn: Connection, case_id: int) -> Refusal | None:
        """What the contract waits for, with the case locked, so that nothing is added to it meanwhile."""
        await store.lock_case(conn, case_id)
        return await self.hooks.may_ship(conn, case_id)

    async def ship_lines(
        self,
        conn: Connection,
        case_id: int,
        actor_id: int,
        lines: Sequence[int],
        carrier: str,
        tracking_number: str,
        now: datetime,
    ) -> Case | Refusal:
        """Some lines of the sale are on their way: they live on as a part with its own money and clocks. The last lines
        are the case itself. Gives the case that was shipped.
        """
        if (missing := await self._missing(conn, case_id)) is not None:
            return missing
        carrier, tracking_number = carrier.strip(), tracking_number.strip()
        case = await store.lock_case(conn, case_id)
        if case is None:
            return Refusal.UNKNOWN_CASE
        role = rules.role_of(case, actor_id)
        if role is None:
            return Refusal.NOT_YOURS
        here = {line.n for line in case.lines if line.part_id is None}
        if not set(lines) <= here:
            return Refusal.UNKNOWN_LINE
        if set(lines) == here:
            return await self.ship(conn, case_id, actor_id, carrier, tracking_number, now)
        part = await split_off(
            self.moves,
            conn,
            case,
            Actor(role=role, party_id=actor_id),
            set(lines),
            Request(action=Action.SPLIT, role=role, now=now, carrier=carrier, tracking_number=tracking_number),
        )
        if isinstance(part, Refusal):
            return part
        return await self.ship(conn, part.id, actor_id, carrier, tracking_number, now)

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
        if actor_id in (case.buyer_id, case.seller_id):
            return Refusal.OWN_MONEY
        request = Request(action=Action.CANCEL, role=Role.OPERATOR, now=now, actor_id=actor_id, reason=reason)
        return await self.moves.act(conn, case, Actor(role=Role.OPERATOR, party_id=actor_id), request)

    async def time_out(self, conn: Connection, case_id: int, action: Action, now: datetime) -> Case | Refusal:
        """A timer of the case has run out. The clock has locked the case; a timer that is no longer its own does nothing."""
        case = await store.lock_case(conn, case_id)
        if case is None:
            return Refusal.UNKNOWN_CASE
        changed = _relieved(case) if action is Action.OVERDUE else case
        request = Request(action=action, role=Role.TIMER, now=now)
        return await self.moves.act(conn, case, TIMER, request, changed=changed)

    async def delivered(self, conn: Connection, case_id: int, proof: str, now: datetime) -> Case | Refusal:
        """The carrier's proof of delivery begins the inspection."""
        case = await store.lock_case(conn, case_id)
        if case is None:
            return Refusal.UNKNOWN_CASE
        request = Request(action=Action.RECEIVE, role=Role.CARRIER, now=now, reason=proof)
        return await self.moves.act(conn, case, CARRIER, request)

    async def payout_settled(self, conn: Connection, payout: Payout, now: datetime) -> None:
        """The bank has paid the seller of a case: a released case is settled. One that a claim ended is so already."""
        if payout.purpose is not PayoutPurpose.SALE or payout.case_id is None:
            return
        case = await store.lock_case(conn, payout.case_id)
        assert case is not None, "a payout's case exists by foreign key"
        request = Request(action=Action.SETTLE, role=Role.BANK, now=now)
        await self.moves.act(conn, case, BANK, request, detail={"payout": payout.end_to_end_id})

    async def case_by_id(self, conn: Connection, case_id: int) -> Case | None:
        return await store.case_by_id(conn, case_id)

    async def case_of_subject(self, conn: Connection, subject: str) -> Case | None:
        """The latest case of a subject; its parts are found from it."""
        return await store.case_of_subject(conn, subject)

    async def parts_of(self, conn: Connection, case_id: int) -> list[Case]:
        """What was split off the case, in order."""
        return await store.parts_of(conn, case_id)

    async def cases_of(self, conn: Connection, party_id: int) -> list[Case]:
        """A party's cases on either side, latest first."""
        return await store.cases_of_party(conn, party_id)

    async def cases_in_state(self, conn: Connection, state: State) -> list[Case]:
        """Oldest in its state first."""
        return await store.cases_in_state(conn, state)

    async def claims_in(self, conn: Connection, states: Sequence[State]) -> list[Case]:
        """The disputed cases in these states, by their next deadline."""
        return await store.cases_by_deadline(conn, states)

    async def case_events(self, conn: Connection, case_id: int) -> list[CaseEvent]:
        return await store.case_events(conn, case_id)

    async def _by_party(
        self, conn: Connection, case_id: int, actor_id: int, action: Action, now: datetime, *, reason: str = ""
    ) -> Case | Refusal:
        request = Request(action=action, role=Role.BUYER, now=now, reason=reason)
        return await self.moves.by_party(conn, case_id, actor_id, request)


def _lines(terms: CaseTerms) -> tuple[Line, ...]:
    """The contract's lines, checked to be the price; without any the whole sale is one."""
    if not terms.lines:
        return (Line(n=1, title="", amount_minor=terms.price_minor),)
    if sum(line.amount_minor for line in terms.lines) != terms.price_minor:
        raise ValueError(f"{terms.subject}: the lines do not add up to the price")
    if len({line.n for line in terms.lines}) < len(terms.lines):
        raise ValueError(f"{terms.subject}: each line has a number of its own")
    if len(terms.lines) > 1 and min(line.amount_minor for line in terms.lines) < SMALLEST_LINE_MINOR:
        raise ValueError(f"{terms.subject}: a line of several is at least {SMALLEST_LINE_MINOR} minor units")
    return terms.lines


def _relieved(case: Case) -> Case:
    """An arbiter who has not ruled in time, or a proposal nobody confirmed: anybody but the handler may take it now."""
    assert case.claim is not None, "a case in arbitration has its claim"
    return msgspec.structs.replace(case, claim=msgspec.structs.replace(case.claim, arbiter_id=None))
