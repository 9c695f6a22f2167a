"""What a partner's document does: the act that its party would take on the page, by the same services, in one transaction.

Where the law wants a signature, the document stands for it if both parties have agreed to that (`market.edi_consent`);
without, an order still accepts and the contract waits for signatures by key. Whoever gets an objection rolls back.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from msgspec import Struct, structs

from escrow.facts import Case, Refusal, State
from market.contracting import desk as contracting
from market.contracting import signing
from market.contracting.facts import Contract, ContractState, Unsound
from market.contracting.signing import Contracting
from market.contracting.terms import Delivery, Goods, TradeTerms, terms_sha256
from market.documents import drawing, objections, store
from market.documents.flaws import Code, Why
from market.documents.objections import Objection, unknown_reference
from market.documents.records import (
    DespatchAdvice,
    Invoice,
    Kind,
    Line,
    Order,
    OrderChange,
    OrderResponse,
    Party,
    Place,
    Priced,
    Quotation,
    ReceiptAdvice,
    Record,
    ReferenceKind,
    RemittanceAdvice,
    RequestForQuotation,
    Verdict,
)
from market.documents.steps import OWN_NUMBER
from market.documents.texts import decimal_text
from market.negotiation import store as talks
from market.negotiation.desk import Flawed, NegotiationDesk, Proposal
from market.negotiation.draft import draft_of
from market.negotiation.facts import Negotiation, NegotiationRefusal
from market.trading import posts
from market.trading import store as trading_store

if TYPE_CHECKING:
    from escrow.settlement import Settlement
    from migrations.database import Connection

_K = ReferenceKind
REJECTED_WORDS = "ORDRSP"


class Tools(Struct, frozen=True, kw_only=True):
    """The services that a document may call."""

    negotiations: NegotiationDesk
    contracting: Contracting
    settlement: Settlement
    alias: Callable[[int], str]


class About(Struct, frozen=True, kw_only=True):
    """What a document moved."""

    negotiation_id: int | None = None
    contract_id: int | None = None
    case_id: int | None = None


class From(Struct, frozen=True, kw_only=True):
    """Who sent it, the hash of what was sent, and when it came."""

    party_id: int
    sha256: bytes
    now: datetime


Outcome = About | Objection


async def apply(conn: Connection, tools: Tools, record: Record, sender: From) -> Outcome:
    """Do what the document says."""
    handlers: dict[type, Callable[[Connection, Tools, Any, From], Awaitable[Outcome]]] = {
        RequestForQuotation: _ask,
        Quotation: _offer,
        Order: _order,
        OrderResponse: _respond,
        OrderChange: _amend,
        DespatchAdvice: _ship,
        ReceiptAdvice: _confirm,
        Invoice: _check_invoice,
        RemittanceAdvice: _check_remittance,
    }
    handler = handlers.get(type(record))
    if handler is None:
        return Objection(why=Why.NOT_RECEIVED_HERE, what="document", code=Code.NOT_SUPPORTED_HERE)
    token = OWN_NUMBER.set(record.number)
    try:
        return await handler(conn, tools, record, sender)
    finally:
        OWN_NUMBER.reset(token)


# Negotiation


async def _ask(conn: Connection, tools: Tools, record: RequestForQuotation, sender: From) -> Outcome:
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
    wrong = await _parties(conn, tools, record, sender, buyer_id, seller_id, post_id)
    if wrong is not None:
        return wrong
    category = next(each for each in await trading_store.categories(conn) if each.code == post.category)
    terms = _with(draft_of(post, category, seller_id=seller_id, buyer_id=buyer_id), record, asking=True)
    if isinstance(terms, Objection):
        return terms
    done = await tools.negotiations.inquire(
        conn, post_id, sender.party_id, Proposal(terms=terms, words=record.note), sender.now
    )
    return _of_talk(done)


async def _offer(conn: Connection, tools: Tools, record: Quotation, sender: From) -> Outcome:
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
    found = await store.by_number(conn, number, kind, sender.party_id)
    talk = (
        None if found is None or found.negotiation_id is None else await talks.negotiation(conn, found.negotiation_id)
    )
    if talk is None:
        return unknown_reference(refers, number)
    wrong = await _parties(conn, tools, record, sender, talk.buyer_id, talk.seller_id, talk.post_id)
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
    return _of_talk(await tools.negotiations.propose(conn, talk.id, sender.party_id, proposal, sender.now))


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
        terms = structs.replace(terms, delivery=_delivery(record.delivery, base.delivery))
    if record.pay_within_hours is not None:
        payment = structs.replace(terms.payment, within_hours=record.pay_within_hours)
        terms = structs.replace(terms, payment=payment)
    return terms


def _changed(goods: Goods, line: Line) -> Goods:
    return structs.replace(goods, quantity=line.quantity, unit_price_minor=line.unit_price_minor or 0)


def _delivery(given: Place, base: Delivery) -> Delivery:
    """The place as it stands where the document only repeats what EDIFACT carries of it."""
    same = objections.same_place(given.place, base.place)
    return Delivery(
        term=given.term,
        country=given.country or base.country,
        place=base.place if same else given.place,
        from_date=given.from_date,
        to_date=given.to_date,
        transport=given.transport,
        partial=given.partial,
    )


# Contract


async def _order(conn: Connection, tools: Tools, record: Order, sender: From) -> Outcome:
    """A buyer takes an offer as it stands; or confirms the order that a match made."""
    number, now = record.reference(_K.OFFER), sender.now
    found = await store.by_number(conn, number, Kind.QUOTES, sender.party_id) if number else None
    if found is None or found.negotiation_id is None or found.round is None:
        contract = await _contract(conn, record, sender)
        if isinstance(contract, Objection):
            return contract if record.reference(_K.CONTRACT) else unknown_reference(_K.OFFER, number)
        if contract.buyer_id != sender.party_id:
            return Objection(why=Why.PARTY_NOT_YOURS, what="buyer", code=Code.NO_AGREEMENT)
        wrong = objections.against(record, contract.terms)
        return wrong or await _sign(conn, tools, contract, sender)
    talk = await talks.negotiation(conn, found.negotiation_id)
    assert talk is not None, "a document's negotiation exists by foreign key"
    wrong = await _parties(conn, tools, record, sender, talk.buyer_id, talk.seller_id, talk.post_id)
    if wrong is not None:
        return wrong
    offered = (await talks.steps_of(conn, talk.id))[found.round - 1].terms
    assert offered is not None, "a quotation is of a step with terms"
    wrong = objections.against(record, offered)
    if wrong is not None:
        return wrong
    done = await tools.negotiations.accept(conn, talk.id, sender.party_id, found.round, terms_sha256(offered), now)
    moved = _of_talk(done)
    if isinstance(moved, Objection) or moved.contract_id is None:
        return moved
    if await store.agreed(conn, talk.buyer_id, talk.seller_id):
        signed = await _sign(conn, tools, await contracting.certain(conn, moved.contract_id), sender)
        if isinstance(signed, Objection):
            return signed
    return moved


async def _respond(conn: Connection, tools: Tools, record: OrderResponse, sender: From) -> Outcome:
    """A seller confirms an order, which stands for his signature; or declines it."""
    contract = await _contract(conn, record, sender)
    if isinstance(contract, Objection):
        return contract
    if contract.seller_id != sender.party_id:
        return Objection(why=Why.PARTY_NOT_YOURS, what="seller", code=Code.NO_AGREEMENT)
    if record.verdict is Verdict.REJECTED:
        words = record.note or REJECTED_WORDS
        declined = await contracting.decline(conn, contract.id, sender.party_id, words, sender.now)
        return _of_contract(declined)
    if record.verdict is Verdict.CHANGED:
        return Objection(why=Why.NOT_RECEIVED_HERE, what="verdict", code=Code.VALUE_NOT_SUPPORTED, right="29, 27")
    offered = contract.offered or contract.standing
    assert isinstance(offered.terms, TradeTerms), "only a trade's contract is found by a document"
    return objections.against(record, offered.terms) or await _sign(conn, tools, contract, sender)


async def _amend(conn: Connection, tools: Tools, record: OrderChange, sender: From) -> Outcome:
    """Another delivery than agreed on: proposed, or, where the other has proposed the same, signed."""
    contract = await _contract(conn, record, sender)
    if isinstance(contract, Objection):
        return contract
    standing = contract.terms
    wrong = objections.against(structs.replace(record, delivery=None), standing)
    if wrong is not None:
        return wrong
    wanted = standing
    if record.delivery is not None:
        wanted = structs.replace(standing, delivery=_delivery(record.delivery, standing.delivery))
    open_one = contract.amendment
    if open_one is not None and open_one.proposed_by != sender.party_id and open_one.terms == wanted:
        return await _sign(conn, tools, contract, sender)
    proposed = await contracting.propose(conn, contract.id, sender.party_id, wanted, record.note, sender.now)
    if not isinstance(proposed, Contract):
        return _of_contract(proposed)
    if await store.agreed(conn, contract.buyer_id, contract.seller_id):
        return await _sign(conn, tools, proposed, sender)
    return _of_contract(proposed)


async def _sign(conn: Connection, tools: Tools, contract: Contract, sender: From) -> Outcome:
    if not await store.agreed(conn, contract.buyer_id, contract.seller_id):
        return Objection(why=Why.NO_AGREEMENT, what="document", code=Code.NO_AGREEMENT)
    done = await signing.sign_by_agreement(
        conn, tools.contracting, contract.id, sender.party_id, sender.sha256, sender.now
    )
    return _of_contract(done)


# Performance


async def _ship(conn: Connection, tools: Tools, record: DespatchAdvice, sender: From) -> Outcome:
    """A seller has sent the goods, or the lines that are named."""
    case = await _case(conn, tools, record, sender)
    if isinstance(case, Objection):
        return case
    terms = await _terms_of(conn, case)
    if terms is None:
        return unknown_reference(_K.DEAL, str(case.id))
    agreed = drawing.lines_of_case(case, terms)
    own = [line.n for line in case.lines if line.part_id is None]
    wrong = objections.items_against(record.items, agreed, whole=len(own) < 2)
    if wrong is not None:
        return wrong
    carrier, number = record.carrier_name, record.tracking_number
    asked = (case.id, sender.party_id)
    chosen = [item.n for item in record.items] if len(agreed) > 1 else own[: record.items[0].quantity]
    if len(own) > 1 and sorted(chosen) != sorted(own):
        done = await tools.settlement.ship_lines(conn, *asked, chosen, carrier, number, sender.now)
    else:
        done = await tools.settlement.ship(conn, *asked, carrier, number, sender.now)
    return _of_case(done, case)


async def _confirm(conn: Connection, tools: Tools, record: ReceiptAdvice, sender: From) -> Outcome:
    """A buyer has the goods and is content: the seller is paid. Goods that are not right are claimed on the deal's page."""
    case = await _case(conn, tools, record, sender)
    if isinstance(case, Objection):
        return case
    terms = await _terms_of(conn, case)
    if terms is None:
        return unknown_reference(_K.DEAL, str(case.id))
    rejected = next((item for item in record.items if item.rejected), None)
    if rejected is not None:
        said = str(rejected.rejected)
        return Objection(why=Why.NOT_RECEIVED_HERE, what="quantity", line=rejected.n, said=said, right="0")
    wrong = objections.items_against(record.items, drawing.lines_of_case(case, terms), whole=True)
    if wrong is not None:
        return wrong
    if not await store.agreed(conn, case.buyer_id, case.seller_id):
        return Objection(why=Why.NO_AGREEMENT, what="document", code=Code.NO_AGREEMENT)
    if case.state is State.SHIPPED:
        received = await tools.settlement.receive(conn, case.id, sender.party_id, sender.now)
        if isinstance(received, Refusal):
            return _of_case(received, case)
    return _of_case(await tools.settlement.confirm_receipt(conn, case.id, sender.party_id, sender.now), case)


