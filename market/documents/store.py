"""Documents, partners, deliveries and exchanges in and out of the database: one typed function a query, and no decisions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from msgspec import Struct, convert, to_builtins

from market.delivery import store as delivery_store
from market.documents.flaws import Flaw
from market.documents.records import Agency, Kind, Party
from migrations.queries import load_queries

if TYPE_CHECKING:
    from asyncpg import Record as Row

    from market.delivery.facts import Consignment
    from migrations.database import Connection

_queries = load_queries("market", "documents")


class Format(StrEnum):
    EDIFACT = "edifact"
    UBL = "ubl"


class Channel(StrEnum):
    WEBHOOK = "webhook"
    FOLDER = "folder"
    QUEUE = "queue"


class DeliveryState(StrEnum):
    QUEUED = "queued"
    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"
    REJECTED = "rejected"
    GIVEN_UP = "given_up"


class Partner(Struct, frozen=True, kw_only=True):
    """A party's system. Its webhook's secret follows from the house's key and `generation`."""

    party_id: int
    code: str
    agency: Agency
    format: Format
    channel: Channel
    url: str
    generation: int
    changed_at: datetime


class Stored(Struct, frozen=True, kw_only=True):
    """A document to be written."""

    id: int
    kind: Kind
    number: str
    step: str
    issuer_id: int | None
    recipient_id: int | None
    negotiation_id: int | None = None
    round: int | None = None
    contract_id: int | None = None
    case_id: int | None = None
    record: str
    reference: str
    edifact: bytes
    xml: bytes
    made_at: datetime


class Listing(Struct, frozen=True, kw_only=True):
    """A line of a list; `delivery_state` is None where the recipient has no system, `said` its own words."""

    id: int
    kind: Kind
    number: str
    issuer_id: int | None
    recipient_id: int | None
    made_at: datetime
    case_id: int | None
    reference: str
    delivery_state: DeliveryState | None
    said: str | None
    answered_at: datetime | None


class Found(Struct, frozen=True, kw_only=True):
    """A document that something refers to."""

    id: int
    negotiation_id: int | None
    round: int | None
    contract_id: int | None
    case_id: int | None
    record: str


class Turn(Struct, frozen=True, kw_only=True):
    """A partner who is served now, and how often in a row he did not take anything."""

    party_id: int
    failures: int


class Claimed(Struct, frozen=True, kw_only=True):
    document_id: int
    party_id: int
    format: Format
    attempts: int
    queued_at: datetime


class Unanswered(Struct, frozen=True, kw_only=True):
    """A document that was sent again `resent` times, and of which nobody has said a word."""

    document_id: int
    party_id: int
    resent: int
    kind: Kind
    number: str


class Due(Struct, frozen=True, kw_only=True):
    """A hammer's deal whose documents are to be made; without `sends` they go to nobody's system."""

    case_id: int
    sends: bool
    tries: int


class Consent(Struct, frozen=True, kw_only=True):
    """Between the viewer and another: who lets messages stand for his signature."""

    other_id: int
    name: str
    is_given: bool
    is_given_back: bool


class ExchangeRow(Struct, frozen=True, kw_only=True):
    """What a partner's system sent."""

    id: int
    format: Format
    reference: str
    kinds: tuple[str, ...]
    accepted: bool
    flaws: tuple[Flaw, ...]
    negotiation_id: int | None
    contract_id: int | None
    case_id: int | None
    received_at: datetime


async def partner(conn: Connection, party_id: int) -> Partner | None:
    row = await conn.fetchrow(_queries.partner, party_id)
    return None if row is None else convert(dict(row), Partner)


async def partners(conn: Connection, party_ids: Sequence[int]) -> dict[int, Partner]:
    """Those of the parties that have a system."""
    return {
        row["party_id"]: convert(dict(row), Partner) for row in await conn.fetch(_queries.partners, list(party_ids))
    }


async def save_partner(conn: Connection, one: Partner) -> None:
    """Write it; the generation rises with each change."""
    values = (one.party_id, one.code, one.agency.value, one.format.value, one.channel.value, one.url, one.changed_at)
    await conn.execute(_queries.save_partner, *values)


