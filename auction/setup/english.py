"""Setting up an English lot: its linter and its words are `auction.linter` and `auction.words`; here its rule is made."""

from __future__ import annotations

import msgspec

from auction import linter
from auction.facts import EnglishRule, Lot
from auction.linter import Draft
from auction.words import Phrase, rule_in_words

lint, words = linter.lint, rule_in_words


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an English lot may have beyond the common fields."""


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
