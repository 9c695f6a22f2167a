"""The API's lots as everybody may see them: search, one lot with where it stands, and its log."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from auction import store
from auction.facts import Outcome, Phase
from auction.public import PublicState
from market import listings, photos
from market.api.operations import Call, operation
from market.api.shapes import Currency, CurrencyTraded, Id, Listed, MinorOut, PageSize, Paging
from market.calendar import CalendarFilters, CalendarRow, calendar
from market.currencies import EXPONENTS
from market.listing_facts import CATEGORIES, ListingContent
from market.pages.sell import plain_rule_sentences
from market.problems import Problem, ProblemError


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
        rule=rule_words(call, listing, lot_id, listing.seller_id),
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


def rule_words(call: Call, content: ListingContent, lot_id: int, seller_id: int) -> RuleWords:
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
