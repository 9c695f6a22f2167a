"""The seller's pages: what is to do, my lots, and the lot editor with its photos. Everything works without JavaScript."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from markupsafe import Markup
from starlette.datastructures import UploadFile
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from auction.setup import rule_in_words
from auction.words import Phrase
from escrow.facts import Fees
from market import listings, photos, sales
from market.calendar import calendar_rows
from market.catalogue import LANGUAGES
from market.csv_cells import csv_text
from market.currencies import EXPONENTS, decimal_text
from market.fees import fees_of_lot, in_force, market_of, sums_of
from market.form_reader import UNIT_SECONDS
from market.formats import FORMATS, market_format
from market.house import House, house_of
from market.listing_facts import CATEGORIES, CONDITIONS, Listing, ListingContent, ListingRefusal, ListingState
from market.local_time import zones_known
from market.lot_form import ReadLot, bands_shown, read_lot, values_of
from market.photo_rendering import LARGEST_UPLOAD_BYTES, PhotoRefusal
from market.problems import Problem, ProblemError, sentence
from market.rendering import Form, flash, language_of, phrase_text, plain_phrase_text, render
from market.selling import lot_to_preview
from market.to_do import to_do_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime

    from starlette.requests import Request

    from auction.facts import Lot
    from auction.linter import Finding
    from market.calendar import CalendarRow
    from market.catalogue import Catalogue, Language
    from market.sales import PlaceInSale
    from migrations.database import Connection

PAGE_SIZE = 25
LOT_STATES = (
    *(state.value for state in ListingState if state is not ListingState.APPROVED),
    "upcoming",
    "live",
    "closed",
)
_CSV_COLUMNS = ("lot", "title", "category", "state", "currency", "start_price", "price", "bids", "starts_at", "ends_at")


async def dashboard(request: Request) -> Response:
    """What is to do, and my lots with where each stands."""
    house, now = house_of(request), house_of(request).node_time.now()
    async with house.pool.acquire() as conn:
        mine = await listings.listings_of_seller(conn, request.user.id)
        rows = await calendar_rows(conn, [listing.id for listing in mine], now)
        to_do = await to_do_of(conn, request.user.id, now, side="seller", mine=mine)
    state = request.query_params.get("state", "")
    shown = [listing for listing in mine if state not in LOT_STATES or shown_state(listing, rows) == state]
    page, pages, part = _page_of(request, shown)
    context = {
        "to_do": to_do,
        "lots": [(listing, rows.get(listing.id), shown_state(listing, rows)) for listing in part],
        "has_lots": bool(mine),
        "states": LOT_STATES,
        "state": state if state in LOT_STATES else "",
        "page": page,
        "pages": pages,
    }
    return render(request, "sell/dashboard.html", context)


async def lots_csv(request: Request) -> Response:
    """My lots as CSV."""
    house, now, lang = house_of(request), house_of(request).node_time.now(), language_of(request)
    async with house.pool.acquire() as conn:
        mine = await listings.listings_of_seller(conn, request.user.id)
        rows = await calendar_rows(conn, [listing.id for listing in mine], now)
    header = [house.catalogue.text(f"calendar_csv.{column}", lang) for column in _CSV_COLUMNS]

    def line(listing: Listing) -> list[object]:
        row, exponent = rows.get(listing.id), EXPONENTS[listing.currency]
        start, price = listing.start_price_minor, row.price_minor if row else None
        return [
            listing.id,
            listing.title(lang),
            house.catalogue.text(f"category.{listing.category}", lang),
            house.catalogue.text(f"lot_state.{shown_state(listing, rows)}", lang),
            listing.currency,
            "" if start is None else decimal_text(start, exponent),
            "" if price is None else decimal_text(price, exponent),
            "" if row and row.hides_bids else row.bid_count if row else 0,
            listing.starts_at.isoformat() if listing.starts_at else "",
            row.ends_at.isoformat() if row else "",
        ]

    return csv_response(csv_text(header, [line(listing) for listing in mine]), "lots.csv")


async def new_lot(request: Request) -> Response:
    """An empty editor; its first save makes the draft."""
    now = house_of(request).node_time.now()
    if request.method == "GET":
        asked = request.query_params.get("format", "")
        currency = "CNY" if language_of(request) == "zh" else "USD"
        empty = ListingContent(currency=currency, format=asked if asked in FORMATS else "english")
        read = ReadLot(empty, {**values_of(empty), "zone": ""})
        return await _editor(request, None, read, now)
    async with request.form(max_files=0, max_fields=160, max_part_size=128 * 1024) as form:
        read = read_lot(form)
        act = str(form.get("act", "save"))
    if act == "autosave":
        return _checked(request, read, 0, now)
    if read.errors or act == "preview":
        return await _editor(request, None, read, now, status=422 if read.errors else 200, preview=True)
    async with house_of(request).pool.acquire() as conn, conn.transaction():
        listing = await listings.create_draft(conn, seller_id=request.user.id, content=read.content, now=now)
    return _see(request, "sell_lot", "sell.saved", lot_id=listing.id)


async def edit_lot(request: Request) -> Response:
    """The editor of one of my lots: save, preview or submit by the button pressed."""
    house, lot_id = house_of(request), int(request.path_params["lot_id"])
    now = house.node_time.now()
    if request.method == "GET":
        async with house.pool.acquire() as conn:
            listing, pictures, row, sale = await _own_lot(conn, lot_id, now)
        read = ReadLot(listing, values_of(listing))
        return await _editor(request, listing, read, now, pictures=pictures, row=row, sale=sale, preview=True)
    async with request.form(max_files=0, max_fields=160, max_part_size=128 * 1024) as form:
        read = read_lot(form)
        act, version = str(form.get("act", "save")), str(form.get("version", ""))
    if not read.errors and act != "preview":
        async with house.pool.acquire() as conn, conn.transaction():
            done = await _save(conn, request, read, version, submit=act == "submit")
        if act == "autosave":
            return _checked(request, read, done, now)
        if isinstance(done, Listing):
            return _see(request, "sell_lot", "sell.submitted" if act == "submit" else "sell.saved", lot_id=lot_id)
        read.errors[""] = sentence(request, done)
    if act == "autosave":
        return _checked(request, read, ListingRefusal.RULE_HAS_ERRORS, now)
    async with house.pool.acquire() as conn:
        listing, pictures, row, sale = await _own_lot(conn, lot_id, now)
    status = 422 if read.errors else 200
    return await _editor(
        request, listing, read, now, pictures=pictures, row=row, sale=sale, status=status, preview=True
    )


async def take_back(request: Request) -> Response:
    """Take a submitted lot out of the queue."""
    return await _move(request, listings.take_back, "sell.taken_back")


async def withdraw(request: Request) -> Response:
    """Give a lot up that is not yet on show."""
    return await _move(request, listings.withdraw, "sell.withdrawn")


async def upload(request: Request) -> Response:
    """Take in one or more photos of a draft."""
    house, lot_id = house_of(request), int(request.path_params["lot_id"])
    refusal: PhotoRefusal | None = None
    async with request.form(max_files=photos.MOST_PHOTOS, max_fields=4, max_part_size=4096) as form:
        files = [part for part in form.getlist("photos") if isinstance(part, UploadFile) and part.filename]
        if not files:
            refusal = PhotoRefusal.MISSING
        for file in files:
            data = await file.read(LARGEST_UPLOAD_BYTES + 1)
            image = await photos.render_photo_off_loop(data)
            if isinstance(image, PhotoRefusal):
                refusal = image
                break
            async with house.pool.acquire() as conn, conn.transaction():
                done = await photos.upload_photo(
                    conn, listing_id=lot_id, seller_id=request.user.id, image=image, now=house.node_time.now()
                )
            if isinstance(done, PhotoRefusal):
                refusal = done
                break
    if refusal is None:
        return _see(request, "sell_lot", "sell.photo_added", lot_id=lot_id, _anchor="#photos")
    return await _editor_with_error(request, lot_id, "photos", sentence(request, refusal))


async def edit_photo(request: Request) -> Response:
    """Remove a photo, move it, or describe it."""
    house, lot_id = house_of(request), int(request.path_params["lot_id"])
    photo_id, seller_id = int(request.path_params["photo_id"]), request.user.id
    async with request.form(max_files=0, max_fields=8) as form:
        act = str(form.get("act", ""))
        alt_zh, alt_en = str(form.get("alt_zh", "")), str(form.get("alt_en", ""))
    async with house.pool.acquire() as conn, conn.transaction():
        if act == "delete":
            refusal = await photos.delete_photo(conn, listing_id=lot_id, seller_id=seller_id, photo_id=photo_id)
        elif act in ("earlier", "later"):
            order = _moved([photo.id for photo in await photos.photos_of(conn, lot_id)], photo_id, act)
            refusal = await photos.place_photos(conn, listing_id=lot_id, seller_id=seller_id, photo_ids=order)
        else:
            refusal = await photos.describe_photo(
                conn, listing_id=lot_id, seller_id=seller_id, photo_id=photo_id, alt_zh=alt_zh, alt_en=alt_en
            )
    if refusal is None:
        return _see(request, "sell_lot", "sell.photo_changed", lot_id=lot_id, _anchor="#photos")
    return await _editor_with_error(request, lot_id, "photos", sentence(request, refusal))


def shown_state(listing: Listing, rows: Mapping[int, CalendarRow]) -> str:
    """Where the lot stands in one word: its listing's state, or its auction's once it is approved."""
    row = rows.get(listing.id)
    return row.state if listing.state is ListingState.APPROVED and row is not None else listing.state.value


def csv_response(text: str, name: str) -> Response:
    """A CSV download."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
    return Response(text, media_type="text/csv", headers=headers)


