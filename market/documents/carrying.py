"""What IFTMIN does: a seller's system books a carrier of the house. Where the goods go the buyer has said; a document that says
otherwise is refused, and so is one that does not say what a carrier must know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from escrow.facts import State
from market import deals_store
from market.delivery import facts as delivery
from market.delivery import store as delivery_store
from market.delivery.desk import Booking
from market.delivery.facts import Consignment, DeliveryRefusal
from market.documents import drawing, objections, store
from market.documents.acts import About, From, Outcome, Tools, of_case
from market.documents.flaws import Code, Why
from market.documents.messages.common import city_text, postcode_text, street_lines
from market.documents.objections import Objection, unknown_reference
from market.documents.performing import case_of, terms_of
from market.documents.records import Address, ReferenceKind, TransportInstruction

if TYPE_CHECKING:
    from escrow.facts import Case
    from migrations.database import Connection

_WHERE = {
    DeliveryRefusal.NO_SUCH_CARRIER: "carrier_code",
    DeliveryRefusal.CONSIGNEE_MISSING: "buyer",
    DeliveryRefusal.PACKAGES_WRONG: "packages",
    DeliveryRefusal.WEIGHT_WRONG: "weight",
}
_IN_A_LINE = (DeliveryRefusal.LINES_BOOKED, DeliveryRefusal.NO_SUCH_LINE)


async def book(conn: Connection, tools: Tools, record: TransportInstruction, sender: From) -> Outcome:
    """A carrier is to take all that is left of the sale, or what is named of it."""
    case = await case_of(conn, tools, record, sender)
    if isinstance(case, Objection):
        return case
    if case.state is not State.FUNDED:  # Before all: where the goods go is the seller's business only now.
        return _refused(DeliveryRefusal.NOT_TO_BE_SHIPPED, "document", record)
    terms = await terms_of(conn, case)
    if terms is None:
        return unknown_reference(ReferenceKind.DEAL, str(case.id))
    carriers = {each.code.upper(): each.code for each in tools.delivery.carriers}
    code = record.carrier.code.upper()
    if code not in carriers:
        right = ", ".join(carriers)
        return Objection(why=Why.VALUE_UNKNOWN, what="carrier_code", said=record.carrier.code, right=right)
    agreed = drawing.lines_of_case(case, terms)
    own = [line.n for line in case.lines if line.part_id is None]
    wrong = objections.items_against(record.items, agreed, whole=len(own) < 2, each_whole=len(agreed) > 1)
    wrong = wrong or next(_missing(record), None) or await _elsewhere(conn, case, record)
    if wrong is not None:
        return wrong
    collect_from = _label(record.seller.name, record.collect_from)
    if collect_from is None:
        return _refused(DeliveryRefusal.ADDRESS_INCOMPLETE, "collect_from", record)
    assert record.packages is not None and record.weight_grams is not None, "both were asked for"
    booking = Booking(
        carrier=carriers[code],
        lines=tuple(await _lines(conn, case, record, own, several=len(agreed) > 1)),
        packages=record.packages,
        weight_grams=record.weight_grams,
        description=_words(record),
        collect_from=collect_from,
    )
    done = await tools.delivery.consign(conn, case.id, sender.party_id, booking, sender.now)
    if isinstance(done, Consignment):
        return About(contract_id=None, case_id=case.id)
    if isinstance(done, DeliveryRefusal):
        return _refused(done, _WHERE.get(done, "line" if done in _IN_A_LINE else "document"), record)
    return of_case(done, case)


def _refused(why: DeliveryRefusal, what: str, record: TransportInstruction) -> Objection:
    line = record.items[0].n if what == "line" else 0
    return Objection(why=Why.REFUSED, what=what, line=line, code=Code.UNSPECIFIED, said=f"market_refusal.{why}")


def _missing(record: TransportInstruction) -> Iterator[Objection]:
    """What a carrier must be told and the document does not say."""
    needed = {
        "collect_from": (record.collect_from, "street, city, country"),
        "packages": (record.packages, "1, 2, 3 …"),
        "weight": (record.weight_grams, "12.345 KGM"),
    }
    for what, (given, right) in needed.items():
        if given is None:
            yield Objection(why=Why.ELEMENT_MISSING, what=what, code=Code.MISSING, right=right)


async def _elsewhere(conn: Connection, case: Case, record: TransportInstruction) -> Objection | None:
    """The first thing in which the address of the goods' way is not the one that the buyer gave."""
    given = record.deliver_to
    to = await delivery_store.consignee(conn, await deals_store.root_of_case(conn, case.id))
    if given is None or to is None:
        return None
    stands = drawing.address_of(to)
    spelt = {  # as it stands, and as EDIFACT carries it
        "street": (given.street, stands.street, "".join(street_lines(stands))),
        "city": (given.city, stands.city, city_text(stands)),
        "postcode": (given.postcode, stands.postcode, postcode_text(stands)),
        "country_to": (given.country, stands.country, stands.country),
    }
    for what, (said, *right) in spelt.items():
        if _plain(said) not in map(_plain, right):
            return Objection(why=Why.DIFFERS_FROM_AGREED, what=what, said=said, right=right[0])
    return None


def _plain(text: str) -> str:
    """A text without what two systems write differently: spaces, commas, capitals."""
    return re.sub(r"[\s,]+", "", text).casefold()


def _label(name: str, given: Address | None) -> delivery.Address | None:
    if given is None:
        return None
    values = {"lines": given.street, "city": given.city, "postcode": given.postcode, "country": given.country}
    return delivery.address_of({"name": name, "phone": given.phone, **values})


async def _lines(
    conn: Connection, case: Case, record: TransportInstruction, own: list[int], *, several: bool
) -> list[int]:
    """The sale's lines that are meant; none for all that is left. Of units that are all alike the first that no carrier has."""
    if several:
        chosen = [item.n for item in record.items]
    else:
        booked = await store.booked_of_cases(conn, [case.id])
        waiting = [each for each in booked if not each.is_over and each.shipped_case_id is None]
        taken = {n for each in waiting for n in each.lines}
        count = record.items[0].quantity
        free = [n for n in own if n not in taken]
        chosen = (free if len(free) >= count else own)[:count]
    return [] if sorted(chosen) == sorted(own) or len(own) < 2 else chosen


def _words(record: TransportInstruction) -> str:
    """What is in the packages; and when they are to be fetched, where that is said."""
    words = record.note or ", ".join(item.title_en or item.title_zh for item in record.items)
    return words if record.pick_up_on is None else f"{words[:180]} ({record.pick_up_on.isoformat()})"
