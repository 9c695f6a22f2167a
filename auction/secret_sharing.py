"""Shamir's secret sharing over GF(2^8): a secret cut into n shares, any k of which give it back and k - 1 say nothing.

Adi Shamir, "How to share a secret", CACM 22 (1979). Each byte is the constant term of a random polynomial of degree
k - 1 over the field of AES (x^8 + x^4 + x^3 + x + 1); share number x holds the polynomials' values at x. Pure: the
caller says where randomness comes from. Knows nothing of what the secret is for.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from operator import xor

from msgspec import Struct

MOST_SHARES = 255


class Share(Struct, frozen=True):
    """One share: its number, which is the point 1..255 at which the polynomials were read, and their values there."""

    number: int
    value: bytes


def split(
    secret: bytes, threshold: int, count: int, random: Callable[[int], bytes] = secrets.token_bytes
) -> list[Share]:
    """`count` shares of the secret, any `threshold` of which give it back. Raises ValueError for a nonsensical k of n."""
    if not 1 <= threshold <= count <= MOST_SHARES:
        raise ValueError(f"{threshold} of {count} shares is not between 1 of 1 and {MOST_SHARES} of {MOST_SHARES}")
    coefficients = [secret, *(random(len(secret)) for _ in range(threshold - 1))]
    return [Share(number, _values_at(coefficients, number)) for number in range(1, count + 1)]


def combine(shares: Sequence[Share]) -> bytes:
    """The secret that these shares hold. Fewer than the threshold, or wrong ones, give other bytes: check what comes out.

    Raises ValueError if there are none, if two have one number, or if their lengths differ.
    """
    numbers = [share.number for share in shares]
    if not shares or len(set(numbers)) < len(numbers) or not all(1 <= number <= MOST_SHARES for number in numbers):
        raise ValueError("shares must have distinct numbers from 1 to 255")
    if len({len(share.value) for share in shares}) > 1:
        raise ValueError("shares of one secret have one length")
    weights = [_weight_at_zero(number, numbers) for number in numbers]
    columns = zip(*(share.value for share in shares), strict=True)
    return bytes(
        _sum(multiply(weight, value) for weight, value in zip(weights, column, strict=True)) for column in columns
    )


def multiply(a: int, b: int) -> int:
    """The product in the field."""
    return _EXP[_LOG[a] + _LOG[b]] if a and b else 0


def divide(a: int, b: int) -> int:
    """The quotient in the field. Raises ZeroDivisionError."""
    if not b:
        raise ZeroDivisionError
    return _EXP[_LOG[a] - _LOG[b] + 255] if a else 0


def _values_at(coefficients: Sequence[bytes], x: int) -> bytes:
    """Horner's rule, byte by byte: the constant term comes first."""
    values = bytes(len(coefficients[0]))
    for coefficient in reversed(coefficients):
        values = bytes(multiply(value, x) ^ byte for value, byte in zip(values, coefficient, strict=True))
    return values


def _weight_at_zero(number: int, numbers: Sequence[int]) -> int:
    """Lagrange's factor of one share for the value at 0. Subtraction in the field is the exclusive or."""
    weight = 1
    for other in numbers:
        if other != number:
            weight = multiply(weight, divide(other, other ^ number))
    return weight


def _sum(terms: Iterable[int]) -> int:
    return reduce(xor, terms, 0)


def _tables() -> tuple[list[int], list[int]]:
    """Powers of the generator 3, twice over so that a sum of logarithms needs no modulus, and the logarithms."""
    powers, logarithms, value = [0] * 510, [0] * 256, 1
    for exponent in range(255):
        powers[exponent] = powers[exponent + 255] = value
        logarithms[value] = exponent
        value ^= (value << 1) ^ (0x11B if value & 0x80 else 0)
    return powers, logarithms


_EXP, _LOG = _tables()
