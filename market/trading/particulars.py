"""What the attributes of goods say, in words of both languages, to be frozen in a contract: codes mean nothing to a judge. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from market.trading.facts import AttributeType, Kind, Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from market.trading.facts import Category

LONGEST_PARTICULARS = 2000
_FLAGS = {"en": ("yes", "no"), "zh": ("是", "否")}


def particulars(attributes: Mapping[str, Value], category: Category) -> tuple[str, str]:
    """English and Chinese: `Grade: special; Width: 1500 mm`, `等级：特级；幅宽：1500 mm`. What the category does not know stays
    as it is.
    """
    english = "; ".join(_said(code, value, category, "en") for code, value in attributes.items())
    chinese = "；".join(_said(code, value, category, "zh") for code, value in attributes.items())
    return _bounded(english), _bounded(chinese)


def _bounded(said: str) -> str:
    """As much as a contract takes: no goods are described at such length that their trade can't be signed."""
    return said if len(said) <= LONGEST_PARTICULARS else f"{said[: LONGEST_PARTICULARS - 1]}…"


def _said(code: str, value: Value, category: Category, lang: str) -> str:
    kind = category.attribute(code)
    name = code if kind is None else kind.name(lang)
    return f"{name}{'：' if lang == 'zh' else ': '}{_value(value, kind, lang)}"


def _value(value: Value, kind: AttributeType | None, lang: str) -> str:
    if isinstance(value, bool):
        return _FLAGS[lang][not value]
    choice = kind.choice(str(value)) if kind is not None and kind.kind is Kind.CHOICE else None
    if choice is not None:
        return choice.name(lang)
    unit = kind.unit if kind is not None else ""
    return f"{value} {unit}".strip()
