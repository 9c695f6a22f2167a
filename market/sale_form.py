"""The form of a sale: how an operator writes its words and times, and how they are shown to him again."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from market.currencies import EXPONENTS
from market.form_reader import Reader
from market.local_time import to_local
from market.sales import LONGEST_STAGGER_SECONDS, Sale, SaleContent, SaleRefusal

FIELD_OF_REFUSAL: dict[SaleRefusal, str] = {
    SaleRefusal.SALE_TITLE_MISSING: "title_zh",
    SaleRefusal.SALE_ENDS_BEFORE_START: "first_end_at",
    SaleRefusal.SALE_START_IN_PAST: "starts_at",
    SaleRefusal.SALE_OUT_OF_RANGE: "first_end_at",
    SaleRefusal.OTHER_CURRENCY: "currency",
}
"""The box that a refusal stands beside."""


class ReadSale(Struct):
    """What was typed, what is wrong (box → key of the sentence), and the sale where nothing is."""

    values: dict[str, str]
    errors: dict[str, str]
    content: SaleContent | None


def read_sale(typed: Mapping[str, str]) -> ReadSale:
    """The sale that the boxes describe. Times are on the clocks of the chosen zone."""
    reader = Reader(dict(typed))
    words = {
        "title_zh": reader.line("title_zh", 160),
        "title_en": reader.line("title_en", 160),
        "description_zh": reader.text("description_zh", 8_000),
        "description_en": reader.text("description_en", 8_000),
    }
    currency = reader.choice("currency", tuple(EXPONENTS), "CNY")
    zone = reader.zone("zone")
    starts_at, first_end_at = reader.time("starts_at", zone), reader.time("first_end_at", zone)
    for name, at in (("starts_at", starts_at), ("first_end_at", first_end_at)):
        if at is None:
            reader.errors.setdefault(name, "sale.time_missing")
    is_zero = reader.values.get("stagger", "").strip() in ("", "0")
    stagger_seconds = 0 if is_zero else reader.count("stagger", LONGEST_STAGGER_SECONDS)
    if "stagger" in reader.errors:
        reader.errors["stagger"] = "sale.stagger_wrong"
    if reader.errors or starts_at is None or first_end_at is None:
        return ReadSale(reader.values, reader.errors, None)
    content = SaleContent(
        **words,
        currency=currency,
        starts_at=starts_at,
        first_end_at=first_end_at,
        stagger_seconds=stagger_seconds or 0,
        zone=zone,
    )
    return ReadSale(reader.values, {}, content)


def values_of(sale: Sale) -> dict[str, str]:
    """The boxes of a stored sale."""
    return {
        "title_zh": sale.title_zh,
        "title_en": sale.title_en,
        "description_zh": sale.description_zh,
        "description_en": sale.description_en,
        "currency": sale.currency,
        "zone": sale.zone,
        "starts_at": to_local(sale.starts_at, sale.zone),
        "first_end_at": to_local(sale.first_end_at, sale.zone),
        "stagger": str(sale.stagger_seconds or ""),
    }
