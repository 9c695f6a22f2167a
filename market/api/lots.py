"""The API's lots: search, read, the log; a seller's drafts, photos and check; the operator's decisions and desk."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from auction import store
from auction.facts import Outcome, Phase, Standing
from auction.public import PublicState
from auction.setup import SETUPS, options_problem
from market import listings, photos, trades
from market.api.operations import Call, granted, operation
from market.api.shapes import (
    Currency,
    Id,
    Listed,
    MinorIn,
    MinorOrZeroIn,
    MinorOut,
    PageSize,
    Paging,
    Reason,
    Reasoned,
    minor_in,
)
from market.calendar import CalendarFilters, CalendarRow, calendar
from market.control_room import Act, act_on_lot
from market.currencies import EXPONENTS
from market.listing_facts import (
    CATEGORIES,
    CONDITIONS,
    Listing,
    ListingContent,
    ListingState,
    Step,
)
from market.pages.sell import plain_finding, plain_rule_sentences
from market.photo_rendering import PhotoRefusal
from market.problems import Problem, ProblemError
from market.rendering import language_of
from market.second_person import Awaited

Seconds = Annotated[int, Meta(ge=1, le=366 * 86_400)]
Title = Annotated[str, Meta(max_length=160)]
Description = Annotated[str, Meta(max_length=8_000)]
CurrencyTraded = Literal["CNY", "USD", "EUR", "HKD", "JPY", "KWD"]
Instant = Annotated[datetime, Meta(tz=True)]
IMAGES = ("image/jpeg", "image/png", "image/webp")


class LotQuery(Paging, kw_only=True, forbid_unknown_fields=True):
    state: Literal["all", "upcoming", "live", "closed"] = "all"
    category: str = ""
    currency: CurrencyTraded | None = None
    q: Annotated[str, Meta(max_length=100)] = ""
    sort: Literal["ends", "starts", "price", "price_down"] = "ends"


class LotLine(Struct, kw_only=True):
    id: int
    title_en: str
    title_zh: str
    category: str
    currency: Currency
    state: Literal["upcoming", "live", "closed"]
    phase: Phase
    starts_at: datetime
    ends_at: datetime
    start_price_minor: MinorOut
    price_minor: MinorOut | None
    deposit_minor: MinorOut
    bids: int
    reserve: Literal["none", "not_met", "met"]
    outcome: Outcome | None


class RuleWords(Struct, kw_only=True):
    """The rule in plain words, as bidders read it: text without markup, sums as `CNY 1,234.50`, times in UTC."""

    en: list[str]
    zh: list[str]


class StepShape(Struct, kw_only=True, forbid_unknown_fields=True):
    """`increment_minor` is the step while the price is below `below_minor`; the last band has no upper bound."""

    increment_minor: MinorIn
    below_minor: MinorIn | None = None


class StepOut(Struct, kw_only=True):
    increment_minor: MinorOut
    below_minor: MinorOut | None


class PhotoShape(Struct, kw_only=True):
    id: int
    url: str
    width: int
    height: int
    alt_en: str
    alt_zh: str


class LotShape(Struct, kw_only=True):
    """A lot on show: what everyone may know of it. `now` is the same message that the socket sends."""

    id: int
    title_en: str
    title_zh: str
    description_en: str
    description_zh: str
    category: str
    condition: str
    currency: Currency
    currency_exponent: int
    deposit_minor: MinorOut
    rule: RuleWords
    photos: list[PhotoShape]
    now: PublicState


class Draft(Struct, kw_only=True, forbid_unknown_fields=True):
    """What a seller writes. Anything but the currency may be missing in a draft; submission checks it."""

    currency: CurrencyTraded
    title_en: Title = ""
    title_zh: Title = ""
    description_en: Description = ""
    description_zh: Description = ""
    category: str = "other"
    condition: str = "good"
    start_price_minor: MinorIn | None = None
    steps: Annotated[list[StepShape], Meta(max_length=50)] = []
    grid_base: Literal["start", "current"] = "start"
    timed_seconds: Seconds | None = None
    extension_seconds: Seconds | None = None
    soft_close_seconds: Seconds | None = None
    cap_extensions: Annotated[int, Meta(ge=0, le=100_000)] | None = None
    cap_at: Instant | None = None
    reserve_minor: MinorIn | None = None
    deposit_minor: MinorOrZeroIn = 0
    starts_at: Instant | None = None
    format: Annotated[str, Meta(max_length=20)] = "english"
    options: dict[str, Any] = {}
    """What only the format asks (see docs/rules.md, Formats for programs); sums in members that end in `_minor`, as everywhere."""


class Edit(Draft, kw_only=True, forbid_unknown_fields=True):
    """The whole draft anew. `version` is the one that was read; another one means that somebody was faster."""

    version: Annotated[int, Meta(ge=1, le=2**31 - 1)]


class Version(Struct, kw_only=True, forbid_unknown_fields=True):
    version: Annotated[int, Meta(ge=1, le=2**31 - 1)]


class ListingShape(Struct, kw_only=True):
    """A seller's own listing, the reserve included: only the seller and operators read it."""

    id: int
    seller_id: int
    state: ListingState
    version: int
    currency: Currency
    title_en: str
    title_zh: str
    description_en: str
    description_zh: str
    category: str
    condition: str
    start_price_minor: MinorOut | None
    steps: list[StepOut]
    grid_base: str
    timed_seconds: int | None
    extension_seconds: int | None
    soft_close_seconds: int | None
    cap_extensions: int | None
    cap_at: datetime | None
    reserve_minor: MinorOut | None
    deposit_minor: MinorOut
    starts_at: datetime | None
    format: str
    options: dict[str, Any]
    rejection_reason: str | None
    created_at: datetime
    updated_at: datetime


class ListingQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    state: ListingState | None = None


class Listings(Struct, kw_only=True):
    items: list[ListingShape]


class FindingShape(Struct, kw_only=True):
    severity: Literal["error", "warning"]
    field: str
    code: str
    text: str


class Checked(Struct, kw_only=True):
    """What the linter says, and the rule in plain words once the draft is whole enough to have one."""

    findings: list[FindingShape]
    rule: RuleWords | None


class PhotoAdded(Struct, kw_only=True):
    id: int
    url: str


class Extension(Struct, kw_only=True, forbid_unknown_fields=True):
    ends_at: Instant
    reason: Reason


class AwaitsSecond(Struct, kw_only=True, tag_field="type", tag="awaits_second"):
    """Nothing has changed yet: so much is at stake that another operator has to ask for the same by `expires_at`."""

    lot: int
    act: Act
    expires_at: datetime


class LogQuery(Struct, kw_only=True, forbid_unknown_fields=True):
    after: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    limit: PageSize = 100


class LogEvent(Struct, kw_only=True):
    """One event: its exact canonical bytes as text, and its hash: sha256(former hash followed by these bytes)."""

    seq: int
    body: str
    hash: str


class LotLog(Struct, kw_only=True):
    """A page of the public log. The chain begins from sha256(`terms`)."""

    terms: str
    events: list[LogEvent]
    next_after: Id | None


@operation("GET", "/lots", tag="lots")
async def lots(call: Call, query: LotQuery) -> Listed[LotLine]:
    """The calendar: what is on show, filtered and sorted."""
    if query.category and query.category not in CATEGORIES:
        raise ProblemError(Problem.MALFORMED, fault="category")
    filters = CalendarFilters(
        state=query.state,
        category=query.category,
        currency=query.currency or "",
        q=query.q.replace("\x00", "").strip(),
        sort=query.sort,
        page=min(query.page, 10_000),
        page_size=query.page_size,
    )
    found = await calendar(call.conn, filters, call.now)
    return Listed(items=[_line(row) for row in found.rows], page=found.page, pages=found.pages, total=found.total)


@operation("GET", "/lots/{lot_id:int}", tag="lots")
async def lot(call: Call, lot_id: int) -> LotShape:
    """One lot with where it stands now."""
    listing = await listings.listing_by_id(call.conn, lot_id)
    state = await store.lot_view(call.conn, lot_id, call.house.bidding.books)
    if listing is None or state is None:
        raise ProblemError(Problem.NOT_FOUND)
    return LotShape(
        id=lot_id,
        title_en=listing.title_en,
        title_zh=listing.title_zh,
        description_en=listing.description_en,
        description_zh=listing.description_zh,
        category=listing.category,
        condition=listing.condition,
        currency=listing.currency,
        currency_exponent=EXPONENTS[listing.currency],
        deposit_minor=str(listing.deposit_minor),
        rule=_words(call, listing, lot_id, listing.seller_id),
        photos=[_photo(one) for one in await photos.photos_of(call.conn, lot_id)],
        now=state,
    )


