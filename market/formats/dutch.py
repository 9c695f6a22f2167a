"""The Dutch auction on the pages: start, floor, step and pace in its form."""

from __future__ import annotations

from typing import Any

from market.currencies import EXPONENTS, decimal_text
from market.form_reader import Reader, length_values
from market.listing_facts import ListingContent

FORM_TEMPLATE = "sell/formats/dutch.html"
LOT_TEMPLATE = "lot/formats/dutch.html"
SCRIPT = "dutch.ts"
TEXT_AREAS = ("lot", "refusal", "amount_problem", "form", "dutch")

FIELD_OF_FINDING = {
    "start_price_minor": "start_price",
    "floor_minor": "floor",
    "step_minor": "step",
    "interval_seconds": "interval_value",
    "fall_seconds": "fall_value",
    "floor_seconds": "stay_value",
    "starts_at": "starts_at",
    "reserve_minor": "floor",
    "deposit_minor": "deposit",
}


def read_form(reader: Reader, currency: str, zone: str) -> dict[str, Any]:
    """Only the pace that was chosen counts, whatever stands in the other's boxes."""
    pace = reader.choice("pace", ("interval", "fall"), "interval")
    options = {
        "floor_minor": reader.amount("floor", currency),
        "step_minor": reader.amount("step", currency),
        "interval_seconds": reader.length("interval") if pace == "interval" else None,
        "fall_seconds": reader.length("fall") if pace == "fall" else None,
        "floor_seconds": reader.length("stay"),
    }
    return {name: value for name, value in options.items() if value is not None}


def form_values(content: ListingContent) -> dict[str, str]:
    """The form's text for a stored listing."""
    options, exponent = content.options, EXPONENTS[content.currency]
    sums = {
        name: decimal_text(options[key], exponent) if key in options else ""
        for name, key in (("floor", "floor_minor"), ("step", "step_minor"))
    }
    return {
        **sums,
        "pace": "fall" if "fall_seconds" in options else "interval",
        **length_values("interval", options.get("interval_seconds"), "seconds"),
        **length_values("fall", options.get("fall_seconds"), "minutes"),
        **length_values("stay", options.get("floor_seconds"), "seconds"),
    }
