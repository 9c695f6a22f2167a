"""What is true of a lot: its rule set, its standing, a bid, and what the rules answer.

Frozen values with no behaviour beyond reading themselves; nothing here does I/O or reads a clock. They are msgspec
structs, not dataclasses, because one is made for each bid on the hot path (0.3 µs against 2 µs).
Money is an int of minor units beside the lot's currency. Times are aware datetimes in UTC, to the microsecond.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct

LARGEST_AMOUNT_MINOR = 1_000_000_000_000_000
"""No amount anywhere in the house is above this; the ledger's constraint holds the same figure."""


class Phase(StrEnum):
    """Where a lot is in its life. DECIDED: one bid has ended it (a purchase at once, a stopped falling price) and it only
    waits for the closer. OPENING: time is up, and sealed bids wait for the officers who open them.
    """

    TIMED = "timed"
    DELAYED = "delayed"
    DECIDED = "decided"
    OPENING = "opening"
    CLOSED = "closed"


class Outcome(StrEnum):
    SOLD = "sold"
    UNSOLD = "unsold"
    VOID = "void"


class GridBase(StrEnum):
    """What whole multiples of the increment are counted from. NONE switches the grid check off (replays only)."""

    START = "start"
    CURRENT = "current"
    NONE = "none"


class BuyNowUntil(StrEnum):
    """How long a lot may be bought at once: until the first bid, or until the price has met the reserve."""

    FIRST_BID = "first_bid"
    RESERVE_MET = "reserve_met"


class RetractionReason(StrEnum):
    """Why a bidder takes a bid back; no other reason counts."""

    WRONG_AMOUNT = "wrong_amount"
    DESCRIPTION_CHANGED = "description_changed"
    SELLER_UNREACHABLE = "seller_unreachable"


class StepBand(Struct, frozen=True, kw_only=True):
    """`increment_minor` is the step while the price is below `below_minor`; the last band has no upper bound."""

    below_minor: int | None = None
    increment_minor: int


class Rule(Struct, frozen=True, kw_only=True, tag_field="format"):
    """What the public rule sets of all formats have in common: data, versioned, fixed at the first bid. The tag names the
    format; `auction.formats` knows them all.
    """

    start_price_minor: int


class EnglishRule(Rule, frozen=True, kw_only=True, tag="english"):
    """The public rule set of an English auction: data, versioned, fixed at the first bid.

    `timed_seconds` None: no time-limited phase. `extension_seconds` None: no delayed phase. Not both None.
    `soft_close_seconds` is the one-phase variant (art. 20), only without a delayed phase: a bid in the last so many
    seconds of the timed phase sets the end to its own instant plus that.
    A cap is at most one of `cap_extensions` (how many bids may extend) and `cap_at` (an absolute end).
    `only_timed_bidders`: the delayed phase is for those whose bid of the timed phase stands. `buy_now_minor`: for this the
    lot may be bought at once. `priority_right`: the house may confirm holders of one. `retraction_seconds`: for how long
    after a bid it may be taken back (None: never), but not in the last `retraction_closes_seconds` of the timed phase.
    `second_offer`: a winner's default passes the lot on to the runner-up, whose deposit is held until the winner has paid.
    """

    steps: tuple[StepBand, ...]
    grid_base: GridBase = GridBase.START
    timed_seconds: int | None = None
    extension_seconds: int | None = None
    soft_close_seconds: int | None = None
    cap_extensions: int | None = None
    cap_at: datetime | None = None
    only_timed_bidders: bool = False
    buy_now_minor: int | None = None
    buy_now_until: BuyNowUntil = BuyNowUntil.FIRST_BID
    priority_right: bool = False
    retraction_seconds: int | None = None
    retraction_closes_seconds: int = 0
    second_offer: bool = False
    version: int = 1


class Lot(Struct, frozen=True, kw_only=True):
    """What does not change while bidding runs. `reserve_minor` is secret and never leaves the server. `rule` is the Rule
    of the lot's format, typed where that format reads it.
    """

    id: int
    seller_id: int
    currency: str
    currency_exponent: int
    rule: Any
    starts_at: datetime
    reserve_minor: int | None = None
    deposit_minor: int = 0
    sale_id: int | None = None


