"""REQOTE, request for quotation [询价单]: a buyer asks a seller for an offer."""

from __future__ import annotations

from market.documents.edifact import Segment
from market.documents.messages import common, priced
from market.documents.records import Kind, RequestForQuotation
from market.documents.structures import Tree

CODE = "311"


def segments(record: RequestForQuotation) -> list[Segment]:
    """The message's body."""
    head = priced.head(record, CODE)
    if record.valid_until is not None:
        head.append(common.instant("36", record.valid_until))
    return common.arranged(Kind.REQOTE, [*head, *priced.lines(record), *priced.foot(record)])


def record(tree: Tree) -> RequestForQuotation:
    """What it says."""
    return RequestForQuotation(**priced.fields(tree, CODE), valid_until=common.moment(tree, "36"))
