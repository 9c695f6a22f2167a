"""Reads a seller's draft of an English auction and names what contradicts itself or will surprise the bidders.

Pure: the draft and `now` go in, findings come out; each is a value whose sentence is `lint.<code>` in the catalogue.
An error would make a lot that cannot run as described; a warning is allowed, but wants a second look.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct

from auction.facts import LARGEST_AMOUNT_MINOR, GridBase, Param, StepBand

SHORTEST_USUAL_EXTENSION_SECONDS = 10
LONGEST_USUAL_EXTENSION_SECONDS = 3600
LONGEST_PHASE_SECONDS = 366 * 86400
LEAST_DEPOSIT_PERCENT, MOST_DEPOSIT_PERCENT = 5, 20
"""法释〔2016〕18号 art. 17: the deposit lies between 5 and 20 % of the start price."""


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


class Draft(Struct, frozen=True, kw_only=True):
    """What the seller has filled in so far: anything may be missing, and nothing has been checked. `options` is what only
    the format asks, in the shape of its setup's Options.
    """

    currency: str
    currency_exponent: int
    start_price_minor: int | None = None
    steps: tuple[StepBand, ...] = ()
    grid_base: GridBase = GridBase.START
    timed_seconds: int | None = None
    extension_seconds: int | None = None
    soft_close_seconds: int | None = None
    cap_extensions: int | None = None
    cap_at: datetime | None = None
    starts_at: datetime | None = None
    reserve_minor: int | None = None
    deposit_minor: int = 0
    format: str = "english"
    options: dict[str, Any] = msgspec.field(default_factory=dict)


class Finding(Struct, frozen=True, kw_only=True):
    """One thing the linter names: `field` is the draft's field it belongs beside, `params` the sentence's figures."""

    severity: Severity
    field: str
    code: str
    params: dict[str, Param] = msgspec.field(default_factory=dict)


def lint(draft: Draft, now: datetime) -> list[Finding]:
    """Every finding on the draft, errors first, otherwise in the order of the form."""
    return errors_first(finding for check in _CHECKS for finding in check(draft, now))


def errors_first(findings: Iterator[Finding]) -> list[Finding]:
    """The findings as a list is shown."""
    return sorted(findings, key=lambda finding: finding.severity is not Severity.ERROR)


def _error(field_name: str, code: str, **params: Param) -> Finding:
    return Finding(severity=Severity.ERROR, field=field_name, code=code, params=params)


def _warning(field_name: str, code: str, **params: Param) -> Finding:
    return Finding(severity=Severity.WARNING, field=field_name, code=code, params=params)


def _start_price(draft: Draft, _now: datetime) -> Iterator[Finding]:
    start = draft.start_price_minor
    if start is None:
        yield _error("start_price_minor", "start_price_missing")
    elif start <= 0:
        yield _error("start_price_minor", "start_price_not_positive")
    elif start > LARGEST_AMOUNT_MINOR:
        yield _error("start_price_minor", "over_cap", cap=("money", LARGEST_AMOUNT_MINOR))
    elif (step := _step_at(draft.steps, start)) and start % step:
        yield _warning("start_price_minor", "start_off_grid", second=("money", start + step))


def _steps(draft: Draft, _now: datetime) -> Iterator[Finding]:
    bands = draft.steps
    if not bands:
        yield _error("steps", "step_missing")
        return
    if any(band.increment_minor <= 0 for band in bands):
        yield _error("steps", "step_not_positive")
    figures = [band.increment_minor for band in bands] + [band.below_minor or 0 for band in bands]
    if max(figures) > LARGEST_AMOUNT_MINOR:
        yield _error("steps", "over_cap", cap=("money", LARGEST_AMOUNT_MINOR))
    if bands[-1].below_minor is not None:
        yield _error("steps", "last_band_bounded")
    bounds = [band.below_minor for band in bands[:-1]]
    inner = [bound for bound in bounds if bound is not None]
    if len(inner) < len(bounds) or any(low >= high for low, high in itertools.pairwise(inner)):
        yield _error("steps", "bands_unordered")
    elif draft.start_price_minor is not None:
        yield from _bands_against_start(bands, inner, draft.start_price_minor, draft.grid_base)


def _bands_against_start(
    bands: tuple[StepBand, ...], bounds: list[int], start: int, grid_base: GridBase
) -> Iterator[Finding]:
    for index, bound in enumerate(bounds):
        step_from_there = bands[index + 1].increment_minor
        if bound <= start:
            yield _warning("steps", "band_under_start", below=("money", bound))
        elif grid_base is GridBase.START and step_from_there > 0 and (bound - start) % step_from_there:
            yield _warning("steps", "band_off_grid", below=("money", bound), step=("money", step_from_there))


def _phases(draft: Draft, _now: datetime) -> Iterator[Finding]:
    timed, extension, soft_close = draft.timed_seconds, draft.extension_seconds, draft.soft_close_seconds
    if timed is None and extension is None:
        yield _error("timed_seconds", "no_phase")
    for name, seconds in (
        ("timed_seconds", timed),
        ("extension_seconds", extension),
        ("soft_close_seconds", soft_close),
    ):
        if seconds is not None and seconds <= 0:
            yield _error(name, "duration_not_positive")
        elif seconds is not None and seconds > LONGEST_PHASE_SECONDS:
            yield _error(name, "duration_too_long", longest=("duration", LONGEST_PHASE_SECONDS))
        elif seconds is not None and name != "timed_seconds":
            yield from _extension_length(name, seconds)
    if soft_close is not None and extension is not None:
        yield _error("soft_close_seconds", "soft_close_with_delayed")
    if soft_close is not None and timed is None:
        yield _error("soft_close_seconds", "soft_close_without_timed")
    elif soft_close is not None and timed is not None and timed < soft_close:
        yield _error("soft_close_seconds", "soft_close_over_timed", timed=("duration", timed))


def _extension_length(name: str, seconds: int) -> Iterator[Finding]:
    if seconds < SHORTEST_USUAL_EXTENSION_SECONDS:
        yield _warning(name, "extension_short", usual=("duration", SHORTEST_USUAL_EXTENSION_SECONDS))
    elif seconds > LONGEST_USUAL_EXTENSION_SECONDS:
        yield _warning(name, "extension_long", usual=("duration", LONGEST_USUAL_EXTENSION_SECONDS))


def _times(draft: Draft, now: datetime) -> Iterator[Finding]:
    if draft.starts_at is None:
        yield _error("starts_at", "start_missing")
        return
    ends_at = _first_end(draft)
    if ends_at is not None and ends_at <= now:
        yield _error("starts_at", "end_in_past", ends=ends_at)
    elif draft.starts_at <= now:
        yield _error("starts_at", "start_in_past", now=now)


def _cap(draft: Draft, _now: datetime) -> Iterator[Finding]:
    if draft.cap_extensions is None and draft.cap_at is None:
        return
    if draft.cap_extensions is not None and draft.cap_at is not None:
        yield _error("cap_at", "two_caps")
    if draft.extension_seconds is None and draft.soft_close_seconds is None:
        name = "cap_at" if draft.cap_extensions is None else "cap_extensions"
        yield _error(name, "cap_without_extension")
    if draft.cap_extensions is not None and draft.cap_extensions <= 0:
        yield _error("cap_extensions", "cap_extensions_not_positive")
    ends_at = _first_end(draft)
    if draft.cap_at is not None and ends_at is not None and draft.cap_at <= ends_at:
        yield _error("cap_at", "cap_too_early", earliest=ends_at)


def _reserve(draft: Draft, _now: datetime) -> Iterator[Finding]:
    reserve, start = draft.reserve_minor, draft.start_price_minor
    if reserve is None:
        return
    if reserve <= 0:
        yield _error("reserve_minor", "reserve_not_positive")
    elif reserve > LARGEST_AMOUNT_MINOR:
        yield _error("reserve_minor", "over_cap", cap=("money", LARGEST_AMOUNT_MINOR))
    elif start is None or start <= 0:
        return
    elif reserve < start:
        yield _error("reserve_minor", "reserve_under_start", start=("money", start))
    elif reserve == start:
        yield _warning("reserve_minor", "reserve_is_start")
    elif draft.grid_base is not GridBase.NONE:
        yield from _reserve_on_grid(draft.steps, start, reserve)


def _reserve_on_grid(bands: tuple[StepBand, ...], start: int, reserve: int) -> Iterator[Finding]:
    """The price jumps to the reserve, so it must be an amount that bidding can reach."""
    step = _step_at(bands, reserve - 1)
    if step and (reserve - start) % step and (reserve - start) % (_step_at(bands, reserve) or step):
        under = reserve - (reserve - start) % step
        yield _error("reserve_minor", "reserve_off_grid", under=("money", under), over=("money", under + step))


def _deposit(draft: Draft, _now: datetime) -> Iterator[Finding]:
    deposit, start = draft.deposit_minor, draft.start_price_minor
    if deposit < 0:
        yield _error("deposit_minor", "deposit_negative")
    elif deposit > LARGEST_AMOUNT_MINOR:
        yield _error("deposit_minor", "over_cap", cap=("money", LARGEST_AMOUNT_MINOR))
    elif deposit == 0:
        yield _warning("deposit_minor", "no_deposit")
    elif start is not None and start > 0:
        least, most = start * LEAST_DEPOSIT_PERCENT, start * MOST_DEPOSIT_PERCENT
        if not least <= deposit * 100 <= most:
            # Rounded inwards, so that both figures shown are themselves allowed.
            yield _warning(
                "deposit_minor", "deposit_share", least=("money", -(-least // 100)), most=("money", most // 100)
            )


def _step_at(bands: tuple[StepBand, ...], price_minor: int) -> int | None:
    """The step at a price, or None where the table is not yet good enough to tell."""
    for band in bands:
        if band.below_minor is None or price_minor < band.below_minor:
            return band.increment_minor if band.increment_minor > 0 else None
    return None


def _first_end(draft: Draft) -> datetime | None:
    """When the lot ends if nobody bids: T + W, T alone, or the start + W; None while that is not yet known."""
    phases = [seconds for seconds in (draft.timed_seconds, draft.extension_seconds) if seconds is not None]
    if draft.starts_at is None or not phases or any(not 0 < seconds <= LONGEST_PHASE_SECONDS for seconds in phases):
        return None
    return draft.starts_at + timedelta(seconds=sum(phases))


_CHECKS: tuple[Callable[[Draft, datetime], Iterator[Finding]], ...] = (
    _start_price,
    _steps,
    _times,
    _phases,
    _cap,
    _reserve,
    _deposit,
)

# What the linters of other formats say alike.
error, warning = _error, _warning
start_price_findings, times_findings, deposit_findings = _start_price, _times, _deposit
cap_findings, extension_findings = _cap, _extension_length
