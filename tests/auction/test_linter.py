"""The linter names each contradiction of a draft beside its field, with figures that would be right."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from auction.facts import LARGEST_AMOUNT_MINOR, GridBase, StepBand
from auction.formats.english import judge, opening
from auction.linter import Draft, Severity
from auction.setup import SETUPS
from auction.setup.english import lint, rule_of
from market.catalogue import Catalogue
from tests.auction.english_lots import a_bid, a_lot, accepted, at, bands

NOW = at(-3600)
OVER = LARGEST_AMOUNT_MINOR + 1


def a_draft(**changes: Any) -> Draft:
    """A draft without fault: start price 100.00, step 5.00, ten minutes and then two, a deposit of a tenth."""
    faultless: dict[str, Any] = {
        "currency": "CNY",
        "currency_exponent": 2,
        "start_price_minor": 100_00,
        "steps": bands((None, 5_00)),
        "timed_seconds": 600,
        "extension_seconds": 120,
        "starts_at": at(0),
        "deposit_minor": 10_00,
    }
    return Draft(**(faultless | changes))


ROWS: list[tuple[dict[str, Any], str, str]] = [
    ({"start_price_minor": None}, "start_price_minor", "start_price_missing"),
    ({"start_price_minor": 0}, "start_price_minor", "start_price_not_positive"),
    ({"start_price_minor": OVER}, "start_price_minor", "over_cap"),
    ({"start_price_minor": 101_00}, "start_price_minor", "start_off_grid"),
    ({"steps": ()}, "steps", "step_missing"),
    ({"steps": bands((None, 0))}, "steps", "step_not_positive"),
    ({"steps": bands((None, -5))}, "steps", "step_not_positive"),
    ({"steps": bands((None, OVER))}, "steps", "over_cap"),
    ({"steps": bands((200_00, 5_00))}, "steps", "last_band_bounded"),
    ({"steps": bands((300_00, 5_00), (200_00, 10_00), (None, 20_00))}, "steps", "bands_unordered"),
    ({"steps": bands((300_00, 5_00), (300_00, 10_00), (None, 20_00))}, "steps", "bands_unordered"),
    ({"steps": bands((None, 5_00), (None, 20_00))}, "steps", "bands_unordered"),
    ({"steps": bands((100_00, 1_00), (None, 5_00))}, "steps", "band_under_start"),
    ({"steps": bands((205_00, 5_00), (None, 10_00))}, "steps", "band_off_grid"),
    ({"timed_seconds": None, "extension_seconds": None}, "timed_seconds", "no_phase"),
    ({"timed_seconds": 0}, "timed_seconds", "duration_not_positive"),
    ({"extension_seconds": -1}, "extension_seconds", "duration_not_positive"),
    ({"timed_seconds": 10**9}, "timed_seconds", "duration_too_long"),
    ({"extension_seconds": 9}, "extension_seconds", "extension_short"),
    ({"extension_seconds": 3601}, "extension_seconds", "extension_long"),
    ({"soft_close_seconds": 60}, "soft_close_seconds", "soft_close_with_delayed"),
    ({"soft_close_seconds": 60, "timed_seconds": None}, "soft_close_seconds", "soft_close_without_timed"),
    ({"soft_close_seconds": 601, "extension_seconds": None}, "soft_close_seconds", "soft_close_over_timed"),
    ({"starts_at": None}, "starts_at", "start_missing"),
    ({"starts_at": at(-3601)}, "starts_at", "start_in_past"),
    ({"starts_at": at(-3600 - 720)}, "starts_at", "end_in_past"),
    ({"cap_extensions": 3, "cap_at": at(9000)}, "cap_at", "two_caps"),
    ({"cap_extensions": 3, "extension_seconds": None}, "cap_extensions", "cap_without_extension"),
    ({"cap_at": at(9000), "extension_seconds": None}, "cap_at", "cap_without_extension"),
    ({"cap_extensions": 0}, "cap_extensions", "cap_extensions_not_positive"),
    ({"cap_at": at(500)}, "cap_at", "cap_too_early"),
    ({"cap_at": at(720)}, "cap_at", "cap_too_early"),
    ({"reserve_minor": 0}, "reserve_minor", "reserve_not_positive"),
    ({"reserve_minor": OVER}, "reserve_minor", "over_cap"),
    ({"reserve_minor": 95_00}, "reserve_minor", "reserve_under_start"),
    ({"reserve_minor": 100_00}, "reserve_minor", "reserve_is_start"),
    ({"reserve_minor": 152_00}, "reserve_minor", "reserve_off_grid"),
    ({"reserve_minor": 152_00, "grid_base": GridBase.CURRENT}, "reserve_minor", "reserve_off_grid"),
    ({"deposit_minor": -1}, "deposit_minor", "deposit_negative"),
    ({"deposit_minor": OVER}, "deposit_minor", "over_cap"),
    ({"deposit_minor": 0}, "deposit_minor", "no_deposit"),
    ({"deposit_minor": 4_99}, "deposit_minor", "deposit_share"),
    ({"deposit_minor": 20_01}, "deposit_minor", "deposit_share"),
    (
        {"options": {"only_timed_bidders": True}, "timed_seconds": None},
        "only_timed_bidders",
        "only_timed_without_phases",
    ),
    ({"options": {"buy_now_minor": 0}}, "buy_now_minor", "buy_now_not_positive"),
    ({"options": {"buy_now_minor": OVER}}, "buy_now_minor", "over_cap"),
    ({"options": {"buy_now_minor": 100_00}}, "buy_now_minor", "buy_now_under_start"),
    ({"options": {"buy_now_minor": 140_00}, "reserve_minor": 150_00}, "buy_now_minor", "buy_now_under_reserve"),
    (
        {"options": {"buy_now_minor": 140_00, "buy_now_until": "reserve_met"}},
        "buy_now_until",
        "buy_now_without_reserve",
    ),
    (
        {"options": {"retraction_seconds": 0, "retraction_closes_seconds": 60}},
        "retraction_seconds",
        "duration_not_positive",
    ),
    (
        {"options": {"retraction_seconds": 10**9, "retraction_closes_seconds": 60}},
        "retraction_seconds",
        "duration_too_long",
    ),
    ({"options": {"retraction_seconds": 60}, "timed_seconds": None}, "retraction_seconds", "retraction_without_timed"),
    (
        {"options": {"retraction_seconds": 60, "retraction_closes_seconds": 600}},
        "retraction_closes_seconds",
        "retraction_never_open",
    ),
    ({"options": {"retraction_seconds": 60}}, "retraction_closes_seconds", "retraction_to_end"),
    ({"options": {"second_offer": True}, "deposit_minor": 0}, "second_offer", "second_offer_without_deposit"),
]

WARNINGS = {
    "start_off_grid",
    "band_under_start",
    "band_off_grid",
    "extension_short",
    "extension_long",
    "reserve_is_start",
    "no_deposit",
    "retraction_to_end",
    "second_offer_without_deposit",
    "deposit_share",
}


@pytest.mark.parametrize(("changes", "field", "code"), ROWS, ids=[f"{row[1]}-{row[2]}" for row in ROWS])
def test_a_fault_is_named_beside_its_field(changes: dict[str, Any], field: str, code: str) -> None:
    found = {finding.code: finding for finding in lint(a_draft(**changes), NOW)}
    assert code in found
    assert found[code].field == field
    assert (found[code].severity is Severity.WARNING) == (code in WARNINGS)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"timed_seconds": None},
        {"extension_seconds": None},
        {"extension_seconds": None, "soft_close_seconds": 180},
        {"cap_extensions": 1},
        {"cap_at": at(721)},
        {"reserve_minor": 150_00},
        {"deposit_minor": 5_00},
        {"deposit_minor": 20_00},
        {"steps": bands((200_00, 5_00), (1000_00, 10_00), (None, 20_00)), "reserve_minor": 210_00},
        {"reserve_minor": 152_01, "grid_base": GridBase.NONE},
        {"extension_seconds": 10},
        {"extension_seconds": 3600},
    ],
)
def test_a_draft_without_fault_has_no_finding(changes: dict[str, Any]) -> None:
    assert lint(a_draft(**changes), NOW) == []


def test_errors_come_before_warnings_and_every_fault_is_named_at_once() -> None:
    draft = a_draft(start_price_minor=-1, deposit_minor=0, extension_seconds=5, reserve_minor=-3)
    found = lint(draft, NOW)
    assert [finding.code for finding in found] == [
        "start_price_not_positive",
        "reserve_not_positive",
        "extension_short",
        "no_deposit",
    ]


def test_the_figures_of_a_finding_are_themselves_right() -> None:
    (off_grid,) = lint(a_draft(reserve_minor=152_00), NOW)
    assert off_grid.params == {"under": ("money", 150_00), "over": ("money", 155_00)}
    (share,) = lint(a_draft(start_price_minor=99, steps=bands((None, 3)), deposit_minor=1), NOW)
    assert share.params == {"least": ("money", 5), "most": ("money", 19)}
    for deposit in (5, 19):
        assert lint(a_draft(start_price_minor=99, steps=bands((None, 3)), deposit_minor=deposit), NOW) == []
    (cap,) = lint(a_draft(cap_at=at(700)), NOW)
    assert cap.params == {"earliest": at(720)}


def test_every_finding_has_a_sentence_with_just_its_figures() -> None:
    catalogue, codes = Catalogue.load(), set()
    for changes, _, _ in ROWS:
        for finding in lint(a_draft(**changes), NOW):
            codes.add(f"lint.{finding.code}")
            assert catalogue.placeholders(f"lint.{finding.code}") == set(finding.params)
    others = tuple(f"lint.{name}_" for name in SETUPS if name != "english")
    assert codes == {key for key in catalogue.area("en", "lint") if not key.startswith(others)}


amounts = st.one_of(st.none(), st.integers(-5, 500), st.just(OVER))
seconds = st.one_of(st.none(), st.integers(-1, 200))


@given(
    st.builds(
        a_draft,
        start_price_minor=amounts,
        reserve_minor=amounts,
        deposit_minor=st.integers(-5, 500),
        timed_seconds=seconds,
        extension_seconds=seconds,
        soft_close_seconds=seconds,
        cap_extensions=seconds,
        cap_at=st.one_of(st.none(), st.integers(-9000, 9000).map(at)),
        starts_at=st.one_of(st.none(), st.integers(-9000, 9000).map(at)),
        grid_base=st.sampled_from(GridBase),
        options=st.fixed_dictionaries(
            {},
            optional={
                "only_timed_bidders": st.booleans(),
                "buy_now_minor": amounts,
                "buy_now_until": st.sampled_from(["first_bid", "reserve_met"]),
                "retraction_seconds": seconds,
                "retraction_closes_seconds": st.integers(-1, 200),
                "second_offer": st.booleans(),
            },
        ),
        steps=st.lists(st.builds(StepBand, below_minor=amounts, increment_minor=st.integers(-1, 60)), max_size=4).map(
            tuple
        ),
    )
)
def test_any_draft_is_read_without_an_error_and_a_clean_one_can_be_opened(draft: Draft) -> None:
    if any(finding.severity is Severity.ERROR for finding in lint(draft, NOW)):
        return
    lot = replace(a_lot(reserve=draft.reserve_minor), rule=rule_of(draft))
    first = a_bid(11, draft.start_price_minor, 0)
    assert accepted(judge(lot, opening(lot), first, admitted=True)).standing.price_minor == draft.start_price_minor
