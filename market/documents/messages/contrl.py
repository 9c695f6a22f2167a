"""CONTRL, syntax and service report [语法与服务报告]: an interchange was taken, or refused; if so, where and by which code."""

from __future__ import annotations

from datetime import UTC, datetime

from market.documents.edifact import Segment, segment
from market.documents.messages.common import chosen
from market.documents.records import Control, MessageVerdict, SegmentFault
from market.documents.structures import Group, Tree
from market.documents.texts import whole_of

_REJECTED, _TAKEN, _RECEIVED = "4", "7", "8"
_ACTIONS = {_REJECTED: False, _TAKEN: True, _RECEIVED: True}


def segments(record: Control) -> list[Segment]:
    """The message's body: the verdict on the interchange, on its messages, on the segments at fault."""
    body = [
        segment(
            "UCI",
            record.reference,
            (record.sender, record.sender_qualifier),
            (record.recipient, record.recipient_qualifier),
            _TAKEN if record.accepted else _REJECTED,
            str(record.code or ""),
            record.tag,
            _at(record.element, record.component),
        )
    ]
    for message in record.messages:
        body.append(
            segment(
                "UCM",
                message.reference,
                (message.type, message.version, message.release, "UN"),
                _TAKEN if message.accepted else _REJECTED,
                str(message.code or ""),
            )
        )
        for fault in message.faults:
            whole = not fault.element
            body.append(segment("UCS", str(fault.segment), str(fault.code) if whole else ""))
            if not whole:
                body.append(segment("UCD", str(fault.code), _at(fault.element, fault.component)))
    return body


def _at(element: int, component: int) -> tuple[str, ...]:
    return (str(element), str(component) if component else "") if element else ("",)


def record(tree: Tree) -> Control:
    """What it says. It has no date of its own; the envelope's is put in by whoever has it."""
    answer = tree.all("UCI")[0]
    one = answer.segment
    return Control(
        number=tree.message.reference,
        issued_at=datetime(1970, 1, 1, tzinfo=UTC),
        reference=one.text(1),
        sender=one.text(2),
        sender_qualifier=one.text(2, 2),
        recipient=one.text(3),
        recipient_qualifier=one.text(3, 2),
        accepted=chosen(tree, answer, _ACTIONS, 4),
        code=whole_of(one.text(5)) or 0,
        tag=one.text(6),
        element=whole_of(one.text(7)) or 0,
        component=whole_of(one.text(7, 2)) or 0,
        messages=tuple(_verdict(tree, each) for each in tree.all("UCM")),
    )


def _verdict(tree: Tree, group: Group) -> MessageVerdict:
    one = group.segment
    return MessageVerdict(
        reference=one.text(1),
        type=one.text(2, 1),
        version=one.text(2, 2),
        release=one.text(2, 3),
        accepted=chosen(tree, group, _ACTIONS, 3),
        code=whole_of(one.text(4)) or 0,
        faults=tuple(fault for each in group.all("UCS") for fault in _faults(each)),
    )


def _faults(group: Group) -> list[SegmentFault]:
    at, code = whole_of(group.segment.text(1)) or 0, whole_of(group.segment.text(2)) or 0
    elements = group.all("UCD")
    if not elements:
        return [SegmentFault(segment=at, code=code)]
    return [
        SegmentFault(
            segment=at,
            code=whole_of(each.segment.text(1)) or 0,
            element=whole_of(each.segment.text(2)) or 0,
            component=whole_of(each.segment.text(2, 2)) or 0,
        )
        for each in elements
    ]
