"""Which cards a wallet takes, one row a refusal; no refusal and no repr repeats a number."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escrow.vault.cards import BRANDS, Card, brand_of, passes_luhn, read_card, read_label
from escrow.vault_facts import VaultRefusal

NOW = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)
GOOD = {"number": "4111111111111111", "expiry_month": "11", "expiry_year": "2026", "holder": "Ann Lee"}


@pytest.mark.parametrize(
    ("number", "brand"),
    [
        ("4111111111111111", "visa"),
        ("4242 4242 4242 4242", "visa"),
        ("5555-5555-5555-4444", "mastercard"),
        ("2223003122003222", "mastercard"),
        ("6200000000000005", "unionpay"),
        ("8171999927660000", "unionpay"),
        ("378282246310005", "amex"),
        ("3530111333300000", "jcb"),
        ("6011111111111117", "discover"),
        ("30569309025904", "diners"),
        ("2200000000000004", "mir"),
    ],
)
def test_a_good_card_is_read_with_its_brand(number: str, brand: str) -> None:
    card = read_card({**GOOD, "number": number}, NOW)
    assert isinstance(card, Card) and card.brand == brand and card.number == number.replace(" ", "").replace("-", "")
    assert card.last4 == number[-4:] and card.expiry == "2026-11"
    assert repr(card) == f"Card({brand} …{number[-4:]})"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"number": ""}, VaultRefusal.CARD_NUMBER_MALFORMED),
        ({"number": "4111 1111 111"}, VaultRefusal.CARD_NUMBER_MALFORMED),
        ({"number": "4" * 20}, VaultRefusal.CARD_NUMBER_MALFORMED),
        ({"number": "４１１１１１１１１１１１１１１１"}, VaultRefusal.CARD_NUMBER_MALFORMED),
        ({"number": "4111111111111112"}, VaultRefusal.CARD_NUMBER_MISTYPED),
        ({"number": "4111111111111131"}, VaultRefusal.CARD_NUMBER_MISTYPED),
        ({"number": "9999999999999995"}, VaultRefusal.CARD_BRAND_UNKNOWN),
        ({"number": "51000000000008"}, VaultRefusal.CARD_NUMBER_LENGTH),
        ({"expiry_month": "13"}, VaultRefusal.CARD_EXPIRY_MALFORMED),
        ({"expiry_month": "0"}, VaultRefusal.CARD_EXPIRY_MALFORMED),
        ({"expiry_month": "x"}, VaultRefusal.CARD_EXPIRY_MALFORMED),
        ({"expiry_year": "202"}, VaultRefusal.CARD_EXPIRY_MALFORMED),
        ({"expiry_year": "2052"}, VaultRefusal.CARD_EXPIRY_MALFORMED),
        ({"expiry_month": "10"}, VaultRefusal.CARD_EXPIRED),
        ({"expiry_year": "25"}, VaultRefusal.CARD_EXPIRED),
        ({"holder": ""}, VaultRefusal.CARD_HOLDER_MALFORMED),
        ({"holder": "A" * 27}, VaultRefusal.CARD_HOLDER_MALFORMED),
        ({"holder": "4111 1111 1111 1111"}, VaultRefusal.CARD_HOLDER_MALFORMED),
    ],
    ids=lambda value: "-".join([*value, *value.values()])[:40] if isinstance(value, dict) else None,
)
def test_a_poor_card_is_refused_by_name(changed: dict[str, str], expected: VaultRefusal) -> None:
    assert read_card({**GOOD, **changed}, NOW) is expected


def test_a_card_is_good_until_its_month_ends() -> None:
    assert isinstance(read_card(GOOD, NOW), Card)
    assert read_card(GOOD, NOW.replace(month=12, day=1)) is VaultRefusal.CARD_EXPIRED


@pytest.mark.parametrize(
    "label",
    ["4111111111111111", "my 4111 1111 1111 1111", "4111-1111.1111-1111", "４１１１１１１１１１１１１１１１", "x" * 41],
)
def test_a_label_is_no_place_for_a_number(label: str) -> None:
    assert read_label(label) is VaultRefusal.CARD_LABEL_MALFORMED


def test_a_label_is_one_plain_line() -> None:
    assert read_label("  for\n\u202ewatches\u200b ") == "for watches"


@settings(max_examples=50, deadline=None)
@given(st.text(alphabet="0123456789", min_size=11, max_size=18), st.integers(0, 18), st.integers(1, 9))
def test_any_one_wrong_digit_is_found(start: str, place: int, by: int) -> None:
    number = next(start + digit for digit in "0123456789" if passes_luhn(start + digit))
    place %= len(number)
    wrong = number[:place] + str((int(number[place]) + by) % 10) + number[place + 1 :]
    assert not passes_luhn(wrong)


def test_no_two_brands_claim_the_same_digits() -> None:
    for digits in range(1000, 10_000):
        claims = [
            brand
            for brand, (ranges, _) in BRANDS.items()
            if any(low <= int(str(digits)[: len(str(low))]) <= high for low, high in ranges)
        ]
        assert len(claims) <= 1, digits
        assert brand_of(f"{digits}00000000") == (claims[0] if claims else None)
