"""What is true of a delivery: where the goods go, what was booked with a carrier, what the carrier reports. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal
from uuid import UUID

from msgspec import Struct

from escrow.facts import HOLDING, State


class Address(Struct, frozen=True, kw_only=True):
    """Where goods are collected or delivered. `lines` is street and house as they stand on a label."""

    name: str
    lines: str
    city: str
    postcode: str = ""
    country: str
    phone: str = ""


class ConsignmentState(StrEnum):
    BOOKED = "booked"
    """The carrier has not answered yet."""
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    COLLECTED = "collected"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    DELIVERED = "delivered"
    RETURNED = "returned"
    LOST = "lost"


class EventKind(StrEnum):
    """What a carrier reports. ATTEMPTED: nobody was there; the consignment is where it was."""

    CONFIRMED = "confirmed"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    COLLECTED = "collected"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    ATTEMPTED = "attempted"
    DELIVERED = "delivered"
    RETURNED = "returned"
    LOST = "lost"


ENDED = frozenset(
    {
        ConsignmentState.REFUSED,
        ConsignmentState.CANCELLED,
        ConsignmentState.DELIVERED,
        ConsignmentState.RETURNED,
        ConsignmentState.LOST,
    }
)
NOT_COLLECTED = frozenset({ConsignmentState.BOOKED, ConsignmentState.CONFIRMED})
ON_ITS_WAY = frozenset(
    {
        EventKind.COLLECTED,
        EventKind.IN_TRANSIT,
        EventKind.OUT_FOR_DELIVERY,
        EventKind.ATTEMPTED,
        EventKind.DELIVERED,
    }
)
"""Reports that only a carrier who has the goods can make: with the first of them they are shipped."""
_ORDER = (
    ConsignmentState.BOOKED,
    ConsignmentState.CONFIRMED,
    ConsignmentState.COLLECTED,
    ConsignmentState.IN_TRANSIT,
    ConsignmentState.OUT_FOR_DELIVERY,
)


class Consignment(Struct, frozen=True, kw_only=True):
    """Some packages of a deal with one carrier. No `lines`: all that is left of the sale. `shipped_case_id` once they are
    on their way: the case itself, or the part that was split off for them.
    """

    id: int
    case_id: int
    shipped_case_id: int | None
    booking_id: UUID
    carrier: str
    booked_by: int
    lines: tuple[int, ...]
    packages: int
    weight_grams: int
    description: str
    collect_from: Address
    deliver_to: Address
    state: ConsignmentState
    tracking_number: str | None
    reason: str | None
    received_by: str | None
    proof_sha256: bytes | None
    booked_at: datetime
    moved_at: datetime
    tries: int
    call_off_at: datetime | None
    call_off_for: Literal["seller", "deal"] | None
    """`seller`, or `deal`: a deal that no longer waits for the goods."""
    call_off_refused_at: datetime | None

    @property
    def is_over(self) -> bool:
        return self.state in ENDED

    @property
    def waits_to_be_called_off(self) -> bool:
        """The carrier is being asked."""
        return self.call_off_at is not None and self.call_off_refused_at is None and self.state in NOT_COLLECTED

    @property
    def can_be_called_off(self) -> bool:
        return self.call_off_at is None and self.state in NOT_COLLECTED

    @property
    def told_reason(self) -> str | None:
        """What the carrier says of it; why the carrier was not reached is the operators' to read."""
        return None if self.state in NOT_COLLECTED else self.reason

    @property
    def kilograms(self) -> str:
        """The weight for people: `1,234.567`."""
        whole, grams = divmod(self.weight_grams, 1000)
        return f"{whole:,}.{grams:03}".rstrip("0").rstrip(".")


class TrackingEvent(Struct, frozen=True, kw_only=True):
    """One report. `at` is the carrier's time, `received_at` the house's; a carrier's reports may come in any order."""

    carrier_id: str
    kind: EventKind
    at: datetime
    received_at: datetime
    place: str = ""
    note: str = ""


class Report(Struct, frozen=True, kw_only=True):
    """What a carrier tells of a booking. A delivery names who received it, and may show the signed slip."""

    carrier_id: str
    booking_id: UUID
    kind: EventKind
    at: datetime
    tracking_number: str | None = None
    place: str = ""
    note: str = ""
    received_by: str | None = None
    proof: bytes | None = None


class DeliveryRefusal(StrEnum):
    """Why a step of a delivery is not taken, in the order tested. The sentence is `market_refusal.<value>`."""

    NO_SUCH_CONSIGNMENT = "no_such_consignment"
    NO_SUCH_CARRIER = "no_such_carrier"
    NOT_TO_BE_SHIPPED = "not_to_be_shipped"
    CONSIGNEE_MISSING = "consignee_missing"
    CONSIGNEE_FIXED = "consignee_fixed"
    ADDRESS_INCOMPLETE = "address_incomplete"
    LINES_BOOKED = "lines_booked"
    NO_SUCH_LINE = "no_such_line"
    PACKAGES_WRONG = "packages_wrong"
    WEIGHT_WRONG = "weight_wrong"
    ALREADY_COLLECTED = "already_collected"


SELLER_READS_ADDRESS = HOLDING | {State.RELEASED, State.SETTLED}
"""A buyer's address is the seller's business while the buyer's money is there for it, and once it was earned."""
MOST_PACKAGES = 9_999
MOST_GRAMS = 10**12
BACK_OFF = (2, 5, 15, 60, 300, 900)
"""Seconds until the carrier is asked again, by how often it was in vain; the last again and again."""


def state_after(state: ConsignmentState, kind: EventKind) -> ConsignmentState:
    """Where a report brings a consignment. Late news of a former place change nothing, nor does anything after the end;
    goods that are under way are neither refused nor called off.
    """
    if state in ENDED:
        return state
    if kind is EventKind.ATTEMPTED:
        return ConsignmentState.COLLECTED if state in NOT_COLLECTED else state
    reported = ConsignmentState(kind.value)
    if reported in (ConsignmentState.REFUSED, ConsignmentState.CANCELLED) and state not in NOT_COLLECTED:
        return state
    if reported in _ORDER and state in _ORDER and _ORDER.index(reported) <= _ORDER.index(state):
        return state
    return reported


def ask_again_at(tries: int, now: datetime) -> datetime:
    """When the carrier is asked again after `tries` times in vain."""
    return now + timedelta(seconds=BACK_OFF[min(tries, len(BACK_OFF) - 1)])


def visible(text: str) -> str:
    """What of a text can be seen on a label or a page: nothing that hides in it, or turns its direction."""
    shown = unicodedata.normalize("NFC", text)
    return "".join(c for c in shown if c.isspace() or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co"))


def address_of(values: Mapping[str, str]) -> Address | None:
    """The address that was typed; None when something of it is missing or too long."""
    typed = {name: visible(value) for name, value in values.items()}
    said = {name: " ".join(typed.get(name, "").split()) for name in ("name", "city", "postcode", "country", "phone")}
    street = "\n".join(" ".join(line.split()) for line in typed.get("lines", "").splitlines() if line.strip())
    bounds = {"name": 120, "city": 120, "postcode": 20, "phone": 40}
    country = said["country"].upper()
    whole = said["name"] and street and said["city"] and len(country) == 2 and country.isascii() and country.isalpha()
    if not whole or len(street) > 400 or any(len(said[name]) > most for name, most in bounds.items()):
        return None
    return Address(
        name=said["name"],
        lines=street,
        city=said["city"],
        postcode=said["postcode"],
        country=country,
        phone=said["phone"],
    )
