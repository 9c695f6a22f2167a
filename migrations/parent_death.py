"""Child processes that do not outlive this one: the kernel signals them when their parent dies, however it dies.

Linux only knows this (`PR_SET_PDEATHSIG`); elsewhere a child must be stopped by its parent.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1


def die_with_parent(signal_number: signal.Signals = signal.SIGTERM) -> Callable[[], None]:
    """A `preexec_fn` for `subprocess.Popen`. Spawn from the main thread: the signal follows the thread that spawned."""
    if not sys.platform.startswith("linux"):
        return lambda: None
    parent = os.getpid()
    libc = ctypes.CDLL(None, use_errno=True)

    def before_exec() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(signal_number))
        # The parent may have died between the fork and the line above.
        if os.getppid() != parent:
            os._exit(1)

    return before_exec


def end_with(parent: int) -> None:
    """The same from the child's side, for one that was started without a `preexec_fn`: from now on it ends with `parent`."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))
    # It may have died before the line above.
    if os.getppid() != parent:
        sys.exit(1)