class Standing(Struct, frozen=True, kw_only=True):
    """Where a lot stands now. `version` counts every committed change and is checked by each write;
    `seq` counts the events, gapless from 1. `leader_maximum_minor` is secret. `reserve_met` stays False on a
    lot without a reserve. `bid_count` counts accepted public bids, `extension_count` those that moved the end.
    A format that hides bids until the close leaves price, leader and bid count empty until then. `book` is what else a
    format must know to judge; it follows from the log and is stored nowhere else.
    """

    version: int
    seq: int
    head: bytes
    phase: Phase
    ends_at: datetime
    price_minor: int | None = None
    leader_id: int | None = None
    leader_maximum_minor: int | None = None
    reserve_met: bool = False
    bid_count: int = 0
    extension_count: int = 0
    paused_at: datetime | None = None
    outcome: Outcome | None = None
    closed_at: datetime | None = None
    retraction_count: int = 0
    book: Struct | None = None


class Bid(Struct, frozen=True, kw_only=True):
    """One request to bid. `stamped_at` is when its frame entered the server: the one instant that decides. `details` is
    what the format wants to know beside the amount, as the JSON object that the bidder sent; `amount_minor` is 0 where
    only the details speak (a sealed bid). `expected_seq`: the seq of the last state that the bidder saw, if the bid is to
    stand only as long as nothing public has happened since.
    """

    lot_id: int
    party_id: int
    client_bid_id: UUID
    amount_minor: int
    is_maximum: bool
    stamped_at: datetime
    expected_seq: int | None = None
    details: bytes | None = None


class Logged(Struct, frozen=True):
    """One event as a format reads it back from the log: `kind` and `body` as stored, and who acted."""

    seq: int
    kind: str
    at: datetime
    party_id: int | None
    body: bytes


class Refusal(StrEnum):
    """Why a bid was refused, in the order in which the rules test; those after OFF_GRID belong to options and formats,
    which test them where they say. A value, never an exception; the name is the key of its sentence in the catalogue
    (`refusal.<name>`).
    """

    UNKNOWN_LOT = "unknown_lot"
    MALFORMED_AMOUNT = "malformed_amount"
    MALFORMED_DETAILS = "malformed_details"
    OVER_CAP = "over_cap"
    OWN_LOT = "own_lot"
    NOT_ADMITTED = "not_admitted"
    NOT_STARTED = "not_started"
    CLOSED = "closed"
    PAUSED = "paused"
    ALREADY_LEADING = "already_leading"
    MAXIMUM_NOT_RAISED = "maximum_not_raised"
    BELOW_MINIMUM = "below_minimum"
    OFF_GRID = "off_grid"
    NOT_A_TIMED_BIDDER = "not_a_timed_bidder"
    BUY_NOW_GONE = "buy_now_gone"
    BUY_NOW_PRICE = "buy_now_price"
    BUY_NOW_INSTEAD = "buy_now_instead"
    NO_MAXIMUM = "no_maximum"
    PRICE_NOT_REACHED = "price_not_reached"
    QUANTITY_OUT_OF_RANGE = "quantity_out_of_range"
    ALL_OR_NONE_NOT_OFFERED = "all_or_none_not_offered"
    TOO_MANY_BIDS = "too_many_bids"
    NO_SUCH_BID = "no_such_bid"
    BID_NOT_RAISED = "bid_not_raised"
    ABOVE_CEILING = "above_ceiling"
    OFF_DECREMENT = "off_decrement"
    OUT_OF_RANGE = "out_of_range"
    UNDER_FLOOR = "under_floor"
    NOT_IMPROVED = "not_improved"
    LEAD_NOT_BEATEN = "lead_not_beaten"
    SUM_IN_CLEAR = "sum_in_clear"
    NOTHING_TO_WITHDRAW = "nothing_to_withdraw"
    TOO_MANY_VERSIONS = "too_many_versions"
    TOO_MANY_CHANGES = "too_many_changes"
    LOT_MOVED = "lot_moved"
    BUDGET_OF_LOTS = "budget_of_lots"
    BUDGET_OF_SUM = "budget_of_sum"
    ID_REUSED = "id_reused"
    TOO_FAST = "too_fast"
    BUSY = "busy"