async def redirect_deliveries(conn: Connection, to: Partner, now: datetime) -> None:
    """What waits for the party goes the way that it has now."""
    await conn.execute(_queries.redirect_deliveries, to.party_id, to.channel.value, to.format.value, now)


async def parties_with_folders(conn: Connection) -> list[int]:
    return [row["party_id"] for row in await conn.fetch(_queries.parties_with_folders)]


async def named(conn: Connection, party_ids: Sequence[int]) -> dict[int, Party]:
    """Each party as documents name it: by its own code, else by the house's number for it."""
    return {
        row["id"]: Party(
            code=row["code"] or house_code(row["id"]), agency=Agency(row["agency"] or "house"), name=row["name"]
        )
        for row in await conn.fetch(_queries.named, list(party_ids))
    }


def house_code(party_id: int) -> str:
    return f"P{party_id}"


async def party_of(conn: Connection, given: Party) -> int | None:
    """Whose code it is; None where nobody's."""
    found: int | None = await conn.fetchval(_queries.party_of_code, given.agency.value, given.code)
    digits = given.code[1:]
    if (
        found is None
        and given.agency is Agency.HOUSE
        and given.code[:1] == "P"
        and digits.isascii()
        and digits.isdigit()
    ):
        number = int(digits[:18])
        if house_code(number) == given.code and await conn.fetchval(_queries.party_exists, number):
            return number
    return found


async def set_consent(conn: Connection, party_id: int, other_id: int, given: bool, now: datetime) -> None:
    await conn.execute(_queries.give_consent if given else _queries.end_consent, party_id, other_id, now)


async def agreed(conn: Connection, one_id: int, other_id: int) -> bool:
    """Whether both let messages stand for signatures between them."""
    return bool(await conn.fetchval(_queries.agreed, one_id, other_id))


async def consents_of(conn: Connection, party_id: int) -> list[Consent]:
    return [convert(dict(row), Consent) for row in await conn.fetch(_queries.consents_of, party_id)]


async def party_exists(conn: Connection, party_id: int) -> bool:
    return bool(await conn.fetchval(_queries.party_exists, party_id))


async def next_document(conn: Connection) -> int:
    found: int = await conn.fetchval(_queries.next_document)
    return found


async def insert_document(conn: Connection, one: Stored) -> bool:
    """False when the step has made this document before."""
    values = [getattr(one, name) for name in one.__struct_fields__]
    return await conn.fetchval(_queries.insert_document, *values) is not None


async def next_documents(conn: Connection, count: int) -> list[int]:
    """The numbers of the documents that are made next."""
    return [row[0] for row in await conn.fetch(_queries.next_documents, count)]


async def insert_documents(conn: Connection, made: Sequence[Stored]) -> set[int]:
    """The numbers of those whose step has not made them before."""
    columns = zip(*([getattr(one, name) for name in Stored.__struct_fields__] for one in made), strict=True)
    return {row["id"] for row in await conn.fetch(_queries.insert_documents, *columns)}


async def queue_delivery(conn: Connection, document_id: int, to: Partner, now: datetime) -> None:
    try_at = None if to.channel is Channel.QUEUE else now
    values = (document_id, to.party_id, to.channel.value, to.format.value, try_at, now)
    await conn.execute(_queries.queue_delivery, *values)


async def claim_due(conn: Connection, now: datetime, limit: int) -> list[Due]:
    """Deals whose documents are to be made, locked until the transaction ends; those that another makes are passed over."""
    return [convert(dict(row), Due) for row in await conn.fetch(_queries.claim_due, now, limit)]


async def any_due(conn: Connection, now: datetime) -> bool:
    return bool(await conn.fetchval(_queries.any_due, now))


async def is_due(conn: Connection, case_id: int) -> bool:
    return bool(await conn.fetchval(_queries.is_due, case_id))


async def wait_for_due_of(conn: Connection, case_id: int) -> bool | None:
    """Whether what is made of this deal is sent; None when nothing is due. Whoever is making it is waited for."""
    found: bool | None = await conn.fetchval(_queries.wait_for_due_of, case_id)
    return found


