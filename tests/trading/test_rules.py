"""What a post may say: each fault by a row, and the reader of boxes and cells."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from market.catalogue import Catalogue
from market.currencies import EXPONENTS
from market.trading.facts import AttributeType, Category, Choice, Kind
from market.trading.reading import goods_by_name, read_post, values_of
from market.trading.rules import PostFault, faults, words_of
from tests.trading.market import COIL, NOW

KIND = Category(
    code="hot_rolled_coil",
    parent="metals",
    position=1,
    name_en="Hot-rolled steel coil",
    name_zh="热轧卷板",
    unit="TNE",
    attributes=(
        AttributeType(
            code="grade",
            kind=Kind.CHOICE,
            name_en="Grade",
            name_zh="牌号",
            required=True,
            choices=(
                Choice(code="q235b", name_en="Q235B", name_zh="Q235B"),
                Choice(code="ss400", name_en="SS400 mild", name_zh="SS400 低碳"),
            ),
        ),
        AttributeType(code="width", kind=Kind.INTEGER, name_en="Width", name_zh="宽度", unit="mm"),
        AttributeType(code="prime", kind=Kind.FLAG, name_en="Prime", name_zh="一级品"),
        AttributeType(code="brand", kind=Kind.TEXT, name_en="Brand", name_zh="品牌"),
    ),
)
GROUP = Category(code="metals", parent=None, position=1, name_en="Metals", name_zh="金属", unit=None)
GOODS = goods_by_name([GROUP, KIND])
F = PostFault
CATALOGUE = Catalogue.load()


def with_attributes(**attributes: Any) -> dict[str, Any]:
    return {"attributes": {"grade": "q235b", **attributes}}


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"title_zh": "", "title_en": ""}, "title_en", F.TITLE_MISSING),
        ({"title_en": "x" * 161}, "title_en", F.TOO_LONG),
        ({"attributes": {}}, "attr_grade", F.MISSING),
        (with_attributes(grade="q999"), "attr_grade", F.NO_SUCH_CHOICE),
        (with_attributes(width="1500"), "attr_width", F.NOT_A_NUMBER),
        (with_attributes(width=True), "attr_width", F.NOT_A_NUMBER),
        (with_attributes(width=-1), "attr_width", F.OUT_OF_RANGE),
        (with_attributes(prime=1), "attr_prime", F.NOT_YES_OR_NO),
        (with_attributes(brand=" "), "attr_brand", F.MISSING),
        (with_attributes(brand="b" * 121), "attr_brand", F.TOO_LONG),
        (with_attributes(brand="Bao\u200dsteel"), "attr_brand", F.UNSEEN),
        ({"title_en": "Coil \u202egnihton"}, "title_en", F.UNSEEN),
        ({"description_zh": "一\x1b二"}, "description_zh", F.UNSEEN),
        (with_attributes(colour="red"), "attr_colour", F.UNKNOWN_ATTRIBUTE),
        ({"quantity": 0}, "quantity", F.OUT_OF_RANGE),
        ({"minimum": 301}, "minimum", F.MINIMUM_ABOVE_QUANTITY),
        ({"minimum": 10, "all_or_none": True}, "minimum", F.MINIMUM_WITH_ALL_OR_NONE),
        ({"currency": "XAU"}, "currency", F.NO_SUCH_CHOICE),
        ({"price_minor": 0}, "price", F.NOT_AN_AMOUNT),
        ({"price_minor": 10**13, "quantity": 101}, "price", F.SUM_TOO_LARGE),
        ({"country": "ZZ"}, "country", F.NO_SUCH_COUNTRY),
        ({"place": " "}, "place", F.MISSING),
        ({"latitude": 1}, "latitude", F.POINT_NOT_WHOLE),
        ({"latitude": 90_000_001, "longitude": 0}, "latitude", F.OUT_OF_RANGE),
        ({"delivery_from": date(2027, 1, 2), "delivery_to": date(2027, 1, 1)}, "delivery_to", F.WINDOW_REVERSED),
        ({"delivery_from": date(2026, 11, 1), "delivery_to": date(2026, 11, 20)}, "delivery_to", F.WINDOW_PAST),
        ({"delivery_to": date(2030, 1, 1)}, "delivery_to", F.WINDOW_TOO_FAR),
        ({"term": "FAX"}, "term", F.NO_SUCH_CHOICE),
        ({"anonymous": True, "description_en": "ask ACME  metals ltd"}, "description_en", F.NAMES_ITS_PARTY),
        ({"anonymous": True, **with_attributes(brand="ＡＣＭＥMetalsLtd")}, "attr_brand", F.NAMES_ITS_PARTY),
    ],
)
def test_each_fault_is_told_beside_its_box_in_both_languages(changes: dict[str, Any], field: str, code: F) -> None:
    found = faults(replace(COIL, **changes), KIND, NOW, party_name="Acme Metals Ltd")
    assert [(each.field, each.code) for each in found] == [(field, code)]
    for lang in ("en", "zh"):
        assert CATALOGUE.text(f"post_fault.{code.value}", lang, **found[0].params)


def test_a_whole_post_has_no_fault_and_a_name_may_stand_in_a_named_one() -> None:
    assert faults(COIL, KIND, NOW, party_name="天津") == []
    assert faults(replace(COIL, anonymous=True), KIND, NOW, party_name="ab") == []


@pytest.mark.parametrize("category", [None, GROUP, replace(KIND, retired_at=NOW)])
def test_nothing_new_is_posted_in_a_group_or_in_what_is_retired(category: Category | None) -> None:
    assert [each.code for each in faults(COIL, category, NOW)] == [F.NO_SUCH_CATEGORY]


def test_an_edit_may_keep_a_retired_category() -> None:
    assert faults(COIL, replace(KIND, retired_at=NOW), NOW, is_new=False) == []


TYPED = {**values_of(COIL), "valid_days": "30"}


@pytest.mark.parametrize(
    ("changes", "field", "wanted"),
    [
        ({"category": "热轧卷板"}, "category", "hot_rolled_coil"),
        ({"side": "求购"}, "side", "demand"),
        ({"quantity": "１，２００"}, "quantity", 1200),
        ({"price": "3,450.5"}, "price_minor", 345_050),
        ({"price": "面议"}, "price_minor", None),
        ({"country": "中国"}, "country", "CN"),
        ({"country": "germany"}, "country", "DE"),
        ({"delivery_to": "2026年12月31日"}, "delivery_to", date(2026, 12, 31)),
        ({"delivery_to": "2026/12/31"}, "delivery_to", date(2026, 12, 31)),
        ({"all_or_none": "是"}, "all_or_none", True),
        ({"attr_grade": "SS400 低碳"}, "attributes", {"grade": "ss400", "width": 1500}),
        ({"attr_prime": "no"}, "attributes", {"grade": "q235b", "width": 1500, "prime": False}),
        ({"latitude": "-31.2304", "longitude": "121.4737"}, "latitude", -31_230_400),
        ({"term": "cif"}, "term", "CIF"),
    ],
)
def test_people_may_write_as_they_write(changes: dict[str, str], field: str, wanted: Any) -> None:
    read = read_post({**TYPED, **changes}, GOODS, NOW)
    assert read.faults == [] and read.content is not None
    assert getattr(read.content, field) == wanted


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"side": ""}, "side", F.MISSING),
        ({"side": "both"}, "side", F.NO_SUCH_CHOICE),
        ({"category": "gold"}, "category", F.NO_SUCH_CATEGORY),
        ({"category": "metals"}, "category", F.NO_SUCH_CATEGORY),
        ({"quantity": "1.5"}, "quantity", F.NOT_A_NUMBER),
        ({"quantity": "1" + "0" * 30}, "quantity", F.OUT_OF_RANGE),
        ({"quantity": ""}, "quantity", F.MISSING),
        ({"price": "12.345"}, "price", F.NOT_AN_AMOUNT),
        ({"price": "-5"}, "price", F.NOT_AN_AMOUNT),
        ({"delivery_from": "31.12.2026"}, "delivery_from", F.NOT_A_DATE),
        ({"delivery_from": "2026-02-30"}, "delivery_from", F.NOT_A_DATE),
        ({"valid_days": "2"}, "valid_days", F.NO_SUCH_CHOICE),
        ({"anonymous": "maybe"}, "anonymous", F.NOT_YES_OR_NO),
        ({"attr_width": "wide"}, "attr_width", F.NOT_A_NUMBER),
        ({"attr_colour": "red"}, "attr_colour", F.UNKNOWN_ATTRIBUTE),
        ({"latitude": "north"}, "latitude", F.NOT_A_NUMBER),
    ],
)
def test_what_can_not_be_read_is_refused_and_kept_as_typed(changes: dict[str, str], field: str, code: F) -> None:
    read = read_post({**TYPED, **changes}, GOODS, NOW)
    assert read.content is None and read.of_field[field].code is code
    assert read.values == {**TYPED, **changes}
    CATALOGUE.text(f"post_fault.{code.value}", "zh", **read.of_field[field].params)


@settings(max_examples=60, deadline=None)
@given(
    st.builds(
        lambda **changes: replace(COIL, **changes),
        quantity=st.integers(1, 10**6),
        price_minor=st.none() | st.integers(1, 10**8),
        currency=st.sampled_from(sorted(set(EXPONENTS) - {"GBP"})),
        latitude=st.just(0),
        longitude=st.integers(-180_000_000, 180_000_000),
        anonymous=st.booleans(),
    )
)
def test_what_the_boxes_show_is_read_back_as_it_was(content: Any) -> None:
    assert read_post(values_of(content), GOODS, NOW).content == content


def test_a_post_is_found_by_the_words_of_its_category_and_choices() -> None:
    content = replace(COIL, attributes={"grade": "ss400", "width": 1500, "prime": True, "brand": "Baosteel"})
    words = words_of(content, KIND, GROUP)
    for word in ("热轧卷板", "Metals", "SS400 低碳", "SS400 mild", "一级品", "Baosteel", "1500"):
        assert word in words
    assert "一级品" not in words_of(replace(content, attributes={"prime": False}), KIND, GROUP)


def test_a_window_that_ends_today_anywhere_on_earth_is_not_past() -> None:
    just_after = datetime(2026, 12, 21, 11, 0, tzinfo=NOW.tzinfo)
    assert faults(COIL, KIND, just_after) == []
    assert faults(COIL, KIND, just_after + timedelta(hours=2))[0].code is F.WINDOW_PAST
