"""The one way by which a case moves: judge, post, end what ends, save with its clock, tell. Also how a seller is paid.

Every act on a case (settlement, claims, arbitration, the clock) comes through here, inside its caller's transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from escrow import claims_store, ledger, postings, rules, store
from escrow.deposits import Deposits
from escrow.facts import (
    DISPUTED,
    Action,
    Case,
    CaseEvent,
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
from escrow.rules import Request, Step

if TYPE_CHECKING:
    from migrations.database import Connection


class Actor(Struct, frozen=True, kw_only=True):
    role: Role
    party_id: int | None = None

    def __str__(self) -> str:
        return self.role if self.party_id is None else f"{self.role}:{self.party_id}"


HOUSE, BANK, TIMER, CARRIER = (Actor(role=role) for role in (Role.HOUSE, Role.BANK, Role.TIMER, Role.CARRIER))
_OWNED = ("wallet", "payable", "receivable", "reserve", "change")
_OPEN_BEFORE = ("escrow", "deposit", "suspense", "chargeback", "cheque", "transit")
"""Accounts that whoever leads money there has opened with what they stand for."""


@dataclass(frozen=True, slots=True)
class Moves:
    hooks: Hooks
    deposits: Deposits
    payouts: Payouts

    async def act(
        self,
        conn: Connection,
        case: Case,
        actor: Actor,
        request: Request,
        *,
        detail: dict[str, Any] | None = None,
        changed: Case | None = None,
    ) -> Case | Refusal:
        """Take the step if the rules permit it. The caller has locked the case; `changed` is the case with what this very
        act adds to it (its lines, its claim).
        """
        step = rules.judge(case, request)
        if isinstance(step, Refusal):
            return step
        now = request.now
        after = _after(case, changed or case, request, step)
        if after.claim is not None and after.claim is not case.claim:
            await claims_store.save_claim(conn, after.claim)  # A claim that ends lets go of the money first.
        await self.post(conn, case, f"case_{request.action}", actor, step.legs, now)
        if step.deposit_becomes is not None:
            assert case.deposit_id is not None, "a deposit that counts is named"
            deposit = await store.lock_deposit(conn, case.deposit_id)
            assert deposit is not None, "a case's deposit exists by foreign key"
            await self.deposits.end(conn, deposit, step.deposit_becomes, now)
        await self._save(conn, case, after, step, fired=actor is TIMER, now=now)
        await self.tell(conn, case, after, request.action, actor, now, reason=request.reason, detail=detail)
        purpose = step.pays_out or _makes_good(case, step)
        return after if purpose is None else await self._pay_seller(conn, after, step, purpose, now)

    async def by_party(
        self, conn: Connection, case_id: int, actor_id: int, request: Request, *, detail: dict[str, Any] | None = None
    ) -> Case | Refusal:
        """An act of whichever party `actor_id` is; the role of the request is set here."""
        case = await store.lock_case(conn, case_id)
        if case is None:
            return Refusal.UNKNOWN_CASE
        role = rules.role_of(case, actor_id)
        if role is None:
            return Refusal.NOT_YOURS
        request = msgspec.structs.replace(request, role=role, actor_id=actor_id)
        return await self.act(conn, case, Actor(role=role, party_id=actor_id), request, detail=detail)

    async def post(
        self, conn: Connection, case: Case, kind: str, actor: Actor, legs: tuple[Leg, ...], now: datetime
    ) -> None:
        if not legs:
            return
        await ledger.open_accounts(conn, accounts_to_open(legs))
        await ledger.post(conn, Operation(kind=kind, subject=f"case:{case.id}", actor=str(actor), legs=legs), now)

    async def tell(
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
        """Write the event, and tell the market of it."""
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

    async def pay_out(
        self, conn: Connection, case: Case, purpose: PayoutPurpose, amount_minor: int, subject: str, now: datetime
    ) -> int:
        """What has just come to the seller's payable: first repays what he owes the house, the rest goes to his bank.
        `subject` names the act in the book; what is sent to the bank is given back.
        """
        owed = await ledger.lock_owed(conn, rules.receivable(case.seller_id), case.currency)
        repaid = min(owed, amount_minor)
        path = rules.payable(case.seller_id)
        if repaid:
            leg = Leg(
                debit=path,
                credit=rules.receivable(case.seller_id),
                currency=case.currency,
                amount_minor=repaid,
            )
            repayment = Operation(kind=f"debt_repaid_{purpose}", subject=subject, actor="house", legs=(leg,))
            await ledger.post(conn, repayment, now)
        if amount_minor > repaid:
            source = Source(path=path, purpose=purpose, party_id=case.seller_id, case_id=case.id)
            queued = await self.payouts.queue(conn, source, case.currency, amount_minor - repaid, now)
            assert isinstance(queued, Payout), "what was just credited can be paid out"
        return amount_minor - repaid

    async def _pay_seller(
        self, conn: Connection, case: Case, step: Step, purpose: PayoutPurpose, now: datetime
    ) -> Case:
        """What the step left at the seller's payable goes out at once. A sale of which nothing is left is settled."""
        path, kept_path = rules.payable(case.seller_id), rules.reserve(case.seller_id)
        amount = sum(leg.amount_minor for leg in step.legs if leg.credit == path)
        kept = sum(leg.amount_minor for leg in step.legs if leg.credit == kept_path)
        if kept:
            due_at = now + timedelta(seconds=case.timers.reserve_seconds)
            await claims_store.hold_reserve(conn, case, kept, now, due_at)
        sent = await self.pay_out(conn, case, purpose, amount, f"case:{case.id}", now) if amount else 0
        if sent or case.state is not State.RELEASED:
            return case
        settled = await self.act(conn, case, HOUSE, Request(action=Action.SETTLE, role=Role.HOUSE, now=now))
        assert isinstance(settled, Case), "a released case of which nothing goes out can be settled"
        return settled

    async def _save(self, conn: Connection, case: Case, after: Case, step: Step, *, fired: bool, now: datetime) -> None:
        path = rules.escrow_account(case.id)
        account = (await ledger.open_accounts(conn, [Account(path=path, currency=case.currency)]))[path, case.currency]
        became_funded = after.state is State.FUNDED and case.state is not State.FUNDED
        funded_version = await ledger.tip(conn, account) if became_funded else None
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