@operation("GET", "/lots/{lot_id:int}/log", tag="lots")
async def lot_log(call: Call, lot_id: int, query: LogQuery) -> LotLog:
    """The lot's public log in the exact bytes that are hashed."""
    terms = await store.terms(call.conn, lot_id)
    if terms is None:
        raise ProblemError(Problem.NOT_FOUND)
    rows = await store.events(call.conn, lot_id, query.after, query.limit)
    events = [LogEvent(seq=row.seq, body=row.body.decode(), hash=row.hash.hex()) for row in rows]
    return LotLog(terms=terms.decode(), events=events, next_after=rows[-1].seq if len(rows) == query.limit else None)


@operation("POST", "/lots/check", tag="selling", keyed=False)
async def check_lot(call: Call, body: Draft) -> Checked:
    """What the linter says of a draft, and its rule in words. Stores nothing."""
    content = _content(body)
    catalogue, lang = call.house.catalogue, language_of(call.request)
    findings = [
        FindingShape(
            severity=found.severity.value,
            field=found.field,
            code=found.code,
            text=plain_finding(found, catalogue, lang, content.currency),
        )
        for found in listings.findings_of(content, call.now)
    ]
    whole = not any(found.severity == "error" for found in findings)
    return Checked(findings=findings, rule=_words(call, content, 0, call.viewer.id) if whole else None)


@operation("GET", "/listings", tag="selling")
async def my_listings(call: Call, query: ListingQuery) -> Listings:
    """The viewer's own listings, the last touched first."""
    found = await listings.listings_of_seller(call.conn, call.viewer.id)
    return Listings(items=[_listing(one) for one in found if query.state in (None, one.state)])


@operation("GET", "/listings/{lot_id:int}", tag="selling")
async def my_listing(call: Call, lot_id: int) -> ListingShape:
    """One listing of the viewer, or any for an operator."""
    listing = await listings.listing_by_id(call.conn, lot_id)
    if listing is None:
        raise ProblemError(Problem.NOT_FOUND)
    return _listing(listing)


@operation("POST", "/lots", tag="selling", status=201)
async def create_lot(call: Call, body: Draft) -> ListingShape:
    """A new draft."""
    return _listing(await listings.create_draft(call.conn, seller_id=call.viewer.id, content=_kept(body), now=call.now))


@operation("PUT", "/lots/{lot_id:int}", tag="selling")
async def edit_lot(call: Call, lot_id: int, body: Edit) -> ListingShape:
    """Write the draft anew over the version that was read."""
    done: Listing = granted(
        await listings.save_draft(
            call.conn,
            listing_id=lot_id,
            seller_id=call.viewer.id,
            version=body.version,
            content=_kept(body),
            now=call.now,
        )
    )
    return _listing(done)


@operation("POST", "/lots/{lot_id:int}/photos", tag="selling", status=201, body_media_types=IMAGES)
async def add_photo(call: Call, lot_id: int, body: bytes) -> PhotoAdded:
    """Add a photo to a draft: resized, its metadata stripped."""
    image = await photos.render_photo_off_loop(body)
    if isinstance(image, PhotoRefusal):
        raise ProblemError(image)
    photo_id: int = granted(
        await photos.upload_photo(call.conn, listing_id=lot_id, seller_id=call.viewer.id, image=image, now=call.now)
    )
    return PhotoAdded(id=photo_id, url=f"/photos/{photo_id}/960.webp")


@operation("POST", "/lots/{lot_id:int}/submit", tag="selling")
async def submit_lot(call: Call, lot_id: int, body: Version) -> ListingShape:
    """Hand the draft to the operator."""
    done: Listing = granted(
        await listings.submit(
            call.conn, listing_id=lot_id, seller_id=call.viewer.id, version=body.version, now=call.now
        )
    )
    return _listing(done)


