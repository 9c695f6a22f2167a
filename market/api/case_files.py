"""The file of a case by the API: read it, write into it, hand evidence in, fetch it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct
from starlette.responses import Response

from escrow import rules
from escrow.facts import Case, Role
from market import case_files
from market.api.operations import Call, granted, operation
from market.case_files import LONGEST_MESSAGE, CaseFile
from market.evidence_rendering import Evidence, EvidenceKind
from market.pages.case_files import evidence_response
from market.problems import Problem, ProblemError

MEDIA = ("image/jpeg", "image/png", "image/webp", "application/pdf")
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class MessageShape(Struct, kw_only=True):
    id: int
    at: datetime
    author_role: Role
    author_name: str
    words: str


class EvidenceShape(Struct, kw_only=True):
    """`sha256` is of the bytes that everybody fetches, `upload_sha256` of the file as it was handed in."""

    id: int
    at: datetime
    author_role: Role
    author_name: str
    kind: EvidenceKind
    name: str
    size_bytes: int
    sha256: Sha256
    upload_sha256: Sha256
    url: str


class CaseFileShape(Struct, kw_only=True):
    """What was said and shown in a case; both parties and the operators read the same. `open`: more may be put into it."""

    case_id: int
    open: bool
    messages: list[MessageShape]
    evidence: list[EvidenceShape]


class Message(Struct, kw_only=True, forbid_unknown_fields=True):
    words: Annotated[str, Meta(min_length=1, max_length=LONGEST_MESSAGE, pattern=r"\S")]


class EvidenceQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    """What the file is called; whoever opens it sees this name."""

    name: Annotated[str, Meta(max_length=200)] = ""


@operation("GET", "/deals/{case_id:int}/file", tag="claims")
async def deal_file(call: Call, case_id: int) -> CaseFileShape:
    """The file of a case: messages and evidence of both sides."""
    case, _ = await _case(call, case_id)
    return file_shape(case, await case_files.case_file(call.conn, case_id))


@operation("POST", "/deals/{case_id:int}/messages", tag="claims", status=201)
async def write_message(call: Call, case_id: int, body: Message) -> CaseFileShape:
    """Write into the file of a case; the other side and the operators read it."""
    case, role = await _case(call, case_id)
    granted(
        await case_files.add_message(
            call.conn, case, author_id=call.viewer.id, role=role, words=body.words, now=call.now
        )
    )
    return file_shape(case, await case_files.case_file(call.conn, case_id))


@operation("POST", "/deals/{case_id:int}/evidence", tag="claims", status=201, body_media_types=MEDIA)
async def hand_in_evidence(call: Call, case_id: int, query: EvidenceQuery, body: bytes) -> EvidenceShape:
    """Hand in a photo or a PDF of at most 10 MiB. A photo is encoded anew without its metadata."""
    case, role = await _case(call, case_id)
    evidence = granted(await case_files.render_off_loop(body, query.name))
    assert isinstance(evidence, Evidence)
    evidence_id = granted(
        await case_files.add_evidence(
            call.conn, case, author_id=call.viewer.id, role=role, evidence=evidence, now=call.now
        )
    )
    shown = file_shape(case, await case_files.case_file(call.conn, case_id))
    return next(one for one in shown.evidence if one.id == evidence_id)


@operation(
    "GET", "/deals/{case_id:int}/evidence/{evidence_id:int}", tag="claims", returns_media="application/octet-stream"
)
async def fetch_evidence(call: Call, case_id: int, evidence_id: int) -> Response:
    """The bytes of one piece of evidence; its `kind` says what they are: a photo is WebP, a document PDF."""
    found = await case_files.evidence_content(call.conn, case_id, evidence_id)
    if found is None:
        raise ProblemError(Problem.NOT_FOUND)
    response = evidence_response(found)
    response.headers["Content-Type"] = "application/octet-stream"
    return response


def file_shape(case: Case, file: CaseFile) -> CaseFileShape:
    """A case's file on the wire."""
    return CaseFileShape(
        case_id=case.id,
        open=case_files.may_add(case),
        messages=[
            MessageShape(
                id=one.id, at=one.created_at, author_role=one.author_role, author_name=one.author_name, words=one.words
            )
            for one in file.messages
        ],
        evidence=[
            EvidenceShape(
                id=one.id,
                at=one.created_at,
                author_role=one.author_role,
                author_name=one.author_name,
                kind=one.kind,
                name=one.name,
                size_bytes=one.size_bytes,
                sha256=one.sha256.hex(),
                upload_sha256=one.upload_sha256.hex(),
                url=f"/api/v1/deals/{case.id}/evidence/{one.id}",
            )
            for one in file.evidence
        ],
    )


async def _case(call: Call, case_id: int) -> tuple[Case, Role]:
    case = await call.house.escrow.settlement.case_by_id(call.conn, case_id)
    if case is None:
        raise ProblemError(Problem.NOT_FOUND)
    return case, rules.role_of(case, call.viewer.id) or Role.OPERATOR