async def _save(
    conn: Connection, request: Request, read: ReadLot, version: str, *, submit: bool
) -> Listing | ListingRefusal:
    lot_id, now = int(request.path_params["lot_id"]), house_of(request).node_time.now()
    number = int(version) if version.isascii() and version.isdigit() and len(version) < 10 else 0
    saved = await listings.save_draft(
        conn, listing_id=lot_id, seller_id=request.user.id, version=number, content=read.content, now=now
    )
    if isinstance(saved, ListingRefusal) or not submit:
        return saved
    done = await listings.submit(conn, listing_id=lot_id, seller_id=request.user.id, version=saved.version, now=now)
    if isinstance(done, ListingRefusal):
        read.values["version"] = str(saved.version)  # the edit is kept although the lot is not yet fit
    return done


async def _move(request: Request, step: Callable[..., Awaitable[Listing | ListingRefusal]], said: str) -> Response:
    house, lot_id = house_of(request), int(request.path_params["lot_id"])
    async with house.pool.acquire() as conn, conn.transaction():
        done = await step(conn, listing_id=lot_id, seller_id=request.user.id, now=house.node_time.now())
    if isinstance(done, ListingRefusal):
        return await _editor_with_error(request, lot_id, "", sentence(request, done))
    return _see(request, "sell_lot", said, lot_id=lot_id) if done.editable else _see(request, "sell", said)


