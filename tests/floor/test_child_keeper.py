"""A child that dies is started again; one that is told to end stays dead."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from market.child_keeper import ChildKeeper


def _sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])


def test_a_killed_child_is_started_again_and_an_ended_one_is_not() -> None:
    started: list[int] = []

    def spawn() -> subprocess.Popen[bytes]:
        child = _sleeper()
        started.append(child.pid)
        return child

    keeper = ChildKeeper("a sleeper", spawn)
    for lives in (1, 2):
        os.kill(keeper.pid, signal.SIGKILL)
        _wait_for(started, lives + 1)
    assert len(set(started)) == 3
    keeper.terminate()
    keeper.wait(10)
    _until(lambda: not keeper._thread.is_alive())
    assert len(started) == 3
    with pytest.raises(ProcessLookupError):
        os.kill(started[-1], 0)


def _wait_for(started: list[int], number: int) -> None:
    _until(lambda: len(started) >= number)


def _until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.01)
