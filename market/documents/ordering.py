"""What ORDERS, ORDRSP and ORDCHG do: accept, sign or decline, amend. A document signs only between parties who have agreed to
that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from market.contracting import desk as contracting
from market.contracting import signing
from market.contracting.facts import Contract
from market.contracting.terms import TradeTerms, terms_sha256
from market.documents import objections, store
from market.documents.acts import (
    From,
    Outcome,
    Tools,
    delivery_of,
    named_other,
    named_right,
    numbered,
    of_contract,
    of_talk,
    parties_right,
)
from market.documents.flaws import Code, Why
from market.documents.objections import Objection, unknown_reference
from market.documents.records import (
    Kind,
    Order,
    OrderChange,
    OrderResponse,
    Priced,
    ReferenceKind,
    Verdict,
)
from market.negotiation import store as talks

if TYPE_CHECKING:
    from migrations.database import Connection

_K = ReferenceKind
REJECTED_WORDS = "ORDRSP"


async def order(conn: Connection, tools: Tools, record: Order, sender: From) -> Outcome:
    """A buyer takes an offer as it stands; or confirms the order that a match made."""
    number, now = record.reference(_K.OFFER), sender.now
    other_id = await named_other(conn, record, sender.party_id)
    found = await store.by_number(conn, number, Kind.QUOTES, sender.party_id, other_id) if number else None
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
    wrong = await parties_right(conn, tools, record, sender, talk.buyer_id, talk.seller_id, talk.post_id)
    if wrong is not None:
        return wrong
    offered = (await talks.steps_of(conn, talk.id))[found.round - 1].terms
    assert offered is not None, "a quotation is of a step with terms"
    wrong = objections.against(record, offered)
    if wrong is not None:
        return wrong
    done = await tools.negotiations.accept(conn, talk.id, sender.party_id, found.round, terms_sha256(offered), now)
    moved = of_talk(done)
    if isinstance(moved, Objection) or moved.contract_id is None:
        return moved
    if await store.agreed(conn, talk.buyer_id, talk.seller_id):
        signed = await _sign(conn, tools, await contracting.certain(conn, moved.contract_id), sender)
        if isinstance(signed, Objection):
            return signed
    return moved


async def respond(conn: Connection, tools: Tools, record: OrderResponse, sender: From) -> Outcome:
    """A seller confirms an order, which stands for his signature; or declines it."""
    contract = await _contract(conn, record, sender)
    if isinstance(contract, Objection):
        return contract
    if contract.seller_id != sender.party_id:
        return Objection(why=Why.PARTY_NOT_YOURS, what="seller", code=Code.NO_AGREEMENT)
    if record.verdict is Verdict.REJECTED:
        words = record.note or REJECTED_WORDS
        declined = await contracting.decline(conn, contract.id, sender.party_id, words, sender.now)
        return of_contract(declined)
    if record.verdict is Verdict.CHANGED:
        return Objection(why=Why.NOT_RECEIVED_HERE, what="verdict", code=Code.VALUE_NOT_SUPPORTED, right="29, 27")
    offered = contract.offered or contract.standing
    assert isinstance(offered.terms, TradeTerms), "only a trade's contract is found by a document"
    return objections.against(record, offered.terms) or await _sign(conn, tools, contract, sender)


async def amend(conn: Connection, tools: Tools, record: OrderChange, sender: From) -> Outcome:
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
        wanted = structs.replace(standing, delivery=delivery_of(record.delivery, standing.delivery))
    open_one = contract.amendment
    if open_one is not None and open_one.proposed_by != sender.party_id and open_one.terms == wanted:
        return await _sign(conn, tools, contract, sender)
    proposed = await contracting.propose(conn, contract.id, sender.party_id, wanted, record.note, sender.now)
    if not isinstance(proposed, Contract):
        return of_contract(proposed)
    if await store.agreed(conn, contract.buyer_id, contract.seller_id):
        return await _sign(conn, tools, proposed, sender)
    return of_contract(proposed)


async def _sign(conn: Connection, tools: Tools, contract: Contract, sender: From) -> Outcome:
    if not await store.agreed(conn, contract.buyer_id, contract.seller_id):
        return Objection(why=Why.NO_AGREEMENT, what="document", code=Code.NO_AGREEMENT)
    done = await signing.sign_by_agreement(
        conn, tools.contracting, contract.id, sender.party_id, sender.sha256, sender.now
    )
    return of_contract(done)


async def _contract(conn: Connection, record: Priced, sender: From) -> Contract | Objection:
    """The contract that it names, or that its order made; one of the sender's, between the parties that it names."""
    contract_id = numbered(record.reference(_K.CONTRACT), "C")
    order = record.reference(_K.ORDER)
    if contract_id is None and order:
        other_id = await named_other(conn, record, sender.party_id)
        found = await store.by_number(conn, order, Kind.ORDERS, sender.party_id, other_id)
        contract_id = None if found is None else found.contract_id
    contract = None if contract_id is None else await contracting.contract(conn, contract_id)
    if contract is None or contract.role_of(sender.party_id) is None or not contract.is_trade:
        kind = _K.CONTRACT if record.reference(_K.CONTRACT) else _K.ORDER
        return unknown_reference(kind, record.reference(kind))
    return await named_right(conn, record, contract.buyer_id, contract.seller_id) or contract
