"""The documents of a deal, each drawn from the deal's own rows: its contract, what happened to its cases and when, what was
booked with carriers, what the book says. So they can be made in the transaction of a step, or later.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from escrow import store as escrow_store
from escrow.facts import Action, Case, CaseEvent
from market import deals_store
from market.contracts import ContractTerms
from market.documents import drawing, store
from market.documents.drawing import Between, references
from market.documents.making import Place, make
from market.documents.records import Kind, Party, Reference

if TYPE_CHECKING:
    from market.deals_store import Deal
    from market.delivery.facts import Consignment
    from migrations.database import Connection

_SAYS_NOTHING = frozenset(
    {Action.OPEN, Action.PAY, Action.POSTPONE, Action.RECEIVE, Action.EXTEND_INSPECTION, Action.SPLIT, Action.CLAIM}
)


class Papers(Struct, frozen=True, kw_only=True):
    """What is made of a deal: by which house, at which time, and whether it goes to the parties' systems. `own_number` is
    the number under which a party's system has just sent the document that takes the step.
    """

    house: Party
    now: datetime
    sends: bool = True
    own_number: str = ""


async def between(conn: Connection, buyer_id: int, seller_id: int) -> Between:
    parties = await store.named(conn, [buyer_id, seller_id])
    return Between(buyer=parties[buyer_id], seller=parties[seller_id])


async def before(conn: Connection, papers: Papers, case_id: int, *, but: str) -> None:
    """What a hammer's deal has still to say from before this step of one of its cases. If the clock is just making it, it is
    waited for, which waits for nothing that a case's step holds.
    """
    origin_id = await deals_store.root_of_case(conn, case_id)
    sends = await store.wait_for_due_of(conn, origin_id)
    if sends is not None:
        past = structs.replace(papers, sends=sends, own_number="")
        await whole(conn, past, origin_id, but=but)
        await store.documents_made(conn, origin_id)


async def whole(conn: Connection, papers: Papers, case_id: int, *, but: str = "") -> None:
    """Everything that a hammer's deal has to say up to now and has not said yet, in the order in which it happened; `but`
    names a step that speaks for itself.
    """
    deal = await deals_store.deal_of_case(conn, case_id)
    assert deal is not None and isinstance(deal.terms, ContractTerms), "only a hammer's deal is due"
    made = await store.made_of_deal(conn, case_id)
    await _ordered(conn, papers, deal, case_id, made)
    cases = await store.cases_of_deal(conn, case_id)
    for case, event in await _told(conn, cases):
        step = step_of(case, event)
        if step != but and not made.issuperset((step, kind) for kind in _kinds_of(case, event)):
            await of_event(conn, papers, case, event, deal)
    for booked in await store.booked_of_cases(conn, cases):
        step = step_of_booking(booked)
        if step != but and (step, Kind.IFTMIN) not in made:
            await consigned(conn, papers, booked)


async def _ordered(conn: Connection, papers: Papers, deal: Deal, case_id: int, made: set[tuple[str, Kind]]) -> None:
    """The hammer binds both: the buyer's order, and the seller's response to it."""
    terms, step = deal.terms, f"deal:{case_id}"
    assert isinstance(terms, ContractTerms), "only a hammer's deal is ordered here"
    parties, number = await between(conn, deal.buyer_id, deal.seller_id), drawing.hammer_number(case_id)
    place = Place(step=step, issuer_id=deal.buyer_id, recipient_id=deal.seller_id, case_id=case_id)
    at = terms.struck_at or deal.created_at
    if (step, Kind.ORDERS) not in made:
        ordered = drawing.hammer_order(terms, parties, number, references(deal=str(case_id)), at)
        await make(conn, papers.house, ordered, place, papers.now, sends=papers.sends)
    if (step, Kind.ORDRSP) not in made:
        refer = references(order=number, deal=str(case_id))
        answer = drawing.hammer_response(terms, parties, number, refer, at)
        back = structs.replace(place, issuer_id=deal.seller_id, recipient_id=deal.buyer_id)
        await make(conn, papers.house, answer, back, papers.now, sends=papers.sends)


async def _told(conn: Connection, case_ids: list[int]) -> list[tuple[Case, CaseEvent]]:
    """What happened to these cases that a document says, oldest first."""
    found = []
    for each in case_ids:
        case = await escrow_store.case_by_id(conn, each)
        assert case is not None, "it was found a moment ago"
        found += [(case, event) for event in await escrow_store.case_events(conn, each) if says(event)]
    return sorted(found, key=lambda pair: (pair[1].at, pair[0].id, pair[1].n))


def says(event: CaseEvent) -> bool:
    """Whether a step may make a document."""
    return event.action not in _SAYS_NOTHING


def step_of(case: Case, event: CaseEvent) -> str:
    return f"case:{case.id}:{event.n}"


def step_of_booking(booked: Consignment) -> str:
    return f"consignment:{booked.id}"


def _kinds_of(case: Case, event: CaseEvent) -> list[Kind]:
    if event.action is Action.SHIP:
        return [Kind.DESADV, Kind.INVOIC]
    return [Kind.RECADV, Kind.REMADV] if _is_confirmed(case, event) else [Kind.REMADV]


def _is_confirmed(case: Case, event: CaseEvent) -> bool:
    return event.action is Action.RELEASE and event.actor_id == case.buyer_id


async def of_event(conn: Connection, papers: Papers, case: Case, event: CaseEvent, deal: Deal) -> None:
    """Shipped: DESADV and INVOIC. Confirmed: RECADV. Money freed for the seller: REMADV."""
    act = _shipped if event.action is Action.SHIP else _freed
    await act(conn, papers, case, event, deal)


async def _shipped(conn: Connection, papers: Papers, case: Case, event: CaseEvent, deal: Deal) -> None:
    parties, at = await between(conn, case.buyer_id, case.seller_id), event.at
    refer = await refer_to(conn, deal, case)
    place = _of_case(case, event, deal, issuer_id=case.seller_id, recipient_id=case.buyer_id)
    number = papers.own_number or f"D{case.id}"
    sent = drawing.despatch(case, deal.terms, parties, number, refer, at)
    await make(conn, papers.house, sent, place, papers.now, sends=papers.sends)
    held = await store.held_when_shipped(conn, case.id, case.currency, at)
    invoiced = drawing.invoice(case, deal.terms, parties, f"I{case.id}", refer, held, at)
    await make(conn, papers.house, invoiced, place, papers.now, sends=papers.sends)


async def _freed(conn: Connection, papers: Papers, case: Case, event: CaseEvent, deal: Deal) -> None:
    parties, at = await between(conn, case.buyer_id, case.seller_id), event.at
    refer = await refer_to(conn, deal, case)
    if _is_confirmed(case, event):
        place = _of_case(case, event, deal, issuer_id=case.buyer_id, recipient_id=case.seller_id)
        number = papers.own_number or f"R{case.id}"
        received = drawing.receipt(case, deal.terms, parties, number, refer, at)
        await make(conn, papers.house, received, place, papers.now, sends=papers.sends)
    posted = await store.paid_out_by(conn, case.id, event.action.value, at)
    paid = drawing.remittance(
        case, parties, papers.house, f"P{case.id}-{event.n}", refer, posted, deal.terms.currency_exponent,
        f"I{case.id}", at,
    )  # fmt: skip
    if paid is not None:
        place = _of_case(case, event, deal, issuer_id=None, recipient_id=case.seller_id)
        await make(conn, papers.house, paid, place, papers.now, sends=papers.sends)


async def consigned(conn: Connection, papers: Papers, booked: Consignment) -> None:
    """A carrier is booked: IFTMIN, of what it is to take. Carriers are the house's own, so it lies ready in the deal."""
    case = await escrow_store.case_by_id(conn, booked.case_id)
    deal = await deals_store.deal_of_case(conn, booked.case_id)
    if case is None or deal is None:
        return
    parties = await between(conn, case.buyer_id, case.seller_id)
    items = drawing.items_of(drawing.lines_of_case(case, deal.terms))
    if booked.lines and len(items) > 1:
        items = tuple(item for item in items if item.n in booked.lines)
    elif booked.lines:
        items = (structs.replace(items[0], quantity=len(booked.lines)),)
    refer = await refer_to(conn, deal, case)
    number = papers.own_number or f"K{booked.id}"
    told = drawing.instruction(deal.terms, parties, booked, number, refer, items)
    place = Place(
        step=step_of_booking(booked),
        issuer_id=case.seller_id,
        recipient_id=None,
        contract_id=deal.contract_id,
        case_id=case.id,
    )
    await make(conn, papers.house, told, place, papers.now)


async def refer_to(conn: Connection, deal: Deal, case: Case) -> tuple[Reference, ...]:
    """The order and the contract that a deal came of, how its payment is named, and itself."""
    if deal.contract_id is None:
        origin_id = await deals_store.root_of_case(conn, case.id)
        return references(order=drawing.hammer_number(origin_id), payment=case.reference, deal=str(case.id))
    order = await store.order_number(conn, deal.contract_id)
    return references(order=order, contract=f"C{deal.contract_id}", payment=case.reference, deal=str(case.id))


def _of_case(case: Case, event: CaseEvent, deal: Deal, *, issuer_id: int | None, recipient_id: int) -> Place:
    return Place(
        step=step_of(case, event),
        issuer_id=issuer_id,
        recipient_id=recipient_id,
        contract_id=deal.contract_id,
        case_id=case.id,
    )