async def _check_invoice(conn: Connection, tools: Tools, record: Invoice, sender: From) -> Outcome:
    """A seller's own invoice: it asks for what the case is about, or it is refused. It moves no money."""
    return await _check_sum(conn, tools, record, sender, record.total_minor)


async def _check_remittance(conn: Connection, tools: Tools, record: RemittanceAdvice, sender: From) -> Outcome:
    """A buyer says what he has paid: the money itself is told by the bank."""
    return await _check_sum(conn, tools, record, sender, record.remitted_minor)


async def _check_sum(
    conn: Connection, tools: Tools, record: Invoice | RemittanceAdvice, sender: From, total_minor: int
) -> Outcome:
    case = await _case(conn, tools, record, sender)
    if isinstance(case, Objection):
        return case
    if record.currency != case.currency:
        return Objection(why=Why.CURRENCY_DIFFERS, what="currency", said=record.currency, right=case.currency)
    if total_minor != case.own_minor:
        said = decimal_text(total_minor, record.exponent)
        return Objection(why=Why.TOTAL, what="total", said=said, right=decimal_text(case.own_minor, record.exponent))
    return _of_case(case, case)


# What a document refers to, and between whom it is


async def _contract(conn: Connection, record: Priced, sender: From) -> Contract | Objection:
    """The contract that it names, or that its order made; one of the sender's, between the parties that it names."""
    contract_id = _numbered(record.reference(_K.CONTRACT), "C")
    order = record.reference(_K.ORDER)
    if contract_id is None and order:
        found = await store.by_number(conn, order, Kind.ORDERS, sender.party_id)
        contract_id = None if found is None else found.contract_id
    contract = None if contract_id is None else await contracting.contract(conn, contract_id)
    if contract is None or contract.role_of(sender.party_id) is None or not contract.is_trade:
        kind = _K.CONTRACT if record.reference(_K.CONTRACT) else _K.ORDER
        return unknown_reference(kind, record.reference(kind))
    return await _named_right(conn, record, contract.buyer_id, contract.seller_id) or contract


