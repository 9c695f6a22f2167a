"""ORDERS, purchase order [订单]: a buyer takes an offer."""

from __future__ import annotations

from market.documents.edifact import Segment
from market.documents.messages import common, priced
from market.documents.records import Kind, Order
from market.documents.structures import Tree

CODE = "220"


def segments(record: Order) -> list[Segment]:
    """The message's body."""
    parts = [*priced.head(record, CODE), *priced.lines(record), *priced.foot(record)]
    return common.arranged(Kind.ORDERS, parts)


def record(tree: Tree) -> Order:
    """What it says."""
    return Order(**priced.fields(tree, CODE))
