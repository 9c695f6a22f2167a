"""Sums in words, as they stand on a trade confirmation: tables in English and in Chinese financial capitals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auction.facts import LARGEST_AMOUNT_MINOR
from market.amount_words import in_words_en, in_words_zh
from market.currencies import EXPONENTS

CHINESE_YUAN = [
    (0, "零"),
    (1, "壹"),
    (10, "壹拾"),
    (11, "壹拾壹"),
    (20, "贰拾"),
    (100, "壹佰"),
    (101, "壹佰零壹"),
    (110, "壹佰壹拾"),
    (1_000, "壹仟"),
    (1_001, "壹仟零壹"),
    (1_010, "壹仟零壹拾"),
    (1_100, "壹仟壹佰"),
    (9_876, "玖仟捌佰柒拾陆"),
    (10_000, "壹万"),
    (10_001, "壹万零壹"),
    (10_010, "壹万零壹拾"),
    (10_100, "壹万零壹佰"),
    (11_000, "壹万壹仟"),
    (16_409, "壹万陆仟肆佰零玖"),
    (100_000, "壹拾万"),
    (100_001, "壹拾万零壹"),
    (107_000, "壹拾万柒仟"),
    (1_000_500, "壹佰万零伍佰"),
    (10_200_030, "壹仟零贰拾万零叁拾"),
    (100_000_000, "壹亿"),
    (100_000_001, "壹亿零壹"),
    (100_010_000, "壹亿零壹万"),
    (110_000_000, "壹亿壹仟万"),
    (1_000_000_001, "壹拾亿零壹"),
    (1_000_010_000, "壹拾亿零壹万"),
    (123_456_789_012, "壹仟贰佰叁拾肆亿伍仟陆佰柒拾捌万玖仟零壹拾贰"),
    (1_000_000_000_000, "壹万亿"),
    (1_000_100_000_000, "壹万零壹亿"),
]


@pytest.mark.parametrize(("yuan", "words"), CHINESE_YUAN)
def test_whole_yuan_are_written_in_capitals_with_one_zero_for_each_gap(yuan: int, words: str) -> None:
    assert in_words_zh(yuan * 100, "CNY") == f"人民币{words}元整"


@pytest.mark.parametrize(
    ("minor", "currency", "words"),
    [
        (10_100_50, "CNY", "人民币壹万零壹佰元伍角整"),
        (5, "CNY", "人民币伍分"),
        (50, "CNY", "人民币伍角整"),
        (15, "CNY", "人民币壹角伍分"),
        (1_05, "CNY", "人民币壹元零伍分"),
        (10_05, "CNY", "人民币壹拾元零伍分"),
        # The four examples of the People's Bank's annex, in the form without the optional zero.
        (1_409_50, "CNY", "人民币壹仟肆佰零玖元伍角整"),
        (6_007_14, "CNY", "人民币陆仟零柒元壹角肆分"),
        (1_680_32, "CNY", "人民币壹仟陆佰捌拾元叁角贰分"),
        (107_000_53, "CNY", "人民币壹拾万柒仟元伍角叁分"),
        (16_409_02, "CNY", "人民币壹万陆仟肆佰零玖元零贰分"),
        (325_04, "CNY", "人民币叁佰贰拾伍元零肆分"),
        (1_234_56, "USD", "美元壹仟贰佰叁拾肆元伍角陆分"),
        (1_000_00, "EUR", "欧元壹仟元整"),
        (88_80, "HKD", "港币捌拾捌元捌角整"),
        (0, "JPY", "日元零元整"),
        (120_000, "JPY", "日元壹拾贰万元整"),
        (1_05, "GBP", "英镑壹镑零伍便士"),
        (50, "GBP", "英镑伍拾便士"),
        (1_500, "KWD", "科威特第纳尔壹第纳尔伍佰费尔"),
        (1_050, "KWD", "科威特第纳尔壹第纳尔零伍拾费尔"),
        (2_000, "KWD", "科威特第纳尔贰第纳尔整"),
        (LARGEST_AMOUNT_MINOR, "CNY", "人民币壹拾万亿元整"),
        (LARGEST_AMOUNT_MINOR, "JPY", "日元壹仟万亿元整"),
    ],
)
def test_the_chinese_sum_follows_the_rules_of_the_peoples_bank(minor: int, currency: str, words: str) -> None:
    assert in_words_zh(minor, currency) == words


@pytest.mark.parametrize(
    ("minor", "currency", "words"),
    [
        (10_100_50, "CNY", "CNY ten thousand one hundred and 50/100"),
        (0, "CNY", "CNY zero and 00/100"),
        (5, "CNY", "CNY zero and 05/100"),
        (10_00, "CNY", "CNY ten and 00/100"),
        (101_00, "CNY", "CNY one hundred one and 00/100"),
        (1_001_00, "USD", "USD one thousand one and 00/100"),
        (10_010_00, "USD", "USD ten thousand ten and 00/100"),
        (100_000_99, "USD", "USD one hundred thousand and 99/100"),
        (21, "JPY", "JPY twenty-one"),
        (100_000_001, "JPY", "JPY one hundred million one"),
        (1_000_000_001, "JPY", "JPY one billion one"),
        (1_219_050, "KWD", "KWD one thousand two hundred nineteen and 050/1000"),
        (LARGEST_AMOUNT_MINOR, "JPY", "JPY one quadrillion"),
    ],
)
def test_the_english_sum_is_written_as_on_a_cheque(minor: int, currency: str, words: str) -> None:
    assert in_words_en(minor, currency) == words


@pytest.mark.parametrize("currency", sorted(EXPONENTS))
def test_every_currency_of_the_house_has_words(currency: str) -> None:
    assert in_words_en(12345, currency).startswith(currency)
    assert in_words_zh(12345, currency)


@pytest.mark.parametrize("words", [in_words_en, in_words_zh])
@pytest.mark.parametrize(("minor", "currency"), [(-1, "CNY"), (1, "XXX")])
def test_a_negative_sum_or_an_unknown_currency_has_no_words(words: object, minor: int, currency: str) -> None:
    assert callable(words)
    with pytest.raises(ValueError, match=r"negative|not a currency"):
        words(minor, currency)


_VALUES = {capital: digit for digit, capital in enumerate("零壹贰叁肆伍陆柒捌玖")}
_SIZES = {"拾": 10, "佰": 100, "仟": 1000}


def _read(capitals: str) -> int:
    """Reads capitals back into a number: another way than the writer's, so that the two check each other."""
    for name, size in (("亿", 10**8), ("万", 10**4)):
        high, found, low = capitals.rpartition(name)
        if found:
            return _read(high) * size + _read(low)
    total = digit = 0
    for sign in capitals:
        if sign in _SIZES:
            total, digit = total + digit * _SIZES[sign], 0
        else:
            digit = _VALUES[sign]
    return total + digit


@given(st.integers(min_value=1, max_value=LARGEST_AMOUNT_MINOR))
def test_the_chinese_sum_reads_back_as_the_same_number(yen: int) -> None:
    words = in_words_zh(yen, "JPY").removeprefix("日元").removesuffix("元整")
    assert _read(words) == yen
    assert "零零" not in words and not words.endswith("零")
