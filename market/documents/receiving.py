"""What comes in from a partner's system, in one transaction: read, applied whole or not at all, kept, answered.

The same interchange sent again has the same answer and no effect; another under a reference that was used is refused.
CONTRL and ApplicationResponse are answers to what the house sent, and are not answered themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from msgspec import Struct

from market.documents import answering, messages, objections, store, ubl
from market.documents.acts import About, From, Tools
from market.documents.applying import apply
from market.documents.edifact import Envelope, Message
from market.documents.edifact_reader import read
from market.documents.flaws import Code, Flaw, Why, short
from market.documents.objections import Objection
from market.documents.records import Control, Party, Record, kind_of
from market.documents.store import DeliveryState, Format

if TYPE_CHECKING:
    from migrations.database import Connection


class Desk(Struct, frozen=True, kw_only=True):
    """Who receives: the house by its code, with the services that documents may call."""

    house: Party
    tools: Tools
    sentence: Callable[[Flaw], str]
    """What is wrong, in English: the answer to UBL says it in words."""


class Received(Struct, frozen=True, kw_only=True):
    """What became of what came in. Without an `answer` it was itself one, or could not be read at all. Of a test nothing is
    done or kept, nor of what broke off: they may come again under their reference.
    """

    format: Format
    accepted: bool
    answer: bytes = b""
    flaws: tuple[Flaw, ...] = ()
    is_again: bool = False
    is_test: bool = False
    exchange_id: int | None = None


class _OnlyTestedError(Exception):
    """Everything of a test could be done, and is undone."""


class _UndoneError(Exception):
    """Carries a flaw out of the savepoint, so that nothing of the interchange is done."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw.why)
        self.flaw = flaw


async def receive(conn: Connection, desk: Desk, party_id: int, form: Format, content: bytes, now: datetime) -> Received:
    """One interchange or document of this party."""
    if form is Format.UBL:
        return await _receive_ubl(conn, desk, party_id, content, now)
    reading = read(content)
    if reading.envelope is None:
        return Received(format=form, accepted=False, flaws=reading.flaws)
    envelope, flaws = reading.envelope, list(reading.flaws)
    await store.claim_reference(conn, party_id, form, envelope.reference)
    before = await store.exchange_of(conn, party_id, form, envelope.reference)
    if before is not None and before["sha256"] == sha256(content).digest():
        return _again(form, before["accepted"], before["answer"], before["id"])
    number = str(await store.next_document(conn))
    own = await store.partner(conn, party_id)
    counts = reading.is_whole and not envelope.is_test
    flaws += _envelope_flaws(envelope, desk, own, party_id, is_used=counts and before is not None)
    records, found = _records(reading.messages)
    flaws += found
    if not flaws and any(isinstance(record, Control) for record in records):
        if envelope.is_test:
            return Received(format=form, accepted=True, is_test=True)
        return await _answered(conn, form, party_id, records, reading.messages, now)
    about = About()
    if not flaws:
        sender = From(party_id=party_id, sha256=sha256(content).digest(), now=now)
        try:
            async with conn.transaction():
                for record, message in zip(records, reading.messages, strict=True):
                    about = _joined(about, await _applied(conn, desk, record, sender, message))
                if envelope.is_test:
                    raise _OnlyTestedError
        except _OnlyTestedError:
            pass
        except _UndoneError as undone:
            flaws.append(undone.flaw)
    answer = answering.contrl(envelope, reading.messages, flaws, number, now)
    kinds = [message.type.lower() for message in reading.messages]
    if before is not None or not counts:
        return Received(format=form, accepted=not flaws, answer=answer, flaws=tuple(flaws), is_test=envelope.is_test)
    exchange_id = await store.insert_exchange(
        conn, party_id, form, envelope.reference, content, kinds, answer, flaws, _ids(about, flaws), now
    )
    return Received(format=form, accepted=not flaws, answer=answer, flaws=tuple(flaws), exchange_id=exchange_id)


async def _receive_ubl(conn: Connection, desk: Desk, party_id: int, content: bytes, now: datetime) -> Received:
    form = Format.UBL
    record = ubl.read(content)
    if isinstance(record, Control):
        return await _answered(conn, form, party_id, [record], (), now)
    named = ubl.named(content)
    if named is None:
        assert isinstance(record, Flaw), "what was read whole has its name"
        return Received(format=form, accepted=False, flaws=(record,))
    kind, document_number = named
    reference = f"{kind}:{document_number}"
    await store.claim_reference(conn, party_id, form, reference)
    before = await store.exchange_of(conn, party_id, form, reference)
    if before is not None and before["sha256"] == sha256(content).digest():
        return _again(form, before["accepted"], before["answer"], before["id"])
    sender_party = (await store.named(conn, [party_id]))[party_id]
    number = str(await store.next_document(conn))
    flaws: list[Flaw] = []
    about = About()
    if before is not None:
        right = "a new ID"
        flaws.append(
            Flaw(why=Why.DUPLICATE_REFERENCE, code=Code.DUPLICATE, path="/ID", said=short(document_number), right=right)
        )
    elif isinstance(record, Flaw):
        flaws.append(record)
    else:
        sender = From(party_id=party_id, sha256=sha256(content).digest(), now=now)
        try:
            async with conn.transaction():
                about = await _applied(conn, desk, record, sender, None)
        except _UndoneError as undone:
            flaws.append(undone.flaw)
    answer = answering.application_response(
        document_number, sender_party, desk.house, flaws, number, desk.sentence, now
    )
    if before is not None:
        return Received(format=form, accepted=False, answer=answer, flaws=tuple(flaws))
    kinds = [kind.value]
    exchange_id = await store.insert_exchange(
        conn, party_id, form, reference, content, kinds, answer, flaws, _ids(about, flaws), now
    )
    return Received(format=form, accepted=not flaws, answer=answer, flaws=tuple(flaws), exchange_id=exchange_id)


