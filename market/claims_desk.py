"""The claims desk: disputed deals by deadline, who sees to them, and an arbiter's ruling with its postings shown first.

The rules are the escrow's. Every act names its operator and stands in the audit trail in the same transaction. Knows no
page and no wire.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from escrow import guards, ledger, rules
from escrow.facts import Action, Case, Claim, Leg, Refusal, Role, Ruling, State
from escrow.rules import Request
from escrow.steps import Division
from market import audit
from market.dry_run import Preview
from migrations.queries import load_queries

if TYPE_CHECKING:
    from asyncpg import Record

    from escrow.desk import EscrowDesk
    from migrations.database import Connection

STATES = (State.CLAIMED, State.RETURNING, State.ARBITRATION, State.RULED)
WHOSE = ("mine", "free", "second")

_queries = load_queries("market", "claims")


class QueueRow(Struct, frozen=True, kw_only=True):
    """One disputed deal in the queue."""

    case_id: int
    state: str
    currency: str
    held_minor: int
    amount_minor: int
    reason: str
    opened_at: datetime
    clock_action: str
    due_at: datetime
    title_en: str
    title_zh: str
    buyer_name: str
    seller_name: str
    handler_name: str | None
    arbiter_name: str | None
    waits_for_second: bool

    def title(self, lang: str) -> str:
        """The lot's title in `lang`, else in the other language."""
        return (self.title_zh or self.title_en) if lang == "zh" else (self.title_en or self.title_zh)


class RulingPreview(Struct, frozen=True, kw_only=True):
    """How a ruling would divide what the case holds, and every posting of it."""

    division: Division
    postings: tuple[Preview, ...]
    needs_second: bool


class Duties(Struct, frozen=True, kw_only=True):
    """What this operator can do about a claim now. The escrow judges again when he does it."""

    take_up: bool = False
    take_arbitration: bool = False
    rule: bool = False
    confirm: bool = False
    is_party: bool = False
    is_handler: bool = False
    proposed_it: bool = False


def duties(case: Case, operator_id: int) -> Duties:
    """Whoever is a party touches nothing; whoever handles does not arbitrate; whoever proposed does not confirm."""
    claim = case.claim
    if claim is None or case.state not in STATES:
        return Duties()
    if operator_id in (case.buyer_id, case.seller_id):
        return Duties(is_party=True)
    if case.state is not State.ARBITRATION:
        free = claim.handler_id is None and claim.arbiter_id != operator_id and case.state is not State.RULED
        return Duties(take_up=free, is_handler=claim.handler_id == operator_id)
    return _at_arbitration(claim, operator_id)


def _at_arbitration(claim: Claim, operator_id: int) -> Duties:
    is_handler, waits = claim.handler_id == operator_id, claim.ruling is not None
    ours = waits and claim.ruling is not None and claim.ruling.arbiter_id == operator_id
    return Duties(
        take_up=claim.handler_id is None and claim.arbiter_id != operator_id,
        take_arbitration=claim.arbiter_id is None and not is_handler,
        rule=claim.arbiter_id == operator_id and not waits,
        confirm=waits and not ours,
        is_handler=is_handler,
        proposed_it=ours,
    )


async def queue(
    conn: Connection, viewer_id: int, *, state: str | None, whose: str | None, limit: int, offset: int
) -> tuple[list[QueueRow], int]:
    """A part of the disputed deals, the most urgent first, and how many there are in all."""
    rows = await conn.fetch(_queries.claims_queue, state, whose, viewer_id, limit, offset)
    return [_row(row) for row in rows], rows[0]["total"] if rows else 0


async def preview(
    conn: Connection, case: Case, buyer_minor: int, house_minor: int | None, second_above_minor: int
) -> RulingPreview | Refusal:
    """What a ruling would post, without posting it: each account before and after, leg by leg, as the table has it."""
    asked = Request(
        action=Action.RULE,
        role=Role.OPERATOR,
        now=case.state_since,
        buyer_minor=buyer_minor,
        house_minor=house_minor,
    )
    refusal = guards.divides_what_is_held(case, asked)
    if refusal is not None:
        return refusal
    step = rules.judge(_as_if_ruled(case, buyer_minor, house_minor), _enforcing(case))
    if isinstance(step, Refusal):
        return step
    assert step.division is not None, "a ruling that takes effect divides what is held"
    return RulingPreview(
        division=step.division,
        postings=await _before_and_after(conn, step.legs),
        needs_second=case.held_minor > second_above_minor,
    )


