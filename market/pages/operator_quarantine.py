"""Quarantined money: what came and fits nothing, how long it has waited, and where an operator says that it belongs."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from escrow import books
from escrow.facts import Quarantined, QuarantineState, Refusal
from market import audit, money_desk
from market.csv_cells import csv_text
from market.currencies import EXPONENTS, decimal_text
from market.dry_run import Preview
from market.house import house_of
from market.money_acts import Act, Wish
from market.pages.desk_forms import (
    PAGE_SIZE,
    csv_download,
    currency_asked,
    currency_options,
    number,
    page_asked,
    pages_of,
    reason_of,
    texts,
    typed,
    wants_csv,
)
from market.pages.operator_batches import submit_single
from market.rendering import Form, render

SORTS = ("age", "sum")


async def operator_quarantine(request: Request) -> Response:
    """Money that arrived and fits nothing, by state and currency; several can be chosen for one batch."""
    house, text = house_of(request), texts(request)
    wanted = request.query_params.get("state", "open")
    state = QuarantineState(wanted) if wanted in set(QuarantineState) else None
    currency, sort = currency_asked(request), request.query_params.get("sort", "age")
    async with house.pool.acquire() as conn:
        found = await house.escrow.quarantine.items(conn, state, money_desk.MOST_ITEMS)
        ages = [row for row in await books.ageing(conn, house.node_time.now()) if row.what == "quarantine"]
    items = [item for item in found if not currency or item.currency == currency]
    if sort == "sum":
        items.sort(key=lambda item: -item.amount_minor)
    if wants_csv(request):
        return csv_download(_csv(request, items), "quarantine.csv")
    start = (page_asked(request) - 1) * PAGE_SIZE
    options = [
        ("all", text("deal.any")),
        *((one.value, text(f"quarantine_state.{one.value}")) for one in QuarantineState),
    ]
    context = {
        "items": items[start : start + PAGE_SIZE],
        "state": state.value if state else "all",
        "state_options": options,
        "currency": currency,
        "currency_options": currency_options(request),
        "sort": sort if sort in SORTS else "age",
        "sort_options": [(one, text(f"desk.sort_{one}")) for one in SORTS],
        "ages": ages,
        "page": page_asked(request),
        "pages": pages_of(len(items)),
        "now": house.node_time.now(),
    }
    return render(request, "operator_money/quarantine.html", context)


def _csv(request: Request, items: list[Quarantined]) -> str:
    text = texts(request)
    names = ("item", "at", "item_reason", "item_reference", "item_sender", "amount", "currency", "item_state")
    lines = [
        (
            item.id,
            item.received_at.isoformat(),
            text(f"quarantine_reason.{item.reason}"),
            item.reference,
            item.sender_holder,
            decimal_text(item.amount_minor, EXPONENTS.get(item.currency, 2)),
            item.currency,
            text(f"quarantine_state.{item.state}"),
        )
        for item in items
    ]
    return csv_text([text(f"money.{name}") for name in names], lines)


async def operator_quarantine_item(request: Request) -> Response:
    """One item, with the postings that a chosen target would make."""
    query = request.query_params
    form = Form(values={name: query.get(name, "") for name in ("target", "target_id")})
    return await _item(request, form)


async def operator_quarantine_apply(request: Request) -> Response:
    """Put the money where it belongs, with a reason."""
    form = await typed(request, "target", "target_id", "reason")
    target, target_id = form.values["target"], number(form.values["target_id"])
    reason = reason_of(request, form)
    if target not in money_desk.TARGETS or target_id is None:
        form.errors["target_id"] = texts(request)("money.target_missing")
    if form.errors or target_id is None:
        return await _item(request, form, 422)
    wish = Wish(
        act=Act.QUARANTINE_APPLY,
        subject_id=request.path_params["item_id"],
        into_kind=target,
        into_id=target_id,
    )
    return await submit_single(request, wish, reason, form, _item, "/operator/quarantine", "money.flash_applied")


async def operator_quarantine_return(request: Request) -> Response:
    """Send the money back, with a reason."""
    form = await typed(request, "reason")
    reason = reason_of(request, form)
    if form.errors:
        return await _item(request, form, 422)
    wish = Wish(act=Act.QUARANTINE_RETURN, subject_id=request.path_params["item_id"])
    return await submit_single(request, wish, reason, form, _item, "/operator/quarantine", "money.flash_returned")


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
        target, target_id = form.values.get("target", ""), number(form.values.get("target_id", ""))
        shown: tuple[Preview, ...] = ()
        if target in money_desk.TARGETS and target_id is not None and item.state is QuarantineState.OPEN:
            legs = await money_desk.preview(conn, house.escrow, item_id, target, target_id, house.node_time.now())
            if not isinstance(legs, Refusal):
                shown = legs
            elif chosen:  # What the operator has not asked for is no error of his.
                form.errors.setdefault("target_id", texts(request)(f"escrow_refusal.{legs.value}"))
        acts = await audit.entries_of(conn, f"quarantine:{item_id}")
    text = texts(request)
    context = {
        "item": item,
        "named": named,
        "form": form,
        "shown": shown,
        "acts": acts,
        "targets": [(one, text(f"money.target_{one}")) for one in money_desk.TARGETS],
    }
    return render(request, "operator_money/item.html", context, status=status)


routes = [
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
]
