"""Setting up a uniform-price lot: what its seller chooses, what the linter says of it, and its rule in words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from auction.facts import LARGEST_AMOUNT_MINOR, Lot, Param
from auction.formats.clearing import Marginal, Pricing
from auction.formats.uniform import UniformRule
from auction.linter import (
    LEAST_DEPOSIT_PERCENT,
    LONGEST_PHASE_SECONDS,
    MOST_DEPOSIT_PERCENT,
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

MOST_UNITS = 1_000_000_000
MOST_BIDS_PER_BIDDER = 50
USUAL_BIDS_PER_BIDDER = 5
COMMON_FIELDS = frozenset({"timed_seconds"})


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`quantity` equal units at prices of whole steps of `step_minor` above the start price; see docs/rules.md."""

    quantity: int | None = None
    step_minor: int | None = None
    marginal: Marginal = Marginal.TIME
    pricing: Pricing = Pricing.LOWEST_ACCEPTED
    bids_per_bidder: int = USUAL_BIDS_PER_BIDDER
    allows_all_or_none: bool = False


def _options(draft: Draft) -> Options:
    return msgspec.convert(draft.options, Options)


def lint(draft: Draft, now: datetime) -> list[Finding]:
    """Every finding on the draft, errors first."""
    return errors_first(_findings(draft, _options(draft), now))


def _findings(draft: Draft, options: Options, now: datetime) -> Iterator[Finding]:
    yield from _units(options)
    yield from start_price_findings(draft, now)
    yield from _steps(draft, options)
    yield from times_findings(draft, now)
    yield from _length(draft.timed_seconds)
    yield from _reserve(draft, options)
    yield from _deposit(draft, options, now)


def _units(options: Options) -> Iterator[Finding]:
    quantity, bids = options.quantity, options.bids_per_bidder
    if quantity is None:
        yield error("quantity", "uniform_quantity_missing")
    elif not 0 < quantity <= MOST_UNITS:
        yield error("quantity", "uniform_quantity_out_of_range", most=MOST_UNITS)
    elif quantity == 1:
        yield warning("quantity", "uniform_one_unit")
    if not 0 < bids <= MOST_BIDS_PER_BIDDER:
        yield error("bids_per_bidder", "uniform_bids_out_of_range", most=MOST_BIDS_PER_BIDDER)


def _steps(draft: Draft, options: Options) -> Iterator[Finding]:
    step, start, quantity = options.step_minor, draft.start_price_minor, options.quantity
    if step is None:
        yield error("step_minor", "step_missing")
    elif step <= 0:
        yield error("step_minor", "step_not_positive")
    elif step > LARGEST_AMOUNT_MINOR:
        yield error("step_minor", "over_cap", cap=("money", LARGEST_AMOUNT_MINOR))
    if start is not None and quantity is not None and start <= LARGEST_AMOUNT_MINOR < start * quantity:
        yield error("quantity", "uniform_total_over_cap", cap=("money", LARGEST_AMOUNT_MINOR))


def _length(seconds: int | None) -> Iterator[Finding]:
    if seconds is None:
        yield error("timed_seconds", "uniform_no_length")
    elif seconds <= 0:
        yield error("timed_seconds", "duration_not_positive")
    elif seconds > LONGEST_PHASE_SECONDS:
        yield error("timed_seconds", "duration_too_long", longest=("duration", LONGEST_PHASE_SECONDS))


def _reserve(draft: Draft, options: Options) -> Iterator[Finding]:
    reserve, start, step = draft.reserve_minor, draft.start_price_minor, options.step_minor
    if reserve is None:
        return
    if reserve <= 0:
        yield error("reserve_minor", "reserve_not_positive")
    elif reserve > LARGEST_AMOUNT_MINOR:
        yield error("reserve_minor", "over_cap", cap=("money", LARGEST_AMOUNT_MINOR))
    elif start is None or start <= 0:
        return
    elif reserve < start:
        yield error("reserve_minor", "reserve_under_start", start=("money", start))
    elif reserve == start:
        yield warning("reserve_minor", "reserve_is_start")
    elif step is not None and step > 0 and (reserve - start) % step:
        under = reserve - (reserve - start) % step
        yield error("reserve_minor", "reserve_off_grid", under=("money", under), over=("money", under + step))


def _deposit(draft: Draft, options: Options, now: datetime) -> Iterator[Finding]:
    """One deposit covers a bidder who may want one unit or all, so the usual share is taken of either."""
    start, quantity, deposit = draft.start_price_minor, options.quantity, draft.deposit_minor
    yield from (found for found in deposit_findings(draft, now) if found.code != "deposit_share")
    if start is None or start <= 0 or quantity is None or quantity <= 0 or not 0 < deposit <= LARGEST_AMOUNT_MINOR:
        return
    least, most = -(-start * LEAST_DEPOSIT_PERCENT // 100), start * quantity * MOST_DEPOSIT_PERCENT // 100
    if not least <= deposit <= most:
        yield warning("deposit_minor", "uniform_deposit_share", least=("money", least), most=("money", most))


def is_whole(draft: Draft) -> bool:
    """Price, step, quantity and length are there."""
    options = _options(draft)
    return None not in (draft.start_price_minor, draft.timed_seconds, options.quantity, options.step_minor)


def rule_of(draft: Draft) -> UniformRule:
    """The rule of a whole draft."""
    options = _options(draft)
    assert draft.start_price_minor is not None and draft.timed_seconds is not None
    assert options.quantity is not None and options.step_minor is not None
    return UniformRule(
        start_price_minor=draft.start_price_minor,
        quantity=options.quantity,
        step_minor=options.step_minor,
        timed_seconds=draft.timed_seconds,
        marginal=options.marginal,
        pricing=options.pricing,
        bids_per_bidder=options.bids_per_bidder,
        allows_all_or_none=options.allows_all_or_none,
    )


def words(lot: Lot) -> list[Phrase]:
    """The whole public rule in the order a bidder needs it. Says whether there is a reserve, never what."""
    rule: UniformRule = lot.rule
    return [
        _phrase("units", quantity=rule.quantity),
        _phrase("start", start=("money", rule.start_price_minor), step=("money", rule.step_minor)),
        _phrase(
            "time",
            starts=lot.starts_at,
            ends=lot.starts_at + timedelta(seconds=rule.timed_seconds),
            duration=("duration", rule.timed_seconds),
        ),
        _phrase("hidden"),
        _phrase("bids_one" if rule.bids_per_bidder == 1 else "bids_other", count=rule.bids_per_bidder),
        _phrase("raise"),
        _phrase("order"),
        _phrase(f"marginal_{rule.marginal}"),
        _phrase("all_or_none" if rule.allows_all_or_none else "no_all_or_none"),
        _phrase(f"pricing_{rule.pricing}"),
        _phrase("reserve" if lot.reserve_minor is not None else "no_reserve"),
        _phrase("proof"),
        Phrase(key="rule.instant"),
        Phrase(key="rule.deposit", params={"deposit": ("money", lot.deposit_minor)})
        if lot.deposit_minor
        else Phrase(key="rule.no_deposit"),
    ]


def short_words(lot: Lot) -> list[Phrase]:
    """That bids are hidden, and what a winner pays."""
    return [_phrase("short_hidden"), _phrase(f"pricing_{lot.rule.pricing}")]


def _phrase(name: str, **params: Param) -> Phrase:
    return Phrase(key=f"uniform_rule.{name}", params=params)
