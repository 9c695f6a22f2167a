"""The documents of a deal, each made in the transaction of its step: what was asked, offered, ordered, confirmed, changed,
sent, received, invoiced and paid.

A step that is told twice makes its document once. While a post is anonymous its party has an alias in them, as on the page.
Auction sales have documents where one of the two has a system that reads them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct, structs

from escrow import store as escrow_store
from escrow.facts import Action, Case, CaseEvent
from market import deals_store
from market.contracting.facts import Contract, OriginKind
from market.contracting.terms import TradeTerms
from market.documents import drawing, messages, store, ubl
from market.documents.drawing import Between, references
from market.documents.edifact import Envelope, Interchange, write
from market.documents.records import Agency, Kind, Party, Record, Reference, canonical, kind_of
from market.negotiation.desk import Round
from market.negotiation.facts import Negotiation, NegotiationState, StepKind
from market.trading import posts

if TYPE_CHECKING:
    from market.delivery.facts import Consignment
    from migrations.database import Connection

OWN_NUMBER: ContextVar[str] = ContextVar("own_number", default="")
"""Under which number a party's system has just sent the document that takes the step; the step's own document keeps it."""
_SAYS_NOTHING = frozenset(
    {Action.OPEN, Action.PAY, Action.POSTPONE, Action.RECEIVE, Action.EXTEND_INSPECTION, Action.SPLIT, Action.CLAIM}
)


class Place(Struct, frozen=True, kw_only=True):
    """Where a document belongs, and who gives it to whom. `issuer_id` None is the house."""

    step: str
    issuer_id: int | None
    recipient_id: int | None
    negotiation_id: int | None = None
    round: int | None = None
    contract_id: int | None = None
    case_id: int | None = None


class DocumentSteps:
    """The hooks. `alias` gives the name by which an anonymous post's party goes."""

    def __init__(self, house_code: str, alias: Callable[[int], str]) -> None:
        self.house = Party(code=house_code, name="Gavelhouse")
        self._alias = alias

    async def on_round(self, conn: Connection, told: Round, now: datetime) -> None:
        """An inquiry or a buyer's offer is a REQOTE, a seller's offer QUOTES, an acceptance ORDERS."""
        talk, number = told.negotiation, OWN_NUMBER.get() or f"N{told.negotiation.id}-{told.n}"
        between = await self._in_talk(conn, talk)
        before = await store.last_of_talk(conn, talk.id, told.n)
        to_seller = Place(
            step=f"negotiation:{talk.id}:{told.n}",
            issuer_id=talk.buyer_id,
            recipient_id=talk.seller_id,
            negotiation_id=talk.id,
            round=told.n,
            contract_id=talk.contract_id,
        )
        if told.kind is StepKind.ACCEPTANCE:
            refer = references(offer=before, contract=f"C{talk.contract_id}")
            await self._make(conn, drawing.order(told.terms, between, number, refer, now), to_seller, now)
        elif told.author_id == talk.buyer_id:
            refer = references(post=str(talk.post_id), offer=before)
            asked = drawing.request(told.terms, between, number, refer, told.valid_until, now)
            await self._make(conn, asked, to_seller, now)
        elif told.kind is not StepKind.INQUIRY:
            refer = references(post=str(talk.post_id), request=before)
            offered = drawing.quotation(told.terms, between, number, refer, told.valid_until, now)
            to_buyer = structs.replace(to_seller, issuer_id=talk.seller_id, recipient_id=talk.buyer_id)
            await self._make(conn, offered, to_buyer, now)

    async def on_drawn_up(self, conn: Connection, contract: Contract, now: datetime) -> None:
        """A match makes an order at once; an acceptance has one already."""
        if contract.origin.kind is not OriginKind.MATCH:
            return
        between = await self._between(conn, contract.buyer_id, contract.seller_id)
        number = f"C{contract.id}"
        ordered = drawing.order(contract.terms, between, number, references(contract=number), now)
        await self._make(conn, ordered, _of_contract(contract, 1, by_buyer=True), now)

    async def on_in_force(self, conn: Connection, contract: Contract, case: Case, now: datetime) -> None:
        """Both have signed: the seller confirms the order."""
        between = await self._between(conn, contract.buyer_id, contract.seller_id)
        number = f"C{contract.id}"
        refer = references(order=await store.order_number(conn, contract.id), contract=number, deal=str(case.id))
        answer = drawing.order_response(contract.terms, between, OWN_NUMBER.get() or number, refer, now)
        await self._make(conn, answer, _of_contract(contract, contract.standing.n, by_buyer=False), now)

    async def on_amended(self, conn: Connection, contract: Contract, _: TradeTerms, now: datetime) -> None:
        """Both have signed other terms."""
        between = await self._between(conn, contract.buyer_id, contract.seller_id)
        version = contract.standing.n
        refer = references(
            order=await store.order_number(conn, contract.id),
            contract=f"C{contract.id}",
            deal=str(contract.case_id or ""),
        )
        changed = drawing.order_change(contract.terms, between, f"C{contract.id}-{version}", refer, now)
        await self._make(conn, changed, _of_contract(contract, version, by_buyer=True), now)

    async def on_case_changed(self, conn: Connection, case: Case, event: CaseEvent) -> None:
        """Shipped: DESADV and INVOIC. Confirmed: RECADV. Money freed for the seller: REMADV."""
        if event.action in _SAYS_NOTHING:
            return
        is_trade = case.subject.startswith("contract:")
        if not is_trade and not await store.has_partner(conn, [case.buyer_id, case.seller_id]):
            return
        deal = await deals_store.deal_of_case(conn, case.id)
        if deal is None:
            return
        act = self._shipped if event.action is Action.SHIP else self._freed
        await act(conn, case, event, deal)

    async def on_consigned(self, conn: Connection, booked: Consignment, now: datetime) -> None:
        """A carrier is booked: IFTMIN, of what it is to take. Carriers are the house's own, so it lies ready in the deal."""
        case = await escrow_store.case_by_id(conn, booked.case_id)
        deal = await deals_store.deal_of_case(conn, booked.case_id)
        if case is None or deal is None or not isinstance(deal.terms, TradeTerms):
            return
        between = await self._between(conn, case.buyer_id, case.seller_id)
        items = drawing.items_of(drawing.lines_of_case(case, deal.terms))
        if booked.lines and len(items) > 1:
            items = tuple(item for item in items if item.n in booked.lines)
        elif booked.lines:
            items = (structs.replace(items[0], quantity=len(booked.lines)),)
        carrier = Party(code=booked.carrier.upper()[:35], name=booked.carrier)
        refer = await self._refer(conn, deal, case)
        told = drawing.instruction(deal.terms, between, carrier, f"K{booked.id}", refer, items, now)
        place = Place(
            step=f"consignment:{booked.id}",
            issuer_id=case.seller_id,
            recipient_id=None,
            contract_id=deal.contract_id,
            case_id=case.id,
        )
        await self._make(conn, told, place, now)

    async def _shipped(self, conn: Connection, case: Case, event: CaseEvent, deal: deals_store.Deal) -> None:
        between, now = await self._between(conn, case.buyer_id, case.seller_id), event.at
        refer = await self._refer(conn, deal, case)
        place = _of_case(case, event, deal, issuer_id=case.seller_id, recipient_id=case.buyer_id)
        number = OWN_NUMBER.get() or f"D{case.id}"
        await self._make(conn, drawing.despatch(case, deal.terms, between, number, refer, now), place, now)
        held = await store.held_in_book(conn, case.id, case.currency)
        invoiced = drawing.invoice(case, deal.terms, between, f"I{case.id}", refer, held, now)
        await self._make(conn, invoiced, place, now)

    async def _freed(self, conn: Connection, case: Case, event: CaseEvent, deal: deals_store.Deal) -> None:
        between, now = await self._between(conn, case.buyer_id, case.seller_id), event.at
        refer = await self._refer(conn, deal, case)
        if event.action is Action.RELEASE and event.actor_id == case.buyer_id:
            place = _of_case(case, event, deal, issuer_id=case.buyer_id, recipient_id=case.seller_id)
            number = OWN_NUMBER.get() or f"R{case.id}"
            await self._make(conn, drawing.receipt(case, deal.terms, between, number, refer, now), place, now)
        posted = await store.paid_out_by(conn, case.id, event.action.value, now)
        paid = drawing.remittance(
            case, between, self.house, f"P{case.id}-{event.n}", refer, posted, deal.terms.currency_exponent,
            f"I{case.id}", now,
        )  # fmt: skip
        if paid is not None:
            place = _of_case(case, event, deal, issuer_id=None, recipient_id=case.seller_id)
            await self._make(conn, paid, place, now)

    async def _refer(self, conn: Connection, deal: deals_store.Deal, case: Case) -> tuple[Reference, ...]:
        order = "" if deal.contract_id is None else await store.order_number(conn, deal.contract_id)
        contract = "" if deal.contract_id is None else f"C{deal.contract_id}"
        return references(order=order, contract=contract, payment=case.reference, deal=str(case.id))

    async def _between(self, conn: Connection, buyer_id: int, seller_id: int) -> Between:
        parties = await store.named(conn, [buyer_id, seller_id])
        return Between(buyer=parties[buyer_id], seller=parties[seller_id])

    async def _in_talk(self, conn: Connection, talk: Negotiation) -> Between:
        """With the alias of whoever posted anonymously, until an offer is accepted."""
        between = await self._between(conn, talk.buyer_id, talk.seller_id)
        post = await posts.post_by_id(conn, talk.post_id)
        if post is None or not post.anonymous or talk.state is NegotiationState.ACCEPTED:
            return between
        alias = self._alias(talk.post_id)
        hidden = Party(code=f"A{alias}", agency=Agency.HOUSE, name=f"Party {alias}")
        if post.party_id == talk.seller_id:
            return Between(buyer=between.buyer, seller=hidden)
        return Between(buyer=hidden, seller=between.seller)

    async def _make(self, conn: Connection, record: Record, place: Place, now: datetime) -> None:
        """Write the document in both spellings, and lay it before its recipient's system."""
        document_id, kind = await store.next_document(conn), kind_of(record)
        reference = f"{document_id:09d}"
        recipient = None if place.recipient_id is None else await store.partner(conn, place.recipient_id)
        to = _recipient_in(record, kind)
        stored = store.Stored(
            id=document_id,
            kind=kind,
            number=record.number,
            step=place.step,
            issuer_id=place.issuer_id,
            recipient_id=place.recipient_id,
            negotiation_id=place.negotiation_id,
            round=place.round,
            contract_id=place.contract_id,
            case_id=place.case_id,
            record=canonical(record),
            reference=reference,
            edifact=interchange(record, self.house, to, reference, now),
            xml=ubl.write(record),
            made_at=now,
        )
        if await store.insert_document(conn, stored) and recipient is not None:
            await store.queue_delivery(conn, document_id, recipient, now)


