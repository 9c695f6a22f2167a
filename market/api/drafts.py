"""A seller's draft on the wire, and what the house reads it as. No operations: `market/api/listings.py` has them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from auction.setup import SETUPS, options_problem
from market.api.shapes import Currency, CurrencyTraded, Instant, MinorIn, MinorOrZeroIn, MinorOut, instant_in, minor_in
from market.listing_facts import CATEGORIES, CONDITIONS, Listing, ListingContent, ListingState, Step
from market.problems import Problem, ProblemError

Seconds = Annotated[int, Meta(ge=1, le=366 * 86_400)]
Title = Annotated[str, Meta(max_length=160)]
Description = Annotated[str, Meta(max_length=8_000)]


class StepShape(Struct, kw_only=True, forbid_unknown_fields=True):
    """`increment_minor` is the step while the price is below `below_minor`; the last band has no upper bound."""

    increment_minor: MinorIn
    below_minor: MinorIn | None = None


class StepOut(Struct, kw_only=True):
    increment_minor: MinorOut
    below_minor: MinorOut | None


class Draft(Struct, kw_only=True, forbid_unknown_fields=True):
    """What a seller writes. Anything but the currency may be missing in a draft; submission checks it."""

    currency: CurrencyTraded
    title_en: Title = ""
    title_zh: Title = ""
    description_en: Description = ""
    description_zh: Description = ""
    category: str = "other"
    condition: str = "good"
    start_price_minor: MinorIn | None = None
    steps: Annotated[list[StepShape], Meta(max_length=50)] = []
    grid_base: Literal["start", "current"] = "start"
    timed_seconds: Seconds | None = None
    extension_seconds: Seconds | None = None
    soft_close_seconds: Seconds | None = None
    cap_extensions: Annotated[int, Meta(ge=0, le=100_000)] | None = None
    cap_at: Instant | None = None
    reserve_minor: MinorIn | None = None
    deposit_minor: MinorOrZeroIn = 0
    starts_at: Instant | None = None
    format: Annotated[str, Meta(max_length=20)] = "english"
    options: dict[str, Any] = {}
    """What only the format asks (see docs/rules.md, Formats for programs); sums in members that end in `_minor`, as everywhere."""


class Edit(Draft, kw_only=True, forbid_unknown_fields=True):
    """The whole draft anew. `version` is the one that was read; another one means that somebody was faster."""

    version: Annotated[int, Meta(ge=1, le=2**31 - 1)]


class ListingShape(Struct, kw_only=True):
    """A seller's own listing, the reserve included: only the seller and operators read it."""

    id: int
    seller_id: int
    state: ListingState
    version: int
    currency: Currency
    title_en: str
    title_zh: str
    description_en: str
    description_zh: str
    category: str
    condition: str
    start_price_minor: MinorOut | None
    steps: list[StepOut]
    grid_base: str
    timed_seconds: int | None
    extension_seconds: int | None
    soft_close_seconds: int | None
    cap_extensions: int | None
    cap_at: datetime | None
    reserve_minor: MinorOut | None
    deposit_minor: MinorOut
    starts_at: datetime | None
    format: str
    options: dict[str, Any]
    rejection_reason: str | None
    created_at: datetime
    updated_at: datetime


COMMON_FIELDS = (
    "steps",
    "grid_base",
    "timed_seconds",
    "extension_seconds",
    "soft_close_seconds",
    "cap_extensions",
    "cap_at",
)
"""Those that not every format reads; its setup names the ones that it does."""


def kept(body: Draft) -> ListingContent:
    """What is written down of a draft: a cap of one kind. The check, which writes nothing, says so in words."""
    if body.cap_extensions is not None and body.cap_at is not None:
        raise ProblemError(Problem.MALFORMED, fault="cap_extensions and cap_at: only one of the two")
    return content_of(body)


def content_of(body: Draft) -> ListingContent:
    _refuse_unread(body)
    if body.category not in CATEGORIES or body.condition not in CONDITIONS:
        raise ProblemError(Problem.MALFORMED, fault="category or condition")
    steps = tuple(
        Step(
            increment_minor=minor_in(step.increment_minor),
            below_minor=None if step.below_minor is None else minor_in(step.below_minor),
        )
        for step in body.steps
    )
    return ListingContent(
        currency=body.currency,
        title_en=_clean(body.title_en),
        title_zh=_clean(body.title_zh),
        description_en=body.description_en.replace("\x00", ""),
        description_zh=body.description_zh.replace("\x00", ""),
        category=body.category,
        condition=body.condition,
        start_price_minor=None if body.start_price_minor is None else minor_in(body.start_price_minor),
        steps=steps,
        grid_base=body.grid_base,
        timed_seconds=body.timed_seconds,
        extension_seconds=body.extension_seconds,
        soft_close_seconds=body.soft_close_seconds,
        cap_extensions=body.cap_extensions,
        cap_at=instant_in(body.cap_at, "cap_at"),
        reserve_minor=None if body.reserve_minor is None else minor_in(body.reserve_minor),
        deposit_minor=minor_in(body.deposit_minor),
        starts_at=instant_in(body.starts_at, "starts_at"),
        format=body.format,
        options=_options_in(body),
    )


def _refuse_unread(body: Draft) -> None:
    """Nothing that a seller has written is passed over in silence."""
    if body.format not in SETUPS:
        raise ProblemError(Problem.MALFORMED, fault="format")
    usual, read = Draft(currency=body.currency), SETUPS[body.format].COMMON_FIELDS
    for name in COMMON_FIELDS:
        if name not in read and getattr(body, name) != getattr(usual, name):
            raise ProblemError(Problem.MALFORMED, fault=f"{name}: not for the format {body.format}")


def _options_in(body: Draft) -> dict[str, Any]:
    """The format's options with sums as numbers, or a refusal that says what is wrong with them."""
    options = _sums(body.options, _sum_in)
    if (problem := options_problem(body.format, options)) is not None:
        raise ProblemError(Problem.MALFORMED, fault=f"options: {problem}")
    assert isinstance(options, dict)
    return options


def _sum_in(value: object) -> object:
    if isinstance(value, str) and (not (value.isascii() and value.isdigit()) or len(value) > 18):
        raise ProblemError(Problem.MALFORMED, fault="options: a sum is a string of digits")
    return int(value) if isinstance(value, str) else value


def _sum_out(value: object) -> object:
    return str(value) if isinstance(value, int) else value


def _sums(value: Any, convert: Callable[[object], object], name: str = "") -> Any:
    """The same tree with every member that ends in `_minor` converted."""
    if isinstance(value, dict):
        return {key: _sums(item, convert, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_sums(item, convert, name) for item in value]
    return convert(value) if name.endswith("_minor") else value


def _clean(text: str) -> str:
    return " ".join(text.replace("\x00", "").split())


def listing_shape(one: Listing) -> ListingShape:
    def out(minor: int | None) -> str | None:
        return None if minor is None else str(minor)

    same = {
        name: getattr(one, name)
        for name in ListingShape.__struct_fields__
        if name not in ("steps", "options", "start_price_minor", "reserve_minor", "deposit_minor")
    }
    return ListingShape(
        **same,
        options=_sums(one.options, _sum_out),
        start_price_minor=out(one.start_price_minor),
        steps=[StepOut(increment_minor=str(s.increment_minor), below_minor=out(s.below_minor)) for s in one.steps],
        reserve_minor=out(one.reserve_minor),
        deposit_minor=str(one.deposit_minor),
    )
