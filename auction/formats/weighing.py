"""Weighing a price with what else a supplier offers, in exact fractions: published attributes, and the total cost.

Pure arithmetic of facts; no float anywhere. Each attribute is measured as the distance from the best value of its range,
so the best offer costs its price and everything worse costs more:

    total cost = price × (1 + Σ weight × distance of each 'factor') + Σ weight × distance of each 'money'
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Literal

import msgspec
from msgspec import Struct

MOST_ATTRIBUTES = 6
LARGEST_WEIGHT_PART = 10**12
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,11})(\.[0-9]{1,6})?")


class Attribute(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that counts beside the price. `weight` is minor units for each unit of distance ('money'), or the share of
    the price that each unit adds ('factor'). A value worse than `floor` does not qualify. Figures are decimal strings.
    """

    key: str
    name_en: str
    name_zh: str
    unit_en: str = ""
    unit_zh: str = ""
    better: Literal["lower", "higher"]
    counts: Literal["money", "factor"] = "money"
    weight_numerator: int
    weight_denominator: int = 1
    lowest: str
    highest: str
    floor: str | None = None

    @property
    def weight(self) -> Fraction:
        return Fraction(self.weight_numerator, self.weight_denominator)

    @property
    def best(self) -> Fraction:
        """The end of the range from which the distance is measured."""
        return exact(self.lowest if self.better == "lower" else self.highest)

    def allows(self, value: Fraction) -> bool:
        """Whether the value lies in the published range."""
        return exact(self.lowest) <= value <= exact(self.highest)

    def qualifies(self, value: Fraction) -> bool:
        """Whether the value is not worse than the floor."""
        if self.floor is None:
            return True
        return value <= exact(self.floor) if self.better == "lower" else value >= exact(self.floor)


Values = Mapping[str, Fraction]


def decimal_of(written: object) -> Fraction | None:
    """The figure that was written as a whole number or a plain decimal string; None for anything else, floats too."""
    text = str(written) if type(written) is int else written
    return Fraction(text) if isinstance(text, str) and _DECIMAL.fullmatch(text) else None


def exact(text: str) -> Fraction:
    """A figure of the rule, which the linter has read before."""
    value = decimal_of(text)
    if value is None:
        raise ValueError(f"{text!r} is not a plain decimal")
    return value


def decimal_text(value: Fraction) -> str:
    """The one spelling of a decimal figure: no trailing zeros."""
    scaled = value * 10**6
    assert scaled.denominator == 1, "more than six decimals"
    sign, whole = "-" if scaled < 0 else "", abs(scaled.numerator)
    return (sign + f"{whole // 10**6}.{whole % 10**6:06d}").rstrip("0").rstrip(".")


def values_of(details: bytes | None, attributes: Sequence[Attribute]) -> dict[str, Fraction] | None:
    """What a bid says of each attribute, in the rule's order; None unless it names all of them, nothing else, exactly."""
    if details is None:
        return None if attributes else {}
    try:
        said = msgspec.json.decode(details)
    except msgspec.DecodeError:
        return None
    if not isinstance(said, dict) or said.keys() - {"attributes"}:
        return None
    given: Any = said.get("attributes", {})
    if not isinstance(given, dict) or given.keys() != {attribute.key for attribute in attributes}:
        return None
    values: dict[str, Fraction] = {}
    for attribute in attributes:
        value = decimal_of(given[attribute.key])
        if value is None:
            return None
        values[attribute.key] = value
    return values


def factor_of(attributes: Sequence[Attribute], values: Values) -> Fraction:
    """What the price is multiplied by."""
    return 1 + sum((_worth(one, values) for one in attributes if one.counts == "factor"), Fraction())


def surcharge_of(attributes: Sequence[Attribute], values: Values) -> Fraction:
    """What is added to it, in minor units."""
    return sum((_worth(one, values) for one in attributes if one.counts == "money"), Fraction())


def cost_of(price_minor: int, attributes: Sequence[Attribute], values: Values) -> Fraction:
    """The total cost of an offer, in minor units."""
    return price_minor * factor_of(attributes, values) + surcharge_of(attributes, values)


def fraction_text(value: Fraction) -> str:
    """`num/den` in lowest terms, as the log and the wire carry it."""
    return f"{value.numerator}/{value.denominator}"


def _worth(attribute: Attribute, values: Values) -> Fraction:
    return attribute.weight * abs(values[attribute.key] - attribute.best)
