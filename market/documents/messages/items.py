"""What the messages about goods on their way share: IFTMIN, DESADV and RECADV. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from market.documents.edifact import Segment, segment
from market.documents.messages import common
from market.documents.messages.common import Part
from market.documents.records import DespatchAdvice, Item, Kind, ReceiptAdvice
from market.documents.structures import Tree


def head(record: DespatchAdvice | ReceiptAdvice, code: str) -> list[Part]:
    return [
        common.beginning(code, record.number),
        common.instant("137", record.issued_at),
        *common.references(record.references),
        common.party("BY", record.buyer),
        common.party("SU", record.seller),
    ]


def packing(kind: Kind, items: tuple[Item, ...], quantities: Any) -> list[Segment]:
    """The one level of packing that the house knows, and the goods in it."""
    lines = [
        [
            segment("LIN", str(item.n), "", (item.article, "SA") if 0 < len(item.article) <= 35 else ""),
            *common.arranged(
                kind, [*common.described(item.title_en, item.title_zh, item.n, 25), *quantities(item)], "CPS LIN"
            ),
        ]
        for item in items
    ]
    return [segment("CPS", "1"), *[each for line in lines for each in line]]


def fields(tree: Tree, code: str) -> dict[str, Any]:
    """What such a record has in common."""
    number, begin = common.number_of(tree)
    common.expect_code(tree, begin, code)
    return {
        "number": number,
        "issued_at": common.issued_at(tree),
        "buyer": common.party_of(tree, "BY", "CN", "DP"),
        "seller": common.party_of(tree, "SU", "SE", "CZ"),
        "references": common.references_of(tree),
    }


def items_of(tree: Tree, *qualifiers: str, rejected: str = "") -> Iterator[Item]:
    """The goods of all levels of packing."""
    seen: set[int] = set()
    for level in tree.all("CPS"):
        for line in level.all("LIN"):
            n = common.line_number(tree, line, seen)
            quantity, unit = common.quantity_of(tree, line, *qualifiers)
            refused = common.quantity_of(tree, line, rejected)[0] if rejected and line.first("QTY", rejected) else 0
            yield Item(
                n=n,
                title_en=common.title_of(line),
                article=line.segment.text(3),
                quantity=quantity,
                unit=unit,
                rejected=refused,
            )
