"""IFTMIN, transport instruction [运输指示]: the carrier is told what to take where, for whom, and when."""

from __future__ import annotations

from collections.abc import Iterator

from market.documents.edifact import Segment, segment
from market.documents.flaws import Code, Why
from market.documents.messages import common
from market.documents.messages.common import Part, refuse
from market.documents.records import Item, Kind, TransportInstruction
from market.documents.structures import Group, Tree
from market.documents.texts import in_latin, pieces, whole_of

CODE = "610"


def segments(record: TransportInstruction) -> list[Segment]:
    """The message's body. Consignor is the seller, consignee the buyer."""
    parts: list[Part] = [
        common.beginning(CODE, record.number),
        common.instant("137", record.issued_at),
        *common.notes("AAI", record.note),
        *common.references(record.references),
        *common.place_parts(record.delivery),
        common.party("CZ", record.seller),
        common.party("CN", record.buyer),
        common.party("CA", record.carrier),
        [segment("CNT", ("16", str(len(record.items))))],
        *(_goods(item) for item in record.items),
    ]
    if record.pick_up_on is not None:
        parts.append(common.day("200", record.pick_up_on))
    return common.arranged(Kind.IFTMIN, parts)


def _goods(item: Item) -> Part:
    """One sort of goods. GID counts packages in eight digits; the quantity by its unit stands in MEA."""
    words = pieces(in_latin(item.title_en, item.title_zh, named=f"goods {item.n}"), 70)[:5]
    described = [
        segment("FTX", "AAA", "", "", words),
        segment("MEA", "AAE", "", (item.unit, str(item.quantity))),
    ]
    if 0 < len(item.article) <= 35:
        described.insert(0, segment("PIA", "5", (item.article, "SA")))
    return [segment("GID", str(item.n)), *described]


def record(tree: Tree) -> TransportInstruction:
    """What it says."""
    number, begin = common.number_of(tree)
    common.expect_code(tree, begin, CODE)
    delivery = common.place_of(tree)
    if delivery is None:
        common.missing(tree, "TOD", "TOD+6")
    found = tuple(_items(tree))
    count = tree.first("CNT", "16")
    if count is not None and whole_of(count.segment.text(1, 2)) != len(found):
        refuse(tree, count, Why.LINE_COUNT, Code.COUNT_WRONG, str(len(found)), 1, 2)
    pick_up = common.moment(tree, "200")
    return TransportInstruction(
        number=number,
        issued_at=common.issued_at(tree),
        buyer=common.party_of(tree, "CN", "BY"),
        seller=common.party_of(tree, "CZ", "SU", "SE"),
        carrier=common.party_of(tree, "CA", "FW"),
        references=common.references_of(tree),
        note=common.text_of(tree.all("FTX"), "AAI"),
        delivery=delivery,
        pick_up_on=None if pick_up is None else pick_up.date(),
        items=found,
    )


def _items(tree: Tree) -> Iterator[Item]:
    seen: set[int] = set()
    for goods in tree.all("GID"):
        n = common.line_number(tree, goods, seen)
        measure = goods.first("MEA", "AAE")
        if measure is None:
            refuse(tree, goods, Why.SEGMENT_MISSING, Code.MISSING, "MEA+AAE")
        article = goods.first("PIA", "5")
        yield Item(
            n=n,
            title_en=common.text_of(goods.all("FTX"), "AAA"),
            article="" if article is None else article.segment.text(2),
            quantity=_quantity(tree, measure),
            unit=measure.segment.text(3),
        )


def _quantity(tree: Tree, measure: Group) -> int:
    quantity = whole_of(measure.segment.text(3, 2))
    if quantity is None or quantity < 1:
        refuse(tree, measure, Why.QUANTITY_MALFORMED, Code.INVALID_VALUE, "1, 2, 3 …", 3, 2)
    return quantity
