"""The English auction on the pages: its form is made of the common fields and its options."""

from __future__ import annotations

from typing import Any

from market.currencies import EXPONENTS, decimal_text
from market.form_reader import Reader, length_values
from market.listing_facts import ListingContent

FORM_TEMPLATE = "sell/formats/english.html"
LOT_TEMPLATE = "lot/formats/english.html"
SCRIPT = "lot.ts"
TEXT_AREAS = ("lot", "refusal", "amount_problem", "form", "english")

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
    "only_timed_bidders": "only_timed_bidders",
    "buy_now_minor": "buy_now",
    "buy_now_until": "buy_now_until",
    "retraction_seconds": "retraction_value",
    "retraction_closes_seconds": "retraction_closes_value",
    "second_offer": "second_offer",
}
TICKED = ("only_timed_bidders", "priority_right", "second_offer")


def read_form(reader: Reader, currency: str, zone: str) -> dict[str, Any]:
    """The options that were chosen; how long a lot may be bought at once counts only where it may be."""
    options: dict[str, Any] = {name: True for name in TICKED if reader.choice(name, ("", "1"), "") == "1"}
    until = reader.choice("buy_now_until", ("first_bid", "reserve_met"), "first_bid")
    if (price := reader.amount("buy_now", currency)) is not None:
        options |= {"buy_now_minor": price, "buy_now_until": until}
    window, closes = reader.length("retraction"), reader.length("retraction_closes")
    if window is not None:
        options |= {"retraction_seconds": window, "retraction_closes_seconds": closes or 0}
    return options


def form_values(content: ListingContent) -> dict[str, str]:
    """The form's text for a stored listing."""
    options = content.options
    price = options.get("buy_now_minor")
    return {
        **{name: "1" if options.get(name) else "" for name in TICKED},
        "buy_now": "" if price is None else decimal_text(price, EXPONENTS[content.currency]),
        "buy_now_until": options.get("buy_now_until", "first_bid"),
        **length_values("retraction", options.get("retraction_seconds"), "minutes"),
        **length_values("retraction_closes", options.get("retraction_closes_seconds") or None, "minutes"),
    }
