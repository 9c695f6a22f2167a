"""The auction's modules under virtual time: their `time` is the loop's, their chance is seeded, their log is collected."""

from __future__ import annotations

import random
import secrets
import sys
import time
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog

from tests.simulation.virtual_loop import VirtualLoop

UNEXPECTED = frozenset({"judging_failed", "answer_not_delivered", "live_read_failed", "work_failed_while_stopping"})
"""Whoever says one of these with a traceback has met a mistake of ours, not a fault of the world's."""


class Clock:
    """What the auction asks of the module `time`."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def monotonic(self) -> float:
        return self._loop.microseconds / 1e6

    def monotonic_ns(self) -> int:
        return self._loop.microseconds * 1000

    def time(self) -> float:
        raise AssertionError("nothing in the auction may ask for this machine's wall clock")

    time_ns = time


class SeededSecrets:
    """What the auction asks of the module `secrets`, from the seed."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def randbelow(self, bound: int) -> int:
        return self._chance.randrange(bound)

    def token_bytes(self, count: int = 32) -> bytes:
        return self._chance.randbytes(count)

    def token_hex(self, count: int = 32) -> str:
        return self._chance.randbytes(count).hex()


@contextmanager
def virtual_time(loop: VirtualLoop, chance: random.Random) -> Iterator[list[str]]:
    """While this is entered the auction lives in the loop's time. Gives what it logs: the events' names, in order."""
    said: list[str] = []

    def collect(logger: Any, method: str, event: MutableMapping[str, Any]) -> Any:
        name = str(event["event"])
        said.append(name)
        if name in UNEXPECTED and event.get("exc_info"):
            loop.failures.append(f"{name}: {sys.exc_info()[1]!r}")
        raise structlog.DropEvent

    replaced: dict[str, Any] = {"time": (time, Clock(loop)), "secrets": (secrets, SeededSecrets(chance))}
    patched = [
        (module, name, real, virtual)
        for module_name, module in list(sys.modules.items())
        if module_name.startswith("auction.")
        for name, (real, virtual) in replaced.items()
        if getattr(module, name, None) is real
    ]
    former = structlog.get_config()
    structlog.configure(processors=[collect], cache_logger_on_first_use=False)
    for module, name, _, virtual in patched:
        setattr(module, name, virtual)
    try:
        yield said
    finally:
        for module, name, real, _ in patched:
            setattr(module, name, real)
        structlog.configure(**former)