def _as_if_ruled(case: Case, buyer_minor: int, house_minor: int | None) -> Case:
    """The case as it would stand when the time to appeal such a ruling has passed."""
    claim = case.claim
    assert claim is not None, "only a disputed case is ruled on"
    parts = rules.division(case, buyer_minor, house_minor)
    ruling = Ruling(
        id=0,
        claim_id=claim.id,
        arbiter_id=0,
        buyer_minor=parts.buyer_minor,
        seller_minor=parts.seller_minor,
        house_minor=parts.house_minor,
        reason="",
        proposed_at=case.state_since,
        needs_second=False,
    )
    return msgspec.structs.replace(
        case,
        state=State.RULED,
        clock_action=Action.ENFORCE,
        clock_due_at=case.state_since,
        claim=msgspec.structs.replace(claim, ruling=ruling),
    )


def _enforcing(case: Case) -> Request:
    return Request(action=Action.ENFORCE, role=Role.TIMER, now=case.state_since)


async def take_up(
    conn: Connection, desk: EscrowDesk, case_id: int, *, operator_id: int, now: datetime
) -> Case | Refusal:
    """Become the handler of the claim."""
    done = await desk.arbitration.take_up(conn, case_id, operator_id, now)
    return await _noted(conn, done, operator_id, "claim.taken_up", None, now)


async def take_arbitration(
    conn: Connection, desk: EscrowDesk, case_id: int, *, operator_id: int, now: datetime
) -> Case | Refusal:
    """Become the arbiter of the claim."""
    done = await desk.arbitration.take_arbitration(conn, case_id, operator_id, now)
    return await _noted(conn, done, operator_id, "claim.arbitration_taken", None, now)


async def rule(
    conn: Connection,
    desk: EscrowDesk,
    case_id: int,
    *,
    buyer_minor: int,
    house_minor: int | None,
    reason: str,
    operator_id: int,
    now: datetime,
) -> Case | Refusal:
    """Rule; above the limit this is a proposal that a second operator confirms."""
    done = await desk.arbitration.rule(conn, case_id, operator_id, buyer_minor, reason, now, house_minor=house_minor)
    act = "claim.ruled" if isinstance(done, Case) and done.state is State.RULED else "claim.ruling_proposed"
    return await _noted(conn, done, operator_id, act, reason, now)


async def confirm(
    conn: Connection, desk: EscrowDesk, case_id: int, *, operator_id: int, now: datetime
) -> Case | Refusal:
    """The second person agrees."""
    done = await desk.arbitration.confirm(conn, case_id, operator_id, now)
    return await _noted(conn, done, operator_id, "claim.ruling_confirmed", None, now)


async def decline(
    conn: Connection, desk: EscrowDesk, case_id: int, *, reason: str, operator_id: int, now: datetime
) -> Case | Refusal:
    """The second person does not agree; the arbiter rules anew."""
    done = await desk.arbitration.decline(conn, case_id, operator_id, reason, now)
    return await _noted(conn, done, operator_id, "claim.ruling_declined", reason, now)


async def _noted(
    conn: Connection, done: Case | Refusal, operator_id: int, act: str, reason: str | None, now: datetime
) -> Case | Refusal:
    if isinstance(done, Case):
        ruling = done.claim.ruling if done.claim else None
        detail: dict[str, object] = {"state": done.state.value}
        if ruling is not None:
            detail |= {"ruling": ruling.id, "buyer_minor": ruling.buyer_minor, "seller_minor": ruling.seller_minor}
            detail |= {"house_minor": ruling.house_minor, "currency": done.currency}
        await audit.record(conn, operator_id, act, f"case:{done.id}", reason, detail, now)
    return done


async def _before_and_after(conn: Connection, legs: Sequence[Leg]) -> tuple[Preview, ...]:
    standing: dict[str, int] = {}
    shown = []
    for leg in legs:
        for path in (leg.debit, leg.credit):
            if path not in standing:
                standing[path] = await ledger.balance(conn, path, leg.currency)
        debit, credit = standing[leg.debit], standing[leg.credit]
        shown.append(Preview(leg=leg, debit_before_minor=debit, credit_before_minor=credit))
        standing[leg.debit] -= leg.amount_minor
        standing[leg.credit] += leg.amount_minor
    return tuple(shown)


def _row(row: Record) -> QueueRow:
    return QueueRow(**{name: row[name] for name in QueueRow.__struct_fields__})
