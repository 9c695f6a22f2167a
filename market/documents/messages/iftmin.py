"""IFTMIN, transport instruction [运输指示]: the carrier is told what to take where, for whom, and when."""

from __future__ import annotations

from collections.abc import Iterator

from market.documents.edifact import Segment, segment
from market.documents.flaws import Code, Why
from market.documents.messages import common
from market.documents.messages.common import Part, refuse
from market.documents.records import Item, Kind, TransportInstruction
from market.documents.structures import Group, Tree
from market.documents.texts import decimal_text, in_latin, minor_of, pieces, whole_of

CODE = "610"
GROSS_WEIGHT, PACKAGES = "7", "11"
_GRAMS = {"KGM": 3, "GRM": 0, "TNE": 6, "": 3}
"""Units of weight, by the decimals at which one gram stands."""
_RECEIVERS, _SENDERS = ("CN", "BY"), ("CZ", "SU", "SE")


def segments(record: TransportInstruction) -> list[Segment]:
    """The message's body. Consignor is the seller, consignee the buyer."""
    parts: list[Part] = [
        common.beginning(CODE, record.number),
        common.instant("137", record.issued_at),
        *common.notes("AAI", record.note),
        *common.references(record.references),
        *([] if record.delivery is None else common.place_parts(record.delivery)),
        common.party("CZ", record.seller, record.collect_from),
        common.party("CN", record.buyer, record.deliver_to),
        common.party("CA", record.carrier),
        [segment("CNT", ("2", str(len(record.items))))],
        *(_goods(item) for item in record.items),
    ]
    if record.weight_grams is not None:
        parts.append([segment("CNT", (GROSS_WEIGHT, decimal_text(record.weight_grams, 3), "KGM"))])
    if record.packages is not None:
        parts.append([segment("CNT", (PACKAGES, str(record.packages)))])
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
    found = tuple(_items(tree))
    count = tree.first("CNT", "2")
    if count is not None and whole_of(count.segment.text(1, 2)) != len(found):
        refuse(tree, count, Why.LINE_COUNT, Code.COUNT_WRONG, str(len(found)), 1, 2)
    pick_up = common.moment(tree, "200")
    return TransportInstruction(
        number=number,
        issued_at=common.issued_at(tree),
        buyer=common.party_of(tree, *_RECEIVERS),
        seller=common.party_of(tree, *_SENDERS),
        carrier=common.party_of(tree, "CA", "FW"),
        references=common.references_of(tree),
        note=common.text_of(tree.all("FTX"), "AAI"),
        delivery=common.place_of(tree),
        pick_up_on=None if pick_up is None else pick_up.date(),
        items=found,
        collect_from=common.address_of(tree, *_SENDERS),
        deliver_to=common.address_of(tree, *_RECEIVERS),
        packages=_packages(tree),
        weight_grams=_weight(tree),
    )


def _packages(tree: Tree) -> int | None:
    """How many in all: as counted, else as each sort of goods says it."""
    count = tree.first("CNT", PACKAGES)
    if count is not None:
        found = whole_of(count.segment.text(1, 2))
        if found is None:
            refuse(tree, count, Why.QUANTITY_MALFORMED, Code.INVALID_VALUE, "1, 2, 3 …", 1, 2)
        return found
    given = [(goods, whole_of(goods.segment.text(2))) for goods in tree.all("GID") if goods.segment.text(2)]
    for goods, one in given:
        if one is None:
            refuse(tree, goods, Why.QUANTITY_MALFORMED, Code.INVALID_VALUE, "1, 2, 3 …", 2)
    return sum(one or 0 for _, one in given) if given else None


def _weight(tree: Tree) -> int | None:
    """The gross weight in grams: in all, else of each sort of goods."""
    count = tree.first("CNT", GROSS_WEIGHT)
    if count is not None:
        return _grams(tree, count, 1, 2, count.segment.text(1, 3))
    weights = [each for goods in tree.all("GID") for each in goods.all("MEA") if each.segment.text(2) == "G"]
    return sum(_grams(tree, each, 3, 2, each.segment.text(3)) for each in weights) if weights else None


def _grams(tree: Tree, group: Group, element: int, component: int, unit: str) -> int:
    if unit not in _GRAMS:
        refuse(tree, group, Why.VALUE_UNKNOWN, Code.INVALID_VALUE, "KGM, GRM, TNE", element, 3 if element == 1 else 1)
    grams = minor_of(group.segment.text(element, component), _GRAMS[unit])
    if grams is None or grams < 1:
        refuse(tree, group, Why.QUANTITY_MALFORMED, Code.INVALID_VALUE, "12.345", element, component)
    return grams


def _items(tree: Tree) -> Iterator[Item]:
    seen: set[int] = set()
    for goods in tree.all("GID"):
        n = common.line_number(tree, goods, seen)
        measure = next((each for each in goods.all("MEA", "AAE") if each.segment.text(2) != "G"), None)
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
