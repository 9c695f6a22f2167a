"""What is true of a listing: the seller's lot before, while and after the operator looks at it.

Frozen values; no I/O, no clock. The listing's id becomes the lot's id. `reserve_minor` is secret: only the seller and
an operator may see it, so nothing here goes to a page without choosing its fields.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct, field

CATEGORIES: tuple[str, ...] = (
    "paintings",
    "porcelain",
    "jade",
    "bronzes",
    "furniture",
    "books",
    "jewellery",
    "watches",
    "coins",
    "tea",
    "wine",
    "instruments",
    "photography",
    "vehicles",
    "machinery",
    "materials",
    "other",
)
"""Keys of the catalogue's `category.…`, in the order in which a calendar shows them."""

HIDES_BIDS = frozenset({"sealed", "reverse", "uniform"})
"""The formats that show no price, leader or count of bids until the close."""

CONDITIONS: tuple[str, ...] = ("new", "excellent", "good", "fair", "restored", "as_found")

LONGEST_TITLE = 160
LONGEST_DESCRIPTION = 8_000
LONGEST_REASON = 1_000


class ListingState(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class ListingRefusal(StrEnum):
    """Why a step on a listing was refused, in the order tested. The sentence is `market_refusal.<value>`."""

    NO_SUCH_LISTING = "no_such_listing"
    NOT_EDITABLE = "not_editable"
    NOT_SUBMITTED = "not_submitted"
    OPENS_WITH_ITS_SALE = "opens_with_its_sale"
    STALE_VERSION = "stale_version"
    TITLE_MISSING = "title_missing"
    RULE_HAS_ERRORS = "rule_has_errors"
    SEALING_KEY_MISSING = "sealing_key_missing"
    REASON_MISSING = "reason_missing"
    NOT_WITHDRAWABLE = "not_withdrawable"


class Step(Struct, frozen=True, kw_only=True):
    """One band of the step table as a draft holds it. The last band has no upper bound."""

    increment_minor: int
    below_minor: int | None = None


class ListingContent(Struct, frozen=True, kw_only=True):
    """What a seller may write. Figures may be missing while it is a draft."""

    currency: str
    title_zh: str = ""
    title_en: str = ""
    description_zh: str = ""
    description_en: str = ""
    category: str = "other"
    condition: str = "good"
    start_price_minor: int | None = None
    steps: tuple[Step, ...] = ()
    grid_base: str = "start"
    timed_seconds: int | None = None
    extension_seconds: int | None = None
    soft_close_seconds: int | None = None
    cap_extensions: int | None = None
    cap_at: datetime | None = None
    reserve_minor: int | None = None
    deposit_minor: int = 0
    starts_at: datetime | None = None
    zone: str = "UTC"
    format: str = "english"
    options: dict[str, Any] = field(default_factory=dict)
    """What only the format asks, in the shape of its setup's Options."""

    def title(self, lang: str) -> str:
        """The title in `lang`, else in the other language."""
        return (self.title_zh or self.title_en) if lang == "zh" else (self.title_en or self.title_zh)

    def title_lang(self, lang: str) -> str:
        """The language that `title(lang)` is in, for the page's `lang` attribute."""
        return _lang_shown(lang, self.title_zh, self.title_en)

    def description(self, lang: str) -> str:
        """The description in `lang`, else in the other language."""
        return (
            (self.description_zh or self.description_en) if lang == "zh" else self.description_en or self.description_zh
        )

    def description_lang(self, lang: str) -> str:
        """The language that `description(lang)` is in."""
        return _lang_shown(lang, self.description_zh, self.description_en)


class Listing(ListingContent, frozen=True, kw_only=True):
    """A stored listing. `version` counts its changes; a save names the version it started from."""

    id: int
    seller_id: int
    state: ListingState
    version: int
    created_at: datetime
    updated_at: datetime
    rejection_reason: str | None = None
    submitted_at: datetime | None = None
    decided_at: datetime | None = None
    decided_by: int | None = None
    sale_id: int | None = None
    lot_number: int | None = None
    """The sale that it is in, and its number there."""
    relist_of: int | None = None
    """The listing that this one puts up again."""

    @property
    def editable(self) -> bool:
        return self.state in (ListingState.DRAFT, ListingState.REJECTED)


def _lang_shown(lang: str, zh: str, en: str) -> str:
    if lang == "zh":
        return "zh" if zh or not en else "en"
    return "en" if en or not zh else "zh"
