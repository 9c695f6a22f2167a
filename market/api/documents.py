"""The API of trade documents: send one, fetch those that wait, read those of a deal."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from market.api.operations import Call, operation
from market.api.shapes import Listed, Paging
from market.documents import store
from market.documents.edifact_reader import BOM
from market.documents.flaws import Flaw
from market.documents.papers import make_at_need
from market.documents.receiving import Received, receive
from market.documents.records import Kind
from market.documents.sending import body_for
from market.documents.sentences import flaw_text, place_text
from market.documents.store import DeliveryState, Format
from market.documents.webhooks import MEDIA_TYPES
from market.house import House, house_of
from market.problems import Problem, ProblemError
from market.rendering import language_of

EDIFACT_TYPES = ("application/edifact", "application/edi-consent", "text/plain", "application/octet-stream")
UBL_TYPES = ("application/xml", "text/xml")
MOST_WAITING = 100


class FlawOut(Struct, kw_only=True):
    """One fault: where (`place` in words; in EDIFACT by message, segment, element, component), why, what would be right.
    `code` is that of the CONTRL (data element 0085)."""

    why: str
    sentence: str
    place: str
    code: int
    message: str
    segment: int
    element: int
    component: int
    said: str
    right: str


class ReceivedOut(Struct, kw_only=True):
    """What became of what was sent. `again`: it was sent before, and nothing was done now. `test`: its UNB calls it a test,
    so it was judged, and nothing of it done. Without an `answer` it was itself one, or could not be read at all."""

    accepted: bool
    again: bool
    test: bool
    format: Format
    exchange_id: int | None
    answer: str
    flaws: list[FlawOut]


class DocumentLine(Struct, kw_only=True):
    """A document. `delivery`: how sending it to the recipient's system stands; null where there is none."""

    id: int
    kind: Kind
    number: str
    role: Literal["issuer", "recipient", "other"]
    case_id: int | None
    reference: str
    delivery: DeliveryState | None
    said: str
    made_at: datetime


class DocumentOut(Struct, kw_only=True):
    """The document's record: what both spellings were written from."""

    id: int
    kind: Kind
    number: str
    reference: str
    record: dict[str, Any]
    edifact_sha256: str
    xml_sha256: str
    made_at: datetime


class DocumentQuery(Paging, kw_only=True, forbid_unknown_fields=True):
    kind: Kind | None = None


class QueueQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    limit: Annotated[int, Meta(ge=1, le=MOST_WAITING)] = MOST_WAITING


@operation("POST", "/edi", tag="documents", keyed=False, body_media_types=(*EDIFACT_TYPES, *UBL_TYPES))
async def send_edi(call: Call, body: bytes) -> ReceivedOut:
    """One interchange, or one UBL document. `answer` is the CONTRL or ApplicationResponse; `/edi` answers with it alone."""
    done = await _receive(call, body)
    return ReceivedOut(
        accepted=done.accepted,
        again=done.is_again,
        test=done.is_test,
        format=done.format,
        exchange_id=done.exchange_id,
        answer=done.answer.decode("utf-8" if done.format is Format.UBL else "iso-8859-1"),
        flaws=[flaw_out(each, call.house, call.request) for each in done.flaws],
    )


@operation("GET", "/deals/{case_id:int}/documents", tag="documents")
async def deal_documents(call: Call, case_id: int) -> list[DocumentLine]:
    """The documents of a deal, from the first inquiry to the remittance, oldest first."""
    await make_at_need(call.conn, call.house.documents.desk.house, case_id, call.now)
    return [_line(each, call.viewer.id) for each in await store.documents_of_deal(call.conn, case_id)]