class DeskRefusal(StrEnum):
    """Why an act of the desk (operator, seller) on a lot was refused, in the order in which the rules test."""

    LOT_CLOSED = "lot_closed"
    LOT_ENDED = "lot_ended"
    ALREADY_PAUSED = "already_paused"
    NOT_PAUSED = "not_paused"
    END_NOT_LATER = "end_not_later"
    NO_RESERVE = "no_reserve"
    RESERVE_NOT_LOWERED = "reserve_not_lowered"
    RESERVE_UNDER_START = "reserve_under_start"
    NO_RETRACTION = "no_retraction"
    RETRACTION_DELAYED = "retraction_delayed"
    NO_SUCH_BID = "no_such_bid"
    RETRACTION_TOO_LATE = "retraction_too_late"
    RETRACTION_NEAR_END = "retraction_near_end"
    TOO_MANY_RETRACTIONS = "too_many_retractions"
    NO_PRIORITY_RIGHT = "no_priority_right"
    NOT_ADMITTED_YET = "not_admitted_yet"
    NOT_YET_OPENING = "not_yet_opening"
    ALREADY_OPENED = "already_opened"


class Line(Struct, frozen=True, kw_only=True):
    """One line of a public bid event: `party_id` now stands at `amount_minor`; `automatic` if a maximum that he set
    earlier bid for him. Whoever acts himself is never `automatic`, so a line does not tell a maximum from a plain bid.
    """

    party_id: int
    amount_minor: int
    automatic: bool = False


class Refused(Struct, frozen=True, kw_only=True):
    """The bid changed nothing. `lowest_minor` is the lowest amount that would be legal now, where one exists."""

    refusal: Refusal
    lowest_minor: int | None = None


class Accepted(Struct, frozen=True, kw_only=True):
    """The bid stands. `standing` is the lot after it, with version and seq not yet advanced and head not yet chained
    (the batcher does that). `lines` are empty when nothing public happened: the leader raised his own maximum. `detail`
    is what the format adds to the event; an event is written if there are lines or a detail.
    """

    standing: Standing
    lines: tuple[Line, ...]
    extended: bool = False
    detail: dict[str, Any] | None = None


Verdict = Accepted | Refused


class Award(Struct, frozen=True, kw_only=True):
    """One buyer's part of what was sold: `quantity` units of the lot for `total_minor` altogether."""

    party_id: int
    paddle: int
    quantity: int
    total_minor: int


class Result(Struct, frozen=True, kw_only=True):
    """What a closed lot's last event says beside the standing, and who gets what: `awards` as (party, quantity, total)."""

    detail: dict[str, Any] | None = None
    awards: tuple[tuple[int, int, int], ...] = ()


class Hammer(Struct, frozen=True, kw_only=True):
    """A lot's final word, handed to the trading centre in the closing transaction. Winner and price only when sold
    (and only where one buyer takes the whole; `awards` always name every buyer).

    `closed_at` is the end that had passed; `struck_at` is when the close was written, which after an outage is later.
    Whatever gives somebody time to act counts from `struck_at`: nobody could act on a close that nobody knew of.
    """

    lot_id: int
    seller_id: int
    currency: str
    outcome: Outcome
    winner_id: int | None
    winner_paddle: int | None
    price_minor: int | None
    closed_at: datetime
    struck_at: datetime
    seq: int
    head: bytes
    admitted_ids: tuple[int, ...]
    format: str = "english"
    awards: tuple[Award, ...] = ()


PriceMoves = Literal["up", "down", "hidden"]

Param = int | datetime | tuple[Literal["money", "duration"], int] | tuple[Literal["words"], str, str]
"""A figure in a sentence of the catalogue: a count, an instant, minor units of the lot's currency, or seconds; or what the
seller himself wrote, in English and in Chinese."""