async def _editor_with_error(request: Request, lot_id: int, name: str, text: str) -> Response:
    now = house_of(request).node_time.now()
    async with house_of(request).pool.acquire() as conn:
        listing, pictures, row, sale = await _own_lot(conn, lot_id, now)
    read = ReadLot(listing, values_of(listing))
    return await _editor(
        request,
        listing,
        read,
        now,
        pictures=pictures,
        row=row,
        sale=sale,
        status=422,
        preview=True,
        own_errors={name: text},
    )


async def _editor(
    request: Request,
    listing: Listing | None,
    read: ReadLot,
    now: datetime,
    *,
    pictures: Sequence[photos.Photo] = (),
    row: CalendarRow | None = None,
    sale: PlaceInSale | None = None,
    status: int = 200,
    preview: bool = False,
    own_errors: Mapping[str, str] | None = None,
) -> Response:
    """The editor with the fields as typed, what is wrong beside them, and the rule in plain words in both languages."""
    catalogue, lang = house_of(request).catalogue, language_of(request)
    errors = {name: catalogue.text(key, lang) if name else key for name, key in read.errors.items()}
    lot = lot_to_preview(read.content, listing.id if listing else 0)
    fees = await _fees(house_of(request), listing, read, now)
    context = {
        "fees": fees,
        "fee_sums": sums_of(fees, read.content.start_price_minor) if read.content.start_price_minor else None,
        "start_price_minor": read.content.start_price_minor,
        "listing": listing,
        "form": Form(values=read.values, errors={**errors, **(own_errors or {})}),
        "version": read.values.get("version") or (listing.version if listing else 0),
        "editable": listing is None or listing.editable,
        "photos": pictures,
        "row": row,
        "sale": sale,
        "state": shown_state(listing, {listing.id: row} if row else {}) if listing else "draft",
        "findings": finding_rows(request, read.content, now) if preview else [],
        "rule": rule_sentences(lot, catalogue) if lot is not None else None,
        "bands": bands_shown(read.values),
        "format": read.content.format,
        "formats": tuple(FORMATS),
        "form_template": market_format(read.content.format).FORM_TEMPLATE,
        "categories": CATEGORIES,
        "conditions": CONDITIONS,
        "currencies": tuple(EXPONENTS),
        "currency": read.content.currency,
        "units": tuple(UNIT_SECONDS),
        "zones": _zones(read.values.get("zone", "")),
        "most_photos": photos.MOST_PHOTOS,
    }
    return render(request, "sell/lot.html", context, status=status)


