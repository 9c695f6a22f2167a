"""The answer to what came in: CONTRL for EDIFACT, ApplicationResponse for UBL. Pure.

An interchange is taken whole or refused whole; a refusal names every message in which something is wrong, and where.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from market.documents import messages, ubl
from market.documents.edifact import Envelope, Interchange, Message, write
from market.documents.flaws import Flaw
from market.documents.messages.common import minutes
from market.documents.records import Control, MessageVerdict, Party, SegmentFault

_SERVICE = ("UNB", "UNZ", "UNG", "UNE")
"""Segments of the interchange itself, which CONTRL can name (data element 0135)."""


def contrl(
    envelope: Envelope, received: Sequence[Message], flaws: Sequence[Flaw], reference: str, now: datetime
) -> bytes:
    """The acknowledgement of an interchange, or its rejection."""
    record = control_of(envelope, received, flaws, reference, now)
    back = Envelope(
        sender=envelope.recipient,
        sender_qualifier=envelope.recipient_qualifier or "ZZ",
        recipient=envelope.sender,
        recipient_qualifier=envelope.sender_qualifier or "ZZ",
        prepared_at=now,
        reference=reference,
        is_test=envelope.is_test,
    )
    return write(Interchange(envelope=back, messages=(messages.message_of(record, "1"),)))


def control_of(
    envelope: Envelope, received: Sequence[Message], flaws: Sequence[Flaw], reference: str, now: datetime
) -> Control:
    """What it says: on the interchange, and on each message whose envelope could be read."""
    own = next((flaw for flaw in flaws if not flaw.message), None)
    return Control(
        number=reference,
        issued_at=minutes(now),
        reference=envelope.reference,
        sender=envelope.sender,
        sender_qualifier=envelope.sender_qualifier,
        recipient=envelope.recipient,
        recipient_qualifier=envelope.recipient_qualifier,
        accepted=not flaws,
        code=0 if own is None else int(own.code),
        tag=own.tag if own is not None and own.tag in _SERVICE else "",
        element=own.element if own is not None and own.tag in _SERVICE else 0,
        component=own.component if own is not None and own.tag in _SERVICE else 0,
        messages=tuple(_verdict(each, flaws) for each in received if each.reference and each.type),
    )


def _verdict(message: Message, flaws: Sequence[Flaw]) -> MessageVerdict:
    own = [flaw for flaw in flaws if flaw.message == message.reference]
    faults = tuple(
        SegmentFault(segment=flaw.segment, code=int(flaw.code), element=flaw.element, component=flaw.component)
        for flaw in own
        if flaw.segment
    )
    return MessageVerdict(
        reference=message.reference,
        type=message.type,
        version=message.version or "D",
        release=message.release or "96A",
        accepted=not flaws,
        code=0 if faults or not own else int(own[0].code),
        faults=faults,
    )


def application_response(
    number: str,
    sender: Party,
    house: Party,
    flaws: Sequence[Flaw],
    reference: str,
    sentence: Callable[[Flaw], str],
    now: datetime,
) -> bytes:
    """The answer to one UBL document; `sentence` says what is wrong in words."""
    return ubl.write(
        Control(
            number=reference,
            issued_at=minutes(now),
            reference=number,
            sender=sender.code,
            sender_qualifier="14" if sender.agency == "gln" else "ZZ",
            recipient=house.code,
            recipient_qualifier="ZZ",
            accepted=not flaws,
            code=int(flaws[0].code) if flaws else 0,
            why=tuple(f"{flaw.path}: {sentence(flaw)}".lstrip(": ") for flaw in flaws),
        )
    )
