"""Chargebacks at the operators' desk: the list, one with its sources, and the house's answer to the bank."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from escrow.chargebacks import LONGEST_ANSWER
from escrow.facts import ChargebackState, Refusal
from market import audit, chargeback_desk
from market.house import house_of
from market.pages.desk_forms import asked, texts
from market.problems import sentence
from market.rendering import Form, flash, render


async def operator_chargebacks(request: Request) -> Response:
    """Every chargeback, or those of one state, latest first."""
    text = texts(request)
    state = asked(request, "state", tuple(one.value for one in ChargebackState))
    async with house_of(request).pool.acquire() as conn:
        rows = await chargeback_desk.chargebacks(conn, state or None)
    options = [("", text("deal.any")), *((one.value, text(f"chargeback_state.{one.value}")) for one in ChargebackState)]
    context = {"rows": rows, "state": state, "state_options": options}
    return render(request, "operator_claims/chargebacks.html", context)


async def operator_chargeback(request: Request) -> Response:
    """One chargeback: what it had paid, whence the sum was set aside, and the answer."""
    return await _show(request, Form())


async def answer(request: Request) -> Response:
    """Answer the bank."""
    house, chargeback_id = house_of(request), int(request.path_params["chargeback_id"])
    written = str((await request.form()).get("answer", "")).replace("\x00", "").replace("\r\n", "\n")
    async with house.pool.acquire() as conn, conn.transaction():
        done = await chargeback_desk.answer(
            conn, house.escrow, chargeback_id, written, request.user.id, house.node_time.now()
        )
    if done is Refusal.UNKNOWN_CHARGEBACK:
        raise HTTPException(404)
    if isinstance(done, Refusal):
        form = Form(values={"answer": written})
        form.errors["answer"] = sentence(request, done)
        return await _show(request, form, 422)
    house.card_payments.wake()
    response = RedirectResponse(request.url_for("operator_chargeback", chargeback_id=chargeback_id).path, 303)
    flash(response, "chargeback_desk.answered")
    return response


async def _show(request: Request, form: Form, status: int = 200) -> Response:
    chargeback_id = int(request.path_params["chargeback_id"])
    async with house_of(request).pool.acquire() as conn:
        view = await chargeback_desk.chargeback(conn, chargeback_id)
        if view is None:
            raise HTTPException(404)
        acts = await audit.entries_of(conn, f"chargeback:{chargeback_id}")
    one = view.chargeback
    context = {
        "view": view,
        "one": one,
        "form": form,
        "acts": acts,
        "is_party": request.user.id in (one.party_id, one.payer_id),
        "longest": LONGEST_ANSWER,
    }
    return render(request, "operator_claims/chargeback.html", context, status=status)


routes = [
    Route("/operator/chargebacks", operator_chargebacks, name="operator_chargebacks"),
    Route("/operator/chargebacks/{chargeback_id:int}", operator_chargeback, name="operator_chargeback"),
    Route(
        "/operator/chargebacks/{chargeback_id:int}/answer", answer, name="operator_chargeback_answer", methods=["POST"]
    ),
]
