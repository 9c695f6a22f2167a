"""DESADV, despatch advice [发货通知]: what has left the seller, with whom, under which number it is followed."""

from __future__ import annotations

from market.documents.edifact import Segment, segment
from market.documents.messages import common, items
from market.documents.messages.common import Part
from market.documents.records import DespatchAdvice, Item, Kind, Reference, ReferenceKind
from market.documents.structures import Tree
from market.documents.texts import carried, in_latin

CODE = "351"
_DESPATCHED = "12"


def segments(record: DespatchAdvice) -> list[Segment]:
    """The message's body."""
    parts = [*items.head(record, CODE), common.instant("11", record.shipped_at)]
    tracking = (carried(record.tracking_number) or "")[:35].strip()
    if tracking:
        parts += common.references([Reference(kind=ReferenceKind.TRANSPORT, number=tracking)])
    if record.carrier_name:
        carrier = in_latin(record.carrier_name, named="carrier")[:35].strip()
        parts.append([segment("TDT", "20", "", "", "", ("", "", "", carrier))])
    parts.append(items.packing(Kind.DESADV, record.items, _quantities))
    parts.append([segment("CNT", ("2", str(len(record.items))))])
    return common.arranged(Kind.DESADV, parts)


def _quantities(item: Item) -> list[Part]:
    return [[segment("QTY", (_DESPATCHED, str(item.quantity), item.unit))]]


def record(tree: Tree) -> DespatchAdvice:
    """What it says."""
    fields = items.fields(tree, CODE)
    found = tuple(items.items_of(tree, _DESPATCHED, "21"))
    common.check_line_count(tree, len(found))
    transport = tree.first("TDT", "20")
    references = fields.pop("references")
    tracking = next((each.number for each in references if each.kind is ReferenceKind.TRANSPORT), "")
    return DespatchAdvice(
        **fields,
        references=tuple(each for each in references if each.kind is not ReferenceKind.TRANSPORT),
        shipped_at=common.moment(tree, "11") or fields["issued_at"],
        carrier_name="" if transport is None else transport.segment.text(5, 4) or transport.segment.text(5, 1),
        tracking_number=tracking,
        items=found,
    )