async def _fees(house: House, listing: Listing | None, read: ReadLot, now: datetime) -> Fees:
    """What the seller agrees to by submitting; of a submitted lot, what he agreed to."""
    market, default_bp = market_of(read.content.format), house.config.commission_bp
    async with house.pool.acquire() as conn:
        if listing is None or listing.editable:
            return await in_force(conn, market, read.content.currency, now, default_bp)
        return await fees_of_lot(conn, listing.id, market, read.content.currency, now, default_bp)


def rule_sentences(lot: Lot, catalogue: Catalogue) -> dict[str, list[str]]:
    """The lot's rule in plain words, in both languages."""
    phrases = rule_in_words(lot)
    return {
        lang: [phrase_text(_speaking(catalogue, lang), lang, phrase, lot.currency) for phrase in phrases]
        for lang in LANGUAGES
    }


def plain_rule_sentences(lot: Lot, catalogue: Catalogue) -> dict[str, list[str]]:
    """The lot's rule in plain words and without markup, in both languages, as programs read it."""
    phrases = rule_in_words(lot)
    return {
        lang: [plain_phrase_text(_speaking(catalogue, lang), lang, phrase, lot.currency) for phrase in phrases]
        for lang in LANGUAGES
    }


def _checked(request: Request, read: ReadLot, done: Listing | ListingRefusal | int, now: datetime) -> Response:
    """What the editor's script shows as the seller types: the new version, the rule in words, the findings."""
    if read.errors or isinstance(done, ListingRefusal):
        body: dict[str, object] = {"saved": False, "fields": list(read.errors)}
        return Response(msgspec.json.encode(body), status_code=422, media_type="application/json")
    lot = lot_to_preview(read.content, 0)
    rule = rule_sentences(lot, house_of(request).catalogue) if lot is not None else None
    body = {
        "version": done.version if isinstance(done, Listing) else done,
        "saved": isinstance(done, Listing),
        "rule": rule and {lang: [Markup(line).striptags() for line in lines] for lang, lines in rule.items()},
        "findings": [
            {"severity": finding.severity, "field": field, "sentence": Markup(text).striptags()}
            for finding, field, text in finding_rows(request, read.content, now)
        ],
    }
    headers = {"Cache-Control": "private, no-store"}
    return Response(msgspec.json.encode(body), headers=headers, media_type="application/json")


