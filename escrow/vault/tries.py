"""How often a wallet's passphrase may be tried. Pure; the count lies in the database and outlives the vault."""

from __future__ import annotations

from datetime import datetime, timedelta

FREE_TRIES = 5
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(hours=1)


def blocked_until(wrong_tries: int, now: datetime) -> datetime | None:
    """From when on the next try is taken after so many wrong ones: at once at first, then later and later."""
    if wrong_tries < FREE_TRIES:
        return None
    doublings = min(wrong_tries - FREE_TRIES, 12)
    return now + min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT)
