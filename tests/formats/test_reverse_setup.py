"""The buyer's editor of a reverse auction: what is typed becomes the rule, what contradicts itself is named, and the words."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from auction.formats.reverse import ReverseRule
from auction.linter import Severity
from auction.setup import options_problem, rule_in_words, short_rule
from market import listings
from market.catalogue import Catalogue
from market.formats.reverse import FIELD_OF_FINDING
from market.listing_facts import ListingContent
from market.lot_form import read_lot, values_of
from market.pages.sell import plain_rule_sentences, rule_sentences
from tests.sell.stall import NOW

TYPED = {
    "format": "reverse",
    "currency": "CNY",
    "zone": "UTC",
    "title_en": "Steel plate",
    "start_price": "500,000",
    "decrement": "100",
    "front_buffer": "500",
    "back_buffer": "200",
    "reserve": "480000",
    "deposit": "25000",
    "visibility": "rank_and_lead",
    "buyer_sees": "at_close",
    "top_count": "3",
    "extends_when": "rises",
    "timed_value": "2",
    "timed_unit": "hours",
    "soft_close_value": "3",
    "soft_close_unit": "minutes",
    "starts_at": "2026-03-03T09:00",
    "attribute_0_name_zh": "交货期",
    "attribute_0_name_en": "Delivery time",
    "attribute_0_unit_zh": "天",
    "attribute_0_unit_en": "days",
    "attribute_0_better": "lower",
    "attribute_0_counts": "money",
    "attribute_0_weight": "1/3",
    "attribute_0_lowest": "７",
    "attribute_0_highest": "60",
    "attribute_3_name_zh": "质量",
    "attribute_3_name_en": "Quality",
    "attribute_3_unit_en": "points",
    "attribute_3_better": "higher",
    "attribute_3_counts": "factor",
    "attribute_3_weight": "0.5",
    "attribute_3_lowest": "0",
    "attribute_3_highest": "100",
    "attribute_3_floor": "60",
}


def typed(**changes: str) -> ListingContent:
    read = read_lot({**TYPED, **changes})
    assert read.errors == {}
    return read.content


def rule_of(content: ListingContent) -> ReverseRule:
    rule = listings.lot_of_content(content, 1, 2).rule
    assert isinstance(rule, ReverseRule)
    return rule


def test_what_is_typed_becomes_the_rule_exactly() -> None:
    rule = rule_of(typed())
    assert (rule.start_price_minor, rule.decrement_minor, rule.front_buffer_minor, rule.back_buffer_minor) == (
        50_000_000,
        10_000,
        50_000,
        20_000,
    )
    assert (rule.visibility, rule.buyer_sees, rule.top_count, rule.extends_when) == (
        "rank_and_lead",
        "at_close",
        3,
        "rises",
    )
    days, quality = rule.attributes
    assert (days.key, days.weight_numerator, days.weight_denominator, days.lowest) == ("delivery_time", 100, 3, "7")
    assert (quality.key, quality.weight_numerator, quality.weight_denominator, quality.floor) == (
        "quality",
        1,
        200,
        "60",
    )


def test_the_form_of_a_stored_lot_reads_back_as_the_same_lot() -> None:
    content = typed()
    again = read_lot(values_of(content))
    assert again.errors == {} and again.content == content


def test_what_is_wrong_is_said_beside_its_box() -> None:
    read = read_lot({**TYPED, "attribute_0_weight": "-1", "attribute_3_lowest": "1e3", "decrement": "0.001"})
    assert read.errors == {
        "attribute_0_weight": "reverse_form.bad_weight",
        "attribute_3_lowest": "reverse_form.bad_decimal",
        "decrement": "amount_problem.too_many_decimals",
    }


def codes(content: ListingContent) -> set[str]:
    return {finding.code for finding in listings.findings_of(content, NOW)}


def with_attribute(**changes: Any) -> ListingContent:
    content = typed()
    options = {**content.options, "attributes": [{**content.options["attributes"][0], **changes}]}
    return replace(content, options=options)


def with_options(**changes: Any) -> ListingContent:
    content = typed()
    return replace(content, options={**content.options, **changes})


WRONG: list[tuple[str, ListingContent]] = [
    ("reverse_ceiling_missing", typed(start_price="")),
    ("reverse_decrement_missing", typed(decrement="")),
    ("reverse_decrement_too_large", typed(decrement="300000")),
    ("reverse_buffer_too_large", typed(front_buffer="500000")),
    ("reverse_reserve_over_ceiling", typed(reserve="500000.01")),
    ("reverse_reserve_is_ceiling", typed(reserve="500000")),
    ("reverse_front_buffer_hints", typed(visibility="rank_only")),
    ("reverse_no_length", typed(timed_value="")),
    ("reverse_no_overtime", typed(soft_close_value="")),
    ("soft_close_over_timed", typed(timed_value="1", soft_close_value="61")),
    ("cap_without_extension", typed(soft_close_value="", cap="extensions", cap_extensions="3")),
    ("deposit_share", typed(deposit="1")),
    ("reverse_top_out_of_range", with_options(top_count=101)),
    ("reverse_attribute_twice", with_options(attributes=typed().options["attributes"] * 2)),
    ("reverse_too_many_attributes", with_options(attributes=typed().options["attributes"] * 4)),
    ("reverse_attribute_key", with_attribute(key="Days!")),
    ("reverse_attribute_name", with_attribute(name_en="", name_zh="")),
    ("reverse_attribute_one_language", with_attribute(name_zh="")),
    ("reverse_attribute_long", with_attribute(name_zh="长" * 61)),
    ("reverse_attribute_unit", with_attribute(unit_en="", unit_zh="")),
    ("reverse_weight", with_attribute(weight_denominator=0)),
    ("reverse_range", with_attribute(lowest="60")),
    ("reverse_floor", with_attribute(floor="61")),
]


@pytest.mark.parametrize(("code", "content"), WRONG, ids=[row[0] for row in WRONG])
def test_the_linter_names_it(code: str, content: ListingContent) -> None:
    assert code in codes(content) - codes(typed())
    fields = {finding.field for finding in listings.findings_of(content, NOW)}
    assert fields <= FIELD_OF_FINDING.keys()


def test_a_plain_purchase_has_no_findings_that_block_it() -> None:
    assert [one for one in listings.findings_of(typed(), NOW) if one.severity is Severity.ERROR] == []
    bare = {name: text for name, text in TYPED.items() if not name.startswith("attribute_")}
    assert rule_of(read_lot(bare).content).attributes == ()


def test_every_rule_has_its_words_in_both_languages() -> None:
    catalogue = Catalogue.load()
    contents = [
        typed(
            visibility=visibility,
            top_count=top,
            extends_when=when,
            soft_close_value=window,
            cap=cap,
            cap_extensions="2",
        )
        for visibility in ("rank_only", "rank_and_lead", "lead_only")
        for top, when in (("1", "enters"), ("3", "rises"))
        for window, cap in (("", "none"), ("3", "extensions"))
    ]
    for content in contents:
        lot = listings.lot_of_content(content, 1, 2)
        words = rule_sentences(lot, catalogue)
        assert len(words["en"]) == len(words["zh"]) == len(rule_in_words(lot))
        assert "480,000" not in " ".join(plain_rule_sentences(lot, catalogue)["en"])
        assert short_rule(lot)
    said = " ".join(plain_rule_sentences(listings.lot_of_content(typed(), 1, 2), catalogue)["en"])
    assert "Delivery time (days): from 7 to 60, lower is better. Each one above 7 adds CNY 1/3." in said
    assert "Quality (points): from 0 to 100, higher is better. Each one below 100 adds 0.5 % of the price." in said


def test_options_that_programs_send_are_held_to_their_shape() -> None:
    good = typed().options
    assert options_problem("reverse", good) is None
    assert "colour" in str(options_problem("reverse", {**good, "colour": 1}))
    assert "visibility" in str(options_problem("reverse", {**good, "visibility": "all"}))
    one = {**good["attributes"][0], "weight_numerator": 0.5}
    assert "weight_numerator" in str(options_problem("reverse", {**good, "attributes": [one]}))


def test_a_misspelt_member_of_an_attribute_is_refused_and_not_forgotten() -> None:
    days = {"key": "days", "name_en": "Days", "name_zh": "天", "better": "lower", "weight_numerator": 1, "lowest": "1"}
    problem = options_problem("reverse", {"attributes": [{**days, "highest": "9", "weigth": 5}]})
    assert problem is not None and "weigth" in problem
