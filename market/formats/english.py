"""The English auction on the pages: its form is made of the common fields."""

from __future__ import annotations

from typing import Any

from market.form_reader import Reader
from market.listing_facts import ListingContent

FORM_TEMPLATE = "sell/formats/english.html"
LOT_TEMPLATE = "lot/formats/english.html"
SCRIPT = "lot.ts"
TEXT_AREAS = ("lot", "refusal", "amount_problem", "form")

FIELD_OF_FINDING = {
    "start_price_minor": "start_price",
    "steps": "step_0_increment",
    "timed_seconds": "timed_value",
    "extension_seconds": "extension_value",
    "soft_close_seconds": "soft_close_value",
    "cap_extensions": "cap_extensions",
    "cap_at": "cap_at",
    "starts_at": "starts_at",
    "reserve_minor": "reserve",
    "deposit_minor": "deposit",
}


def read_form(reader: Reader, currency: str, zone: str) -> dict[str, Any]:
    """Nothing beyond the common fields."""
    return {}


def form_values(content: ListingContent) -> dict[str, str]:
    """Nothing beyond the common fields."""
    return {}