def accounts_to_open(legs: tuple[Leg, ...]) -> list[Account]:
    """The accounts of the house and of parties that the legs name; the others were opened with what they stand for."""
    paths = {path: leg.currency for leg in legs for path in (leg.debit, leg.credit)}
    accounts = []
    for path, currency in sorted(paths.items()):
        kind, _, number = path.partition(":")
        if kind not in _OPEN_BEFORE:
            owner = int(number) if kind in _OWNED else None
            accounts.append(Account(path=path, currency=currency, owner_id=owner))
    return accounts


def _after(case: Case, changed: Case, request: Request, step: Step) -> Case:
    """The case as it is when the step is taken."""
    shipped, parts, claim = step.to is State.SHIPPED, step.division, changed.claim
    after = msgspec.structs.replace(
        changed,
        state=step.to,
        version=case.version + 1,
        state_since=case.state_since if step.to is case.state else request.now,
        clock_action=step.clock.action if step.clock else None,
        clock_due_at=step.clock.due_at if step.clock else None,
        ship_by_at=_ship_by(case, request, step),
        carrier=request.carrier if shipped else case.carrier,
        tracking_number=request.tracking_number if shipped else case.tracking_number,
        inspection_extended=case.inspection_extended or request.action is Action.EXTEND_INSPECTION,
    )
    if parts is None:
        return after
    if request.action is Action.RELEASE_UNDISPUTED:
        return msgspec.structs.replace(
            after,
            undisputed_minor=parts.seller_minor + parts.house_minor,
            undisputed_commission_minor=parts.commission_minor,
            undisputed_fees_minor=parts.fees_minor,
        )
    if claim is not None and case.state in DISPUTED:
        claim = msgspec.structs.replace(
            claim, ended_at=request.now, outcome=request.action, awarded_minor=parts.buyer_minor
        )
    return msgspec.structs.replace(
        after,
        claim=claim,
        refunded_minor=parts.buyer_minor,
        withheld_minor=case.withheld_minor + postings.withheld(case, parts.buyer_minor),
    )


def _makes_good(case: Case, step: Step) -> PayoutPurpose | None:
    """A refund of what the bank has taken from the seller comes to him, though the sale pays him nothing."""
    path = rules.payable(case.seller_id)
    return PayoutPurpose.CHARGEBACK if any(leg.credit == path for leg in step.legs) else None


def _ship_by(case: Case, request: Request, step: Step) -> datetime | None:
    """Set when the money is there, and put off by agreement; a part has its parent's."""
    if request.action is Action.POSTPONE:
        return request.until
    is_new = step.to is State.FUNDED and case.ship_by_at is None
    return rules.ship_by(case, request.now) if is_new else case.ship_by_at
