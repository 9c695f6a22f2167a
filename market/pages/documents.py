"""Trade documents to be read: those of a deal, all of a party's, one in full with both files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from market.contracting.terms import UNITS
from market.documents import store
from market.documents.papers import make_at_need
from market.documents.records import Kind, Party, Record, read_record
from market.documents.store import Listing
from market.documents.texts import decimal_text
from market.house import house_of
from market.pages.deal_page import texts
from market.pages.proofs import download
from market.problems import Problem, ProblemError
from market.rendering import flash, render

if TYPE_CHECKING:
    from asyncpg import Record as Row

PAGE_SIZE = 30


async def partner_documents(request: Request) -> Response:
    """Every document that the viewer gave or got."""
    kind = request.query_params.get("kind", "")
    kind = kind if kind in set(Kind) - {Kind.CONTRL} else ""
    given = request.query_params.get("page", "")
    page = int(given) if given.isascii() and given.isdigit() and int(given[:6]) > 0 else 1
    house, text = house_of(request), texts(request)
    async with house.pool.acquire() as conn:
        rows, total = await store.documents_of_party(
            conn, request.user.id, kind or None, PAGE_SIZE, (page - 1) * PAGE_SIZE
        )
        names = await _names(conn, rows)
    context = {
        "rows": rows,
        "names": names,
        "kind": kind,
        "kinds": [("", text("documents.any_kind"))]
        + [(one.value, text(f"documents.kind.{one}")) for one in Kind if one is not Kind.CONTRL],
        "page": page,
        "pages": max(1, -(-total // PAGE_SIZE)),
    }
    return render(request, "documents/list.html", context)


async def deal_documents(request: Request) -> Response:
    """The documents of a deal, from the first inquiry to the remittance."""
    case_id, house = int(request.path_params["case_id"]), house_of(request)
    async with house.pool.acquire() as conn:
        await make_at_need(conn, house.documents.desk.house, case_id, house.node_time.now())
        rows = await store.documents_of_deal(conn, case_id)
        names = await _names(conn, rows)
    return render(request, "documents/deal.html", {"rows": rows, "names": names, "case_id": case_id})


async def document(request: Request) -> Response:
    """One document, as people read it."""
    row = await _row(request)
    record = read_record(row["record"])
    context = {
        "row": row,
        "record": record,
        "kind": Kind(row["kind"]),
        "units": UNITS,
        "parties": _parties(record),
        "priced": getattr(record, "lines", ()),
        "items": getattr(record, "items", ()),
        "kilograms": _kilograms(record),
        "edifact": row["edifact"].decode("iso-8859-1"),
        "is_recipient": row["recipient_id"] == request.user.id,
    }
    return render(request, "documents/document.html", context)


async def document_edi(request: Request) -> Response:
    """The EDIFACT interchange as a file."""
    row = await _row(request)
    return download(row["edifact"], f"{row['kind']}-{row['id']}.edi", "application/edifact")


async def document_xml(request: Request) -> Response:
    """The UBL document as a file."""
    row = await _row(request)
    return download(row["xml"], f"{row['kind']}-{row['id']}.xml", "application/xml")


async def document_again(request: Request) -> Response:
    """The recipient's system is to have it once more."""
    house, document_id = house_of(request), int(request.path_params["document_id"])
    async with house.pool.acquire() as conn, conn.transaction():
        done = await store.send_again(conn, document_id, request.user.id, house.node_time.now())
    response = RedirectResponse(request.url_for("document", document_id=document_id).path, 303)
    if done:
        flash(response, "documents.flash.again")
    return response


def _kilograms(record: Record) -> str:
    """The weight for people; empty where none is said."""
    grams = getattr(record, "weight_grams", None)
    return "" if grams is None else decimal_text(grams, 3).rstrip("0").rstrip(".")


def _parties(record: Record) -> list[tuple[str, Party]]:
    """Everybody that the document names, by role."""
    found = []
    for role in ("buyer", "seller", "carrier", "payer"):
        party = getattr(record, role, None)
        if isinstance(party, Party):
            found.append((role, party))
    return found


async def _names(conn: Any, rows: list[Listing]) -> dict[int, str]:
    """Names of the other side. While a post is anonymous its documents say who is who, not this list."""
    ids = {each for row in rows if row.case_id for each in (row.issuer_id, row.recipient_id) if each}
    return {party_id: party.name for party_id, party in (await store.named(conn, sorted(ids))).items()}


async def _row(request: Request) -> Row:
    async with house_of(request).pool.acquire() as conn:
        row = await store.document(conn, int(request.path_params["document_id"]))
    if row is None:
        raise ProblemError(Problem.NOT_FOUND)
    return row


routes = [
    Route("/documents", partner_documents, name="partner_documents"),
    Route("/deals/{case_id:int}/documents", deal_documents, name="deal_documents"),
    Route("/documents/{document_id:int}", document, name="document"),
    Route("/documents/{document_id:int}.edi", document_edi, name="document_edi"),
    Route("/documents/{document_id:int}.xml", document_xml, name="document_xml"),
    Route("/documents/{document_id:int}/again", document_again, name="document_again", methods=["POST"]),
]
