"""The house's days off: public holidays and the like, which are no working days beside Saturdays and Sundays."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

MOST_DAYS_OFF = 400
FROZEN_DAYS = 120
"""A new deal keeps the days off of so many days from its beginning; later ones are no matter of its clocks."""


class NoSuchDay(ValueError):
    """The message names what can't be read."""


def days_off(texts: Sequence[str]) -> tuple[date, ...]:
    """Days like `2026-10-01`, and spans like `2026-10-01..2026-10-07` with both ends, in order. Raises NoSuchDay."""
    found: set[date] = set()
    for text in texts:
        first_text, dots, last_text = (part.strip() for part in text.partition(".."))
        try:
            first = date.fromisoformat(first_text)
            last = date.fromisoformat(last_text) if dots else first
        except ValueError as error:
            raise NoSuchDay(f"{text!r} is no day like 2026-10-01, and no span like 2026-10-01..2026-10-07") from error
        if not first <= last < first + timedelta(days=MOST_DAYS_OFF):
            raise NoSuchDay(f"{text!r} ends before it begins, or after more than {MOST_DAYS_OFF} days")
        found |= {first + timedelta(days=n) for n in range((last - first).days + 1)}
    if len(found) > MOST_DAYS_OFF:
        raise NoSuchDay(f"{len(found)} days are too many, at most {MOST_DAYS_OFF}")
    return tuple(sorted(found))


def frozen(off: Sequence[date], begins: date) -> tuple[date, ...]:
    """Those that can matter to a deal that begins on that day."""
    return tuple(day for day in off if begins <= day <= begins + timedelta(days=FROZEN_DAYS) and day.weekday() < 5)
