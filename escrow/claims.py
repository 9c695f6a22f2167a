"""What a buyer and a seller do about a claim: it is made, answered, offered for, returned for, carried to arbitration.

Each function is one act inside the caller's transaction. What the clock does about silence comes through
Settlement.time_out; what an arbiter does stands in escrow/arbitration.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from escrow import claims_store, rules, store
from escrow.facts import Action, Case, Claim, ClaimReason, Refusal, Role
from escrow.moves import Actor, Moves
from escrow.rules import Request

if TYPE_CHECKING:
    from migrations.database import Connection


@dataclass(frozen=True, slots=True)
class Claims:
    moves: Moves

    async def open(
        self,
        conn: Connection,
        case_id: int,
        actor_id: int,
        amount_minor: int,
        reason: ClaimReason,
        statement: str,
        now: datetime,
    ) -> Case | Refusal:
        """The buyer wants `amount_minor` back. The case's clocks stop, and nothing of it is released meanwhile."""
        found = await self._found(conn, case_id, actor_id)
        if isinstance(found, Refusal):
            return found
        case, actor = found
        request = Request(
            action=Action.CLAIM,
            role=actor.role,
            now=now,
            actor_id=actor_id,
            reason=statement,
            amount_minor=amount_minor,
        )
        judged = rules.judge(case, request)
        if isinstance(judged, Refusal):
            return judged
        claim = Claim(
            id=0,
            case_id=case.id,
            reason=reason,
            statement=statement.strip(),
            amount_minor=amount_minor,
            from_state=case.state,
            opened_at=now,
            hard_stop_at=now + timedelta(seconds=case.timers.hard_stop_seconds),
        )
        claim = msgspec.structs.replace(claim, id=await claims_store.insert_claim(conn, claim))
        detail = {"claim": claim.id, "amount_minor": str(amount_minor), "reason": reason}
        changed = msgspec.structs.replace(case, claim=claim)
        return await self.moves.act(conn, case, actor, request, detail=detail, changed=changed)

    async def release_undisputed(self, conn: Connection, case_id: int, actor_id: int, now: datetime) -> Case | Refusal:
        """The buyer lets the seller have what is not claimed. The caller has asked for the step-up."""
        return await self._act(conn, case_id, actor_id, Action.RELEASE_UNDISPUTED, now)

    async def accept(self, conn: Connection, case_id: int, actor_id: int, now: datetime) -> Case | Refusal:
        """The seller gives what is claimed; the case is settled."""
        return await self._act(conn, case_id, actor_id, Action.ACCEPT_CLAIM, now)

    async def offer(
        self, conn: Connection, case_id: int, actor_id: int, amount_minor: int, now: datetime
    ) -> Case | Refusal:
        """The seller would give less. An offer left unanswered goes to arbitration."""
        detail = {"amount_minor": str(amount_minor)}
        answer = {"offer_minor": amount_minor, "answered_at": now}
        return await self._act(
            conn, case_id, actor_id, Action.OFFER, now, amount_minor=amount_minor, detail=detail, claim=answer
        )

    async def accept_offer(self, conn: Connection, case_id: int, actor_id: int, now: datetime) -> Case | Refusal:
        """The buyer takes what is offered; the case is settled."""
        return await self._act(conn, case_id, actor_id, Action.ACCEPT_OFFER, now)

    async def withdraw(self, conn: Connection, case_id: int, actor_id: int, now: datetime) -> Case | Refusal:
        """The buyer claims nothing any more: the seller is paid. The caller has asked for the step-up."""
        return await self._act(conn, case_id, actor_id, Action.WITHDRAW_CLAIM, now)

    async def ask_return(self, conn: Connection, case_id: int, actor_id: int, now: datetime) -> Case | Refusal:
        """The seller wants the goods back, and the buyer has his money back for them."""
        return await self._act(conn, case_id, actor_id, Action.ASK_RETURN, now, claim={"answered_at": now})

    async def contest(
        self, conn: Connection, case_id: int, actor_id: int, statement: str, now: datetime
    ) -> Case | Refusal:
        """The seller denies the claim, or what came back to him: an arbiter decides."""
        return await self._act(
            conn, case_id, actor_id, Action.CONTEST, now, reason=statement, claim={"answered_at": now}
        )

    async def escalate(
        self, conn: Connection, case_id: int, actor_id: int, statement: str, now: datetime
    ) -> Case | Refusal:
        """The buyer does not take the offer: an arbiter decides."""
        return await self._act(conn, case_id, actor_id, Action.ESCALATE, now, reason=statement)

    async def send_back(
        self, conn: Connection, case_id: int, actor_id: int, carrier: str, tracking_number: str, now: datetime
    ) -> Case | Refusal:
        """The goods are on their way back."""
        carrier, tracking_number = carrier.strip(), tracking_number.strip()
        sent = {"return_carrier": carrier, "return_tracking_number": tracking_number, "returned_at": now}
        return await self._act(
            conn,
            case_id,
            actor_id,
            Action.RETURN_SHIP,
            now,
            carrier=carrier,
            tracking_number=tracking_number,
            detail={"carrier": carrier, "tracking_number": tracking_number},
            claim=sent,
        )

    async def confirm_return(self, conn: Connection, case_id: int, actor_id: int, now: datetime) -> Case | Refusal:
        """The seller has the goods again; the buyer is refunded. The caller has asked for the step-up."""
        return await self._act(conn, case_id, actor_id, Action.CONFIRM_RETURN, now)

    async def _found(self, conn: Connection, case_id: int, actor_id: int) -> tuple[Case, Actor] | Refusal:
        case = await store.lock_case(conn, case_id)
        if case is None:
            return Refusal.UNKNOWN_CASE
        role = rules.role_of(case, actor_id)
        return Refusal.NOT_YOURS if role is None else (case, Actor(role=role, party_id=actor_id))

    async def _act(
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
        amount_minor: int = 0,
        detail: dict[str, Any] | None = None,
        claim: dict[str, Any] | None = None,
    ) -> Case | Refusal:
        found = await self._found(conn, case_id, actor_id)
        if isinstance(found, Refusal):
            return found
        case, actor = found
        request = Request(
            action=action,
            role=Role(actor.role),
            now=now,
            actor_id=actor_id,
            reason=reason,
            carrier=carrier,
            tracking_number=tracking_number,
            amount_minor=amount_minor,
        )
        changed = case
        if claim and case.claim is not None:
            changed = msgspec.structs.replace(case, claim=msgspec.structs.replace(case.claim, **claim))
        return await self.moves.act(conn, case, actor, request, detail=detail, changed=changed)
