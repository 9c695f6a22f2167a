"""What is true of a board: its rules, the orders on it, its clearings, and why an order is refused. Frozen; no I/O."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from market.currencies import EXPONENTS
from market.matching.facts import Mode, Order, Rationing, Rules, Side
from market.trading.facts import LARGEST_SUM_MINOR, LONGEST_PLACE, TERMS, Post, Value

MOST_ORDERS = 100_000
"""So many live orders a board takes."""
LONGEST_REASON = 1000


class BoardState(StrEnum):
    OPEN = "open"
    HALTED = "halted"


class BoardRefusal(StrEnum):
    """Why an act on a board was refused, in the order tested. The sentence is `refusal.<value>`."""

    NO_SUCH_BOARD = "no_such_board"
    BOARD_BUSY = "board_busy"
    BOARD_HALTED = "board_halted"
    POST_WITHOUT_PRICE = "board_post_without_price"
    OTHER_GOODS = "board_other_goods"
    OTHER_TERM = "board_other_term"
    OTHER_CURRENCY = "board_other_currency"
    OTHER_PLACE = "board_other_place"
    OTHER_ATTRIBUTES = "board_other_attributes"
    OTHER_DATES = "board_other_dates"
    OFF_TICK = "board_off_tick"
    QUANTITY_TOO_LARGE = "board_quantity_too_large"
    TERMS_UNSOUND = "board_terms_unsound"
    NAME_UNSOUND = "board_name_unsound"
    POST_UNSOUND = "board_post_unsound"
    OWN_COUNTER_ORDER = "board_own_counter_order"
    BOARD_FULL = "board_full"
    TOO_MANY_CONDITIONAL = "board_too_many_conditional"
    NO_SUCH_ORDER = "no_such_order"
    ORDER_ENDED = "board_order_ended"
    NOTHING_CHANGED = "board_nothing_changed"
    REASON_MISSING = "board_reason_missing"
    RULES_MALFORMED = "board_rules_malformed"
    PLACE_UNSOUND = "board_place_unsound"
    BOARD_OPEN = "board_is_open"


class BoardRules(Struct, frozen=True, kw_only=True):
    """What a board is for and how it matches; fixed when it is made, but for the reference price."""

    category: str
    term: str
    currency: str
    country: str
    place: str
    attributes: dict[str, Value] = {}
    lead_days: int
    window_days: int
    mode: Mode
    tick_minor: int
    rationing: Rationing = Rationing.TIME
    k_permille: int | None = None
    reference_minor: int | None = None
    period_seconds: int | None = None

    def window(self, now: datetime) -> tuple[date, date]:
        """First and last day of delivery for what trades at `now`."""
        first = now.date() + timedelta(days=self.lead_days)
        return first, first + timedelta(days=self.window_days)


class Board(BoardRules, frozen=True, kw_only=True):
    """A stored board. `version` rises with every change of its book."""

    id: int
    next_at: datetime | None
    state: BoardState
    reason: str
    version: int
    last_seq: int
    last_clearing: int
    made_by: int
    made_at: datetime
    name_en: str
    name_zh: str
    unit: str
    live_orders: int = 0
    last_price_minor: int | None = None
    last_at: datetime | None = None

    def name(self, lang: str) -> str:
        """What is traded here."""
        return self.name_zh if lang == "zh" else self.name_en

    @property
    def rules(self) -> Rules:
        """How its call auctions clear."""
        return Rules(
            tick_minor=self.tick_minor,
            rationing=self.rationing,
            reference_minor=self.reference_minor,
            k_permille=self.k_permille,
        )

    def after(self, now: datetime) -> datetime:
        """The first of its clearing times that is later than `now`."""
        assert self.next_at is not None and self.period_seconds is not None, "a call board has its clock"
        missed = max((now - self.next_at) // timedelta(seconds=self.period_seconds) + 1, 0)
        return self.next_at + missed * timedelta(seconds=self.period_seconds)


class OrderState(StrEnum):
    OPEN = "open"
    FILLED = "filled"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


class StoredOrder(Struct, frozen=True, kw_only=True, gc=False):
    """An order on a board; `minimum` is the least that it takes at once, or all that is left where that is less."""

    id: int
    board_id: int
    seq: int
    post_id: int
    party_id: int
    side: Side
    price_minor: int
    quantity: int
    minimum: int
    filled: int
    state: OrderState
    entered_at: datetime
    good_until: datetime
    ended_at: datetime | None

    @property
    def rest(self) -> int:
        return self.quantity - self.filled

    @property
    def order(self) -> Order:
        """What of it matches now."""
        return Order(
            seq=self.seq,
            side=self.side,
            price_minor=self.price_minor,
            quantity=self.rest,
            minimum=min(self.minimum, self.rest),
        )


class ClearingLine(Struct, frozen=True, kw_only=True):
    """A clearing as a list shows it."""

    board_id: int
    n: int
    at: datetime
    price_minor: int | None
    volume: int
    orders: int


class StoredClearing(ClearingLine, frozen=True, kw_only=True):
    """With its proof: the bytes of the signed statement and their hash."""

    proof: str
    sha256: bytes


class StoredFill(Struct, frozen=True, kw_only=True, gc=False):
    """Units that passed between two orders."""

    id: int
    supply_id: int
    demand_id: int
    units: int
    price_minor: int


def sound(rules: BoardRules) -> bool:
    """Whether a board can be made by these rules, as the database has them too."""
    is_call = rules.mode is Mode.CALL
    return (
        (rules.period_seconds is not None) == is_call
        and (rules.period_seconds is None or 10 <= rules.period_seconds <= 31 * 86400)
        and (is_call or (rules.k_permille is None and rules.rationing is Rationing.TIME))
        and 1 <= rules.tick_minor <= 10**12
        and (rules.reference_minor is None or 1 <= rules.reference_minor <= LARGEST_SUM_MINOR)
        and (rules.k_permille is None or 0 <= rules.k_permille <= 1000)
        and 1 <= rules.lead_days <= 365
        and 0 <= rules.window_days <= 365
        and rules.term in TERMS
        and rules.currency in EXPONENTS
        and re.fullmatch(r"[A-Z]{2}", rules.country) is not None
        and 1 <= len(rules.place.strip()) <= LONGEST_PLACE
    )


def unfit(board: Board, post: Post, now: datetime) -> BoardRefusal | None:
    """Why a post can't stand on a board, in the order of the refusals."""
    if board.state is BoardState.HALTED:
        return BoardRefusal.BOARD_HALTED
    if post.price_minor is None:
        return BoardRefusal.POST_WITHOUT_PRICE
    if post.category != board.category:
        return BoardRefusal.OTHER_GOODS
    if post.term != board.term:
        return BoardRefusal.OTHER_TERM
    if post.currency != board.currency:
        return BoardRefusal.OTHER_CURRENCY
    if post.country != board.country:
        return BoardRefusal.OTHER_PLACE
    if any(post.attributes.get(name) != value for name, value in board.attributes.items()):
        return BoardRefusal.OTHER_ATTRIBUTES
    first, last = board.window(now)
    if post.delivery_to < first or post.delivery_from > last:
        return BoardRefusal.OTHER_DATES
    return unfit_limit(board, post.price_minor, post.open_quantity)


def unfit_limit(board: Board, price_minor: int, quantity: int) -> BoardRefusal | None:
    """Why a limit and a quantity can't stand there."""
    if price_minor <= 0 or price_minor % board.tick_minor:
        return BoardRefusal.OFF_TICK
    return BoardRefusal.QUANTITY_TOO_LARGE if price_minor * quantity > LARGEST_SUM_MINOR else None
