"""The hooks of a deal's steps: each document is made in the transaction of its step. What was asked, offered, ordered,
confirmed, changed, sent, received, invoiced and paid.

A step that is told twice makes its document once. While a post is anonymous its party has an alias in them, as on the page.
The order of a hammer's deal is made by a clock instead (`market.documents.papers`): closing many lots is not to wait for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import structs

from escrow.facts import Case, CaseEvent
from market import deals_store
from market.contracting.facts import Contract, OriginKind
from market.contracting.terms import TradeTerms
from market.documents import deal_papers, drawing, store
from market.documents.deal_papers import Papers, between
from market.documents.drawing import Between, references
from market.documents.making import Place, make, make_many
from market.documents.records import Agency, Party, Record
from market.negotiation.desk import Round
from market.negotiation.facts import Negotiation, NegotiationState, StepKind
from market.trading import posts

if TYPE_CHECKING:
    from market.delivery.facts import Consignment
    from migrations.database import Connection

OWN_NUMBER: ContextVar[str] = ContextVar("own_number", default="")
"""Under which number a party's system has just sent the document that takes the step; the step's own document keeps it."""


class DocumentSteps:
    """The hooks. `alias` gives the name by which an anonymous post's party goes."""

    def __init__(self, house_code: str, alias: Callable[[int], str]) -> None:
        self.house = Party(code=house_code, name="Gavelhouse")
        self._alias = alias

    async def on_round(self, conn: Connection, told: Round, now: datetime) -> None:
        """An inquiry or a buyer's offer is a REQOTE, a seller's offer QUOTES, an acceptance ORDERS."""
        talk, number = told.negotiation, OWN_NUMBER.get() or f"N{told.negotiation.id}-{told.n}"
        parties = await self._in_talk(conn, talk)
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
            await self._make(conn, drawing.order(told.terms, parties, number, refer, now), to_seller, now)
        elif told.author_id == talk.buyer_id:
            refer = references(post=str(talk.post_id), offer=before)
            asked = drawing.request(told.terms, parties, number, refer, told.valid_until, now)
            await self._make(conn, asked, to_seller, now)
        elif told.kind is not StepKind.INQUIRY:
            refer = references(post=str(talk.post_id), request=before)
            offered = drawing.quotation(told.terms, parties, number, refer, told.valid_until, now)
            to_buyer = structs.replace(to_seller, issuer_id=talk.seller_id, recipient_id=talk.buyer_id)
            await self._make(conn, offered, to_buyer, now)

    async def on_drawn_up(self, conn: Connection, contracts: Sequence[Contract], now: datetime) -> None:
        """A match makes an order at once; an acceptance has one already."""
        matched = [one for one in contracts if one.origin.kind is OriginKind.MATCH]
        if not matched:
            return
        named = await store.named(conn, [party for one in matched for party in (one.buyer_id, one.seller_id)])
        ordered: list[tuple[Record, Place]] = []
        for one in matched:
            parties, number = Between(buyer=named[one.buyer_id], seller=named[one.seller_id]), f"C{one.id}"
            record = drawing.order(one.terms, parties, number, references(contract=number), now)
            ordered.append((record, _of_contract(one, 1, by_buyer=True)))
        await make_many(conn, self.house, ordered, now)

    async def on_in_force(self, conn: Connection, contract: Contract, case: Case, now: datetime) -> None:
        """Both have signed: the seller confirms the order."""
        parties = await between(conn, contract.buyer_id, contract.seller_id)
        number = f"C{contract.id}"
        refer = references(order=await store.order_number(conn, contract.id), contract=number, deal=str(case.id))
        answer = drawing.order_response(contract.terms, parties, OWN_NUMBER.get() or number, refer, now)
        await self._make(conn, answer, _of_contract(contract, contract.standing.n, by_buyer=False), now)

    async def on_amended(self, conn: Connection, contract: Contract, _: TradeTerms, now: datetime) -> None:
        """Both have signed other terms."""
        parties = await between(conn, contract.buyer_id, contract.seller_id)
        version = contract.standing.n
        refer = references(
            order=await store.order_number(conn, contract.id),
            contract=f"C{contract.id}",
            deal=str(contract.case_id or ""),
        )
        changed = drawing.order_change(contract.terms, parties, f"C{contract.id}-{version}", refer, now)
        await self._make(conn, changed, _of_contract(contract, version, by_buyer=True), now)

    async def on_case_changed(self, conn: Connection, case: Case, event: CaseEvent) -> None:
        """Shipped: DESADV and INVOIC. Confirmed: RECADV. Money freed for the seller: REMADV."""
        if not deal_papers.says(event):
            return
        deal = await deals_store.deal_of_case(conn, case.id)
        if deal is None:
            return
        papers = self._papers(event.at)
        if deal.contract_id is None:
            await deal_papers.before(conn, papers, case.id, but=deal_papers.step_of(case, event))
        await deal_papers.of_event(conn, papers, case, event, deal)

    async def on_consigned(self, conn: Connection, booked: Consignment, now: datetime) -> None:
        """A carrier is booked: IFTMIN, of what it is to take."""
        papers = self._papers(now)
        await deal_papers.before(conn, papers, booked.case_id, but=deal_papers.step_of_booking(booked))
        await deal_papers.consigned(conn, papers, booked)

    def _papers(self, now: datetime) -> Papers:
        return Papers(house=self.house, now=now, own_number=OWN_NUMBER.get())

    async def _in_talk(self, conn: Connection, talk: Negotiation) -> Between:
        """With the alias of whoever posted anonymously, until an offer is accepted."""
        named = await between(conn, talk.buyer_id, talk.seller_id)
        post = await posts.post_by_id(conn, talk.post_id)
        if post is None or not post.anonymous or talk.state is NegotiationState.ACCEPTED:
            return named
        alias = self._alias(talk.post_id)
        hidden = Party(code=f"A{alias}", agency=Agency.HOUSE, name=f"Party {alias}")
        if post.party_id == talk.seller_id:
            return Between(buyer=named.buyer, seller=hidden)
        return Between(buyer=hidden, seller=named.seller)

    async def _make(self, conn: Connection, record: Record, place: Place, now: datetime) -> None:
        await make(conn, self.house, record, place, now)


def _of_contract(contract: Contract, version: int, *, by_buyer: bool) -> Place:
    buyer, seller = contract.buyer_id, contract.seller_id
    return Place(
        step=f"contract:{contract.id}:{version}",
        issuer_id=buyer if by_buyer else seller,
        recipient_id=seller if by_buyer else buyer,
        contract_id=contract.id,
    )
