"""What REQOTE and QUOTES do: ask about a post, offer, counter-offer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from market.contracting.terms import Goods, TradeTerms
from market.documents import store
from market.documents.acts import From, Outcome, Tools, delivery_of, named_other, of_talk, parties_right
from market.documents.flaws import Code, Why
from market.documents.objections import Objection, unknown_reference
from market.documents.records import (
    Kind,
    Line,
    Priced,
    Quotation,
    ReferenceKind,
    RequestForQuotation,
)
from market.negotiation import store as talks
from market.negotiation.desk import Proposal
from market.negotiation.draft import draft_of
from market.trading import posts
from market.trading import store as trading_store

if TYPE_CHECKING:
    from migrations.database import Connection

_K = ReferenceKind


async def ask(conn: Connection, tools: Tools, record: RequestForQuotation, sender: From) -> Outcome:
    """A buyer asks about a post; or answers an offer with one of his own."""
    offer = record.reference(_K.OFFER)
    if offer:
        return await _counter(conn, tools, record, sender, _K.OFFER, Kind.QUOTES)
    number = record.reference(_K.POST)
    post_id = int(number) if number.isascii() and number.isdigit() and len(number) < 19 else 0
    sides = await tools.negotiations.sides(conn, post_id, sender.party_id, sender.now)
    post = await posts.post_by_id(conn, post_id)
    if sides is None or post is None:
        return unknown_reference(_K.POST, number)
    seller_id, buyer_id = sides
    wrong = await parties_right(conn, tools, record, sender, buyer_id, seller_id, post_id)
    if wrong is not None:
        return wrong
    category = next(each for each in await trading_store.categories(conn) if each.code == post.category)
    terms = _with(draft_of(post, category, seller_id=seller_id, buyer_id=buyer_id), record, asking=True)
    if isinstance(terms, Objection):
        return terms
    done = await tools.negotiations.inquire(
        conn, post_id, sender.party_id, Proposal(terms=terms, words=record.note), sender.now
    )
    return of_talk(done)


async def offer(conn: Connection, tools: Tools, record: Quotation, sender: From) -> Outcome:
    """A seller offers, in answer to a request."""
    return await _counter(conn, tools, record, sender, _K.REQUEST, Kind.REQOTE)


async def _counter(
    conn: Connection,
    tools: Tools,
    record: RequestForQuotation | Quotation,
    sender: From,
    refers: ReferenceKind,
    kind: Kind,
) -> Outcome:
    """Terms put forward in a negotiation: those of its last step with what the document says otherwise."""
    number = record.reference(refers)
    other_id = await named_other(conn, record, sender.party_id)
    found = await store.by_number(conn, number, kind, sender.party_id, other_id)
    talk = (
        None if found is None or found.negotiation_id is None else await talks.negotiation(conn, found.negotiation_id)
    )
    if talk is None:
        return unknown_reference(refers, number)
    wrong = await parties_right(conn, tools, record, sender, talk.buyer_id, talk.seller_id, talk.post_id)
    if wrong is not None:
        return wrong
    if record.valid_until is None:
        return Objection(why=Why.ELEMENT_MISSING, what="valid_until", code=Code.MISSING)
    steps = await talks.steps_of(conn, talk.id)
    last = next(step.terms for step in reversed(steps) if step.terms is not None)
    terms = _with(last, record, asking=False)
    if isinstance(terms, Objection):
        return terms
    proposal = Proposal(terms=terms, words=record.note, valid_until=record.valid_until)
    return of_talk(await tools.negotiations.propose(conn, talk.id, sender.party_id, proposal, sender.now))


def _with(base: TradeTerms, record: Priced, *, asking: bool) -> TradeTerms | Objection:
    """The terms with the document's quantities, prices and delivery; which goods they are stays."""
    if record.currency != base.currency:
        return Objection(why=Why.DIFFERS_FROM_AGREED, what="currency", said=record.currency, right=base.currency)
    given = {line.n: line for line in record.lines}
    known = {goods.n for goods in base.goods}
    for n, line in given.items():
        if n not in known:
            return Objection(why=Why.DIFFERS_FROM_AGREED, what="line", line=n, said=str(n), right=str(sorted(known)))
        if line.unit_price_minor is None and not asking:
            return Objection(why=Why.ELEMENT_MISSING, what="price", line=n, code=Code.MISSING)
    goods = tuple(_changed(each, given[each.n]) if each.n in given else each for each in base.goods)
    units = [(each, given[each.n].unit) for each in base.goods if each.n in given]
    for each, unit in units:
        if unit != each.unit:
            return Objection(why=Why.DIFFERS_FROM_AGREED, what="unit", line=each.n, said=unit, right=each.unit)
    terms = structs.replace(base, goods=goods, seller_name="", buyer_name="", fees=None)
    if record.delivery is not None:
        terms = structs.replace(terms, delivery=delivery_of(record.delivery, base.delivery))
    if record.pay_within_hours is not None:
        payment = structs.replace(terms.payment, within_hours=record.pay_within_hours)
        terms = structs.replace(terms, payment=payment)
    return terms


def _changed(goods: Goods, line: Line) -> Goods:
    return structs.replace(goods, quantity=line.quantity, unit_price_minor=line.unit_price_minor or 0)
