"""Payouts: where each stands, held back or released one by one, sent again in batches; and the files that carried them."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from escrow import payments_store
from escrow.facts import Payout, PayoutState, Refusal
from market import audit, money_acts, money_desk
from market.csv_cells import csv_text
from market.currencies import EXPONENTS, decimal_text
from market.house import house_of
from market.money_acts import Act, Wish
from market.pages.desk_forms import (
    asked,
    bounds,
    csv_download,
    currency_asked,
    currency_options,
    download,
    page_asked,
    pages_of,
    reason_of,
    texts,
    typed,
    wants_csv,
)
from market.pages.operator_batches import submit_single
from market.rendering import Form, flash, render

HELD = ("yes", "no")
SORTS = ("age", "sum")


async def operator_payouts(request: Request) -> Response:
    """Payouts by state and currency, and the latest files."""
    house, text = house_of(request), texts(request)
    wanted = request.query_params.get("state", "")
    state = PayoutState(wanted) if wanted in set(PayoutState) else None
    held, sort, currency = asked(request, "held", HELD), asked(request, "sort", SORTS, "age"), currency_asked(request)
    limit, offset = bounds(request)
    async with house.pool.acquire() as conn:
        payouts, total = await payments_store.payouts_page(
            conn,
            state=state,
            currency=currency or None,
            held=None if not held else held == "yes",
            by_sum=sort == "sum",
            limit=limit,
            offset=offset,
        )
        files = await money_desk.batches(conn)
    if wants_csv(request):
        return csv_download(_csv(request, payouts), "payouts.csv")
    context = {
        "payouts": payouts,
        "files": files,
        "state": wanted,
        "state_options": [
            ("", text("deal.any")),
            *((one.value, text(f"payout_state.{one.value}")) for one in PayoutState),
        ],
        "held": held,
        "held_options": [("", text("deal.any")), *((one, text(f"desk.held_{one}")) for one in HELD)],
        "currency": currency,
        "currency_options": currency_options(request),
        "sort": sort,
        "sort_options": [(one, text(f"desk.sort_{one}")) for one in SORTS],
        "page": page_asked(request),
        "pages": pages_of(total),
    }
    return render(request, "operator_money/payouts.html", context)


def _csv(request: Request, payouts: list[Payout]) -> str:
    text = texts(request)
    names = ("payout", "at", "payee", "account_number", "purpose", "amount", "currency", "state", "end_to_end_id")
    lines = [
        (
            one.id,
            one.queued_at.isoformat(),
            one.holder,
            one.number,
            text(f"payout_purpose.{one.purpose}"),
            decimal_text(one.amount_minor, EXPONENTS[one.currency]),
            one.currency,
            text(f"payout_state.{one.state}"),
            one.end_to_end_id,
        )
        for one in payouts
    ]
    return csv_text([text(f"money.{name}") for name in names], lines)


async def operator_payout(request: Request) -> Response:
    """One payout: where it stands, and what an operator may do with it."""
    return await _page(request, Form())


async def _page(request: Request, form: Form, status: int = 200) -> Response:
    house, payout_id = house_of(request), request.path_params["payout_id"]
    async with house.pool.acquire() as conn:
        payout = await payments_store.payout_by_id(conn, payout_id)
        if payout is None:
            raise HTTPException(404)
        acts = await audit.entries_of(conn, f"payout:{payout_id}")
    may_hold = payout.held_at is None and payout.batch_id is None and payout.state in ("waiting_account", "queued")
    may_go_again = payout.state is PayoutState.RETURNED and payout.replaced_by is None and payout.party_id is not None
    context = {"payout": payout, "acts": acts, "form": form, "may_hold": may_hold, "may_go_again": may_go_again}
    return render(request, "operator_money/payout.html", context, status=status)


async def operator_payout_hold(request: Request) -> Response:
    """Keep it out of the next file. One operator is enough to stop money."""
    house, form = house_of(request), await typed(request, "reason")
    reason = reason_of(request, form)
    if form.errors:
        return await _page(request, form, 422)
    async with house.pool.acquire() as conn, conn.transaction():
        done = await money_acts.hold_payout(
            conn, house.escrow, request.path_params["payout_id"], request.user.id, reason, house.node_time.now()
        )
    if isinstance(done, Refusal):
        form.errors[""] = texts(request)(f"escrow_refusal.{done.value}")
        return await _page(request, form, 422)
    response = RedirectResponse(str(request.app.url_path_for("operator_payout", payout_id=done.id)), 303)
    flash(response, "desk.flash_held")
    return response


async def operator_payout_act(request: Request) -> Response:
    """Let a held payout go, or send a returned one again."""
    form = await typed(request, "act", "reason")
    reason = reason_of(request, form)
    act = form.values["act"]
    if act not in (Act.PAYOUT_RELEASE, Act.PAYOUT_AGAIN):
        raise HTTPException(400)
    if form.errors:
        return await _page(request, form, 422)
    wish = Wish(act=Act(act), subject_id=request.path_params["payout_id"])
    return await submit_single(request, wish, reason, form, _page, "/operator/payouts", "desk.flash_batch_done")


async def operator_payouts_send(request: Request) -> Response:
    """Hand waiting files to the bank now instead of at the clock's next try."""
    house = house_of(request)
    async with house.pool.acquire() as conn, conn.transaction():
        waiting = await money_desk.send_payouts(conn, operator_id=request.user.id, now=house.node_time.now())
    response = RedirectResponse("/operator/payouts", 303)
    flash(response, "money.flash_sent" if waiting else "money.flash_nothing_queued", kind="done" if waiting else "note")
    return response


async def operator_payout_file(request: Request) -> Response:
    """The payment file as the bank gets it (pain.001): to read, or with `download` to keep."""
    async with house_of(request).pool.acquire() as conn:
        found = await money_desk.batch_file(conn, request.path_params["batch_id"])
    if found is None:
        raise HTTPException(404)
    if "show" not in request.query_params:
        return download(found[1], "application/xml", f"{found[0]}.xml")
    return render(request, "operator_money/file.html", {"name": found[0], "body": found[1].replace("><", ">\n<")})


routes = [
    Route("/operator/payouts", operator_payouts, name="operator_payouts"),
    Route("/operator/payouts/send", operator_payouts_send, name="operator_payouts_send", methods=["POST"]),
    Route("/operator/payouts/{payout_id:int}", operator_payout, name="operator_payout"),
    Route(
        "/operator/payouts/{payout_id:int}/hold", operator_payout_hold, name="operator_payout_hold", methods=["POST"]
    ),
    Route("/operator/payouts/{payout_id:int}/act", operator_payout_act, name="operator_payout_act", methods=["POST"]),
    Route("/operator/payouts/files/{batch_id:int}", operator_payout_file, name="operator_payout_file"),
]
