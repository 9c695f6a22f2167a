"""The node's time: the database's clock carried on by the monotonic one, whatever the wall clock does."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from auction import node_time, store
from auction.node_time import SLEW_MICROSECONDS_PER_SECOND, STALE_SECONDS, NodeTime, measure_offset

if TYPE_CHECKING:
    from migrations.database import Pool

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SECOND = 1_000_000
OFFSET = (START - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


class Monotonic:
    """A monotonic clock in µs that goes on when told, and while the database is asked."""

    def __init__(self) -> None:
        self.at = 0

    def __call__(self) -> int:
        return self.at


@pytest.fixture
def monotonic() -> Monotonic:
    return Monotonic()


@pytest.fixture
def clock(monotonic: Monotonic) -> NodeTime:
    return NodeTime(OFFSET, monotonic)


def test_the_monotonic_clock_carries_the_time_on(clock: NodeTime, monotonic: Monotonic) -> None:
    stamp = clock.stamp()
    monotonic.at += 90 * SECOND
    assert (clock.at(stamp), clock.now()) == (START, START + timedelta(seconds=90))
    assert clock.seconds_until(START + timedelta(seconds=100)) == 10
    assert clock.seconds_until(START) == -90


async def test_it_is_the_databases_time(pool: Pool) -> None:
    clock = await NodeTime.measured(pool)
    async with pool.acquire() as conn:
        before, at, after = clock.now(), await store.database_time(conn), clock.now()
    assert before - timedelta(milliseconds=20) <= at <= after + timedelta(milliseconds=20)
    assert clock.healthy


@pytest.mark.parametrize("jump", [timedelta(days=1), timedelta(days=-1)])
async def test_a_jump_of_the_wall_clock_changes_nothing(
    pool: Pool, jump: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = await NodeTime.measured(pool)
    before, wall, wall_ns = clock.now(), time.time, time.time_ns

    class Jumped(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]  # the zone alone is ever given
            return datetime.now(UTC) + jump

    monkeypatch.setattr(time, "time", lambda: wall() + jump.total_seconds())
    monkeypatch.setattr(time, "time_ns", lambda: wall_ns() + int(jump.total_seconds() * 1e9))
    monkeypatch.setattr(node_time, "datetime", Jumped)
    assert timedelta() <= clock.now() - before < timedelta(seconds=5)
    assert timedelta() <= clock.at(clock.stamp()) - before < timedelta(seconds=5)
    async with pool.acquire() as conn:
        clock.follow(await measure_offset(lambda: store.database_time(conn), clock.stamp))
    assert clock.healthy and timedelta() <= clock.now() - before < timedelta(seconds=5)


@pytest.mark.parametrize("step", [SECOND, -SECOND, 3600 * SECOND])
def test_a_step_of_the_databases_clock_is_not_followed_but_raises_the_alarm(
    clock: NodeTime, monotonic: Monotonic, step: int, capsys: pytest.CaptureFixture[str]
) -> None:
    monotonic.at += 30 * SECOND
    clock.follow(OFFSET + step)
    assert not clock.healthy and "clock_stepped" in capsys.readouterr().out
    assert clock.now() == START + timedelta(seconds=30)
    clock.follow(OFFSET)
    assert clock.healthy, "the clock was put right"


@pytest.mark.parametrize("drift", [100_000, -100_000])
def test_a_drift_is_followed_slowly(clock: NodeTime, monotonic: Monotonic, drift: int) -> None:
    monotonic.at += 30 * SECOND
    clock.follow(OFFSET + drift)
    moved = (clock.now() - START - timedelta(seconds=30)) // timedelta(microseconds=1)
    assert moved == (1 if drift > 0 else -1) * 30 * SLEW_MICROSECONDS_PER_SECOND
    for _ in range(10):
        monotonic.at += 30 * SECOND
        clock.follow(OFFSET + drift)
    assert clock.healthy and clock.now() == START + timedelta(seconds=330, microseconds=drift)


def test_the_time_never_goes_backwards(clock: NodeTime, monotonic: Monotonic) -> None:
    monotonic.at += 60 * SECOND
    before = clock.now()
    clock.follow(OFFSET - 200_000)
    assert clock.now() == before
    monotonic.at += SECOND
    assert clock.now() > before


def test_a_clock_that_has_not_been_measured_for_long_is_not_in_order(clock: NodeTime, monotonic: Monotonic) -> None:
    monotonic.at += int(STALE_SECONDS) * SECOND - 1
    assert clock.healthy
    monotonic.at += 1
    assert not clock.healthy


async def test_the_shortest_round_trip_decides(monotonic: Monotonic) -> None:
    waits = iter([(40_000, 0), (500_000, 9_000), (1_000, 1_000), (0, 80_000), (7_000, 300_000)])

    async def ask() -> datetime:
        there, back = next(waits)
        monotonic.at += there
        answer = START + timedelta(microseconds=monotonic.at)
        monotonic.at += back
        return answer

    assert await measure_offset(ask, monotonic) == OFFSET
