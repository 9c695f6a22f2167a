"""References survive how people type them, and a wrong character never names somebody else's payment."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escrow.references import ALPHABET, Purpose, check_character, find_reference, new_reference
from escrow.wallet import number_is_right, plain_number

codes = st.builds(
    lambda purpose, body: f"GH-{purpose}-{body}{check_character(body, purpose)}",
    st.sampled_from(["D", "P"]),
    st.text(ALPHABET, min_size=5, max_size=5),
)


def test_a_new_reference_is_found_again() -> None:
    for purpose in (Purpose.DEPOSIT, Purpose.CASE):
        reference = new_reference(purpose)
        assert find_reference(reference) == reference and reference[3] == purpose


def _full_width(code: str) -> str:
    """As a Chinese keyboard writes it."""
    return "".join(chr(ord(sign) + 0xFEE0) for sign in code)


@pytest.mark.parametrize("dash", ["\u2010", "\u2011", "\u2013", "\u2014", "\u2212", "\uff0d"])
def test_any_dash_will_do(dash: str) -> None:
    reference = new_reference(Purpose.CASE)
    assert find_reference(reference.replace("-", dash)) == reference


@given(codes)
def test_a_reference_is_found_in_what_people_type(code: str) -> None:
    for written in (
        code.lower(),
        code.replace("-", ""),
        code.replace("-", " "),
        f"Lot 12, {code}.",
        f"货款{code}谢谢",
        _full_width(code),
    ):
        assert find_reference(written) == code


@given(codes, st.integers(5, 10), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_always_noticed(code: str, place: int, letter: str) -> None:
    wrong = code[:place] + letter + code[place + 1 :]
    assert find_reference(wrong) == (code if wrong == code else None)


@given(codes, st.integers(5, 9))
def test_two_swapped_characters_are_always_noticed(code: str, place: int) -> None:
    swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    assert find_reference(swapped) == (code if swapped == code else None)


@given(codes)
def test_a_deposits_code_is_never_a_cases(code: str) -> None:
    other = code.replace("GH-D", "GH-X").replace("GH-P", "GH-D").replace("GH-X", "GH-P")
    assert find_reference(other) is None


@pytest.mark.parametrize("text", ["", "hello", "GH-P-", "GH-P-222", "GH-P-0O1IL2", "GHP", "PAYMENT FOR LOT 12"])
def test_what_is_no_reference_is_none(text: str) -> None:
    assert find_reference(text) is None


@pytest.mark.parametrize(
    ("typed", "right"),
    [
        ("DE89 3704 0044 0532 0130 00", True),
        ("de89370400440532013000", True),
        ("DE88 3704 0044 0532 0130 00", False),
        ("6222 0202 0001 2345 678", True),
        ("12", False),
        ("账号12345678", False),
    ],
)
def test_an_account_number_is_checked_where_it_carries_check_digits(typed: str, right: bool) -> None:
    assert number_is_right(plain_number(typed)) is right
