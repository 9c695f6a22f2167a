"""A child process that is started again when it dies, ever more slowly if it can't live, until it is told to end.

For a command that is no event loop; the house's vault has a keeper of its own (`market/vault_keeper.py`).
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable

import structlog

FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.2, 30.0
STEADY_SECONDS = 30.0
"""A child that has lived so long starts its row of waits anew."""
log = structlog.get_logger("gavelhouse")


class ChildKeeper:
    """One child; `spawn` starts it. Looks like the process that it keeps: terminate, wait, kill."""

    def __init__(self, name: str, spawn: Callable[[], subprocess.Popen[bytes]]) -> None:
        self._name, self._spawn = name, spawn
        self._ended, self._lock = threading.Event(), threading.Lock()
        self._child = spawn()
        self._thread = threading.Thread(target=self._keep, name=f"{name} keeper", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        """The child that lives now, or the last one."""
        return self._child.pid

    def terminate(self) -> None:
        """Tell the child to end; it is not started again."""
        with self._lock:
            self._ended.set()
            self._child.terminate()

    def wait(self, seconds: float) -> None:
        """Raises subprocess.TimeoutExpired when the child lives on."""
        self._child.wait(seconds)

    def kill(self) -> None:
        self._child.kill()

    def _keep(self) -> None:
        wait_seconds = FIRST_WAIT_SECONDS
        while True:
            started_at = time.monotonic()
            status = self._child.wait()
            if self._ended.is_set():
                return
            wait_seconds = FIRST_WAIT_SECONDS if time.monotonic() - started_at > STEADY_SECONDS else wait_seconds
            log.error(
                "a process has ended and is started again", name=self._name, status=status, in_seconds=wait_seconds
            )
            if self._ended.wait(wait_seconds):
                return
            wait_seconds = min(wait_seconds * 2, LONGEST_WAIT_SECONDS)
            with self._lock:
                if self._ended.is_set():
                    return
                self._child = self._spawn()
