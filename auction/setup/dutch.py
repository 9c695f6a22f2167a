"""Setting up a Dutch lot: what its seller chooses, what the linter says of it, and its rule in words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from auction.facts import LARGEST_AMOUNT_MINOR, Lot, Param
from auction.formats import dutch
from auction.formats.dutch import SECOND, DutchRule
from auction.linter import (
    LONGEST_PHASE_SECONDS,
    Draft,
    Finding,
    deposit_findings,
    error,
    errors_first,
    start_price_findings,
    times_findings,
    warning,
)
from auction.words import Phrase

SHORTEST_USUAL_STEP_SECONDS = 3
"""A step that stands for less gives nobody the time to see it and press."""
MOST_USUAL_STEPS = 1_000
COMMON_FIELDS: frozenset[str] = frozenset()


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`step_minor` each `interval_seconds`, or all steps spread evenly over `fall_seconds`; then `floor_seconds` at the
    floor (the length of one step where it is left out).
    """

    floor_minor: int | None = None
    step_minor: int | None = None
    interval_seconds: int | None = None
    fall_seconds: int | None = None
    floor_seconds: int | None = None


def _options(draft: Draft) -> Options:
    return msgspec.convert(draft.options, Options)


def lint(draft: Draft, now: datetime) -> list[Finding]:
    """Every finding on the draft, errors first."""
    return errors_first(_findings(draft, _options(draft), now))


def _findings(draft: Draft, options: Options, now: datetime) -> Iterator[Finding]:
    yield from start_price_findings(draft, now)
    yield from _sums(draft, options)
    yield from _lengths(options)
    yield from times_findings(draft, now)
    if _has_pace(draft) and (rule := rule_of(draft)).start_price_minor > rule.floor_minor > 0 < rule.step_minor:
        yield from _pace(rule)
    if draft.reserve_minor is not None:
        yield error("reserve_minor", "dutch_reserve_is_floor")
    yield from deposit_findings(draft, now)


def _sums(draft: Draft, options: Options) -> Iterator[Finding]:
    start, floor, step = draft.start_price_minor, options.floor_minor, options.step_minor
    if floor is None:
        yield error("floor_minor", "dutch_floor_missing")
    elif floor <= 0:
        yield error("floor_minor", "dutch_floor_not_positive")
    elif start is not None and floor >= start > 0:
        yield error("floor_minor", "dutch_floor_over_start", start=("money", start))
    if step is None:
        yield error("step_minor", "step_missing")
    elif step <= 0:
        yield error("step_minor", "step_not_positive")
    elif step > LARGEST_AMOUNT_MINOR:
        yield error("step_minor", "over_cap", cap=("money", LARGEST_AMOUNT_MINOR))
    elif start is not None and floor is not None and 0 < floor < start and (start - floor) % step:
        last = (start - floor) % step
        yield warning("step_minor", "dutch_last_step_shorter", last=("money", last), step=("money", step))


def _lengths(options: Options) -> Iterator[Finding]:
    if options.interval_seconds is None and options.fall_seconds is None:
        yield error("interval_seconds", "dutch_no_pace")
    elif options.interval_seconds is not None and options.fall_seconds is not None:
        yield error("fall_seconds", "dutch_two_paces")
    for name in ("interval_seconds", "fall_seconds", "floor_seconds"):
        seconds: int | None = getattr(options, name)
        if seconds is not None and seconds <= 0:
            yield error(name, "duration_not_positive")
        elif seconds is not None and seconds > LONGEST_PHASE_SECONDS:
            yield error(name, "duration_too_long", longest=("duration", LONGEST_PHASE_SECONDS))


