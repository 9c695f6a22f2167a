"""Shamir's secret sharing: the field, any k of n, and that k - 1 say nothing at all."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auction.secret_sharing import Share, combine, divide, multiply, split


def carried(a: int, b: int) -> int:
    """The product by shifting and reducing, as FIPS 197 describes it (4.2): slow, and nothing to get wrong."""
    product = 0
    for bit in range(8):
        if b >> bit & 1:
            product ^= a << bit
    for bit in range(14, 7, -1):
        if product >> bit & 1:
            product ^= 0x11B << (bit - 8)
    return product


def test_the_field_is_that_of_aes() -> None:
    """The worked products of FIPS 197, 4.2 and 4.2.1, and every other one against the schoolbook."""
    assert (multiply(0x57, 0x83), multiply(0x57, 0x13), multiply(0x57, 0x10)) == (0xC1, 0xFE, 0x07)
    assert all(multiply(a, b) == carried(a, b) for a in range(256) for b in range(256))
    assert all(multiply(divide(a, b), b) == a for a in range(256) for b in range(1, 256))


def test_shares_are_the_polynomial_at_their_numbers() -> None:
    """42 + 57 x in the field, by hand: at 1 it is 42 ^ 57 = 15; at 2 it is 42 ^ ae = ec; at 10 (hex), 42 ^ 07 = 45."""
    shares = split(b"\x42", 2, 16, random=lambda length: b"\x57" * length)
    assert [shares[0].value, shares[1].value, shares[15].value] == [b"\x15", b"\xec", b"\x45"]
    assert combine([shares[15], shares[0]]) == b"\x42"


@given(st.binary(min_size=1, max_size=40), st.integers(1, 5), st.integers(0, 3), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_any_k_of_n_give_the_secret_back(secret: bytes, threshold: int, spare: int, order) -> None:  # type: ignore[no-untyped-def]
    shares = split(secret, threshold, threshold + spare, random=order.randbytes)
    for chosen in itertools.combinations(shares, threshold):
        assert combine(order.sample(chosen, threshold)) == secret
    assert combine(shares) == secret


@pytest.mark.parametrize("secret", [0, 1, 0x42, 255])
def test_one_share_of_two_is_equally_likely_for_every_secret(secret: int) -> None:
    """Over all coefficients each value of a share occurs exactly once, whatever the secret: it says nothing."""
    values = Counter(split(bytes([secret]), 2, 3, random=lambda _, c=c: bytes([c]))[2].value for c in range(256))  # type: ignore[misc]
    assert set(values.values()) == {1} and len(values) == 256


def test_two_shares_of_three_fit_every_secret() -> None:
    shares = split(b"\x07", 3, 3)
    fitting = {combine([*shares[:2], Share(3, bytes([value]))])[0] for value in range(256)}
    assert fitting == set(range(256))


@pytest.mark.parametrize(("threshold", "count"), [(0, 1), (3, 2), (1, 256)])
def test_a_nonsensical_k_of_n_is_an_error(threshold: int, count: int) -> None:
    with pytest.raises(ValueError, match=f"{threshold} of {count} shares"):
        split(b"secret", threshold, count)


@pytest.mark.parametrize(
    "shares",
    [[], [Share(1, b"a"), Share(1, b"b")], [Share(0, b"a")], [Share(1, b"a"), Share(2, b"bc")]],
    ids=["none", "one twice", "number 0", "two lengths"],
)
def test_shares_that_cannot_be_of_one_secret_are_an_error(shares: list[Share]) -> None:
    with pytest.raises(ValueError, match="shares"):
        combine(shares)
