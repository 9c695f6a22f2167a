"""The bounds of the bidding path: how fast a party may bid, and how much may wait. Full means refused, never dropped.

What came first is judged first, so a lot's queue can't be made fair by turning parties about. It is fair by shares: a
party may have `burst` bids waiting on a lot, and one that floods is refused while the places of all others stay free. Between lots each batch takes an equal share.
"""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv6Address, ip_address

from msgspec import Struct

FORGET_ABOVE = 50_000


class Limits(Struct, frozen=True, kw_only=True):
    """`bids_per_second` and `burst` are per party, and no more than `burst` of its bids wait on one lot; the queues are
    per node and per lot; a batch is one statement.
    """

    bids_per_second: float = 5.0
    burst: int = 10
    queue_total: int = 20_000
    queue_per_lot: int = 5_000
    batch: int = 2_048
    remembered_answers: int = 50_000
    remembered_lots: int = 20_000
    drain_seconds: float = 0.5


class TokenBuckets:
    """One bucket a party: `burst` tokens, refilled at `per_second`. Full buckets are forgotten, so memory stays bounded."""

    def __init__(self, per_second: float, burst: int) -> None:
        self._per_second = per_second
        self._burst = float(burst)
        self._buckets: dict[int, tuple[float, float]] = {}

    def take(self, party_id: int, now_seconds: float) -> bool:
        """Take one token; False if there is none."""
        tokens, filled_at = self._buckets.get(party_id, (self._burst, now_seconds))
        tokens = min(self._burst, tokens + (now_seconds - filled_at) * self._per_second)
        if tokens < 1.0:
            return False
        self._buckets[party_id] = (tokens - 1.0, now_seconds)
        if len(self._buckets) > FORGET_ABOVE:
            self._forget_full(now_seconds)
        return True

    def _forget_full(self, now_seconds: float) -> None:
        full_after = self._burst / self._per_second
        self._buckets = {
            party_id: bucket for party_id, bucket in self._buckets.items() if now_seconds - bucket[1] < full_after
        }


class Shares:
    """How many bids each party has waiting on each lot. Holds only those who have one, so it is bounded by the queues."""

    def __init__(self, per_party: int) -> None:
        self._per_party = per_party
        self._waiting: Counter[tuple[int, int]] = Counter()

    def is_used_up(self, lot_id: int, party_id: int) -> bool:
        """Whether the party must wait for an answer before it bids again on this lot."""
        return self._waiting[lot_id, party_id] >= self._per_party

    def take(self, lot_id: int, party_id: int) -> None:
        """One more bid of the party waits."""
        self._waiting[lot_id, party_id] += 1

    def give_back(self, lot_id: int, party_id: int) -> None:
        """One of its bids has been answered."""
        place = (lot_id, party_id)
        self._waiting[place] -= 1
        if self._waiting[place] <= 0:
            del self._waiting[place]


def address_key(address: str) -> str:
    """One key for one subscriber: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:64]
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(IPv6Address(int(parsed) >> 64 << 64))
