"""The operator's money: where it all is and whether the books agree, the quarantine, the payouts, the file of a case."""

from __future__ import annotations

from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from escrow.facts import PayoutState, QuarantineState, Refusal
from market import audit, deals_store, money_desk
from market.csv_cells import csv_text
from market.currencies import EXPONENTS, decimal_text
from market.deals import STATES, TONES, deal_view
from market.house import house_of
from market.rendering import Form, flash, language_of, render

PAGE_SIZE = 50
MOST_PAYOUTS = 500


async def operator_money(request: Request) -> Response:
    """Cases by state, what is stuck, the trial balance, and the two checks on it."""
    house = house_of(request)
    async with house.pool.acquire() as conn:
        money = await money_desk.overview(conn)
    return render(request, "operator_money/money.html", {"overview": money, "now": house.node_time.now()})


async def operator_cases(request: Request) -> Response:
    """Every case, by state; `format=csv` gives all that match."""
    house, lang = house_of(request), language_of(request)
    state = request.query_params.get("state", "")
    state = state if state in STATES else ""
    page = _number(request.query_params.get("page", "1")) or 1
    as_csv = request.query_params.get("format") == "csv"
    async with house.pool.acquire() as conn:
        rows, total = await deals_store.deals_of_house(
            conn,
            state=state or None,
            limit=10_000 if as_csv else PAGE_SIZE,
            offset=0 if as_csv else (page - 1) * PAGE_SIZE,
        )
    text = _texts(request)
    if as_csv:
        header = [text(f"deal.column_{name}") for name in ("deal", "lot", "sum", "state", "deadline", "opened")]
        lines = [
            (
                row.case_id,
                row.title(lang),
                f"{decimal_text(row.hammer_minor, EXPONENTS[row.currency])} {row.currency}",
                text(f"deal.state.{row.state}"),
                row.due_at.isoformat() if row.due_at else "",
                row.created_at.isoformat(),
            )
            for row in rows
        ]
        return _download(csv_text(header, lines), "text/csv; charset=utf-8", "cases.csv")
    context = {
        "rows": rows,
        "tones": TONES,
        "state": state,
        "state_options": [("", text("deal.any")), *((one, text(f"deal.state.{one}")) for one in STATES)],
        "page": page,
        "pages": max(1, -(-total // PAGE_SIZE)),
    }
    return render(request, "operator_money/cases.html", context)


async def operator_case(request: Request) -> Response:
    """The full file of a case: what both parties see, every posting, every act."""
    house, case_id = house_of(request), request.path_params["case_id"]
    async with house.pool.acquire() as conn:
        view = await deal_view(conn, house.escrow, case_id, request.user, house.node_time.now())
        if view is None:
            raise HTTPException(404)
        context = {
            "view": view,
            "deal": view.deal,
            "postings": await money_desk.postings_of_case(conn, case_id),
            "acts": await audit.entries_of(conn, f"case:{case_id}"),
        }
    return render(request, "operator_money/case.html", context)


async def operator_quarantine(request: Request) -> Response:
    """Money that arrived and fits nothing."""
    house = house_of(request)
    wanted = request.query_params.get("state", "open")
    state = QuarantineState(wanted) if wanted in set(QuarantineState) else None
    async with house.pool.acquire() as conn:
        items = await house.escrow.quarantine.items(conn, state, money_desk.MOST_ITEMS)
    text = _texts(request)
    options = [
        ("all", text("deal.any")),
        *((one.value, text(f"quarantine_state.{one.value}")) for one in QuarantineState),
    ]
    context = {"items": items, "state": state.value if state else "all", "state_options": options}
    return render(request, "operator_money/quarantine.html", context)


async def operator_quarantine_item(request: Request) -> Response:
    """One item, with the postings that a chosen target would make."""
    query = request.query_params
    form = Form(values={name: query.get(name, "") for name in ("target", "target_id")})
    return await _item(request, form)


async def operator_quarantine_apply(request: Request) -> Response:
    """Put the money where it belongs, with a reason."""
    form = await _typed(request, "target", "target_id", "reason")
    target, target_id = form.values["target"], _number(form.values["target_id"])
    reason = _reason(request, form)
    if target not in money_desk.TARGETS or target_id is None:
        form.errors["target_id"] = _texts(request)("money.target_missing")
    if form.errors or target_id is None:
        return await _item(request, form, 422)
    house = house_of(request)
    async with house.pool.acquire() as conn, conn.transaction():
        done = await money_desk.apply_item(
            conn,
            house.escrow,
            request.path_params["item_id"],
            target,
            target_id,
            operator_id=request.user.id,
            reason=reason,
            now=house.node_time.now(),
        )
    return await _done(request, form, done, "money.flash_applied")


async def operator_quarantine_return(request: Request) -> Response:
    """Send the money back, with a reason."""
    form = await _typed(request, "reason")
    reason = _reason(request, form)
    if form.errors:
        return await _item(request, form, 422)
    house = house_of(request)
    async with house.pool.acquire() as conn, conn.transaction():
        done = await money_desk.return_item(
            conn,
            house.escrow,
            request.path_params["item_id"],
            operator_id=request.user.id,
            reason=reason,
            now=house.node_time.now(),
        )
    return await _done(request, form, done, "money.flash_returned")


async def operator_payouts(request: Request) -> Response:
    """Queued, sent, settled and returned payouts, and the files that carried them."""
    house = house_of(request)
    wanted = request.query_params.get("state", "")
    state = PayoutState(wanted) if wanted in set(PayoutState) else None
    async with house.pool.acquire() as conn:
        payouts = await house.escrow.payouts.payouts(conn, state, MOST_PAYOUTS)
        files = await money_desk.batches(conn)
    text = _texts(request)
    options = [("", text("deal.any")), *((one.value, text(f"payout_state.{one.value}")) for one in PayoutState)]
    context = {"payouts": payouts, "files": files, "state": wanted, "state_options": options}
    return render(request, "operator_money/payouts.html", context)


async def operator_payouts_send(request: Request) -> Response:
    """Hand waiting files to the bank now instead of at the clock's next try."""
    house = house_of(request)
    async with house.pool.acquire() as conn, conn.transaction():
        waiting = await money_desk.send_payouts(conn, operator_id=request.user.id, now=house.node_time.now())
    response = RedirectResponse("/operator/payouts", 303)
    flash(response, "money.flash_sent" if waiting else "money.flash_nothing_queued", kind="done" if waiting else "note")
    return response


async def operator_payout_file(request: Request) -> Response:
    """The payment file as the bank gets it (pain.001)."""
    async with house_of(request).pool.acquire() as conn:
        found = await money_desk.batch_file(conn, request.path_params["batch_id"])
    if found is None:
        raise HTTPException(404)
    return _download(found[1], "application/xml", f"{found[0]}.xml")


async def _item(request: Request, form: Form, status: int = 200) -> Response:
    house, item_id = house_of(request), request.path_params["item_id"]
    async with house.pool.acquire() as conn:
        item = await money_desk.item_by_id(conn, house.escrow, item_id)
        if item is None:
            raise HTTPException(404)
        named = await money_desk.named_by(conn, house.escrow, item)
        chosen = bool(form.values.get("target"))
        if not chosen and named is not None:
            form.values.update(target=named.target, target_id=str(named.id))
        target, target_id = form.values.get("target", ""), _number(form.values.get("target_id", ""))
        shown: tuple[money_desk.Preview, ...] = ()
        if target in money_desk.TARGETS and target_id is not None and item.state is QuarantineState.OPEN:
            legs = await money_desk.preview(conn, house.escrow, item_id, target, target_id, house.node_time.now())
            if not isinstance(legs, Refusal):
                shown = legs
            elif chosen:  # What the operator has not asked for is no error of his.
                form.errors.setdefault("target_id", _texts(request)(f"escrow_refusal.{legs.value}"))
        acts = await audit.entries_of(conn, f"quarantine:{item_id}")
    text = _texts(request)
    context = {
        "item": item,
        "named": named,
        "form": form,
        "shown": shown,
        "acts": acts,
        "targets": [(one, text(f"money.target_{one}")) for one in money_desk.TARGETS],
    }
    return render(request, "operator_money/item.html", context, status=status)


async def _done(request: Request, form: Form, done: object, key: str) -> Response:
    if isinstance(done, Refusal):
        form.errors[""] = _texts(request)(f"escrow_refusal.{done.value}")
        return await _item(request, form, 422)
    response = RedirectResponse("/operator/quarantine", 303)
    flash(response, key)
    return response


def _reason(request: Request, form: Form) -> str:
    reason = form.values["reason"].strip()[:1000]
    if not reason:
        form.errors["reason"] = _texts(request)("money.reason_missing")
    return reason


async def _typed(request: Request, *names: str) -> Form:
    typed = await request.form()
    return Form(values={name: str(typed.get(name, "")) for name in names})


def _number(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 and int(text) > 0 else None


def _texts(request: Request) -> Callable[..., str]:
    catalogue, lang = house_of(request).catalogue, language_of(request)

    def text(key: str, **params: object) -> str:
        return catalogue.text(key, lang, **params)

    return text


def _download(body: str, media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
    return Response(body, media_type=media_type, headers=headers)


routes = [
    Route("/operator/money", operator_money, name="operator_money"),
    Route("/operator/cases", operator_cases, name="operator_cases"),
    Route("/operator/cases/{case_id:int}", operator_case, name="operator_case"),
    Route("/operator/quarantine", operator_quarantine, name="operator_quarantine"),
    Route("/operator/quarantine/{item_id:int}", operator_quarantine_item, name="operator_quarantine_item"),
    Route(
        "/operator/quarantine/{item_id:int}/apply",
        operator_quarantine_apply,
        name="operator_quarantine_apply",
        methods=["POST"],
    ),
    Route(
        "/operator/quarantine/{item_id:int}/return",
        operator_quarantine_return,
        name="operator_quarantine_return",
        methods=["POST"],
    ),
    Route("/operator/payouts", operator_payouts, name="operator_payouts"),
    Route("/operator/payouts/send", operator_payouts_send, name="operator_payouts_send", methods=["POST"]),
    Route("/operator/payouts/files/{batch_id:int}", operator_payout_file, name="operator_payout_file"),
]
