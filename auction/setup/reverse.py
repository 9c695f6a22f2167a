"""Setting up a reverse auction: what its buyer chooses, what the linter says of it, and its rule in words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Literal

import msgspec

from auction.facts import LARGEST_AMOUNT_MINOR, Lot, Param
from auction.formats.reverse import ReverseRule, Visibility
from auction.formats.weighing import (
    LARGEST_WEIGHT_PART,
    MOST_ATTRIBUTES,
    Attribute,
    cost_of,
    decimal_of,
    decimal_text,
)
from auction.linter import (
    LONGEST_PHASE_SECONDS,
    Draft,
    Finding,
    cap_findings,
    deposit_findings,
    error,
    errors_first,
    extension_findings,
    times_findings,
    warning,
)
from auction.words import Phrase

MOST_TOP = 100
LONGEST_NAME, LONGEST_UNIT = 60, 20
_KEY = re.compile(r"[a-z][a-z0-9_]{0,29}")
COMMON_FIELDS = frozenset({"timed_seconds", "soft_close_seconds", "cap_extensions", "cap_at"})


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`decrement_minor` under the common start price, which is the ceiling; the reserve is the hidden most that the buyer
    would pay; see docs/rules.md for the rest.
    """

    decrement_minor: int | None = None
    attributes: tuple[Attribute, ...] = ()
    front_buffer_minor: int | None = None
    back_buffer_minor: int | None = None
    visibility: Visibility = "rank_only"
    buyer_sees: Literal["all", "at_close"] = "all"
    top_count: int = 1
    extends_when: Literal["enters", "rises"] = "enters"


def _options(draft: Draft) -> Options:
    return msgspec.convert(draft.options, Options)


def lint(draft: Draft, now: datetime) -> list[Finding]:
    """Every finding on the draft, errors first."""
    return errors_first(_findings(draft, _options(draft), now))


def _findings(draft: Draft, options: Options, now: datetime) -> Iterator[Finding]:
    yield from _price(draft, options)
    yield from _buffers(draft, options)
    yield from _attributes(options)
    yield from _reserve(draft)
    yield from deposit_findings(draft, now)
    yield from times_findings(draft, now)
    yield from _phases(draft, options)
    yield from cap_findings(draft, now)