async def _case(
    conn: Connection,
    tools: Tools,
    record: DespatchAdvice | ReceiptAdvice | Invoice | RemittanceAdvice,
    sender: From,
) -> Case | Objection:
    """The case of the despatch, deal, contract or order that it names."""
    case_id = _numbered(record.reference(_K.DEAL), "") or _numbered(record.reference(_K.DESPATCH), "D")
    if case_id is None and (despatch := record.reference(_K.DESPATCH)):
        sent = await store.by_number(conn, despatch, Kind.DESADV, sender.party_id)
        case_id = None if sent is None else sent.case_id
    if case_id is None:
        contract_id = _numbered(record.reference(_K.CONTRACT), "C")
        if contract_id is None and (order := record.reference(_K.ORDER)):
            found = await store.by_number(conn, order, Kind.ORDERS, sender.party_id)
            contract_id = None if found is None else found.contract_id
        contract = None if contract_id is None else await contracting.contract(conn, contract_id)
        case_id = None if contract is None or contract.state is not ContractState.IN_FORCE else contract.case_id
    case = None if case_id is None else await tools.settlement.case_by_id(conn, case_id)
    if case is None or sender.party_id not in (case.buyer_id, case.seller_id):
        kind = next((each for each in (_K.DEAL, _K.DESPATCH, _K.CONTRACT) if record.reference(each)), _K.ORDER)
        return unknown_reference(kind, record.reference(kind))
    by_buyer = isinstance(record, ReceiptAdvice | RemittanceAdvice)
    if sender.party_id != (case.buyer_id if by_buyer else case.seller_id):
        return Objection(why=Why.PARTY_NOT_YOURS, what="buyer" if by_buyer else "seller", code=Code.NO_AGREEMENT)
    return await _named_right(conn, record, case.buyer_id, case.seller_id) or case


