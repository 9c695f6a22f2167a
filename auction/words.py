"""The rule of a lot in plain words, as phrases of the catalogue (`rule.*`) with their figures: what a bidder reads first.

Made from the same facts that the judge reads, so the words cannot promise something else. Knows no language.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from msgspec import Struct, field

from auction.facts import EnglishRule, GridBase, Lot, Param


class Phrase(Struct, frozen=True, kw_only=True):
    """One sentence: its key in the catalogue and the figures for its placeholders."""

    key: str
    params: dict[str, Param] = field(default_factory=dict)


def rule_in_words(lot: Lot) -> list[Phrase]:
    """The whole public rule of the lot, in the order a bidder needs it. Says whether there is a reserve, never what."""
    return [
        _phrase("start", start=("money", lot.rule.start_price_minor)),
        *_steps(lot.rule),
        *_phases(lot),
        *_cap(lot.rule),
        *_options(lot.rule),
        _phrase("maximum"),
        _phrase("tie_priority" if lot.rule.priority_right else "tie"),
        _phrase("instant"),
        _phrase("reserve" if lot.reserve_minor is not None else "no_reserve"),
        _phrase("deposit", deposit=("money", lot.deposit_minor)) if lot.deposit_minor else _phrase("no_deposit"),
    ]


def _phrase(name: str, **params: Param) -> Phrase:
    return Phrase(key=f"rule.{name}", params=params)


def _steps(rule: EnglishRule) -> Iterator[Phrase]:
    if len(rule.steps) == 1:
        yield _phrase("step", step=("money", rule.steps[0].increment_minor))
    reached = 0
    for band in rule.steps if len(rule.steps) > 1 else ():
        step: Param = ("money", band.increment_minor)
        if band.below_minor is None:
            yield _phrase("step_last", reached=("money", reached), step=step)
        elif reached == 0:
            yield _phrase("step_first", below=("money", band.below_minor), step=step)
        else:
            yield _phrase("step_band", reached=("money", reached), below=("money", band.below_minor), step=step)
        reached = band.below_minor or 0
    if rule.grid_base is not GridBase.NONE:
        yield _phrase("grid_start" if rule.grid_base is GridBase.START else "grid_current")


def _phases(lot: Lot) -> Iterator[Phrase]:
    rule = lot.rule
    if rule.timed_seconds is not None:
        yield _phrase(
            "timed",
            starts=lot.starts_at,
            ends=lot.starts_at + timedelta(seconds=rule.timed_seconds),
            duration=("duration", rule.timed_seconds),
        )
        if rule.soft_close_seconds is not None:
            yield _phrase("soft_close", window=("duration", rule.soft_close_seconds))
        elif rule.extension_seconds is None:
            yield _phrase("timed_ends")
    if rule.extension_seconds is not None:
        window: Param = ("duration", rule.extension_seconds)
        if rule.timed_seconds is None:
            yield _phrase("delayed_alone", starts=lot.starts_at, window=window)
        else:
            yield _phrase("delayed_follows", window=window)
        yield _phrase("reset", window=window)


def _cap(rule: EnglishRule) -> Iterator[Phrase]:
    if rule.cap_extensions is not None:
        yield _phrase(
            "cap_extensions_one" if rule.cap_extensions == 1 else "cap_extensions_other", count=rule.cap_extensions
        )
    elif rule.cap_at is not None:
        yield _phrase("cap_at", cap=rule.cap_at)
    elif rule.extension_seconds is not None or rule.soft_close_seconds is not None:
        yield _phrase("no_cap")


def _options(rule: EnglishRule) -> Iterator[Phrase]:
    if rule.only_timed_bidders:
        yield _phrase("only_timed_bidders")
    if rule.buy_now_minor is not None:
        yield _phrase(f"buy_now_{rule.buy_now_until.value}", price=("money", rule.buy_now_minor))
    if rule.priority_right:
        yield _phrase("priority_right")
    if rule.retraction_seconds is not None:
        window: Param = ("duration", rule.retraction_seconds)
        if rule.retraction_closes_seconds:
            yield _phrase("retraction", window=window, closes=("duration", rule.retraction_closes_seconds))
        else:
            yield _phrase("retraction_to_end", window=window)
    if rule.second_offer:
        yield _phrase("second_offer")
