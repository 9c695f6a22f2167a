"""The uniform-price auction on the pages: units, step and the rules of the clearing in its form."""

from __future__ import annotations

from typing import Any

from auction.formats.clearing import Marginal, Pricing
from auction.setup.uniform import USUAL_BIDS_PER_BIDDER
from market.currencies import EXPONENTS, decimal_text
from market.form_reader import Reader
from market.listing_facts import ListingContent

FORM_TEMPLATE = "sell/formats/uniform.html"
LOT_TEMPLATE = "lot/formats/uniform.html"
SCRIPT = "uniform.ts"
TEXT_AREAS = ("lot", "refusal", "amount_problem", "form", "uniform")

FIELD_OF_FINDING = {
    "start_price_minor": "start_price",
    "quantity": "quantity",
    "step_minor": "step",
    "timed_seconds": "timed_value",
    "bids_per_bidder": "bids_per_bidder",
    "starts_at": "starts_at",
    "reserve_minor": "reserve",
    "deposit_minor": "deposit",
}


def read_form(reader: Reader, currency: str, zone: str) -> dict[str, Any]:
    """The format's options as typed."""
    options = {
        "quantity": reader.count("quantity", 1_000_000_000),
        "step_minor": reader.amount("step", currency),
        "marginal": reader.choice("marginal", tuple(Marginal), Marginal.TIME),
        "pricing": reader.choice("pricing", tuple(Pricing), Pricing.LOWEST_ACCEPTED),
        "bids_per_bidder": reader.count("bids_per_bidder"),
        "allows_all_or_none": reader.choice("all_or_none", ("1", "0"), "0") == "1",
    }
    return {name: value for name, value in options.items() if value is not None}


def form_values(content: ListingContent) -> dict[str, str]:
    """The form's text for a stored listing."""
    options, exponent = content.options, EXPONENTS[content.currency]
    return {
        "quantity": str(options.get("quantity", "")),
        "step": decimal_text(options["step_minor"], exponent) if "step_minor" in options else "",
        "marginal": options.get("marginal", Marginal.TIME),
        "pricing": options.get("pricing", Pricing.LOWEST_ACCEPTED),
        "bids_per_bidder": str(options.get("bids_per_bidder", USUAL_BIDS_PER_BIDDER)),
        "all_or_none": "1" if options.get("allows_all_or_none") else "0",
    }
