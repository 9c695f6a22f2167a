"""The papers of a contract in the browser: handing in, judging, appointing an officer; and who holds an office."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from market.case_files import Content
from market.contracting import formalities
from market.evidence_rendering import EvidenceKind, EvidenceRefusal
from market.house import house_of
from market.pages import contracts
from market.pages.case_files import count_files, evidence_response, handed_in
from market.pages.deal_page import texts
from market.parties import plain_email
from market.problems import sentence
from market.rendering import Form, flash, render

if TYPE_CHECKING:
    from migrations.database import Connection

MOST_FILES_AT_ONCE = 5
Act = Callable[["Connection", datetime], Awaitable[Any]]


async def hand_in(request: Request) -> Response:
    """Files for one line of the checklist; what is refused changes nothing."""
    async with request.form(max_files=formalities.MOST_PAPERS, max_fields=4, max_part_size=64 * 1024) as sent:
        too_many = count_files(sent) > MOST_FILES_AT_ONCE
        files = EvidenceRefusal.TOO_MANY_AT_ONCE if too_many else await handed_in(sent)
    n, field = request.path_params["n"], f"files_{request.path_params['n']}"
    if not isinstance(files, list) or not files:
        refusal = files if not isinstance(files, list) else EvidenceRefusal.MISSING
        return await contracts.show(request, Form(errors={field: sentence(request, refusal)}), 422)

    async def act(conn: Connection, now: datetime) -> Any:
        done: Any = None
        for each in files:
            done = await formalities.hand_in(
                conn, _number(request), n, request.user.id, each, now, is_operator=request.user.is_operator
            )
            if isinstance(done, StrEnum):
                return done
        return done

    return await _perform(request, act, "contract.flash.handed_in", field)


async def judge(request: Request) -> Response:
    """Accept what was handed in, or refuse it with the reason."""
    sent, n = await request.form(), request.path_params["n"]

    async def act(conn: Connection, now: datetime) -> Any:
        return await formalities.judge(
            conn,
            house_of(request).escrow,
            _number(request),
            n,
            request.user.id,
            now,
            accept=sent.get("verdict") == "accept",
            reason=str(sent.get("reason", "")),
            is_operator=request.user.is_operator,
        )

    return await _perform(request, act, "contract.flash.judged", f"reason_{n}")


async def appoint(request: Request) -> Response:
    """Who is to see to it; nobody, if none is named."""
    sent, n = await request.form(), request.path_params["n"]
    named = str(sent.get("officer", ""))
    officer = int(named) if named.isascii() and named.isdigit() and len(named) < 19 else None

    async def act(conn: Connection, now: datetime) -> Any:
        return await formalities.appoint(
            conn, _number(request), n, request.user.id, officer, now, is_operator=request.user.is_operator
        )

    return await _perform(request, act, "contract.flash.appointed", f"officer_{n}")


async def paper_file(request: Request) -> Response:
    """One file that was handed in."""
    async with house_of(request).pool.acquire() as conn:
        found = await formalities.paper_content(conn, _number(request), int(request.path_params["paper_id"]))
    if found is None:
        raise HTTPException(404)
    kind, name, content = found
    return evidence_response(Content(kind=EvidenceKind(kind), name=name, content=content))


async def duties(request: Request) -> Response:
    """What the viewer was appointed to."""
    async with house_of(request).pool.acquire() as conn:
        found = await formalities.duties_of(conn, request.user.id)
    return render(request, "contracts/duties.html", {"duties": found})


async def offices(request: Request) -> Response:
    """Who holds which office; operators grant it by the party's address."""
    form, status = Form(), 200
    if request.method == "POST":
        sent = await request.form()
        form = Form(values={name: str(sent.get(name, "")) for name in ("email", "kind")})
        email, house = plain_email(form.values["email"]), house_of(request)
        async with house.pool.acquire() as conn, conn.transaction():
            done = (
                email
                if isinstance(email, StrEnum)
                else await formalities.grant_office(
                    conn, email, form.values["kind"], request.user.id, house.node_time.now()
                )
            )
        if isinstance(done, int):
            response = RedirectResponse("/operator/offices", 303)
            flash(response, "offices.granted")
            return response
        field = "kind" if done is formalities.FormalityRefusal.OFFICE_UNKNOWN else "email"
        form.errors[field], status = sentence(request, done), 422
    async with house_of(request).pool.acquire() as conn:
        held = await formalities.offices(conn)
    text = texts(request)
    options = [(kind, text(f"office.{kind}")) for kind in formalities.OFFICES]
    return render(request, "contracts/offices.html", {"held": held, "form": form, "kinds": options}, status=status)


async def office_end(request: Request) -> Response:
    """It is held no longer."""
    house = house_of(request)
    async with house.pool.acquire() as conn, conn.transaction():
        done = await formalities.end_office(
            conn, int(request.path_params["office_id"]), request.user.id, house.node_time.now()
        )
    if not done:
        raise HTTPException(404)
    response = RedirectResponse("/operator/offices", 303)
    flash(response, "offices.ended")
    return response


async def _perform(request: Request, act: Act, done: str, field: str) -> Response:
    house = house_of(request)
    async with house.pool.acquire() as conn:
        try:
            async with conn.transaction():
                outcome = await act(conn, house.node_time.now())
                if isinstance(outcome, StrEnum):
                    raise _Undo(outcome)
        except _Undo as undone:
            return await contracts.show(request, Form(errors={field: sentence(request, undone.refusal)}), 422)
    here = request.url_for("contract", contract_id=_number(request)).path
    response = RedirectResponse(f"{here}#formality-{request.path_params['n']}", 303)
    flash(response, done)
    return response


class _Undo(Exception):
    def __init__(self, refusal: StrEnum) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


def _number(request: Request) -> int:
    return int(request.path_params["contract_id"])


routes = [
    Route("/contracts/{contract_id:int}/papers/{n:int}", hand_in, name="formality_hand_in", methods=["POST"]),
    Route("/contracts/{contract_id:int}/papers/{n:int}/judge", judge, name="formality_judge", methods=["POST"]),
    Route("/contracts/{contract_id:int}/papers/{n:int}/officer", appoint, name="formality_appoint", methods=["POST"]),
    Route("/contracts/{contract_id:int}/files/{paper_id:int}", paper_file, name="formality_paper"),
    Route("/duties", duties, name="duties"),
    Route("/operator/offices", offices, name="operator_offices", methods=["GET", "POST"]),
    Route("/operator/offices/{office_id:int}/end", office_end, name="operator_office_end", methods=["POST"]),
]
