"""The file of a case in the browser: writing into it, handing evidence in, and opening what was handed in.

The file itself is shown on the deal's page and on the operator's desk, by one and the same template.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from escrow import rules
from escrow.facts import Case, Role
from market import case_files
from market.case_files import MOST_EVIDENCE, CaseFileRefusal, Content
from market.evidence_rendering import LARGEST_EVIDENCE_BYTES, THUMBNAIL, Evidence, EvidenceKind, EvidenceRefusal
from market.house import house_of
from market.pages import deal_page
from market.problems import Problem, ProblemError, sentence
from market.rendering import Form, flash

if TYPE_CHECKING:
    from enum import StrEnum

    from starlette.datastructures import FormData
    from starlette.requests import Request

    from migrations.database import Connection

_KEPT = "private, max-age=600"


async def add_to_file(request: Request) -> Response:
    """A message, files, or both. What is refused changes nothing."""
    async with request.form(max_files=MOST_EVIDENCE, max_fields=4, max_part_size=64 * 1024) as typed:
        form = Form(values={"words": str(typed.get("words", ""))})
        evidence = await handed_in(typed)
    refused = await _add(request, form.values["words"], evidence) if isinstance(evidence, list) else evidence
    if refused is None:
        response = RedirectResponse(f"{_back(request)}#file", 303)
        flash(response, "case_file.flash_added")
        return response
    form.errors["files" if isinstance(refused, EvidenceRefusal) else "words"] = sentence(request, refused)
    return await deal_page.show(request, form, 422)


async def handed_in(typed: FormData) -> list[Evidence] | CaseFileRefusal | EvidenceRefusal:
    """The files of a form as evidence, or why one of them is none."""
    found = []
    for file in typed.getlist("files"):
        if not isinstance(file, UploadFile) or not file.filename:
            continue
        upload = await file.read(LARGEST_EVIDENCE_BYTES + 1)
        evidence = await case_files.render_off_loop(upload, file.filename)
        if not isinstance(evidence, Evidence):
            return evidence
        found.append(evidence)
    return found


def count_files(typed: FormData) -> int:
    """How many files were chosen."""
    return sum(isinstance(file, UploadFile) and bool(file.filename) for file in typed.getlist("files"))


async def evidence(request: Request) -> Response:
    """One file, whole: a photo is shown, a document is only handed out."""
    return await _content(request, 0)


async def evidence_small(request: Request) -> Response:
    """A small picture of a photo."""
    return await _content(request, THUMBNAIL)


async def put_in(
    conn: Connection, case: Case, author_id: int, role: Role, words: str, evidence: list[Evidence], request: Request
) -> CaseFileRefusal | None:
    """Words, if any, and files into the file, in the caller's transaction."""
    now = house_of(request).node_time.now()
    if words.strip() or not evidence:
        said = await case_files.add_message(conn, case, author_id=author_id, role=role, words=words, now=now)
        if isinstance(said, CaseFileRefusal):
            return said
    for each in evidence:
        done = await case_files.add_evidence(conn, case, author_id=author_id, role=role, evidence=each, now=now)
        if isinstance(done, CaseFileRefusal):
            return done
    return None


class _Undo(Exception):
    def __init__(self, refusal: StrEnum) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


async def _add(request: Request, words: str, evidence: list[Evidence]) -> StrEnum | None:
    house, case_id = house_of(request), int(request.path_params["case_id"])
    async with house.pool.acquire() as conn:
        try:
            async with conn.transaction():
                case = await house.escrow.settlement.case_by_id(conn, case_id)
                role = None if case is None else rules.role_of(case, request.user.id)
                if case is None or (role is None and not request.user.is_operator):
                    raise ProblemError(Problem.NOT_FOUND)
                refused = await put_in(conn, case, request.user.id, role or Role.OPERATOR, words, evidence, request)
                if refused is not None:
                    raise _Undo(refused)
        except _Undo as undone:
            return undone.refusal
    return None


async def _content(request: Request, width: int) -> Response:
    case_id, evidence_id = (int(request.path_params[name]) for name in ("case_id", "evidence_id"))
    async with house_of(request).pool.acquire() as conn:
        found = await case_files.evidence_content(conn, case_id, evidence_id, width)
    if found is None:
        raise HTTPException(404)
    return evidence_response(found)


def evidence_response(found: Content) -> Response:
    """A photo is looked at in the page, a document only ever saved: the house's own pages never run what is in it."""
    is_photo = found.kind is EvidenceKind.PHOTO
    disposition = "inline" if is_photo else "attachment"
    headers = {
        "Cache-Control": _KEPT,
        "Content-Disposition": f"{disposition}; filename*=UTF-8''{quote(found.name, safe='')}",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(found.content, media_type="image/webp" if is_photo else "application/pdf", headers=headers)


def _back(request: Request) -> str:
    """Operators work at their own desk, the parties at their deal."""
    case_id = request.path_params["case_id"]
    return str(request.url_for("deal", case_id=case_id).path)


routes = [
    Route("/deals/{case_id:int}/file", add_to_file, name="deal_file_add", methods=["POST"]),
    Route("/deals/{case_id:int}/evidence/{evidence_id:int}", evidence, name="deal_evidence"),
    Route("/deals/{case_id:int}/evidence/{evidence_id:int}/small.webp", evidence_small, name="deal_evidence_small"),
]
