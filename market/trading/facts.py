"""What is true of the market: categories with typed attributes, and posts of supply and demand.

Frozen values; no I/O, no clock. `party_id` and the point on the map of an anonymous post are secret: what the public may
see of a post is chosen in `market.trading.public`, and nowhere else.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from msgspec import Struct

Value = str | int | bool
"""What an attribute of a post may be: a choice's code or a text, a whole number, yes or no."""

TERMS: tuple[str, ...] = ("EXW", "FCA", "FAS", "FOB", "CFR", "CIF", "CPT", "CIP", "DAP", "DPU", "DDP")
"""Incoterms 2020. The sentence of each is the catalogue's `delivery_term.…`."""

UNITS: tuple[str, ...] = ("TNE", "KGM", "LTR", "MTK", "MTQ", "MTR", "C62", "PR", "SET")
"""UN/ECE Recommendation 20, the codes that a category may count in. Their words are `unit.…`."""

CURRENCIES: tuple[str, ...] = ("CNY", "USD", "EUR", "HKD", "JPY", "KWD")

LARGEST_QUANTITY = 10**12
LARGEST_SUM_MINOR = 10**15
LONGEST_TITLE = 160
LONGEST_DESCRIPTION = 4_000
LONGEST_PLACE = 120
LONGEST_TEXT = 120
LARGEST_NUMBER = 10**9
VALID_DAYS: tuple[int, ...] = (1, 3, 7, 14, 30, 60, 90)


class Side(StrEnum):
    SUPPLY = "supply"
    DEMAND = "demand"

    @property
    def other(self) -> Side:
        return Side.DEMAND if self is Side.SUPPLY else Side.SUPPLY


class Kind(StrEnum):
    """The type of an attribute."""

    CHOICE = "choice"
    INTEGER = "integer"
    TEXT = "text"
    FLAG = "flag"


class Named(Struct, frozen=True, kw_only=True):
    """Something with a name in both languages."""

    name_en: str
    name_zh: str

    def name(self, lang: str) -> str:
        return self.name_zh if lang == "zh" else self.name_en


class Choice(Named, frozen=True, kw_only=True):
    code: str
    retired: bool = False


class AttributeType(Named, frozen=True, kw_only=True):
    """One attribute of a category. Its code and kind never change; a retired one is asked of no new post."""

    code: str
    kind: Kind
    unit: str = ""
    """Of a number, as it is read: `mm`, `g/m²`."""
    required: bool = False
    choices: tuple[Choice, ...] = ()
    retired: bool = False

    def choice(self, code: str) -> Choice | None:
        return next((each for each in self.choices if each.code == code), None)


class Category(Named, frozen=True, kw_only=True):
    """A kind of goods, in a group; or a group, which has no unit and no posts."""

    code: str
    parent: str | None
    position: int
    unit: str | None
    attributes: tuple[AttributeType, ...] = ()
    version: int = 1
    retired_at: datetime | None = None

    @property
    def is_group(self) -> bool:
        return self.parent is None

    def attribute(self, code: str) -> AttributeType | None:
        return next((each for each in self.attributes if each.code == code), None)


class PostState(StrEnum):
    """What is stored. Whether an open post has been taken whole or is past its time follows from it and the instant."""

    OPEN = "open"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


class PostContent(Struct, frozen=True, kw_only=True, gc=False):
    """What a party says in a post. Price per unit in minor units; None asks for offers."""

    side: Side
    category: str
    title_zh: str = ""
    title_en: str = ""
    description_zh: str = ""
    description_en: str = ""
    attributes: dict[str, Value] = {}
    quantity: int
    all_or_none: bool = False
    minimum: int = 1
    """The smallest quantity that is traded at once; 1 where anything will do."""
    price_minor: int | None = None
    currency: str
    country: str
    """ISO 3166, two letters."""
    place: str
    latitude: int | None = None
    longitude: int | None = None
    """Millionths of a degree. Shown to nobody: only distances are reckoned from it."""
    delivery_from: date
    delivery_to: date
    term: str
    anonymous: bool = False

    def title(self, lang: str) -> str:
        """The title in `lang`, else in the other language."""
        return (self.title_zh or self.title_en) if lang == "zh" else (self.title_en or self.title_zh)

    def title_lang(self, lang: str) -> str:
        """The language that `title(lang)` is in."""
        return _lang_shown(lang, self.title_zh, self.title_en)

    def description(self, lang: str) -> str:
        """The description in `lang`, else in the other language."""
        return (
            (self.description_zh or self.description_en) if lang == "zh" else self.description_en or self.description_zh
        )

    def description_lang(self, lang: str) -> str:
        """The language that `description(lang)` is in."""
        return _lang_shown(lang, self.description_zh, self.description_en)


class Post(PostContent, frozen=True, kw_only=True):
    """A stored post. `version` counts its edits."""

    id: int
    party_id: int
    state: PostState
    version: int
    taken: int
    on_board: bool
    """An order of it stands on a board: it does not change till that is withdrawn."""
    valid_until: datetime
    posted_at: datetime
    updated_at: datetime
    shown_at: datetime
    listed_at: datetime
    ended_at: datetime | None = None

    @property
    def open_quantity(self) -> int:
        return self.quantity - self.taken

    @property
    def smallest_take(self) -> int:
        """What must be taken at least: all of it, the minimum lot, or the rest where that is less."""
        return self.open_quantity if self.all_or_none else min(self.minimum, self.open_quantity)

    def standing(self, now: datetime) -> str:
        """`open`, `taken`, `lapsed` or `withdrawn` at `now`, whether the clock has been by or not."""
        if self.state is not PostState.OPEN:
            return self.state.value
        if self.open_quantity == 0:
            return "taken"
        return "lapsed" if now >= self.valid_until else "open"

    def is_open(self, now: datetime) -> bool:
        return self.standing(now) == "open"


class PostRefusal(StrEnum):
    """Why a step on a post was refused, in the order tested. The sentence is `market_refusal.<value>`."""

    NO_SUCH_POST = "no_such_post"
    POST_GONE = "post_gone"
    POST_NOT_LISTED_YET = "post_not_listed_yet"
    POST_ON_A_BOARD = "post_on_a_board"
    STALE_VERSION = "stale_version"
    POST_BARRED = "post_barred"
    NO_SUCH_CATEGORY = "no_such_category"
    POST_FAULTY = "post_faulty"
    BELOW_TAKEN = "below_taken"
    TOO_MANY_POSTS = "too_many_posts"


def _lang_shown(lang: str, zh: str, en: str) -> str:
    if lang == "zh":
        return "zh" if zh or not en else "en"
    return "en" if en or not zh else "zh"
