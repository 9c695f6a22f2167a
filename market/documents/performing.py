"""What DESADV and RECADV do: ship, confirm. What INVOIC and REMADV say is compared with the deal; they move no money."""

from __future__ import annotations

from typing import TYPE_CHECKING

from escrow.facts import Case, Refusal, State
from market import deals_store
from market.contracting import desk as contracting
from market.contracting.facts import ContractState
from market.contracting.terms import TradeTerms
from market.contracts import ContractTerms
from market.documents import drawing, objections, store
from market.documents.acts import From, Outcome, Tools, named_other, named_right, numbered, of_case
from market.documents.flaws import Code, Why
from market.documents.objections import Objection, unknown_reference
from market.documents.records import (
    DespatchAdvice,
    Invoice,
    Kind,
    ReceiptAdvice,
    ReferenceKind,
    RemittanceAdvice,
    TransportInstruction,
)
from market.documents.texts import amount_said

if TYPE_CHECKING:
    from migrations.database import Connection

_K = ReferenceKind


async def ship(conn: Connection, tools: Tools, record: DespatchAdvice, sender: From) -> Outcome:
    """A seller has sent the goods, or the lines that are named."""
    case = await case_of(conn, tools, record, sender)
    if isinstance(case, Objection):
        return case
    terms = await terms_of(conn, case)
    if terms is None:
        return unknown_reference(_K.DEAL, str(case.id))
    agreed = drawing.lines_of_case(case, terms)
    own = [line.n for line in case.lines if line.part_id is None]
    wrong = objections.items_against(record.items, agreed, whole=len(own) < 2, each_whole=len(agreed) > 1)
    if wrong is not None:
        return wrong
    carrier, number = record.carrier_name, record.tracking_number
    asked = (case.id, sender.party_id)
    chosen = [item.n for item in record.items] if len(agreed) > 1 else own[: record.items[0].quantity]
    if len(own) > 1 and sorted(chosen) != sorted(own):
        done = await tools.settlement.ship_lines(conn, *asked, chosen, carrier, number, sender.now)
    else:
        done = await tools.settlement.ship(conn, *asked, carrier, number, sender.now)
    return of_case(done, case)


async def confirm(conn: Connection, tools: Tools, record: ReceiptAdvice, sender: From) -> Outcome:
    """A buyer has the goods and is content: the seller is paid. Goods that are not right are claimed on the deal's page."""
    case = await case_of(conn, tools, record, sender)
    if isinstance(case, Objection):
        return case
    terms = await terms_of(conn, case)
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
            return of_case(received, case)
    return of_case(await tools.settlement.confirm_receipt(conn, case.id, sender.party_id, sender.now), case)


async def check_invoice(conn: Connection, tools: Tools, record: Invoice, sender: From) -> Outcome:
    """A seller's own invoice: it asks for what the case is about, or it is refused. It moves no money."""
    return await _check_sum(conn, tools, record, sender, record.total_minor)


async def check_remittance(conn: Connection, tools: Tools, record: RemittanceAdvice, sender: From) -> Outcome:
    """A buyer says what he has paid: the money itself is told by the bank."""
    return await _check_sum(conn, tools, record, sender, record.remitted_minor)


async def _check_sum(
    conn: Connection, tools: Tools, record: Invoice | RemittanceAdvice, sender: From, total_minor: int
) -> Outcome:
    case = await case_of(conn, tools, record, sender)
    if isinstance(case, Objection):
        return case
    if record.currency != case.currency:
        return Objection(why=Why.CURRENCY_DIFFERS, what="currency", said=record.currency, right=case.currency)
    if total_minor != case.own_minor:
        said = amount_said(total_minor, record.exponent)
        return Objection(why=Why.TOTAL, what="total", said=said, right=amount_said(case.own_minor, record.exponent))
    return of_case(case, case)


async def case_of(
    conn: Connection,
    tools: Tools,
    record: TransportInstruction | DespatchAdvice | ReceiptAdvice | Invoice | RemittanceAdvice,
    sender: From,
) -> Case | Objection:
    """The case of the despatch, deal, contract or order that it names."""
    other_id = await named_other(conn, record, sender.party_id)
    case_id = numbered(record.reference(_K.DEAL), "") or numbered(record.reference(_K.DESPATCH), "D")
    if case_id is None and (despatch := record.reference(_K.DESPATCH)):
        sent = await store.by_number(conn, despatch, Kind.DESADV, sender.party_id, other_id)
        case_id = None if sent is None else sent.case_id
    if case_id is None:
        contract_id = numbered(record.reference(_K.CONTRACT), "C")
        if contract_id is None and (order := record.reference(_K.ORDER)):
            found = await store.by_number(conn, order, Kind.ORDERS, sender.party_id, other_id)
            contract_id = None if found is None else found.contract_id
            case_id = await _hammered(conn, order) if found is None else found.case_id
        contract = None if contract_id is None else await contracting.contract(conn, contract_id)
        if contract is not None and contract.state is ContractState.IN_FORCE:
            case_id = contract.case_id
    case = None if case_id is None else await tools.settlement.case_by_id(conn, case_id)
    if case is None or sender.party_id not in (case.buyer_id, case.seller_id):
        kind = next((each for each in (_K.DEAL, _K.DESPATCH, _K.CONTRACT) if record.reference(each)), _K.ORDER)
        return unknown_reference(kind, record.reference(kind))
    by_buyer = isinstance(record, ReceiptAdvice | RemittanceAdvice)
    if sender.party_id != (case.buyer_id if by_buyer else case.seller_id):
        return Objection(why=Why.PARTY_NOT_YOURS, what="buyer" if by_buyer else "seller", code=Code.NO_AGREEMENT)
    return await named_right(conn, record, case.buyer_id, case.seller_id) or case


async def _hammered(conn: Connection, order: str) -> int | None:
    """The case of a hammer's order by its number, also before the clock has written it."""
    case_id = numbered(order, drawing.HAMMER)
    deal = None if case_id is None else await deals_store.deal_of_case(conn, case_id)
    return case_id if deal is not None and deal.contract_id is None else None


async def terms_of(conn: Connection, case: Case) -> TradeTerms | ContractTerms | None:
    """What was agreed on: as both signed it last, or as the hammer fell."""
    contract = await contracting.contract_of_case(conn, case.id)
    if contract is not None and contract.is_trade:
        return contract.terms
    deal = await deals_store.deal_of_case(conn, case.id)
    return None if deal is None else deal.terms