def _numbered(number: str, prefix: str) -> int | None:
    digits = number.removeprefix(prefix)
    return (
        int(digits)
        if number.startswith(prefix) and digits.isascii() and digits.isdigit() and len(digits) < 19
        else None
    )


async def _terms_of(conn: Connection, case: Case) -> TradeTerms | None:
    contract = await contracting.contract_of_case(conn, case.id)
    return None if contract is None or not contract.is_trade else contract.terms


async def _parties(
    conn: Connection, tools: Tools, record: Priced, sender: From, buyer_id: int, seller_id: int, post_id: int
) -> Objection | None:
    """The sender stands where he should; the other may be named by the alias of an anonymous post."""
    by_buyer = isinstance(record, RequestForQuotation | Order)
    if sender.party_id != (buyer_id if by_buyer else seller_id):
        return Objection(why=Why.PARTY_NOT_YOURS, what="buyer" if by_buyer else "seller", code=Code.NO_AGREEMENT)
    return await _named_right(conn, record, buyer_id, seller_id, alias=f"A{tools.alias(post_id)}")


async def _named_right(
    conn: Connection, record: Record, buyer_id: int, seller_id: int, alias: str = ""
) -> Objection | None:
    """Whether the document's buyer and seller are those of the deal."""
    given: tuple[tuple[str, Party, int], ...] = (
        ("buyer", record.buyer, buyer_id),  # type: ignore[union-attr]
        ("seller", record.seller, seller_id),  # type: ignore[union-attr]
    )
    for what, party, party_id in given:
        if alias and party.code == alias:
            continue
        found = await store.party_of(conn, party)
        if found != party_id:
            why = Why.PARTY_UNKNOWN if found is None else Why.PARTY_NOT_YOURS
            return Objection(why=why, what=what, said=party.code)
    return None