@operation("POST", "/lots/{lot_id:int}/withdraw", tag="selling")
async def withdraw_lot(call: Call, lot_id: int) -> ListingShape:
    """Give a listing up that is not yet approved."""
    return _listing(
        granted(await listings.withdraw(call.conn, listing_id=lot_id, seller_id=call.viewer.id, now=call.now))
    )


@operation("POST", "/lots/{lot_id:int}/approve", tag="operator")
async def approve_lot(call: Call, lot_id: int) -> ListingShape:
    """Put a submitted lot on show."""
    done: Listing = granted(
        await listings.approve(call.conn, listing_id=lot_id, operator_id=call.viewer.id, now=call.now)
    )
    _refresh(call, lot_id)
    return _listing(done)


@operation("POST", "/lots/{lot_id:int}/reject", tag="operator")
async def reject_lot(call: Call, lot_id: int, body: Reasoned) -> ListingShape:
    """Send a submitted lot back with the reason that the seller reads."""
    done: Listing = granted(
        await listings.reject(
            call.conn, listing_id=lot_id, operator_id=call.viewer.id, reason=body.reason, now=call.now
        )
    )
    return _listing(done)


@operation("POST", "/lots/{lot_id:int}/pause", tag="operator")
async def pause_lot(call: Call, lot_id: int, body: Reasoned) -> PublicState | AwaitsSecond:
    """Stop the lot's clock."""
    return await _act(call, Act.PAUSE, lot_id, body.reason)


@operation("POST", "/lots/{lot_id:int}/resume", tag="operator")
async def resume_lot(call: Call, lot_id: int, body: Reasoned) -> PublicState | AwaitsSecond:
    """Let the lot's clock run again."""
    return await _act(call, Act.RESUME, lot_id, body.reason)


@operation("POST", "/lots/{lot_id:int}/extend", tag="operator")
async def extend_lot(call: Call, lot_id: int, body: Extension) -> PublicState | AwaitsSecond:
    """Move the end of the running phase later."""
    return await _act(call, Act.EXTEND, lot_id, body.reason, _instant(body.ends_at, "ends_at"))


@operation("POST", "/lots/{lot_id:int}/void", tag="operator")
async def void_lot(call: Call, lot_id: int, body: Reasoned) -> PublicState | AwaitsSecond:
    """End the lot without a sale; every deposit is freed. This can't be undone."""
    return await _act(call, Act.VOID, lot_id, body.reason)


async def _act(
    call: Call, act: Act, lot_id: int, reason: str, ends_at: datetime | None = None
) -> PublicState | AwaitsSecond:
    done: Standing | Awaited = granted(
        await act_on_lot(
            call.conn,
            act,
            lot_id=lot_id,
            operator_id=call.viewer.id,
            reason=reason,
            now=call.now,
            on_hammer=trades.hammer_handler(trades.trade_terms(call.house.config), call.house.escrow),
            ends_at=ends_at,
            confirmed=True,
            second_person_above_minor=call.house.config.second_person_above_minor,
        )
    )
    if isinstance(done, Awaited):
        return AwaitsSecond(lot=lot_id, act=act, expires_at=done.until)
    assert isinstance(done, Standing), "a refusal is granted to nobody"
    _refresh(call, lot_id)
    state = await store.lot_view(call.conn, lot_id)
    assert state is not None, "the lot was acted on in this transaction"
    return state


def _refresh(call: Call, lot_id: int) -> None:
    async def refresh() -> None:
        await call.house.bidding.refresh(lot_id)

    call.afterwards(refresh)


def _kept(body: Draft) -> ListingContent:
    """What is written down of a draft: a cap of one kind. The check, which writes nothing, says so in words."""
    if body.cap_extensions is not None and body.cap_at is not None:
        raise ProblemError(Problem.MALFORMED, fault="cap_extensions and cap_at: only one of the two")
    return _content(body)