@operation("GET", "/documents", tag="documents")
async def documents(call: Call, query: DocumentQuery) -> Listed[DocumentLine]:
    """The viewer's documents, newest first."""
    rows, total = await store.documents_of_party(
        call.conn,
        call.viewer.id,
        query.kind.value if query.kind else None,
        query.page_size,
        (query.page - 1) * query.page_size,
    )
    items = [_line(row, call.viewer.id) for row in rows]
    return Listed(items=items, page=query.page, pages=max(1, -(-total // query.page_size)), total=total)


@operation("GET", "/documents/{document_id:int}", tag="documents")
async def document(call: Call, document_id: int) -> DocumentOut:
    """One document."""
    row = await _row(call, document_id)
    return DocumentOut(
        id=row["id"],
        kind=Kind(row["kind"]),
        number=row["number"],
        reference=row["reference"],
        record=msgspec.json.decode(row["record"]),
        edifact_sha256=row["edifact_sha256"].hex(),
        xml_sha256=row["xml_sha256"].hex(),
        made_at=row["made_at"],
    )


@operation("GET", "/documents/{document_id:int}/edifact", tag="documents", returns_media="application/edifact")
async def document_edifact(call: Call, document_id: int) -> Response:
    """The document as an EDIFACT interchange."""
    return Response((await _row(call, document_id))["edifact"], media_type="application/edifact")


@operation("GET", "/documents/{document_id:int}/ubl", tag="documents", returns_media="application/xml")
async def document_ubl(call: Call, document_id: int) -> Response:
    """The document as UBL 2.1."""
    return Response((await _row(call, document_id))["xml"], media_type="application/xml")


@operation("GET", "/edi/waiting", tag="documents")
async def waiting_documents(call: Call, query: QueueQuery) -> list[DocumentLine]:
    """What waits to be fetched by the viewer's system, oldest first."""
    return [_line(each, call.viewer.id) for each in await store.waiting(call.conn, call.viewer.id, query.limit)]


@operation(
    "POST", "/edi/waiting/{document_id:int}", tag="documents", keyed=False, returns_media="application/octet-stream"
)
async def fetch_document(call: Call, document_id: int) -> Response:
    """Fetch one that waits, in the format that the viewer's system reads; from now on its acknowledgement is awaited."""
    row, partner = await _row(call, document_id), await store.partner(call.conn, call.viewer.id)
    if partner is None or row["recipient_id"] != call.viewer.id or row["delivery_state"] is None:
        raise ProblemError(Problem.NOT_FOUND)
    await store.delivery_sent(call.conn, document_id, call.now, None)
    return Response(body_for(row, partner), media_type="application/octet-stream")


async def edi(request: Request) -> Response:
    """The door of systems that speak nothing else: an interchange or a document in, its acknowledgement out. HTTP says
    only whether there is an answer; a rejection is one.
    """
    house = house_of(request)
    body = await request.body()
    async with house.pool.acquire() as conn, conn.transaction():
        call = Call(request=request, conn=conn, now=house.node_time.now())
        done = await _receive(call, body)
    if not done.answer and done.flaws:
        flaws = [msgspec.to_builtins(flaw_out(each, house, request)) for each in done.flaws]
        raise ProblemError(Problem.UNPROCESSABLE, flaws=flaws)
    headers = {"Document-Accepted": "true" if done.accepted else "false"}
    if not done.answer:
        return Response(status_code=204, headers=headers)
    return Response(done.answer, media_type=MEDIA_TYPES[done.format], headers=headers)


async def _receive(call: Call, body: bytes) -> Received:
    if call.viewer.token_id is None:
        raise ProblemError(Problem.SIGN_IN_REQUIRED, headers={"WWW-Authenticate": "Bearer"})
    given = call.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given not in (*EDIFACT_TYPES, *UBL_TYPES):
        raise ProblemError(Problem.UNSUPPORTED_MEDIA)
    is_xml = body.removeprefix(BOM).lstrip()[:1] == b"<"
    form = Format.UBL if is_xml or (given in UBL_TYPES and body.lstrip()[:2] != b"UN") else Format.EDIFACT
    return await receive(call.conn, call.house.documents.desk, call.viewer.id, form, body, call.now)


def flaw_out(flaw: Flaw, house: House, request: Request) -> FlawOut:
    """A fault as the API says it."""
    lang = language_of(request)
    return FlawOut(
        why=flaw.why,
        sentence=flaw_text(flaw, house.catalogue, lang),
        place=place_text(flaw, house.catalogue, lang),
        code=int(flaw.code),
        message=flaw.message,
        segment=flaw.segment,
        element=flaw.element,
        component=flaw.component,
        said=flaw.said,
        right=flaw.right,
    )


async def _row(call: Call, document_id: int) -> Any:
    row = await store.document(call.conn, document_id)
    if row is None:
        raise ProblemError(Problem.NOT_FOUND)
    return row


def _line(row: store.Listing, viewer_id: int) -> DocumentLine:
    role: Literal["issuer", "recipient", "other"] = "other"
    if viewer_id in (row.issuer_id, row.recipient_id):
        role = "issuer" if viewer_id == row.issuer_id else "recipient"
    return DocumentLine(
        id=row.id,
        kind=row.kind,
        number=row.number,
        role=role,
        case_id=row.case_id,
        reference=row.reference,
        delivery=row.delivery_state,
        said=row.said or "",
        made_at=row.made_at,
    )


routes = [Route("/edi", edi, name="edi", methods=["POST"])]