async def documents_made(conn: Connection, case_id: int) -> None:
    """The deal has said everything up to now."""
    await conn.execute(_queries.documents_made, case_id)


async def postpone_due(conn: Connection, case_id: int, due_at: datetime) -> None:
    """It could not be made; the others go on."""
    await conn.execute(_queries.postpone_due, case_id, due_at)


async def cases_of_deal(conn: Connection, case_id: int) -> list[int]:
    """The first case of a deal, what reinstated it, and the parts of each."""
    return [row["id"] for row in await conn.fetch(_queries.cases_of_deal, case_id)]


async def booked_of_cases(conn: Connection, case_ids: Sequence[int]) -> list[Consignment]:
    """What was booked with carriers for these cases, oldest first."""
    ids = [row["id"] for row in await conn.fetch(_queries.booked_of_cases, list(case_ids))]
    found = [await delivery_store.consignment(conn, each) for each in ids]
    return [each for each in found if each is not None]


async def made_of_deal(conn: Connection, case_id: int) -> set[tuple[str, Kind]]:
    """Which steps of a deal have made which documents."""
    return {(row["step"], Kind(row["kind"])) for row in await conn.fetch(_queries.made_of_deal, case_id)}


async def document(conn: Connection, document_id: int) -> Row | None:
    """The whole row, with how its delivery stands."""
    return await conn.fetchrow(_queries.document, document_id)


async def documents_of_deal(conn: Connection, case_id: int) -> list[Listing]:
    return [_listing(row) for row in await conn.fetch(_queries.documents_of_deal, case_id)]


async def documents_of_party(
    conn: Connection, party_id: int, kind: str | None, limit: int, offset: int
) -> tuple[list[Listing], int]:
    rows = await conn.fetch(_queries.documents_of_party, party_id, kind, limit, offset)
    return [_listing(row) for row in rows], rows[0]["total"] if rows else 0


async def waiting(conn: Connection, party_id: int, limit: int) -> list[Listing]:
    return [_listing(row) for row in await conn.fetch(_queries.waiting_documents, party_id, limit)]


async def by_number(
    conn: Connection, number: str, kind: Kind, party_id: int, other_id: int | None = None
) -> Found | None:
    """A document that went to the party, or that it gave, by its number: of several, the one between these two."""
    row = await conn.fetchrow(_queries.document_by_number, number, kind.value, party_id, other_id)
    return None if row is None else convert(dict(row), Found)


async def last_of_talk(conn: Connection, negotiation_id: int, before: int) -> str:
    """The number of the request or quotation before that step; empty for none."""
    return await conn.fetchval(_queries.last_of_talk, negotiation_id, before) or ""


async def order_number(conn: Connection, contract_id: int) -> str:
    """Empty where the contract came of no order."""
    return await conn.fetchval(_queries.order_number, contract_id) or ""


async def claim_turn(conn: Connection, now: datetime, until: datetime) -> Turn | None:
    """Whom to serve next; nobody else serves him before `until`."""
    row = await conn.fetchrow(_queries.claim_turn, now, until)
    return None if row is None else convert(dict(row), Turn)


async def claim_delivery(conn: Connection, party_id: int, now: datetime, next_try: datetime) -> Claimed | None:
    """The party's document that has been due for longest."""
    row = await conn.fetchrow(_queries.claim_delivery, now, next_try, party_id)
    return None if row is None else convert(dict(row), Claimed)


async def end_turn(conn: Connection, to: Partner, rest_until: datetime, failures: int) -> None:
    """The partner is left alone until then."""
    await conn.execute(_queries.end_turn, to.party_id, rest_until, failures, to.generation)


async def postpone_delivery(conn: Connection, document_id: int, try_at: datetime, said: str) -> None:
    await conn.execute(_queries.postpone_delivery, document_id, try_at, said)


async def give_up_delivery(conn: Connection, document_id: int, said: str) -> bool:
    return await conn.fetchval(_queries.give_up_delivery, document_id, said) is not None


async def give_up_older(conn: Connection, party_id: int, before: datetime, said: str) -> int:
    """Give up all that has waited for the party since before then; how many that was."""
    return len(await conn.fetch(_queries.give_up_older, party_id, before, said))


