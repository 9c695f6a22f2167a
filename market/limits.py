"""Token buckets for who knocks too often: per address for sign-in and registration, per account for passphrases.

Kept in this process and bounded; a node that restarts forgives. Knows no request.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from auction.limits import address_key

__all__ = ["PASSPHRASE", "REGISTER", "SIGN_IN", "Buckets", "Rate", "address_key"]

MOST_KEYS = 50_000


@dataclass(frozen=True, slots=True)
class Rate:
    """`burst` at once, then one each `seconds`."""

    name: str
    burst: int
    seconds: float


SIGN_IN = Rate("sign_in", 20, 6)
REGISTER = Rate("register", 20, 30)
# NIST SP 800-63B-4, 3.2.2: at most 100 failed attempts in a row; this allows far fewer in a day's quarter.
PASSPHRASE = Rate("passphrase", 10, 60)
# A code has a million values and three of them are good at a time; a passkey that fails is counted alike.
PHONE_PROOF = Rate("phone_proof", 5, 60)
LOG_FILES = Rate("log_files", 20, 6)


class Buckets:
    """All buckets of a node. The key that was asked for longest ago is forgotten when there are too many."""

    def __init__(self) -> None:
        self._full_at: OrderedDict[tuple[str, str], float] = OrderedDict()

    def take(self, rate: Rate, key: str, now: float) -> float:
        """Take one. 0: it was there; else the seconds until the next one is. `now` is any monotonic clock's seconds."""
        place = (rate.name, key)
        full_at = max(self._full_at.pop(place, now), now)
        wait = full_at + rate.seconds - now - rate.burst * rate.seconds
        if wait > 0:
            self._full_at[place] = full_at
            return wait
        self._full_at[place] = full_at + rate.seconds
        if len(self._full_at) > MOST_KEYS:
            self._full_at.popitem(last=False)
        return 0

    def give_back(self, rate: Rate, key: str) -> None:
        """Undo one `take`: it turned out to be a success, and only failures count."""
        place = (rate.name, key)
        if place in self._full_at:
            self._full_at[place] -= rate.seconds
