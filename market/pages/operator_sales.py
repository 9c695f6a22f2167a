"""The operator's desk of sales: make one, put submitted lots in and in order, and open all of them at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from market import listings, sales
from market.currencies import EXPONENTS
from market.house import house_of
from market.local_time import zones_known
from market.pages.account import form_of
from market.problems import Problem, ProblemError, sentence
from market.rendering import Form, flash, language_of, render
from market.sale_form import FIELD_OF_REFUSAL, read_sale, values_of
from market.sales import NotOpened, SaleRefusal

if TYPE_CHECKING:
    from datetime import datetime

    from starlette.requests import Request

    from migrations.database import Connection


class NoLotOpensError(Exception):
    """One lot keeps the sale shut: leaving the transaction by this undoes the others."""

    def __init__(self, kept: NotOpened) -> None:
        super().__init__(kept.refusal)
        self.kept = kept


async def sales_desk(request: Request) -> Response:
    """Every sale, and the form of a new one."""
    if request.method == "GET":
        zone = "Asia/Shanghai" if language_of(request) == "zh" else "UTC"
        return await _desk(request, None, Form(values={"currency": "CNY", "zone": zone}))
    house, form = house_of(request), await form_of(request)
    read = read_sale(form.values)
    if read.content is None:
        return await _desk(request, None, _wrong(request, read.values, read.errors))
    async with house.pool.acquire() as conn, conn.transaction():
        done = await sales.create(conn, operator_id=request.user.id, content=read.content, now=house.node_time.now())
    if isinstance(done, SaleRefusal):
        return await _desk(request, None, _refused(request, read.values, done))
    return _see(request, done.id, "sale.created")


async def sale_desk(request: Request) -> Response:
    """One sale: its words and times, its lots in order, and what could be put in; the button pressed says what to do."""
    sale_id = int(request.path_params["sale_id"])
    if request.method == "GET":
        return await _desk(request, sale_id)
    form = await form_of(request)
    act = form.values.get("act", "")
    if act == "save":
        return await _save(request, sale_id, form)
    if act == "open":
        return await _open(request, sale_id)
    return await _move(request, sale_id, act, form.values.get("listing", ""))


async def _save(request: Request, sale_id: int, form: Form) -> Response:
    house, read = house_of(request), read_sale(form.values)
    if read.content is None:
        return await _desk(request, sale_id, _wrong(request, read.values, read.errors))
    async with house.pool.acquire() as conn, conn.transaction():
        done = await sales.edit(
            conn, sale_id=sale_id, operator_id=request.user.id, content=read.content, now=house.node_time.now()
        )
    if isinstance(done, SaleRefusal):
        return await _desk(request, sale_id, _refused(request, read.values, done))
    return _see(request, sale_id, "sale.saved")


async def _move(request: Request, sale_id: int, act: str, typed: str) -> Response:
    """Put a lot in, take it out, or move it a place up or down."""
    house, operator_id, now = house_of(request), request.user.id, house_of(request).node_time.now()
    listing_id = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 19 else 0
    async with house.pool.acquire() as conn, conn.transaction():
        done: int | SaleRefusal | None
        if act == "put_in":
            done = await sales.put_in(conn, sale_id=sale_id, listing_id=listing_id, operator_id=operator_id, now=now)
        elif act == "take_out":
            done = await sales.take_out(conn, sale_id=sale_id, listing_id=listing_id, operator_id=operator_id, now=now)
        elif act in ("earlier", "later"):
            done = await sales.reorder(conn, sale_id=sale_id, listing_id=listing_id, earlier=act == "earlier")
        else:
            raise ProblemError(Problem.MALFORMED)
    if isinstance(done, SaleRefusal):
        return await _desk(request, sale_id, _refused(request, None, done))
    return _see(request, sale_id, "sale.order_saved", "#lots")


async def _open(request: Request, sale_id: int) -> Response:
    house = house_of(request)
    try:
        async with house.pool.acquire() as conn, conn.transaction():
            done = await open_or_raise(conn, sale_id, request.user.id, house.node_time.now())
    except NoLotOpensError as error:
        return await _desk(request, sale_id, Form(errors={"": await _kept_by(request, error.kept)}))
    if isinstance(done, SaleRefusal):
        return await _desk(request, sale_id, _refused(request, None, done))
    for lot_id in done:
        await house.bidding.refresh(lot_id)
    return _see(request, sale_id, "sale.opened")


async def open_or_raise(conn: Connection, sale_id: int, operator_id: int, now: datetime) -> list[int] | SaleRefusal:
    """The ids of the lots that are now on show. Raises NoLotOpensError, which undoes all of it, when one can't be."""
    done = await sales.open_sale(conn, sale_id=sale_id, operator_id=operator_id, now=now)
    if isinstance(done, NotOpened):
        raise NoLotOpensError(done)
    return done if isinstance(done, SaleRefusal) else [lot.id for lot in done]


async def _desk(request: Request, sale_id: int | None, form: Form | None = None) -> Response:
    async with house_of(request).pool.acquire() as conn:
        sale = None if sale_id is None else await sales.sale_by_id(conn, sale_id)
        if sale_id is not None and sale is None:
            raise ProblemError(Problem.NOT_FOUND)
        context: dict[str, Any] = {
            "sale": sale,
            "sales": [] if sale else await sales.sales(conn, with_drafts=True),
            "lots": await sales.lots_of(conn, sale.id) if sale else [],
            "waiting": await sales.waiting(conn, sale.currency) if sale and sale.opened_at is None else [],
        }
    shown = form or Form()
    if sale is not None and not shown.values:
        shown = Form(values=values_of(sale), errors=shown.errors)
    zone = shown.values.get("zone", "UTC")
    zones = zones_known() if zone in zones_known() else (*zones_known(), zone)
    context |= {"form": shown, "currencies": tuple(EXPONENTS), "zones": zones}
    return render(request, "sale/desk.html", context, status=422 if shown.errors else 200)


def _wrong(request: Request, values: dict[str, str], errors: dict[str, str]) -> Form:
    text, lang = house_of(request).catalogue.text, language_of(request)
    return Form(values=values, errors={name: text(key, lang) for name, key in errors.items()})


def _refused(request: Request, values: dict[str, str] | None, refusal: SaleRefusal) -> Form:
    """The sentence beside its box; where no boxes were sent, over the form."""
    if refusal is SaleRefusal.NO_SUCH_SALE:
        raise ProblemError(refusal)
    name = "" if values is None else FIELD_OF_REFUSAL.get(refusal, "")
    return Form(values=values or {}, errors={name: sentence(request, refusal)})


async def _kept_by(request: Request, kept: NotOpened) -> str:
    """Which lot keeps the sale shut, and why."""
    async with house_of(request).pool.acquire() as conn:
        listing = await listings.listing_by_id(conn, kept.listing_id)
    assert listing is not None, "it was in the sale a moment ago"
    lang = language_of(request)
    return house_of(request).catalogue.text(
        "sale.not_opened",
        lang,
        number=listing.lot_number,
        title=listing.title(lang),
        reason=sentence(request, kept.refusal),
    )


def _see(request: Request, sale_id: int, said: str, anchor: str = "") -> Response:
    address = str(request.app.url_path_for("operator_sale", sale_id=sale_id)) + anchor
    response = RedirectResponse(address, status_code=303)
    flash(response, said)
    return response


routes = [
    Route("/operator/sales", sales_desk, methods=["GET", "POST"], name="operator_sales"),
    Route("/operator/sales/{sale_id:int}", sale_desk, methods=["GET", "POST"], name="operator_sale"),
]
