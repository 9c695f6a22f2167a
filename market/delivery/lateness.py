"""How late a delivery is by its contract, and what the parties have agreed on for that. Pure.

Goods are delivered where the Incoterms term says so: under DAP, DPU and DDP on the day they arrive, under the others on the day
the carrier has them. Days are UTC's. Nobody is late before he was paid: the days count from the last one agreed on, or from
the day of the payment where that came later. Who is to blame for them is not judged here.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from market.contracting.terms import TradeTerms

DELIVERED_ON_ARRIVAL = frozenset({"DAP", "DPU", "DDP"})


class Dates(Struct, frozen=True, kw_only=True):
    """When what happened, as far as it has."""

    paid_on: date
    handed_over_on: date | None = None
    arrived_on: date | None = None


class Lateness(Struct, frozen=True, kw_only=True):
    """`damages_minor` is `price_minor` times the rate for each day, at most the cap, rounded down to a minor unit.
    `delivered_on` is None while nothing is delivered: then it is what it comes to today.
    """

    due_on: date
    counts_from: date
    delivered_on: date | None
    days: int
    rate_bp: int
    cap_bp: int
    price_minor: int
    damages_minor: int


def lateness(terms: TradeTerms, price_minor: int, dates: Dates, today: date) -> Lateness | None:
    """What is due for goods of this price; None in time, or where nothing was agreed on."""
    breach, due_on = terms.breach, terms.delivery.to_date
    on_arrival = terms.delivery.term in DELIVERED_ON_ARRIVAL
    delivered_on = dates.arrived_on if on_arrival else dates.handed_over_on
    counts_from = max(due_on, dates.paid_on)
    days = ((delivered_on or today) - counts_from).days
    if days <= 0 or not breach.late_delivery_bp_per_day:
        return None
    bp = min(days * breach.late_delivery_bp_per_day, breach.cap_bp)
    return Lateness(
        due_on=due_on,
        counts_from=counts_from,
        delivered_on=delivered_on,
        days=days,
        rate_bp=breach.late_delivery_bp_per_day,
        cap_bp=breach.cap_bp,
        price_minor=price_minor,
        damages_minor=price_minor * bp // 10_000,
    )
