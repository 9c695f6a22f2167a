"""The lot editor's form, read and written: fields of text to a listing's content and back, with what is wrong beside each.

Exact or refused: an amount with excess decimals, a length of no time, a time that a clock skips. Empty is allowed, for a
draft may have gaps; what a whole lot needs is the linter's to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from market.currencies import EXPONENTS, AmountProblem, decimal_text, parse_amount
from market.listing_facts import (
    CATEGORIES,
    CONDITIONS,
    LONGEST_DESCRIPTION,
    LONGEST_TITLE,
    ListingContent,
    Step,
)
from market.local_time import to_local, to_utc, zone_named

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

MOST_BANDS = 8
FEWEST_BANDS_SHOWN = 3
LONGEST_SECONDS = 10 * 366 * 86_400
UNIT_SECONDS = {"seconds": 1, "minutes": 60, "hours": 3_600, "days": 86_400}

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
"""The linter speaks of the draft's fields; the form's boxes have these names."""


class ReadLot(Struct):
    """The form as read. `errors` maps a field's name to the catalogue's key; with any of them `content` is not to be kept."""

    content: ListingContent
    values: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)


def read_lot(form: Mapping[str, object], fallback_currency: str = "CNY") -> ReadLot:
    """Read the editor's form. Never raises for what was typed."""
    reader = _Reader({name: value for name, value in form.items() if isinstance(value, str)})
    currency = reader.choice("currency", tuple(EXPONENTS), fallback_currency)
    zone = reader.zone("zone")
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
        "start_price": amount(content.start_price_minor),
        "grid_base": content.grid_base,
        "cap": "extensions" if content.cap_extensions is not None else "at" if content.cap_at is not None else "none",
        "cap_extensions": "" if content.cap_extensions is None else str(content.cap_extensions),
        "cap_at": time(content.cap_at),
        "reserve": amount(content.reserve_minor),
        "deposit": amount(content.deposit_minor or None),
        "starts_at": time(content.starts_at),
        "zone": content.zone,
        **_length("timed", content.timed_seconds, "days"),
        **_length("extension", content.extension_seconds, "minutes"),
        **_length("soft_close", content.soft_close_seconds, "minutes"),
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


class _Reader:
    """Reads one field after the other and keeps what was typed and what is wrong."""

    def __init__(self, typed: dict[str, str]) -> None:
        self.values = {name: value.replace("\x00", "") for name, value in typed.items()}
        self.errors: dict[str, str] = {}

    def _typed(self, name: str) -> str:
        return self.values.get(name, "").strip()

    def line(self, name: str, longest: int) -> str:
        return " ".join(self.text(name, longest).split())

    def text(self, name: str, longest: int) -> str:
        typed = self._typed(name).replace("\r\n", "\n")
        if len(typed) > longest:
            self.errors[name] = "sell_error.too_long"
        return typed[:longest]

    def choice(self, name: str, allowed: tuple[str, ...], otherwise: str) -> str:
        typed = self._typed(name) or otherwise
        if typed not in allowed:
            self.errors[name] = "sell_error.no_such_choice"
            return otherwise
        self.values[name] = typed
        return typed

    def zone(self, name: str) -> str:
        typed = self._typed(name) or "UTC"
        if len(typed) > 60 or (typed != "UTC" and zone_named(typed) is None):
            self.errors[name] = "sell_error.no_such_choice"
            return "UTC"
        self.values[name] = typed
        return typed

    def amount(self, name: str, currency: str, *, allow_zero: bool = False) -> int | None:
        if not self._typed(name):
            return None
        read = parse_amount(self._typed(name), EXPONENTS[currency], allow_zero=allow_zero)
        if isinstance(read, AmountProblem):
            self.errors[name] = f"amount_problem.{read.value}"
            return None
        return read

    def steps(self, currency: str) -> tuple[Step, ...]:
        bands = []
        for place in range(MOST_BANDS):
            below = self.amount(f"step_{place}_below", currency)
            increment = self.amount(f"step_{place}_increment", currency)
            if increment is not None:
                bands.append(Step(below_minor=below, increment_minor=increment))
            elif below is not None and f"step_{place}_increment" not in self.errors:
                self.errors[f"step_{place}_increment"] = "sell_error.step_missing"
        return tuple(bands)

    def count(self, name: str) -> int | None:
        return self._whole(name, 1_000_000)

    def length(self, name: str) -> int | None:
        unit = self.choice(f"{name}_unit", tuple(UNIT_SECONDS), "minutes")
        number = self._whole(f"{name}_value", LONGEST_SECONDS // UNIT_SECONDS[unit])
        return None if number is None else number * UNIT_SECONDS[unit]

    def time(self, name: str, zone: str) -> datetime | None:
        if not self._typed(name):
            return None
        at = to_utc(self._typed(name), zone)
        if at is None:
            self.errors[name] = "sell_error.no_such_time"
        return at

    def _whole(self, name: str, most: int) -> int | None:
        typed = self._typed(name)
        if not typed:
            return None
        if not (typed.isascii() and typed.isdigit()) or len(typed) > 12 or not 0 < int(typed) <= most:
            self.errors[name] = "sell_error.no_such_number"
            return None
        return int(typed)


def _length(name: str, seconds: int | None, usual_unit: str) -> dict[str, str]:
    """A length in the largest unit that holds it in whole numbers."""
    if seconds is None:
        return {f"{name}_value": "", f"{name}_unit": usual_unit}
    unit = next(unit for unit in ("days", "hours", "minutes", "seconds") if seconds % UNIT_SECONDS[unit] == 0)
    return {f"{name}_value": str(seconds // UNIT_SECONDS[unit]), f"{name}_unit": unit}
