"""One record of each document, as a deal of two lines makes them; Chinese titles, and every service character in a text."""

from __future__ import annotations

from datetime import UTC, date, datetime

from market.documents.records import (
    Address,
    Agency,
    Control,
    Deduction,
    DespatchAdvice,
    Invoice,
    Item,
    Line,
    LineAct,
    MessageVerdict,
    Order,
    OrderChange,
    OrderResponse,
    Party,
    Place,
    Quotation,
    ReceiptAdvice,
    Record,
    Reference,
    ReferenceKind,
    RemittanceAdvice,
    RequestForQuotation,
    SegmentFault,
    TransportInstruction,
    Verdict,
)

AT = datetime(2026, 11, 22, 6, 30, tzinfo=UTC)
BUYER = Party(code="4012345000009", agency=Agency.GLN, name="Bäcker + Söhne: Hamburg")
SELLER = Party(code="P12", name="Wuhan O'Brien Steel?")
HOUSE = Party(code="GAVELHOUSE", name="Gavelhouse")
CARRIER = Party(code="P31", name="Yangtze Carriers")
LINES = (
    Line(
        n=1,
        title_en="Hot-rolled steel coil, 3.0 x 1250 mm, grade Q235B, mill edge, oiled, 'first' quality + tested",
        article="steel",
        quantity=120_000,
        unit="KGM",
        unit_price_minor=412,
        attributes={"grade": "Q235B", "origin": "CN"},
    ),
    Line(n=2, title_en="Pallets: wood?", article="pallet", quantity=40, unit="C62", unit_price_minor=9_905),
)
ITEMS = tuple(Item(n=x.n, title_en=x.title_en, article=x.article, quantity=x.quantity, unit=x.unit) for x in LINES)
PLACE = Place(
    term="CIF",
    country="DE",
    place="Hamburg, Eurogate CTH",
    from_date=date(2026, 12, 1),
    to_date=date(2026, 12, 20),
    transport="sea",
    partial=True,
)
ORDER_REFERENCES = (
    Reference(kind=ReferenceKind.OFFER, number="N7-2"),
    Reference(kind=ReferenceKind.CONTRACT, number="C34"),
)
PRICED = {
    "issued_at": AT,
    "buyer": BUYER,
    "seller": SELLER,
    "currency": "EUR",
    "exponent": 2,
    "lines": LINES,
    "delivery": PLACE,
    "pay_within_hours": 48,
}
WAY = {"issued_at": AT, "buyer": BUYER, "seller": SELLER, "references": ORDER_REFERENCES}
TOTAL = 120_000 * 412 + 40 * 9_905

RECORDS: dict[str, Record] = {
    "reqote": RequestForQuotation(
        number="N7-1",
        **{**PRICED, "lines": (Line(n=1, title_en="Steel coil", quantity=5, unit="TNE"),)},
        note="Please offer; 3 mm or 4 mm?",
        valid_until=datetime(2026, 11, 25, 12, 0, tzinfo=UTC),
    ),
    "quotes": Quotation(
        number="N7-2",
        **PRICED,
        references=(Reference(kind=ReferenceKind.REQUEST, number="N7-1"),),
        valid_until=datetime(2026, 11, 26, 12, 0, tzinfo=UTC),
    ),
    "orders": Order(number="N7-3", **PRICED, references=ORDER_REFERENCES[:1]),
    "ordrsp": OrderResponse(
        number="C34",
        **PRICED,
        references=(Reference(kind=ReferenceKind.ORDER, number="N7-3"), ORDER_REFERENCES[1]),
        verdict=Verdict.ACCEPTED,
    ),
    "ordchg": OrderChange(
        number="C34-2",
        **{**PRICED, "lines": (LINES[0], Line(n=2, title_en="Pallets", quantity=1, unit="C62", act=LineAct.DELETED))},
        references=(ORDER_REFERENCES[0], Reference(kind=ReferenceKind.ORDER, number="N7-3"), ORDER_REFERENCES[1]),
    ),
    "iftmin": TransportInstruction(
        number="K5",
        **WAY,
        carrier=CARRIER,
        items=ITEMS,
        delivery=PLACE,
        pick_up_on=date(2026, 12, 2),
        collect_from=Address(street="Heping Dadao 17, Gate 3", city="Wuhan", postcode="430080", country="CN"),
        deliver_to=Address(
            street="Am Sandtorkai 50: Speicher 'G' + Kontor, zweiter Boden links",
            city="Hamburg",
            postcode="20457",
            country="DE",
            phone="+49 40 123?",
        ),
        packages=12,
        weight_grams=120_400_500,
        note="Keep dry.",
    ),
    "desadv": DespatchAdvice(
        number="D91-1",
        **WAY,
        shipped_at=datetime(2026, 12, 3, 9, 15, tzinfo=UTC),
        carrier_name="Yangtze Carriers",
        tracking_number="YC-0001/7",
        items=ITEMS,
    ),
    "recadv": ReceiptAdvice(
        number="R91-1",
        **WAY,
        received_at=datetime(2026, 12, 19, 16, 0, tzinfo=UTC),
        items=(ITEMS[0], Item(n=2, title_en="Pallets", quantity=40, unit="C62", rejected=3)),
    ),
    "remadv": RemittanceAdvice(
        number="P91-1",
        issued_at=AT,
        buyer=BUYER,
        seller=SELLER,
        references=ORDER_REFERENCES[1:],
        payer=HOUSE,
        currency="EUR",
        exponent=2,
        paid_on=date(2026, 12, 22),
        invoice_number="I91-1",
        invoiced_minor=TOTAL,
        deductions=(
            Deduction(reason="commission", amount_minor=100_001),
            Deduction(reason="fees", amount_minor=77),
            Deduction(reason="reserve", amount_minor=5),
        ),
        remitted_minor=TOTAL - 100_083,
    ),
    "invoic": Invoice(number="I91-1", **PRICED, references=ORDER_REFERENCES, prepaid_minor=TOTAL),
    "contrl": Control(
        number="1",
        issued_at=AT,
        reference="000042",
        sender="4012345000009",
        sender_qualifier="14",
        recipient="GAVELHOUSE",
        recipient_qualifier="ZZ",
        accepted=False,
        messages=(
            MessageVerdict(
                reference="1",
                type="ORDERS",
                accepted=False,
                faults=(SegmentFault(segment=9, code=12, element=1, component=2), SegmentFault(segment=12, code=29)),
            ),
        ),
    ),
}
