"""The operator's page of one lot's rights: who holds a right of priority by which rank, and the offers after its close."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from market import listings, priority, second_chance
from market.house import house_of
from market.listing_facts import ListingState
from market.problems import Problem, ProblemError, sentence
from market.rendering import Form, flash, render
from market.second_chance_facts import OfferKind, OfferRefusal, offer_refusal

if TYPE_CHECKING:
    from starlette.requests import Request


async def rights(request: Request) -> Response:
    """Rights and offers of the lot."""
    return await _page(request, Form())


async def confirm(request: Request) -> Response:
    """Confirm a right of priority, or take it back."""
    house, lot_id = house_of(request), int(request.path_params["lot_id"])
    async with request.form(max_files=0, max_fields=8) as form:
        typed = {name: str(form.get(name, "")).replace("\0", "").strip() for name in ("party", "rank", "reason")}
    party_id, rank = _number(typed["party"]), _number(typed["rank"])
    if party_id is None:
        raise ProblemError(Problem.UNPROCESSABLE)
    if typed["rank"] and rank is None:
        rank = 0  # Not a number: out of range, and said so.
    async with house.pool.acquire() as conn, conn.transaction():
        refusal = await priority.confirm(
            conn,
            lot_id=lot_id,
            party_id=party_id,
            rank=rank,
            operator_id=request.user.id,
            reason=typed["reason"],
            now=house.node_time.now(),
        )
    if refusal is not None:
        named = {"reason_missing": "reason", "rank_out_of_range": "rank"}
        return await _page(
            request, Form(values=typed, errors={named.get(refusal.value, ""): sentence(request, refusal)})
        )
    await house.bidding.refresh(lot_id)
    return _back(request, lot_id, "priority.saved")


async def offer(request: Request) -> Response:
    """Offer the lot to the runner-up for the seller."""
    house, lot_id = house_of(request), int(request.path_params["lot_id"])
    async with house.pool.acquire() as conn, conn.transaction():
        made = await second_chance.offer(
            conn,
            lot_id=lot_id,
            actor_id=request.user.id,
            price_minor=None,
            now=house.node_time.now(),
            as_operator=True,
        )
    if isinstance(made, OfferRefusal):
        return await _page(request, Form(errors={"": sentence(request, made)}))
    return _back(request, lot_id, "offer.made")


async def _page(request: Request, form: Form) -> Response:
    house, lot_id = house_of(request), int(request.path_params["lot_id"])
    async with house.pool.acquire() as conn:
        listing = await listings.listing_by_id(conn, lot_id)
        if listing is None or listing.state is not ListingState.APPROVED:
            raise ProblemError(Problem.NOT_FOUND)
        holders = await priority.holders(conn, lot_id)
        offers = await second_chance.offers_of_lot(conn, lot_id)
        sale = await second_chance.sale_of(conn, lot_id)
    may_offer = sale is not None and offer_refusal(sale) is None and sale.kind is OfferKind.RUNNER_UP
    context = {
        "listing": listing,
        "holders": holders,
        "has_right": bool(listing.options.get("priority_right")),
        "is_over": sale is not None,
        "offers": offers,
        "may_offer": may_offer,
        "form": form,
    }
    return render(request, "operator/rights.html", context, status=422 if form.errors else 200)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _back(request: Request, lot_id: int, said: str) -> Response:
    response = RedirectResponse(str(request.app.url_path_for("operator_rights", lot_id=lot_id)), status_code=303)
    flash(response, said)
    return response


routes = [
    Route("/operator/lots/{lot_id:int}/rights", rights, name="operator_rights"),
    Route("/operator/lots/{lot_id:int}/rights/confirm", confirm, methods=["POST"], name="operator_priority"),
    Route("/operator/lots/{lot_id:int}/rights/offer", offer, methods=["POST"], name="operator_offer"),
]
