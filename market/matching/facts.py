"""What matching knows: orders, the rules of a board, and what a clearing came to. No I/O; no party, post or currency."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

LARGEST_QUANTITY = 10**12
"""Of one order. A million such orders still add up to less than 2^63, for readers whose integers end there."""
MOST_CONDITIONAL = 200
"""So many live orders with a minimum lot, all-or-none ones among them, a board takes."""
MOST_PIECES = 5_000
"""So many separate stretches of reachable totals the exact search holds for one side of the book (`minimums`)."""


class Side(StrEnum):
    """Which way an order goes."""

    SUPPLY = "supply"
    DEMAND = "demand"

    @property
    def other(self) -> Side:
        """The side that it trades with."""
        return Side.DEMAND if self is Side.SUPPLY else Side.SUPPLY


class Mode(StrEnum):
    """How a board matches."""

    CALL = "call"
    CONTINUOUS = "continuous"


class Rationing(StrEnum):
    """Who gets the last units, where orders of one price want more than there is."""

    TIME = "time"
    PRO_RATA = "pro_rata"


class Order(Struct, frozen=True, kw_only=True, gc=False):
    """A limit order. `seq` is its place in time and its name; `minimum` the least that it takes, all of it if it takes all or
    none; prices are those of one unit.
    """

    seq: int
    side: Side
    price_minor: int
    quantity: int
    minimum: int = 1

    @property
    def is_conditional(self) -> bool:
        """Whether it may not be filled with just any number of units."""
        return self.minimum > 1


class Rules(Struct, frozen=True, kw_only=True):
    """How a call auction finds its price and who gets what at the margin. With `k_permille` the price lies between the
    lowest and the highest that are left after volume and imbalance; without, pressure, reference and midpoint decide.
    """

    tick_minor: int = 1
    rationing: Rationing = Rationing.TIME
    reference_minor: int | None = None
    k_permille: int | None = None


class Step(StrEnum):
    """The rules of the price in the order in which they are asked; each may leave more than one price."""

    VOLUME = "volume"
    IMBALANCE = "imbalance"
    PRESSURE = "pressure"
    REFERENCE = "reference"
    MIDPOINT = "midpoint"
    K_DOUBLE = "k_double"


class Candidate(Struct, frozen=True, kw_only=True, gc=False):
    """Prices from `low_minor` to `high_minor`, on the tick, at which demand, supply and what can be traded are the same.
    `removed_by` is the rule after which none of them was left.
    """

    low_minor: int
    high_minor: int
    demand: int
    supply: int
    volume: int
    removed_by: Step | None = None

    @property
    def imbalance(self) -> int:
        """Demand over supply; negative where more is offered than asked for."""
        return self.demand - self.supply


class Why(StrEnum):
    """Why an order got what it got."""

    FILLED = "filled"
    PART_LEFT = "part_left"
    SHARED = "shared"
    MADE_ROOM = "made_room"
    PASSED_OVER = "passed_over"
    NONE_LEFT = "none_left"
    OUTSIDE_LIMIT = "outside_limit"
    NO_PRICE = "no_price"
    SET_ASIDE = "set_aside"


class Fill(Struct, frozen=True, kw_only=True, gc=False):
    """How many units an order got, and why."""

    order: Order
    units: int
    why: Why


class Clearing(Struct, frozen=True, kw_only=True):
    """The whole result of a call auction: the fills in order of side, price and time; price None where nothing is traded.
    `decided_by` is the last rule that was needed to find the price.
    """

    price_minor: int | None
    volume: int
    decided_by: Step | None
    candidates: tuple[Candidate, ...]
    fills: tuple[Fill, ...]


class Trade(Struct, frozen=True, kw_only=True, gc=False):
    """Units that pass from one order to another at a price; the orders by their `seq`."""

    supply: int
    demand: int
    units: int
    price_minor: int
