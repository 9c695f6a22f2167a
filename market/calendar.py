"""The calendar of sales: what is on show, filtered, sorted, in pages, with where each lot stands now.

Reads only, and only what everyone may know: a reserve is "none", "not met" or "met", never a figure.
"""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import Struct

from market.csv_cells import csv_text
from market.currencies import EXPONENTS, decimal_text
from market.listing_facts import CATEGORIES, HIDES_BIDS
from migrations.queries import load_queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from asyncpg import Record

    from market.catalogue import Catalogue
    from migrations.database import Connection

SORTS: tuple[str, ...] = ("ends", "starts", "price", "price_down")
STATES: tuple[str, ...] = ("all", "upcoming", "live", "closed")
PAGE_SIZE = 24
MOST_CSV_ROWS = 10_000
LONGEST_SEARCH = 100
LAST_PAGE = 10_000

_CSV_COLUMNS = (
    "lot",
    "title",
    "category",
    "state",
    "currency",
    "start_price",
    "price",
    "bids",
    "starts_at",
    "ends_at",
    "outcome",
)
_queries = load_queries("market", "calendar")


class CalendarFilters(Struct, frozen=True, kw_only=True):
    """What a visitor asked for; each value is one that the house knows."""

    state: str = "all"
    category: str = ""
    currency: str = ""
    q: str = ""
    sort: str = "ends"
    page: int = 1
    page_size: int = PAGE_SIZE


class CalendarRow(Struct, frozen=True, kw_only=True):
    """One lot as everyone may see it."""

    lot_id: int
    format: str
    title_zh: str
    title_en: str
    category: str
    condition: str
    currency: str
    starts_at: datetime
    ends_at: datetime
    state: Literal["upcoming", "live", "closed"]
    phase: str
    price_minor: int | None
    start_price_minor: int
    bid_count: int
    outcome: str | None
    deposit_minor: int
    paused_at: datetime | None
    reserve: Literal["none", "not_met", "met"]
    photo_id: int | None
    photo_alt_zh: str
    photo_alt_en: str

    @property
    def hides_bids(self) -> bool:
        """Whether nobody is told yet if there are bids: a count of none says nothing."""
        return self.outcome is None and self.format in HIDES_BIDS

    def title(self, lang: str) -> str:
        """The title in `lang`, else in the other language."""
        return (self.title_zh or self.title_en) if lang == "zh" else (self.title_en or self.title_zh)

    def title_lang(self, lang: str) -> str:
        """The language that `title(lang)` is in."""
        if lang == "zh":
            return "zh" if self.title_zh else "en"
        return "en" if self.title_en else "zh"

    def photo_alt(self, lang: str) -> str:
        """The text for those who don't see the photo; may be empty."""
        return (self.photo_alt_zh or self.photo_alt_en) if lang == "zh" else (self.photo_alt_en or self.photo_alt_zh)


class CalendarPage(Struct, frozen=True, kw_only=True):
    rows: list[CalendarRow]
    total: int
    page: int
    pages: int


def filters_from_query(query: Mapping[str, str]) -> CalendarFilters:
    """The filters of a page's address. What the house doesn't know is left out, as if it had not been asked."""
    state, category = query.get("state", ""), query.get("category", "")
    currency, sort, page = query.get("currency", ""), query.get("sort", ""), query.get("page", "")
    return CalendarFilters(
        state=state if state in STATES else "all",
        category=category if category in CATEGORIES else "",
        currency=currency if currency in EXPONENTS else "",
        q=query.get("q", "").replace("\x00", "").strip()[:LONGEST_SEARCH],
        sort=sort if sort in SORTS else "ends",
        page=min(int(page), LAST_PAGE) if page.isascii() and page.isdigit() and len(page) < 6 and int(page) else 1,
    )


async def calendar(conn: Connection, filters: CalendarFilters, now: datetime) -> CalendarPage:
    """The page of the calendar that the filters ask for. Beyond the last page it is empty, with the total unknown (0)."""
    found = await conn.fetch(
        _queries.calendar_page,
        now,
        words_sought(filters.q),
        filters.category or None,
        filters.currency or None,
        None if filters.state == "all" else filters.state,
        filters.sort,
        filters.page_size,
        (filters.page - 1) * filters.page_size,
    )
    total = found[0]["total"] if found else 0
    pages = max(1, -(-total // filters.page_size))
    return CalendarPage(
        rows=_rows(found), total=total, page=filters.page, pages=max(pages, filters.page if found else 1)
    )


async def calendar_rows(conn: Connection, lot_ids: Sequence[int], now: datetime) -> dict[int, CalendarRow]:
    """Where these lots stand now; a listing that is no lot yet has no row."""
    found = await conn.fetch(_queries.calendar_rows_of, now, list(lot_ids))
    return {row.lot_id: row for row in _rows(found)}


def calendar_csv(rows: Iterable[CalendarRow], lang: str, catalogue: Catalogue) -> str:
    """The rows as CSV, with decimal amounts beside their currency and times in UTC."""
    header = [catalogue.text(f"calendar_csv.{column}", lang) for column in _CSV_COLUMNS]
    return csv_text(header, (_csv_row(row, lang, catalogue) for row in rows))


def words_sought(q: str) -> list[str]:
    """The words of a search as the index holds them: NFKC, lower case, parted at white space."""
    return sorted(set(unicodedata.normalize("NFKC", q).lower().split()))


def _rows(found: Iterable[Record]) -> list[CalendarRow]:
    return [msgspec.convert(dict(row), CalendarRow) for row in found]


def _csv_row(row: CalendarRow, lang: str, catalogue: Catalogue) -> list[object]:
    exponent = EXPONENTS[row.currency]
    return [
        row.lot_id,
        row.title(lang),
        catalogue.text(f"category.{row.category}", lang),
        catalogue.text(f"lot_state.{row.state}", lang),
        row.currency,
        decimal_text(row.start_price_minor, exponent),
        "" if row.price_minor is None else decimal_text(row.price_minor, exponent),
        "" if row.hides_bids else row.bid_count,
        row.starts_at.isoformat(),
        row.ends_at.isoformat(),
        "" if row.outcome is None else catalogue.text(f"outcome.{row.outcome}", lang),
    ]
