"""What the linter says of Dutch and uniform-price drafts, and their rules in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from auction.facts import LARGEST_AMOUNT_MINOR, Lot
from auction.linter import Draft
from auction.setup import SETUPS, options_problem
from auction.setup import dutch as dutch_setup
from auction.setup import uniform as uniform_setup
from market.catalogue import Catalogue

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
FALL = {"floor_minor": 30_000, "step_minor": 10_000, "interval_seconds": 30}
SALE = {"quantity": 10, "step_minor": 1_000}
COMMON: dict[str, Any] = {
    "currency": "CNY",
    "currency_exponent": 2,
    "start_price_minor": 100_000,
    "starts_at": NOW + timedelta(hours=1),
    "deposit_minor": 10_000,
}
ROWS: list[tuple[str, str, dict[str, Any], dict[str, Any], list[str]]] = [
    ("dutch", "a good one", {}, {}, []),
    ("dutch", "no floor", {"floor_minor": None}, {}, ["dutch_floor_missing"]),
    ("dutch", "a floor of zero", {"floor_minor": 0}, {}, ["dutch_floor_not_positive"]),
    ("dutch", "a floor at the start", {"floor_minor": 100_000}, {}, ["dutch_floor_over_start"]),
    ("dutch", "no step", {"step_minor": None}, {}, ["step_missing"]),
    ("dutch", "a step of zero", {"step_minor": 0}, {}, ["step_not_positive"]),
    ("dutch", "a step above the cap", {"step_minor": LARGEST_AMOUNT_MINOR + 1}, {}, ["over_cap"]),
    ("dutch", "a shorter last step", {"step_minor": 20_000}, {}, ["dutch_last_step_shorter"]),
    ("dutch", "no pace", {"interval_seconds": None}, {}, ["dutch_no_pace"]),
    ("dutch", "two paces", {"fall_seconds": 60}, {}, ["dutch_two_paces"]),
    ("dutch", "a length of no time", {"floor_seconds": 0}, {}, ["duration_not_positive"]),
    ("dutch", "a stay of years", {"floor_seconds": 10**9}, {}, ["duration_too_long"]),
    ("dutch", "an interval of years", {"interval_seconds": 10**9}, {}, ["duration_too_long"]),
    ("dutch", "a fall of years", {"step_minor": 1, "interval_seconds": 86_400}, {}, ["duration_too_long", "dutch_many_steps"]),
    ("dutch", "half a second a step", {"interval_seconds": None, "fall_seconds": 3}, {}, ["dutch_step_under_second"]),
    ("dutch", "two seconds a step", {"interval_seconds": 2}, {}, ["dutch_step_short"]),
    ("dutch", "a hidden reserve", {}, {"reserve_minor": 50_000}, ["dutch_reserve_is_floor"]),
    ("dutch", "no start price", {}, {"start_price_minor": None}, ["start_price_missing"]),
    ("dutch", "a start in the past", {}, {"starts_at": NOW}, ["start_in_past"]),
    ("dutch", "no deposit", {}, {"deposit_minor": 0}, ["no_deposit"]),
    ("uniform", "a good one", {}, {}, []),
    ("uniform", "no quantity", {"quantity": None}, {}, ["uniform_quantity_missing"]),
    ("uniform", "no units", {"quantity": 0}, {}, ["uniform_quantity_out_of_range"]),
    ("uniform", "one unit", {"quantity": 1}, {}, ["uniform_one_unit"]),
    ("uniform", "no bids", {"bids_per_bidder": 0}, {}, ["uniform_bids_out_of_range"]),
    ("uniform", "no step", {"step_minor": None}, {}, ["step_missing"]),
    ("uniform", "a negative step", {"step_minor": -1}, {}, ["step_not_positive"]),
    ("uniform", "a step above the cap", {"step_minor": LARGEST_AMOUNT_MINOR + 1}, {}, ["over_cap"]),
    ("uniform", "a total above the cap", {}, {"start_price_minor": LARGEST_AMOUNT_MINOR // 2}, ["uniform_total_over_cap", "uniform_deposit_share"]),
    ("uniform", "a deposit for all units", {}, {"deposit_minor": 200_000}, []),
    ("uniform", "a deposit above that", {}, {"deposit_minor": 200_001}, ["uniform_deposit_share"]),
    ("uniform", "no length", {}, {"timed_seconds": None}, ["uniform_no_length"]),
    ("uniform", "no time", {}, {"timed_seconds": 0}, ["duration_not_positive"]),
    ("uniform", "years", {}, {"timed_seconds": 10**9}, ["duration_too_long"]),
    ("uniform", "an end in the past", {}, {"starts_at": NOW - timedelta(days=3)}, ["end_in_past"]),
    ("uniform", "a reserve of zero", {}, {"reserve_minor": 0}, ["reserve_not_positive"]),
    ("uniform", "a reserve above the cap", {}, {"reserve_minor": LARGEST_AMOUNT_MINOR + 1}, ["over_cap"]),
    ("uniform", "a reserve under the start", {}, {"reserve_minor": 99_000}, ["reserve_under_start"]),
    ("uniform", "a reserve at the start", {}, {"reserve_minor": 100_000}, ["reserve_is_start"]),
    ("uniform", "a reserve between steps", {}, {"reserve_minor": 100_500}, ["reserve_off_grid"]),
]  # fmt: skip


def a_draft(name: str, options: dict[str, Any] | None = None, **common: Any) -> Draft:
    whole = {**(FALL if name == "dutch" else SALE), **(options or {})}
    fields: dict[str, Any] = {**COMMON, "timed_seconds": None if name == "dutch" else 3600, **common}
    return Draft(format=name, options={key: value for key, value in whole.items() if value is not None}, **fields)


@pytest.mark.parametrize(
    ("name", "options", "common", "codes"), [(r[0], *r[2:]) for r in ROWS], ids=[f"{r[0]}: {r[1]}" for r in ROWS]
)
def test_the_linter_names_what_is_wrong(
    name: str, options: dict[str, Any], common: dict[str, Any], codes: list[str]
) -> None:
    catalogue = Catalogue.load()
    findings = SETUPS[name].lint(a_draft(name, options, **common), NOW)
    assert sorted(finding.code for finding in findings) == sorted(codes)
    for finding in findings:
        assert catalogue.placeholders(f"lint.{finding.code}") == set(finding.params)


def test_a_draft_is_whole_only_with_all_its_figures() -> None:
    for name, needed in (("dutch", FALL), ("uniform", SALE)):
        assert SETUPS[name].is_whole(a_draft(name))
        for option in needed:
            assert not SETUPS[name].is_whole(a_draft(name, {option: None}))
    for beyond in ({"interval_seconds": 10**18}, {"floor_seconds": 10**18}):
        draft = a_draft("dutch", beyond)
        assert not SETUPS["dutch"].is_whole(draft), "its end is in no calendar"
        assert "duration_too_long" in {finding.code for finding in SETUPS["dutch"].lint(draft, NOW)}


def test_the_floor_stands_for_one_step_unless_set_otherwise() -> None:
    assert dutch_setup.rule_of(a_draft("dutch")).floor_seconds == 30
    even = a_draft("dutch", {"interval_seconds": None, "fall_seconds": 100})
    assert dutch_setup.rule_of(even).floor_seconds == 15
    assert dutch_setup.rule_of(a_draft("dutch", {"floor_seconds": 600})).floor_seconds == 600


def test_unknown_options_and_options_of_another_kind_are_refused() -> None:
    assert options_problem("dutch", {"floor": 1}) and options_problem("uniform", {"quantity": "ten"})
    assert options_problem("uniform", {"pricing": "second"}) and options_problem("dutch", dict(FALL)) is None


def _lots(name: str) -> list[Lot]:
    drafts = [
        *((a_draft("dutch"), a_draft("dutch", {"interval_seconds": None, "fall_seconds": 600})) if name == "dutch" else ()),
        *(
            a_draft("uniform", {"pricing": pricing, "marginal": marginal, "allows_all_or_none": aon, "bids_per_bidder": bids})
            for pricing, marginal, aon, bids in (("lowest_accepted", "time", True, 1), ("highest_rejected", "pro_rata", False, 5))
            if name == "uniform"
        ),
    ]  # fmt: skip
    setup: Any = dutch_setup if name == "dutch" else uniform_setup
    plain = [
        Lot(
            id=7,
            seller_id=1,
            currency="CNY",
            currency_exponent=2,
            rule=setup.rule_of(draft),
            starts_at=COMMON["starts_at"],
            deposit_minor=draft.deposit_minor,
        )
        for draft in drafts
    ]
    return [*plain, replace(plain[0], reserve_minor=123_457, deposit_minor=0)]


@pytest.mark.parametrize("name", ["dutch", "uniform"])
def test_every_phrase_has_a_sentence_with_just_its_figures_and_no_sentence_is_idle(name: str) -> None:
    catalogue, used = Catalogue.load(), set()
    for lot in _lots(name):
        phrases = [*SETUPS[name].words(lot), *SETUPS[name].short_words(lot)]
        assert "123457" not in repr(phrases)
        for phrase in phrases:
            used.add(phrase.key)
            assert catalogue.placeholders(phrase.key) == set(phrase.params), phrase.key
    assert {key for key in used if key.startswith(f"{name}_rule.")} == set(catalogue.area("en", f"{name}_rule"))