def _envelope_flaws(
    envelope: Envelope, desk: Desk, own: store.Partner | None, party_id: int, *, is_used: bool
) -> list[Flaw]:
    """Whether it is from whom it says, to us, and under a reference of its own."""
    flaws = []
    codes = {store.house_code(party_id)} | ({own.code} if own is not None else set())
    if is_used:
        flaws.append(_unb(Why.DUPLICATE_REFERENCE, Code.DUPLICATE, 5, envelope.reference, "a new one"))
    if envelope.sender not in codes:
        flaws.append(_unb(Why.SENDER_UNKNOWN, Code.UNKNOWN_SENDER, 2, envelope.sender, " / ".join(sorted(codes))))
    if envelope.recipient != desk.house.code:
        flaws.append(_unb(Why.RECIPIENT_UNKNOWN, Code.NOT_THE_RECIPIENT, 3, envelope.recipient, desk.house.code))
    return flaws


def _unb(why: Why, code: Code, element: int, said: str, right: str) -> Flaw:
    return Flaw(why=why, code=code, tag="UNB", element=element, component=1, said=short(said), right=right)


def _records(received: Sequence[Message]) -> tuple[list[Record], list[Flaw]]:
    """What each message says, and the first fault of each that says nothing."""
    records: list[Record] = []
    flaws: list[Flaw] = []
    for message in received:
        record = messages.record_of(message)
        if isinstance(record, Flaw):
            flaws.append(record)
        else:
            records.append(record)
    return records, flaws


async def _applied(conn: Connection, desk: Desk, record: Record, sender: From, message: Message | None) -> About:
    done = await apply(conn, desk.tools, record, sender)
    if isinstance(done, Objection):
        if message is not None:
            raise _UndoneError(objections.in_message(done, message))
        raise _UndoneError(objections.in_xml(done, ubl.NAMES[kind_of(record)]))
    return done


async def _answered(
    conn: Connection, form: Format, party_id: int, records: Sequence[Record], received: Sequence[Message], now: datetime
) -> Received:
    """A partner's word on what the house sent him. Nobody answers an answer."""
    flaws: list[Flaw] = []
    for at, record in enumerate(records):
        message = received[at].reference if received else ""
        if not isinstance(record, Control):
            flaws.append(Flaw(why=Why.NOT_RECEIVED_HERE, code=Code.NOT_SUPPORTED_HERE, message=message, right="CONTRL"))
            continue
        reference = record.reference
        if form is Format.UBL:
            found = await store.reference_of_number(conn, record.reference, party_id)
            reference = found or record.reference
        state = DeliveryState.ACKNOWLEDGED if record.accepted else DeliveryState.REJECTED
        if not await store.delivery_answered(
            conn, reference, party_id, state, now, _words(record)
        ) and not await store.was_sent(conn, reference, party_id):
            flaws.append(
                Flaw(
                    why=Why.REFERENCE_UNKNOWN,
                    code=Code.REFERENCES_DIFFER,
                    message=message,
                    tag="UCI",
                    segment=2 if message else 0,
                    element=1,
                    said=short(record.reference),
                )
            )
    return Received(format=form, accepted=not flaws, flaws=tuple(flaws))


def _words(record: Control) -> str:
    """Where and by which code a partner refuses."""
    if record.accepted:
        return ""
    places = [f"{record.tag or 'UCI'} {record.element or ''} ({record.code})".replace("  ", " ")] if record.code else []
    for message in record.messages:
        places += [
            f"{message.type} {fault.segment}:{fault.element}:{fault.component} ({fault.code})"
            for fault in message.faults
        ]
    return "; ".join([*record.why, *places]) or "-"


def _again(form: Format, accepted: bool, answer: bytes, exchange_id: int) -> Received:
    return Received(format=form, accepted=accepted, answer=answer, is_again=True, exchange_id=exchange_id)


def _joined(one: About, other: About) -> About:
    return About(
        negotiation_id=other.negotiation_id or one.negotiation_id,
        contract_id=other.contract_id or one.contract_id,
        case_id=other.case_id or one.case_id,
    )


def _ids(about: About, flaws: Sequence[Flaw]) -> tuple[int | None, int | None, int | None]:
    """What it moved; what was refused moved nothing."""
    return (None, None, None) if flaws else (about.negotiation_id, about.contract_id, about.case_id)
