"""Filters as an address has them: each wrong one is told with what would be right, and the rest stays."""

from __future__ import annotations

from datetime import date
from urllib.parse import parse_qsl

import pytest

from market.catalogue import Catalogue
from market.trading.filter_reading import FilterFault, read_filters
from market.trading.filters import PostFilters, Range, needles
from market.trading.hanzi import SIMPLIFIED, simplified
from tests.trading.test_rules import GROUP, KIND

F = FilterFault
ALL = [GROUP, KIND]
CATALOGUE = Catalogue.load()
STEEL = "category=hot_rolled_coil&"


@pytest.mark.parametrize(
    ("query", "name", "fault"),
    [
        ("colour=red", "colour", F.UNKNOWN),
        ("side=supply&side=demand", "side", F.TWICE),
        (f"q={'钢' * 101}", "q", F.TOO_LONG),
        ("side=sideways", "side", F.NO_SUCH_CHOICE),
        ("sort=best", "sort", F.NO_SUCH_CHOICE),
        ("priced=yes", "priced", F.NO_SUCH_CHOICE),
        ("term=FOBB", "term", F.NO_SUCH_CHOICE),
        ("currency=GBP", "currency", F.NO_SUCH_CHOICE),
        ("category=steel", "category", F.NO_SUCH_CATEGORY),
        ("country=ZZ", "country", F.NO_SUCH_COUNTRY),
        (STEEL + "attr_grade=q999", "attr_grade", F.NO_SUCH_CHOICE),
        (STEEL + "attr_colour=red", "attr_colour", F.NO_SUCH_ATTRIBUTE),
        (STEEL + "attr_width=5", "attr_width", F.NO_SUCH_ATTRIBUTE),
        (STEEL + "attr_brand=x", "attr_brand", F.IN_WORDS),
        (STEEL + "attr_width_from=10²", "attr_width_from", F.NOT_A_NUMBER),
        (STEEL + "attr_width_from=9&attr_width_to=8", "attr_width_to", F.REVERSED),
        ("attr_grade=q235b", "attr_grade", F.GOODS_FIRST),
        ("category=metals&attr_grade=q235b", "attr_grade", F.GOODS_FIRST),
        ("quantity_from=1,5", "quantity_from", F.NOT_A_NUMBER),
        ("quantity_from=0", "quantity_from", F.OUT_OF_RANGE),
        ("price_from=9", "price_from", F.NEEDS_CURRENCY),
        ("currency=JPY&price_to=9.5", "price_to", F.NOT_AN_AMOUNT),
        ("currency=CNY&price_from=9.01&price_to=9", "price_to", F.REVERSED),
        ("delivery_from=2026-W49-1", "delivery_from", F.NOT_A_DATE),
        ("delivery_from=2026-12-02&delivery_to=2026-12-01", "delivery_to", F.REVERSED),
        ("page=two", "page", F.NOT_A_NUMBER),
        ("page=26", "page", F.OUT_OF_RANGE),
    ],
)
def test_a_wrong_filter_is_told_and_the_rest_stays(query: str, name: str, fault: FilterFault) -> None:
    read = read_filters(parse_qsl(f"country=CN&{query}" if "country" not in query else query), ALL)
    (wrong,) = read.wrong
    assert (wrong.name, wrong.fault) == (name, fault)
    for lang in ("en", "zh"):
        assert "{" not in CATALOGUE.text(f"filter_fault.{fault.value}", lang, value=wrong.typed, **wrong.params)
    assert read.filters.country == ("" if name == "country" else "CN")
    kept = read_filters(parse_qsl(read.filters.query()), ALL)
    assert kept == type(read)(filters=read.filters)


def test_what_is_typed_in_another_way_means_the_same() -> None:
    typed = "q= 钢　卷 &currency=kwd&price_from=１.０５０&term=fob&country=中国&quantity_from=1,500&attr_prime=0&lang=zh&priced=0"
    wanted = PostFilters(
        q="钢 卷", category="hot_rolled_coil", currency="KWD", price_from=1_050, term="FOB", country="CN", quantity_from=1_500,
        attributes={"prime": False}, ranges=(Range(code="width", most=9),), delivery_to=date(2026, 12, 1),
    )  # fmt: skip
    asked = f"{typed}&{STEEL}attr_width_to=9&delivery_to=2026-12-01"
    assert read_filters(parse_qsl(asked), ALL) == read_filters(parse_qsl(wanted.query()), ALL)
    assert read_filters(parse_qsl(asked), ALL).filters == wanted


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("Coils", ["coil"]),
        ("hot-rolled COIL", ["coil", "hot", "rolled"]),
        ("batteries boxes glass gas series", ["batter", "box", "gas", "glass", "serie"]),
        ("battery day toy urea", ["batter", "day", "toy", "urea"]),
        ("potatoes shoes", ["potato", "shoe"]),
        ("A-1 6204-2RS", ["2rs", "6204", "a-1"]),
        ("ＳＳ４００ 热轧", ["ss400", "热轧"]),
        ("熱軋鋼捲 銅", ["热轧钢卷", "铜"]),
        ("-5 c++ 's", ["'s", "-5", "c++"]),
    ],
)
def test_words_are_looked_up_in_their_plain_form(typed: str, wanted: list[str]) -> None:
    assert needles(typed) == wanted


def test_the_table_of_characters_leads_from_traditional_to_simplified_ones_and_no_further() -> None:
    for letter, plain in SIMPLIFIED.items():
        assert chr(letter).encode("big5") and plain.encode("gb2312")
        assert simplified(plain) == plain
