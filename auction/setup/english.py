"""Setting up an English lot: its rule is made here, and its options are looked at. The rest of its linter and its words
are `auction.linter` and `auction.words`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import chain

import msgspec

from auction import linter
from auction.facts import LARGEST_AMOUNT_MINOR, BuyNowUntil, EnglishRule, Lot
from auction.linter import LONGEST_PHASE_SECONDS, Draft, Finding, error, errors_first, warning
from auction.words import Phrase, rule_in_words

words = rule_in_words
COMMON_FIELDS = frozenset(
    {"steps", "grid_base", "timed_seconds", "extension_seconds", "soft_close_seconds", "cap_extensions", "cap_at"}
)


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an English lot may have beyond the common fields; each is a member of `EnglishRule` by the same name."""

    only_timed_bidders: bool = False
    buy_now_minor: int | None = None
    buy_now_until: BuyNowUntil = BuyNowUntil.FIRST_BID
    priority_right: bool = False
    retraction_seconds: int | None = None
    retraction_closes_seconds: int = 0
    second_offer: bool = False


def lint(draft: Draft, now: datetime) -> list[Finding]:
    """Every finding on the draft, errors first."""
    return errors_first(chain(linter.lint(draft, now), _option_findings(draft, _options(draft))))


def is_whole(draft: Draft) -> bool:
    """Price, steps and a phase are there."""
    has_phase = draft.timed_seconds is not None or draft.extension_seconds is not None
    return draft.start_price_minor is not None and bool(draft.steps) and has_phase


def rule_of(draft: Draft) -> EnglishRule:
    """The rule of a whole draft."""
    assert draft.start_price_minor is not None, "a draft is not yet a lot"
    return EnglishRule(
        start_price_minor=draft.start_price_minor,
        steps=draft.steps,
        grid_base=draft.grid_base,
        timed_seconds=draft.timed_seconds,
        extension_seconds=draft.extension_seconds,
        soft_close_seconds=draft.soft_close_seconds,
        cap_extensions=draft.cap_extensions,
        cap_at=draft.cap_at,
        **msgspec.structs.asdict(_options(draft)),
    )


def short_words(lot: Lot) -> list[Phrase]:
    """How it ends, and its cap."""
    rule: EnglishRule = lot.rule
    if rule.soft_close_seconds is not None:
        first = Phrase(key="lot.short_soft", params={"window": ("duration", rule.soft_close_seconds)})
    elif rule.extension_seconds is None:
        first = Phrase(key="lot.short_timed")
    else:
        key = "lot.short_delayed" if rule.timed_seconds is None else "lot.short_both"
        first = Phrase(key=key, params={"window": ("duration", rule.extension_seconds)})
    if rule.cap_extensions is not None:
        return [first, Phrase(key="lot.cap_count", params={"count": rule.cap_extensions})]
    if rule.cap_at is not None:
        return [first, Phrase(key="lot.cap_until", params={"cap": rule.cap_at})]
    return [first]


def _options(draft: Draft) -> Options:
    return msgspec.convert(draft.options, Options)


def _option_findings(draft: Draft, options: Options) -> Iterator[Finding]:
    if options.only_timed_bidders and (draft.timed_seconds is None or draft.extension_seconds is None):
        yield error("only_timed_bidders", "only_timed_without_phases")
    yield from _buy_now(draft, options)
    yield from _retraction(draft, options)
    if options.second_offer and draft.deposit_minor <= 0:
        yield warning("second_offer", "second_offer_without_deposit")


def _buy_now(draft: Draft, options: Options) -> Iterator[Finding]:
    price, start, reserve = options.buy_now_minor, draft.start_price_minor, draft.reserve_minor
    if price is None:
        return
    if price <= 0:
        yield error("buy_now_minor", "buy_now_not_positive")
    elif price > LARGEST_AMOUNT_MINOR:
        yield error("buy_now_minor", "over_cap", cap=("money", LARGEST_AMOUNT_MINOR))
    elif start is not None and price <= start:
        yield error("buy_now_minor", "buy_now_under_start", start=("money", start))
    elif reserve is not None and price < reserve:
        yield error("buy_now_minor", "buy_now_under_reserve", reserve=("money", reserve))
    if options.buy_now_until is BuyNowUntil.RESERVE_MET and reserve is None:
        yield error("buy_now_until", "buy_now_without_reserve")


def _retraction(draft: Draft, options: Options) -> Iterator[Finding]:
    window, closes, timed = options.retraction_seconds, options.retraction_closes_seconds, draft.timed_seconds
    if window is None:
        return
    if window <= 0 or closes < 0:
        yield error("retraction_seconds", "duration_not_positive")
    elif window > LONGEST_PHASE_SECONDS:
        yield error("retraction_seconds", "duration_too_long", longest=("duration", LONGEST_PHASE_SECONDS))
    if timed is None:
        yield error("retraction_seconds", "retraction_without_timed")
    elif closes >= timed:
        yield error("retraction_closes_seconds", "retraction_never_open", timed=("duration", timed))
    elif closes == 0:
        yield warning("retraction_closes_seconds", "retraction_to_end")
