"""The room of a sale: its lots as cards, the bidder's own budget over all of them, and what he watches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from auction import store
from auction.budgets import Budget, Purse
from market import sales
from market.calendar import calendar_rows
from market.currencies import EXPONENTS, decimal_text
from market.form_reader import Reader
from market.house import house_of
from market.my_bids import lots_bid_on
from market.pages.account import form_of, safe_next
from market.problems import Problem, ProblemError
from market.rendering import Form, flash, language_of, render

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from starlette.requests import Request

    from market.sales import Sale
    from migrations.database import Connection

PAGE_SIZE = 60
"""Lots in a room's page: each is one subscription of the tab's socket."""


async def sales_page(request: Request) -> Response:
    """Every sale that is on show; for an operator those that are not yet as well."""
    async with house_of(request).pool.acquire() as conn:
        found = await sales.sales(conn, with_drafts=request.user.is_operator)
    return render(request, "sale/list.html", {"sales": found})


async def room(request: Request) -> Response:
    """The lots of one sale, to be watched and bid on from one place."""
    return await _room(request)


async def set_budget(request: Request) -> Response:
    """What the bidder sets himself for the sale; an empty box is no bound."""
    house, sale_id, now = house_of(request), _sale_id(request), house_of(request).node_time.now()
    form = await form_of(request)
    reader = Reader(form.values)
    async with house.pool.acquire() as conn:
        sale = await _open_sale(conn, sale_id)
    budget = Budget(
        most_lots=reader.count("most_lots", sales.MOST_LOTS), most_minor=reader.amount("most_sum", sale.currency)
    )
    if reader.errors:
        errors = {name: house.catalogue.text(key, language_of(request)) for name, key in reader.errors.items()}
        return await _room(request, Form(values=reader.values, errors=errors))
    async with house.pool.acquire() as conn, conn.transaction():
        await store.set_budget(conn, sale_id, request.user.id, budget, now)
        lots = await sales.lots_of(conn, sale_id)
    for lot in lots:
        await house.bidding.refresh(lot.id)
    response = RedirectResponse(str(request.app.url_path_for("sale", sale_id=sale_id)), status_code=303)
    flash(response, "sale.budget_set")
    return response


async def budget_figures(request: Request) -> Response:
    """The same for the page's script: what is set, and what is taken of it now."""
    sale_id = _sale_id(request)
    async with house_of(request).pool.acquire() as conn:
        await _open_sale(conn, sale_id)
        found = await store.purse_of(conn, sale_id, request.user.id)
    purse = found or Purse(Budget(), {})
    most_lots, most_minor = purse.budget.most_lots, purse.budget.most_minor
    body = {
        "is_set": found is not None,
        "most_lots": most_lots,
        "most_minor": None if most_minor is None else str(most_minor),
        "lots": len(purse.taken),
        "taken_minor": str(purse.taken_minor),
        "sealed": purse.sealed_count,
    }
    headers = {"Cache-Control": "private, no-store"}
    return Response(msgspec.json.encode(body), media_type="application/json", headers=headers)


async def watch(request: Request) -> Response:
    """Put a lot on the viewer's list, or take it off; then back to where he was."""
    house, lot_id = house_of(request), int(request.path_params["lot_id"])
    form = await form_of(request)
    async with house.pool.acquire() as conn, conn.transaction():
        now = house.node_time.now()
        if lot_id not in await calendar_rows(conn, [lot_id], now):
            raise ProblemError(Problem.NOT_FOUND)
        if form.values.get("watch") == "0":
            await sales.unwatch(conn, party_id=request.user.id, lot_id=lot_id)
        else:
            await sales.watch(conn, party_id=request.user.id, lot_id=lot_id, now=now)
    return RedirectResponse(safe_next(form.values.get("back")), status_code=303)


async def watching(request: Request) -> Response:
    """The lots that the viewer watches."""
    async with house_of(request).pool.acquire() as conn:
        ids = await sales.watched(conn, request.user.id)
        context = await _cards(conn, request, ids)
    return render(request, "sale/watching.html", context)


async def _room(request: Request, form: Form | None = None) -> Response:
    sale_id, party_id = _sale_id(request), request.user.party_id
    async with house_of(request).pool.acquire() as conn:
        sale = await sales.sale_by_id(conn, sale_id)
        if sale is None or (sale.opened_at is None and not request.user.is_operator):
            raise ProblemError(Problem.NOT_FOUND)
        lots = await sales.lots_of(conn, sale_id)
        purse = None if party_id is None else await store.purse_of(conn, sale_id, party_id)
        cards = await _cards(conn, request, [lot.id for lot in lots] if sale.opened_at is not None else [])
    context = {
        "sale": sale,
        "drafts": lots if sale.opened_at is None else [],
        "numbers": {lot.id: lot.lot_number for lot in lots},
        "purse": purse,
        "form": form or Form(values=_budget_values(sale, purse.budget if purse else Budget())),
        **cards,
    }
    return render(request, "sale/room.html", context, status=422 if form is not None else 200)


async def _cards(conn: Connection, request: Request, ids: Sequence[int]) -> dict[str, Any]:
    """One page of these lots, in this order, with what the viewer alone knows of each."""
    now, party_id = house_of(request).node_time.now(), request.user.party_id
    asked = request.query_params.get("page", "1")
    pages = max(1, -(-len(ids) // PAGE_SIZE))
    page = min(max(int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 6 else 1, 1), pages)
    part = ids[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    rows = await calendar_rows(conn, part, now)
    places = [] if party_id is None else await store.positions_of(conn, party_id)
    return {
        "rows": [rows[lot_id] for lot_id in part if lot_id in rows],
        "states": await store.lot_views(conn, part, house_of(request).bidding.books),
        "places": {place.lot_id: place for place in places},
        "bid_on": {} if party_id is None else await lots_bid_on(conn, party_id),
        "watched": set() if party_id is None else set(await sales.watched(conn, party_id)),
        "page": page,
        "pages": pages,
    }


def _budget_values(sale: Sale, budget: Budget) -> dict[str, str]:
    most_sum = "" if budget.most_minor is None else decimal_text(budget.most_minor, EXPONENTS[sale.currency])
    return {"most_lots": str(budget.most_lots or ""), "most_sum": most_sum}


async def _open_sale(conn: Connection, sale_id: int) -> Sale:
    sale = await sales.sale_by_id(conn, sale_id)
    if sale is None or sale.opened_at is None:
        raise ProblemError(Problem.NOT_FOUND)
    return sale


def _sale_id(request: Request) -> int:
    return int(request.path_params["sale_id"])


routes = [
    Route("/sales", sales_page, name="sales"),
    Route("/sales/{sale_id:int}", room, name="sale"),
    Route("/sales/{sale_id:int}/budget", set_budget, methods=["POST"], name="sale_budget"),
    Route("/sales/{sale_id:int}/budget.json", budget_figures, name="sale_budget_figures"),
    Route("/lots/{lot_id:int}/watch", watch, methods=["POST"], name="lot_watch"),
    Route("/watching", watching, name="watching"),
]
