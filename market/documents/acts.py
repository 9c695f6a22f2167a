"""What the acts of partners' documents share: the services they call, what they moved, between whom a document must be, and a
service's refusal as an objection.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from escrow.facts import Case, Refusal
from market.contracting.facts import Contract, Unsound
from market.contracting.signing import Contracting
from market.contracting.terms import Delivery
from market.documents import objections, store
from market.documents.flaws import Code, Why
from market.documents.objections import Objection
from market.documents.records import (
    Order,
    Party,
    Place,
    Priced,
    Record,
    ReferenceKind,
    RequestForQuotation,
)
from market.negotiation.desk import Flawed, NegotiationDesk
from market.negotiation.facts import Negotiation, NegotiationRefusal

if TYPE_CHECKING:
    from escrow.settlement import Settlement
    from market.delivery.desk import DeliveryDesk
    from migrations.database import Connection

_K = ReferenceKind


class Tools(Struct, frozen=True, kw_only=True):
    """The services that a document may call."""

    negotiations: NegotiationDesk
    contracting: Contracting
    settlement: Settlement
    delivery: DeliveryDesk
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


def numbered(number: str, prefix: str) -> int | None:
    digits = number.removeprefix(prefix)
    return (
        int(digits)
        if number.startswith(prefix) and digits.isascii() and digits.isdigit() and len(digits) < 19
        else None
    )


async def named_right(
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


async def named_other(conn: Connection, record: Record, party_id: int) -> int | None:
    """Whom the document names beside the party; None where that is nobody known (an alias, perhaps)."""
    named = [await store.party_of(conn, party) for party in (record.buyer, record.seller)]  # type: ignore[union-attr]
    return next((each for each in named if each is not None and each != party_id), None)


async def parties_right(
    conn: Connection, tools: Tools, record: Priced, sender: From, buyer_id: int, seller_id: int, post_id: int
) -> Objection | None:
    """The sender stands where he should; the other may be named by the alias of an anonymous post."""
    by_buyer = isinstance(record, RequestForQuotation | Order)
    if sender.party_id != (buyer_id if by_buyer else seller_id):
        return Objection(why=Why.PARTY_NOT_YOURS, what="buyer" if by_buyer else "seller", code=Code.NO_AGREEMENT)
    return await named_right(conn, record, buyer_id, seller_id, alias=f"A{tools.alias(post_id)}")


def of_talk(done: Negotiation | NegotiationRefusal | Flawed) -> Outcome:
    if isinstance(done, Negotiation):
        return About(negotiation_id=done.id, contract_id=done.contract_id)
    if isinstance(done, Flawed):
        return _unsound(done.flaws[0].path, f"terms_flaw.{done.flaws[0].reason}")
    return Objection(why=Why.REFUSED, what="document", code=Code.UNSPECIFIED, said=f"market_refusal.{done}")


def of_contract(done: Contract | StrEnum | Unsound) -> Outcome:
    if isinstance(done, Contract):
        return About(contract_id=done.id, case_id=done.case_id)
    if isinstance(done, Unsound):
        return _unsound(done.flaws[0].path, f"terms_flaw.{done.flaws[0].reason}")
    return Objection(why=Why.REFUSED, what="document", code=Code.UNSPECIFIED, said=f"contract_refusal.{done}")


def of_case(done: Case | Refusal, case: Case) -> Outcome:
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


def delivery_of(given: Place, base: Delivery) -> Delivery:
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
