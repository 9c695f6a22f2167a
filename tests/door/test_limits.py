"""Token buckets and who counts as one address."""

from __future__ import annotations

import pytest

from market.limits import MOST_KEYS, Buckets, Rate, address_key

RATE = Rate("test", 3, 10.0)


def test_a_burst_passes_and_the_next_waits_for_its_turn() -> None:
    buckets = Buckets()
    assert [buckets.take(RATE, "a", 100.0) for _ in range(4)] == [0, 0, 0, 10.0]
    assert buckets.take(RATE, "a", 109.9) > 0
    assert buckets.take(RATE, "a", 110.0) == 0
    assert buckets.take(RATE, "a", 110.0) > 0


def test_refused_tries_do_not_lengthen_the_wait() -> None:
    buckets = Buckets()
    for _ in range(50):
        buckets.take(RATE, "a", 0.0)
    assert buckets.take(RATE, "a", 10.0) == 0


def test_one_key_does_not_use_up_anothers_places() -> None:
    buckets = Buckets()
    for _ in range(4):
        buckets.take(RATE, "a", 0.0)
    assert buckets.take(RATE, "b", 0.0) == 0


def test_a_success_given_back_is_not_counted() -> None:
    buckets = Buckets()
    for _ in range(20):
        assert buckets.take(RATE, "a", 0.0) == 0
        buckets.give_back(RATE, "a")


def test_memory_stays_bounded() -> None:
    buckets = Buckets()
    for n in range(MOST_KEYS + 100):
        buckets.take(RATE, str(n), 0.0)
    assert len(buckets._full_at) == MOST_KEYS


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::"),
        ("2001:db8:1:2:bbbb::9", "2001:db8:1:2::"),
        ("", ""),
    ],
)
def test_an_ipv6_subscriber_is_one_key(address: str, key: str) -> None:
    assert address_key(address) == key
