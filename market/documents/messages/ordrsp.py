"""ORDRSP, purchase order response [订单应答]: what the seller says to an order, as a whole and of each line."""

from __future__ import annotations

from market.documents.edifact import Segment
from market.documents.messages import common, priced
from market.documents.records import Kind, OrderResponse, Verdict
from market.documents.structures import Tree

CODE = "231"
_FUNCTIONS = {
    Verdict.ACCEPTED: ("29", "AP", "5"),
    Verdict.CHANGED: ("4", "AC", "3"),
    Verdict.REJECTED: ("27", "RE", "7"),
}
_VERDICTS = {
    "29": Verdict.ACCEPTED,
    "11": Verdict.ACCEPTED,
    "9": Verdict.ACCEPTED,
    "4": Verdict.CHANGED,
    "5": Verdict.CHANGED,
    "27": Verdict.REJECTED,
}


def segments(record: OrderResponse) -> list[Segment]:
    """The message's body."""
    function, answer, act = _FUNCTIONS[record.verdict]
    parts = [*priced.head(record, CODE, function, answer), *priced.lines(record, act=act), *priced.foot(record)]
    return common.arranged(Kind.ORDRSP, parts)


def record(tree: Tree) -> OrderResponse:
    """What it says."""
    _, begin = common.number_of(tree)
    verdict = common.chosen(tree, begin, _VERDICTS, 3)
    if begin.segment.text(4) == "RE":
        verdict = Verdict.REJECTED
    elif begin.segment.text(4) == "AC":
        verdict = Verdict.CHANGED
    return OrderResponse(**priced.fields(tree, CODE), verdict=verdict)
