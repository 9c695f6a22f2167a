"""A seller's system books a carrier by IFTMIN or ForwardingInstructions: once, whole, and only as it was agreed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import structs

from auction.facts import Award
from market.contracting import desk
from market.contracting.facts import Contract, Origin, OriginKind
from market.contracting.signing import sign_by_agreement
from market.contracting.terms import Formality, FormalityKind
from market.delivery import facts as delivery
from market.documents import store, ubl
from market.documents.drawing import references
from market.documents.edifact_reader import read
from market.documents.flaws import Code
from market.documents.messages import record_of
from market.documents.records import (
    Address,
    Agency,
    DespatchAdvice,
    Item,
    Kind,
    Party,
    ReceiptAdvice,
    TransportInstruction,
    read_record,
)
from market.documents.store import Format
from market.trades import TradeTerms, hammer_handler
from tests.contracting.people import trade_terms
from tests.deal.traded import case_of, fall, pays, stage
from tests.documents import directory_d96a
from tests.documents.companies import Company, agree, answer_of, company
from tests.documents.test_ubl import faults_by_schema

if TYPE_CHECKING:
    from escrow.facts import Case
    from tests.door.house_server import Server

SHED = Address(street="8 Dock Road, Gate 'B'", city="Ningbo", postcode="315000", country="CN", phone="+86 574 1")
HOME = {
    "name": "Anna Müller",
    "lines": "Elbchaussee 7\nHof, 2. Stock",
    "city": "Hamburg",
    "postcode": "22765",
    "country": "DE",
}


class Sold:
    """A hammer's deal whose seller has a system; paid, with an address, unless said otherwise."""

    def __init__(self, server: Server, seller: Company, buyer_id: int, case: Case, lot: Item) -> None:
        self.server, self.seller, self.buyer_id, self.case, self.lot = server, seller, buyer_id, case, lot

    def instruction(self, number: str = "T1", **changes: Any) -> TransportInstruction:
        given = TransportInstruction(
            number=number,
            issued_at=self.case.opened_at.replace(second=0, microsecond=0),
            buyer=Party(code=f"P{self.buyer_id}", name="Anna Müller"),
            seller=structs.replace(self.seller.party, name="Old Clocks"),
            carrier=Party(code="SANDBOX"),
            references=references(deal=str(self.case.id)),
            items=(self.lot,),
            collect_from=SHED,
            packages=2,
            weight_grams=3_500,
            note="A clock in two boxes",
        )
        return structs.replace(given, **changes)

    async def booked(self) -> list[Any]:
        query = "select * from market.consignment where case_id = $1"
        async with self.server.house.pool.acquire() as conn:
            found: list[Any] = await conn.fetch(query, self.case.id)
        return found

    async def addressed(self) -> None:
        to = delivery.address_of(HOME)
        async with self.server.house.pool.acquire() as conn, conn.transaction():
            await self.server.house.delivery.set_consignee(conn, self.case.id, to, self.server.house.node_time.now())


async def sold(server: Server, *, paid: bool = True, addressed: bool = True) -> Sold:
    house, now = server.house, server.house.node_time.now()
    seller = await company(server, code=f"S{now:%H%M%S%f}", agency=Agency.HOUSE, form=Format.EDIFACT)
    buyer_id = await server.party()
    async with house.pool.acquire() as conn:
        on = await stage(conn, desk=house.escrow, bidders=1, given=[buyer_id], seller=seller.id, now=now)
        await fall(conn, on, closed_at=now)
        case = await case_of(conn, on)
        if paid:
            await pays(conn, house.escrow, case.reference, case.due_minor, now)
    one = Sold(server, seller, buyer_id, case, Item(n=1, title_en="Clock", quantity=1, unit="C62"))
    if addressed:
        await one.addressed()
    return one


async def test_a_carrier_is_booked_once_by_a_document_and_the_houses_own_says_the_same(server: Server) -> None:
    deal = await sold(server)
    body = deal.seller.interchange(deal.instruction(), reference="BOOK")
    first, again = [(await deal.seller.post(body)).content for _ in range(2)]
    assert first == again and answer_of(first).accepted
    (row,) = await deal.booked()
    assert (row["carrier"], row["packages"], row["weight_grams"], row["description"]) == (
        "sandbox",
        2,
        3_500,
        "A clock in two boxes",
    )
    assert row["collect_from"]["lines"] == SHED.street and row["collect_from"]["name"] == "Old Clocks"
    page = (await server.client.get(f"/api/v1/deals/{deal.case.id}/documents", headers=deal.seller.bearer)).json()
    assert [(each["kind"], each["number"]) for each in page] == [
        ("orders", f"H{deal.case.id}"),
        ("ordrsp", f"H{deal.case.id}"),
        ("iftmin", "T1"),
    ]
    async with server.house.pool.acquire() as conn:
        made = await store.document(conn, page[-1]["id"])
    assert made is not None and directory_d96a.faults(made["edifact"]) == []
    assert faults_by_schema(Kind.IFTMIN, made["xml"]) == []
    own = read_record(made["record"])
    assert isinstance(own, TransportInstruction) and own.deliver_to is not None and own.collect_from == SHED
    assert (own.deliver_to.street, own.packages, own.weight_grams) == ("Elbchaussee 7, Hof, 2. Stock", 2, 3_500)
    # What the house writes it takes, in both spellings: the goods are booked now, which is all that it finds.
    back = record_of(read(made["edifact"]).messages[0])
    assert isinstance(back, TransportInstruction) and back.deliver_to == own.deliver_to
    for content in (deal.seller.interchange(back), made["xml"]):
        said = (await deal.seller.post(content, "/api/v1/edi")).json()
        assert [each["sentence"] for each in said["flaws"]] == ["These goods are booked already. Call that off first."]
    assert len(await deal.booked()) == 1