def finding_rows(request: Request, content: ListingContent, now: datetime) -> list[tuple[Finding, str, str]]:
    """What the linter says: the finding, the form's field that it stands beside, and its sentence."""
    catalogue, lang = house_of(request).catalogue, language_of(request)
    boxes = market_format(content.format).FIELD_OF_FINDING
    return [
        (finding, boxes.get(finding.field, ""), _sentence_of(finding, catalogue, lang, content.currency))
        for finding in listings.findings_of(content, now)
    ]


def _sentence_of(finding: Finding, catalogue: Catalogue, lang: Language, currency: str) -> str:
    phrase = Phrase(key=f"lint.{finding.code}", params=finding.params)
    return phrase_text(_speaking(catalogue, lang), lang, phrase, currency)


def plain_finding(finding: Finding, catalogue: Catalogue, lang: Language, currency: str) -> str:
    """What the linter says, as a sentence without markup."""
    phrase = Phrase(key=f"lint.{finding.code}", params=finding.params)
    return plain_phrase_text(_speaking(catalogue, lang), lang, phrase, currency)


def _speaking(catalogue: Catalogue, lang: Language) -> Callable[..., str]:
    def t(key: str, **params: object) -> str:
        return catalogue.text(key, lang, **params)

    return t


def _zones(chosen: str) -> tuple[str, ...]:
    known = zones_known()
    return known if not chosen or chosen in known else (*known, chosen)


async def _own_lot(
    conn: Connection, lot_id: int, now: datetime
) -> tuple[Listing, list[photos.Photo], CalendarRow | None, PlaceInSale | None]:
    """The listing, which the door has found to be the viewer's, with its photos, where its lot stands, and its sale."""
    listing = await listings.listing_by_id(conn, lot_id)
    if listing is None:
        raise ProblemError(Problem.NOT_FOUND)
    row = (await calendar_rows(conn, [lot_id], now)).get(lot_id)
    return listing, await photos.photos_of(conn, lot_id), row, await sales.place_of(conn, lot_id)


def _moved(order: list[int], photo_id: int, act: str) -> list[int]:
    """The order with one photo a place earlier or later; at the end of the row it stays."""
    if photo_id not in order:
        return []
    place = order.index(photo_id)
    other = place - 1 if act == "earlier" else place + 1
    if 0 <= other < len(order):
        order[place], order[other] = order[other], order[place]
    return order


def _page_of(request: Request, rows: Sequence[Listing]) -> tuple[int, int, Sequence[Listing]]:
    pages = max(1, -(-len(rows) // PAGE_SIZE))
    asked = request.query_params.get("page", "1")
    page = min(max(int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 6 else 1, 1), pages)
    return page, pages, rows[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]


def _see(request: Request, name: str, said: str, *, _anchor: str = "", **params: int) -> Response:
    response = RedirectResponse(str(request.app.url_path_for(name, **params)) + _anchor, status_code=303)
    flash(response, said)
    return response


routes = [
    Route("/sell", dashboard, name="sell"),
    Route("/sell/lots.csv", lots_csv, name="sell_csv"),
    Route("/sell/lots/new", new_lot, methods=["GET", "POST"], name="sell_new"),
    Route("/sell/lots/{lot_id:int}", edit_lot, methods=["GET", "POST"], name="sell_lot"),
    Route("/sell/lots/{lot_id:int}/take-back", take_back, methods=["POST"], name="sell_lot_take_back"),
    Route("/sell/lots/{lot_id:int}/withdraw", withdraw, methods=["POST"], name="sell_lot_withdraw"),
    Route("/sell/lots/{lot_id:int}/photos", upload, methods=["POST"], name="sell_photos"),
    Route("/sell/lots/{lot_id:int}/photos/{photo_id:int}", edit_photo, methods=["POST"], name="sell_photo"),
]