def _content(body: Draft) -> ListingContent:
    if body.category not in CATEGORIES or body.condition not in CONDITIONS:
        raise ProblemError(Problem.MALFORMED, fault="category or condition")
    steps = tuple(
        Step(
            increment_minor=minor_in(step.increment_minor),
            below_minor=None if step.below_minor is None else minor_in(step.below_minor),
        )
        for step in body.steps
    )
    return ListingContent(
        currency=body.currency,
        title_en=_clean(body.title_en),
        title_zh=_clean(body.title_zh),
        description_en=body.description_en.replace("\x00", ""),
        description_zh=body.description_zh.replace("\x00", ""),
        category=body.category,
        condition=body.condition,
        start_price_minor=None if body.start_price_minor is None else minor_in(body.start_price_minor),
        steps=steps,
        grid_base=body.grid_base,
        timed_seconds=body.timed_seconds,
        extension_seconds=body.extension_seconds,
        soft_close_seconds=body.soft_close_seconds,
        cap_extensions=body.cap_extensions,
        cap_at=_instant(body.cap_at, "cap_at"),
        reserve_minor=None if body.reserve_minor is None else minor_in(body.reserve_minor),
        deposit_minor=minor_in(body.deposit_minor),
        starts_at=_instant(body.starts_at, "starts_at"),
        format=body.format,
        options=_options_in(body),
    )


def _options_in(body: Draft) -> dict[str, Any]:
    """The format's options with sums as numbers, or a refusal that says what is wrong with them."""
    if body.format not in SETUPS:
        raise ProblemError(Problem.MALFORMED, fault="format")
    options = _sums(body.options, _sum_in)
    if (problem := options_problem(body.format, options)) is not None:
        raise ProblemError(Problem.MALFORMED, fault=f"options: {problem}")
    assert isinstance(options, dict)
    return options


def _sum_in(value: object) -> object:
    if isinstance(value, str) and (not (value.isascii() and value.isdigit()) or len(value) > 18):
        raise ProblemError(Problem.MALFORMED, fault="options: a sum is a string of digits")
    return int(value) if isinstance(value, str) else value


def _sum_out(value: object) -> object:
    return str(value) if isinstance(value, int) else value


def _sums(value: Any, convert: Callable[[object], object], name: str = "") -> Any:
    """The same tree with every member that ends in `_minor` converted."""
    if isinstance(value, dict):
        return {key: _sums(item, convert, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_sums(item, convert, name) for item in value]
    return convert(value) if name.endswith("_minor") else value


def _instant(at: datetime | None, name: str) -> datetime | None:
    """A time as the pages take it too; years at the ends of the calendar can't be reckoned with."""
    if at is not None and not 2000 < at.year < 2200:
        raise ProblemError(Problem.MALFORMED, fault=name)
    return at


def _clean(text: str) -> str:
    return " ".join(text.replace("\x00", "").split())


def _words(call: Call, content: ListingContent, lot_id: int, seller_id: int) -> RuleWords:
    words = plain_rule_sentences(listings.lot_of_content(content, lot_id, seller_id), call.house.catalogue)
    return RuleWords(en=words["en"], zh=words["zh"])


def _line(row: CalendarRow) -> LotLine:
    return LotLine(
        id=row.lot_id,
        title_en=row.title_en,
        title_zh=row.title_zh,
        category=row.category,
        currency=row.currency,
        state=row.state,
        phase=Phase(row.phase),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        start_price_minor=str(row.start_price_minor),
        price_minor=None if row.price_minor is None else str(row.price_minor),
        deposit_minor=str(row.deposit_minor),
        bids=row.bid_count,
        reserve=row.reserve,
        outcome=None if row.outcome is None else Outcome(row.outcome),
    )


def _photo(one: photos.Photo) -> PhotoShape:
    return PhotoShape(
        id=one.id,
        url=f"/photos/{one.id}/960.webp",
        width=one.width,
        height=one.height,
        alt_en=one.alt_en,
        alt_zh=one.alt_zh,
    )


def _listing(one: Listing) -> ListingShape:
    def out(minor: int | None) -> str | None:
        return None if minor is None else str(minor)

    same = {
        name: getattr(one, name)
        for name in ListingShape.__struct_fields__
        if name not in ("steps", "options", "start_price_minor", "reserve_minor", "deposit_minor")
    }
    return ListingShape(
        **same,
        options=_sums(one.options, _sum_out),
        start_price_minor=out(one.start_price_minor),
        steps=[StepOut(increment_minor=str(s.increment_minor), below_minor=out(s.below_minor)) for s in one.steps],
        reserve_minor=out(one.reserve_minor),
        deposit_minor=str(one.deposit_minor),
    )