WRONG: dict[str, tuple[dict[str, Any], str, str, int, int]] = {
    # name: (what is changed, why, segment, element, code)
    "a carrier of nobody": ({"carrier": Party(code="PIGEON")}, "value_unknown", "NAD", 2, 12),
    "other goods": ({"items": (Item(n=2, title_en="Clock", quantity=1, unit="C62"),)}, "differs_from_agreed", "GID", 1, 12),
    "too many": ({"items": (Item(n=1, title_en="Clock", quantity=2, unit="C62"),)}, "differs_from_agreed", "MEA", 3, 12),
    "another unit": ({"items": (Item(n=1, title_en="Clock", quantity=1, unit="KGM"),)}, "differs_from_agreed", "MEA", 3, 12),
    "no address": ({"collect_from": None}, "element_missing", "NAD", 5, 13),
    "no packages": ({"packages": None}, "element_missing", "CNT", 0, 13),
    "no weight": ({"weight_grams": None}, "element_missing", "CNT", 0, 13),
    "no packages at all": ({"packages": 0}, "refused", "CNT", 1, 18),
    "a country that is none": ({"collect_from": structs.replace(SHED, country="CHN")}, "refused", "NAD", 5, 18),
    "another street": ({"deliver_to": Address(street="Elbchaussee 8", city="Hamburg", postcode="22765", country="DE")}, "differs_from_agreed", "NAD", 5, 12),
    "another city": ({"deliver_to": Address(street="ELBCHAUSSEE 7, HOF  2. Stock", city="Kiel", country="DE")}, "differs_from_agreed", "NAD", 6, 12),
    "another buyer": ({"buyer": Party(code="P1")}, "party_not_yours", "NAD", 2, 12),
    "another deal": ({"references": references(deal="999999")}, "reference_unknown", "RFF", 1, 28),
}  # fmt: skip


@pytest.fixture(scope="module")
async def deal(server: Server) -> Sold:
    """One that is booked by none of what is wrong with it."""
    return await sold(server)


@pytest.mark.parametrize("name", WRONG)
async def test_what_is_not_as_agreed_is_refused_with_its_place(name: str, deal: Sold) -> None:
    changes, why, tag, element, code = WRONG[name]
    record = deal.instruction(f"W{len(name)}", **changes)
    answer = answer_of(
        (await deal.seller.post(deal.seller.interchange(record, reference=f"W{list(WRONG).index(name)}"))).content
    )
    (fault,) = answer.messages[0].faults
    said = (await deal.seller.post(deal.seller.interchange(record), "/api/v1/edi")).json()
    (flaw,) = said["flaws"]
    assert (flaw["why"], flaw["element"], fault.code) == (why, element, code) and f"({tag})" in flaw["place"], flaw
    xml = (
        await deal.seller.post(ubl.write(structs.replace(record, number=f"X{list(WRONG).index(name)}")), "/api/v1/edi")
    ).json()
    assert not xml["accepted"] and xml["flaws"][0]["why"] == why and xml["flaws"][0]["place"].startswith("/Forwarding")
    assert await deal.booked() == []


async def test_who_is_not_paid_has_no_address_or_is_not_the_seller_books_nothing(server: Server) -> None:
    unpaid, nowhere = await sold(server, paid=False), await sold(server, addressed=False)
    asked = unpaid.instruction(deliver_to=SHED)
    said = (await unpaid.seller.post(unpaid.seller.interchange(asked), "/api/v1/edi")).json()
    assert said["flaws"][0]["sentence"].startswith("Only the seller of a paid deal") and "Elb" not in str(said)
    said = (await nowhere.seller.post(nowhere.seller.interchange(nowhere.instruction()), "/api/v1/edi")).json()
    assert said["flaws"][0]["sentence"] == "The buyer has not said yet where the goods go."
    assert "(NAD)" in said["flaws"][0]["place"] and "+18" in said["answer"]
    others = structs.replace(nowhere.instruction("T2"), seller=unpaid.seller.party)
    said = (await unpaid.seller.post(unpaid.seller.interchange(others), "/api/v1/edi")).json()
    assert said["flaws"][0]["why"] == "reference_unknown", "another's deal is as unknown as none"
    assert await unpaid.booked() == await nowhere.booked() == []
    await nowhere.addressed()
    assert answer_of(
        (await nowhere.seller.post(nowhere.seller.interchange(nowhere.instruction("T3")))).content
    ).accepted


