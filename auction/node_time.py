"""This node's time: the database's clock, measured once and carried on by the monotonic clock.

A jump of this machine's wall clock changes nothing. Each 30 s the offset is measured again: a drift is followed slowly
(never backwards, at most half a millisecond in a second), a step is not followed but raises an alarm.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import structlog

from auction import store

if TYPE_CHECKING:
    from migrations.database import Pool

ROUND_TRIPS = 5
MEASURE_SECONDS = 30.0
STALE_SECONDS = 120.0
STEP_MICROSECONDS = 250_000
"""An offset that moved by more than this between two measurements is a step of a clock, not a drift of one."""
SLEW_MICROSECONDS_PER_SECOND = 500

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_log = structlog.get_logger()


def _monotonic_microseconds() -> int:
    return time.monotonic_ns() // 1000


class NodeTime:
    """The one source of `now` in the server. `stamp()` is taken where a frame enters and turned into a time later."""

    def __init__(self, offset_microseconds: int, monotonic: Callable[[], int] = _monotonic_microseconds) -> None:
        self._offset = offset_microseconds
        self._monotonic = monotonic
        self._measured_at = monotonic()
        self._latest = 0
        self.stepped = False

    @classmethod
    async def measured(cls, pool: Pool) -> NodeTime:
        """A clock set by the database. Raises asyncpg's and OS errors unchanged."""
        async with pool.acquire() as conn:
            offset = await measure_offset(partial(store.database_time, conn), _monotonic_microseconds)
        return cls(offset)

    def stamp(self) -> int:
        """Monotonic microseconds: cheap enough for each frame."""
        return self._monotonic()

    def at(self, stamp: int) -> datetime:
        """The time of a stamp."""
        return _EPOCH + timedelta(microseconds=stamp + self._offset)

    def now(self) -> datetime:
        """The time now; it never goes backwards."""
        self._latest = latest = max(self._latest, self._monotonic() + self._offset)
        return _EPOCH + timedelta(microseconds=latest)

    def seconds_until(self, moment: datetime) -> float:
        """How long the monotonic clock has to run until `moment`; negative once it has passed."""
        return (moment - self.now()).total_seconds()

    @property
    def healthy(self) -> bool:
        """False after a step, or when the database could not be asked for two minutes."""
        return not self.stepped and self._monotonic() - self._measured_at < STALE_SECONDS * 1e6

    def follow(self, offset_microseconds: int) -> None:
        """Take in a new measurement: drift a little towards it, or sound the alarm of a step and stay."""
        measured_at = self._monotonic()
        passed_seconds = (measured_at - self._measured_at) / 1e6
        self._measured_at = measured_at
        difference = offset_microseconds - self._offset
        self.stepped = abs(difference) > STEP_MICROSECONDS
        if self.stepped:
            _log.error("clock_stepped", difference_seconds=difference / 1e6)
            return
        most = int(SLEW_MICROSECONDS_PER_SECOND * passed_seconds)
        self._offset += max(-most, min(most, difference))

    async def run(self, pool: Pool) -> None:
        """Measure again each 30 s, for ever. A database that does not answer only makes the clock stale."""
        while True:
            await asyncio.sleep(MEASURE_SECONDS)
            try:
                async with pool.acquire() as conn:
                    self.follow(await measure_offset(partial(store.database_time, conn), self._monotonic))
            except store.CONNECTION_LOST as error:
                _log.warning("clock_not_measured", error=repr(error))


async def measure_offset(ask: Callable[[], Awaitable[datetime]], monotonic: Callable[[], int]) -> int:
    """Database time minus monotonic time in µs, by the round trip that was shortest: its middle is the least wrong."""
    shortest, offset = None, 0
    for _ in range(ROUND_TRIPS):
        sent = monotonic()
        answered = await ask()
        received = monotonic()
        if shortest is None or received - sent < shortest:
            shortest = received - sent
            offset = (answered - _EPOCH) // timedelta(microseconds=1) - (sent + received) // 2
    return offset
