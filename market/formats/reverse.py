"""The reverse auction on the pages: ceiling, decrement, weighted attributes, buffers and visibility in its form."""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction
from typing import Any

from auction.formats.weighing import LARGEST_WEIGHT_PART, MOST_ATTRIBUTES, decimal_of
from auction.setup.reverse import LONGEST_NAME, LONGEST_UNIT, ratio_text
from market.currencies import EXPONENTS, decimal_text
from market.form_reader import Reader
from market.listing_facts import ListingContent

FORM_TEMPLATE = "sell/formats/reverse.html"
LOT_TEMPLATE = "lot/formats/reverse.html"
SCRIPT = "reverse.ts"
TEXT_AREAS = ("lot", "refusal", "amount_problem", "form", "reverse")

FIELD_OF_FINDING = {
    "start_price_minor": "start_price",
    "decrement_minor": "decrement",
    "front_buffer_minor": "front_buffer",
    "back_buffer_minor": "back_buffer",
    "attributes": "attribute_0_name_zh",
    **{f"attributes_{place}": f"attribute_{place}_name_zh" for place in range(MOST_ATTRIBUTES)},
    "timed_seconds": "timed_value",
    "soft_close_seconds": "soft_close_value",
    "top_count": "top_count",
    "cap_extensions": "cap_extensions",
    "cap_at": "cap_at",
    "starts_at": "starts_at",
    "reserve_minor": "reserve",
    "deposit_minor": "deposit",
}

_WEIGHT = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)(?:/([1-9][0-9]{0,8}))?")
_TYPED = ("name_zh", "name_en", "unit_zh", "unit_en", "weight", "lowest", "highest", "floor")


def read_form(reader: Reader, currency: str, zone: str) -> dict[str, Any]:
    """The format's options as typed."""
    options: dict[str, Any] = {
        "decrement_minor": reader.amount("decrement", currency),
        "front_buffer_minor": reader.amount("front_buffer", currency),
        "back_buffer_minor": reader.amount("back_buffer", currency),
        "visibility": reader.choice("visibility", ("rank_only", "rank_and_lead", "lead_only"), "rank_only"),
        "buyer_sees": reader.choice("buyer_sees", ("all", "at_close"), "all"),
        "top_count": reader.count("top_count"),
        "extends_when": reader.choice("extends_when", ("enters", "rises"), "enters"),
        "attributes": _read_attributes(reader, EXPONENTS[currency]),
    }
    return {name: value for name, value in options.items() if value is not None}


def form_values(content: ListingContent) -> dict[str, str]:
    """The form's text for a stored listing."""
    options, exponent = content.options, EXPONENTS[content.currency]

    def amount(name: str) -> str:
        return decimal_text(options[name], exponent) if options.get(name) is not None else ""

    values = {
        "decrement": amount("decrement_minor"),
        "front_buffer": amount("front_buffer_minor"),
        "back_buffer": amount("back_buffer_minor"),
        "visibility": options.get("visibility", "rank_only"),
        "buyer_sees": options.get("buyer_sees", "all"),
        "top_count": str(options.get("top_count", 1)),
        "extends_when": options.get("extends_when", "enters"),
    }
    for place, one in enumerate(options.get("attributes", ())):
        values |= {f"attribute_{place}_{name}": text for name, text in _attribute_values(one, exponent).items()}
    return values


def _attribute_values(one: dict[str, Any], exponent: int) -> dict[str, str]:
    texts = {name: one.get(name) or "" for name in _TYPED if name != "weight"} | {"better": one["better"]}
    texts["counts"] = one.get("counts", "money")
    below = one.get("weight_denominator", 1)
    if below == 0:  # a program's draft; the linter says what is wrong with it
        return texts | {"weight": f"{one['weight_numerator']}/0"}
    weight = Fraction(one["weight_numerator"], below)
    shown = weight / 10**exponent if texts["counts"] == "money" else weight * 100
    return texts | {"weight": ratio_text(shown)}


def _read_attributes(reader: Reader, exponent: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for place in range(MOST_ATTRIBUTES):
        if any(reader.values.get(f"attribute_{place}_{name}", "").strip() for name in _TYPED):
            one = _read_attribute(reader, place, exponent)
            if one is not None:
                taken = {other["key"] for other in found}
                one["key"] = one["key"] if one["key"] not in taken else f"{one['key'][:26]}_{place + 1}"
                found.append(one)
    return found


def _read_attribute(reader: Reader, place: int, exponent: int) -> dict[str, Any] | None:
    box = f"attribute_{place}_"
    counts = reader.choice(f"{box}counts", ("money", "factor"), "money")
    weight = _weight(reader, f"{box}weight")
    lowest, highest = _decimal(reader, f"{box}lowest"), _decimal(reader, f"{box}highest")
    floor = _decimal(reader, f"{box}floor", required=False)
    one = {
        "name_zh": reader.line(f"{box}name_zh", LONGEST_NAME),
        "name_en": reader.line(f"{box}name_en", LONGEST_NAME),
        "unit_zh": reader.line(f"{box}unit_zh", LONGEST_UNIT),
        "unit_en": reader.line(f"{box}unit_en", LONGEST_UNIT),
        "better": reader.choice(f"{box}better", ("lower", "higher"), "lower"),
        "counts": counts,
    }
    if weight is None or lowest is None or highest is None:
        return None
    weight = weight * 10**exponent if counts == "money" else weight / 100
    figures = {"weight_numerator": weight.numerator, "weight_denominator": weight.denominator}
    return {"key": _key(one["name_en"], place), **one, **figures, "lowest": lowest, "highest": highest, "floor": floor}


def _weight(reader: Reader, name: str) -> Fraction | None:
    """A positive decimal, or a fraction of two numbers."""
    match = _WEIGHT.fullmatch(_plain(reader, name))
    weight = Fraction(match[1]) / int(match[2] or 1) if match else Fraction()
    if not 0 < weight <= LARGEST_WEIGHT_PART // 10**6:
        reader.errors[name] = "reverse_form.bad_weight"
        return None
    return weight


def _decimal(reader: Reader, name: str, *, required: bool = True) -> str | None:
    typed = _plain(reader, name)
    if not typed and not required:
        return None
    if decimal_of(typed) is None:
        reader.errors[name] = "reverse_form.bad_decimal"
        return None
    return typed


def _plain(reader: Reader, name: str) -> str:
    """What was typed, with full-width digits and the like made plain."""
    return unicodedata.normalize("NFKC", reader.values.get(name, "")).replace("。", ".").strip()


def _key(name_en: str, place: int) -> str:
    """The name that programs use: letters and digits of the English name, else a number."""
    words = re.sub(r"[^a-z0-9]+", "_", name_en.lower()).strip("_")[:30].strip("_")
    return words if words[:1].isalpha() and words.isascii() else f"attribute_{place + 1}"