def _price(draft: Draft, options: Options) -> Iterator[Finding]:
    ceiling, step = draft.start_price_minor, options.decrement_minor
    if ceiling is None:
        yield error("start_price_minor", "reverse_ceiling_missing")
    elif ceiling <= 0:
        yield error("start_price_minor", "reverse_ceiling_not_positive")
    elif ceiling > LARGEST_AMOUNT_MINOR:
        yield error("start_price_minor", "over_cap", cap=("money", LARGEST_AMOUNT_MINOR))
    if step is None:
        yield error("decrement_minor", "reverse_decrement_missing")
    elif step <= 0:
        yield error("decrement_minor", "reverse_decrement_not_positive")
    elif ceiling is not None and ceiling > 0 and step * 2 > ceiling:
        yield error("decrement_minor", "reverse_decrement_too_large", most=("money", max(1, ceiling // 2)))


def _buffers(draft: Draft, options: Options) -> Iterator[Finding]:
    ceiling = draft.start_price_minor
    for name, buffer in (
        ("front_buffer_minor", options.front_buffer_minor),
        ("back_buffer_minor", options.back_buffer_minor),
    ):
        if buffer is not None and buffer < 0:
            yield error(name, "reverse_buffer_negative")
        elif buffer is not None and ceiling is not None and buffer >= ceiling > 0:
            yield error(name, "reverse_buffer_too_large", ceiling=("money", ceiling))
    if options.front_buffer_minor and options.visibility == "rank_only":
        yield warning("front_buffer_minor", "reverse_front_buffer_hints")


def _attributes(options: Options) -> Iterator[Finding]:
    attributes = options.attributes
    if len(attributes) > MOST_ATTRIBUTES:
        yield error("attributes", "reverse_too_many_attributes", most=MOST_ATTRIBUTES)
    if len({one.key for one in attributes}) < len(attributes):
        yield error("attributes", "reverse_attribute_twice")
    for place, one in enumerate(attributes):
        yield from _attribute(f"attributes_{place}", one)


def _attribute(field: str, one: Attribute) -> Iterator[Finding]:
    name: Param = ("words", one.name_en or one.name_zh or one.key, one.name_zh or one.name_en or one.key)
    if not _KEY.fullmatch(one.key):
        yield error(field, "reverse_attribute_key", name=name)
    if not (one.name_en or one.name_zh):
        yield error(field, "reverse_attribute_name", name=name)
    elif not (one.name_en and one.name_zh):
        yield warning(field, "reverse_attribute_one_language", name=name)
    if not (one.unit_en or one.unit_zh):
        yield error(field, "reverse_attribute_unit", name=name)
    if max(len(one.name_en), len(one.name_zh)) > LONGEST_NAME or max(len(one.unit_en), len(one.unit_zh)) > LONGEST_UNIT:
        yield error(field, "reverse_attribute_long", name=name)
    parts = one.weight_numerator, one.weight_denominator
    if not all(0 < part <= LARGEST_WEIGHT_PART for part in parts):
        yield error(field, "reverse_weight", name=name)
    low, high = decimal_of(one.lowest), decimal_of(one.highest)
    if low is None or high is None or low >= high:
        yield error(field, "reverse_range", name=name)
    elif one.floor is not None and ((floor := decimal_of(one.floor)) is None or not low <= floor <= high):
        yield error(field, "reverse_floor", name=name)


def _reserve(draft: Draft) -> Iterator[Finding]:
    reserve, ceiling = draft.reserve_minor, draft.start_price_minor
    if reserve is None:
        return
    if reserve <= 0:
        yield error("reserve_minor", "reverse_reserve_not_positive")
    elif ceiling is not None and reserve > ceiling:
        yield error("reserve_minor", "reverse_reserve_over_ceiling", ceiling=("money", ceiling))
    elif reserve == ceiling:
        yield warning("reserve_minor", "reverse_reserve_is_ceiling")


def _phases(draft: Draft, options: Options) -> Iterator[Finding]:
    timed, window = draft.timed_seconds, draft.soft_close_seconds
    if timed is None:
        yield error("timed_seconds", "reverse_no_length")
    for name, seconds in (("timed_seconds", timed), ("soft_close_seconds", window)):
        if seconds is not None and seconds <= 0:
            yield error(name, "duration_not_positive")
        elif seconds is not None and seconds > LONGEST_PHASE_SECONDS:
            yield error(name, "duration_too_long", longest=("duration", LONGEST_PHASE_SECONDS))
    if window is None:
        yield warning("soft_close_seconds", "reverse_no_overtime")
    elif window > 0:
        yield from extension_findings("soft_close_seconds", window)
    if window is not None and timed is not None and timed < window:
        yield error("soft_close_seconds", "soft_close_over_timed", timed=("duration", timed))
    if not 0 < options.top_count <= MOST_TOP:
        yield error("top_count", "reverse_top_out_of_range", most=MOST_TOP)


def is_whole(draft: Draft) -> bool:
    """Ceiling, decrement and length are there, and every attribute can be measured."""
    options = _options(draft)
    has_figures = None not in (draft.start_price_minor, draft.timed_seconds, options.decrement_minor)
    return has_figures and not any(finding.severity == "error" for finding in _attributes(options))


def rule_of(draft: Draft) -> ReverseRule:
    """The rule of a whole draft."""
    options = _options(draft)
    assert draft.start_price_minor is not None and draft.timed_seconds is not None
    assert options.decrement_minor is not None
    return ReverseRule(
        start_price_minor=draft.start_price_minor,
        decrement_minor=options.decrement_minor,
        attributes=options.attributes,
        front_buffer_minor=options.front_buffer_minor or 0,
        back_buffer_minor=options.back_buffer_minor or 0,
        visibility=options.visibility,
        buyer_sees=options.buyer_sees,
        timed_seconds=draft.timed_seconds,
        soft_close_seconds=draft.soft_close_seconds,
        top_count=options.top_count,
        extends_when=options.extends_when,
        cap_extensions=draft.cap_extensions,
        cap_at=draft.cap_at,
    )


def words(lot: Lot) -> list[Phrase]:
    """The whole public rule in the order a supplier needs it. Says whether there is a hidden maximum, never what."""
    rule: ReverseRule = lot.rule
    ends = lot.starts_at + timedelta(seconds=rule.timed_seconds)
    deposit: Param = ("money", lot.deposit_minor)
    return [
        _phrase("buyer"),
        _phrase("ceiling", ceiling=("money", rule.start_price_minor), step=("money", rule.decrement_minor)),
        *_weights(lot, rule),
        _phrase("back_buffer", by=("money", rule.back_buffer_minor)) if rule.back_buffer_minor else _phrase("improve"),
        *([_phrase("front_buffer", by=("money", rule.front_buffer_minor))] if rule.front_buffer_minor else []),
        _phrase("tie"),
        _phrase(rule.visibility),
        _phrase(f"buyer_{rule.buyer_sees}"),
        _phrase("time", starts=lot.starts_at, ends=ends, duration=("duration", rule.timed_seconds)),
        *_overtime(rule),
        _phrase("award"),
        _phrase("reserve" if lot.reserve_minor is not None else "no_reserve"),
        _phrase("log"),
        Phrase(key="rule.instant"),
        _phrase("deposit", deposit=deposit) if lot.deposit_minor else _phrase("no_deposit"),
    ]


def short_words(lot: Lot) -> list[Phrase]:
    """Who sees what, and how it ends."""
    return [_phrase(f"short_{lot.rule.visibility}"), *_overtime(lot.rule)[:1]]


def _overtime(rule: ReverseRule) -> list[Phrase]:
    if rule.soft_close_seconds is None:
        return [_phrase("no_overtime")]
    window: Param = ("duration", rule.soft_close_seconds)
    kind = f"overtime_{rule.extends_when}"
    first = (
        _phrase(f"{kind}_one", window=window)
        if rule.top_count == 1
        else _phrase(kind, window=window, top=rule.top_count)
    )
    if rule.cap_extensions is not None:
        count = rule.cap_extensions
        return [first, Phrase(key=f"rule.cap_extensions_{'one' if count == 1 else 'other'}", params={"count": count})]
    if rule.cap_at is not None:
        return [first, Phrase(key="rule.cap_at", params={"cap": rule.cap_at})]
    return [first, Phrase(key="rule.no_cap")]


def _weights(lot: Lot, rule: ReverseRule) -> Iterator[Phrase]:
    if not rule.attributes:
        yield _phrase("price_alone")
        return
    count = len(rule.attributes)
    yield _phrase("cost_one") if count == 1 else _phrase("cost_other", count=count)
    for one in rule.attributes:
        yield _weight(lot, one)
    yield _example(rule)


def _weight(lot: Lot, one: Attribute) -> Phrase:
    figures: dict[str, Param] = {
        "name": ("words", one.name_en or one.name_zh, one.name_zh or one.name_en),
        "unit": ("words", one.unit_en or one.unit_zh, one.unit_zh or one.unit_en),
        "best": _number(one.best),
        "lowest": _number(Fraction(one.lowest)),
        "highest": _number(Fraction(one.highest)),
    }
    if one.counts == "money":
        major = one.weight / 10**lot.currency_exponent
        figures["weight"] = (
            ("money", one.weight.numerator)
            if one.weight.denominator == 1
            else _worded(f"{lot.currency} {ratio_text(major)}")
        )
    else:
        figures["weight"] = _worded(f"{ratio_text(one.weight * 100)} %")
    if one.floor is not None:
        figures["floor"] = _number(Fraction(one.floor))
    return _phrase(f"weight_{one.counts}_{one.better}{'_floor' if one.floor is not None else ''}", **figures)


def _example(rule: ReverseRule) -> Phrase:
    """The ceiling with every attribute at the worst end of its range: what the weighting can make of a price."""
    worst = {
        one.key: Fraction(one.highest if one.better == "lower" else one.lowest)
        if one.floor is None
        else Fraction(one.floor)
        for one in rule.attributes
    }
    cost = cost_of(rule.start_price_minor, rule.attributes, worst)
    return _phrase(
        "example", price=("money", rule.start_price_minor), cost=("money", -(-cost.numerator // cost.denominator))
    )


def ratio_text(value: Fraction) -> str:
    """A figure as a decimal where it is one of at most six places, else as a fraction."""
    return decimal_text(value) if (value * 10**6).denominator == 1 else f"{value.numerator}/{value.denominator}"


def _number(value: Fraction) -> Param:
    return _worded(decimal_text(value))


def _worded(text: str) -> Param:
    return "words", text, text


def _phrase(name: str, /, **params: Param) -> Phrase:
    return Phrase(key=f"reverse_rule.{name}", params=params)
