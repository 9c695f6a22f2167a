"""The claims desk in the browser: the queue, the full file of a claim as both parties read it, and the arbiter's acts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from escrow.facts import Case, Refusal, State
from market import audit, case_files, chargeback_desk, claims_desk
from market.currencies import EXPONENTS, AmountProblem, parse_amount
from market.deals import TONES, deal_view
from market.house import House, house_of
from market.pages.deal_page import sums_of, texts, timeline_of, typed
from market.problems import sentence
from market.rendering import Form, flash, render

if TYPE_CHECKING:
    from market.claims_desk import RulingPreview
    from migrations.database import Connection

PAGE_SIZE = 50
LONGEST_REASON = 4000
Act = Callable[["Connection", House, int], Awaitable[Case | Refusal]]


async def operator_claims(request: Request) -> Response:
    """Disputed deals by deadline, and the chargebacks that the bank has not decided."""
    house, text = house_of(request), texts(request)
    query = request.query_params
    state = query.get("state", "") if query.get("state", "") in claims_desk.STATES else ""
    whose = query.get("whose", "") if query.get("whose", "") in claims_desk.WHOSE else ""
    page = _number(query.get("page", "1"))
    async with house.pool.acquire() as conn:
        rows, total = await claims_desk.queue(
            conn,
            request.user.id,
            state=state or None,
            whose=whose or None,
            limit=PAGE_SIZE,
            offset=(page - 1) * PAGE_SIZE,
        )
        chargebacks = await chargeback_desk.chargebacks(conn, "open")
    names = {"mine": "claims_desk.mine", "free": "claims_desk.free", "second": "claims_desk.waits_second"}
    context = {
        "rows": rows,
        "chargebacks": chargebacks,
        "tones": TONES,
        "state": state,
        "whose": whose,
        "state_options": [("", text("deal.any")), *((one, text(f"deal.state.{one}")) for one in claims_desk.STATES)],
        "whose_options": [("", text("deal.any")), *((one, text(names[one])) for one in claims_desk.WHOSE)],
        "page": page,
        "pages": max(1, -(-total // PAGE_SIZE)),
    }
    return render(request, "operator_claims/queue.html", context)


async def operator_claim(request: Request) -> Response:
    """One claim; with sums in the address, the postings that such a ruling would make."""
    form = Form(values={name: request.query_params.get(name, "") for name in ("buyer", "house")})
    return await _show(request, form)


async def take_up(request: Request) -> Response:
    """Become the handler."""

    async def act(conn: Connection, house: House, case_id: int) -> Case | Refusal:
        now = house.node_time.now()
        return await claims_desk.take_up(conn, house.escrow, case_id, operator_id=request.user.id, now=now)

    return await _act(request, act, lambda _: "claims_desk.flash.taken_up", Form())


async def take_arbitration(request: Request) -> Response:
    """Become the arbiter."""

    async def act(conn: Connection, house: House, case_id: int) -> Case | Refusal:
        now = house.node_time.now()
        return await claims_desk.take_arbitration(conn, house.escrow, case_id, operator_id=request.user.id, now=now)

    return await _act(request, act, lambda _: "claims_desk.flash.arbitration_taken", Form())


async def rule(request: Request) -> Response:
    """Rule as previewed, with reasons."""
    form = await typed(request, "buyer", "house", "ruling_reason")
    reason = form.values["ruling_reason"].replace("\x00", "").strip()[:LONGEST_REASON]
    async with house_of(request).pool.acquire() as conn:
        case = await _case(request, conn)
    buyer, house_minor = _sums(request, form, case)
    if not reason:
        form.errors["ruling_reason"] = texts(request)("claims_desk.reason_missing")

    async def act(conn: Connection, house: House, case_id: int) -> Case | Refusal:
        assert buyer is not None, "a form without a sum has an error and is not acted on"
        return await claims_desk.rule(
            conn,
            house.escrow,
            case_id,
            buyer_minor=buyer,
            house_minor=house_minor,
            reason=reason,
            operator_id=request.user.id,
            now=house.node_time.now(),
        )

    def said(case: Case) -> str:
        return f"claims_desk.flash.{'ruled' if case.state is State.RULED else 'proposed'}"

    return await _act(request, act, said, form)


async def confirm(request: Request) -> Response:
    """The second person confirms the ruling."""

    async def act(conn: Connection, house: House, case_id: int) -> Case | Refusal:
        now = house.node_time.now()
        return await claims_desk.confirm(conn, house.escrow, case_id, operator_id=request.user.id, now=now)

    return await _act(request, act, lambda _: "claims_desk.flash.confirmed", Form())


async def decline(request: Request) -> Response:
    """The second person declines the ruling and says why."""
    form = await typed(request, "declined_why")
    why = form.values["declined_why"].replace("\x00", "").strip()[:LONGEST_REASON]
    if not why:
        form.errors["declined_why"] = texts(request)("escrow_refusal.reason_missing")

    async def act(conn: Connection, house: House, case_id: int) -> Case | Refusal:
        now = house.node_time.now()
        return await claims_desk.decline(conn, house.escrow, case_id, reason=why, operator_id=request.user.id, now=now)

    return await _act(request, act, lambda _: "claims_desk.flash.declined", form)


async def _act(request: Request, act: Act, said: Callable[[Case], str], form: Form) -> Response:
    """One act in one transaction. Refused or badly typed: the same page with the reasons, and nothing changed."""
    if form.errors:
        return await _show(request, form, 422)
    house, case_id = house_of(request), int(request.path_params["case_id"])
    async with house.pool.acquire() as conn, conn.transaction():
        done = await act(conn, house, case_id)
    if isinstance(done, Refusal):
        form.errors["buyer" if done is Refusal.BAD_DIVISION else ""] = sentence(request, done)
        return await _show(request, form, 422)
    response = RedirectResponse(request.url_for("operator_claim", case_id=case_id).path, 303)
    flash(response, said(done))
    return response


async def _show(request: Request, form: Form, status: int = 200) -> Response:
    house, case_id = house_of(request), int(request.path_params["case_id"])
    shown: RulingPreview | None = None
    async with house.pool.acquire() as conn:
        view = await deal_view(conn, house.escrow, case_id, request.user, house.node_time.now())
        if view is None or view.claim is None:
            raise HTTPException(404)
        duties = claims_desk.duties(view.case, request.user.id)
        limit = house.config.second_person_above_minor
        if duties.rule and form.values.get("buyer"):
            buyer, house_minor = _sums(request, form, view.case)
            if buyer is not None and "house" not in form.errors:
                found = await claims_desk.preview(conn, view.case, buyer, house_minor, limit)
                if isinstance(found, Refusal):
                    form.errors.setdefault("buyer", sentence(request, found))
                else:
                    shown = found
        ruling = view.claim.ruling
        waiting = None
        if ruling is not None and not ruling.in_force:
            found = await claims_desk.preview(conn, view.case, ruling.buyer_minor, ruling.house_minor, limit)
            waiting = found if not isinstance(found, Refusal) else None
        context = {
            "view": view,
            "deal": view.deal,
            "case_id": case_id,
            "form": form,
            "duties": duties,
            "shown": shown,
            "waiting": waiting,
            "limit_minor": limit,
            "sums": sums_of(texts(request), view),
            "timeline": timeline_of(texts(request), view),
            "tones": TONES,
            "file": await case_files.case_file(conn, case_id),
            "may_add": case_files.may_add(view.case),
            "acts": await audit.entries_of(conn, f"case:{case_id}"),
        }
    return render(request, "operator_claims/case.html", context, status=status)


async def _case(request: Request, conn: Connection) -> Case:
    case = await house_of(request).escrow.settlement.case_by_id(conn, int(request.path_params["case_id"]))
    if case is None or case.claim is None:
        raise HTTPException(404)
    return case


def _sums(request: Request, form: Form, case: Case) -> tuple[int | None, int | None]:
    """The buyer's part, and the house's where it is set by hand; what is wrong goes into the form."""
    read: dict[str, int | None] = {}
    for name in ("buyer", "house"):
        text = form.values.get(name, "").strip()
        read[name] = None
        if name == "house" and not text:
            continue
        amount = parse_amount(text, EXPONENTS[case.currency], allow_zero=True)
        if isinstance(amount, AmountProblem):
            form.errors[name] = texts(request)(f"amount_problem.{amount.value}")
        else:
            read[name] = amount
    return read["buyer"], read["house"]


def _number(text: str) -> int:
    return min(max(int(text), 1), 100_000) if text.isascii() and text.isdigit() and len(text) < 9 else 1


_AT = "/operator/claims/{case_id:int}"
routes = [
    Route("/operator/claims", operator_claims, name="operator_claims"),
    Route(_AT, operator_claim, name="operator_claim"),
    Route(f"{_AT}/take-up", take_up, name="operator_claim_take_up", methods=["POST"]),
    Route(f"{_AT}/arbitrate", take_arbitration, name="operator_claim_arbitrate", methods=["POST"]),
    Route(f"{_AT}/rule", rule, name="operator_claim_rule", methods=["POST"]),
    Route(f"{_AT}/confirm", confirm, name="operator_claim_confirm", methods=["POST"]),
    Route(f"{_AT}/decline", decline, name="operator_claim_decline", methods=["POST"]),
]