def _pace(rule: DutchRule) -> Iterator[Finding]:
    name = "interval_seconds" if rule.fall_seconds is None else "fall_seconds"
    steps, whole_us = dutch.step_count(rule), dutch.fall_us(rule)
    if whole_us > LONGEST_PHASE_SECONDS * SECOND:
        # A single length past the bound has been named already.
        if (rule.interval_seconds or 0) <= LONGEST_PHASE_SECONDS >= (rule.fall_seconds or 0):
            yield error(name, "duration_too_long", longest=("duration", LONGEST_PHASE_SECONDS))
    elif whole_us < steps * SECOND:
        yield error(name, "dutch_step_under_second")
    elif whole_us < steps * SHORTEST_USUAL_STEP_SECONDS * SECOND:
        yield warning(name, "dutch_step_short", usual=("duration", SHORTEST_USUAL_STEP_SECONDS))
    if steps > MOST_USUAL_STEPS:
        yield warning("step_minor", "dutch_many_steps", steps=steps)


def is_whole(draft: Draft) -> bool:
    """Start, floor, step and one pace are there, and no length is of no time or beyond any calendar."""
    if not _has_pace(draft):
        return False
    rule, longest = rule_of(draft), LONGEST_PHASE_SECONDS
    return dutch.fall_us(rule) <= longest * SECOND and rule.floor_seconds <= longest


def _has_pace(draft: Draft) -> bool:
    options = _options(draft)
    paces = [seconds for seconds in (options.interval_seconds, options.fall_seconds) if seconds is not None]
    sums = (draft.start_price_minor, options.floor_minor, options.step_minor)
    return None not in sums and len(paces) == 1 and paces[0] > 0 and (options.step_minor or 0) > 0


def rule_of(draft: Draft) -> DutchRule:
    """The rule of a whole draft."""
    options, start = _options(draft), draft.start_price_minor
    assert start is not None and options.floor_minor is not None and options.step_minor is not None
    rule = DutchRule(
        start_price_minor=start,
        floor_minor=options.floor_minor,
        step_minor=options.step_minor,
        interval_seconds=options.interval_seconds,
        fall_seconds=options.fall_seconds,
        floor_seconds=options.floor_seconds or 1,
    )
    if options.floor_seconds is not None:
        return rule
    one_step = -(-dutch.fall_us(rule) // (max(1, dutch.step_count(rule)) * SECOND))
    return msgspec.structs.replace(rule, floor_seconds=max(1, one_step))


def words(lot: Lot) -> list[Phrase]:
    """The whole public rule in the order a bidder needs it."""
    rule: DutchRule = lot.rule
    falls_for: Param = ("duration", dutch.fall_us(rule) // SECOND)
    at_floor_at = lot.starts_at + timedelta(microseconds=dutch.fall_us(rule))
    return [
        _phrase("start", start=("money", rule.start_price_minor), starts=lot.starts_at),
        _pace_phrase(rule),
        _phrase("floor", floor=("money", rule.floor_minor), reached=at_floor_at, duration=falls_for),
        _phrase(
            "end",
            stay=("duration", rule.floor_seconds),
            ends=at_floor_at + timedelta(seconds=rule.floor_seconds),
        ),
        _phrase("press"),
        _phrase("moved"),
        _phrase("first"),
        _phrase("still"),
        Phrase(key="rule.instant"),
        Phrase(key="rule.deposit", params={"deposit": ("money", lot.deposit_minor)})
        if lot.deposit_minor
        else Phrase(key="rule.no_deposit"),
    ]


def short_words(lot: Lot) -> list[Phrase]:
    """The pace and the floor."""
    return [_pace_phrase(lot.rule), _phrase("short_floor", floor=("money", lot.rule.floor_minor))]


def _pace_phrase(rule: DutchRule) -> Phrase:
    step: Param = ("money", rule.step_minor)
    if rule.interval_seconds is not None:
        return _phrase("pace_interval", step=step, interval=("duration", rule.interval_seconds))
    return _phrase("pace_even", step=step, duration=("duration", rule.fall_seconds or 0))


def _phrase(name: str, **params: Param) -> Phrase:
    return Phrase(key=f"dutch_rule.{name}", params=params)
