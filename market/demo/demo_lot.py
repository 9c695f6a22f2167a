"""What the demo says of one of its lots.

Amounts are minor units. Times are seconds before (negative) or after the moment of loading.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from msgspec import Struct, field

from market.listing_facts import Step

MINUTE, HOUR, DAY = 60, 3600, 86_400


class Stage(StrEnum):
    """How far a lot's story has been told."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    ON_SHOW = "on_show"
    TO_OPEN = "to_open"
    """Its time is up, and its sealed bids wait for the officers."""
    UNSOLD = "unsold"
    AWAITING_PAYMENT = "awaiting_payment"
    FUNDED = "funded"
    INSPECTING = "inspecting"
    CLAIMED = "claimed"
    ARBITRATION = "arbitration"
    PAID_OUT = "paid_out"


class DemoLot(Struct, frozen=True, kw_only=True):
    """`seller` names a party of `market.demo.people`. `worth_minor` is about where the robots stop."""

    photo: str
    name: str = ""
    """What the story calls it; the photo's name where that is enough."""
    seller: str
    title_en: str
    title_zh: str
    description_en: str
    description_zh: str
    category: str
    condition: str
    currency: str
    start_minor: int
    steps: tuple[Step, ...] = ()
    worth_minor: int
    deposit_minor: int = 0
    reserve_minor: int | None = None
    timed_seconds: int | None = None
    extension_seconds: int | None = None
    soft_close_seconds: int | None = None
    cap_extensions: int | None = None
    starts_in: int = 0
    format: str = "english"
    options: dict[str, Any] = field(default_factory=dict)
    stage: Stage = Stage.ON_SHOW
    bids: int = 0
    """How many bids there have been when the house opens."""
    in_sale: bool = False
    """One of the lots of the demo's sale, which gives it its start and end."""
    admits: tuple[str, ...] = ()
    """Persons who have been admitted and have not bid yet."""
    priority: str = ""
    """Who holds a confirmed right of priority."""

    @property
    def key(self) -> str:
        return self.name or self.photo


def even(increment_minor: int) -> tuple[Step, ...]:
    """One step for every price."""
    return (Step(increment_minor=increment_minor),)
