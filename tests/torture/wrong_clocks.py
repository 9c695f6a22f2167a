"""Processes whose wall clock we set, by libfaketime; their monotonic clock is left alone."""

from __future__ import annotations

import itertools
import os
from glob import glob
from pathlib import Path

LIBRARY = next(iter(sorted(glob("/usr/lib/*/faketime/libfaketimeMT.so.1"))), None)


class WrongClock:
    """A wall clock that can be set while the process runs."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "wrong-clock"
        self._numbers = itertools.count()
        self.set(0)

    def set(self, seconds: int) -> None:
        """From now on the clock shows so much more (or less) than the right time. Readers never see half a file."""
        new = self.file.with_suffix(f".{next(self._numbers)}")
        new.write_text(f"{seconds:+d}\n")
        os.chmod(new, 0o644)
        new.replace(self.file)

    @property
    def environment(self) -> dict[str, str]:
        """What a process is started with to live by this clock."""
        assert LIBRARY is not None
        return {
            "LD_PRELOAD": LIBRARY,
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }
