"""Typed amounts: exact to the minor unit, or refused with the reason named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auction.facts import LARGEST_AMOUNT_MINOR
from market.currencies import EXPONENTS, AmountProblem, decimal_text, parse_amount

P = AmountProblem


@pytest.mark.parametrize(
    ("typed", "currency", "minor"),
    [
        ("100", "CNY", 10_000),
        ("1,234.5", "CNY", 123_450),
        ("1，234．50", "CNY", 123_450),
        ("１２３４．５", "CNY", 123_450),
        (" 1 234 567.89 ", "EUR", 123_456_789),
        ("¥12,000", "CNY", 1_200_000),
        ("12000", "JPY", 12_000),
        ("1.234", "KWD", 1_234),
        ("0.01", "USD", 1),
        ("10000000000000", "CNY", LARGEST_AMOUNT_MINOR),
    ],
)
def test_what_people_type_is_read_exactly(typed: str, currency: str, minor: int) -> None:
    assert parse_amount(typed, EXPONENTS[currency]) == minor


@pytest.mark.parametrize(
    ("typed", "currency", "problem"),
    [
        ("", "CNY", P.EMPTY),
        ("   ", "CNY", P.EMPTY),
        ("1.005", "CNY", P.TOO_MANY_DECIMALS),
        ("1.000", "CNY", P.TOO_MANY_DECIMALS),
        ("100.0", "JPY", P.TOO_MANY_DECIMALS),
        ("0", "CNY", P.NOT_POSITIVE),
        ("0.00", "CNY", P.NOT_POSITIVE),
        ("-5", "CNY", P.NOT_POSITIVE),
        ("−5", "CNY", P.NOT_POSITIVE),
        ("NaN", "CNY", P.NOT_A_NUMBER),
        ("Infinity", "CNY", P.NOT_A_NUMBER),
        ("1e5", "CNY", P.NOT_A_NUMBER),
        ("0x10", "CNY", P.NOT_A_NUMBER),
        ("1,23", "CNY", P.NOT_A_NUMBER),
        ("1,2345", "CNY", P.NOT_A_NUMBER),
        ("1.2.3", "CNY", P.NOT_A_NUMBER),
        ("٣٤", "CNY", P.NOT_A_NUMBER),
        ("十", "CNY", P.NOT_A_NUMBER),
        ("10000000000000.01", "CNY", P.TOO_LARGE),
        ("9" * 400, "CNY", P.TOO_LARGE),
    ],
)
def test_what_cannot_be_read_exactly_is_refused_by_name(typed: str, currency: str, problem: AmountProblem) -> None:
    assert parse_amount(typed, EXPONENTS[currency]) is problem


def test_zero_passes_only_where_it_is_asked_for() -> None:
    assert parse_amount("0", 2, allow_zero=True) == 0
    assert parse_amount("-0", 2, allow_zero=True) is P.NOT_POSITIVE


@given(st.integers(1, LARGEST_AMOUNT_MINOR), st.sampled_from(sorted(EXPONENTS)))
def test_what_is_shown_in_a_box_is_read_back_as_it_was(minor: int, currency: str) -> None:
    assert parse_amount(decimal_text(minor, EXPONENTS[currency]), EXPONENTS[currency]) == minor


@given(st.text(max_size=40), st.sampled_from(sorted(EXPONENTS)))
def test_no_text_whatever_breaks_the_reader(typed: str, currency: str) -> None:
    read = parse_amount(typed, EXPONENTS[currency])
    assert isinstance(read, AmountProblem) or 0 < read <= LARGEST_AMOUNT_MINOR