async def delivery_sent(conn: Connection, document_id: int, now: datetime, remind_at: datetime | None) -> None:
    """Taken. Without an answer it is sent again at `remind_at`; what was fetched never is."""
    await conn.execute(_queries.delivery_sent, document_id, now, "", remind_at)


async def send_unanswered(conn: Connection, now: datetime, most: int, limit: int) -> int:
    """Queue once more what was not answered in time; how many that was."""
    return len(await conn.fetch(_queries.send_unanswered, now, most, limit))


async def unanswered(conn: Connection, now: datetime, most: int, limit: int) -> list[Unanswered]:
    """What was sent `most` times more in vain, each once."""
    return [convert(dict(row), Unanswered) for row in await conn.fetch(_queries.unanswered, now, most, limit)]


async def delivery_answered(
    conn: Connection, reference: str, party_id: int, state: DeliveryState, now: datetime, said: str
) -> bool:
    """False when no document went to the party under this reference, or it was answered before."""
    found = await conn.fetchval(_queries.delivery_answered, reference, party_id, state.value, now, said[:500])
    return found is not None


async def reference_of_number(conn: Connection, number: str, party_id: int) -> str | None:
    """The control reference of the latest document that went to the party under this number."""
    found: str | None = await conn.fetchval(_queries.reference_of_number, number, party_id)
    return found


async def was_sent(conn: Connection, reference: str, party_id: int) -> bool:
    return await conn.fetchrow(_queries.own_reference, reference, party_id) is not None


async def send_again(conn: Connection, document_id: int, party_id: int, now: datetime) -> bool:
    return await conn.fetchval(_queries.send_again, document_id, party_id, now) is not None


async def claim_reference(conn: Connection, party_id: int, form: Format, reference: str) -> None:
    """Whoever else sends the same waits until this transaction ends."""
    await conn.execute(_queries.claim_reference, f"{party_id} {form} {reference}")


async def exchange_of(conn: Connection, party_id: int, form: Format, reference: str) -> Row | None:
    return await conn.fetchrow(_queries.exchange_of, party_id, form.value, reference)


async def insert_exchange(
    conn: Connection,
    party_id: int,
    form: Format,
    reference: str,
    content: bytes,
    kinds: Sequence[str],
    answer: bytes,
    flaws: Sequence[Flaw],
    about: tuple[int | None, int | None, int | None],
    now: datetime,
) -> int:
    """Keep what came and what was answered; `about` are the negotiation, the contract and the case that it moved."""
    faults: Any = to_builtins(list(flaws))
    values = (party_id, form.value, reference, content, list(kinds), not flaws, answer, faults, *about, now)
    found: int = await conn.fetchval(_queries.insert_exchange, *values)
    return found


async def exchanges_of_party(conn: Connection, party_id: int, limit: int, offset: int) -> tuple[list[ExchangeRow], int]:
    rows = await conn.fetch(_queries.exchanges_of_party, party_id, limit, offset)
    return [convert(dict(row), ExchangeRow) for row in rows], rows[0]["total"] if rows else 0


async def exchange(conn: Connection, exchange_id: int) -> Row | None:
    return await conn.fetchrow(_queries.exchange, exchange_id)


async def held_when_shipped(conn: Connection, case_id: int, currency: str, at: datetime) -> int:
    """What the book says had come into the case's account, and not gone on to a part of the sale, when it was shipped."""
    found: int = await conn.fetchval(_queries.held_when_shipped, f"escrow:{case_id}", currency, at)
    return found


async def paid_out_by(conn: Connection, case_id: int, action: str, at: datetime) -> dict[str, int]:
    """What one act of a case took out of its account, by account."""
    subject, account = f"case:{case_id}", f"escrow:{case_id}"
    rows = await conn.fetch(_queries.paid_out_by, subject, f"case_{action}", at, account)
    return {row["path"]: row["amount_minor"] for row in rows}


def _listing(row: Row) -> Listing:
    return convert({name: row[name] for name in Listing.__struct_fields__}, Listing)
