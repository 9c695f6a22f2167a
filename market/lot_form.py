"""The lot editor's form, read and written: fields of text to a listing's content and back, with what is wrong beside each.

Exact or refused: an amount with excess decimals, a length of no time, a time that a clock skips. Empty is allowed, for a
draft may have gaps; what a whole lot needs is the linter's to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from auction.setup import SETUPS
from market.currencies import EXPONENTS, decimal_text
from market.form_reader import MOST_BANDS, Reader, length_values
from market.formats import market_format
from market.listing_facts import (
    CATEGORIES,
    CONDITIONS,
    LONGEST_DESCRIPTION,
    LONGEST_TITLE,
    ListingContent,
)
from market.local_time import to_local

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

FEWEST_BANDS_SHOWN = 3


class ReadLot(Struct):
    """The form as read. `errors` maps a field's name to the catalogue's key; with any of them `content` is not to be kept."""

    content: ListingContent
    values: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)


def read_lot(form: Mapping[str, object], fallback_currency: str = "CNY") -> ReadLot:
    """Read the editor's form. Never raises for what was typed."""
    reader = Reader({name: value for name, value in form.items() if isinstance(value, str)})
    currency = reader.choice("currency", tuple(EXPONENTS), fallback_currency)
    zone = reader.zone("zone")
    chosen = reader.choice("format", tuple(SETUPS), "english")
    cap = reader.choice("cap", ("none", "extensions", "at"), "none")
    content = ListingContent(
        title_zh=reader.line("title_zh", LONGEST_TITLE),
        title_en=reader.line("title_en", LONGEST_TITLE),
        description_zh=reader.text("description_zh", LONGEST_DESCRIPTION),
        description_en=reader.text("description_en", LONGEST_DESCRIPTION),
        category=reader.choice("category", CATEGORIES, "other"),
        condition=reader.choice("condition", CONDITIONS, "good"),
        currency=currency,
        start_price_minor=reader.amount("start_price", currency),
        steps=reader.steps(currency),
        grid_base=reader.choice("grid_base", ("start", "current"), "start"),
        timed_seconds=reader.length("timed"),
        extension_seconds=reader.length("extension"),
        soft_close_seconds=reader.length("soft_close"),
        cap_extensions=reader.count("cap_extensions") if cap == "extensions" else None,
        cap_at=reader.time("cap_at", zone) if cap == "at" else None,
        reserve_minor=reader.amount("reserve", currency),
        deposit_minor=reader.amount("deposit", currency, allow_zero=True) or 0,
        starts_at=reader.time("starts_at", zone),
        zone=zone,
        format=chosen,
        options=market_format(chosen).read_form(reader, currency, zone),
    )
    return ReadLot(content, reader.values, reader.errors)


def values_of(content: ListingContent) -> dict[str, str]:
    """The form's text for a stored listing."""
    exponent = EXPONENTS[content.currency]

    def amount(minor: int | None) -> str:
        return "" if minor is None else decimal_text(minor, exponent)

    def time(at: datetime | None) -> str:
        return "" if at is None else to_local(at, content.zone)

    values = {
        "title_zh": content.title_zh,
        "title_en": content.title_en,
        "description_zh": content.description_zh,
        "description_en": content.description_en,
        "category": content.category,
        "condition": content.condition,
        "currency": content.currency,
        "format": content.format,
        "start_price": amount(content.start_price_minor),
        "grid_base": content.grid_base,
        "cap": "extensions" if content.cap_extensions is not None else "at" if content.cap_at is not None else "none",
        "cap_extensions": "" if content.cap_extensions is None else str(content.cap_extensions),
        "cap_at": time(content.cap_at),
        "reserve": amount(content.reserve_minor),
        "deposit": amount(content.deposit_minor or None),
        "starts_at": time(content.starts_at),
        "zone": content.zone,
        **market_format(content.format).form_values(content),
        **length_values("timed", content.timed_seconds, "days"),
        **length_values("extension", content.extension_seconds, "minutes"),
        **length_values("soft_close", content.soft_close_seconds, "minutes"),
    }
    for place, step in enumerate(content.steps):
        values[f"step_{place}_below"] = amount(step.below_minor)
        values[f"step_{place}_increment"] = amount(step.increment_minor)
    return values


def bands_shown(values: Mapping[str, str]) -> int:
    """How many rows the step table shows: one more than is filled, so that there is always room."""
    filled = [
        place
        for place in range(MOST_BANDS)
        if values.get(f"step_{place}_increment") or values.get(f"step_{place}_below")
    ]
    return min(MOST_BANDS, max(FEWEST_BANDS_SHOWN, max(filled, default=-1) + 2))
