"""Pages around a sale: the seller's reserve, offers and relist; the offer as its bidder sees it; a bid taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from auction import retracting
from auction.facts import DeskRefusal, RetractionReason
from auction.setup import rule_in_words
from market import deals_store, listings, relisting, second_chance, trades
from market.calendar import calendar_rows
from market.currencies import EXPONENTS, AmountProblem, parse_amount
from market.house import house_of
from market.listing_facts import Listing
from market.listings import lot_from_listing
from market.problems import Problem, ProblemError, sentence
from market.relisting import relist_refusal
from market.rendering import Form, flash, language_of, render
from market.second_chance_facts import Offer, OfferKind, OfferRefusal, offer_refusal

if TYPE_CHECKING:
    from enum import StrEnum

    from starlette.requests import Request

    from migrations.database import Connection


async def after(request: Request) -> Response:
    """What the seller can still do about a lot on show: lower its reserve, offer it, put it up again."""
    return await _after(request, Form())


async def lower(request: Request) -> Response:
    """Lower the hidden reserve."""
    house, lot_id = house_of(request), int(request.path_params["lot_id"])
    typed, minor = await _amount(request, "reserve")
    if isinstance(minor, str):
        return await _after(request, Form(values=typed, errors={"reserve": minor}))
    async with house.pool.acquire() as conn, conn.transaction():
        done = await relisting.lower_reserve(
            conn, lot_id=lot_id, seller_id=request.user.id, reserve_minor=minor or 0, now=house.node_time.now()
        )
    if isinstance(done, (DeskRefusal, relisting.RelistRefusal)):
        return await _after(request, Form(values=typed, errors={"reserve": sentence(request, done)}))
    await house.bidding.refresh(lot_id)
    return _to(request, "sell_after", "relist.lowered", lot_id=lot_id)


async def make_offer(request: Request) -> Response:
    """Offer the closed lot to the bidder who comes next."""
    house, lot_id = house_of(request), int(request.path_params["lot_id"])
    typed, minor = await _amount(request, "price")
    if isinstance(minor, str):
        return await _after(request, Form(values=typed, errors={"price": minor}))
    async with house.pool.acquire() as conn, conn.transaction():
        made = await second_chance.offer(
            conn, lot_id=lot_id, actor_id=request.user.id, price_minor=minor, now=house.node_time.now()
        )
    if isinstance(made, OfferRefusal):
        about_price = made in (OfferRefusal.PRICE_MISSING, OfferRefusal.PRICE_UNDER_BID)
        return await _after(
            request, Form(values=typed, errors={"price" if about_price else "": sentence(request, made)})
        )
    return _to(request, "sell_after", "offer.made", lot_id=lot_id)


async def put_up_again(request: Request) -> Response:
    """A new draft of the closed lot."""
    house, lot_id = house_of(request), int(request.path_params["lot_id"])
    async with house.pool.acquire() as conn, conn.transaction():
        draft = await relisting.relist(conn, lot_id=lot_id, seller_id=request.user.id, now=house.node_time.now())
    if not isinstance(draft, Listing):
        return await _after(request, Form(errors={"": sentence(request, draft)}))
    return _to(request, "sell_lot", "relist.again_done", lot_id=draft.id)


async def offer(request: Request) -> Response:
    """One offer, for whom it is made to and for the lot's seller."""
    return await _offer_page(request)


async def answer(request: Request) -> Response:
    """Take the offer up or decline it."""
    house, offer_id, now = house_of(request), int(request.path_params["offer_id"]), house_of(request).node_time.now()
    wanted = str(request.path_params["answer"])
    async with house.pool.acquire() as conn, conn.transaction():
        if wanted == "accept":
            terms = trades.trade_terms(house.config)
            done = await second_chance.accept(
                conn, house.escrow, terms, offer_id=offer_id, party_id=request.user.id, now=now
            )
        elif wanted == "decline":
            done = await second_chance.decline(conn, offer_id=offer_id, party_id=request.user.id, now=now)
        else:
            raise ProblemError(Problem.NOT_FOUND)
    if not isinstance(done, Offer):
        return await _offer_page(request, done)
    if done.case_id is not None:
        said = "offer.accepted_supplier" if done.kind is OfferKind.BEST_SUPPLIER else "offer.accepted"
        return _to(request, "deal", said, case_id=done.case_id)
    return _to(request, "offer", "offer.declined", offer_id=offer_id)


async def take_back(request: Request) -> Response:
    """The viewer's bids on the lot that may be taken back now."""
    return await _take_back_page(request)


async def retract(request: Request) -> Response:
    """Take one bid back."""
    house, lot_id = house_of(request), int(request.path_params["lot_id"])
    async with request.form(max_files=0, max_fields=8) as form:
        bid, reason = str(form.get("bid", "")), str(form.get("reason", ""))
    try:
        named, why = UUID(bid), RetractionReason(reason)
    except ValueError as error:
        raise ProblemError(Problem.UNPROCESSABLE) from error
    try:
        async with house.pool.acquire() as conn, conn.transaction():
            done = await retracting.retract_bid(
                conn,
                lot_id=lot_id,
                party_id=request.user.id,
                client_bid_id=named,
                reason=why,
                now=house.node_time.now(),
            )
    except retracting.UnknownLotError as error:
        raise ProblemError(Problem.NOT_FOUND) from error
    if isinstance(done, DeskRefusal):
        return await _take_back_page(request, done)
    await house.bidding.refresh(lot_id)
    return _to(request, "lot", "english.taken_back", lot_id=lot_id)


