"""The bounds of the bidding path: how fast a party may bid, and how much may wait. Full means refused, never dropped."""

from __future__ import annotations

from msgspec import Struct

FORGET_ABOVE = 50_000


class Limits(Struct, frozen=True, kw_only=True):
    """`bids_per_second` and `burst` are per party; the queues are per node and per lot; a batch is one statement."""

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
