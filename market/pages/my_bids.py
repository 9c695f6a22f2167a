"""The bidder's pages before and between bids: my bids, applying for a lot, and freezing the deposit from the wallet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from market import applications, debtors
from market.application_facts import Application, ApplicationRefusal
from market.csv_cells import csv_text
from market.currencies import EXPONENTS, decimal_text
from market.house import house_of
from market.my_bids import MyBid, Place, my_bids
from market.problems import ProblemError, sentence_key
from market.rendering import flash, language_of, render
from market.to_do import to_do_of

if TYPE_CHECKING:
    from starlette.requests import Request

PAGE_SIZE = 25


async def page(request: Request) -> Response:
    """Every lot of the bidder: outbid first, with the one next step."""
    mine = await _mine(request)
    house = house_of(request)
    async with house.pool.acquire() as conn:
        to_do = await to_do_of(conn, request.user.id, house.node_time.now(), side="buyer")
    place = request.query_params.get("place", "")
    shown = [one for one in mine if place not in set(Place) or one.place == place]
    pages = max(1, -(-len(shown) // PAGE_SIZE))
    asked = request.query_params.get("page", "1")
    number = min(max(int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 6 else 1, 1), pages)
    context = {
        "to_do": to_do,
        "bids": shown[(number - 1) * PAGE_SIZE : number * PAGE_SIZE],
        "has_bids": bool(mine),
        "places": [one.value for one in Place],
        "place": place if place in set(Place) else "",
        "page": number,
        "pages": pages,
    }
    return render(request, "bidder/my_bids.html", context)


async def as_csv(request: Request) -> Response:
    """The same as CSV. The maximum is the bidder's own, and his page's only."""
    catalogue, lang = house_of(request).catalogue, language_of(request)
    names = [f"bids.{name}" for name in ("column_lot", "csv_title", "column_place", "csv_paddle", "csv_currency")]
    names += ["bids.column_price", "bids.column_maximum", "calendar_csv.starts_at", "calendar_csv.ends_at"]

    def amount(minor: int | None, currency: str) -> str:
        return "" if minor is None else decimal_text(minor, EXPONENTS[currency])

    def line(one: MyBid) -> list[object]:
        return [
            one.row.lot_id,
            one.row.title(lang),
            catalogue.text(f"bid_place.{one.place.value}", lang),
            one.paddle,
            one.row.currency,
            amount(one.row.price_minor, one.row.currency),
            amount(one.maximum_minor, one.row.currency),
            one.row.starts_at.isoformat(),
            one.row.ends_at.isoformat(),
        ]

    text = csv_text([catalogue.text(name, lang) for name in names], [line(one) for one in await _mine(request)])
    headers = {"Content-Disposition": 'attachment; filename="bids.csv"', "Cache-Control": "private, no-store"}
    return Response(text, media_type="text/csv", headers=headers)


async def apply(request: Request) -> Response:
    """Apply to bid on a lot."""
    house, lot_id = house_of(request), int(request.path_params["lot_id"])
    async with house.pool.acquire() as conn, conn.transaction():
        done = await applications.apply(conn, lot_id=lot_id, party_id=request.user.id, now=house.node_time.now())
        figures = await debtors.refusal_figures(conn, done, request.user.id)
    return _back(request, lot_id, done, "bidder.applied", figures)


async def freeze(request: Request) -> Response:
    """Freeze the deposit from the wallet."""
    house, lot_id = house_of(request), int(request.path_params["lot_id"])
    async with house.pool.acquire() as conn, conn.transaction():
        done = await applications.freeze_from_wallet(
            conn, house.escrow, lot_id=lot_id, party_id=request.user.id, now=house.node_time.now()
        )
        figures = await debtors.refusal_figures(conn, done, request.user.id)
    return _back(request, lot_id, done, "bidder.frozen", figures)


def _back(
    request: Request, lot_id: int, done: Application | ApplicationRefusal, said: str, figures: dict[str, object]
) -> Response:
    """To the lot's page, with what happened said there."""
    if done is ApplicationRefusal.NO_SUCH_LOT:
        raise ProblemError(done)
    response = RedirectResponse(str(request.app.url_path_for("lot", lot_id=lot_id)), status_code=303)
    if isinstance(done, ApplicationRefusal):
        flash(response, sentence_key(done), kind="problem", **figures)
    else:
        flash(response, said)
    return response


async def _mine(request: Request) -> list[MyBid]:
    house = house_of(request)
    async with house.pool.acquire() as conn:
        return await my_bids(conn, request.user.id, house.node_time.now())


routes = [
    Route("/my/bids", page, name="my_bids"),
    Route("/my/bids.csv", as_csv, name="my_bids_csv"),
    Route("/lots/{lot_id:int}/apply", apply, methods=["POST"], name="bidder_apply"),
    Route("/lots/{lot_id:int}/deposit", freeze, methods=["POST"], name="bidder_freeze"),
]
