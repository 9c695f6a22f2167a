"""Times as people write them: on a clock of a named zone. To UTC and back; a time that the clock skips is no time."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

OFFERED_ZONES: tuple[str, ...] = (
    "UTC",
    "Asia/Shanghai",
    "Asia/Hong_Kong",
    "Asia/Taipei",
    "Asia/Singapore",
    "Asia/Tokyo",
    "Asia/Kuwait",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Paris",
    "America/New_York",
    "America/Chicago",
    "America/Los_Angeles",
    "Australia/Sydney",
)
"""The zones that the form offers; any other of the system's is taken as well."""


@cache
def zone_named(name: str) -> ZoneInfo | None:
    """The zone, or None when the system doesn't know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


@cache
def zones_known() -> tuple[str, ...]:
    """The offered zones that this system knows; UTC always."""
    return tuple(name for name in OFFERED_ZONES if name == "UTC" or zone_named(name) is not None)


def to_utc(typed: str, zone: str) -> datetime | None:
    """What a `datetime-local` box holds, as a time in UTC; None when it is no time, or one that the zone's clock skips.

    Of an hour that comes twice, in autumn, the first is meant.
    """
    clock = UTC if zone == "UTC" else zone_named(zone)
    try:
        wall = datetime.fromisoformat(typed.strip())
    except ValueError:
        return None
    if clock is None or wall.tzinfo is not None or not 2000 <= wall.year < 2200:
        return None
    at = wall.replace(tzinfo=clock).astimezone(UTC)
    return at if at.astimezone(clock).replace(tzinfo=None) == wall else None


def to_local(at: datetime, zone: str) -> str:
    """The time as a `datetime-local` box wants it, on the zone's clock; seconds only when there are any."""
    clock = UTC if zone == "UTC" else zone_named(zone) or UTC
    wall = at.astimezone(clock).replace(tzinfo=None, microsecond=0)
    return wall.isoformat(timespec="seconds" if wall.second else "minutes")
