"""What operators do to the catalogue of goods: add, rename, widen, retire. Each act goes into the audit trail.

What posts were written with stays readable: codes, kinds and the unit of a kind of goods that has posts never change;
attributes and choices are added or retired, never taken away.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from market import audit
from market.trading import store
from market.trading.facts import UNITS, AttributeType, Category, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from migrations.database import Connection

MOST_ATTRIBUTES, MOST_CHOICES, LONGEST_NAME = 20, 60, 80
_CODE = re.compile(r"[a-z][a-z0-9_]{1,39}", re.ASCII)
_CHOICE_CODE = re.compile(r"[a-z0-9][a-z0-9_]{0,39}", re.ASCII)


class CategoryRefusal(StrEnum):
    """In the order tested; the sentence is `market_refusal.<value>`."""

    NO_SUCH_CATEGORY = "no_such_category"
    CATEGORY_CODE_BAD = "category_code_bad"
    CATEGORY_NAME_MISSING = "category_name_missing"
    CATEGORY_GROUP_UNKNOWN = "category_group_unknown"
    CATEGORY_UNIT_UNKNOWN = "category_unit_unknown"
    CATEGORY_UNIT_FIXED = "category_unit_fixed"
    CATEGORY_ATTRIBUTE_BAD = "category_attribute_bad"
    CATEGORY_ATTRIBUTE_GONE = "category_attribute_gone"
    CATEGORY_EXISTS = "category_exists"
    STALE_VERSION = "stale_version"


async def add(conn: Connection, category: Category, operator_id: int, now: datetime) -> Category | CategoryRefusal:
    """A new kind of goods, or a new group."""
    if (refusal := _unfit(category, await store.categories(conn))) is not None:
        return refusal
    made = await store.insert_category(conn, category)
    if made is None:
        return CategoryRefusal.CATEGORY_EXISTS
    await audit.record(conn, operator_id, "category.added", f"category:{made.code}", None, _detail(made), now)
    return made


async def change(
    conn: Connection, wanted: Category, version: int, operator_id: int, now: datetime
) -> Category | CategoryRefusal:
    """Write the category over version `version`."""
    old = await store.lock_category(conn, wanted.code)
    if old is None:
        return CategoryRefusal.NO_SUCH_CATEGORY
    if old.version != version:
        return CategoryRefusal.STALE_VERSION
    wanted = replace(wanted, parent=old.parent)
    if (refusal := _unfit(wanted, await store.categories(conn))) is not None:
        return refusal
    if wanted.unit != old.unit and await store.category_is_used(conn, old.code):
        return CategoryRefusal.CATEGORY_UNIT_FIXED
    if not _keeps(old.attributes, wanted.attributes):
        return CategoryRefusal.CATEGORY_ATTRIBUTE_GONE
    changed = await store.update_category(conn, wanted)
    detail = {"before": _detail(old), "after": _detail(changed)}
    await audit.record(conn, operator_id, "category.changed", f"category:{old.code}", None, detail, now)
    return changed


def _unfit(category: Category, all_of_them: Sequence[Category]) -> CategoryRefusal | None:
    if not _CODE.fullmatch(category.code):
        return CategoryRefusal.CATEGORY_CODE_BAD
    if not all(0 < len(name) <= LONGEST_NAME for name in (category.name_en, category.name_zh)):
        return CategoryRefusal.CATEGORY_NAME_MISSING
    if category.is_group:
        bare = category.unit is None and not category.attributes
        return None if bare else CategoryRefusal.CATEGORY_GROUP_UNKNOWN
    if category.parent not in {each.code for each in all_of_them if each.is_group}:
        return CategoryRefusal.CATEGORY_GROUP_UNKNOWN
    if category.unit not in UNITS:
        return CategoryRefusal.CATEGORY_UNIT_UNKNOWN
    codes = [each.code for each in category.attributes]
    if len(codes) > MOST_ATTRIBUTES or len(set(codes)) < len(codes) or not all(map(_is_good, category.attributes)):
        return CategoryRefusal.CATEGORY_ATTRIBUTE_BAD
    return None


def _is_good(kind: AttributeType) -> bool:
    names = [(kind.name_en, kind.name_zh), *((each.name_en, each.name_zh) for each in kind.choices)]
    codes = [each.code for each in kind.choices]
    return (
        _CODE.fullmatch(kind.code) is not None
        and all(0 < len(name) <= LONGEST_NAME for pair in names for name in pair)
        and len(kind.unit) <= 20
        and all(_CHOICE_CODE.fullmatch(code) for code in codes)
        and len(set(codes)) == len(codes) <= MOST_CHOICES
        and (kind.kind is Kind.CHOICE) == bool(codes)
    )


def _keeps(old: Sequence[AttributeType], new: Sequence[AttributeType]) -> bool:
    after = {each.code: each for each in new}
    for each in old:
        kept = after.get(each.code)
        if kept is None or kept.kind is not each.kind:
            return False
        if not {choice.code for choice in each.choices} <= {choice.code for choice in kept.choices}:
            return False
    return True


def _detail(category: Category) -> dict[str, object]:
    detail: dict[str, object] = msgspec.to_builtins(category)
    return detail
