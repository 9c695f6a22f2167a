"""RECADV, receiving advice [收货通知]: what came, and what of it was not accepted."""

from __future__ import annotations

from market.documents.edifact import Segment, segment
from market.documents.messages import common, items
from market.documents.messages.common import Part
from market.documents.records import Item, Kind, ReceiptAdvice
from market.documents.structures import Tree

CODE = "632"
_RECEIVED, _ACCEPTED, _REFUSED = "48", "194", "195"


def segments(record: ReceiptAdvice) -> list[Segment]:
    """The message's body."""
    parts = [*items.head(record, CODE), common.instant("50", record.received_at)]
    parts.append(items.packing(Kind.RECADV, record.items, _quantities))
    parts.append([segment("CNT", ("2", str(len(record.items))))])
    return common.arranged(Kind.RECADV, parts)


def _quantities(item: Item) -> list[Part]:
    parts: list[Part] = [[segment("QTY", (_RECEIVED, str(item.quantity), item.unit))]]
    if item.rejected:
        parts.append([segment("QTY", (_ACCEPTED, str(item.quantity - item.rejected), item.unit))])
        parts.append([segment("QTY", (_REFUSED, str(item.rejected), item.unit))])
    return parts


def record(tree: Tree) -> ReceiptAdvice:
    """What it says."""
    fields = items.fields(tree, CODE)
    found = tuple(items.items_of(tree, _RECEIVED, _ACCEPTED, rejected=_REFUSED))
    common.check_line_count(tree, len(found))
    return ReceiptAdvice(**fields, received_at=common.moment(tree, "50") or fields["issued_at"], items=found)
