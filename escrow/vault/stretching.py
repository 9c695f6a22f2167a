"""Argon2id off the event loop: few threads of the lowest rank, a bounded queue before them, and a clear answer when full.

TooBusy     more passphrases wait than the vault lets wait
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from escrow.vault import wrapping

WAITING = 64
NICENESS = 15


class TooBusy(Exception):
    """The queue of passphrases is full."""


class Stretcher:
    """Half of the machine's cores at most, so that bids and pages never wait for passphrases."""

    def __init__(self, *, workers: int | None = None, waiting: int = WAITING) -> None:
        workers = workers or max(1, (os.cpu_count() or 2) // 2)
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="argon2id", initializer=_step_back)
        self._free = workers + waiting

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """A place in the queue, taken before anything is counted. Raises TooBusy."""
        if self._free == 0:
            raise TooBusy
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1

    async def stretched(
        self, passphrase: str, salt: bytes, memory_kib: int = wrapping.MEMORY_KIB, iterations: int = wrapping.ITERATIONS
    ) -> bytes:
        """The key of a passphrase. The caller holds a place."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, wrapping.stretched, passphrase, salt, memory_kib, iterations)

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)


def _step_back() -> None:
    # On Linux this holds for the thread that calls it; elsewhere for the process, whose loop has little to do.
    os.nice(NICENESS)
