"""A document is written: both spellings from one record, once for its step, and laid before its recipient's system."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from market.documents import messages, store, ubl
from market.documents.edifact import Envelope, Interchange, write
from market.documents.records import Agency, Kind, Party, Record, canonical, kind_of

if TYPE_CHECKING:
    from migrations.database import Connection


class Place(Struct, frozen=True, kw_only=True):
    """Where a document belongs, and who gives it to whom. `issuer_id` None is the house."""

    step: str
    issuer_id: int | None
    recipient_id: int | None
    negotiation_id: int | None = None
    round: int | None = None
    contract_id: int | None = None
    case_id: int | None = None


async def make(
    conn: Connection, house: Party, record: Record, place: Place, now: datetime, *, sends: bool = True
) -> None:
    """Write it; a step that has made this document before makes nothing. Without `sends` it goes to nobody's system."""
    document_id = await store.next_document(conn)
    to_id = place.recipient_id if sends else None
    recipient = None if to_id is None else await store.partner(conn, to_id)
    if await store.insert_document(conn, _stored(document_id, house, record, place, now)) and recipient is not None:
        await store.queue_delivery(conn, document_id, recipient, now)


async def make_many(conn: Connection, house: Party, wanted: Sequence[tuple[Record, Place]], now: datetime) -> None:
    """The same for documents of steps that are taken together, in a fixed number of statements but for what is sent."""
    if not wanted:
        return
    ids = await store.next_documents(conn, len(wanted))
    made = [_stored(n, house, record, place, now) for n, (record, place) in zip(ids, wanted, strict=True)]
    new = await store.insert_documents(conn, made)
    partners = await store.partners(conn, [one.recipient_id for one in made if one.recipient_id is not None])
    for one in made:
        if one.id in new and one.recipient_id in partners:
            await store.queue_delivery(conn, one.id, partners[one.recipient_id], now)


def _stored(document_id: int, house: Party, record: Record, place: Place, now: datetime) -> store.Stored:
    kind, reference = kind_of(record), f"{document_id:09d}"
    return store.Stored(
        id=document_id,
        kind=kind,
        number=record.number,
        step=place.step,
        issuer_id=place.issuer_id,
        recipient_id=place.recipient_id,
        negotiation_id=place.negotiation_id,
        round=place.round,
        contract_id=place.contract_id,
        case_id=place.case_id,
        record=canonical(record),
        reference=reference,
        edifact=interchange(record, house, _recipient_in(record, kind), reference, now),
        xml=ubl.write(record),
        made_at=now,
    )


def interchange(record: Record, sender: Party, recipient: Party, reference: str, now: datetime) -> bytes:
    """The one message in an interchange of its own, from the house to its recipient."""
    envelope = Envelope(
        sender=sender.code,
        sender_qualifier=qualifier(sender),
        recipient=recipient.code,
        recipient_qualifier=qualifier(recipient),
        prepared_at=now,
        reference=reference,
        wants_answer=True,
    )
    return write(Interchange(envelope=envelope, messages=(messages.message_of(record, "1"),)))


def qualifier(party: Party) -> str:
    """How UNB says who gave the code: 14 is GS1, ZZ an agreement."""
    return "14" if party.agency is Agency.GLN else "ZZ"


def _recipient_in(record: Record, kind: Kind) -> Party:
    """The recipient as the document itself names it, so that no envelope says more of a party than its message."""
    if kind in (Kind.REQOTE, Kind.ORDERS, Kind.ORDCHG, Kind.RECADV, Kind.REMADV):
        return record.seller  # type: ignore[union-attr]
    return record.carrier if kind is Kind.IFTMIN else record.buyer  # type: ignore[union-attr]
