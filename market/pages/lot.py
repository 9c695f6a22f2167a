"""The pages that everybody may see: the calendar of sales, the live lot, and help. They only read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct, to_builtins
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auction import store
from auction.chain import decode_body
from auction.public import PublicState
from auction.setup import rule_in_words, short_rule
from escrow.facts import Fees
from market import deals_store, sales
from market.applications import application_state
from market.bank_details import bank_details
from market.calendar import CalendarFilters, calendar, calendar_csv, filters_from_query
from market.currencies import EXPONENTS
from market.fees import Market, fees_of_lot
from market.formats import market_format
from market.house import House, house_of
from market.listing_facts import CATEGORIES, Listing
from market.listings import listing_by_id, lot_from_listing
from market.photos import photos_of
from market.rendering import language_of, render
from market.sales import PlaceInSale

if TYPE_CHECKING:
    from auction.store import LogRow, OwnBid, Position
    from market.application_facts import Qualification
    from market.photos import Photo
    from migrations.database import Connection

HISTORY_ROWS = 200
SORTS = ("ends", "starts", "price", "price_down")
STATES = ("all", "live", "upcoming", "closed")


class Shown(Struct, frozen=True, kw_only=True):
    """Everything that the lot page shows, read in one snapshot."""

    listing: Listing
    photos: Sequence[Photo]
    state: PublicState
    position: Position | None
    own_detail: dict[str, Any] | None
    history: Sequence[LogRow]
    qualification: Qualification
    case_id: int | None
    own_bids: Sequence[OwnBid]
    sale: PlaceInSale | None
    is_watched: bool
    fees: Fees | None
    """What a supplier pays, where the lot's owner buys."""


async def calendar_page(request: Request) -> Response:
    """Sales that are on, coming and over, with filters in the address."""
    house, filters = house_of(request), filters_from_query(request.query_params)
    now = house.node_time.now()
    if request.query_params.get("format") == "csv":
        return await _calendar_csv(request, house, filters, now)
    async with house.pool.acquire() as conn:
        found = await calendar(conn, filters, now)
        states = await store.lot_views(conn, [row.lot_id for row in found.rows], house.bidding.books)
    context = {"found": found, "states": states, "filters": filters, "categories": CATEGORIES}
    choices = {"sorts": SORTS, "lot_states": STATES, "currencies": [(code, code) for code in EXPONENTS]}
    return render(request, "lot/calendar.html", context | choices)


async def _calendar_csv(request: Request, house: House, filters: CalendarFilters, now: datetime) -> Response:
    async with house.pool.acquire() as conn:
        found = await calendar(conn, filters, now)
    text = calendar_csv(found.rows, language_of(request), house.catalogue)
    headers = {"Content-Disposition": 'attachment; filename="calendar.csv"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


async def lot_page(request: Request) -> Response:
    """The live lot: complete as it is, then kept live by the page's script."""
    house, lot_id = house_of(request), int(request.path_params["lot_id"])
    async with house.pool.acquire() as conn, conn.transaction(isolation="repeatable_read", readonly=True):
        shown = await _read(conn, house, lot_id, request.user.party_id)
    if shown is None:
        raise HTTPException(404)
    lot = lot_from_listing(shown.listing)
    history = [history_row(row) for row in shown.history]
    context = {
        "listing": shown.listing,
        "title": shown.listing.title(language_of(request)),
        "photos": shown.photos,
        "state": shown.state,
        "you": shown.position,
        "history": history,
        "rules": rule_in_words(lot),
        "short_rule": short_rule(lot),
        "qualification": shown.qualification,
        "payment": _deposit_payment(house, shown.qualification),
        "case_id": shown.case_id,
        "own_bids": shown.own_bids,
        "sale": shown.sale,
        "is_watched": shown.is_watched,
        "fees": shown.fees,
        "lot_id": lot_id,
        "exponent": lot.currency_exponent,
        "format": market_format(shown.listing.format),
        "extension_seconds": shown.listing.extension_seconds,
        "you_wire": _position_wire(shown),
        "state_wire": to_builtins(shown.state),
    }
    return render(request, "lot/live.html", context)


async def _read(conn: Connection, house: House, lot_id: int, party_id: int | None) -> Shown | None:
    books = house.bidding.books
    listing, state = await listing_by_id(conn, lot_id), await store.lot_view(conn, lot_id, books)
    qualification = await application_state(conn, house.escrow, lot_id, party_id)
    if listing is None or state is None or qualification is None:
        return None
    return Shown(
        listing=listing,
        photos=await photos_of(conn, lot_id),
        state=state,
        position=None if party_id is None else await store.own_position(conn, lot_id, party_id),
        own_detail=None if party_id is None else await store.own_detail(conn, lot_id, party_id, state.server_at, books),
        history=await store.events_before(conn, lot_id, state.seq + 1, HISTORY_ROWS),
        qualification=qualification,
        case_id=None if party_id is None else await deals_store.case_of_viewer(conn, lot_id, party_id),
        own_bids=() if party_id is None else await store.bids_of(conn, lot_id, party_id),
        sale=None if listing.sale_id is None else await sales.place_of(conn, lot_id),
        is_watched=party_id is not None and await sales.is_watched(conn, party_id=party_id, lot_id=lot_id),
        fees=await _suppliers_fees(conn, house, listing) if listing.format == "reverse" else None,
    )


async def _suppliers_fees(conn: Connection, house: House, listing: Listing) -> Fees:
    now, default_bp = house.node_time.now(), house.config.commission_bp
    return await fees_of_lot(conn, listing.id, Market.REVERSE, listing.currency, now, default_bp)


def _deposit_payment(house: House, stands: Qualification) -> dict[str, str] | None:
    """Where the viewer pays the deposit that is due from him."""
    if stands.reference is None:
        return None
    return bank_details(house, stands.currency, stands.deposit_minor, stands.reference)


def history_row(row: LogRow) -> dict[str, Any]:
    """One event of the public log in the shape of the socket's `history` message."""
    body = decode_body(row.body)
    return {
        "seq": body.seq,
        "at": body.at,
        "kind": body.kind.value,
        "lines": to_builtins(body.lines),
        "price_minor": body.price_minor,
        "leader": body.leader,
        "ends_at": body.ends_at,
        "hash": row.hash.hex(),
        "detail": body.detail,
    }


def _position_wire(shown: Shown) -> dict[str, Any] | None:
    if (position := shown.position) is None:
        # Whoever owns the lot has no paddle, but may be shown something of his own.
        owner = {"paddle": 0, "admitted": False, "maximum_minor": None, "leading": False, "detail": shown.own_detail}
        return None if shown.own_detail is None else owner
    maximum = None if position.maximum_minor is None else str(position.maximum_minor)
    return {
        "paddle": position.paddle,
        "admitted": position.admitted,
        "maximum_minor": maximum,
        "leading": position.leading,
        "detail": shown.own_detail,
        "priority_rank": position.priority_rank,
    }


async def help_page(request: Request) -> Response:
    """How bidding, the deposit and the escrow work."""
    return render(request, "lot/help.html")


routes = [
    Route("/", calendar_page, name="calendar"),
    Route("/lots/{lot_id:int}", lot_page, name="lot"),
    Route("/help", help_page, name="help"),
]
