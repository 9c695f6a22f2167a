"""What operators do about a claim: one handles it, another arbitrates, above a limit a third hand confirms; and the appeal.

Who is who is enforced here, in the rules and by constraint, not by a page. Each function is one act inside the
caller's transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from escrow import claims_store, rules, store
from escrow.facts import DISPUTED, Action, Case, Claim, Refusal, Role, State
from escrow.guards import divides_what_is_held
from escrow.moves import Actor, Moves
from escrow.rules import Request

if TYPE_CHECKING:
    from migrations.database import Connection


@dataclass(frozen=True, slots=True)
class Arbitration:
    moves: Moves
    second_person_above_minor: int

    async def take_up(self, conn: Connection, case_id: int, operator_id: int, now: datetime) -> Case | Refusal:
        """The operator becomes the claim's handler, who speaks with both sides and therefore never arbitrates it."""
        case = await self._disputed(conn, case_id)
        if isinstance(case, Refusal):
            return case
        claim = _claim(case)
        if operator_id in (case.buyer_id, case.seller_id):
            return Refusal.ARBITER_IS_PARTY
        if operator_id in (claim.arbiter_id, claim.ruling.arbiter_id if claim.ruling else None):
            return Refusal.ARBITER_IS_HANDLER  # Also of a proposal that still waits, though its clock has relieved him.
        if claim.handler_id not in (None, operator_id):
            return Refusal.ALREADY_TAKEN
        return await self._saved(conn, case, msgspec.structs.replace(claim, handler_id=operator_id))

    async def take_arbitration(self, conn: Connection, case_id: int, operator_id: int, now: datetime) -> Case | Refusal:
        """The operator becomes the arbiter, if he is no party, not the handler, and has not ruled on it before."""
        case = await self._disputed(conn, case_id)
        if isinstance(case, Refusal):
            return case
        claim = _claim(case)
        if case.state is not State.ARBITRATION:
            return Refusal.NOT_IN_THIS_STATE
        if claim.arbiter_id not in (None, operator_id):
            return Refusal.ALREADY_TAKEN
        if operator_id in (case.buyer_id, case.seller_id):
            return Refusal.ARBITER_IS_PARTY
        if operator_id == claim.handler_id:
            return Refusal.ARBITER_IS_HANDLER
        if claim.appealed_at is not None and await claims_store.has_ruled(conn, claim.id, operator_id):
            return Refusal.ARBITER_IS_HANDLER
        await claims_store.insert_arbiter(conn, claim, operator_id, now)
        return await self._saved(conn, case, msgspec.structs.replace(claim, arbiter_id=operator_id))

    async def rule(
        self,
        conn: Connection,
        case_id: int,
        operator_id: int,
        buyer_minor: int,
        reason: str,
        now: datetime,
        *,
        house_minor: int | None = None,
    ) -> Case | Refusal:
        """The arbiter divides what the case holds: `buyer_minor` goes back, the house has its unwound fees unless he says
        otherwise, the seller the rest. Above the limit it is a proposal that waits for a second person.
        """
        case = await self._disputed(conn, case_id)
        if isinstance(case, Refusal):
            return case
        needs_second = case.held_minor > self.second_person_above_minor
        request = Request(
            action=Action.PROPOSE_RULING if needs_second else Action.RULE,
            role=Role.OPERATOR,
            now=now,
            actor_id=operator_id,
            reason=reason,
            buyer_minor=buyer_minor,
            house_minor=house_minor,
            second_above_minor=self.second_person_above_minor,
        )
        judged = rules.judge(case, request)
        if isinstance(judged, Refusal):
            return judged
        claim = _claim(case)
        if claim.ruling is not None:
            return Refusal.RULING_WAITS
        refusal = divides_what_is_held(case, request)
        if refusal is not None:
            return refusal
        parts = rules.division(case, buyer_minor, house_minor)
        limit = self.second_person_above_minor
        ruling = await claims_store.insert_ruling(conn, claim, operator_id, parts, reason.strip(), limit, now)
        changed = msgspec.structs.replace(case, claim=msgspec.structs.replace(claim, ruling=ruling))
        detail = {
            "ruling": ruling.id,
            "buyer_minor": str(parts.buyer_minor),
            "seller_minor": str(parts.seller_minor),
            "house_minor": str(parts.house_minor),
        }
        return await self.moves.act(conn, case, _operator(operator_id), request, detail=detail, changed=changed)

    async def confirm(self, conn: Connection, case_id: int, operator_id: int, now: datetime) -> Case | Refusal:
        """A second person confirms what the arbiter has proposed: it is in force, and the appeal window opens."""
        case = await self._disputed(conn, case_id)
        if isinstance(case, Refusal):
            return case
        claim = _claim(case)
        if claim.ruling is None or claim.ruling.in_force:
            return Refusal.NO_RULING
        if operator_id in (case.buyer_id, case.seller_id):
            return Refusal.ARBITER_IS_PARTY
        request = Request(
            action=Action.RULE,
            role=Role.OPERATOR,
            now=now,
            actor_id=operator_id,
            reason=claim.ruling.reason,
            second_above_minor=self.second_person_above_minor,
        )
        judged = rules.judge(case, request)
        if isinstance(judged, Refusal):
            return judged
        await claims_store.confirm_ruling(conn, claim.ruling.id, operator_id, now)
        ruling = msgspec.structs.replace(claim.ruling, confirmed_by=operator_id, confirmed_at=now)
        changed = msgspec.structs.replace(case, claim=msgspec.structs.replace(claim, ruling=ruling))
        detail = {"ruling": ruling.id}
        return await self.moves.act(conn, case, _operator(operator_id), request, detail=detail, changed=changed)

    async def decline(
        self, conn: Connection, case_id: int, operator_id: int, reason: str, now: datetime
    ) -> Case | Refusal:
        """The proposal falls, by the second person or by the arbiter himself; the arbiter may propose anew."""
        case = await self._disputed(conn, case_id)
        if isinstance(case, Refusal):
            return case
        claim = _claim(case)
        if claim.ruling is None or claim.ruling.in_force:
            return Refusal.NO_RULING
        if operator_id in (case.buyer_id, case.seller_id):
            return Refusal.ARBITER_IS_PARTY
        if not reason.strip():
            return Refusal.REASON_MISSING
        await claims_store.decline_ruling(conn, claim.ruling.id, operator_id, reason.strip(), now)
        return await self._saved(conn, case, msgspec.structs.replace(claim, ruling=None))

    async def appeal(
        self, conn: Connection, case_id: int, actor_id: int, statement: str, now: datetime
    ) -> Case | Refusal:
        """A party does not accept the ruling: once, another arbiter looks at it anew."""
        case = await self._disputed(conn, case_id)
        if isinstance(case, Refusal):
            return case
        role = rules.role_of(case, actor_id)
        if role is None:
            return Refusal.NOT_YOURS
        request = Request(action=Action.APPEAL, role=role, now=now, actor_id=actor_id, reason=statement)
        claim = _claim(case)
        appealed = msgspec.structs.replace(
            claim,
            appealed_by=actor_id,
            appealed_at=now,
            appealed_ruling_id=claim.ruling.id if claim.ruling else None,
            arbiter_id=None,
            ruling=None,
        )
        changed = msgspec.structs.replace(case, claim=appealed)
        return await self.moves.act(conn, case, Actor(role=role, party_id=actor_id), request, changed=changed)

    async def _disputed(self, conn: Connection, case_id: int) -> Case | Refusal:
        case = await store.lock_case(conn, case_id)
        if case is None:
            return Refusal.UNKNOWN_CASE
        return case if case.state in DISPUTED else Refusal.NOT_IN_THIS_STATE

    async def _saved(self, conn: Connection, case: Case, claim: Claim) -> Case:
        """Who handles or arbitrates a claim is no step of the case: it is written without one."""
        await claims_store.save_claim(conn, claim)
        return msgspec.structs.replace(case, claim=claim)


def _claim(case: Case) -> Claim:
    assert case.claim is not None, "a disputed case has its claim, by constraint"
    return case.claim


def _operator(operator_id: int) -> Actor:
    return Actor(role=Role.OPERATOR, party_id=operator_id)
