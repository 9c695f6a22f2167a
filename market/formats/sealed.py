"""Sealed bids on the pages: what the seller's form asks beyond the common fields."""

from __future__ import annotations

from typing import Any

from auction.formats.sealed import Pricing
from auction.setup.sealed import Options, chosen_of
from market.form_reader import Reader
from market.listing_facts import ListingContent

FORM_TEMPLATE = "sell/formats/sealed.html"
LOT_TEMPLATE = "lot/formats/sealed.html"
SCRIPT = "sealed.ts"
TEXT_AREAS = ("lot", "refusal", "amount_problem", "form", "sealed", "sealed_void")

FIELD_OF_FINDING = {
    "start_price_minor": "start_price",
    "steps": "step_0_increment",
    "timed_seconds": "timed_value",
    "starts_at": "starts_at",
    "reserve_minor": "reserve",
    "deposit_minor": "deposit",
    "officers": "officers",
    "threshold": "threshold",
    "opening_seconds": "opening_hours",
}

_USUAL = Options()


def read_form(reader: Reader, currency: str, zone: str) -> dict[str, Any]:
    """First or second price, k of n officers, and how long they may take."""
    pricing = reader.choice("pricing", tuple(Pricing), _USUAL.pricing)
    hours = reader.count("opening_hours")
    return {
        "pricing": str(pricing),
        "threshold": reader.count("threshold") or _USUAL.threshold,
        "officers": reader.count("officers") or _USUAL.officers,
        "opening_seconds": _USUAL.opening_seconds if hours is None else hours * 3600,
    }


def form_values(content: ListingContent) -> dict[str, str]:
    """The form's text for the options of a stored listing."""
    chosen = chosen_of(content.options)
    return {
        "pricing": chosen.pricing.value,
        "threshold": str(chosen.threshold),
        "officers": str(chosen.officers),
        "opening_hours": str(chosen.opening_seconds // 3600),
    }
