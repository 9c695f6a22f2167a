"""Records to EDIFACT messages and back: one file a message, each with `segments` and `record`; here the table of them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from market.documents.edifact import Message, Segment
from market.documents.flaws import Flaw, FlawedError
from market.documents.messages import (
    contrl,
    desadv,
    iftmin,
    invoic,
    ordchg,
    orders,
    ordrsp,
    quotes,
    recadv,
    remadv,
    reqote,
)
from market.documents.records import Kind, Record, kind_of
from market.documents.structures import Tree, tree_of

_WRITERS: dict[Kind, Callable[[Any], Sequence[Segment]]] = {
    Kind.REQOTE: reqote.segments,
    Kind.QUOTES: quotes.segments,
    Kind.ORDERS: orders.segments,
    Kind.ORDRSP: ordrsp.segments,
    Kind.ORDCHG: ordchg.segments,
    Kind.IFTMIN: iftmin.segments,
    Kind.DESADV: desadv.segments,
    Kind.RECADV: recadv.segments,
    Kind.REMADV: remadv.segments,
    Kind.INVOIC: invoic.segments,
    Kind.CONTRL: contrl.segments,
}
_READERS: dict[Kind, Callable[[Tree], Record]] = {
    Kind.REQOTE: reqote.record,
    Kind.QUOTES: quotes.record,
    Kind.ORDERS: orders.record,
    Kind.ORDRSP: ordrsp.record,
    Kind.ORDCHG: ordchg.record,
    Kind.IFTMIN: iftmin.record,
    Kind.DESADV: desadv.record,
    Kind.RECADV: recadv.record,
    Kind.REMADV: remadv.record,
    Kind.INVOIC: invoic.record,
    Kind.CONTRL: contrl.record,
}


def message_of(record: Record, reference: str) -> Message:
    """The record as one message, under this reference."""
    kind = kind_of(record)
    release = "3" if kind is Kind.CONTRL else "96A"
    body = tuple(_WRITERS[kind](record))
    return Message(reference=reference, type=kind.upper(), release=release, segments=body)


def record_of(message: Message) -> Record | Flaw:
    """What the message says, or its first fault: its order, each element, its own sums and counts."""
    tree = tree_of(message)
    if isinstance(tree, Flaw):
        return tree
    try:
        return _READERS[Kind(message.type.lower())](tree)
    except FlawedError as error:
        return error.flaw
