"""Split shipments: lines of a sale that are shipped by themselves become a part, a case of its own with its own money."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from escrow import ledger, postings, rules, store
from escrow.facts import Action, Case, Refusal, Role, State
from escrow.ledger import Account
from escrow.moves import HOUSE, Actor, Moves
from escrow.references import Purpose, new_reference
from escrow.rules import Request, Step

if TYPE_CHECKING:
    from migrations.database import Connection


async def split_off(
    moves: Moves, conn: Connection, case: Case, actor: Actor, lines: set[int], request: Request
) -> Case | Refusal:
    """Take these lines out of the locked case into a funded part, with their share of the price and of the fees. All
    parts and the rest together are exactly the case as it was.
    """
    chosen = tuple(line for line in case.lines if line.n in lines)
    amount = sum(line.amount_minor for line in chosen)
    request = msgspec.structs.replace(request, amount_minor=amount)
    step = rules.judge(case, request)
    if isinstance(step, Refusal):
        return step
    part_id, timer_id = await store.new_case_ids(conn)
    commission = postings.share(case.commission_minor, case.price_minor, case.split_minor, amount)
    fees = min(postings.share(case.fees_minor, case.price_minor, case.split_minor, amount), amount - commission)
    part = msgspec.structs.replace(
        case,
        id=part_id,
        parent_id=case.id,
        reinstates_id=None,
        payment_id=None,
        price_minor=amount,
        deposit_minor=0,
        deposit_id=None,
        commission_minor=commission,
        fees_minor=fees,
        lines=chosen,
        split_minor=0,
        split_commission_minor=0,
        split_fees_minor=0,
        charged_back_minor=0,
        withheld_minor=0,
        reference=new_reference(Purpose.CASE),
        state=State.NEW,
        version=0,
        opened_at=request.now,
        state_since=request.now,
        clock_action=None,
        clock_due_at=None,
    )
    rest = msgspec.structs.replace(
        case,
        lines=tuple(msgspec.structs.replace(line, part_id=part_id) if line.n in lines else line for line in case.lines),
        split_minor=case.split_minor + amount,
        split_commission_minor=case.split_commission_minor + commission,
        split_fees_minor=case.split_fees_minor + fees,
    )
    account = await _move_money(moves, conn, case, part, actor, request)
    detail = {"part": part_id, "lines": [line.n for line in chosen]}
    answer = await moves.act(conn, case, actor, request, changed=rest, detail=detail)
    assert isinstance(answer, Case), "the split was judged before"
    opening = rules.judge(part, Request(action=Action.SPLIT, role=Role.HOUSE, now=request.now))
    assert isinstance(opening, Step) and opening.clock is not None, "a part waits to be shipped"
    opened = msgspec.structs.replace(
        part, state=opening.to, version=1, clock_action=opening.clock.action, clock_due_at=opening.clock.due_at
    )
    version = await ledger.tip(conn, account)
    await store.insert_case(conn, opened, timer_id=timer_id, account=account, funded_version=version)
    await store.insert_timer(conn, timer_id, part_id, opening.clock)
    await moves.tell(conn, part, opened, Action.SPLIT, HOUSE, request.now, detail={"parent": case.id})
    return opened


async def _move_money(moves: Moves, conn: Connection, case: Case, part: Case, actor: Actor, request: Request) -> int:
    """From the case's account into the part's; the id of the part's account."""
    path = rules.escrow_account(part.id)
    account = (await ledger.open_accounts(conn, [Account(path=path, currency=case.currency)]))[path, case.currency]
    legs = postings.legs(case, (rules.escrow_account(case.id), path, part.price_minor))
    await moves.post(conn, case, f"case_split_{part.id}", actor, legs, request.now)
    return account
