"""Shapes that several areas of the API share: money on the wire, ids, pages of a list, problems.

Money goes out as a string of decimal digits of minor units, because a JSON number is a float in most readers; it may
come in as such a string or as an integer, and never as a fraction.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from msgspec import Meta, Struct

from auction.facts import LARGEST_AMOUNT_MINOR
from market import problems
from market.currencies import EXPONENTS
from market.problems import ProblemError
from market.refusals import MoneyRefusal

T = TypeVar("T")

MinorOut = Annotated[str, Meta(pattern=r"^(0|[1-9][0-9]{0,15})$", description="minor units of the currency")]
SignedMinorOut = Annotated[str, Meta(pattern=r"^-?[0-9]{1,30}$", description="minor units, below zero for an asset")]
MinorIn = (
    Annotated[int, Meta(ge=1, le=LARGEST_AMOUNT_MINOR)]
    | Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,15}$", max_length=16)]
)
MinorOrZeroIn = (
    Annotated[int, Meta(ge=0, le=LARGEST_AMOUNT_MINOR)]
    | Annotated[str, Meta(pattern=r"^(0|[1-9][0-9]{0,15})$", max_length=16)]
)
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}$")]
CurrencyTraded = Literal["CNY", "USD", "EUR", "HKD", "JPY", "KWD"]
Instant = Annotated[datetime, Meta(tz=True)]
Reason = Annotated[str, Meta(min_length=1, max_length=1000, pattern=r"\S")]
PageNumber = Annotated[int, Meta(ge=1, le=100_000)]
PageSize = Annotated[int, Meta(ge=1, le=100)]
Id = Annotated[int, Meta(ge=1, le=2**63 - 1)]


class Problem(Struct, kw_only=True, omit_defaults=True):
    """RFC 9457. `code` is the name of the rule that was broken; further members depend on it."""

    type: str
    title: str
    status: int
    code: str
    detail: str | None = None
    instance: str | None = None


class Paging(Struct, kw_only=True, forbid_unknown_fields=True):
    """Which page of a list."""

    page: PageNumber = 1
    page_size: PageSize = 25


class Before(Struct, kw_only=True, forbid_unknown_fields=True):
    """Older than this id; without it, the newest."""

    before: Id | None = None
    limit: PageSize = 50


class Listed(Struct, Generic[T], kw_only=True):
    """One page of a list."""

    items: list[T]
    page: int
    pages: int
    total: int


class Reasoned(Struct, kw_only=True, forbid_unknown_fields=True):
    """Why an operator does it; goes into the audit trail."""

    reason: Reason


def minor_out(minor: int) -> str:
    """An amount as it goes over the wire."""
    return str(minor)


def minor_in(value: int | str) -> int:
    """An amount as it came over the wire. Refuses what no amount in the house may be."""
    minor = int(value)
    if minor > LARGEST_AMOUNT_MINOR:
        raise ProblemError(MoneyRefusal.SUM_TOO_LARGE, most_minor=str(LARGEST_AMOUNT_MINOR))
    return minor


def currency_in(code: str) -> str:
    """A currency as it came over the wire. Refuses one that the house keeps no money in, with those that it does."""
    if code not in EXPONENTS:
        raise ProblemError(MoneyRefusal.CURRENCY_NOT_TAKEN, currency=code, taken=", ".join(EXPONENTS))
    return code


def said(text: str) -> str:
    """What somebody gives as a reason, without the one sign that Postgres has no place for."""
    return text.replace("\x00", "")


def one_page(items: list[Any], query: Paging) -> tuple[list[Any], int]:
    """The part of a whole list that `query` asks for, and how many pages there are."""
    pages = max(1, -(-len(items) // query.page_size))
    start = (query.page - 1) * query.page_size
    return items[start : start + query.page_size], pages


def instant_in(at: datetime | None, name: str) -> datetime | None:
    """A time as the pages take it too; years at the ends of the calendar can't be reckoned with."""
    if at is not None and not 2000 < at.year < 2200:
        raise ProblemError(problems.Problem.MALFORMED, fault=name)
    return at