async def _after(request: Request, form: Form) -> Response:
    house, lot_id, now = house_of(request), int(request.path_params["lot_id"]), house_of(request).node_time.now()
    async with house.pool.acquire() as conn:
        listing = await listings.listing_by_id(conn, lot_id)
        row = (await calendar_rows(conn, [lot_id], now)).get(lot_id)
        sale = await second_chance.sale_of(conn, lot_id)
        offers = await second_chance.offers_of_lot(conn, lot_id)
    if listing is None:
        raise ProblemError(Problem.NOT_FOUND)
    context = {
        "listing": listing,
        "row": row,
        "sale": sale,
        "offers": offers,
        "form": form,
        "may_lower": row is not None
        and row.outcome is None
        and listing.reserve_minor is not None
        and listing.format == "english",
        "may_offer": sale is not None and offer_refusal(sale) is None,
        "may_relist": sale is not None and sale.relisted_as is None and relist_refusal(sale) is None,
    }
    return render(request, "sell/after.html", context, status=422 if form.errors else 200)


async def _offer_page(request: Request, refusal: OfferRefusal | None = None) -> Response:
    house = house_of(request)
    async with house.pool.acquire() as conn:
        found, title = await _offer_with_title(conn, request)
    context = {
        "offer": found,
        "title": title,
        "is_open": found.is_open(house.node_time.now()),
        "is_mine": found.party_id == request.user.id,
        "form": Form(errors={"": sentence(request, refusal)} if refusal else {}),
    }
    return render(request, "deal/offer.html", context, status=422 if refusal else 200)


async def _offer_with_title(conn: Connection, request: Request) -> tuple[Offer, str]:
    found = await second_chance.offer_by_id(conn, int(request.path_params["offer_id"]))
    if found is None:
        raise ProblemError(Problem.NOT_FOUND)
    lot = await deals_store.hammer_lot(conn, found.lot_id)
    zh, en = lot.title_zh, lot.title_en
    return found, (zh or en) if language_of(request) == "zh" else (en or zh)


async def _take_back_page(request: Request, refusal: StrEnum | None = None) -> Response:
    house, lot_id = house_of(request), int(request.path_params["lot_id"])
    async with house.pool.acquire() as conn:
        listing = await listings.listing_by_id(conn, lot_id)
        bids = await retracting.retractable(conn, lot_id, request.user.id, house.node_time.now())
    if listing is None or not listing.options.get("retraction_seconds"):
        raise ProblemError(Problem.NOT_FOUND)
    words = [phrase for phrase in rule_in_words(lot_from_listing(listing)) if phrase.key.startswith("rule.retraction")]
    context = {
        "listing": listing,
        "bids": [(one.bid, until) for one, until in bids],
        "reasons": [reason.value for reason in RetractionReason],
        "words": words,
        "form": Form(errors={"": sentence(request, refusal)} if refusal else {}),
    }
    return render(request, "bidder/take_back.html", context, status=422 if refusal else 200)


async def _amount(request: Request, name: str) -> tuple[dict[str, str], int | str | None]:
    """What was typed, and the sum in minor units: the sentence instead if it is none, None if nothing was typed."""
    house, lot_id = house_of(request), int(request.path_params["lot_id"])
    async with request.form(max_files=0, max_fields=8) as form:
        typed = str(form.get(name, "")).replace("\0", "").strip()[:40]
    async with house.pool.acquire() as conn:
        listing = await listings.listing_by_id(conn, lot_id)
    if listing is None or not typed:
        return {name: typed}, None
    read = parse_amount(typed, EXPONENTS[listing.currency])
    if isinstance(read, AmountProblem):
        return {name: typed}, house.catalogue.text(f"amount_problem.{read.value}", language_of(request))
    return {name: typed}, read


def _to(request: Request, name: str, said: str, **params: int) -> Response:
    response = RedirectResponse(str(request.app.url_path_for(name, **params)), status_code=303)
    flash(response, said)
    return response


routes = [
    Route("/sell/lots/{lot_id:int}/after", after, name="sell_after"),
    Route("/sell/lots/{lot_id:int}/reserve", lower, methods=["POST"], name="sell_lower_reserve"),
    Route("/sell/lots/{lot_id:int}/offer", make_offer, methods=["POST"], name="sell_offer"),
    Route("/sell/lots/{lot_id:int}/relist", put_up_again, methods=["POST"], name="sell_relist"),
    Route("/offers/{offer_id:int}", offer, name="offer"),
    Route("/offers/{offer_id:int}/{answer}", answer, methods=["POST"], name="offer_answer"),
    Route("/lots/{lot_id:int}/bids/retract", take_back, name="bidder_take_back"),
    Route("/lots/{lot_id:int}/bids/retract", retract, methods=["POST"], name="bidder_retract"),
]