# What a service answered


def _of_talk(done: Negotiation | NegotiationRefusal | Flawed) -> Outcome:
    if isinstance(done, Negotiation):
        return About(negotiation_id=done.id, contract_id=done.contract_id)
    if isinstance(done, Flawed):
        return _unsound(done.flaws[0].path, f"terms_flaw.{done.flaws[0].reason}")
    return Objection(why=Why.REFUSED, what="document", code=Code.UNSPECIFIED, said=f"market_refusal.{done}")


def _of_contract(done: Contract | StrEnum | Unsound) -> Outcome:
    if isinstance(done, Contract):
        return About(contract_id=done.id, case_id=done.case_id)
    if isinstance(done, Unsound):
        return _unsound(done.flaws[0].path, f"terms_flaw.{done.flaws[0].reason}")
    return Objection(why=Why.REFUSED, what="document", code=Code.UNSPECIFIED, said=f"contract_refusal.{done}")


def _of_case(done: Case | Refusal, case: Case) -> Outcome:
    if isinstance(done, Case):
        return About(case_id=done.id)
    what = "tracking" if done is Refusal.TRACKING_MISSING else "document"
    return Objection(why=Why.REFUSED, what=what, code=Code.UNSPECIFIED, said=f"escrow_refusal.{done}")


def _unsound(path: str, said: str) -> Objection:
    """A flaw of terms at the place of the document that said it."""
    parts = path.split(".")
    names = {"quantity": "quantity", "unit": "unit", "unit_price_minor": "price"}
    if len(parts) == 3 and parts[0] == "goods" and parts[2] in names and parts[1].isdigit():
        return Objection(why=Why.REFUSED, what=names[parts[2]], line=int(parts[1]), said=said)
    what = parts[1] if len(parts) == 2 and parts[0] == "delivery" else "document"
    return Objection(why=Why.REFUSED, what=what, said=said)