async def test_a_hammers_deal_is_sent_and_received_by_documents_too(server: Server) -> None:
    deal, now = await sold(server), server.house.node_time.now()
    buyer = await company(
        server, code=f"B{now:%H%M%S%f}", agency=Agency.HOUSE, form=Format.EDIFACT, party_id=deal.buyer_id
    )
    order = references(order=f"H{deal.case.id}")
    way = {
        "issued_at": deal.case.opened_at.replace(second=0, microsecond=0),
        "buyer": buyer.party,
        "seller": deal.seller.party,
    }
    goods = {**way, "references": order, "items": (deal.lot,)}
    sent = DespatchAdvice(number="DA1", shipped_at=way["issued_at"], tracking_number="YC1", carrier_name="YC", **goods)
    await deal.seller.says(sent)
    got = ReceiptAdvice(number="RE1", received_at=way["issued_at"], **goods)
    assert (await buyer.send(got)).messages[0].faults[0].code == Code.NO_AGREEMENT, "it would stand for a signature"
    await agree(server, deal.seller.id, buyer.id)
    await buyer.says(structs.replace(got, number="RE2"))
    page = (await server.client.get(f"/api/v1/deals/{deal.case.id}/documents", headers=buyer.bearer)).json()
    assert [each["kind"] for each in page] == ["orders", "ordrsp", "desadv", "invoic", "recadv", "remadv"]
    assert [each["number"] for each in page if each["kind"] in ("desadv", "recadv")] == ["DA1", "RE2"]


async def test_goods_that_wait_for_a_paper_are_not_booked(server: Server) -> None:
    house, now = server.house, server.house.node_time.now()
    deal = await sold(server, paid=False, addressed=False)
    day = now.date() + timedelta(days=9)
    inspected = Formality(kind=FormalityKind.INSPECTION, duty_of="seller")
    terms = trade_terms(deal.seller.id, deal.buyer_id, formalities=(inspected,))
    terms = structs.replace(terms, delivery=structs.replace(terms.delivery, from_date=day, to_date=day))
    async with house.pool.acquire() as conn, conn.transaction():
        made = await desk.draw_up(conn, Origin(OriginKind.MATCH, deal.case.id), terms, now, house.config)
        assert isinstance(made, Contract), made
        for party_id in (deal.seller.id, deal.buyer_id):
            signed = await sign_by_agreement(conn, house.contracting, made.id, party_id, bytes(32), now)
            assert isinstance(signed, Contract) and signed.id == made.id, signed
        case = await house.escrow.settlement.case_by_id(conn, signed.case_id or 0)
    assert case is not None
    async with house.pool.acquire() as conn:
        await pays(conn, house.escrow, case.reference, case.due_minor, now)
    deal.case, deal.lot = case, Item(n=1, title_en="Coil", quantity=20, unit="TNE")
    await deal.addressed()
    refer = references(contract=f"C{made.id}")
    said = (await deal.seller.post(deal.seller.interchange(deal.instruction(references=refer)), "/api/v1/edi")).json()
    (flaw,) = said["flaws"]
    assert (flaw["said"], flaw["code"], flaw["segment"]) == ("escrow_refusal.formalities_missing", 18, 2), flaw
    assert await deal.booked() == []


async def test_units_are_booked_by_as_many_as_are_named(server: Server) -> None:
    deal, house, now = await sold(server, paid=False), server.house, server.house.node_time.now()
    async with house.pool.acquire() as conn:
        on = await stage(conn, desk=house.escrow, bidders=1, given=[deal.buyer_id], seller=deal.seller.id, now=now)
        award = Award(party_id=deal.buyer_id, paddle=on.paddles[deal.buyer_id], quantity=9, total_minor=360_000)
        fallen = on.hammer(closed_at=now)
        fallen = structs.replace(
            fallen, winner_id=None, winner_paddle=None, price_minor=None, awards=(award,), format="uniform"
        )
        async with conn.transaction():
            await hammer_handler(TradeTerms(), house.escrow)(conn, fallen)
        deal.case = await case_of(conn, on)
        await pays(conn, house.escrow, deal.case.reference, deal.case.due_minor, now)
    await deal.addressed()

    def units(count: int) -> TransportInstruction:
        return deal.instruction(f"U{count}", items=(structs.replace(deal.lot, quantity=count),))

    await deal.seller.says(units(3))
    too_many = await deal.seller.send(units(7))
    assert too_many.messages[0].faults[0].code == Code.UNSPECIFIED
    await deal.seller.says(units(6))
    assert [row["lines"] for row in await deal.booked()] == [[1, 2, 3], [4, 5, 6, 7, 8, 9]]
