"""Setting up a sealed lot: every finding, and the rule in words, complete in both languages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from auction.facts import Lot, StepBand
from auction.formats.sealed import Pricing
from auction.linter import Draft
from auction.setup import options_problem, sealed
from market.catalogue import Catalogue
from tests.auction.sealed_lots import START, a_lot, at

NOW = START - timedelta(hours=1)
STEP = StepBand(increment_minor=50)
WHOLE = Draft(
    currency="CNY",
    currency_exponent=2,
    start_price_minor=1000,
    timed_seconds=3600,
    starts_at=START,
    deposit_minor=100,
    format="sealed",
)

FINDINGS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("whole", {}, []),
    ("with a step", {"steps": (STEP,)}, []),
    ("a reserve off the grid can still be the price", {"steps": (STEP,), "reserve_minor": 1001}, []),
    ("no start price", {"start_price_minor": None}, ["start_price_missing"]),
    ("no end", {"timed_seconds": None}, ["sealed_no_end"]),
    ("an extension", {"extension_seconds": 60}, ["sealed_no_extension"]),
    ("two bands", {"steps": (StepBand(below_minor=2000, increment_minor=50), STEP)}, ["sealed_one_step"]),
    ("a step of zero", {"steps": (StepBand(increment_minor=0),)}, ["step_not_positive"]),
    ("a reserve under the start", {"reserve_minor": 999}, ["reserve_under_start"]),
    ("in the past", {"starts_at": NOW - timedelta(hours=2)}, ["end_in_past"]),
    ("one officer", {"options": {"officers": 1}}, ["sealed_officers"]),
    ("one is enough", {"options": {"threshold": 1}}, ["sealed_threshold"]),
    ("more than there are", {"options": {"threshold": 4}}, ["sealed_threshold"]),
    ("all are needed", {"options": {"threshold": 3}}, ["sealed_all_needed"]),
    ("no time for the opening", {"options": {"opening_seconds": 60}}, ["sealed_opening"]),
]


@pytest.mark.parametrize(("changes", "codes"), [row[1:] for row in FINDINGS], ids=[row[0] for row in FINDINGS])
def test_the_linter_names(changes: dict[str, Any], codes: list[str]) -> None:
    found = sealed.lint(replace(WHOLE, **changes), NOW)
    assert [finding.code for finding in found] == codes
    catalogue = Catalogue.load()
    for finding in found:
        assert catalogue.placeholders(f"lint.{finding.code}") == set(finding.params)


LOTS = {
    "second price": replace(a_lot(reserve=500, step_minor=50), deposit_minor=20),
    "first price": a_lot(pricing=Pricing.FIRST),
}


@pytest.mark.parametrize("lot", LOTS.values(), ids=LOTS.keys())
def test_every_phrase_has_a_sentence_with_just_its_figures(lot: Lot) -> None:
    catalogue = Catalogue.load()
    for phrase in [*sealed.words(lot), *sealed.short_words(lot)]:
        assert catalogue.placeholders(phrase.key) == set(phrase.params)
    assert "500" not in repr(sealed.words(lot))


def test_every_sentence_of_the_rule_is_said_of_some_lot() -> None:
    said = {phrase.key for lot in LOTS.values() for phrase in [*sealed.words(lot), *sealed.short_words(lot)]}
    assert {key for key in said if key.startswith("sealed_rule.")} == set(Catalogue.load().area("en", "sealed_rule"))


def test_the_rule_is_what_the_draft_says() -> None:
    options = {"pricing": "first", "threshold": 3, "officers": 5, "opening_seconds": 7200}
    rule = sealed.rule_of(replace(WHOLE, steps=(STEP,), options=options))
    assert (rule.pricing, rule.threshold, rule.officers, rule.step_minor) == (Pricing.FIRST, 3, 5, 50)
    assert (rule.public_key, rule.opening_seconds, at(0)) == ("", 7200, START)


def test_a_seller_cannot_bring_a_key_of_his_own() -> None:
    """Whoever chose the key could read the bids: it comes from the ceremony alone."""
    assert options_problem("sealed", {"public_key": "BBBB"}) is not None
    assert options_problem("sealed", {"pricing": "third"}) is not None
    assert options_problem("sealed", {"threshold": 2}) is None
