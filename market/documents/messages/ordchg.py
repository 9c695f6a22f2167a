"""ORDCHG, purchase order change [订单变更]: both have agreed to other terms; each line says what became of it."""

from __future__ import annotations

from market.documents.edifact import Segment
from market.documents.messages import common, priced
from market.documents.records import Kind, OrderChange
from market.documents.structures import Tree

CODE = "230"


def segments(record: OrderChange) -> list[Segment]:
    """The message's body."""
    parts = [*priced.head(record, CODE, "4"), *priced.lines(record), *priced.foot(record)]
    return common.arranged(Kind.ORDCHG, parts)


def record(tree: Tree) -> OrderChange:
    """What it says."""
    return OrderChange(**priced.fields(tree, CODE))
