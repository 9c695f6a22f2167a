"""Setting up a sale by sealed bids: what its seller may choose, what the linter says of it, and its rule in words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec.structs import replace

from auction import linter
from auction.facts import Lot, Param, StepBand
from auction.formats.sealed import Pricing, SealedRule
from auction.linter import Draft, Finding, Severity
from auction.words import Phrase

FEWEST_OFFICERS, MOST_OFFICERS = 2, 15
SHORTEST_OPENING_SECONDS, LONGEST_OPENING_SECONDS = 3600, 30 * 86400
COMMON_FIELDS = frozenset({"steps", "timed_seconds"})
ALIKE = COMMON_FIELDS | {"start_price_minor", "starts_at", "reserve_minor", "deposit_minor"}
NOT_OURS = ("no_phase", "reserve_off_grid", "step_missing", "last_band_bounded", "bands_unordered", "band_off_grid")


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a sealed sale asks beyond the common fields. One band of `steps` makes a grid; none leaves sums free.
    `threshold` of `officers` open the bids, and have `opening_seconds` for it.
    """

    pricing: Pricing = Pricing.SECOND
    threshold: int = 2
    officers: int = 3
    opening_seconds: int = 86400


def chosen_of(options: dict[str, Any]) -> Options:
    """The options of a draft or a listing, each as chosen or as usual."""
    return msgspec.convert(options, Options)


def lint(draft: Draft, now: datetime) -> list[Finding]:
    """Every finding on the draft, errors first."""
    findings = [*_common(draft, now), *_time(draft), *_grid(draft), *_officers(chosen_of(draft.options))]
    return sorted(findings, key=lambda finding: finding.severity is not Severity.ERROR)


def is_whole(draft: Draft) -> bool:
    """A price and an end are there."""
    return draft.start_price_minor is not None and draft.timed_seconds is not None


def rule_of(draft: Draft) -> SealedRule:
    """The rule of a whole draft. Its key comes from the ceremony, before the lot is opened."""
    assert draft.start_price_minor is not None and draft.timed_seconds is not None, "a draft is not yet a lot"
    chosen = chosen_of(draft.options)
    return SealedRule(
        start_price_minor=draft.start_price_minor,
        timed_seconds=draft.timed_seconds,
        pricing=chosen.pricing,
        step_minor=draft.steps[0].increment_minor if draft.steps else None,
        threshold=chosen.threshold,
        officers=chosen.officers,
        opening_seconds=chosen.opening_seconds,
    )


def words(lot: Lot) -> list[Phrase]:
    """The whole public rule. Says whether there is a reserve, never what."""
    rule: SealedRule = lot.rule
    ends_at = lot.starts_at + timedelta(seconds=rule.timed_seconds)
    return [
        _phrase("start", start=("money", rule.start_price_minor)),
        *([_phrase("step", step=("money", rule.step_minor))] if rule.step_minor else []),
        _phrase("timed", starts=lot.starts_at, ends=ends_at),
        _phrase("secret", threshold=rule.threshold, officers=rule.officers),
        _phrase("versions"),
        _phrase(rule.pricing.value),
        _phrase("tie_second" if rule.pricing is Pricing.SECOND else "tie_first"),
        _phrase("void"),
        _phrase("opening", window=("duration", rule.opening_seconds)),
        _phrase("reserve" if lot.reserve_minor is not None else "no_reserve"),
        Phrase(key="rule.instant"),
        Phrase(key="rule.deposit", params={"deposit": ("money", lot.deposit_minor)})
        if lot.deposit_minor
        else Phrase(key="rule.no_deposit"),
    ]


def short_words(lot: Lot) -> list[Phrase]:
    """That it is sealed, and what the winner pays."""
    return [Phrase(key="sealed_rule.short"), Phrase(key=f"sealed_rule.short_{lot.rule.pricing.value}")]


def _phrase(name: str, **params: Param) -> Phrase:
    return Phrase(key=f"sealed_rule.{name}", params=params)


def _common(draft: Draft, now: datetime) -> list[Finding]:
    """What holds for every format, said by the common linter of a draft with one phase."""
    alike = replace(
        draft,
        steps=draft.steps or (StepBand(increment_minor=1),),
        extension_seconds=None,
        soft_close_seconds=None,
        cap_extensions=None,
        cap_at=None,
    )
    return [found for found in linter.lint(alike, now) if found.field in ALIKE and found.code not in NOT_OURS]


def _time(draft: Draft) -> Iterator[Finding]:
    if draft.timed_seconds is None:
        yield _error("timed_seconds", "sealed_no_end")
    if draft.extension_seconds is not None or draft.soft_close_seconds is not None:
        yield _error("timed_seconds", "sealed_no_extension")


def _grid(draft: Draft) -> Iterator[Finding]:
    if len(draft.steps) > 1 or any(band.below_minor is not None for band in draft.steps):
        yield _error("steps", "sealed_one_step")


def _officers(chosen: Options) -> Iterator[Finding]:
    if not FEWEST_OFFICERS <= chosen.officers <= MOST_OFFICERS:
        yield _error("officers", "sealed_officers", fewest=FEWEST_OFFICERS, most=MOST_OFFICERS)
    elif not FEWEST_OFFICERS <= chosen.threshold <= chosen.officers:
        yield _error("threshold", "sealed_threshold", fewest=FEWEST_OFFICERS, officers=chosen.officers)
    elif chosen.threshold == chosen.officers:
        yield Finding(severity=Severity.WARNING, field="threshold", code="sealed_all_needed")
    if not SHORTEST_OPENING_SECONDS <= chosen.opening_seconds <= LONGEST_OPENING_SECONDS:
        yield _error(
            "opening_seconds",
            "sealed_opening",
            shortest=("duration", SHORTEST_OPENING_SECONDS),
            longest=("duration", LONGEST_OPENING_SECONDS),
        )


def _error(field: str, code: str, **params: Param) -> Finding:
    return Finding(severity=Severity.ERROR, field=field, code=code, params=params)
