"""QUOTES, quotation [报价单]: a seller's offer, with how long it stands."""

from __future__ import annotations

from market.documents.edifact import Segment
from market.documents.messages import common, priced
from market.documents.records import Kind, Quotation
from market.documents.structures import Tree

CODE = "310"


def segments(record: Quotation) -> list[Segment]:
    """The message's body."""
    head = priced.head(record, CODE)
    if record.valid_until is not None:
        head.append(common.instant("36", record.valid_until))
    return common.arranged(Kind.QUOTES, [*head, *priced.lines(record), *priced.foot(record)])


def record(tree: Tree) -> Quotation:
    """What it says."""
    return Quotation(**priced.fields(tree, CODE), valid_until=common.moment(tree, "36"))