def interchange(record: Record, sender: Party, recipient: Party, reference: str, now: datetime) -> bytes:
    """The one message in an interchange of its own, from the house to its recipient."""
    envelope = Envelope(
        sender=sender.code,
        sender_qualifier=qualifier(sender),
        recipient=recipient.code,
        recipient_qualifier=qualifier(recipient),
        prepared_at=now,
        reference=reference,
        wants_answer=True,
    )
    return write(Interchange(envelope=envelope, messages=(messages.message_of(record, "1"),)))


def qualifier(party: Party) -> str:
    """How UNB says who gave the code: 14 is GS1, ZZ an agreement."""
    return "14" if party.agency is Agency.GLN else "ZZ"


def _recipient_in(record: Record, kind: Kind) -> Party:
    """The recipient as the document itself names it, so that no envelope says more of a party than its message."""
    if kind in (Kind.REQOTE, Kind.ORDERS, Kind.ORDCHG, Kind.RECADV, Kind.REMADV):
        return record.seller  # type: ignore[union-attr]
    return record.carrier if kind is Kind.IFTMIN else record.buyer  # type: ignore[union-attr]


def _of_contract(contract: Contract, version: int, *, by_buyer: bool) -> Place:
    buyer, seller = contract.buyer_id, contract.seller_id
    return Place(
        step=f"contract:{contract.id}:{version}",
        issuer_id=buyer if by_buyer else seller,
        recipient_id=seller if by_buyer else buyer,
        contract_id=contract.id,
    )


def _of_case(
    case: Case, event: CaseEvent, deal: deals_store.Deal, *, issuer_id: int | None, recipient_id: int
) -> Place:
    return Place(
        step=f"case:{case.id}:{event.n}",
        issuer_id=issuer_id,
        recipient_id=recipient_id,
        contract_id=deal.contract_id,
        case_id=case.id,
    )
